"""The optional metadata of a TABLE_MAP event, which is complete with binlog_row_metadata=FULL: signs, character sets, names,
members, shapes, keys (mysql-server, libs/mysql/binlog/event/rows_event.h, Table_map_event; MariaDB has the same)."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sync.errors import UnknownEvent
from sync.mysql.fields import Fields, name_of
from sync.mysql.logged_column import Kind

_NUMBERS = frozenset(
    {Kind.TINY, Kind.SHORT, Kind.INT24, Kind.LONG, Kind.LONGLONG, Kind.YEAR, Kind.DECIMAL, Kind.FLOAT, Kind.DOUBLE}
)
#: Those for which a collation is told (63 for bytes). MySQL tells it of VECTOR too, MariaDB of GEOMETRY: seen in what
#: 9.7 and 10.11 wrote.
TEXTS = frozenset({Kind.VARCHAR, Kind.STRING, Kind.BLOB, Kind.VARCHAR_COMPRESSED, Kind.BLOB_COMPRESSED})
_CHOICES = frozenset({Kind.ENUM, Kind.SET})


class Metadata(enum.IntEnum):
    """Table_map_event::Optional_metadata_field_type."""

    SIGNEDNESS = 1
    DEFAULT_CHARSET = 2
    COLUMN_CHARSET = 3
    COLUMN_NAME = 4
    SET_STR_VALUE = 5
    ENUM_STR_VALUE = 6
    GEOMETRY_TYPE = 7
    SIMPLE_PRIMARY_KEY = 8
    PRIMARY_KEY_WITH_PREFIX = 9
    ENUM_AND_SET_DEFAULT_CHARSET = 10
    ENUM_AND_SET_COLUMN_CHARSET = 11
    COLUMN_VISIBILITY = 12
    VECTOR_DIMENSIONALITY = 13


def by_type(fields: Fields) -> dict[Metadata, bytes]:
    """What is told, by type. One that is not known may say that values mean something else: a stop."""
    found: dict[Metadata, bytes] = {}
    while fields.left:
        code = fields.number(1)
        if code not in Metadata.__members__.values():
            raise UnknownEvent(f"a table's metadata of type {code} in the binlog")
        found[Metadata(code)] = fields.text()
    return found


class Told:
    """Optional metadata, spread over the columns that each kind of it is about."""

    def __init__(self, kinds: list[Kind], found: Mapping[Metadata, bytes], texts: frozenset[Kind]) -> None:
        self._kinds = kinds
        self._found = found
        self._columns: list[dict[str, Any]] = [{} for _ in kinds]
        self._bits(Metadata.SIGNEDNESS, "unsigned", _NUMBERS)
        self._bits(Metadata.COLUMN_VISIBILITY, "visible", frozenset(Kind))
        self._collations(Metadata.DEFAULT_CHARSET, Metadata.COLUMN_CHARSET, texts)
        self._collations(Metadata.ENUM_AND_SET_DEFAULT_CHARSET, Metadata.ENUM_AND_SET_COLUMN_CHARSET, _CHOICES)
        self._each(Metadata.COLUMN_NAME, "name", frozenset(Kind), lambda fields: name_of(fields.text()))
        self._each(Metadata.SET_STR_VALUE, "members", frozenset({Kind.SET}), _members)
        self._each(Metadata.ENUM_STR_VALUE, "members", frozenset({Kind.ENUM}), _members)
        self._each(Metadata.GEOMETRY_TYPE, "shape", frozenset({Kind.GEOMETRY}), Fields.packed)
        self._each(Metadata.VECTOR_DIMENSIONALITY, "shape", frozenset({Kind.VECTOR}), Fields.packed)
        self.primary_key = tuple(self._primary_key())

    def of(self, at: int) -> dict[str, Any]:
        """What is told of the column at this place."""
        return self._columns[at]

    def _places(self, kinds: frozenset[Kind]) -> list[int]:
        return [at for at, kind in enumerate(self._kinds) if kind in kinds]

    def _bits(self, code: Metadata, what: str, kinds: frozenset[Kind]) -> None:
        """One bit for each column, the highest first."""
        if code not in self._found:
            return
        bits, places = self._found[code], self._places(kinds)
        if len(bits) != (len(places) + 7) // 8:
            raise UnknownEvent(f"a table's metadata of type {code} in the binlog has another length than its columns")
        for number, at in enumerate(places):
            self._columns[at][what] = bool(bits[number // 8] & 0x80 >> number % 8)

    def _each(self, code: Metadata, what: str, kinds: frozenset[Kind], read: Callable[[Fields], object]) -> None:
        """One value after the other, for each column."""
        if code not in self._found:
            return
        fields = Fields(self._found[code])
        for at in self._places(kinds):
            self._columns[at][what] = read(fields)
        if fields.left:
            raise UnknownEvent(f"a table's metadata of type {code} in the binlog has another length than its columns")

    def _collations(self, default: Metadata, each: Metadata, kinds: frozenset[Kind]) -> None:
        """One for each column, or one for all and the places (among these columns) of those that have another."""
        self._each(each, "collation", kinds, Fields.packed)
        if default not in self._found:
            return
        fields, places = Fields(self._found[default]), self._places(kinds)
        usual = fields.packed()
        for at in places:
            self._columns[at]["collation"] = usual
        for number, collation in _pairs(fields):
            if number >= len(places):
                raise UnknownEvent("a table's metadata in the binlog names a column that is none")
            self._columns[places[number]]["collation"] = collation

    def _primary_key(self) -> Iterator[int]:
        fields = Fields(self._found.get(Metadata.SIMPLE_PRIMARY_KEY, b""))
        while fields.left:
            yield fields.packed()
        for at, _ in _pairs(Fields(self._found.get(Metadata.PRIMARY_KEY_WITH_PREFIX, b""))):
            yield at


def _members(fields: Fields) -> tuple[bytes, ...]:
    return tuple(fields.text() for _ in range(fields.packed()))


def _pairs(fields: Fields) -> Iterator[tuple[int, int]]:
    while fields.left:
        yield fields.packed(), fields.packed()
