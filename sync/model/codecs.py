"""One codec per kind of value: the single owner of how a datum looks in MySQL, in MongoDB and in between.

A canonical value is the same whether it came by SELECT, binlog, find or change stream. Lossless both ways, or refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bson import ObjectId

from sync.model.change import Value


class NotCanonical(ValueError):
    """A value that a codec does not take. The text says what is allowed and which type was found, never the value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column as information_schema.columns describes it."""

    name: str
    #: DATA_TYPE, lower case: "char", "varchar", "longtext", "int", "tinyint", "datetime" ...
    data_type: str
    #: COLUMN_TYPE, lower case: "tinyint(1)", "int unsigned" ...
    column_type: str
    nullable: bool
    collation: str | None
    #: CHARACTER_MAXIMUM_LENGTH, in characters.
    length: int | None
    #: DATETIME_PRECISION.
    precision: int | None
    #: EXTRA, lower case: "auto_increment", "on update current_timestamp", "virtual generated" ...
    extra: str


class Codec(Protocol):
    """NULL never reaches a codec: whether a column may be NULL is the mapping's matter."""

    @property
    def name(self) -> str: ...

    def check(self, column: Column) -> str | None:
        """Why this codec cannot serve the column (what is allowed), or None."""

    def from_column(self, value: object) -> Value:
        """From what a MySQL driver gives, by SELECT or from the binlog. Raises `NotCanonical`."""

    def to_column(self, value: Value) -> object:
        """To what a MySQL driver takes."""

    def from_bson(self, value: object) -> Value:
        """From what pymongo decodes. Raises `NotCanonical`."""

    def to_bson(self, value: Value) -> object:
        """To what pymongo encodes."""


def _refuse(allowed: str, value: object) -> NotCanonical:
    return NotCanonical(f"{allowed} is allowed, found {type(value).__name__}")


_HEX_ID = re.compile(r"[0-9a-f]{24}")
#: What stands in decoded text for bytes that are no UTF-8.
_SURROGATE = re.compile("[\ud800-\udfff]")


class ObjectIdCodec:
    """An ObjectId as 24 lower-case hexadecimal digits."""

    name = "objectid"

    def check(self, column: Column) -> str | None:
        if column.data_type not in ("char", "varchar") or (column.length or 0) < 24:
            return "CHAR(24) is needed"
        if column.collation != "ascii_bin":
            return "collation ascii_bin is needed"
        return None

    def from_column(self, value: object) -> Value:
        if isinstance(value, str) and _HEX_ID.fullmatch(value):
            return value
        raise _refuse("text of 24 lower-case hexadecimal digits", value)

    def to_column(self, value: Value) -> object:
        return value

    def from_bson(self, value: object) -> Value:
        if isinstance(value, ObjectId):
            return value.binary.hex()
        raise _refuse("ObjectId", value)

    def to_bson(self, value: Value) -> object:
        return ObjectId(bytes.fromhex(str(value)))


class StringCodec:
    """Text, byte for byte."""

    name = "string"

    def check(self, column: Column) -> str | None:
        if column.data_type not in ("char", "varchar", "tinytext", "text", "mediumtext", "longtext"):
            return "a text column is needed"
        if column.data_type == "char":
            return "VARCHAR or TEXT is needed: CHAR drops trailing blanks"
        if column.collation not in ("utf8mb4_0900_bin", "utf8mb4_nopad_bin"):
            return "collation utf8mb4_0900_bin (MariaDB: utf8mb4_nopad_bin) is needed"
        return None

    def from_column(self, value: object) -> Value:
        if isinstance(value, str):
            return value
        raise _refuse("text", value)

    def to_column(self, value: Value) -> object:
        return value

    def from_bson(self, value: object) -> Value:
        if type(value) is str:
            if not value.isascii() and _SURROGATE.search(value):
                raise NotCanonical("text in UTF-8 is allowed, found other bytes")
            return value
        raise _refuse("string", value)

    def to_bson(self, value: Value) -> object:
        return value


class Int32Codec:
    """A whole number of 32 bits; int64 and double are other types in BSON and are refused."""

    name = "int32"

    def check(self, column: Column) -> str | None:
        return None if column.column_type in ("int", "int(11)") else "INT (signed) is needed"

    def from_column(self, value: object) -> Value:
        return self._in_range(value)

    def to_column(self, value: Value) -> object:
        return value

    def from_bson(self, value: object) -> Value:
        return self._in_range(value)

    def to_bson(self, value: Value) -> object:
        return value

    def _in_range(self, value: object) -> int:
        if type(value) is int and -(2**31) <= value < 2**31:
            return value
        raise _refuse("int32", value)


class BoolCodec:
    """True or false; 1 or 0 in MySQL."""

    name = "bool"

    def check(self, column: Column) -> str | None:
        return None if column.column_type == "tinyint(1)" else "BOOL (TINYINT(1)) is needed"

    def from_column(self, value: object) -> Value:
        if type(value) is int and value in (0, 1):
            return value == 1
        raise _refuse("0 or 1", value)

    def to_column(self, value: Value) -> object:
        return 1 if value else 0

    def from_bson(self, value: object) -> Value:
        if type(value) is bool:
            return value
        raise _refuse("bool", value)

    def to_bson(self, value: Value) -> object:
        return value


class DateCodec:
    """A moment in UTC, in whole milliseconds, as a BSON date holds it, within what DATETIME holds."""

    name = "date"
    #: MySQL's documented range of DATETIME begins here (manual, "The DATE, DATETIME, and TIMESTAMP Types").
    first = datetime(1000, 1, 1)  # noqa: DTZ001 - canonical dates are naive UTC

    def check(self, column: Column) -> str | None:
        if column.data_type != "datetime" or column.precision != 3:
            return "DATETIME(3) is needed"
        return None

    def from_column(self, value: object) -> Value:
        return self._canonical(value)

    def to_column(self, value: Value) -> object:
        return value

    def from_bson(self, value: object) -> Value:
        return self._canonical(value)

    def to_bson(self, value: Value) -> object:
        return value

    def _canonical(self, value: object) -> datetime:
        if not isinstance(value, datetime) or value.tzinfo is not None:
            raise _refuse("date (UTC, without a zone)", value)
        if value.microsecond % 1000 or value < self.first:
            raise NotCanonical("a date from the year 1000 on, in whole milliseconds, is allowed")
        return value


CODECS: Mapping[str, Codec] = {
    codec.name: codec for codec in (ObjectIdCodec(), StringCodec(), Int32Codec(), BoolCodec(), DateCodec())
}
