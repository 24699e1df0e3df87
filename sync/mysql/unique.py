"""Unique keys of mapped tables beside the one that rows are found by: what rows claim under them, which rows are in the way,
and how one row makes room for another inside a transaction.
"""

from __future__ import annotations

import random
import secrets
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import cast

from sync.errors import Refused
from sync.model.change import Blocker, DocumentId, Row, RowChange, RowKey, Value
from sync.model.codecs import Column, NotCanonical
from sync.model.codecs.base import decimal_digits
from sync.model.mapping import SyncMapping, TableMapping
from sync.model.unique import Claim, Move, alike
from sync.mysql.own_making import LiveTables
from sync.mysql.rows import CanonicalRows
from sync.mysql.schema import UniqueKey, columns, other_unique_keys, references
from sync.mysql.server import Connection, quoted, translated
from sync.mysql.writers import stored_by

#: How often a value is tried that might be taken.
_TRIES = 50
#: A value of a column's type, to stand there for the time of a transaction.
_Makes = Callable[[Column], object]
_LARGEST = {"tinyint": 7, "smallint": 15, "mediumint": 23}


class Uniques:
    """Of the mapped tables, as they are on a server."""

    def __init__(self, mapping: SyncMapping) -> None:
        self._mapping = mapping
        self._live: LiveTables | None = None
        self.keys: Mapping[str, tuple[UniqueKey, ...]] = {}
        #: Mapped tables, with those that foreign keys lead to first.
        self.order: Sequence[TableMapping] = tuple(mapping.tables.values())
        self._columns: dict[str, Mapping[str, Column]] = {}

    def on(self, connection: Connection, live: LiveTables) -> None:
        """Looked up after the tables, in the transaction that is open, and again whenever these were."""
        if self._live is not live:
            tables = self._mapping.tables
            self.keys = other_unique_keys(connection, tables.values())
            self.order = _parents_first(list(tables.values()), references(connection, list(tables)))
            self._columns = {}
            self._live = live

    def move(self, table: TableMapping, change: RowChange) -> Move:
        """What the row has now under the table's unique keys, and what it is to have."""
        return Move(
            holds=self._claims(table, change.key, change.before), takes=self._claims(table, change.key, change.after)
        )

    def _claims(self, table: TableMapping, key: RowKey, row: Row | None) -> dict[Claim, Blocker]:
        document = DocumentId(table.collection, key[0])
        found: dict[Claim, Blocker] = {}
        for unique in self.keys.get(table.name, ()):
            claim = _claim(table, unique, key, row)
            if claim is not None:
                found[claim] = Blocker(document, table.name, key, unique.name)
        return found

    def touches(self, table: TableMapping, change: RowChange) -> bool:
        """Whether it gives up or takes anything under a unique key."""
        return any(_touches(table, key, change) for key in self.keys.get(table.name, ()))

    def in_the_way(
        self, connection: Connection, tables: Mapping[str, CanonicalRows], changes: Iterable[RowChange]
    ) -> dict[DocumentId, list[Blocker]]:
        """By document, the rows that have what it is to have, and that none of these changes takes it from. Keys with
        columns that nothing maps, or of expressions, are left out: what they hold cannot be told."""
        changes = list(changes)
        gives = {
            (key.name, change.table, change.key)
            for change in changes
            for key in self.keys.get(change.table, ())
            if change.before is not None and _touches(self._mapping.tables[change.table], key, change)
        }
        found: dict[DocumentId, list[Blocker]] = {}
        for change in changes:
            table = self._mapping.tables[change.table]
            for key in self.keys.get(change.table, ()):
                takes = _claim(table, key, change.key, change.after) is not None
                if key.whole and takes and _touches(table, key, change):
                    for row in self._having(connection, tables[table.name], key, change):
                        if row.key != change.key and (key.name, row.table, row.key) not in gives:
                            found.setdefault(DocumentId(table.collection, change.key[0]), []).append(row)
        return found

    def _having(
        self, connection: Connection, canonical: CanonicalRows, key: UniqueKey, change: RowChange
    ) -> list[Blocker]:
        """The rows that have, in MySQL's own eyes, what the change is to have. What the column cannot hold nobody has: whoever
        writes it is told so."""
        table, conditions, values = canonical.table, list[str](), list[object]()
        for column, most in key.columns.items():
            name = quoted(column)
            conditions.append(f"{name} = %s" if most is None else f"LEFT({name}, {most}) = LEFT(%s, {most})")
            try:
                values.append(self._stored(connection, table, column, _value(table, change.key, change.after, column)))
            except NotCanonical:
                return []
        names = ", ".join(quoted(name) for name in table.key)
        try:
            with translated(writes_rows=True), connection.cursor() as cursor:
                cursor.execute(f"SELECT {names} FROM {quoted(table.name)} WHERE {' AND '.join(conditions)}", values)
                rows = cursor.fetchall()
        except Refused:  # characters that its character set has not, say
            return []
        return [_blocker(canonical, key, row) for row in rows]

    def _stored(self, connection: Connection, table: TableMapping, column: str, value: Value) -> object:
        """As it stands in the column."""
        if table.name not in self._columns:
            self._columns[table.name] = columns(connection, [table.name])[table.name]
        return stored_by(table.codecs[column], self._columns[table.name].get(column))(value)

    def parking(self, connection: Connection, table: TableMapping, change: RowChange) -> Mapping[str, object] | None:
        """Columns and the values that the row may have for a moment: NULL, or one that no row has. None: the row may go for
        a moment, for nothing is lost by that. Raises `Refused` where there is neither."""
        self._columns[table.name] = columns(connection, [table.name])[table.name]  # one may have been added
        values: dict[str, object] = {}
        for key in self.keys[table.name]:
            if _touches(table, key, change) and not values.keys() & key.columns.keys():
                found = self._parked(connection, table, key, change)
                if found is not None:
                    values |= found
                elif self._may_go(connection, table):
                    return None
                else:
                    raise Refused(
                        f"MySQL: rows exchange values of the unique key {key.name}, and none of its columns can have another"
                        " one meanwhile",
                        kind="unique_violation",
                    )
        return values

    def _parked(
        self, connection: Connection, table: TableMapping, key: UniqueKey, change: RowChange
    ) -> Mapping[str, object] | None:
        own = [name for name in key.columns if name in table.columns]
        for name in own:
            if name in table.nullable:
                return {name: None}
        for name in own:
            column = self._columns[table.name][name]
            make = _MAKES.get(column.data_type)
            for _ in range(_TRIES if make else 0):
                value = cast("_Makes", make)(column)
                if _canonical(table, name, value) and not self._stands(connection, table, key, change, name, value):
                    return {name: value}
        return None

    def _may_go(self, connection: Connection, table: TableMapping) -> bool:
        """All its columns are mapped, and no other row refers to it."""
        with translated(), connection.cursor() as cursor:
            referred = cursor.execute(
                "SELECT 1 FROM information_schema.KEY_COLUMN_USAGE"
                " WHERE REFERENCED_TABLE_SCHEMA = DATABASE() AND REFERENCED_TABLE_NAME = %s LIMIT 1",
                (table.name,),
            )
        return not referred and self._columns[table.name].keys() <= table.codecs.keys()

    def _stands(
        self, connection: Connection, table: TableMapping, key: UniqueKey, change: RowChange, name: str, value: object
    ) -> bool:
        """Whether a row has the value beside what else the row has under the key."""
        others = [one for one in key.columns if one != name]
        values = [self._stored(connection, table, one, _value(table, change.key, change.before, one)) for one in others]
        where = " AND ".join(f"{quoted(one)} = %s" for one in (*others, name))
        with translated(), connection.cursor() as cursor:
            return cursor.execute(f"SELECT 1 FROM {quoted(table.name)} WHERE {where} LIMIT 1", (*values, value)) > 0


