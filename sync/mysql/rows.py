"""Rows of mapped tables by SELECT, as canonical rows of their documents. Shared by target and reader."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sync.model.change import ConflictKind, DocumentId, Hold, Row, RowKey, Value
from sync.model.codecs import NotCanonical
from sync.model.mapping import TableMapping
from sync.mysql.server import Connection, quoted, translated

#: Keys in one statement.
_CHUNK = 1000
_Rows = dict[DocumentId, dict[str, dict[RowKey, Row]]]

#: A condition on the root key's column ("{}" stands for it) and its values.
Clause = tuple[str, tuple[object, ...]]


def keys_clause(keys: Sequence[Value]) -> list[Clause]:
    """The rows of these documents, in statements of bounded size."""
    return [("{} IN %s", (tuple(keys[start : start + _CHUNK]),)) for start in range(0, len(keys), _CHUNK)]


def read_rows(
    connection: Connection,
    table: TableMapping,
    clauses: Sequence[Clause],
    lock: str,
    rows: _Rows,
    problems: dict[DocumentId, Hold],
) -> None:
    """Read the table's rows into `rows` (document -> table -> key -> row). A value that its codec refuses makes its
    document a problem. `lock` ends the statement ("" for none)."""
    names = (*table.key, *table.columns)
    listed = ", ".join(quoted(name) for name in names)
    for condition, values in clauses:
        where = condition.format(quoted(table.key[0]))
        with translated(), connection.cursor() as cursor:
            cursor.execute(f"SELECT {listed} FROM {quoted(table.name)} WHERE {where} {lock}", values)
            for raw in cursor.fetchall():
                _put(table, dict(zip(names, raw, strict=True)), rows, problems)


def _put(table: TableMapping, raw: Mapping[str, object], rows: _Rows, problems: dict[DocumentId, Hold]) -> None:
    document = DocumentId(table.collection, _key(table, raw))
    try:
        key = tuple(table.codecs[name].from_column(raw[name]) for name in table.key)
        row = dict(_values(table, raw))
    except NotCanonical as error:
        reason = f"{table.name}: {error}"
        problems[document] = Hold(kind=ConflictKind.UNMAPPABLE_DOCUMENT, reason=reason, table=table.name)
        rows.setdefault(document, {}).setdefault(table.name, {})
        return
    rows.setdefault(document, {}).setdefault(table.name, {})[key] = row


def _values(table: TableMapping, raw: Mapping[str, object]) -> Iterator[tuple[str, Value]]:
    for name in table.columns:
        value = raw[name]
        if value is None and name in table.nullable:
            yield name, None
        else:
            yield name, table.codecs[name].from_column(value)


def _key(table: TableMapping, raw: Mapping[str, object]) -> Value:
    name = table.key[0]
    try:
        return table.codecs[name].from_column(raw[name])
    except NotCanonical:
        return str(raw[name])
