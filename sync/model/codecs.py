"""One codec per kind of value: the single owner of how a datum looks in MySQL, in MongoDB and in between.

A canonical value is the same whether it came by SELECT, binlog, find or change stream. Lossless both ways, or refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

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
