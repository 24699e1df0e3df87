"""Documents read and written in one snapshot transaction of MongoDB.

Conflict rows stand in MySQL; they commit just before MongoDB does, so that a crash leaves a document held, never lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any

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

#: Documents of one answer to a reading, and of one part of a writing.
_READ, _PART = 10_000, 250
_NONE: frozenset[str] = frozenset()
_Operation = Any  # one of pymongo's operation classes
#: Collection -> deletes, updates, inserts.
_ByCollection = dict[str, tuple[list[_Operation], list[_Operation], list[_Operation]]]


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
        return as_current(rows, problem or nowhere, stored, frozenset(wanted.places) if wanted.places else _NONE)

    def unmapped(self, document: DocumentId) -> Mapping[Place, str]:
        """See the port."""
        stored = self._documents[document]
        return {} if stored is None else unmapped_fields(self._mapping.collections[document.collection], stored)

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
        if self._rows is not None:
            self._rows.commit()
            self._rows = None
        with translated():
            self._session.commit_transaction()
        return place(self._session)

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
        collection, key = self._mapping.collections[write.document.collection], write.document.key
        carrying = None
        if write.moves.origins:
            carrying = Carrying(collection, write.moves, self._documents.get, write.before, write.after)
        return plan(collection, key, write.before, write.after, self._documents[write.document], carrying)

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


def place(session: ClientSession) -> StreamPosition | None:
    """Where the session's last operation stands in the log."""
    moment = session.operation_time
    return StreamPosition(time=moment.time, increment=moment.inc) if moment else None
