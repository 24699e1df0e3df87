"""Whole documents from MySQL's rows, outside the pipeline: for the first copy, verify, repair and explain.

An exact reading knows its place in the binlog: the rows are read under shared locks (REPEATABLE READ, so that gaps are
locked too and nothing slips in), and the log's end is asked for while they are held. What changed them before stands
before that place, for a transaction keeps its locks until it is in the log; what changes them later stands after it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from operator import itemgetter

from sync.errors import Contention
from sync.model.change import DocumentId, Row, RowKey, Side, Value
from sync.model.clocks import ClockReading
from sync.model.mapping import CollectionMapping, SyncMapping
from sync.model.values import order_text
from sync.mysql.binlog import log_end
from sync.mysql.page import MySQLPage
from sync.mysql.rows import (
    Clause,
    Problem,
    as_current,
    canonical_rows,
    column_key,
    keys_clause,
    read_rows,
    unread_rows,
)
from sync.mysql.schema import KeyHints
from sync.mysql.server import Connection, Flavour, MySQLSettings, Session, flavour, quoted, translated
from sync.ports import Reading

#: Seconds for which an exact reading tries to get its locks: less than a lease lasts. Who reads tries again.
PATIENCE = 1.0
#: Documents that are counted one by one; of more the server's estimate tells.
COUNTED = 1_000_000


class MySQLReader:
    """Implements `sync.ports.Reader`."""

    side = Side.MYSQL

    def __init__(self, settings: MySQLSettings, mapping: SyncMapping) -> None:
        self._session = Session(settings)
        self._mapping = mapping
        self._hints = KeyHints(mapping.tables.values())
        self._tables = canonical_rows(mapping)

    def count(self, collection: str) -> int:
        """See the port."""
        table = self._mapping.collections[collection].table
        with translated(), self._session.get().cursor() as cursor:
            cursor.execute(f"SELECT COUNT(*) FROM (SELECT 1 FROM {quoted(table)} LIMIT %s) few", (COUNTED,))
            counted = cursor.fetchone()
            cursor.execute(
                "SELECT TABLE_ROWS FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s",
                (table,),
            )
            estimated = cursor.fetchone()
        self._session.rollback()
        assert counted is not None
        if counted[0] < COUNTED or estimated is None:
            return int(counted[0])
        return max(COUNTED, int(estimated[0]))

    def range(self, collection: str, after: Value, limit: int, *, exact: bool) -> Reading:
        """See the port."""
        mapped = self._mapping.collections[collection]
        after = column_key(mapped, after)
        deadline = time.monotonic() + PATIENCE
        while True:
            last = self._last(mapped, after, limit)
            if last is None:
                return Reading(documents={}, position=None)
            try:
                reading = self._read(mapped, [_between(after, last)], [], exact=exact)
                if reading.documents:
                    return reading
                # All were deleted since the last key was read: that is not the end of the table.
            except Contention:
                limit = max(1, limit // 2)
                self._wait(deadline)

    def page(self, collection: str, after: Value, limit: int) -> MySQLPage:
        """See the port."""
        mapped = self._mapping.collections[collection]
        after = column_key(mapped, after)
        while True:
            last = self._last(mapped, after, limit)
            if last is None:
                return MySQLPage(mapped, None, ())
            connection = self._session.get()
            hints = self._hints.on(connection)
            with self._reading(connection, exact=False):
                found = [
                    (table, unread_rows(connection, table, _between(after, last), hint=hints[table.table.name]))
                    for table in (self._tables[one.name] for one in mapped.tables)
                ]
            if found[0][1].packets:
                return MySQLPage(mapped, found[0][0].document([last]).key, found)
            # All were deleted since the last key was read: that is not the end of the table.

    def sample(self, collection: str, number: int) -> list[DocumentId]:
        """See the port. Reads every key, in the index only."""
        mapped = self._mapping.collections[collection]
        column, table = quoted(mapped.id.column), quoted(mapped.table)
        with translated(), self._session.get().cursor() as cursor:
            cursor.execute(f"SELECT {column} FROM {table} ORDER BY RAND() LIMIT %s", (number,))
            rows = cursor.fetchall()
        self._session.rollback()
        return [self._tables[mapped.table].document(row) for row in rows]

    def read(self, documents: Sequence[DocumentId], *, exact: bool) -> Reading:
        """See the port. The documents are of one collection."""
        if not documents:
            return Reading(documents={}, position=None)
        mapped = self._mapping.collections[documents[0].collection]
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return self._read(mapped, keys_clause(mapped, [one.key for one in documents]), documents, exact=exact)
            except Contention:
                self._wait(deadline)

    def clock(self) -> ClockReading:
        """See `sync.ports.Clock`."""
        with translated(), self._session.get().cursor() as cursor:
            asked = time.monotonic_ns() // 1000
            cursor.execute("SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))")
            row = cursor.fetchone()
            answered = time.monotonic_ns() // 1000
        self._session.rollback()
        assert row is not None
        return ClockReading(asked=asked, answered=answered, said=int(row[0]))

    def close(self) -> None:
        """See the port."""
        self._session.drop()

    @staticmethod
    def _wait(deadline: float) -> None:
        if time.monotonic() > deadline:
            raise Contention(f"rows of MySQL were locked by others for {PATIENCE:.0f} s")
        time.sleep(random.uniform(0.01, 0.1))

    def _last(self, collection: CollectionMapping, after: Value, limit: int) -> Value:
        """The last of the first `limit` keys that follow; None where none does."""
        column, table = quoted(collection.id.column), quoted(collection.table)
        where, values = ("", (limit,)) if after is None else (f"WHERE {column} > %s", (after, limit))
        connection = self._session.get()
        with translated(), connection.cursor() as cursor:
            some = f"SELECT {column} FROM {table} {where} ORDER BY {column} LIMIT %s"
            cursor.execute(f"SELECT {column} FROM ({some}) some ORDER BY {column} DESC LIMIT 1", values)
            found = cursor.fetchone()
        self._session.rollback()
        return found[0] if found else None

    def _read(
        self, collection: CollectionMapping, clauses: Sequence[Clause], asked: Sequence[DocumentId], *, exact: bool
    ) -> Reading:
        connection = self._session.get()
        rows: dict[DocumentId, dict[str, dict[RowKey, Row]]] = {document: {} for document in asked}
        problems: dict[DocumentId, Problem] = {}
        lock = _share(connection) if exact else ""
        hints = self._hints.on(connection)
        with self._reading(connection, exact=exact):
            for table in collection.tables:
                read_rows(
                    connection,
                    self._tables[table.name],
                    clauses,
                    rows,
                    problems,
                    hint=hints[table.name],
                    lock=lock,
                )
            position = log_end(connection) if exact else None
        for of_document in rows.values():
            for table in collection.tables:
                of_document.setdefault(table.name, {})
        order = list(asked) or _ordered(collection, rows, problems)
        return Reading(documents={one: as_current(rows[one], problems.get(one)) for one in order}, position=position)

    @contextmanager
    def _reading(self, connection: Connection, *, exact: bool) -> Iterator[None]:
        """A transaction in which all tables are read as of one moment, or with `exact` under locks."""
        self._session.rollback()
        try:
            with translated(), connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                cursor.execute(
                    "START TRANSACTION" if exact else "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"
                )
            yield
        finally:
            self._session.rollback()


def _ordered(
    collection: CollectionMapping, rows: Iterable[DocumentId], problems: Collection[DocumentId]
) -> list[DocumentId]:
    """By what stands in the key's column, which only where a document has a problem may be something else than its key."""
    if problems:
        return sorted(rows, key=lambda document: order_text(column_key(collection, document.key)))
    return sorted(rows, key=itemgetter(1))


def _share(connection: Connection) -> str:
    return "LOCK IN SHARE MODE NOWAIT" if flavour(connection) is Flavour.MARIADB else "FOR SHARE NOWAIT"


def _between(after: Value, last: Value) -> Clause:
    """The rows whose key is greater than the one, and not greater than the other. "{0}": one column fills both places."""
    return ("{0} <= %s", (last,)) if after is None else ("{0} > %s AND {0} <= %s", (after, last))
