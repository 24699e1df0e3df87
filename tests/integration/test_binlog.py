"""The binlog as a source on real servers: what becomes of rows, transactions and positions."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime

import pytest

from deploy.local.mysql_binary import Flavour
from deploy.local.users import Role
from sync.errors import CheckpointWrittenByOther, MySQLAway, PositionPurged, SourceBehind
from sync.model.change import ConflictKind, DocumentId, Origin, RowChange, RowKey, Transaction, Value
from sync.model.position import BinlogPosition, Known, Mark, StreamPosition
from tests.binlog_log import LEASE, A, B, C, Log, changes, entries
from tests.servers import Servers

PLAIN = {"name": "n", "opened": None, "active": None, "limit": 0}


@pytest.fixture
def log(servers: Servers, flavour: Flavour) -> Iterator[Log]:
    made = Log(servers.mysql(flavour), flavour, servers.passwords[Role.FOLLOWER])
    yield made
    made.close()


def account(key: str) -> DocumentId:
    return DocumentId("accounts", key)


def test_rows_become_changes_with_canonical_values(log: Log) -> None:
    """Insert, update and delete carry both images; text, dates, NULL and numbers are what SELECT gives."""
    log.run(
        f"INSERT INTO account VALUES ('{A}', 'é😀 \\n ', '1960-01-02 03:04:05.678', NULL, -7, 'u', NULL)",
        "UPDATE account SET active = 1, `limit` = 2147483647",
        "DELETE FROM account",
    )
    first: dict[str, Value] = {
        "name": "é😀 \n ",
        "opened": datetime(1960, 1, 2, 3, 4, 5, 678000),  # noqa: DTZ001
        "active": None,
        "limit": -7,
    }
    then = first | {"active": True, "limit": 2147483647}
    assert changes(log.read()) == [
        RowChange(table="account", key=(A,), before=None, after=first),
        RowChange(table="account", key=(A,), before=first, after=then),
        RowChange(table="account", key=(A,), before=then, after=None),
    ]


def test_a_transaction_is_one_with_an_entry_per_document(log: Log) -> None:
    """Rows of one document stand together in source order, all with the transaction's end as their place."""
    log.together(
        f"INSERT INTO account (id) VALUES ('{A}'), ('{B}')",
        f"INSERT INTO product VALUES ('{A}', 0, 'p')",
        "INSERT INTO elsewhere (t) VALUES ('x')",
    )
    (transaction,) = log.read()
    assert [(one.document.key, [change.table for change in one.changes]) for one in transaction.entries] == [
        (A, ["account", "product"]),
        (B, ["account"]),
    ]
    assert {one.origin for one in transaction.entries} == {Origin.USER}
    assert {one.position for one in transaction.entries} == {transaction.position} == {transaction.first_user}
    assert transaction.position == log.end()


def test_a_changed_key_is_delete_and_insert(log: Log) -> None:
    """Of a root row the document moves; a child row that moves to another document is an entry of both."""
    log.run(f"INSERT INTO account (id) VALUES ('{A}')", f"INSERT INTO product VALUES ('{A}', 0, 'p')")
    source = log.source(log.end())
    log.run(f"UPDATE account SET id = '{B}'", f"UPDATE product SET account_id = '{C}'")
    root, child = log.read(source)
    assert [(one.document.key, [(c.before, c.after) for c in one.changes]) for one in root.entries] == [
        (A, [(PLAIN, None)]),
        (B, [(None, PLAIN)]),
    ]
    assert [one.document.key for one in child.entries] == [A, C]


