"""MongoDB as a target: the follower's checkpoint first, then documents, in one snapshot transaction.

Conflict rows stand in MySQL; they commit just before MongoDB does, so that a crash leaves a document held, never lost.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from bson import Binary, json_util
from bson.timestamp import Timestamp
from pymongo import ReadPreference, WriteConcern
from pymongo.client_session import ClientSession
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

from sync.errors import ConfigError, Contention, Fenced, LeaseHeld, LockstepError, UnmappableDocument
from sync.holder import is_gone, this_process
from sync.model.assembler import Assembler, assemblers
from sync.model.change import ConflictKind, DocumentId, DocumentRows, Hold, Places, Side, Value
from sync.model.clocks import ClockReading
from sync.model.lens import bson_id, document_key, empty_rows
from sync.model.mapping import CollectionMapping, SyncMapping
from sync.model.plan import DocumentPlan, plan
from sync.model.position import Checkpoint, Position, StreamPosition
from sync.model.shredder import Shredder, Touched, shredders
from sync.mongo.server import CHECKPOINTS, CODEC, Client, Document, MongoSettings, connect, translated
from sync.mongo.writing_apart import Planned, WritingApart, operation
from sync.ports import Apart, ConflictDatabase, ConflictStore, ConflictTransaction, Current, DocumentWrite

#: Milliseconds; by MongoDB's clock.
LEASE = 6_000
#: How far the clocks of a replica set's members may be apart; only how much of the log is looked at depends on it.
CLOCKS = timedelta(seconds=5)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Seconds that looking for the last write in the log may take.
LOOKING = 2.0
#: Documents of one answer to a reading, and of one part of a writing.
_READ, _PART = 10_000, 250
_Operation = Any  # one of pymongo's operation classes
#: Collection -> deletes, updates, inserts.
_ByCollection = dict[str, tuple[list[_Operation], list[_Operation], list[_Operation]]]


class MongoTarget:
    """Implements `sync.ports.Target`."""

    side = Side.MONGO

    def __init__(self, settings: MongoSettings, mapping: SyncMapping, conflicts: ConflictDatabase) -> None:
        self._settings = settings
        self._mapping = mapping
        self._conflicts = conflicts
        self._shredders = shredders(mapping)
        self._assemblers = assemblers(mapping)
        self._client: Client | None = None
        self._session: ClientSession | None = None

    def checkpoint(self) -> Checkpoint:
        """See the port."""
        return _checkpoint(self._stored())

    def take_lease(self, *, force: bool = False, last_write: bool = True) -> tuple[Checkpoint, Position | None]:
        """See the port."""
        self._conflicts.begin().rollback()  # connected now: the first change would wait for it
        stored = self._stored()
        before = _checkpoint(stored)
        holder = stored["holder"]
        if stored["runs"] and not force and not is_gone(holder):
            raise LeaseHeld(f"held by process {holder.get('pid')} on {holder.get('host')}")
        self._end_dead(holder)
        session = self._session_of()
        lsid = bytes(session.session_id["id"]).hex()
        mine = this_process(lsid)
        after = before.next(lease=str(uuid.uuid4()))
        with translated():
            moved = self._checkpoints().update_one(
                {"_id": "follower", "seq": before.seq, "lease": before.lease},
                _move(after, LEASE, holder=mine),
                session=session,
            )
        if moved.matched_count == 0:
            raise LeaseHeld("another process took the lease at the same moment")
        return after, (self._last_write(stored, after) if last_write else None) or _place(session)

    def _last_write(self, before: Document, after: Checkpoint) -> Position | None:
        """Where the log has the write that left the checkpoint as `before`, the last one before the lease `after` was
        taken: nothing of a predecessor's came later. None where the log does not tell (any more)."""
        since = before["renewed_at"].replace(tzinfo=UTC) - CLOCKS
        written = "updateDescription.updatedFields"
        last = {f"{written}.seq": before["seq"], f"{written}.renewed_at": before["renewed_at"]}
        wanted = {"$or": [last, {f"{written}.seq": after.seq, f"{written}.lease": after.lease}]}
        deadline = time.monotonic() + LOOKING
        try:
            with (
                translated(),
                self._checkpoints().watch(
                    [{"$match": wanted}],
                    start_at_operation_time=Timestamp(int(since.timestamp()), 1),
                    max_await_time_ms=20,
                ) as stream,
            ):
                while time.monotonic() < deadline:
                    event = stream.try_next()
                    if event is not None:
                        found = event["updateDescription"]["updatedFields"]["seq"] == before["seq"]
                        moment = event["clusterTime"]
                        return StreamPosition(time=moment.time, increment=moment.inc) if found else None
        except LockstepError:
            pass  # the lease is taken: its own place stands in
        return None

    def release_lease(self, checkpoint: Checkpoint) -> None:
        """See the port."""
        try:
            with translated():
                self._checkpoints().update_one(
                    {"_id": "follower", "seq": checkpoint.seq - 1, "lease": checkpoint.lease}, _move(checkpoint, 0)
                )
        except LockstepError as error:
            if not error.retryable:
                raise
            # then it ends by itself

    def begin(self, checkpoint: Checkpoint) -> MongoTransaction:
        """See the port."""
        session = self._session_of()
        with translated():
            if session.in_transaction:
                session.abort_transaction()
            session.start_transaction(
                read_concern=ReadConcern("snapshot"),
                write_concern=WriteConcern("majority"),
                read_preference=ReadPreference.PRIMARY,
            )
        transaction = MongoTransaction(
            self._opened(),
            self._settings,
            session,
            self._mapping,
            self._conflicts,
            self._shredders,
            self._assemblers,
        )
        try:
            with translated():
                moved = self._checkpoints().update_one(
                    {"_id": "follower", "seq": checkpoint.seq - 1, "lease": checkpoint.lease},
                    _move(checkpoint, LEASE),
                    session=session,
                )
        except LockstepError:
            transaction.rollback()
            raise
        if moved.matched_count == 0:
            transaction.rollback()
            raise Fenced("another copy of the follower has taken the lease")
        return transaction

    def clock(self) -> ClockReading:
        """See `sync.ports.Clock`. The server tells whole milliseconds."""
        with translated():
            admin = self._opened().admin
            asked = time.monotonic_ns() // 1000
            said = admin.command("hello")["localTime"].replace(tzinfo=UTC)
            answered = time.monotonic_ns() // 1000
        return ClockReading(
            asked=asked, answered=answered, said=(said - _EPOCH) // timedelta(microseconds=1), step=1000
        )

    def close(self) -> None:
        """See the port."""
        session, self._session = self._session, None
        client, self._client = self._client, None
        self._conflicts.close()
        try:
            if session is not None:
                session.end_session()
        except PyMongoError:
            pass  # a broken session ends with its server
        if client is not None:
            client.close()

    def _opened(self) -> Client:
        if self._client is None:
            self._client = connect(self._settings)
        return self._client

    def _stored(self) -> Document:
        """The checkpoint's document and, by the server's clock, whether its lease `runs`: one reading."""
        runs = {"$set": {"runs": {"$gt": ["$lease_until", "$$NOW"]}}}
        with translated():
            found: list[Document] = list(self._checkpoints().aggregate([{"$match": {"_id": "follower"}}, runs]))
        if not found:
            raise ConfigError("MongoDB holds no checkpoint of the follower", hint="lockstep setup")
        return found[0]

    def _checkpoints(self) -> Any:
        return self._opened()[self._settings.database][CHECKPOINTS]

    def _session_of(self) -> ClientSession:
        """One session for all transactions: its id stands with the lease, so that a successor can end it."""
        if self._session is None:
            with translated():
                self._session = self._opened().start_session(causal_consistency=True)
        return self._session

    def _end_dead(self, holder: Mapping[str, object]) -> None:
        """End a dead holder's session: its open transaction would keep the checkpoint locked for up to a minute."""
        text = str(holder.get("session", ""))
        if len(text) == 32:
            with translated():
                self._opened().admin.command("killSessions", [{"id": Binary(bytes.fromhex(text), 4)}])


