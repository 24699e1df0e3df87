"""Fields of events, one after the other; never past the end."""

from __future__ import annotations

from sync.errors import UnknownEvent

_PACKED = {252: 2, 253: 3, 254: 8}


class Fields:
    """Reads one field after the other. Raises `UnknownEvent` where the event ends too early."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self._data = data
        self.at = at

    @property
    def left(self) -> int:
        """Bytes that were not read."""
        return len(self._data) - self.at

    def take(self, length: int) -> bytes:
        """The next bytes."""
        if length > self.left or self.left < 0:
            raise UnknownEvent("an event of the binlog ends in the middle of a field")
        self.at += length
        return self._data[self.at - length : self.at]

    def number(self, length: int) -> int:
        """A number of so many bytes, the lowest first."""
        return int.from_bytes(self.take(length), "little")

    def packed(self) -> int:
        """A number that tells its own length (MySQL internals manual, "length-encoded integer")."""
        first = self.number(1)
        if first < 251:
            return first
        if first not in _PACKED:
            raise UnknownEvent("a length in the binlog cannot be read")
        return self.number(_PACKED[first])

    def text(self) -> bytes:
        """Bytes after their length."""
        return self.take(self.packed())

    def name(self) -> str:
        """A name after its length in one byte, with a zero at its end."""
        name = self.take(self.number(1) + 1)[:-1]
        return name_of(name)


def name_of(data: bytes) -> str:
    """A name of a database, table or column."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise UnknownEvent("a name in the binlog is no UTF-8") from None
