"""Whole documents read from MySQL: in key order, all of them, at an exact place in its log while others write."""

from __future__ import annotations

import random
import threading
from contextlib import suppress

import pymysql
import pytest

from deploy.local.users import Role
from sync.errors import Contention
from sync.model.change import ConflictKind, DocumentId, DocumentRows, Entry, Row, RowKey, Value
from sync.model.mapping import CollectionMapping
from sync.model.position import BinlogPosition, Known, reached
from sync.mysql import reader as reader_module
from sync.mysql.reader import MySQLReader
from sync.ports import Current, Reading
from tests.mysql_side import A, B, C, InThread, MySQLSide, account, account_rows

INSERT = "INSERT INTO analytics_account (id, account_id, `limit`) VALUES ('{}', 1, 10)"
PRODUCT = "INSERT INTO analytics_accountproduct (account_oid, position, product) VALUES ('{}', {}, 'x')"
DELETE = "DELETE FROM analytics_account WHERE id = '{}'"
#: Other tables may not have Django's check.
ANY_KEY = "ALTER TABLE analytics_account DROP CONSTRAINT analytics_account_id_hex"
#: Duplicate key, lock wait, deadlock, foreign key.
MET_OTHERS = {1062, 1205, 1213, 1451, 1452}


def key(number: int) -> str:
    return f"{number:024x}"


def walk(reader: MySQLReader, limit: int, *, exact: bool) -> list[DocumentId]:
    """All documents, range by range."""
    found: list[DocumentId] = []
    after: Value = None
    while True:
        reading = reader.range("accounts", after, limit, exact=exact)
        if not reading.documents:
            return found
        assert len(reading.documents) <= limit
        found += reading.documents
        after = found[-1].key


def test_documents_come_as_rows_and_absent_ones_as_none(side: MySQLSide) -> None:
    """Every document that was asked for is in the answer, in the order of asking."""
    side.run(INSERT.format(A), PRODUCT.format(A, 0))
    found = side.reader().read([account(B), account(A)], exact=False)
    assert list(found.documents.items()) == [
        (account(B), Current(rows=side.nothing())),
        (account(A), Current(rows=account_rows(products=["x"]))),
    ]
    assert found.position is None
    assert side.reader().read([], exact=False).documents == {}


@pytest.mark.parametrize("exact", [False, True])
def test_a_walk_meets_every_document_once(side: MySQLSide, exact: bool) -> None:
    """Ranges meet without a gap, whatever their size."""
    keys = sorted(key(number * 37) for number in range(23))
    side.run(*[INSERT.format(one) for one in keys], *[PRODUCT.format(one, 0) for one in keys[::3]])
    for limit in (1, 7, 22, 23, 100):
        assert walk(side.reader(), limit, exact=exact) == [account(one) for one in keys]
    assert side.reader().count("accounts") == 23


