"""Rows of mapped tables by SELECT, as canonical rows of their documents, and keys as they stand in a column.

Shared by all that reads or writes rows; opens no transaction.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple, NoReturn, cast

from sync.model.change import ConflictKind, DocumentId, DocumentRows, Hold, Row, RowKey, Value
from sync.model.codecs import NotCanonical
from sync.model.mapping import CollectionMapping, SyncMapping, TableMapping
from sync.model.values import FOREIGN
from sync.mysql.result import UnreadRows
from sync.mysql.server import Connection, quoted, translated
from sync.ports import Current

#: Keys in one statement.
_CHUNK = 1000
#: Characters of a key that is none, so that it fits where keys of documents are stored.
_LONGEST_KEY = 200
_NO_KEY = object()
_Rows = dict[DocumentId, dict[str, dict[RowKey, Row]]]

#: A condition on the root key's column ("{}" stands for it) or more of the key, and its values.
Clause = tuple[str, tuple[object, ...]]


class Problem(NamedTuple):
    """Why a document's rows cannot be carried, and the row that stands in the way as text for people."""

    hold: Hold
    stored: str


class CanonicalRows:
    """Canonical rows of a table, from its columns' values as the driver or the binlog gives them, in the order of `names`."""

    def __init__(self, table: TableMapping) -> None:
        self.table = table
        #: Of the key, then the others.
        self.names = (*table.key, *table.columns)
        #: What a SELECT asks for to get them.
        self.selected = ", ".join(table.codecs[name].selected.replace("{}", quoted(name)) for name in self.names)
        key, *others = (table.codecs[name].from_column for name in self.names)
        # The keys of nearly all documents are ObjectIds, which never begin so: they are not asked for each row.
        own = key if table.codecs[self.names[0]].name == "objectid" else _own_key(key)
        self._takes: list[Callable[[object], Value]] = [own, *others]
        self._convert = self._compiled()

    def row(self, raw: Sequence[object]) -> tuple[RowKey, Row]:
        """Key and row. Raises `NotCanonical`, naming the column."""
        try:
            return self._convert(raw)
        except NotCanonical:
            raise self._refused(raw) from None

    def _compiled(self) -> Callable[[Sequence[object]], tuple[RowKey, Row]]:
        """One function for all columns. Of a key `id` and the columns `name` and, which may be NULL, `opened` it is

        def convert(raw):
            v0, v1, v2, = raw
            return (absent() if v0 is None else t0(v0), ), {
                n1: absent() if v1 is None else t1(v1), n2: None if v2 is None else t2(v2), }
        """
        names: dict[str, object] = {"absent": _absent}
        key, row = "", ""
        for at, (name, take) in enumerate(zip(self.names, self._takes, strict=True)):
            names |= {f"t{at}": take, f"n{at}": name}
            null = "None" if name in self.table.nullable else "absent()"
            value = f"{null} if v{at} is None else t{at}(v{at}), "
            if at < len(self.table.key):
                key += value
            else:
                row += f"n{at}: {value}"
        values = "".join(f"v{at}, " for at in range(len(self.names)))
        text = f"def convert(raw):\n    {values}= raw\n    return ({key}), {{{row}}}"
        exec(compile(text, "<row>", "exec"), names)  # noqa: S102 - made of numbers only
        return cast("Callable[[Sequence[object]], tuple[RowKey, Row]]", names["convert"])

    def document(self, raw: Sequence[object]) -> DocumentId:
        """The document that a row belongs to, by the first column of its key; text that begins with "?" where the codec
        does not take it."""
        try:
            return DocumentId(self.table.collection, self._takes[0](raw[0]))
        except NotCanonical:
            return DocumentId(self.table.collection, f"{FOREIGN}{raw[0]}"[:_LONGEST_KEY])

    def problem(self, error: NotCanonical) -> Hold:
        """Why a document must be held."""
        reason = f"{self.table.name}: {error}"
        return Hold(kind=ConflictKind.UNMAPPABLE_DOCUMENT, reason=reason, table=self.table.name)

    def _refused(self, raw: Sequence[object]) -> NotCanonical:
        """What is wrong with it, and where."""
        for name, value, take in zip(self.names, raw, self._takes, strict=True):
            try:
                if value is None and name not in self.table.nullable:
                    _absent()
                if value is not None:
                    take(value)
            except NotCanonical as error:
                return NotCanonical(f"column {name}: {error}")
        raise AssertionError("a row was refused once and not again")