def _parents_first(tables: list[TableMapping], leads: Iterable[tuple[str, str]]) -> tuple[TableMapping, ...]:
    """In the mapping's order, but behind the tables that a table's foreign keys lead to; where they lead in a circle, as
    mapped."""
    names = {table.name for table in tables}
    parents: dict[str, set[str]] = {table.name: {table.parent} if table.parent else set() for table in tables}
    for table, to in leads:
        if to in names and to != table:
            parents[table].add(to)
    order: list[TableMapping] = []
    placed: set[str] = set()
    while len(order) < len(tables):
        left = [table for table in tables if table.name not in placed]
        one = next((table for table in left if parents[table.name] <= placed), left[0])
        order.append(one)
        placed.add(one.name)
    return tuple(order)


def _value(table: TableMapping, key: RowKey, row: Row | None, column: str) -> Value:
    assert row is not None
    return key[table.key.index(column)] if column in table.key else row[column]


def _claim(table: TableMapping, key: UniqueKey, row_key: RowKey, row: Row | None) -> Claim | None:
    """None where the row is absent, or has NULL there: that may stand any number of times."""
    if row is None:
        return None
    found: list[object] = [table.name, key.name]
    for column, most in key.columns.items():
        value = _value(table, row_key, row, column)
        if value is None:
            return None
        if isinstance(value, str):
            value = alike(value[:most])
        found.append(value)
    return tuple(found)


