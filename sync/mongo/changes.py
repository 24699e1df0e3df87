"""The change stream as a source: each event's document before and after, shredded and compared, is a list of row changes.

The stream is read with the server's own commands (aggregate, getMore) instead of the driver's cursor: the end of a
transaction shows only in the shape of a batch (how many events of how many were asked for), which the driver hides, and
it would resume by itself.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

import bson
from bson import Int64, Timestamp
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import OperationFailure, PyMongoError

from sync.errors import (
    CheckpointWrittenByOther,
    LockstepError,
    MongoAway,
    SchemaChanged,
    SourceBehind,
    UnknownEvent,
    UnmappableDocument,
)
from sync.model.change import (
    CollectionState,
    ConflictKind,
    DocumentId,
    Entry,
    Hold,
    Origin,
    RowChange,
    Side,
    StructureChange,
    Transaction,
    Value,
)
from sync.model.lens import document_key
from sync.model.mapping import CollectionMapping, OnTruncate, SyncMapping
from sync.model.position import Known, Mark, Position, StreamPosition, reached
from sync.model.shredder import Touched, shredders, touched
from sync.mongo.accounts import session_uid
from sync.mongo.asked import Asked
from sync.mongo.schema import collections, has_images
from sync.mongo.server import CHECKPOINTS, CODEC, Client, Document, MongoSettings, connect, translated

#: Events asked for at once; a batch of fewer, under this many bytes, holds all that there was.
BATCH, FULL_BYTES = 1000, 12_000_000
#: Milliseconds that the server waits for events: while a transaction's end is not known, and else.
SHORT, LONG = 20, 250
#: A transaction of more events, or more bytes of memory, is delivered in parts.
PART_EVENTS, PART_BYTES = 10_000, 8 << 20
#: Bytes of memory that a row change takes beside its values.
_CHANGE = 700
#: How often a reply without events is waited out, for an event that is known to be there.
_TRIES = 40
#: Seconds between positions of a stream without events.
PROGRESS = 0.5
#: BSONObjectTooLarge: an event with both images is over 16 MB; the batch is lost and the cursor with it.
_TOO_LARGE = 10334
#: ChangeStreamFatalError: the event of a resume token is not in the oplog.
_NO_SUCH_EVENT = 280
_EPOCH, _MICROSECOND = datetime(1970, 1, 1), timedelta(microseconds=1)  # noqa: DTZ001 - as decoded: naive, UTC

_RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
_EVENTS = ("insert", "update", "replace", "delete")
#: The images of an event.
_AFTER, _BEFORE = "fullDocument", "fullDocumentBeforeChange"
#: What happens to a collection as a whole, and what ends the database.
_STRUCTURE, _ENDS = ("drop", "rename"), ("dropDatabase", "invalidate")
#: What makes an event large, left out; the tag of a checkpoint stays.
_NARROW: list[Document] = [
    {"$unset": [_AFTER, _BEFORE]},
    {"$set": {"updateDescription": {"$cond": [{"$eq": ["$ns.coll", CHECKPOINTS]}, "$updateDescription", "$$REMOVE"]}}},
]


class _Event(NamedTuple):
    """One event, its place, and when it was written (microseconds since the epoch)."""

    shown: Document
    place: StreamPosition
    committed_at: int


class _EventTooLarge(Exception):
    """The next event does not fit into a reply."""


class ChangeStreamSource:
    """Implements `sync.ports.Source` for MongoDB."""

    side = Side.MONGO
    resolution = 1000

    def __init__(
        self,
        settings: MongoSettings,
        mapping: SyncMapping,
        *,
        other: str = "follower",
        spared: str = "",
        part_events: int = PART_EVENTS,
        part_bytes: int = PART_BYTES,
    ) -> None:
        """`other` is the worker whose checkpoint stands in MongoDB. `spared`: its account, where nobody else uses that;
        the server then leaves out of the stream what it writes beside its checkpoint."""
        self._settings = settings
        self._mapping = mapping
        self._other = other
        self._spared = spared
        self._part_events, self._part_bytes = part_events, part_bytes
        self._client: Client | None = None
        self._session: ClientSession | None = None
        self._cursor = 0
        self._coming: Asked[Any] | None = None
        self._shredders = shredders(mapping)
        #: Events of the last reply that were not looked at yet; whether more stood behind them, and how far it reached.
        self._raw: deque[bytes] = deque()
        self._full, self._token = False, ""
        self._ready: deque[Transaction] = deque()
        self._failure: LockstepError | None = None

    def start(self, position: Position, rows_done: int, known: Known) -> None:
        """See the port."""
        assert isinstance(position, StreamPosition)
        self.close()
        self._coming = None
        self._client = connect(self._settings)
        self._position = position
        self._end = position
        self._known = known
        self._skip = rows_done
        self._raw.clear()
        self._ready.clear()
        self._failure = None
        self._met = ""
        self._wide, self._batch = True, BATCH
        self._forget()
        self._progress_at = time.monotonic()
        with translated():
            self._session = self._client.start_session()
        now = operation_time(self._client, self._settings, self._session)
        if not reached(now, StreamPosition(time=position.time, increment=position.increment)):
            raise SourceBehind("MongoDB's oplog ends before the applied position")
        self._check_applied()
        self._open()

    def read(self, timeout: float) -> Transaction | None:
        """See the port. What ended before a stop is delivered before the stop is raised."""
        deadline = time.monotonic() + timeout
        while not self._ready:
            if self._failure:
                raise self._failure
            try:
                events = self._more()
            except LockstepError as error:
                self._failure = error
                continue
            if not events and not self._ready and time.monotonic() >= deadline:
                return None
        return self._ready.popleft()

    def close(self) -> None:
        """See the port."""
        session, self._session = self._session, None
        client, self._client = self._client, None
        try:
            if session is not None:
                session.end_session()
            if client is not None:
                client.close()
        except PyMongoError:
            return

    def _check_applied(self) -> None:
        """What was applied must be there still: the follower's checkpoint, and the event at the applied position."""
        client = self._client
        assert client is not None
        database = client.get_database(self._settings.database)
        with translated():
            stored = database[CHECKPOINTS].find_one({"_id": self._other}, {"seq": True})
        if stored is not None and int(stored["seq"]) < self._known.seq:
            raise SourceBehind(f"the {self._other}'s checkpoint in MongoDB is older than what was already read of it")
        if self._position.token and not _holds(database, self._position.token, self._session):
            raise SourceBehind("MongoDB's oplog does not hold the event that was applied last")

    # The stream.

    def _open(self) -> None:
        """The stream's own cursor."""
        self._cursor = self._opened([] if self._wide else _NARROW)

    def _opened(self, stages: list[Document]) -> int:
        """A cursor from the applied position on; once an event was met, from just after it (the pipeline still shows that
        event)."""
        watched = [*self._mapping.collections, CHECKPOINTS]
        start = self._position
        place: Document = {"startAtOperationTime": Timestamp(start.time, max(start.increment, 1))}
        if self._met:
            place = {"resumeAfter": {"_data": self._met}}
        stream = {_AFTER: "whenAvailable", _BEFORE: "whenAvailable", **place}
        wanted = {
            "$or": [
                {"ns.coll": {"$in": watched}},
                {"to.coll": {"$in": watched}},
                {"operationType": {"$in": ["dropDatabase", "invalidate"]}},
            ]
        }
        pipeline: list[Document] = [{"$changeStream": stream}, {"$match": wanted}]
        if self._spared:
            others = {"lsid.uid": {"$ne": session_uid(self._spared)}}
            pipeline.append({"$match": {"$or": [others, {"ns.coll": CHECKPOINTS}]}})
        reply = self._command({"aggregate": 1, "pipeline": [*pipeline, *stages], "cursor": {"batchSize": 0}})
        return int(reply["cursor"]["id"])

    def _more(self) -> int:
        """Look at a batch up to the first transaction or part that it completes; how many events are looked at or left."""
        if not self._raw:
            try:
                self._fetch()
            except _EventTooLarge:
                self._step_over()
                return 1
        count = len(self._raw)
        while self._raw and not self._ready:
            raw = self._raw.popleft()
            event = bson.decode(raw, CODEC)
            self._take(event if self._wide else self._with_images(event), len(raw))
        if not self._raw:
            self._looked_at(count)
        return count

    def _fetch(self) -> None:
        """The next batch; where more stands behind it, that is asked for at once."""
        coming, self._coming = self._coming, None
        reply = coming.answer() if coming else self._command(self._get_more(SHORT if self._count else LONG))
        cursor = reply["cursor"]
        self._raw.extend(raw.raw for raw in cursor["nextBatch"])
        self._cursor = int(cursor["id"])
        self._token = str(cursor["postBatchResumeToken"]["_data"])
        self._full = len(self._raw) >= self._batch or sum(map(len, self._raw)) >= FULL_BYTES
        if self._full and self._wide and self._cursor:
            self._coming = Asked(self._asking(self._get_more(SHORT)))

    def _with_images(self, event: Document) -> Document:
        """An event that was read without its images, with each that a stream of its own can show."""
        images = {
            name: self._image(event["_id"]["_data"], name, other)
            for name, other in ((_AFTER, _BEFORE), (_BEFORE, _AFTER))
        }
        return event | {name: image for name, image in images.items() if image is not None}

    def _image(self, token: str, name: str, other: str) -> Any:
        """One image of the event with this token, which is among the next that come; None where it has none, or fits no
        reply even so."""
        cursor = self._opened([{"$unset": [other, "updateDescription"]}])
        found: list[RawBSONDocument] = []
        try:
            for _ in range(_TRIES):
                reply = self._command({**self._get_more(LONG), "getMore": Int64(cursor)})
                found = [event for event in reply["cursor"]["nextBatch"] if event["_id"]["_data"] == token]
                if found:
                    break
        except _EventTooLarge:
            return None
        self._command({"killCursors": "$cmd.aggregate", "cursors": [Int64(cursor)]})
        return bson.decode(found[0].raw, CODEC).get(name) if found else None

    def _looked_at(self, count: int) -> None:
        """The last `count` events of a batch were looked at."""
        if not self._full:
            self._finish()
        if not count:
            self._progress(self._token)
        elif not self._wide:  # stepped over
            self._wide, self._batch = True, BATCH
            self._open()
        elif not self._cursor:
            raise UnknownEvent("MongoDB ended the change stream")

    def _get_more(self, milliseconds: int) -> Document:
        return {
            "getMore": Int64(self._cursor),
            "collection": "$cmd.aggregate",
            "batchSize": self._batch,
            "maxTimeMS": milliseconds,
        }

    def _step_over(self) -> None:
        """An event with its images is over 16 MB. Read up to it one by one, then it alone without images; these are read
        apart."""
        if not self._wide:
            raise UnknownEvent("MongoDB: an event is over 16 MB even without images")
        if self._batch == 1:
            self._wide = False
        self._batch = 1
        self._open()

    def _command(self, command: Document) -> Any:
        return self._asking(command)()

    def _asking(self, command: Document) -> Callable[[], Any]:
        """To be called later, perhaps in another thread: it stays with the connection of now."""
        client = self._client
        if client is None:
            raise MongoAway("the change stream is closed")
        return partial(_ask, client.get_database(self._settings.database), self._session, command)

    def _progress(self, token: str) -> None:
        """A position for a quiet stream: where the server has read to. Nothing of ours stood before it."""
        now = time.monotonic()
        if now - self._progress_at < PROGRESS or self._count:
            return
        self._progress_at = now
        position = token_position(token)
        if position and not reached(self._end, position):
            self._end = position
            self._ready.append(Transaction(entries=(), position=position, known=self._known))

    # Events, grouped into transactions.

    def _forget(self) -> None:
        """Nothing of a transaction is gathered."""
        self._entries: list[Entry] = []
        self._group: object = None
        self._tag: Known | None = None
        self._mark: Mark | None = None
        self._lease_taken = False
        #: Events of the transaction; those, and the memory they take, since the last part.
        self._count = self._events = self._bytes = 0
        self._first_user: StreamPosition | None = None
        self._last: _Event | None = None
        self._structure: dict[str, StructureChange] = {}

    def _take(self, event: Document, size: int) -> None:
        place = event_position(event)
        self._met = place.token
        if self._position.token:
            if place.token <= self._position.token:
                return
        elif reached(self._position, place):
            return
        group = _group(event)
        if self._count and (group is None or group != self._group):
            self._finish()
        kind, name = event["operationType"], event.get("ns", {}).get("coll")
        if kind not in _EVENTS:
            self._whole(event, place, [name, event.get("to", {}).get("coll")])
            return
        self._group = group
        self._gather(_Event(event, place, _wall_time(event)), name, size)
        if group is None:
            self._finish()

    def _whole(self, event: Document, place: StreamPosition, names: list[str | None]) -> None:
        """An event about a collection as a whole, by its old name and its new one."""
        kind, mapped = event["operationType"], [one for one in names if one and one in self._mapping.collections]
        if kind in _ENDS or (kind in _STRUCTURE and CHECKPOINTS in names):
            raise SchemaChanged(f"MongoDB: {kind} of {names[0] or 'the database'}")
        if kind not in _STRUCTURE or not mapped:
            raise UnknownEvent(f"MongoDB: {kind} of {names[0]}")
        shown = _Event(event, place, _wall_time(event))
        for one in mapped:
            deletes = kind == "drop" and self._mapping.collections[one].on_truncate is OnTruncate.DELETES
            state = CollectionState.COMPARING if deletes else CollectionState.PAUSED
            self._changed(one, state, f"{kind} of {names[0]} in MongoDB", shown, whole=True)
        self._count, self._last, self._first_user = 1, shown, place
        self._finish()

    def _changed(self, name: str, state: CollectionState, reason: str, event: _Event, *, whole: bool) -> None:
        """What happened to a collection goes before all else that its transaction did."""
        self._structure[name] = StructureChange(
            collection=name,
            state=state,
            side=Side.MONGO,
            reason=reason,
            whole=whole,
            committed_at=event.committed_at,
            position=event.place,
        )

    def _gather(self, event: _Event, name: object, size: int) -> None:
        first = self._count == 0
        self._count += 1
        self._events += 1
        self._bytes += size
        self._last = event
        if name == CHECKPOINTS:
            self._judge(event.shown, first=first)
        elif self._lease_taken:
            raise CheckpointWrittenByOther("a lease of the follower was taken in a transaction that wrote documents")
        elif self._tag is None:
            self._first_user = self._first_user or event.place
            if self._count > self._skip:  # else an earlier part has done it
                entry = self._entry(event)
                self._entries.append(entry)
                self._bytes += _CHANGE * len(entry.changes)
        if self._events >= self._part_events or self._bytes >= self._part_bytes:
            self._part()

    def _judge(self, event: Document, *, first: bool) -> None:
        """A write to sync_checkpoint: the follower's next one, or a stop."""
        changed = event.get("updateDescription", {}).get("updatedFields", {})
        ours = event["documentKey"]["_id"] == self._other and event["operationType"] == "update"
        if not first or not ours or changed.get("seq") != self._known.seq + 1:
            raise CheckpointWrittenByOther("sync_checkpoint was written by somebody other than the follower")
        lease = changed.get("lease", self._known.lease)
        self._lease_taken = lease != self._known.lease
        self._tag = Known(seq=int(changed["seq"]), lease=str(lease))
        mark = changed.get("mark")
        self._mark = Mark.from_text(mark) if mark else None

    def _part(self) -> None:
        """Deliver what there is of an oversize transaction; reading resumes before it and leaves this out."""
        if self._group is None:
            return
        entries, self._entries = self._entries, []
        size, self._bytes, self._events = self._bytes, 0, 0
        self._ready.append(
            Transaction(
                entries=tuple(entries),
                position=self._end,
                rows_done=self._count,
                first_user=self._first_user,
                known=self._known,
                size=size,
            )
        )

    def _finish(self) -> None:
        """The transaction that was gathered has ended."""
        if self._last is None:
            return
        self._end = self._last.place
        if self._tag is not None:
            # All of it, for its time is no other's: reading may go on from here in a stream that shows more of it.
            self._end = StreamPosition(time=self._end.time, increment=self._end.increment)
        self._known = self._tag or self._known
        self._ready.append(
            Transaction(
                entries=tuple(self._entries),
                position=self._end,
                first_user=self._first_user,
                known=self._known,
                size=self._bytes,
                committed_at=self._last.committed_at,
                mark=self._mark,
                structure=tuple(self._structure.values()),
            )
        )
        self._skip = 0
        self._forget()

    def _entry(self, event: _Event) -> Entry:
        """Of a user's event; echoes are dropped."""
        shown = event.shown
        collection = self._mapping.collections[shown["ns"]["coll"]]
        key = document_key(collection, shown["documentKey"]["_id"])
        changes: tuple[RowChange, ...] = ()
        problem: Hold | None = None
        try:
            found = self._changes(collection, key, shown)
            if found is None:
                if self._lacks_images(collection.name):
                    reason = f"images of {collection.name} are switched off in MongoDB"
                    self._changed(collection.name, CollectionState.CARRIED, reason, event, whole=False)
                reason = "the change stream shows no image of the document: none was kept, or the event is over 16 MB"
                problem = Hold(kind=ConflictKind.MISSING_IMAGE, reason=reason)
            else:
                changes = found
        except UnmappableDocument as error:
            problem = Hold(kind=ConflictKind.UNMAPPABLE_DOCUMENT, reason=error.message)
        return Entry(
            document=DocumentId(collection.name, key),
            changes=changes,
            origin=Origin.USER,
            committed_at=event.committed_at,
            position=event.place,
            problem=problem,
        )

    def _changes(self, collection: CollectionMapping, key: Value, event: Document) -> tuple[RowChange, ...] | None:
        """The rows that differ between both images; None where one is missing though it should be there."""
        kind = event["operationType"]
        before, after = event.get(_BEFORE), event.get(_AFTER)
        if (before is None and kind != "insert") or (after is None and kind != "delete"):
            return None
        return self._shredders[collection.name].changes(
            key, None if kind == "insert" else before, None if kind == "delete" else after, _touched(collection, event)
        )

    def _lacks_images(self, name: str) -> bool:
        """Whether the server keeps none by now; an event over 16 MB comes without them too."""
        client = self._client
        if client is None:
            raise MongoAway("the change stream is closed")
        return not has_images(collections(client.get_database(self._settings.database)).get(name, {}))


