"""What a codec is: the single owner of how a datum looks in MySQL, in MongoDB and in between."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeAlias

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
    #: CHARACTER_MAXIMUM_LENGTH: of CHAR and VARCHAR in characters, of BINARY and VARBINARY in bytes.
    length: int | None
    #: DATETIME_PRECISION.
    precision: int | None
    #: EXTRA, lower case: "auto_increment", "on update current_timestamp", "virtual generated" ...
    extra: str
    #: Of ENUM and SET, as they are spelt.
    members: tuple[str, ...] = ()
    #: Of a server of that family.
    mariadb: bool = False


#: Makes of a canonical value what a MySQL driver takes. Raises `NotCanonical` for what a column would change without a word.
Writer: TypeAlias = Callable[[Value], object]


class Codec(Protocol):
    """NULL never reaches a codec: whether a column may be NULL is the mapping's matter."""

    @property
    def name(self) -> str: ...

    @property
    def serves(self) -> tuple[str, ...]:
        """The types of columns, as SQL."""

    @property
    def bson(self) -> str:
        """The type of BSON, for people."""

    @property
    def refuses(self) -> str:
        """What it does not take besides values of other types, for people."""

    @property
    def tells_apart(self) -> bool:
        """Whether rows may be found by such a value: MySQL compares it as Python does."""

    @property
    def takes_null(self) -> bool:
        """Whether a null of BSON is a value of its own, and not NULL."""

    @property
    def selected(self) -> str:
        """What a SELECT must ask for; "{}" stands for the column."""

    def check(self, column: Column) -> str | None:
        """Why this codec cannot serve the column (what is allowed), or None."""

    def check_key(self, column: Column) -> str | None:
        """The same for a column that rows are found by, where `check` finds nothing wrong."""

    def from_column(self, value: object) -> Value:
        """From what a MySQL driver gives, by SELECT or from the binlog. Raises `NotCanonical`. None: it counts as NULL."""

    def to_column(self, value: Value) -> object:
        """To what a MySQL driver takes, for a column that holds it already."""

    def writer(self, column: Column) -> Writer:
        """`to_column` for a new value of a column that `check` finds nothing wrong with."""

    def from_bson(self, value: object) -> Value:
        """From what pymongo decodes. Raises `NotCanonical`."""

    def to_bson(self, value: Value) -> object:
        """To what pymongo encodes."""


class Plain:
    """What most codecs have in common."""

    serves: ClassVar[tuple[str, ...]]
    refuses: ClassVar[str] = ""
    tells_apart: ClassVar[bool] = True
    takes_null: ClassVar[bool] = False
    selected: ClassVar[str] = "{}"

    def check_key(self, column: Column) -> str | None:
        return None

    def to_column(self, value: Value) -> object:
        return value

    def writer(self, column: Column) -> Writer:
        return self.to_column

    def to_bson(self, value: Value) -> object:
        return value


def refused(allowed: str, value: object) -> NotCanonical:
    """The error for a value of another type."""
    return NotCanonical(f"{allowed} is allowed, found {type(value).__name__}")


#: What stands in decoded text for bytes that are no UTF-8.
_SURROGATE = re.compile("[\ud800-\udfff]")


def is_text(value: str) -> bool:
    """Whether it can be written as UTF-8."""
    return value.isascii() or not _SURROGATE.search(value)


_NUMBERS = re.compile(r"\(([\d, ]+)\)")


def numbers_of(column: Column) -> tuple[int, ...]:
    """Those of its type: of DECIMAL(10,2) they are 10 and 2."""
    found = _NUMBERS.search(column.column_type)
    return tuple(map(int, found[1].split(","))) if found else ()


def decimal_digits(column: Column) -> tuple[int, int]:
    """Of DECIMAL: all digits, and those after the point (MySQL manual, "DECIMAL, NUMERIC": 10 and 0 where none are named)."""
    numbers = numbers_of(column)
    digits, after = (*numbers, *(10, 0)[len(numbers) :])
    return digits, after


def is_unsigned(column: Column) -> bool:
    """Of a number."""
    return "unsigned" in column.column_type


#: Bits of MySQL's whole numbers (MySQL manual, "Integer Types").
_BITS = {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}


def whole_range(column: Column) -> tuple[int, int] | None:
    """The least that a column of whole numbers holds, and the first that is too large; None of any other column."""
    bits = _BITS.get(column.data_type)
    if bits is None:
        return None
    return (0, 2**bits) if is_unsigned(column) else (-(2 ** (bits - 1)), 2 ** (bits - 1))
