"""What a TABLE_MAP event tells of a table. Bytes in, values out; whatever is cut off or not known raises `UnknownEvent`.

Layouts: mysql-server, libs/mysql/binlog/event/rows_event.h (Table_map_event), and the `save_field_metadata` of each class
in sql/field.cc; MariaDB, sql/log_event.h.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sync.errors import UnknownEvent
from sync.mysql.decimals import DIGIT_BYTES
from sync.mysql.fields import Fields
from sync.mysql.logged_column import Kind, LoggedColumn
from sync.mysql.table_metadata import TEXTS, Told, by_type


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
    told = Told(
        [shape["kind"] for shape in shapes], by_type(fields), TEXTS | {Kind.GEOMETRY if mariadb else Kind.VECTOR}
    )
    columns = tuple(
        LoggedColumn(**shape, nullable=bool(nullable[at // 8] >> at % 8 & 1), **told.of(at))
        for at, shape in enumerate(shapes)
    )
    return TableMap(table_id=table_id, database=database, table=table, columns=columns, primary_key=told.primary_key)


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
