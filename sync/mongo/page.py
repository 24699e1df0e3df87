"""A page of documents as MongoDB sent it: BSON that is not yet decoded."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import bson
from bson.raw_bson import RawBSONDocument

from sync.model.change import DocumentId, Value
from sync.model.lens import document_key
from sync.model.shredder import Shredder
from sync.mongo.server import CODEC, translated
from sync.mongo.transaction import as_current, shredded
from sync.ports import Current

#: Types of BSON: bytes of a value; bytes that a length takes which stands before the others (of binary data with its subtype);
#: those that begin with their own whole length.
_FIXED = {1: 8, 7: 12, 8: 1, 9: 8, 16: 4, 17: 8, 18: 8, 19: 16}
_COUNTED, _WHOLE = {2: 4, 5: 5, 13: 4, 14: 4}, {3, 15}


class MongoPage:
    """Implements `sync.ports.Page`."""

    def __init__(self, shredder: Shredder, data: bytes, after: Value) -> None:
        """`data`: documents one after the other, in the order of their keys; the first may be that of `after` itself."""
        self._shredder = shredder
        self._name = shredder.collection.name
        starts = list(_starts(data))
        if starts and after is not None and self._key(data[: starts[1] if len(starts) > 1 else len(data)]) == after:
            data = data[starts[1] :] if len(starts) > 1 else b""
            starts = [one - starts[1] for one in starts[1:]]
        self._data = data
        self.last: Value = None
        #: The last one as it stands.
        self.last_data = data[starts[-1] :] if starts else b""
        if starts:
            self.last = self._key(self.last_data)

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

    def _key(self, data: bytes) -> Value:
        with translated():
            return document_key(self._shredder.collection, bson.decode(data, CODEC)["_id"])


def id_alone(data: bytes) -> RawBSONDocument:
    """Of a document's bytes those of its `_id`, which the server keeps as the first element: what is no UTF-8 in it can be
    read, and not be written any more (BSON specification)."""
    kind, at = data[4], 4 + 1 + len(b"_id\0")
    size = _FIXED.get(kind, 0)
    if kind in _COUNTED:
        size = _COUNTED[kind] + int.from_bytes(data[at : at + 4], "little")
    elif kind in _WHOLE:
        size = int.from_bytes(data[at : at + 4], "little")
    element = data[4 : at + size]
    return RawBSONDocument((len(element) + 5).to_bytes(4, "little") + element + b"\0")


def _starts(data: bytes) -> list[int]:
    """Where each document begins: it tells its own length first (BSON specification)."""
    starts: list[int] = []
    at = 0
    while at < len(data):
        starts.append(at)
        at += int.from_bytes(data[at : at + 4], "little")
    return starts