def test_more_are_counted_by_estimate(side: MySQLSide, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a progress bar's total."""
    monkeypatch.setattr(reader_module, "COUNTED", 2)
    side.run(*[INSERT.format(one) for one in (A, B, C)], "ANALYZE TABLE analytics_account")
    assert side.reader().count("accounts") == 3


def test_keys_that_are_none_are_walked_over_too(side: MySQLSide) -> None:
    """In the order of the column's bytes, under the names that they have in the binlog."""
    side.run(ANY_KEY, *[INSERT.format(one) for one in ("zz", "ZZ", "a-", A, B)])
    assert [one.key for one in walk(side.reader(), 2, exact=False)] == ["?ZZ", "?a-", A, B, "?zz"]


def test_a_key_that_is_none_is_found_by_the_name_it_has_in_the_log(side: MySQLSide) -> None:
    """The same name in a reading, in the binlog and in a conflict row."""
    side.run(ANY_KEY)
    start = side.log_end()
    side.run(INSERT.format("SHOUTED"))
    (entry,) = logged(side, start)
    assert entry.document == account("?SHOUTED")
    for reading in (
        side.reader().range("accounts", None, 10, exact=False),
        side.reader().read([account("?SHOUTED")], exact=True),
    ):
        (current,) = reading.documents.values()
        assert list(reading.documents) == [account("?SHOUTED")]
        assert current.problem is not None
        assert current.problem.kind is ConflictKind.UNMAPPABLE_DOCUMENT
        assert current.problem.reason.startswith("analytics_account: column id: ")
        assert "SHOUTED" not in current.problem.reason


def test_a_document_that_rows_cannot_hold_is_a_problem(side: MySQLSide) -> None:
    """With the column in the reason and no value; its neighbours are read."""
    side.run("ALTER TABLE analytics_account MODIFY `limit` INT NULL")
    side.run(INSERT.format(A), INSERT.format(B), f"UPDATE analytics_account SET `limit` = NULL WHERE id = '{A}'")
    bad, good = side.reader().range("accounts", None, 10, exact=False).documents.values()
    assert good.problem is None
    assert bad.problem is not None
    assert bad.problem.reason == "analytics_account: column limit: a value is needed, found NULL"


class Disturbed(MySQLReader):
    """Something happens between looking for the last key and reading the rows up to it."""

    def __init__(self, side: MySQLSide, *statements: str) -> None:
        super().__init__(side.settings(Role.FOLLOWER), side.mapping)
        self._side, self._statements = side, [*statements]

    def _last(self, collection: CollectionMapping, after: Value, limit: int) -> Value:
        last = super()._last(collection, after, limit)
        self._side.run(*self._statements)
        self._statements.clear()
        return last


@pytest.mark.parametrize("exact", [False, True])
def test_a_range_deleted_meanwhile_is_not_the_end(side: MySQLSide, exact: bool) -> None:
    """What comes after it is read."""
    side.run(INSERT.format(A), INSERT.format(B), INSERT.format(C))
    reader = Disturbed(side, DELETE.format(A), DELETE.format(B))
    assert list(reader.range("accounts", None, 2, exact=exact).documents) == [account(C)]
    reader.close()


def test_a_plain_reading_is_one_snapshot(side: MySQLSide) -> None:
    """Parents and children of one moment, and nobody's locks in the way."""
    side.run(INSERT.format(A), PRODUCT.format(A, 0))
    with side.holding("UPDATE analytics_account SET `limit` = 0", "DELETE FROM analytics_accountproduct"):
        found = side.reader().range("accounts", None, 10, exact=False).documents
    assert found == {account(A): Current(rows=account_rows(products=["x"]))}


def test_an_exact_range_goes_around_locks(side: MySQLSide) -> None:
    """Where an application holds a row, what comes before it is read."""
    side.run(*[INSERT.format(one) for one in (A, B, C)])
    with side.holding(f"UPDATE analytics_account SET `limit` = 0 WHERE id = '{C}'"):
        assert account(A) in side.reader().range("accounts", None, 3, exact=True).documents


def test_an_exact_reading_gives_up_in_the_end(side: MySQLSide, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that stay locked are contention, with the reason; it leaves no lock behind."""
    monkeypatch.setattr(reader_module, "PATIENCE", 0.2)
    side.run(INSERT.format(A), INSERT.format(B))
    reader = side.reader()
    with side.holding(f"UPDATE analytics_account SET `limit` = 0 WHERE id = '{A}'"):
        with pytest.raises(Contention, match="locked by others"):
            reader.range("accounts", None, 3, exact=True)
        with pytest.raises(Contention, match="locked by others"):
            reader.read([account(B), account(A)], exact=True)
        side.run(f"SELECT 1 FROM analytics_account WHERE id = '{B}' FOR UPDATE NOWAIT")
    assert len(reader.range("accounts", None, 3, exact=True).documents) == 2


# Exactness.


def logged(side: MySQLSide, start: BinlogPosition) -> list[Entry]:
    """What users wrote from there to the log's present end."""
    source, end = side.source(start, Known(seq=0, lease="")), side.log_end()
    entries: list[Entry] = []
    here = start
    while not reached(here, end):
        transaction = source.read(1.0)
        if transaction is not None:
            entries += transaction.entries
            assert isinstance(transaction.position, BinlogPosition)
            here = transaction.position
    source.close()
    return entries


def replayed(side: MySQLSide, rows: DocumentRows, entries: list[Entry]) -> DocumentRows:
    """The rows after these changes, each of which must find what it says it found."""
    made: dict[str, dict[RowKey, Row]] = {table: dict(of_table) for table, of_table in rows.items()}
    for entry in entries:
        for change in entry.changes:
            assert made[change.table].get(change.key) == change.before
            if change.after is None:
                del made[change.table][change.key]
            else:
                made[change.table][change.key] = change.after
    return made


class Writers:
    """Applications that insert, change and delete accounts and their products, several rows a transaction."""

    def __init__(self, side: MySQLSide, keys: list[str], threads: int) -> None:
        self._side, self._keys = side, keys
        self._stopping = threading.Event()
        self.committed = 0
        self._connections = [side.connect(side.name) for _ in range(threads)]
        self._threads = [InThread(lambda one=one: self._run(*one)) for one in enumerate(self._connections)]  # type: ignore[misc]

    def _run(self, seed: int, connection: pymysql.Connection[pymysql.cursors.Cursor]) -> None:
        chance = random.Random(seed)
        connection.autocommit(False)
        with connection.cursor() as cursor:
            while not self._stopping.is_set():
                try:
                    for _ in range(chance.randint(1, 3)):
                        self._write(chance, cursor)
                    connection.commit()
                    self.committed += 1
                except pymysql.MySQLError as error:
                    connection.rollback()
                    if error.args[0] not in MET_OTHERS:
                        raise
                self._stopping.wait(chance.uniform(0, 0.003))

    def _write(self, chance: random.Random, cursor: pymysql.cursors.Cursor) -> None:
        of = chance.choice(self._keys)
        match chance.randrange(5):
            case 0:
                cursor.execute(f"DELETE FROM analytics_accountproduct WHERE account_oid = '{of}'")
                cursor.execute(DELETE.format(of))
            case 1:
                cursor.execute(INSERT.format(of))
                for place in range(chance.randrange(3)):
                    cursor.execute(PRODUCT.format(of, place))
            case 2:
                cursor.execute(PRODUCT.format(of, chance.randrange(4)))
            case _:
                limit = chance.randrange(10**6)
                cursor.execute("UPDATE analytics_account SET `limit` = %s WHERE id = %s", (limit, of))

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.result()


def test_an_exact_reading_stands_between_what_it_shows_and_what_comes(side: MySQLSide) -> None:
    """Beside four writers: what a reading shows, and the log from its place on, make what stands at the end. Absent
    documents count too: nothing slips into a range that was read."""
    keys = [key(number) for number in range(40)]
    start = side.log_end()
    writers = Writers(side, keys, 4)
    reader, chance = side.reader(), random.Random(5)
    readings: list[tuple[list[str], Reading]] = []
    after: str | None = None
    while len(readings) < 60 or writers.committed < 200:
        if len(readings) % 3 == 2:
            asked = chance.sample(keys, 4)
            with suppress(Contention):
                readings.append((asked, reader.read([account(one) for one in asked], exact=True)))
            continue
        reading = reader.range("accounts", after, 6, exact=True)
        last = str(list(reading.documents)[-1].key) if reading.documents else None
        covered = [one for one in keys if (after or "") < one <= (last or "")]
        readings.append((covered, reading))
        after = last
    writers.stop()
    entries = logged(side, start)
    final = side.reader().read([account(one) for one in keys], exact=False).documents
    for covered, reading in readings:
        if not covered:
            continue
        assert isinstance(reading.position, BinlogPosition)
        for one in covered:
            shown = reading.documents.get(account(one))
            later = [
                entry
                for entry in entries
                if entry.document.key == one and not reached(reading.position, entry.position)
            ]
            rows = shown.rows if shown else side.nothing()
            assert replayed(side, rows, later) == final[account(one)].rows