class StreamEnd:
    """Implements `sync.ports.LogEnd`."""

    def __init__(self, settings: MongoSettings) -> None:
        self._settings = settings
        self._client: Client | None = None

    def end(self) -> StreamPosition:
        """See the port."""
        if self._client is None:
            self._client = connect(self._settings)
        with translated(), self._client.start_session() as session:
            return operation_time(self._client, self._settings, session)

    def close(self) -> None:
        """See the port."""
        client, self._client = self._client, None
        if client is not None:
            client.close()


def _ask(database: Database[Document], session: ClientSession | None, command: Document) -> Any:
    with translated():
        try:
            return database.command(command, codec_options=_RAW, session=session)
        except OperationFailure as error:
            if error.code == _TOO_LARGE:
                raise _EventTooLarge from None
            raise


def _holds(database: Database[Document], token: str, session: ClientSession | None) -> bool:
    """Whether the event of a resume token stands in the oplog, if anything came after it. (A stream without a filter tells
    by an error as soon as it passes the place.)"""
    pipeline = [{"$changeStream": {"resumeAfter": {"_data": token}}}]
    cursor = 0
    with translated():
        try:
            aggregate: Document = {"aggregate": 1, "pipeline": pipeline, "cursor": {"batchSize": 0}}
            cursor = int(database.command(aggregate, session=session)["cursor"]["id"])
            more = {"getMore": Int64(cursor), "collection": "$cmd.aggregate", "batchSize": 1, "maxTimeMS": SHORT}
            cursor = int(database.command(more, session=session)["cursor"]["id"])
        except OperationFailure as error:
            if error.code == _NO_SUCH_EVENT:
                return False
            raise
        if cursor:
            database.command({"killCursors": "$cmd.aggregate", "cursors": [Int64(cursor)]}, session=session)
    return True


