"""Whole documents from MongoDB, as rows, outside the pipeline: for the first copy, verify, repair and explain.

An exact reading is one snapshot, and the server tells its time: the place in the oplog at which the documents stood so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bson import Int64, Timestamp, decode_all
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument

from sync.errors import LockstepError
from sync.model.change import DocumentId, Hold, Side, Value
from sync.model.lens import bson_id, document_key
from sync.model.mapping import CollectionMapping, SyncMapping
from sync.model.position import StreamPosition
from sync.model.shredder import shredders
from sync.model.values import FOREIGN
from sync.mongo.page import MongoPage, id_alone
from sync.mongo.server import CODEC, Client, Document, MongoSettings, connect, translated
from sync.mongo.transaction import as_current, ids_of, shredded
from sync.ports import Current, Reading

_RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)


class MongoReader:
    """Implements `sync.ports.Reader`."""

    side = Side.MONGO

    def __init__(self, settings: MongoSettings, mapping: SyncMapping) -> None:
        self._settings = settings
        self._mapping = mapping
        self._shredders = shredders(mapping)
        self._client: Client | None = None
        #: Foreign keys with which ranges ended, and the `_id`s themselves: a key may hold one cut, or one that cannot be written.
        self._ends: dict[DocumentId, RawBSONDocument] = {}

    def count(self, collection: str) -> int:
        """See the port."""
        with translated():
            return self._opened()[self._settings.database][collection].estimated_document_count()

    def range(self, collection: str, after: Value, limit: int, *, exact: bool) -> Reading:
        """See the port. Keys of every type come, in the server's order of types."""
        mapped = self._mapping.collections[collection]
        before = DocumentId(collection, after)
        raw, position = self._find(self._following(mapped, before, limit), exact=exact, codec=_RAW)
        with translated():
            documents = decode_all(b"".join(one.raw for one in raw), CODEC) if raw else []
        found = {DocumentId(collection, document_key(mapped, one["_id"])): one for one in documents}
        if found:
            self._ended(next(reversed(found)), raw[-1].raw)
        found.pop(before, None)
        return Reading(documents={one: self._current(one, stored) for one, stored in found.items()}, position=position)

    def page(self, collection: str, after: Value, limit: int) -> MongoPage:
        """See the port."""
        mapped = self._mapping.collections[collection]
        before = DocumentId(collection, after)
        command = self._following(mapped, before, limit)
        found, _ = self._find(command, exact=False, codec=_RAW)
        page = MongoPage(self._shredders[collection], b"".join(one.raw for one in found), after)
        if page.last is not None:
            self._ended(DocumentId(collection, page.last), page.last_data)
        return page

    def sample(self, collection: str, number: int) -> list[DocumentId]:
        """See the port."""
        mapped = self._mapping.collections[collection]
        with translated():
            stored = self._opened()[self._settings.database].get_collection(collection, codec_options=CODEC)
            found = list(stored.aggregate([{"$sample": {"size": number}}, {"$project": {"_id": 1}}]))
        return list(dict.fromkeys(DocumentId(collection, document_key(mapped, one["_id"])) for one in found))

    def read(self, documents: Sequence[DocumentId], *, exact: bool) -> Reading:
        """See the port. The documents are of one collection."""
        if not documents:
            return Reading(documents={}, position=None)
        stored, position = self._stored(documents, exact=exact)
        mapped = self._mapping.collections[documents[0].collection]
        _, nowhere = ids_of(mapped, documents)
        found = {one: self._current(one, stored.get(one), nowhere.get(one)) for one in documents}
        return Reading(documents=found, position=position)

    def stored(self, document: DocumentId) -> Mapping[str, object] | None:
        """A document as it stands, unmapped fields included."""
        return self._stored([document], exact=False)[0].get(document)

    def close(self) -> None:
        """See the port."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _following(self, collection: CollectionMapping, before: DocumentId, limit: int) -> Document:
        """Asks for what follows on a document, which may itself come first."""
        command: Document = {"find": collection.name, "sort": {"_id": 1}, "limit": limit, "batchSize": limit + 1}
        if before.key is not None:
            # `$gt` would stop at the end of the key's type; an index bound does not. It includes the key itself.
            command |= {"min": self._least(collection, before), "hint": {"_id": 1}, "limit": limit + 1}
        return command

    def _least(self, collection: CollectionMapping, document: DocumentId) -> Mapping[str, object]:
        """A bound of the index on `_id`."""
        return self._ends[document] if document in self._ends else {"_id": bson_id(collection, document.key)}

    def _ended(self, document: DocumentId, stored: bytes) -> None:
        if str(document.key).startswith(FOREIGN):
            self._ends[document] = id_alone(stored)

    def _current(self, document: DocumentId, stored: Document | None, nowhere: Hold | None = None) -> Current:
        rows, problem = shredded(self._shredders[document.collection], document.key, stored)
        return as_current(rows, problem or nowhere, stored)

    def _stored(
        self, documents: Sequence[DocumentId], *, exact: bool
    ) -> tuple[dict[DocumentId, Document], StreamPosition | None]:
        name = documents[0].collection
        mapped = self._mapping.collections[name]
        ids, _ = ids_of(mapped, documents)
        found, position = self._find({"find": name, "filter": {"_id": {"$in": ids}}}, exact=exact)
        return {DocumentId(name, document_key(mapped, one["_id"])): one for one in found}, position

    def _find(
        self, command: Document, *, exact: bool, codec: CodecOptions[Any] = CODEC
    ) -> tuple[list[Any], StreamPosition | None]:
        """All documents of a find command, and the time of its snapshot."""
        client = self._opened()
        database = client.get_database(self._settings.database)
        level = "snapshot" if exact else "majority"
        with translated(), client.start_session(causal_consistency=False) as session:
            reply = database.command({**command, "readConcern": {"level": level}}, codec_options=codec, session=session)
            cursor = reply["cursor"]
            documents = list(cursor["firstBatch"])
            moment = cursor.get("atClusterTime")
            while cursor["id"]:
                more = {"getMore": Int64(cursor["id"]), "collection": command["find"]}
                cursor = database.command(more, codec_options=codec, session=session)["cursor"]
                documents += cursor["nextBatch"]
        if not exact:
            return documents, None
        if not isinstance(moment, Timestamp):
            raise LockstepError("MongoDB tells no time of a snapshot", hint="lockstep doctor")
        return documents, StreamPosition(time=moment.time, increment=moment.inc)

    def _opened(self) -> Client:
        if self._client is None:
            self._client = connect(self._settings)
        return self._client
