"""Documents read and written in one snapshot transaction of MongoDB.

Conflict rows stand in MySQL; they commit just before MongoDB does, so that a crash leaves a document held, never lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice, pairwise
from typing import Any, TypeVar

from bson import json_util
from pymongo.client_session import ClientSession
from pymongo.errors import PyMongoError

from sync.conflict_ports import ConflictDatabase, ConflictStore, ConflictTransaction
from sync.errors import Contention, UnmappableDocument
from sync.model.assembler import Assembler
from sync.model.carrying import Carrying, Place, unmapped_fields
from sync.model.change import ConflictKind, DocumentId, DocumentRows, Hold, Places, Value
from sync.model.lens import bson_id, document_key, empty_rows
from sync.model.mapping import CollectionMapping, SyncMapping
from sync.model.plan import DocumentPlan, plan
from sync.model.position import Position, StreamPosition
from sync.model.shredder import Shredder, Touched
from sync.mongo.server import CODEC, Client, Document, MongoSettings, translated
from sync.mongo.writing_apart import Planned, WritingApart, operation
from sync.ports import Apart, Current, DocumentWrite

#: Documents of one answer to a reading, and of one part of a reading or writing: a full batch of single rows is three parts.
#: Smaller ones are more commands, and each is waited for; in larger ones less goes on at a time.
_READ, _PART = 10_000, 334
_NONE: frozenset[str] = frozenset()
_Operation = Any  # one of pymongo's operation classes
#: Collection -> deletes, updates, inserts.
_ByCollection = dict[str, tuple[list[_Operation], list[_Operation], list[_Operation]]]
#: Collection -> the `_id`s to look for, and why some documents can have none.
_Asked = dict[str, tuple[list[object], dict[DocumentId, Hold]]]
_Item = TypeVar("_Item")
_Argument = TypeVar("_Argument")
_Result = TypeVar("_Result")


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
        self._thread: ThreadPoolExecutor | None = None
        self._failure: Exception | None = None

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
        asked = self._asked(needs)
        return self._as_found(needs, places or {}, asked, self._found(asked))

    def read_in_parts(
        self, needs: Mapping[DocumentId, frozenset[str]], places: Mapping[DocumentId, Places]
    ) -> Iterator[Mapping[DocumentId, Current]]:
        """See the port. While MongoDB looks for one part, the one before it is worked on."""
        parts = [dict(part) for part in _parts(needs.items())]
        if len(parts) < 2:
            yield self.read(needs, places)
            return
        asked = self._asked(parts[0])
        coming = self._aside(self._found, asked)
        for part, following in pairwise([*parts, {}]):
            found, of_part = coming.result(), asked
            if following:
                asked = self._asked(following)
                coming = self._aside(self._found, asked)
            yield self._as_found(part, places, of_part, found)

    def _asked(self, documents: Iterable[DocumentId]) -> _Asked:
        by_collection: dict[str, list[DocumentId]] = {}
        for document in documents:
            by_collection.setdefault(document.collection, []).append(document)
        return {name: ids_of(self._mapping.collections[name], of) for name, of in by_collection.items()}

    def _found(self, asked: _Asked) -> dict[str, list[Document]]:
        with translated():
            return {
                name: list(self._database[name].find({"_id": {"$in": keys}}, session=self._session, batch_size=_READ))
                for name, (keys, _) in asked.items()
            }

    def _as_found(
        self,
        needs: Mapping[DocumentId, frozenset[str]],
        places: Mapping[DocumentId, Places],
        asked: _Asked,
        found: Mapping[str, Iterable[Document]],
    ) -> Mapping[DocumentId, Current]:
        self._documents.update(dict.fromkeys(needs))
        for name, documents in found.items():
            collection = self._mapping.collections[name]
            for stored in documents:
                self._documents[DocumentId(name, document_key(collection, stored["_id"]))] = stored
        return {
            document: self._current(
                document,
                Touched(tables=tables, places=places.get(document, {})),
                asked[document.collection][1].get(document),
            )
            for document, tables in needs.items()
        }

    def _current(self, document: DocumentId, wanted: Touched, nowhere: Hold | None) -> Current:
        stored = self._documents[document]
        rows, problem = shredded(self._shredders[document.collection], document.key, stored, wanted)
        return as_current(rows, problem or nowhere, stored, frozenset(wanted.places) if wanted.places else _NONE)

    def unmapped(self, document: DocumentId) -> Mapping[Place, str]:
        """See the port."""
        stored = self._documents[document]
        return {} if stored is None else unmapped_fields(self._mapping.collections[document.collection], stored)

    def write(self, writes: Iterable[DocumentWrite]) -> None:
        """See the port. In parts: while MongoDB is at one, the next is made."""
        sent: Future[None] | None = None
        for part in _parts(writes):
            operations = self._operations(part)
            if sent is not None:
                sent.result()
            sent = None
            if len(part) < _PART:  # the last one: nothing is left to be made meanwhile
                self._send(operations)
            else:
                sent = self._aside(self._send, operations)
        if sent is not None:
            sent.result()

    def _aside(self, run: Callable[[_Argument], _Result], argument: _Argument) -> Future[_Result]:
        """In the one thread that may use the session until it is done; in the order in which it is asked, up to the first
        failure. That ended the transaction: what comes after it tells of it, and not that there is no transaction any more."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1)
        return self._thread.submit(self._unless_failed, run, argument)

    def _unless_failed(self, run: Callable[[_Argument], _Result], argument: _Argument) -> _Result:
        if self._failure is not None:
            raise self._failure
        try:
            return run(argument)
        except Exception as error:
            self._failure = error
            raise

    def _end_aside(self) -> None:
        """Nothing that was asked for aside is at work any more."""
        if self._thread is not None:
            self._thread.shutdown(cancel_futures=True)
            self._thread = None

    def _operations(self, writes: Iterable[DocumentWrite]) -> _ByCollection:
        operations: _ByCollection = {}
        for write in writes:
            kind, operation = self._operation(write)
            if operation is not None:
                operations.setdefault(write.document.collection, ([], [], []))[kind].append(operation)
        return operations

    def _send(self, operations: _ByCollection) -> None:
        for name, (deletes, updates, inserts) in operations.items():
            with translated(writes_documents=True):
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
        with translated(writes_documents=True):
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
        self._end_aside()
        if self._rows is not None:
            self._rows.commit()
            self._rows = None
        with translated():
            self._session.commit_transaction()
        return place(self._session)

    def rollback(self) -> None:
        """See the port."""
        self._end_aside()
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
        collection, key = self._mapping.collections[write.document.collection], write.document.key
        carrying = None
        if write.moves.origins:
            carrying = Carrying(collection, write.moves, self._documents.get, write.before, write.after)
        return plan(collection, key, write.before, write.after, self._documents[write.document], carrying)

    def _where(self, document: DocumentId) -> Document:
        stored = self._documents[document]
        collection = self._mapping.collections[document.collection]
        return {"_id": bson_id(collection, document.key) if stored is None else stored["_id"]}


def _parts(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    rest = iter(items)
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


def place(session: ClientSession) -> StreamPosition | None:
    """Where the session's last operation stands in the log."""
    moment = session.operation_time
    return StreamPosition(time=moment.time, increment=moment.inc) if moment else None
