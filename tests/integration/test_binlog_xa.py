"""XA transactions: their rows stand in the log when they are prepared, and count when they are committed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pymysql.connections import Connection
from pymysql.cursors import Cursor

from deploy.local.mysql_binary import Flavour
from deploy.local.users import Role
from sync.errors import (
    CheckpointWrittenByOther,
    PositionPurged,
    RowImageNotFull,
    StatementInBinlog,
    StopError,
    UnknownEvent,
)
from sync.model.change import Origin
from sync.model.position import BinlogPosition
from tests.binlog_log import A, B, C, Log, changes, entries
from tests.servers import Servers


@pytest.fixture
def log(servers: Servers, flavour: Flavour) -> Iterator[Log]:
    made = Log(servers.mysql(flavour), flavour, servers.passwords[Role.FOLLOWER])
    made.run("FLUSH BINARY LOGS")  # what other tests have left in the log may be a stop for who reads backwards
    made.start = made.end()
    yield made
    made.close()


def run(session: Connection[Cursor], *statements: str) -> None:
    """In this session."""
    with session.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def prepared(log: Log, xid: str, *statements: str) -> Connection[Cursor]:
    """A session in which the transaction was prepared."""
    session = log.session()
    run(session, f"XA START {xid}", *statements, f"XA END {xid}", f"XA PREPARE {xid}")
    return session


def insert(key: str) -> str:
    return f"INSERT INTO account (id) VALUES ('{key}')"


def test_rows_wait_for_the_commit(log: Log) -> None:
    """What is prepared is not told; what commits meanwhile is; the commit then brings the rows, with its own place."""
    source = log.source()
    session = prepared(log, "'x'", insert(A), f"INSERT INTO product VALUES ('{A}', 0, 'p')")
    log.run(insert(B))
    assert [change.key for change in changes(log.read(source))] == [(B,)]
    run(session, "XA COMMIT 'x'")
    (committed,) = log.read(source)
    assert [change.key for change in changes([committed])] == [(A,), (A, 0)]
    assert [one.origin for one in committed.entries] == [Origin.USER]
    assert committed.position == committed.first_user == committed.entries[0].position == log.end()


def test_a_rollback_drops_the_rows(log: Log) -> None:
    """Of a prepared transaction, whoever read the log when it was prepared."""
    source = log.source()
    session = prepared(log, "'x'", insert(A))
    assert changes(log.read(source)) == []
    late = log.source(log.end())
    run(session, "XA ROLLBACK 'x'")
    log.run(insert(A))
    for one in (source, late):
        assert [(change.before, change.key) for change in changes(log.read(one))] == [(None, (A,))]


def test_two_between_others(log: Log) -> None:
    """Each brings its own rows, in the order of the commits; ids may hold anything."""
    one, two = "'it''s, x', X'00ff', 7", "'it''s, x', X'00fe', 7"
    first = prepared(log, one, insert(A))
    second = prepared(log, two, insert(B))
    log.run(insert(C))
    run(second, f"XA COMMIT {two}")
    log.run(f"UPDATE account SET `limit` = 1 WHERE id IN ('{B}', '{C}')")
    run(first, f"XA COMMIT {one}")
    assert [(change.key, change.before is None) for change in changes(log.read())] == [
        ((C,), True),
        ((B,), True),
        ((B,), False),
        ((C,), False),
        ((A,), True),
    ]


def test_one_phase(log: Log) -> None:
    """A commit without a prepare is a transaction like any other."""
    session = log.session()
    run(session, "XA START 'x'", insert(A), "XA END 'x'", "XA COMMIT 'x' ONE PHASE")
    run(session, "XA START 'x'", insert(B), "XA END 'x'", "XA ROLLBACK 'x'")
    log.run(insert(C))
    first, second = log.read()
    assert [change.key for change in changes([first])] == [(A,)]
    assert [change.key for change in changes([second])] == [(C,)]


@pytest.mark.parametrize("files", [0, 1, 3])
def test_a_start_between_prepare_and_commit(log: Log, files: int) -> None:
    """The rows are found in the log behind the position, where new files were begun too; so are they where the first
    position of all came after the prepare."""
    session = prepared(log, "'x'", insert(A), insert(B))
    for number in range(files):
        log.run("FLUSH BINARY LOGS", f"INSERT INTO elsewhere (t) VALUES ('{number}')")
    source = log.source(log.end())
    log.run(insert(C))
    run(session, "XA COMMIT 'x'")
    first, second = log.read(source)
    assert [change.key for change in changes([first])] == [(C,)]
    assert [change.key for change in changes([second])] == [(A,), (B,)]
    assert isinstance(second.position, BinlogPosition)
    assert second.position.gtids == log.end().gtids


def test_the_newest_of_equal_ids_counts(log: Log) -> None:
    """An id may be used again once its transaction has ended."""
    run(prepared(log, "'x'", insert(A)), "XA COMMIT 'x'")
    run(prepared(log, "'x'", insert(B)), "XA ROLLBACK 'x'")
    log.run("FLUSH BINARY LOGS")
    session = prepared(log, "'x'", insert(C))
    source = log.source(log.end())
    run(session, "XA COMMIT 'x'")
    run(prepared(log, "'x'", insert(B)), "XA COMMIT 'x'")
    assert [change.key for change in changes(log.read(source))] == [(C,), (B,)]


def test_every_position_resumes(log: Log) -> None:
    """From each transaction's end exactly those after it follow, whatever is prepared there."""
    one = prepared(log, "'one'", insert(A))
    log.together("SAVEPOINT s", insert(B), "ROLLBACK TO s", insert(B))
    two = prepared(log, "'two'", f"INSERT INTO product VALUES ('{B}', 0, 'p')")
    log.run("FLUSH BINARY LOGS")
    run(one, "XA ROLLBACK 'one'")
    log.run("CREATE TABLE copied AS SELECT * FROM account", "UPDATE account SET `limit` = 1")
    three = prepared(log, "'three'", "INSERT INTO elsewhere (t) VALUES ('x')")
    run(two, "XA COMMIT 'two'")
    run(three, "XA COMMIT 'three'")
    log.run("DROP TABLE copied", "DELETE FROM account")
    whole = log.read()
    assert [change.key for change in changes(whole)] == [(B,), (B,), (B, 0), (B,)]
    for number, after in enumerate(whole[:-1], start=1):
        assert isinstance(after.position, BinlogPosition)
        assert log.read(log.source(after.position)) == whole[number:]


