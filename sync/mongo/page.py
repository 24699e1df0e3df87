"""A page of documents as MongoDB sent it: BSON that is not yet decoded."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import bson

from sync.model.change import DocumentId, Value
from sync.model.lens import document_key
from sync.model.shredder import Shredder
from sync.mongo.server import CODEC, translated
from sync.mongo.transaction import as_current, shredded
from sync.ports import Current


class MongoPage:
    """Implements `sync.ports.Page`."""

    def __init__(self, shredder: Shredder, data: bytes, after: Value) -> None:
        """`data`: documents one after the other, in the order of their keys; the first may be that of `after` itself."""
        self._shredder = shredder
        self._name = shredder.collection.name
        starts = list(_starts(data))
        if starts and after is not None and self._key(data[: starts[1] if len(starts) > 1 else len(data)])[0] == after:
            data = data[starts[1] :] if len(starts) > 1 else b""
            starts = [one - starts[1] for one in starts[1:]]
        self._data = data
        self.last: Value = None
        #: The `_id` of the last one.
        self.last_id: object = None
        if starts:
            self.last, self.last_id = self._key(data[starts[-1] :])

    @property
    def digest(self) -> bytes:
        """See the port."""
        return hashlib.sha256(self._data).digest()

    def documents(self) -> Mapping[DocumentId, Current]:
        """See the port."""
        found: dict[DocumentId, Current] = {}
        with translated():
            decoded = bson.decode_all(self._data, CODEC) if self._data else []
        for stored in decoded:
            document = DocumentId(self._name, document_key(self._shredder.collection, stored["_id"]))
            rows, problem = shredded(self._shredder, document.key, stored)
            found[document] = as_current(rows, problem, stored)
        return found

    def _key(self, data: bytes) -> tuple[Value, object]:
        with translated():
            stored_id = bson.decode(data, CODEC)["_id"]
        return document_key(self._shredder.collection, stored_id), stored_id


def _starts(data: bytes) -> list[int]:
    """Where each document begins: it tells its own length first (BSON specification)."""
    starts: list[int] = []
    at = 0
    while at < len(data):
        starts.append(at)
        at += int.from_bytes(data[at : at + 4], "little")
    return starts