class MongoTransaction:
    """Implements `sync.ports.TargetTransaction`."""

    def __init__(
        self,
        client: Client,
        settings: MongoSettings,
        session: ClientSession,
        mapping: SyncMapping,
        conflicts: ConflictDatabase,
        shredders: Mapping[str, Shredder],
        assemblers: Mapping[str, Assembler],
    ) -> None:
        self._database = client.get_database(settings.database, codec_options=CODEC)
        self._session = session
        self._mapping = mapping
        self._shredders = shredders
        self._assemblers = assemblers
        self._conflict_database = conflicts
        self._rows: ConflictTransaction | None = None
        #: As read in this transaction; None where absent.
        self._documents: dict[DocumentId, Document | None] = {}

    @property
    def conflicts(self) -> ConflictStore:
        """See the port."""
        if self._rows is None:
            self._rows = self._conflict_database.begin()
        return self._rows

    def read(
        self, needs: Mapping[DocumentId, frozenset[str]], places: Mapping[DocumentId, Places] | None = None
    ) -> Mapping[DocumentId, Current]:
        """See the port. An array has no gaps, so the places asked for will do."""
        by_collection: dict[str, list[DocumentId]] = {}
        for document in needs:
            by_collection.setdefault(document.collection, []).append(document)
        nowhere: dict[DocumentId, Hold] = {}
        for name, documents in by_collection.items():
            collection = self._mapping.collections[name]
            keys, without = ids_of(collection, documents)
            nowhere |= without
            found: dict[DocumentId, Document | None] = dict.fromkeys(documents)
            with translated():
                for stored in self._database[name].find(
                    {"_id": {"$in": keys}}, session=self._session, batch_size=_READ
                ):
                    found[DocumentId(name, document_key(collection, stored["_id"]))] = stored
            self._documents.update(found)
        places = places or {}
        return {
            document: self._current(
                document, Touched(tables=tables, places=places.get(document, {})), nowhere.get(document)
            )
            for document, tables in needs.items()
        }

    def _current(self, document: DocumentId, wanted: Touched, nowhere: Hold | None) -> Current:
        stored = self._documents[document]
        rows, problem = shredded(self._shredders[document.collection], document.key, stored, wanted)
        return as_current(rows, problem or nowhere, stored, frozenset(wanted.places))

    def write(self, writes: Iterable[DocumentWrite]) -> None:
        """See the port. In parts: while MongoDB is at one, the next is made."""
        sent: Future[None] | None = None
        with ThreadPoolExecutor(1) as sender:  # starts no thread before it is asked
            for part in _parts(writes):
                operations = self._operations(part)
                if sent is not None:
                    sent.result()
                sent = None
                if len(part) < _PART:
                    self._send(operations)
                else:
                    sent = sender.submit(self._send, operations)
        if sent is not None:
            sent.result()

    def _operations(self, writes: Iterable[DocumentWrite]) -> _ByCollection:
        operations: _ByCollection = {}
        for write in writes:
            kind, operation = self._operation(write)
            if operation is not None:
                operations.setdefault(write.document.collection, ([], [], []))[kind].append(operation)
        return operations

    def _send(self, operations: _ByCollection) -> None:
        for name, (deletes, updates, inserts) in operations.items():
            with translated():
                done = self._database[name].bulk_write([*deletes, *updates, *inserts], session=self._session)
            if done.deleted_count != len(deletes) or done.matched_count != len(updates):
                raise Contention("documents changed between reading and writing them")

    def fill(self, collection: str, documents: Mapping[DocumentId, DocumentRows]) -> bool:
        """See the port."""
        assembler = self._assemblers[collection]
        try:
            made = [assembler.document(document.key, rows) for document, rows in documents.items()]
        except UnmappableDocument:
            return False
        new = [document for document in made if document is not None]
        if len(new) < len(made):
            return False
        with translated():
            between = {"_id": {"$gte": new[0]["_id"], "$lte": new[-1]["_id"]}}
            if self._database[collection].find_one(between, {"_id": 1}, session=self._session) is not None:
                return False
            self._database[collection].insert_many(new, session=self._session)
        return True

    def write_apart(self, writes: Sequence[DocumentWrite]) -> Apart:
        """See the port."""
        planned = {
            write.document: Planned(
                plan=self._plan(write), stored=self._documents[write.document], where=self._where(write.document)
            )
            for write in writes
        }
        return WritingApart(self._database, self._mapping, self._session).run(planned)

    def commit(self) -> Position | None:
        """See the port."""
        if self._rows is not None:
            self._rows.commit()
            self._rows = None
        with translated():
            self._session.commit_transaction()
        return _place(self._session)

    def rollback(self) -> None:
        """See the port."""
        if self._rows is not None:
            self._rows.rollback()
            self._rows = None
        try:
            if self._session.in_transaction:
                self._session.abort_transaction()
        except PyMongoError:
            pass  # the server ends it: nothing was committed

    def _operation(self, write: DocumentWrite) -> tuple[int, _Operation | None]:
        """Deletes are 0, updates 1, inserts 2."""
        return operation(self._plan(write), self._where(write.document))

    def _plan(self, write: DocumentWrite) -> DocumentPlan | None:
        collection = self._mapping.collections[write.document.collection]
        return plan(collection, write.document.key, write.before, write.after, self._documents[write.document])

    def _where(self, document: DocumentId) -> Document:
        stored = self._documents[document]
        collection = self._mapping.collections[document.collection]
        return {"_id": bson_id(collection, document.key) if stored is None else stored["_id"]}


