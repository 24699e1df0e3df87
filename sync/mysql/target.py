"""MySQL as a target: the listener's checkpoint first, then rows, many a statement, and conflict rows in the same transaction.

READ COMMITTED with explicit locks: no gap locks, and a worker gives way (NOWAIT) where an application holds a row.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain

import pymysql

from sync.conflict_ports import ConflictStore
from sync.errors import CommitUnknown, ConfigError, Contention, Fenced, LeaseHeld, LockstepError, MySQLAway
from sync.holder import is_gone, this_process
from sync.model.carrying import Place
from sync.model.change import DocumentId, DocumentRows, Places, Row, RowChange, RowKey, Side
from sync.model.lens import difference
from sync.model.mapping import SyncMapping, TableMapping
from sync.model.position import Checkpoint, Position
from sync.model.self_written import SelfWritten
from sync.model.unique import Step, arranged
from sync.mysql.conflicts import Conflicts
from sync.mysql.flight import Flight
from sync.mysql.literals import literals
from sync.mysql.own_making import Tables, tell
from sync.mysql.packets import chunks
from sync.mysql.rows import (
    CanonicalRows,
    Problem,
    as_current,
    canonical_rows,
    column_key,
    keys_clause,
    places_clause,
    read_rows,
)
from sync.mysql.server import Connection, MySQLSettings, Session, quoted, translate, translated
from sync.mysql.unique import Uniques
from sync.mysql.writing_apart import WritingApart
from sync.ports import Apart, Current, DocumentWrite

#: Seconds; by MySQL's clock.
LEASE = 6
#: Rows in one UPDATE: each compares its key with all of them.
_UPDATED = 100

_COLUMNS = ("position", "rows_done", "seen", "known", "copied", "copying")
_MOVE = (
    "UPDATE sync_checkpoint SET seq = %s, lease = %s, position = %s, rows_done = %s, seen = %s, known = %s,"
    " copied = %s, copying = %s, holder = COALESCE(%s, holder), renewed_at = NOW(6), lease_until = NOW(6) + INTERVAL %s SECOND"
    " WHERE name = 'listener' AND seq = %s AND lease = %s"
)


class MySQLTarget:
    """Implements `sync.ports.Target`."""

    side = Side.MYSQL

    def __init__(self, settings: MySQLSettings, mapping: SyncMapping) -> None:
        self._session = Session(settings)
        self._mapping = mapping
        self._live = Tables(mapping)
        self._tables = canonical_rows(mapping)
        self._uniques = Uniques(mapping)

    def checkpoint(self) -> Checkpoint:
        """See the port."""
        with translated(), self._session.get().cursor() as cursor:
            cursor.execute(f"SELECT seq, lease, {', '.join(_COLUMNS)} FROM sync_checkpoint WHERE name = 'listener'")
            row = cursor.fetchone()
        self._session.rollback()
        if row is None:
            raise ConfigError("MySQL holds no checkpoint of the listener", hint="lockstep setup")
        fields = dict(zip(_COLUMNS, row[2:], strict=True))
        return Checkpoint.from_json(
            int(row[0]),
            str(row[1]),
            {
                "position": _loaded(fields["position"]),
                "rows_done": int(fields["rows_done"]),
                "seen": _loaded(fields["seen"]),
                "known": _loaded(fields["known"]),
                "copied": _loaded(fields["copied"]),
                "copying": bool(fields["copying"]),
            },
        )

    def take_lease(self, *, force: bool = False, last_write: bool = True) -> tuple[Checkpoint, Position | None]:
        """See the port."""
        connection = self._session.get()
        before = self.checkpoint()
        with translated(), connection.cursor() as cursor:
            cursor.execute("SELECT holder, lease_until > NOW(6) FROM sync_checkpoint WHERE name = 'listener'")
            row = cursor.fetchone()
            assert row is not None
            holder = json.loads(row[0])
            self._session.rollback()
            if row[1] and not force and not is_gone(holder):
                raise LeaseHeld(f"held by process {holder.get('pid')} on {holder.get('host')}")
            self._end_dead(connection, holder)
            after = before.next(lease=str(uuid.uuid4()))
            mine = this_process(_number(connection))
            if not self._move(connection, after, before.lease, LEASE, holder=json.dumps(mine)):
                self._session.rollback()
                raise LeaseHeld("another process took the lease at the same moment")
        _commit(self._session, connection)
        return after, None

    def release_lease(self, checkpoint: Checkpoint) -> None:
        """See the port."""
        try:
            connection = self._session.get()
            with translated():
                if self._move(connection, checkpoint, checkpoint.lease, 0):
                    connection.commit()
                else:
                    connection.rollback()
        except (MySQLAway, Contention):
            self._session.drop()  # then it ends by itself

    def begin(self, checkpoint: Checkpoint) -> MySQLTransaction:
        """See the port."""
        connection = self._session.get()
        self._uniques.on(connection, self._live.on(connection))
        try:
            moved = self._move(connection, checkpoint, checkpoint.lease, LEASE)
        except LockstepError:
            self._session.rollback()
            raise
        if not moved:
            self._session.rollback()
            raise Fenced("another copy of the listener has taken the lease")
        return MySQLTransaction(self._session, connection, self._mapping, self._tables, self._live, self._uniques)

    def close(self) -> None:
        """See the port."""
        self._session.drop()

    def _move(
        self, connection: Connection, after: Checkpoint, lease: str, seconds: int, *, holder: str | None = None
    ) -> bool:
        """One update of the row, for the other worker takes exactly one."""
        fields = after.to_json()
        values = [None if fields[name] is None else json.dumps(fields[name]) for name in _COLUMNS]
        values[_COLUMNS.index("rows_done")] = str(after.rows_done)
        values[_COLUMNS.index("copying")] = str(int(after.copying))
        with translated(), connection.cursor() as cursor:
            cursor.execute(_MOVE, (after.seq, after.lease, *values, holder, seconds, after.seq - 1, lease))
            return cursor.rowcount == 1

    def _end_dead(self, connection: Connection, holder: Mapping[str, object]) -> None:
        """End a dead holder's connection, which may hold locks; only those of this user can be seen and ended."""
        number, mine = str(holder.get("session", "")), self._session.settings
        with translated(), connection.cursor() as cursor:
            cursor.execute("SHOW PROCESSLIST")
            found = {(str(row[0]), str(row[1]), str(row[3])) for row in cursor.fetchall()}
            if number != _number(connection) and (number, mine.user, mine.database) in found:
                try:
                    cursor.execute(f"KILL {int(number)}")
                except pymysql.MySQLError as error:
                    if error.args[0] != 1094:  # it has ended by itself
                        raise
        self._session.rollback()


