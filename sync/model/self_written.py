"""Which columns MySQL writes by itself. Pure: it is given what information_schema says.

What a statement gives stands as it is: a codec's writer refuses what a column would round, cut or fill up.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sync.model.codecs import Column
from sync.model.mapping import TableMapping


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfWritten:
    """What MySQL makes of a mapped table's rows by itself."""

    #: Column -> how, for people.
    columns: Mapping[str, str]
    #: Columns that no statement gives a value.
    generated: frozenset[str]
    #: NOT NULL columns that are mapped with null = "absent": where the field is absent, MySQL gives the value.
    defaulted: frozenset[str]
    #: Of those, the AUTO_INCREMENT ones.
    numbered: frozenset[str] = frozenset()


def self_written(table: TableMapping, columns: Mapping[str, Column], defaults: Collection[str]) -> SelfWritten | None:
    """Of a table with these columns; None where what is written stands. `defaults` are those that have a default."""
    found: dict[str, str] = {}
    generated: set[str] = set()
    defaulted: set[str] = set()
    for name in table.codecs:
        column = columns.get(name)
        if column is None:
            continue
        how = "" if numbers_documents(table, column) else by_itself(column)
        if how == "generated":
            generated.add(name)
        elif name in table.nullable and gives_itself(column, defaults):
            defaulted.add(name)
            how = how or "default"
        if how:
            found[name] = how
    if not found:
        return None
    return SelfWritten(
        columns=found,
        generated=frozenset(generated),
        defaulted=frozenset(defaulted),
        numbered=frozenset(name for name in defaulted if found[name] == "auto_increment"),
    )


def by_itself(column: Column) -> str:
    """How MySQL changes it though no statement says so; "" where it does not."""
    extra = column.extra.replace("default_generated", "")
    return next((how for how in ("auto_increment", "on update", "generated") if how in extra), "")


def numbers_documents(table: TableMapping, column: Column) -> bool:
    """Whether it is the AUTO_INCREMENT key of a root table: a document brings its own number, and MySQL takes it."""
    return table.parent is None and column.name in table.key and by_itself(column) == "auto_increment"


def gives_itself(column: Column, defaults: Collection[str]) -> bool:
    """Whether MySQL has a value for a NOT NULL column that a statement leaves out."""
    return not column.nullable and (column.name in defaults or by_itself(column) in ("auto_increment", "generated"))