def operation_time(client: Client, settings: MongoSettings, session: ClientSession) -> StreamPosition:
    """The end of the oplog now."""
    with translated():
        reply = client.get_database(settings.database).command("ping", session=session)
    moment = reply.get("operationTime")
    if not isinstance(moment, Timestamp):
        raise LockstepError("MongoDB tells no operation time: it is no replica set", hint="lockstep doctor")
    return StreamPosition(time=moment.time, increment=moment.inc)


def event_position(event: Document) -> StreamPosition:
    """Place of an event."""
    moment: Timestamp = event["clusterTime"]
    return StreamPosition(time=moment.time, increment=moment.inc, token=event["_id"]["_data"])


def token_position(token: str) -> StreamPosition | None:
    """Place of a resume token: its first element is a timestamp, big-endian after one type byte (mongo,
    src/mongo/db/pipeline/resume_token.h and the KeyString format). None for another form."""
    if not token.startswith("82") or len(token) < 18:
        return None
    return StreamPosition(time=int(token[2:10], 16), increment=int(token[10:18], 16), token=token)


def _group(event: Document) -> object:
    """What the events of one transaction have in common; None for a plain write."""
    if "txnNumber" not in event:
        return None
    return (bytes(event["lsid"]["id"]), int(event["txnNumber"]))


def _touched(collection: CollectionMapping, event: Document) -> Touched | None:
    """What an update may have touched, as the server tells; None: all of it."""
    told = event.get("updateDescription")
    if told is None:
        return None
    truncated = [one["field"] for one in told.get("truncatedArrays", ())]
    return touched(collection, (*told["updatedFields"], *told["removedFields"]), truncated)


def _wall_time(event: Document) -> int:
    """Microseconds since the epoch."""
    moment: datetime = event["wallTime"]
    return (moment - _EPOCH) // _MICROSECOND
