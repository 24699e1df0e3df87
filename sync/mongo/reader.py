"""Whole documents from MongoDB, as rows, outside the pipeline: for the first copy, verify, repair and explain.

An exact reading is one snapshot, and the server tells its time: the place in the oplog at which the documents stood so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bson import Int64, Timestamp

from sync.errors import LockstepError
from sync.model.change import DocumentId, Hold, Side, Value
from sync.model.lens import bson_id, document_key
from sync.model.mapping import SyncMapping
from sync.model.position import StreamPosition
from sync.model.shredder import shredders
from sync.mongo.server import CODEC, Client, Document, MongoSettings, connect, translated
from sync.mongo.target import as_current, ids_of, shredded
from sync.ports import Current, Reading


class MongoReader:
    """Implements `sync.ports.Reader`."""

    side = Side.MONGO

    def __init__(self, settings: MongoSettings, mapping: SyncMapping) -> None:
        self._settings = settings
        self._mapping = mapping
        self._shredders = shredders(mapping)
        self._client: Client | None = None
        #: Where the last range ended: the `_id` itself, for a key may hold a foreign one cut.
        self._end: tuple[DocumentId, object] | None = None

    def count(self, collection: str) -> int:
        """See the port."""
        with translated():
            return self._opened()[self._settings.database][collection].estimated_document_count()

    def range(self, collection: str, after: Value, limit: int, *, exact: bool) -> Reading:
        """See the port. Keys of every type come, in the server's order of types."""
        mapped = self._mapping.collections[collection]
        command: Document = {"find": collection, "sort": {"_id": 1}, "limit": limit}
        before = DocumentId(collection, after)
        if after is not None:
            last = self._end[1] if self._end and self._end[0] == before else bson_id(mapped, after)
            # `$gt` would stop at the end of the key's type; an index bound does not. It includes the key itself.
            command |= {"min": {"_id": last}, "hint": {"_id": 1}, "limit": limit + 1}
        documents, position = self._find(command | {"batchSize": limit + 1}, exact=exact)
        found = {DocumentId(collection, document_key(mapped, one["_id"])): one for one in documents}
        found.pop(before, None)
        if found:
            end, stored = next(reversed(found.items()))
            self._end = (end, stored["_id"])
        return Reading(documents={one: self._current(one, stored) for one, stored in found.items()}, position=position)

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

    def _find(self, command: Document, *, exact: bool) -> tuple[list[Document], StreamPosition | None]:
        """All documents of a find command, and the time of its snapshot."""
        client = self._opened()
        database = client.get_database(self._settings.database)
        level = "snapshot" if exact else "majority"
        with translated(), client.start_session(causal_consistency=False) as session:
            reply = database.command({**command, "readConcern": {"level": level}}, codec_options=CODEC, session=session)
            cursor = reply["cursor"]
            documents: list[Document] = list(cursor["firstBatch"])
            moment = cursor.get("atClusterTime")
            while cursor["id"]:
                more = {"getMore": Int64(cursor["id"]), "collection": command["find"]}
                cursor = database.command(more, codec_options=CODEC, session=session)["cursor"]
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