def _own_key(take: Callable[[object], Value]) -> Callable[[object], Value]:
    """Of a document's key: what begins as foreign ones do is none, or it would be taken for one of them."""

    def own(value: object) -> Value:
        key = take(value)
        if isinstance(key, str) and key.startswith(FOREIGN):
            raise NotCanonical(f'a key that does not begin with "{FOREIGN}" is allowed')
        return key

    return own


def _absent() -> NoReturn:
    raise NotCanonical("a value is needed, found NULL")


def canonical_rows(mapping: SyncMapping) -> dict[str, CanonicalRows]:
    """Of each mapped table. Compiled, so made once by who reads again and again."""
    return {name: CanonicalRows(table) for name, table in mapping.tables.items()}


def column_key(collection: CollectionMapping, key: Value) -> Value:
    """What stands in the column: the inverse of `CanonicalRows.document`."""
    if isinstance(key, str) and key.startswith(FOREIGN):
        raw = key.removeprefix(FOREIGN)
        if raw.startswith(FOREIGN):
            return raw
        try:
            collection.id.codec.from_column(raw)
        except NotCanonical:
            return raw
    return key


def keys_clause(collection: CollectionMapping, keys: Sequence[Value]) -> list[Clause]:
    """The rows of these documents, in statements of bounded size."""
    stored = [column_key(collection, key) for key in keys]
    return [("{} IN %s", (tuple(stored[start : start + _CHUNK]),)) for start in range(0, len(stored), _CHUNK)]


def places_clause(
    collection: CollectionMapping, table: TableMapping, places: Iterable[tuple[DocumentId, Collection[int]]]
) -> list[Clause]:
    """The rows at these positions of a list of the root's, of each document. MariaDB scans the whole table for a list of one
    such pair, so that one is written out."""
    position = quoted(table.key[1])
    stored = [(column_key(collection, one.key), place) for one, of in places for place in sorted(of)]
    chunks = [tuple(stored[start : start + _CHUNK]) for start in range(0, len(stored), _CHUNK)]
    return [
        (f"{{}} = %s AND {position} = %s", chunk[0]) if len(chunk) == 1 else (f"({{}}, {position}) IN %s", (chunk,))
        for chunk in chunks
    ]


def read_rows(
    connection: Connection,
    table: CanonicalRows,
    clauses: Sequence[Clause],
    rows: _Rows,
    problems: dict[DocumentId, Problem],
    *,
    hint: str = "",
    lock: str = "",
) -> None:
    """Read the table's rows into `rows` (document -> table -> key -> row). A value that its codec refuses makes its
    document a problem. `hint` follows the table's name, `lock` ends the statement."""
    for condition, values in clauses:
        with translated(), connection.cursor() as cursor:
            cursor.execute(_select(table, condition, hint, lock), values)
            put_rows(table, cursor.fetchall(), rows, problems)


def unread_rows(connection: Connection, table: CanonicalRows, clause: Clause, *, hint: str = "") -> UnreadRows:
    """The same rows, to be put in their places by `put_rows` later."""
    with translated():
        return connection.unread(_select(table, clause[0], hint, ""), clause[1])


def _select(table: CanonicalRows, condition: str, hint: str, lock: str) -> str:
    where = condition.format(quoted(table.table.key[0]))
    return f"SELECT {table.selected} FROM {quoted(table.table.name)} {hint} WHERE {where} {lock}"


def as_current(rows: DocumentRows, problem: Problem | None, partial: frozenset[str] = frozenset()) -> Current:
    """A document as it stands."""
    if problem is None:
        return Current(rows, partial=partial)
    return Current(rows, problem.hold, problem.stored, partial)


def put_rows(
    table: CanonicalRows, found: Iterable[Sequence[object]], rows: _Rows, problems: dict[DocumentId, Problem]
) -> None:
    """See `read_rows`. Rows of a document mostly come one after the other."""
    name, collection, take = table.table.name, table.table.collection, table.row
    last: object = _NO_KEY
    here: dict[RowKey, Row] = {}
    for raw in found:
        try:
            key, row = take(raw)
        except NotCanonical as error:
            document = table.document(raw)
            stored = json.dumps({name: dict(zip(table.names, raw, strict=True))}, default=str, ensure_ascii=False)
            problems[document] = Problem(table.problem(error), stored)
            rows.setdefault(document, {}).setdefault(name, {})
            continue
        if key[0] != last:
            last = key[0]
            here = rows.setdefault(DocumentId(collection, last), {}).setdefault(name, {})
        here[key] = row
