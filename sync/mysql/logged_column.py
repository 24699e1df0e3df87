"""Columns as the log describes them: their types (mysql-server, include/field_types.h; MariaDB, include/mysql_com.h, which
adds compressed columns) and what is told of each."""

from __future__ import annotations

import enum
from dataclasses import dataclass


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