def test_a_changed_key_is_told_with_the_one_before(log: Log) -> None:
    """Through keys that a row has only for a while; of each part, by what stood when it began."""
    log.run(f"INSERT INTO account (id) VALUES ('{A}'), ('{B}')", f"INSERT INTO product VALUES ('{A}', 0, 'p')")
    start = log.end()
    log.together(
        f"UPDATE account SET id = '{C}' WHERE id = '{A}'",
        f"UPDATE account SET id = '{A}' WHERE id = '{B}'",
        f"UPDATE account SET id = '{B}' WHERE id = '{C}'",
        f"UPDATE product SET account_id = '{B}'",
    )

    def moved(transactions: list[Transaction]) -> list[dict[tuple[str, RowKey], RowKey | None]]:
        return [{place: was for entry in one.entries for place, was in entry.moved.items()} for one in transactions]

    product: dict[tuple[str, RowKey], RowKey | None] = {("product", (A, 0)): None, ("product", (B, 0)): (A, 0)}
    assert moved(log.read(log.source(start))) == [
        {("account", (A,)): (B,), ("account", (B,)): (A,), ("account", (C,)): None, **product}
    ]
    assert moved(log.read(log.source(start, part_rows=1)))[:2] == [
        {("account", (A,)): None, ("account", (C,)): (A,)},
        {("account", (B,)): None, ("account", (A,)): (B,)},
    ]


def test_other_tables_and_columns_only_move_the_position(log: Log) -> None:
    """Rows that nothing maps make transactions without entries."""
    log.run(f"INSERT INTO account (id) VALUES ('{A}')")
    source = log.source(log.end())
    log.run("INSERT INTO elsewhere (t) VALUES ('x')", "UPDATE account SET unmapped = 'x'", "CREATE TABLE e2 (i INT)")
    found = log.read(source)
    assert (entries(found), {one.first_user for one in found}) == ([], {None})


def test_values_that_are_none_make_a_problem(log: Log) -> None:
    """A value that no codec takes holds its document, with a reason that does not quote it, and the log goes on."""
    log.run(
        f"INSERT INTO account (id, active) VALUES ('{A}', 77)",
        "INSERT INTO account (id) VALUES ('secret')",
        f"INSERT INTO account (id) VALUES ('{B}')",
    )
    bad, foreign, good = entries(log.read())
    assert (bad.document, foreign.document, good.document) == (account(A), account("?secret"), account(B))
    assert good.problem is None
    for one in (bad, foreign):
        assert one.problem is not None
        assert one.problem.kind is ConflictKind.UNMAPPABLE_DOCUMENT
        assert "secret" not in one.problem.reason
        assert "77" not in one.problem.reason


def test_savepoints_pass(log: Log) -> None:
    """What was rolled back to a savepoint is not told; everything else of the transaction is."""
    log.together(
        "SAVEPOINT s1",
        f"INSERT INTO account (id) VALUES ('{A}')",
        "ROLLBACK TO s1",
        f"INSERT INTO account (id) VALUES ('{B}')",
        "SAVEPOINT s2",
        f"INSERT INTO account (id) VALUES ('{C}')",
        "RELEASE SAVEPOINT s2",
    )
    assert [change.key for change in changes(log.read())] == [(B,), (C,)]


@pytest.mark.parametrize("flavour", [Flavour.MARIADB], ids=str)
def test_a_rolled_back_transaction_is_not_told(log: Log) -> None:
    """Not even where a table without transactions took part in it (MySQL refuses that while it has GTIDs)."""
    log.run("CREATE TABLE old (i INT) ENGINE = MyISAM")
    source = log.source(log.end())
    log.together(f"INSERT INTO account (id) VALUES ('{A}')", "INSERT INTO old VALUES (1)", end="ROLLBACK")
    log.run(f"INSERT INTO account (id) VALUES ('{B}')")
    assert [change.key for change in changes(log.read(source))] == [(B,)]


def test_create_table_select_passes(log: Log) -> None:
    """DDL and rows in one transaction: of a table that nothing maps."""
    log.run(f"INSERT INTO account (id) VALUES ('{A}')", "CREATE TABLE copied AS SELECT * FROM account")
    log.run(f"INSERT INTO account (id) VALUES ('{B}')")
    assert [change.key for change in changes(log.read())] == [(A,), (B,)]