def _parts(writes: Iterable[DocumentWrite]) -> Iterator[list[DocumentWrite]]:
    rest = iter(writes)
    while part := list(islice(rest, _PART)):
        yield part


def ids_of(
    collection: CollectionMapping, documents: Iterable[DocumentId]
) -> tuple[list[object], dict[DocumentId, Hold]]:
    """The `_id`s of documents, and why some can have none: MySQL holds a key that no `_id` of the mapping's type can be."""
    ids: list[object] = []
    without: dict[DocumentId, Hold] = {}
    for document in documents:
        try:
            ids.append(bson_id(collection, document.key))
        except UnmappableDocument as error:
            without[document] = Hold(kind=ConflictKind.UNMAPPABLE_DOCUMENT, reason=error.message)
    return ids, without


def shredded(
    shredder: Shredder, key: Value, stored: Document | None, wanted: Touched | None = None
) -> tuple[DocumentRows, Hold | None]:
    """The rows of a stored document with this key (None: all), or why it has none; no rows for an absent one."""
    problem = None
    if stored is not None:
        try:
            return shredder.rows(key, stored, wanted), None
        except UnmappableDocument as error:
            problem = Hold(kind=ConflictKind.UNMAPPABLE_DOCUMENT, reason=error.message)
    return empty_rows(shredder.collection, wanted.tables if wanted else None), problem


