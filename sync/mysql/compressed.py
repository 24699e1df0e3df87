"""What stands compressed in the log: whole transactions (MySQL), row events and statements (MariaDB). Bytes in, bytes out;
of a transaction no more than one event at a time is in memory beside its compressed form.

Layouts: mysql-server, libs/mysql/binlog/event/codecs/binary.cc (Transaction_payload); MariaDB, sql/log_event.cc
(binlog_buf_compress).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import BinaryIO, cast

import zstandard

from sync.errors import UnknownEvent
from sync.mysql.fields import Fields

#: Fields before the events: they end with 0.
_COMPRESSED_SIZE, _ALGORITHM, _SIZE = 1, 2, 3
_ZSTD, _NONE = 0, 255
#: The widest window that zstd uses by itself, bytes.
_WINDOW = 1 << 27
#: Of an event: header, and where in it the event's length stands.
_HEADER, _LENGTH = 19, slice(9, 13)


def transaction_events(body: bytes) -> Iterator[bytes]:
    """The events of a compressed transaction, each with its header and without checksum."""
    fields = Fields(body)
    told: dict[int, int] = {}
    while field := fields.packed():
        told[field] = Fields(fields.text()).packed()
    data = fields.take(fields.left)
    if told.keys() - {_COMPRESSED_SIZE, _ALGORITHM, _SIZE} or told.get(_COMPRESSED_SIZE) != len(data):
        raise UnknownEvent("a compressed transaction in the binlog cannot be read")
    if told.get(_ALGORITHM) == _NONE:
        return _plain(data)
    if told.get(_ALGORITHM) != _ZSTD or _SIZE not in told:
        raise UnknownEvent("a transaction in the binlog is compressed in a way that nobody knows")
    return _decompressed(data, told[_SIZE])


def _plain(data: bytes) -> Iterator[bytes]:
    fields = Fields(data)
    while fields.left:
        header = fields.take(_HEADER)
        yield header + fields.take(int.from_bytes(header[_LENGTH], "little") - _HEADER)


def _decompressed(data: bytes, size: int) -> Iterator[bytes]:
    decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
    with decompressor.stream_reader(data, read_across_frames=True) as stream:
        reader = cast("BinaryIO", stream)
        while size:
            header = _exactly(reader, _HEADER)
            length = int.from_bytes(header[_LENGTH], "little")
            if not _HEADER <= length <= size:
                raise UnknownEvent("an event of a compressed transaction in the binlog is longer than all of it")
            size -= length
            yield header + _exactly(reader, length - _HEADER)
        if reader.read(1):
            raise UnknownEvent("a compressed transaction in the binlog is longer than it says")


def _exactly(reader: BinaryIO, length: int) -> bytes:
    parts = []
    while length:
        part = reader.read(length)
        if not part:
            raise UnknownEvent("a compressed transaction in the binlog is cut off")
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def decompressed(data: bytes) -> bytes:
    """What MariaDB has compressed: a byte that says how (zlib is all there is) and how many bytes tell the length of the
    result, the highest first."""
    fields = Fields(data)
    form = fields.number(1)
    if form & ~7 != 0x80:
        raise UnknownEvent("an event of the binlog is compressed in a way that nobody knows")
    size = int.from_bytes(fields.take(form & 7))
    stream = zlib.decompressobj()
    try:
        found = stream.decompress(fields.take(fields.left), size + 1)
    except zlib.error:
        raise UnknownEvent("a compressed event of the binlog cannot be read") from None
    if len(found) != size or not stream.eof:
        raise UnknownEvent("a compressed event of the binlog has another length than it says")
    return found