class MySQLTransaction:
    """Implements `sync.ports.TargetTransaction`."""

    def __init__(
        self,
        session: Session,
        connection: Connection,
        mapping: SyncMapping,
        tables: Mapping[str, CanonicalRows],
        live: Tables,
        uniques: Uniques,
    ) -> None:
        """`live` and `uniques` have been looked up on the connection."""
        self._session = session
        self._connection = connection
        self._mapping = mapping
        self._tables = tables
        self._lookup = live
        self._live = live.on(connection)
        self._uniques = uniques
        #: Tables that are what they were looked up as.
        self._sure: set[str] = set()
        self._conflicts = Conflicts(connection, mapping)
        #: Documents that stand here but not in canonical values.
        self._problems: dict[DocumentId, Problem] = {}

    @property
    def conflicts(self) -> ConflictStore:
        """See the port."""
        return self._conflicts

    def read(
        self, needs: Mapping[DocumentId, frozenset[str]], places: Mapping[DocumentId, Places] | None = None
    ) -> Mapping[DocumentId, Current]:
        """See the port. Locks the rows. Root tables before their children, as writers do."""
        places = places or {}
        wanted: dict[str, list[DocumentId]] = {}
        listed: dict[str, list[tuple[DocumentId, Collection[int]]]] = {}
        for document, tables in needs.items():
            of = places.get(document, {})
            for name in tables:
                if name in of:
                    listed.setdefault(name, []).append((document, of[name]))
                else:
                    wanted.setdefault(name, []).append(document)
        rows: dict[DocumentId, dict[str, dict[RowKey, Row]]] = {
            document: {name: {} for name in tables} for document, tables in needs.items()
        }
        for table in self._mapping.tables.values():
            collection, clauses = self._mapping.collections[table.collection], []
            if table.name in wanted:
                clauses += keys_clause(collection, [document.key for document in wanted[table.name]])
            if table.name in listed:
                clauses += places_clause(collection, table, listed[table.name])
            if clauses:
                read_rows(
                    self._connection,
                    self._tables[table.name],
                    clauses,
                    rows,
                    self._problems,
                    hint=self._live.hints[table.name],
                    lock="FOR UPDATE NOWAIT",
                )
        return {
            document: as_current(rows[document], self._problems.get(document), frozenset(places.get(document, ())))
            for document in needs
        }

    def read_in_parts(
        self, needs: Mapping[DocumentId, frozenset[str]], places: Mapping[DocumentId, Places]
    ) -> Iterator[Mapping[DocumentId, Current]]:
        """See the port. All at once: rows are locked in one order."""
        yield self.read(needs, places)

    def unmapped(self, document: DocumentId) -> Mapping[Place, str]:
        """See the port."""
        return {}

    def write(self, writes: Iterable[DocumentWrite]) -> None:
        """See the port. A document that was read as a problem is replaced whole."""
        self._write(writes, alone=False)

    def _write(self, writes: Iterable[DocumentWrite], *, alone: bool) -> None:
        changes: dict[str, list[RowChange]] = {}
        for write in writes:
            if write.document in self._problems:
                self._clear(write.document)
            collection = self._mapping.collections[write.document.collection]
            for change in difference(collection, write.before, write.after):
                changes.setdefault(change.table, []).append(change)
        self._make_sure(changes)
        tell(self._connection, self._live, self._mapping, changes, alone=alone)
        tables = [table for table in self._uniques.order if table.name in changes]
        counted = self._live.triggers.isdisjoint(changes)  # else a trigger may be first to delete a row
        with translated(writes_rows=True), Flight(self._connection, counted=counted) as flight:
            for table in reversed(tables):
                self._delete(flight, table, [change for change in changes[table.name] if change.after is None])
            for table in tables:
                of_table = changes[table.name]
                updates = [one for one in of_table if one.before is not None and one.after is not None]
                if table.name in self._uniques.keys:
                    self._update_in_order(flight, table, updates)
                else:
                    self._update(flight, table, updates)
                self._insert(flight, table, [change for change in of_table if change.before is None])

    def _make_sure(self, tables: Iterable[str]) -> None:
        """Somebody may have altered the tables since they were looked up. They have been read in this transaction, so that
        nobody alters them before it ends."""
        unsure = set(tables) - self._sure
        if unsure and self._lookup.altered(self._connection, unsure):
            self._live = self._lookup.look(self._connection)
            self._uniques.on(self._connection, self._live)
        self._sure |= unsure

    def fill(self, collection: str, documents: Mapping[DocumentId, DocumentRows]) -> bool:
        """See the port."""
        mapped = self._mapping.collections[collection]
        order = list(documents)
        between = (column_key(mapped, order[0].key), column_key(mapped, order[-1].key))
        with translated(), self._connection.cursor() as cursor:
            for table in mapped.tables:
                cursor.execute(
                    f"SELECT 1 FROM {quoted(table.name)} {self._live.hints[table.name]}"
                    f" WHERE {quoted(table.key[0])} BETWEEN %s AND %s LIMIT 1 FOR UPDATE NOWAIT",
                    between,
                )
                if cursor.fetchone() is not None:
                    return False
        self._make_sure(table.name for table in mapped.tables)
        if self._live.tells(mapped):
            return False
        with translated(writes_rows=True), Flight(self._connection) as flight:
            for table in mapped.tables:
                rows = chain.from_iterable(document[table.name].items() for document in documents.values())
                for statement, count in self._live.writers[table.name].inserts.statements(self._connection, rows):
                    flight.run(statement, count)
        return True

    def write_apart(self, writes: Sequence[DocumentWrite]) -> Apart:
        """See the port."""
        collections = {write.document.collection for write in writes}
        self._make_sure(table.name for one in collections for table in self._mapping.collections[one].tables)
        write = partial(self._write, alone=True)
        return WritingApart(self._connection, self._mapping, self._tables, self._uniques, write).run(writes)

    def commit(self) -> Position | None:
        """See the port."""
        _commit(self._session, self._connection)
        return None

    def rollback(self) -> None:
        """See the port."""
        self._session.rollback()

    def _clear(self, document: DocumentId) -> None:
        collection = self._mapping.collections[document.collection]
        stored = column_key(collection, document.key)
        with translated(writes_rows=True), self._connection.cursor() as cursor:
            for table in reversed(collection.tables):
                cursor.execute(f"DELETE FROM {quoted(table.name)} WHERE {quoted(table.key[0])} = %s", (stored,))

    def _delete(self, flight: Flight, table: TableMapping, changes: Sequence[RowChange]) -> None:
        for chunk in chunks(changes, [change.key for change in changes]):
            where = _among(table, self._keys(table, chunk))
            flight.run(f"DELETE FROM {quoted(table.name)} WHERE {where}", len(chunk))

    def _insert(self, flight: Flight, table: TableMapping, changes: Sequence[RowChange]) -> None:
        rows = ((change.key, change.after or {}) for change in changes)
        for statement, count in self._live.writers[table.name].inserts.statements(self._connection, rows):
            flight.run(statement, count)

    def _update_in_order(self, flight: Flight, table: TableMapping, changes: Sequence[RowChange]) -> None:
        """Rows may exchange values of a unique key. The server looks at each row by itself, so those that take what another
        one gives up are written one by one, behind it; where they go round in a circle, one of them is parked."""
        bulk: list[RowChange] = []
        moving: list[RowChange] = []
        gone: list[RowChange] = []
        for change in changes:
            (moving if self._uniques.touches(table, change) else bulk).append(change)
        steps = arranged([self._uniques.move(table, change) for change in moving]) if len(moving) > 1 else ()
        circling = {step.at for step in steps if step.parks}
        for step in steps or map(Step, range(len(moving))):
            change = moving[step.at]
            if step.parks or step.follows:
                self._update(flight, table, bulk)
                bulk = []
            if step.parks:
                flight.land()
                parked = self._uniques.parking(self._connection, table, change)
                if parked is None:
                    self._delete(flight, table, [change])
                    gone.append(change)
                else:
                    flight.run(self._set(table, change, parked), 1)
            elif change in gone:
                self._insert(flight, table, [change])
            elif step.at in circling:
                flight.run(self._set(table, change, self._live.writers[table.name].row(change.after or {})), 1)
            else:
                bulk.append(change)
        self._update(flight, table, bulk)

    def _set(self, table: TableMapping, change: RowChange, values: Mapping[str, object]) -> str:
        literal, by_itself = literals(self._connection), self._live.written.get(table.name)
        given = {name: value for name, value in values.items() if not (by_itself and name in by_itself.generated)}
        sets = ", ".join(f"{quoted(column)} = {literal(value)}" for column, value in given.items())
        (key,) = self._keys(table, [change])
        return f"UPDATE {quoted(table.name)} {self._live.hints[table.name]} SET {sets} WHERE {_among(table, [key])}"

    def _update(self, flight: Flight, table: TableMapping, changes: Sequence[RowChange]) -> None:
        """One statement per set of changed columns and up to `_UPDATED` rows: a CASE on the key, so that values keep
        exactly the type of their column (a derived table would give them one of its own)."""
        groups: dict[tuple[tuple[str, ...], tuple[str, ...]], list[RowChange]] = {}
        by_itself = self._live.written.get(table.name)
        for change in changes:
            before, after = change.before or {}, change.after or {}
            changed = tuple([name for name in table.columns if before[name] != after[name]])  # no generator: once a row
            given = _given(changed, after, by_itself) if by_itself else (changed, ())
            if given != ((), ()):
                groups.setdefault(given, []).append(change)
        for (columns, defaults), of_group in groups.items():
            written = [[(change.after or {})[column] for column in columns] for change in of_group]
            for chunk in chunks(of_group, written, _UPDATED):
                flight.run(self._update_of(table, columns, defaults, chunk), len(chunk))

    def _update_of(
        self, table: TableMapping, columns: Sequence[str], defaults: Sequence[str], changes: Sequence[RowChange]
    ) -> str:
        """The statement, complete: a key stands in it once for each column, and is made text once. `defaults` are columns
        that get their default."""
        literal, keys = literals(self._connection), self._keys(table, changes)
        whens = [f"WHEN {found} THEN " for found in _each(table, keys)]
        sets = [f"{quoted(column)} = DEFAULT" for column in defaults]
        for column in columns:
            values = ((change.after or {})[column] for change in changes)
            stored = map(literal, self._live.writers[table.name].stored(column, values))
            cases = " ".join(map("".join, zip(whens, stored, strict=True)))
            sets.append(f"{quoted(column)} = CASE {cases} END")
        target = f"{quoted(table.name)} {self._live.hints[table.name]}"
        return f"UPDATE {target} SET {', '.join(sets)} WHERE {_among(table, keys)}"

    def _keys(self, table: TableMapping, changes: Sequence[RowChange]) -> list[list[str]]:
        """Of each row its key's values as they stand in a statement."""
        literal, stored = literals(self._connection), [table.codecs[name].to_column for name in table.key]
        return [[literal(take(value)) for take, value in zip(stored, change.key, strict=True)] for change in changes]


