"""Sets of global transaction ids as values that grow: MySQL's executed set, MariaDB's position. No connection."""

from __future__ import annotations

from typing import Protocol

from sync.errors import UnknownEvent


class Gtids(Protocol):
    """What was executed. `str` of it is what a position keeps."""

    def add(self, source: str, number: int) -> None:
        """One more transaction of `source` (MySQL "uuid" or "uuid:tag", MariaDB "domain-server")."""


class MySQLGtids:
    """uuid -> sorted, disjoint intervals [first, last]. Tagged ids ("uuid:tag:1-5") are kept apart by their tag."""

    def __init__(self, text: str = "") -> None:
        self._intervals: dict[str, list[list[int]]] = {}
        #: source -> its text but for the end of the last interval, which is all that most transactions change: a position is
        #: told for every one.
        self._heads: dict[str, str] = {}
        for item in "".join(text.split()).lower().split(","):
            source, *parts = item.split(":")
            label = source
            for part in parts:
                first, _, last = part.partition("-")
                if not first.isdigit():
                    label = f"{source}:{part}"
                    continue
                self._intervals.setdefault(label, []).append([int(first), int(last or first)])

    @property
    def tagged(self) -> bool:
        """Whether any id carries a tag."""
        return any(":" in label for label in self._intervals)

    def add(self, source: str, number: int) -> None:
        intervals = self._intervals.setdefault(source, [])
        if intervals and intervals[-1][1] + 1 == number:
            intervals[-1][1] = number
            return
        if any(first <= number <= last for first, last in intervals):
            return
        self._heads.pop(source, None)
        merged: list[list[int]] = []
        for first, last in sorted([*intervals, [number, number]]):
            if merged and merged[-1][1] + 1 >= first:
                merged[-1][1] = max(last, merged[-1][1])
            else:
                merged.append([first, last])
        self._intervals[source] = merged

    def __str__(self) -> str:
        return ",".join([self._text(source) for source in sorted(self._intervals)])

    def _text(self, source: str) -> str:
        intervals = self._intervals[source]
        first, last = intervals[-1]
        head = self._heads.get(source)
        if head is None:
            before = [str(one) if one == end else f"{one}-{end}" for one, end in intervals[:-1]]
            head = self._heads[source] = ":".join([source, *before, str(first)])
        return head if first == last else f"{head}-{last}"


class MariaDBGtids:
    """domain -> (server, number) of its newest transaction."""

    def __init__(self, text: str = "") -> None:
        self._last: dict[int, tuple[int, int]] = {}
        for item in text.split(","):
            if item.strip():
                domain, server, number = item.strip().split("-")
                self._last[int(domain)] = (int(server), int(number))

    def add(self, source: str, number: int) -> None:
        domain, server = source.split("-")
        self._last[int(domain)] = (int(server), number)

    def within(self, other: MariaDBGtids) -> bool:
        """Whether `other` is as far as this in every domain."""
        return all(number <= other._last.get(domain, (0, -1))[1] for domain, (_, number) in self._last.items())

    def __str__(self) -> str:
        return ",".join(f"{domain}-{server}-{number}" for domain, (server, number) in sorted(self._last.items()))


def tagged_gtid(body: bytes) -> tuple[str, int, int]:
    """Of a GTID event with a tag (MySQL >= 8.3): "uuid:tag", number, commit time (microseconds, 0 where absent).

    Its fields stand as (field id, value) pairs after version, size and last needed field; integers are of variable
    length (mysql-server, libs/mysql/serialization). Raises `UnknownEvent` for anything unexpected.
    """
    try:
        reader = _Fields(body)
        reader.unsigned()  # version
        reader.unsigned()  # size
        reader.unsigned()  # last field that may not be ignored
        uuid, tag, number, moment = b"", "", 0, 0
        while reader.more():
            field = reader.unsigned()
            if field == 0:  # flags
                reader.unsigned()
            elif field == 1:
                uuid = bytes(reader.unsigned() for _ in range(16))
            elif field == 2:
                number = reader.signed()
            elif field == 3:
                tag = reader.text()
            elif field in (4, 5):  # last_committed, sequence_number
                reader.signed()
            elif field == 6:
                moment = reader.unsigned()
            else:
                break
        digits = uuid.hex()
        if len(uuid) != 16 or number < 1:
            raise ValueError
    except (IndexError, ValueError):
        raise UnknownEvent("a tagged GTID in the binlog cannot be read") from None
    source = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
    return (f"{source}:{tag}" if tag else source), number, moment


class _Fields:
    """Reads integers whose first byte tells, by its low one bits, how many bytes follow."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def more(self) -> bool:
        return self._at < len(self._data)

    def unsigned(self) -> int:
        first = self._data[self._at]
        length = 1
        while length < 9 and first & 1:
            first >>= 1
            length += 1
        raw = self._data[self._at : self._at + length]
        if len(raw) < length:
            raise IndexError
        self._at += length
        return int.from_bytes(raw, "little") >> min(length, 8) if length < 9 else int.from_bytes(raw[1:], "little")

    def signed(self) -> int:
        value = self.unsigned()
        return -(value >> 1) - 1 if value & 1 else value >> 1

    def text(self) -> str:
        length = self.unsigned()
        raw = self._data[self._at : self._at + length]
        self._at += length
        return raw.decode()