def test_rows_that_are_purged(log: Log) -> None:
    """What was prepared so long ago that the log has lost it is a named stop."""
    session = prepared(log, "'x'", insert(A))
    log.run("FLUSH BINARY LOGS", insert(B))
    log.purge()
    source = log.source(log.end())
    run(session, "XA COMMIT 'x'")
    assert "XA" in log.stops(PositionPurged, source)


def test_nothing_of_ours(log: Log) -> None:
    """Transactions that change nothing, or other tables only, pass; also for one who starts between."""
    nothing = prepared(log, "'nothing'", "SELECT 1")
    log.run(insert(A))
    same = prepared(log, "'same'", "UPDATE account SET `limit` = `limit`")
    other = prepared(log, "'other'", "INSERT INTO elsewhere (t) VALUES ('x')")
    source = log.source(log.end())
    run(nothing, "XA COMMIT 'nothing'")
    run(same, "XA COMMIT 'same'")
    run(other, "XA COMMIT 'other'")
    log.run(insert(B))
    assert [change.key for change in changes(log.read(source))] == [(B,)]
    assert [change.key for change in changes(log.read())] == [(A,), (B,)]


def test_parts_of_a_large_one(log: Log) -> None:
    """It is cut like any other; a part resumes at the place before the commit."""
    keys = [f"{number:024x}" for number in range(20)]
    session = prepared(log, "'x'", *map(insert, keys))
    log.run(insert(A))
    start = log.end()
    source = log.source(start, part_rows=6)
    run(session, "XA COMMIT 'x'")
    found = log.read(source)
    assert [len(changes([one])) for one in found] == [6, 6, 6, 2]
    assert [change.key for change in changes(found)] == [(key,) for key in keys]
    assert [(one.position == start, one.rows_done) for one in found] == [(True, 6), (True, 12), (True, 18), (False, 0)]
    assert changes(log.read(log.source(start, rows_done=12))) == changes(found[2:])


def test_a_checkpoint_in_one(log: Log) -> None:
    """The listener's transactions are none: another has written it, however the rows are found. One that is rolled back
    has written nothing."""
    write = "UPDATE sync_checkpoint SET seq = 6"
    run(prepared(log, "'x'", write), "XA ROLLBACK 'x'")
    assert entries(log.read()) == []
    session = prepared(log, "'x'", write)
    late = log.source(log.end())
    run(session, "XA COMMIT 'x'")
    log.stops(CheckpointWrittenByOther)
    log.stops(CheckpointWrittenByOther, late)


@pytest.mark.parametrize(
    ("setting", "stop"),
    [("binlog_format = 'STATEMENT'", StatementInBinlog), ("binlog_row_image = 'MINIMAL'", RowImageNotFull)],
)
def test_what_stops_stops_in_one(log: Log, setting: str, stop: type[StopError]) -> None:
    """Statements without rows and rows without columns: when it is prepared, and when they are looked for; but only
    where it is this transaction that has them."""
    log.run(insert(C))
    other = prepared(log, "'other'", insert(B))
    with log.session().cursor() as cursor:
        cursor.execute(f"SET {setting}")
        cursor.execute(insert(A))
    session = log.session()
    run(session, f"SET {setting}", "XA START 'x'", "DELETE FROM product", f"DELETE FROM account WHERE id = '{C}'")
    run(session, "XA END 'x'", "XA PREPARE 'x'")
    late = log.source(log.end())
    run(other, "XA COMMIT 'other'")
    run(session, "XA COMMIT 'x'")
    log.stops(stop)
    found = late.read(20)
    assert found is not None
    assert [change.key for change in changes([found])] == [(B,)]
    log.stops(stop, late)


@pytest.mark.parametrize("flavour", [Flavour.MARIADB], indirect=True)
def test_a_rollback_to_a_savepoint_that_did_not_undo_all(log: Log) -> None:
    """Rows that do not count stand among those of the transaction: nothing is guessed, now or when they are looked for."""
    log.run("CREATE TABLE old (i INT) ENGINE = MyISAM")
    source = log.source(log.end())
    session = prepared(log, "'x'", insert(A), "SAVEPOINT s", insert(B), "INSERT INTO old VALUES (1)", "ROLLBACK TO s")
    late = log.source(log.end())
    run(session, "XA COMMIT 'x'")
    log.stops(UnknownEvent, source)
    log.stops(UnknownEvent, late)