def _given(changed: Sequence[str], after: Row, by_itself: SelfWritten) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Of the columns that change, those to which a statement gives a value, and those that get their default. A number that
    MySQL has given stays: only an INSERT gets another."""
    columns = [name for name in changed if name not in by_itself.generated]
    defaults = tuple(name for name in columns if after[name] is None and name in by_itself.defaulted)
    columns = [name for name in columns if name not in defaults]
    defaults = tuple(name for name in defaults if name not in by_itself.numbered)
    return tuple(columns), defaults


def _commit(session: Session, connection: Connection) -> None:
    try:
        connection.commit()
    except (pymysql.MySQLError, OSError) as error:
        session.drop()
        known = translate(error) if isinstance(error, pymysql.MySQLError) else MySQLAway("the connection broke")
        if isinstance(known, MySQLAway):
            raise CommitUnknown("the answer to COMMIT was lost") from None
        raise known from None


def _each(table: TableMapping, keys: Sequence[Sequence[str]]) -> list[str]:
    """The conditions that find one row each."""
    names = [f"{quoted(name)} = " for name in table.key]
    if len(names) == 1:
        return [f"{names[0]}{value}" for (value,) in keys]
    return [" AND ".join(map("".join, zip(names, key, strict=True))) for key in keys]


def _among(table: TableMapping, keys: Sequence[Sequence[str]]) -> str:
    """The condition that finds these rows. MariaDB scans the whole table for a list of one key of two columns, so that one
    is written out."""
    if len(keys) == 1:
        return _each(table, keys)[0]
    listed = ", ".join(f"({', '.join(key)})" for key in keys)
    return f"({', '.join(quoted(name) for name in table.key)}) IN ({listed})"


def _number(connection: Connection) -> str:
    return str(connection.thread_id())  # type: ignore[no-untyped-call]  # the stubs leave it untyped


def _loaded(text: object) -> object:
    return None if text is None else json.loads(str(text))