def test_cascades_of_one_delete(log: Log) -> None:
    """Where the server logs what a cascade deletes, it comes with the delete."""
    log.run(
        "ALTER TABLE elsewhere ADD account_id CHAR(24) CHARACTER SET ascii COLLATE ascii_bin",
        "ALTER TABLE elsewhere ADD FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE",
        f"INSERT INTO account (id) VALUES ('{A}')",
        f"INSERT INTO elsewhere (account_id) VALUES ('{A}')",
    )
    source = log.source(log.end())
    log.run("DELETE FROM account")
    assert [change.after for change in changes(log.read(source))] == [None]


def test_commit_times(log: Log, flavour: Flavour) -> None:
    """Microseconds on MySQL, whole seconds on MariaDB, of the commit and not of the statements."""
    log.run("BEGIN", f"INSERT INTO account (id) VALUES ('{A}')")
    with log.session().cursor() as cursor:
        cursor.execute("SELECT SLEEP(1.1)")
    before = time.time()
    log.run("COMMIT")
    after = time.time()
    (one,) = entries(log.read())
    if flavour is Flavour.MYSQL:
        assert before - 0.01 <= one.committed_at / 1e6 <= after + 0.01
        assert one.committed_at % 1000
    else:
        assert int(before) <= one.committed_at / 1e6 <= after
        assert one.committed_at % 1_000_000 == 0


def test_every_position_resumes_behind_its_transaction(log: Log) -> None:
    """Reading on from any transaction's position gives exactly those after it, over a change of file too."""
    log.run(f"INSERT INTO account (id) VALUES ('{A}')", "FLUSH BINARY LOGS")
    log.together(f"INSERT INTO account (id) VALUES ('{B}')", f"INSERT INTO product VALUES ('{B}', 0, 'p')")
    log.run("UPDATE account SET `limit` = 1", "FLUSH BINARY LOGS", "DELETE FROM product")
    whole = log.read()
    assert len({one.position.file for one in whole if isinstance(one.position, BinlogPosition)}) == 3
    for number, one in enumerate(whole[:-1], start=1):
        assert isinstance(one.position, BinlogPosition)
        assert log.read(log.source(one.position)) == whole[number:]


def test_on_another_server_the_gtids_tell(log: Log) -> None:
    """File and offset mean nothing there; the transactions after the GTID set are read, none of them twice."""
    log.run(*(f"INSERT INTO account (id) VALUES ('{key}')" for key in (A, B, C)))
    whole = log.read()
    assert isinstance(whole[0].position, BinlogPosition)
    moved = whole[0].position._replace(server="another", file="other.000777", offset=12345)
    assert log.read(log.source(moved)) == whole[1:]


def test_a_server_that_lacks_what_was_applied(log: Log) -> None:
    """An older backup, or a wrong server: by its GTIDs, by its files, by their sizes."""
    number = int(log.start.gtids.rpartition("-")[2]) + 1000
    ahead = log.start._replace(gtids=f"{log.start.gtids.rpartition('-')[0]}-{number}")
    missing = log.start._replace(file="binlog.999999", gtids="")
    short = log.start._replace(offset=log.start.offset + 1_000_000, gtids="")
    stranger = log.start._replace(server="another", gtids="")
    for position in (ahead, ahead._replace(server="another"), missing, short, stranger):
        with pytest.raises(SourceBehind):
            log.read(log.source(position))


def test_a_purged_position(log: Log) -> None:
    """What lies between the position and the log's beginning is lost: a named stop, on this server and on another."""
    log.run(f"INSERT INTO account (id) VALUES ('{A}')", "FLUSH BINARY LOGS")
    log.run(f"INSERT INTO account (id) VALUES ('{B}')", "FLUSH BINARY LOGS")
    log.purge()
    for position in (log.start, log.start._replace(server="another")):
        with pytest.raises(PositionPurged):
            log.read(log.source(position))