def as_current(
    rows: DocumentRows, problem: Hold | None, stored: Document | None, partial: frozenset[str] = frozenset()
) -> Current:
    """A document as it stands; where it has a problem, with what stands there as text."""
    return Current(rows, problem, json_util.dumps(stored) if problem and stored else "", partial)


def _checkpoint(stored: Document) -> Checkpoint:
    return Checkpoint.from_json(int(stored["seq"]), stored["lease"], stored)


def _move(after: Checkpoint, milliseconds: int, *, holder: Mapping[str, object] | None = None) -> list[Document]:
    """The update that moves the checkpoint. A pipeline, for only that knows the server's clock; values are literals,
    since text that begins with "$" would be a path there."""
    mark = after.mark.to_text() if after.mark else None
    fields: dict[str, object] = {"seq": after.seq, "lease": after.lease, "mark": mark, **after.to_json()}
    if holder is not None:
        fields["holder"] = dict(holder)
    literal: Document = {name: {"$literal": value} for name, value in fields.items()}
    literal["renewed_at"] = "$$NOW"
    literal["lease_until"] = {"$add": ["$$NOW", milliseconds]}
    return [{"$set": literal}]


def _place(session: ClientSession) -> StreamPosition | None:
    moment = session.operation_time
    return StreamPosition(time=moment.time, increment=moment.inc) if moment else None