def _touches(table: TableMapping, key: UniqueKey, change: RowChange) -> bool:
    """Whether what the row has under the key is another thing afterwards."""
    if change.before is None or change.after is None:
        return True
    before, after = change.before, change.after
    return any(before[name] != after[name] for name in key.columns if name in table.columns)


def _blocker(canonical: CanonicalRows, key: UniqueKey, raw: Sequence[object]) -> Blocker:
    document = canonical.document(raw)
    table = canonical.table
    rest = []
    for name, value in zip(table.key[1:], raw[1:], strict=True):
        try:
            rest.append(table.codecs[name].from_column(value))
        except NotCanonical:
            rest.append(str(value))
    return Blocker(document, table.name, (document.key, *rest), key.name)


def _canonical(table: TableMapping, name: str, value: object) -> bool:
    """The follower reads the row in the binlog."""
    try:
        table.codecs[name].from_column(value)
    except NotCanonical:
        return False
    return True


# Values of a column's type.


def _whole(column: Column) -> int:
    return random.randrange(1 << _LARGEST.get(column.data_type, 31))


def _digits(column: Column) -> str:
    """Hexadecimal: an ObjectId's too, and a UUID's."""
    made = random.choice((secrets.token_hex(12), secrets.token_hex(16), str(uuid.uuid4())))
    return made[: column.length or None]


def _bytes(column: Column) -> bytes:
    return secrets.token_bytes(min(column.length or 16, 16))


def _moment(_: Column) -> datetime:
    return datetime(1971, 1, 1, tzinfo=UTC).replace(tzinfo=None) + timedelta(seconds=random.randrange(2_000_000_000))


def _decimal(column: Column) -> Decimal:
    digits, after = decimal_digits(column)
    return Decimal(random.randrange(10 ** min(digits - after, 18)))


_MAKES: Mapping[str, _Makes] = {
    **dict.fromkeys(("tinyint", "smallint", "mediumint", "int", "bigint"), _whole),
    **dict.fromkeys(("char", "varchar", "tinytext", "text", "mediumtext", "longtext"), _digits),
    **dict.fromkeys(("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"), _bytes),
    "decimal": _decimal,
    **dict.fromkeys(("float", "double"), lambda _: float(random.randrange(1 << 24))),
    "uuid": lambda _: str(uuid.uuid4()),
    "date": lambda column: _moment(column).date(),
    "time": lambda _: timedelta(seconds=random.randrange(838 * 3600)),
    "year": lambda _: random.randrange(1901, 2156),
    **dict.fromkeys(("datetime", "timestamp"), _moment),
}
