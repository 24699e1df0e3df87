"""The mapping against the live tables: every problem, as text. Pure: it is given what information_schema says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sync.model.codecs import Column
from sync.model.mapping import SyncMapping, TableMapping

_SELF_WRITTEN = ("auto_increment", "on update", "generated")


def check_tables(
    mapping: SyncMapping,
    columns: Mapping[str, Mapping[str, Column]],
    keys: Mapping[str, Sequence[Sequence[str]]],
) -> list[str]:
    """Problems of the mapping against the schema. `columns` by table and name; `keys` the columns of each unique key of a
    table, PRIMARY included. A table that is absent stands in neither."""
    problems: list[str] = []
    for table in mapping.tables.values():
        if table.name not in columns:
            problems.append(f"table {table.name} does not exist")
            continue
        problems += _columns(table, columns[table.name])
        if set(table.key) not in [set(key) for key in keys.get(table.name, ())]:
            problems.append(f"{table.name}: a primary or unique key of exactly {', '.join(table.key)} is needed")
    return problems


def _columns(table: TableMapping, columns: Mapping[str, Column]) -> list[str]:
    problems = []
    for name, codec in table.codecs.items():
        column = columns.get(name)
        if column is None:
            problems.append(f"{table.name}: column {name} does not exist")
            continue
        reason = codec.check(column) or (codec.check_key(column) if name in table.key else None)
        if reason:
            problems.append(f"{table.name}.{name}: codec {codec.name}: {reason}, found {column.column_type}")
        written = [one for one in _SELF_WRITTEN if one in column.extra and column.extra != "default_generated"]
        if written:
            problems.append(
                f"{table.name}.{name}: MySQL changes it by itself ({written[0]}), which is not in this version"
            )
        if column.nullable and name not in table.nullable:
            problems.append(f'{table.name}.{name}: it may be NULL; make it NOT NULL, or map it with null = "absent"')
        if not column.nullable and name in table.nullable:
            problems.append(f'{table.name}.{name}: mapped with null = "absent", but it is NOT NULL')
    return problems
