"""What a TABLE_MAP event tells of a table: its columns, how wide their values are, and the names and meanings that
binlog_row_metadata=FULL adds. Bytes in, values out; whatever is cut off or not known raises `UnknownEvent`.

Layouts: mysql-server, libs/mysql/binlog/event/rows_event.h (Table_map_event) and binary_log_types; MariaDB,
sql/log_event.h, which adds compressed columns.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sync.errors import UnknownEvent
from sync.mysql.decimals import DIGIT_BYTES


class Kind(enum.IntEnum):
    """Types of columns in the log. Not among them, so that nobody decodes them: types that MySQL 5.5 and older and
    MariaDB 5.3 wrote, whose width the log does not tell."""

    TINY = 1
    SHORT = 2
    LONG = 3
    FLOAT = 4
    DOUBLE = 5
    LONGLONG = 8
    INT24 = 9
    DATE = 10
    YEAR = 13
    VARCHAR = 15
    BIT = 16
    TIMESTAMP2 = 17
    DATETIME2 = 18
    TIME2 = 19
    #: MariaDB, a column with the attribute COMPRESSED.
    BLOB_COMPRESSED = 140
    VARCHAR_COMPRESSED = 141
    VECTOR = 242
    JSON = 245
    DECIMAL = 246
    ENUM = 247
    SET = 248
    BLOB = 252
    STRING = 254
    GEOMETRY = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedColumn:
    """A column as the log describes it."""

    kind: Kind
    #: "" where binlog_row_metadata is not FULL.
    name: str = ""
    nullable: bool
    #: Bytes of every value; 0 where each value begins with its length, of `prefix` bytes.
    size: int = 0
    prefix: int = 0
    #: Of CHAR, BINARY, VARCHAR and VARBINARY: the most bytes of a value.
    length: int = 0
    #: Of DECIMAL: digits in all, and after the point. Of times: digits of the fraction.
    precision: int = 0
    decimals: int = 0
    #: Of numbers; None where it is not told.
    unsigned: bool | None = None
    #: Id of the collation of text, ENUM and SET (63: bytes); None where it is not told.
    collation: int | None = None
    #: Of ENUM and SET, as bytes in the column's character set; None where they are not told.
    members: tuple[bytes, ...] | None = None
    #: Of GEOMETRY: the kind of shape. Of VECTOR: how many numbers.
    shape: int | None = None
    visible: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TableMap:
    """A table as the log describes it, for the row events that bear its id."""

    table_id: int
    database: str
    table: str
    columns: tuple[LoggedColumn, ...]
    #: Places of the primary key's columns, where told.
    primary_key: tuple[int, ...] = ()


def named_table(body: bytes) -> tuple[str, str]:
    """Database and table of a TABLE_MAP event, without reading on."""
    fields = Fields(body, 8)
    return fields.name(), fields.name()


def parse_table_map(body: bytes, *, mariadb: bool) -> TableMap:
    """The whole event (without header and checksum). The families differ in which columns have a collation told."""
    fields = Fields(body)
    table_id = fields.number(6)
    fields.take(2)  # flags
    database, table = fields.name(), fields.name()
    kinds = fields.take(fields.packed())
    described = Fields(fields.take(fields.packed()))
    nullable = fields.take((len(kinds) + 7) // 8)
    shapes = [_shape(kind, described) for kind in kinds]
    if described.left:
        raise UnknownEvent(f"more is said of the columns of {table} than their types have")
    told = _Told(
        [shape["kind"] for shape in shapes], _by_type(fields), _TEXTS | {Kind.GEOMETRY if mariadb else Kind.VECTOR}
    )
    columns = tuple(
        LoggedColumn(**shape, nullable=bool(nullable[at // 8] >> at % 8 & 1), **told.of(at))
        for at, shape in enumerate(shapes)
    )
    return TableMap(table_id=table_id, database=database, table=table, columns=columns, primary_key=told.primary_key)


class Fields:
    """Reads one field after the other; never past the end."""

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
        return _decoded(name)


_PACKED = {252: 2, 253: 3, 254: 8}


def _decoded(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        raise UnknownEvent("a name in the binlog is no UTF-8") from None


# Types, and how wide their values are.

_SIZES = {
    Kind.TINY: 1,
    Kind.SHORT: 2,
    Kind.INT24: 3,
    Kind.LONG: 4,
    Kind.LONGLONG: 8,
    Kind.YEAR: 1,
    Kind.DATE: 3,
}
#: Bytes of a time without its fraction.
_TIMES = {Kind.TIMESTAMP2: 4, Kind.DATETIME2: 5, Kind.TIME2: 3}
_NEWDATE, _VAR_STRING = 14, 253
_SAME = {_NEWDATE: Kind.DATE, _VAR_STRING: Kind.VARCHAR}


def _shape(code: int, described: Fields) -> dict[str, Any]:
    """Type and width of a column."""
    code = _SAME.get(code, code)
    if code not in Kind.__members__.values():
        raise UnknownEvent(f"columns of type {code} in the binlog")
    kind = Kind(code)
    if kind in _SIZES:
        return {"kind": kind, "size": _SIZES[kind]}
    if kind in _TIMES:
        decimals = described.number(1)
        return {"kind": kind, "size": _TIMES[kind] + (decimals + 1) // 2, "decimals": decimals}
    return _DESCRIBED[kind](kind, described)


def _float(kind: Kind, described: Fields) -> dict[str, Any]:
    size = described.number(1)
    if size != (4 if kind is Kind.FLOAT else 8):
        raise UnknownEvent(f"floating-point numbers of {size} bytes in the binlog")
    return {"kind": kind, "size": size}


def _bit(kind: Kind, described: Fields) -> dict[str, Any]:
    odd, whole = described.number(1), described.number(1)
    return {"kind": kind, "size": whole + (odd + 7) // 8}


def _decimal(kind: Kind, described: Fields) -> dict[str, Any]:
    precision, decimals = described.number(1), described.number(1)
    if decimals > precision:
        raise UnknownEvent("a decimal number in the binlog has more digits after its point than in all")
    size = sum(digits // 9 * 4 + DIGIT_BYTES[digits % 9] for digits in (precision - decimals, decimals))
    return {"kind": kind, "size": size, "precision": precision, "decimals": decimals}


def _varchar(kind: Kind, described: Fields) -> dict[str, Any]:
    length = described.number(2)
    return {"kind": kind, "prefix": 1 if length < 256 else 2, "length": length}


def _blob(kind: Kind, described: Fields) -> dict[str, Any]:
    prefix = described.number(1)
    if not 1 <= prefix <= 4:
        raise UnknownEvent(f"values in the binlog with a length of {prefix} bytes")
    return {"kind": kind, "prefix": prefix}


def _string(kind: Kind, described: Fields) -> dict[str, Any]:
    """CHAR, BINARY, ENUM or SET: two bits of a length over 255 hide, inverted, in the byte of the type."""
    code, low = described.number(1), described.number(1)
    if code in (Kind.ENUM, Kind.SET):
        return {"kind": Kind(code), "size": low}
    length = low | (~code & 0x30) << 4
    if code | 0x30 != kind:
        raise UnknownEvent(f"columns of type {code} in the binlog")
    return {"kind": kind, "prefix": 1 if length < 256 else 2, "length": length}


_DESCRIBED: Mapping[Kind, Callable[[Kind, Fields], dict[str, Any]]] = {
    Kind.FLOAT: _float,
    Kind.DOUBLE: _float,
    Kind.BIT: _bit,
    Kind.DECIMAL: _decimal,
    Kind.VARCHAR: _varchar,
    Kind.VARCHAR_COMPRESSED: _varchar,
    Kind.STRING: _string,
    Kind.ENUM: _string,
    Kind.SET: _string,
    **dict.fromkeys((Kind.BLOB, Kind.BLOB_COMPRESSED, Kind.JSON, Kind.GEOMETRY, Kind.VECTOR), _blob),
}


# Optional metadata.

_NUMBERS = frozenset(
    {Kind.TINY, Kind.SHORT, Kind.INT24, Kind.LONG, Kind.LONGLONG, Kind.YEAR, Kind.DECIMAL, Kind.FLOAT, Kind.DOUBLE}
)
#: Those for which a collation is told (63 for bytes). MySQL tells it of VECTOR too, MariaDB of GEOMETRY: seen in what
#: 9.7 and 10.11 wrote.
_TEXTS = frozenset({Kind.VARCHAR, Kind.STRING, Kind.BLOB, Kind.VARCHAR_COMPRESSED, Kind.BLOB_COMPRESSED})
_CHOICES = frozenset({Kind.ENUM, Kind.SET})


class _Optional(enum.IntEnum):
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


def _by_type(fields: Fields) -> dict[_Optional, bytes]:
    """What is told, by type. One that is not known may say that values mean something else: a stop."""
    found: dict[_Optional, bytes] = {}
    while fields.left:
        code = fields.number(1)
        if code not in _Optional.__members__.values():
            raise UnknownEvent(f"a table's metadata of type {code} in the binlog")
        found[_Optional(code)] = fields.text()
    return found


class _Told:
    """Optional metadata, spread over the columns that each kind of it is about."""

    def __init__(self, kinds: list[Kind], found: Mapping[_Optional, bytes], texts: frozenset[Kind]) -> None:
        self._kinds = kinds
        self._found = found
        self._columns: list[dict[str, Any]] = [{} for _ in kinds]
        self._bits(_Optional.SIGNEDNESS, "unsigned", _NUMBERS)
        self._bits(_Optional.COLUMN_VISIBILITY, "visible", frozenset(Kind))
        self._collations(_Optional.DEFAULT_CHARSET, _Optional.COLUMN_CHARSET, texts)
        self._collations(_Optional.ENUM_AND_SET_DEFAULT_CHARSET, _Optional.ENUM_AND_SET_COLUMN_CHARSET, _CHOICES)
        self._each(_Optional.COLUMN_NAME, "name", frozenset(Kind), lambda fields: _decoded(fields.text()))
        self._each(_Optional.SET_STR_VALUE, "members", frozenset({Kind.SET}), _members)
        self._each(_Optional.ENUM_STR_VALUE, "members", frozenset({Kind.ENUM}), _members)
        self._each(_Optional.GEOMETRY_TYPE, "shape", frozenset({Kind.GEOMETRY}), Fields.packed)
        self._each(_Optional.VECTOR_DIMENSIONALITY, "shape", frozenset({Kind.VECTOR}), Fields.packed)
        self.primary_key = tuple(self._primary_key())

    def of(self, at: int) -> dict[str, Any]:
        """What is told of the column at this place."""
        return self._columns[at]

    def _places(self, kinds: frozenset[Kind]) -> list[int]:
        return [at for at, kind in enumerate(self._kinds) if kind in kinds]

    def _bits(self, code: _Optional, what: str, kinds: frozenset[Kind]) -> None:
        """One bit for each column, the highest first."""
        if code not in self._found:
            return
        bits, places = self._found[code], self._places(kinds)
        if len(bits) != (len(places) + 7) // 8:
            raise UnknownEvent(f"a table's metadata of type {code} in the binlog has another length than its columns")
        for number, at in enumerate(places):
            self._columns[at][what] = bool(bits[number // 8] & 0x80 >> number % 8)

    def _each(self, code: _Optional, what: str, kinds: frozenset[Kind], read: Callable[[Fields], object]) -> None:
        """One value after the other, for each column."""
        if code not in self._found:
            return
        fields = Fields(self._found[code])
        for at in self._places(kinds):
            self._columns[at][what] = read(fields)
        if fields.left:
            raise UnknownEvent(f"a table's metadata of type {code} in the binlog has another length than its columns")

    def _collations(self, default: _Optional, each: _Optional, kinds: frozenset[Kind]) -> None:
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
        fields = Fields(self._found.get(_Optional.SIMPLE_PRIMARY_KEY, b""))
        while fields.left:
            yield fields.packed()
        for at, _ in _pairs(Fields(self._found.get(_Optional.PRIMARY_KEY_WITH_PREFIX, b""))):
            yield at


def _members(fields: Fields) -> tuple[bytes, ...]:
    return tuple(fields.text() for _ in range(fields.packed()))


def _pairs(fields: Fields) -> Iterator[tuple[int, int]]:
    while fields.left:
        yield fields.packed(), fields.packed()
