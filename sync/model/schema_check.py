"""The mapping against the live tables: every problem, as text. Pure: it is given what information_schema says."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sync.model.codecs import Column
from sync.model.mapping import SyncMapping, TableMapping
from sync.model.self_written import by_itself, gives_itself, numbers_documents


def check_tables(
    mapping: SyncMapping,
    columns: Mapping[str, Mapping[str, Column]],
    keys: Mapping[str, Sequence[Sequence[str]]],
    defaults: Mapping[str, Collection[str]] | None = None,
) -> list[str]:
    """Problems of the mapping against the schema. `columns` by table and name; `keys` the columns of each unique key of a
    table, PRIMARY included; `defaults` those of its columns that have a default. A table that is absent stands in none."""
    problems: list[str] = []
    for table in mapping.tables.values():
        if table.name not in columns:
            problems.append(f"table {table.name} does not exist")
            continue
        problems += _columns(table, columns[table.name], (defaults or {}).get(table.name, ()))
        if set(table.key) not in [set(key) for key in keys.get(table.name, ())]:
            problems.append(f"{table.name}: a primary or unique key of exactly {', '.join(table.key)} is needed")
        if any(table.position in key for key in keys.get(table.name, ())):
            problems.append(
                f"{table.name}: a unique key holds {table.position}, but elements that move pass each other"
            )
    return problems


def _columns(table: TableMapping, columns: Mapping[str, Column], defaults: Collection[str]) -> list[str]:
    problems = []
    for name, codec in table.codecs.items():
        column = columns.get(name)
        if column is None:
            problems.append(f"{table.name}: column {name} does not exist")
            continue
        reason = codec.check(column) or (codec.check_key(column) if name in table.key else None)
        if reason:
            problems.append(f"{table.name}.{name}: codec {codec.name}: {reason}, found {column.column_type}")
        if name in table.key and by_itself(column) and not numbers_documents(table, column):
            problems.append(
                f"{table.name}.{name}: MySQL gives it by itself ({by_itself(column)}), but it is a key, which its document"
                " has before the row: map it as a field, or as none"
            )
        if column.nullable and name not in table.nullable:
            problems.append(
                f'{table.name}.{name}: it may be NULL; make it NOT NULL, or map it with null = "absent" or "null"'
            )
        if not column.nullable and name in table.nullable and not gives_itself(column, defaults):
            problems.append(f"{table.name}.{name}: mapped with null = …, but it is NOT NULL and has no default")
    return problems
