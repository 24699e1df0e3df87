"""Rows of mapped tables by SELECT, as canonical rows of their documents, and keys as they stand in a column.

Shared by all that reads or writes rows; opens no transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sync.model.change import ConflictKind, DocumentId, Hold, Row, RowKey, Value
from sync.model.codecs import NotCanonical
from sync.model.mapping import CollectionMapping, TableMapping
from sync.model.values import FOREIGN
from sync.mysql.server import Connection, quoted, translated

#: Keys in one statement.
_CHUNK = 1000
#: Characters of a key that is none, so that it fits where keys of documents are stored.
_LONGEST_KEY = 200
_Rows = dict[DocumentId, dict[str, dict[RowKey, Row]]]

#: A condition on the root key's column ("{}" stands for it) and its values.
Clause = tuple[str, tuple[object, ...]]


def document_key(table: TableMapping, raw: object) -> Value:
    """The key of the document that a row belongs to, from the first column of the row's key; text that begins with "?"
    where the codec does not take it."""
    try:
        return table.codecs[table.key[0]].from_column(raw)
    except NotCanonical:
        return f"{FOREIGN}{raw}"[:_LONGEST_KEY]


def canonical(table: TableMapping, column: str, value: object) -> Value:
    """A column's value as the driver gives it, by SELECT or from the binlog. Raises `NotCanonical`, naming the column."""
    if value is None:
        if column in table.nullable:
            return None
        raise NotCanonical(f"column {column}: a value is needed, found NULL")
    try:
        return table.codecs[column].from_column(value)
    except NotCanonical as error:
        raise NotCanonical(f"column {column}: {error}") from None


def column_key(collection: CollectionMapping, key: Value) -> Value:
    """What stands in the column: the inverse of `document_key`."""
    if isinstance(key, str) and key.startswith(FOREIGN):
        raw = key.removeprefix(FOREIGN)
        try:
            collection.id.codec.from_column(raw)
        except NotCanonical:
            return raw
    return key


def keys_clause(collection: CollectionMapping, keys: Sequence[Value]) -> list[Clause]:
    """The rows of these documents, in statements of bounded size."""
    stored = [column_key(collection, key) for key in keys]
    return [("{} IN %s", (tuple(stored[start : start + _CHUNK]),)) for start in range(0, len(stored), _CHUNK)]


def read_rows(
    connection: Connection,
    table: TableMapping,
    clauses: Sequence[Clause],
    rows: _Rows,
    problems: dict[DocumentId, Hold],
    *,
    hint: str = "",
    lock: str = "",
) -> None:
    """Read the table's rows into `rows` (document -> table -> key -> row). A value that its codec refuses makes its
    document a problem. `hint` follows the table's name, `lock` ends the statement."""
    names = (*table.key, *table.columns)
    listed = ", ".join(quoted(name) for name in names)
    for condition, values in clauses:
        where = condition.format(quoted(table.key[0]))
        with translated(), connection.cursor() as cursor:
            cursor.execute(f"SELECT {listed} FROM {quoted(table.name)} {hint} WHERE {where} {lock}", values)
            for raw in cursor.fetchall():
                _put(table, dict(zip(names, raw, strict=True)), rows, problems)


def _put(table: TableMapping, raw: Mapping[str, object], rows: _Rows, problems: dict[DocumentId, Hold]) -> None:
    document = DocumentId(table.collection, document_key(table, raw[table.key[0]]))
    try:
        values = {name: canonical(table, name, raw[name]) for name in (*table.key, *table.columns)}
    except NotCanonical as error:
        reason = f"{table.name}: {error}"
        problems[document] = Hold(kind=ConflictKind.UNMAPPABLE_DOCUMENT, reason=reason, table=table.name)
        rows.setdefault(document, {}).setdefault(table.name, {})
        return
    key = tuple(values.pop(name) for name in table.key)
    rows.setdefault(document, {}).setdefault(table.name, {})[key] = values