def test_a_tagged_transaction_is_an_echo(log: Log) -> None:
    """Its first row is the listener's next checkpoint: all its rows are echoes, with what the listener had seen."""
    log.together(
        """UPDATE sync_checkpoint SET seq = 6, seen = '{"time": 1, "increment": 2, "token": "x"}'""",
        f"INSERT INTO account (id) VALUES ('{A}')",
    )
    log.run(f"INSERT INTO account (id) VALUES ('{B}')", "UPDATE sync_checkpoint SET seq = 7")
    echo, user, beat = log.read()
    seen = StreamPosition(time=1, increment=2, token="x")
    assert [(one.origin, one.seen, len(one.changes)) for one in entries([echo])] == [(Origin.ECHO, seen, 1)]
    assert (echo.first_user, echo.known) == (None, Known(seq=6, lease="L"))
    assert [(one.origin, one.seen) for one in user.entries] == [(Origin.USER, None)]
    assert (beat.entries, beat.known) == ((), Known(seq=7, lease="L"))


def test_an_echo_is_decoded_when_it_is_asked_for(log: Log) -> None:
    """As often as it is, and as what a user's transaction would be; one that is large comes decoded, all in order."""
    rows = [f"INSERT INTO account (id) VALUES ('{A}'), ('{B}')", f"INSERT INTO product VALUES ('{A}', 0, 'p')"]
    log.together("UPDATE sync_checkpoint SET seq = 6", *rows, f"DELETE FROM account WHERE id = '{B}'")
    (echo,) = log.read()
    assert (echo.entries, echo.rows) == ((), 3)
    assert echo.undecoded is not None
    found = echo.undecoded.decode()
    assert found == echo.undecoded.decode()
    assert [(one.document.key, [change.table for change in one.changes]) for one in found] == [
        (A, ["account", "product"]),
        (B, ["account", "account"]),
    ]
    assert {(one.origin, one.position) for one in found} == {(Origin.ECHO, echo.position)}
    for limit in (100, 800, 1600):
        (at_once,) = log.read(log.source(part_bytes=limit * 8, part_rows=100))
        assert entries([at_once]) == list(found)
        assert (at_once.undecoded is None) == (limit < 150), limit


def test_a_lease_that_is_taken_moves_what_is_known(log: Log) -> None:
    """The next number under another lease and nothing else: the listener was started anew."""
    log.run("UPDATE sync_checkpoint SET seq = 6, lease = 'M'", "UPDATE sync_checkpoint SET seq = 7")
    assert [one.known for one in log.read()] == [Known(seq=6, lease="M"), Known(seq=7, lease="M")]


def test_marks_of_looks_stand_in_conflict_rows(log: Log) -> None:
    """A look that is begun, and one that the listener has met; a row that may be looked at, and one that was closed."""
    log.run("INSERT INTO sync_conflict (open_key) VALUES ('k'), ('l')")
    log.run("UPDATE sync_conflict SET look_id = 11")
    log.run("UPDATE sync_conflict SET version = 2")
    log.together("UPDATE sync_checkpoint SET seq = 6", "UPDATE sync_conflict SET met = 11")
    log.run("UPDATE sync_conflict SET look_id = NULL, open_key = NULL WHERE open_key = 'k'")
    found = log.read()
    assert [one.mark for one in found] == [None, Mark(look=11), None, None, None]
    assert [one.met for one in found] == [None, None, None, 11, None]
    assert [one.closed for one in found] == [False, False, False, False, True]
    assert [one.due for one in found] == [True, False, False, False, False]
    assert all(not one.entries for one in found)


@pytest.mark.parametrize(
    "statements",
    [
        ("UPDATE sync_checkpoint SET seq = 7",),
        ("UPDATE sync_checkpoint SET seq = 4",),
        ("DELETE FROM sync_checkpoint",),
        ("INSERT INTO sync_checkpoint (name, seq, lease) VALUES ('x', 1, '')",),
        (f"INSERT INTO account (id) VALUES ('{A}')", "UPDATE sync_checkpoint SET seq = 6"),
        ("INSERT INTO elsewhere (t) VALUES ('x')", "UPDATE sync_checkpoint SET seq = 6"),
        ("UPDATE sync_checkpoint SET seq = 6", "UPDATE sync_checkpoint SET seq = 7"),
        ("UPDATE sync_checkpoint SET seq = 6, lease = 'M'", f"INSERT INTO account (id) VALUES ('{A}')"),
        ("UPDATE sync_checkpoint SET seq = 6, lease = 'M'", "INSERT INTO elsewhere (t) VALUES ('x')"),
        ("INSERT INTO sync_conflict (open_key) VALUES ('k')", "UPDATE sync_checkpoint SET seq = 6"),
        ("UPDATE sync_checkpoint SET seq = 6, lease = 'M'", "INSERT INTO sync_conflict (open_key) VALUES ('k')"),
    ],
)
def test_any_other_write_of_a_checkpoint_stops(log: Log, statements: tuple[str, ...]) -> None:
    """Where the origin of changes cannot be told any more, nothing is guessed."""
    source = log.source()
    log.together(*statements)
    log.stops(CheckpointWrittenByOther, source)


def test_a_restored_server_is_told_by_its_checkpoint(log: Log) -> None:
    """It stands in the data, and is older than what was already read of it."""
    log.run("UPDATE sync_checkpoint SET seq = 4")
    with pytest.raises(SourceBehind, match="checkpoint"):
        log.source(log.end())


def test_a_large_transaction_comes_in_parts(log: Log) -> None:
    """Cut where the next row belongs to another document; each part resumes where it ended, the last moves on."""
    keys = [f"{number:024x}" for number in range(6)]
    rows = ", ".join(f"('{key}', {position}, 'p')" for key in keys for position in range(4))
    log.together("UPDATE sync_checkpoint SET seq = 6", f"INSERT INTO product VALUES {rows}")
    log.run(f"INSERT INTO account (id) VALUES ('{A}')")
    *parts, last, after = log.read(log.source(part_rows=7, part_bytes=5000))
    assert [len(changes([part])) for part in (*parts, last)] == [8, 8, 8]
    assert [(part.position, part.rows_done, part.known) for part in parts] == [
        (log.start, 8, LEASE),
        (log.start, 16, LEASE),
    ]
    assert (last.rows_done, last.known.seq, after.rows_done) == (0, 6, 0)
    assert {one.origin for one in entries([*parts, last])} == {Origin.ECHO}
    # All rows stand in one event here, so two parts may have one place.
    assert parts[0].entries[0].position.order <= parts[1].entries[0].position.order < last.position.order
    resumed = log.read(log.source(rows_done=16, part_rows=7, part_bytes=5000))
    assert changes(resumed) == changes([last, after])
    assert [one.origin for one in entries(resumed)] == [one.origin for one in entries([last, after])]


def test_a_large_document_is_cut_at_twice_the_limit(log: Log) -> None:
    """One document that is larger than memory allows is cut inside; bytes count like rows."""
    rows = ", ".join(f"('{A}', {position}, '{'p' * 50}')" for position in range(1000))
    log.run(f"INSERT INTO product VALUES {rows}")
    assert [len(changes([one])) for one in log.read(log.source(part_rows=200))] == [400, 400, 200]
    by_bytes = log.read(log.source(part_bytes=20_000))
    assert len(by_bytes) > 1
    assert len(changes(by_bytes)) == 1000


def test_a_closed_source_stops_reading(log: Log) -> None:
    """Reading stops when somebody closes the source, at once and from another thread."""
    source = log.source()
    source.close()
    source.close()
    with pytest.raises(MySQLAway):
        source.read(5)


def test_nothing_to_read_is_none(log: Log) -> None:
    """A quiet log answers None in about the time that was asked for."""
    source = log.source()
    before = time.monotonic()
    assert source.read(0.5) is None
    assert 0.4 < time.monotonic() - before < 3
