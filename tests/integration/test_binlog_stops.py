"""Where the binlog must stop: what a session may do to it at any time, damage, a connection that breaks.

Beside each stop stands what is like it and must pass.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from pymysql.err import MySQLError

from deploy.local import mysql_binary, mysql_server
from deploy.local.mysql_binary import Flavour
from deploy.local.users import Role, create_mysql_users
from sync.errors import (
    CheckpointWrittenByOther,
    ConfigError,
    LockstepError,
    MySQLAway,
    RowImageNotFull,
    StatementInBinlog,
    UnknownEvent,
)
from sync.model.position import BinlogPosition
from sync.mysql import binlog_wire
from sync.mysql.binlog import BinlogSource
from sync.mysql.binlog_events import Event
from tests.binlog_log import A, B, C, Log, Relay, altered, changes, entries
from tests.servers import Servers

only_mysql = pytest.mark.parametrize("flavour", [Flavour.MYSQL], indirect=True)
only_mariadb = pytest.mark.parametrize("flavour", [Flavour.MARIADB], indirect=True)


@pytest.fixture
def log(servers: Servers, flavour: Flavour) -> Iterator[Log]:
    made = Log(servers.mysql(flavour), flavour, servers.passwords[Role.FOLLOWER])
    yield made
    made.close()


def keys(log: Log, source: BinlogSource | None = None) -> list[object]:
    """Of all row changes since the test began, or that a source still has to tell."""
    return [change.key for change in changes(log.read(source))]


# Images.


@pytest.mark.parametrize(
    "statement",
    [
        f"INSERT INTO account (id) VALUES ('{B}')",
        "UPDATE account SET `limit` = 9",
        "DELETE FROM account",
        "UPDATE sync_checkpoint SET seq = 6",
    ],
)
def test_images_without_all_columns(log: Log, statement: str) -> None:
    """A session that asks for MINIMAL images: columns that are absent are never taken for NULL."""
    log.run(f"INSERT INTO account (id) VALUES ('{A}')", "SET binlog_row_image = 'MINIMAL'", statement)
    assert ("sync_checkpoint" if "sync_checkpoint" in statement else "account") in log.stops(RowImageNotFull)


def test_images_of_other_tables_do_not_matter(log: Log) -> None:
    """They are not even decoded."""
    log.run("SET binlog_row_image = 'MINIMAL'", "INSERT INTO elsewhere (t) VALUES ('x')", "UPDATE elsewhere SET t = ''")
    log.run("SET binlog_row_image = 'FULL'", f"INSERT INTO account (id) VALUES ('{A}')")
    assert keys(log) == [(A,)]


def test_images_without_blobs(log: Log) -> None:
    """NOBLOB leaves out long columns that did not change: harmless where nothing maps them, else a stop."""
    log.run(f"INSERT INTO account (id, unmapped) VALUES ('{A}', 'long')", "SET binlog_row_image = 'NOBLOB'")
    source = log.source(log.end())
    log.run("UPDATE account SET `limit` = 9", f"INSERT INTO account (id) VALUES ('{B}')", "DELETE FROM account")
    found = changes(log.read(source))
    assert [(one.before and one.before["limit"], one.after and one.after["limit"]) for one in found] == [
        (0, 9),
        (None, 0),
        (9, None),
        (0, None),
    ]
    log.run("ALTER TABLE account MODIFY name LONGTEXT NOT NULL", f"INSERT INTO account (id, name) VALUES ('{A}', 'n')")
    source = log.source(log.end())
    log.run("UPDATE account SET `limit` = 9")
    assert "account" in log.stops(RowImageNotFull, source)


def test_names_of_columns_that_are_not_logged(log: Log) -> None:
    """Without binlog_row_metadata=FULL nobody knows which column is which: a setting to mend, at the start and later."""
    source = log.source()
    with log.setting("binlog_row_metadata", "'MINIMAL'"):
        with pytest.raises(ConfigError, match="binlog_row_metadata"):
            log.source()
        log.run(f"INSERT INTO account (id) VALUES ('{A}')")
    said = log.stops(ConfigError, source)
    assert "names of columns" in said


@only_mysql
def test_partial_json(log: Log) -> None:
    """Differences of a JSON column that nothing maps are skipped; what else the update changed is told."""
    log.run(
        f"""INSERT INTO account (id, more) VALUES ('{A}', '{{"a": 1, "b": "secret", "c": "{"x" * 90}"}}')""",
        "CREATE TABLE jsons (i INT PRIMARY KEY, more JSON)",
        """INSERT INTO jsons VALUES (1, (SELECT more FROM account))""",
        "SET binlog_row_value_options = 'PARTIAL_JSON'",
        "UPDATE jsons SET more = JSON_SET(more, '$.a', 2, '$.b', 'secret')",
    )
    assert keys(log) == [(A,)]
    source = log.source(log.end())
    log.run(
        "UPDATE account SET more = JSON_SET(more, '$.a', 2, '$.b', 'other secret')",
        "UPDATE account SET more = JSON_SET(more, '$.a', 3), `limit` = 7",
        "UPDATE account SET `limit` = 8",
    )
    found = changes(log.read(source))
    assert [(one.before and one.before["limit"], one.after and one.after["limit"]) for one in found] == [(0, 7), (7, 8)]


@only_mysql
def test_partial_json_without_blobs(log: Log) -> None:
    """Where long columns that did not change are left out too, what is mapped is told."""
    log.run(
        "ALTER TABLE account ADD other JSON",
        f"""INSERT INTO account (id, more, other) VALUES ('{A}', '{{"a": 1, "c": "{"x" * 90}"}}', '[1]')""",
        "SET binlog_row_value_options = 'PARTIAL_JSON', binlog_row_image = 'NOBLOB'",
    )
    source = log.source(log.end())
    log.run("UPDATE account SET `limit` = 7", "UPDATE account SET more = JSON_SET(more, '$.a', 2), `limit` = 8")
    assert [change.after and change.after["limit"] for change in changes(log.read(source))] == [7, 8]


def test_a_row_of_many_packets(log: Log) -> None:
    """An event over 16 MB comes in pieces; it is read whole, and places behind it have their GTIDs."""
    log.run(
        f"INSERT INTO account (id, unmapped) VALUES ('{A}', REPEAT('x', 9000000))", "UPDATE account SET `limit` = 1"
    )
    found = log.read()
    assert [change.after and change.after["limit"] for change in changes(found)] == [0, 1]
    assert found[-1].position == log.end()


@only_mysql
def test_a_column_of_a_rare_type(log: Log) -> None:
    """VECTOR: beside mapped columns it is skipped."""
    log.run("ALTER TABLE account ADD v VECTOR(2) AFTER name")
    source = log.source(log.end())
    log.run(f"INSERT INTO account (id, v, `limit`) VALUES ('{B}', STRING_TO_VECTOR('[1,2]'), 5)")
    assert [one.after and one.after["limit"] for one in changes(log.read(source))] == [5]


# Statements without rows.


@pytest.mark.parametrize(
    "statement",
    [
        f"INSERT INTO account (id, name) VALUES ('{B}', 'secret')",
        "UPDATE account SET name = 'secret'",
        "DELETE FROM account WHERE name <> 'secret'",
        f"REPLACE INTO product VALUES ('{A}', 0, 'secret')",
        "/* a comment */ UPDATE account SET name = 'secret'",
        "/*!99999 CREATE USER u */ DELETE FROM account",
        "/*M!999999 CREATE USER u */ DELETE FROM account",
        "INSERT INTO elsewhere (t) VALUES ('secret')",
        "CREATE TEMPORARY TABLE t AS SELECT 'secret' AS s",
    ],
)
def test_statements_without_rows(log: Log, statement: str) -> None:
    """A session in statement format. Tables are not looked at: one statement may change any, through triggers and
    functions too."""
    log.run(f"INSERT INTO account (id) VALUES ('{A}')", "SET binlog_format = 'STATEMENT'", statement)
    if statement.startswith("CREATE TEMPORARY"):
        log.run(f"INSERT INTO product SELECT '{A}', 0, s FROM t")
    assert "without its rows" in log.stops(StatementInBinlog)


def test_statements_about_another_database(log: Log) -> None:
    """The session's database tells nothing about what a statement changes."""
    other = f"{log.database}x"
    log.run(f"CREATE DATABASE {other}", f"USE {other}", "CREATE TABLE t (i INT)", "SET binlog_format = 'STATEMENT'")
    try:
        log.run(f"INSERT INTO {log.database}.account (id) VALUES ('{A}')")
        log.stops(StatementInBinlog)
        source = log.source(log.end())
        log.run("INSERT INTO t VALUES (1)")
        log.stops(StatementInBinlog, source)
    finally:
        log.run(f"DROP DATABASE {other}")


def test_loading_a_file_as_a_statement(log: Log, tmp_path_factory: pytest.TempPathFactory) -> None:
    """LOAD DATA has events of its own."""
    path = tmp_path_factory.mktemp("load") / "rows.txt"
    path.write_text("secret\n")
    for folder in (path, *path.parents):
        if folder.stat().st_uid == path.stat().st_uid and "pytest" in str(folder):
            folder.chmod(0o755)
    log.run("SET binlog_format = 'STATEMENT'", f"LOAD DATA INFILE '{path}' INTO TABLE account (name) SET id = '{A}'")
    assert "LOAD DATA" in log.stops(StatementInBinlog)


@only_mariadb
@pytest.mark.parametrize(
    "statement",
    [
        "SET STATEMENT max_statement_time = 9 FOR UPDATE account SET name = 'secret'",
        "SET STATEMENT max_statement_time = (SELECT 9), lock_wait_timeout = 5 FOR DELETE FROM account",
        "ANALYZE FORMAT=JSON UPDATE account SET name = 'secret'",
        "ANALYZE DELETE FROM account",
        "/*M!100000 UPDATE */ account SET name = 'secret'",
    ],
)
def test_statements_in_disguise(log: Log, statement: str) -> None:
    """What begins like a word of upkeep may be a statement that changes rows."""
    log.run(f"INSERT INTO account (id) VALUES ('{A}')", "SET binlog_format = 'STATEMENT'", statement)
    log.stops(StatementInBinlog)


@only_mariadb
def test_settings_for_one_statement_pass(log: Log) -> None:
    """SET STATEMENT ... FOR is judged by what follows; its rows are rows like any others."""
    log.run(
        f"SET STATEMENT max_statement_time = 9 FOR INSERT INTO account (id) VALUES ('{A}')",
        "SET STATEMENT max_statement_time = 9 FOR ALTER TABLE elsewhere ADD c INT",
        "ANALYZE UPDATE account SET `limit` = 3",
    )
    assert keys(log) == [(A,), (A,)]
    source = log.source(log.end())
    log.run("SET STATEMENT max_statement_time = 9 FOR TRUNCATE account")
    assert [one.reason for one in altered(log.read(source))] == ["TRUNCATE TABLE on account"]


# Events that nobody decodes.


@only_mysql
def test_compressed_transactions(log: Log) -> None:
    """Any session may compress at any time: rows are read as ever, positions are those of whole transactions."""
    log.run("SET binlog_transaction_compression = ON", f"INSERT INTO account (id) VALUES ('{A}')")
    log.together(
        *(f"INSERT INTO account (id, unmapped) VALUES ('{n:024x}', REPEAT('x', 100000))" for n in range(50)),
        "SAVEPOINT s",
        "INSERT INTO elsewhere (t) VALUES ('x')",
        f"INSERT INTO product VALUES ('{A}', 0, 'p')",
    )
    log.run("SET binlog_transaction_compression = OFF", f"INSERT INTO account (id) VALUES ('{B}')")
    whole = log.read()
    assert [change.key for change in changes(whole)] == [(A,), *((f"{n:024x}",) for n in range(50)), (A, 0), (B,)]
    for number, one in enumerate(whole[:-1], start=1):
        assert isinstance(one.position, BinlogPosition)
        assert log.read(log.source(one.position)) == whole[number:]
    parts = log.read(log.source(part_rows=20))
    assert len(parts) > len(whole)
    assert changes(parts) == changes(whole)


@only_mysql
def test_a_compressed_transaction_without_rows(log: Log) -> None:
    """Statements and images are judged within as without."""
    log.run("SET binlog_transaction_compression = ON, binlog_row_image = 'MINIMAL'")
    log.run(f"INSERT INTO account (id) VALUES ('{A}')")
    log.stops(RowImageNotFull)


@only_mariadb
def test_compressed_events(log: Log) -> None:
    """Row events and statements, from some length on."""
    long = "x" * 2000
    with log.setting("log_bin_compress", "ON"):
        log.run(
            f"INSERT INTO account (id, unmapped) VALUES ('{A}', '{long}')",
            f"UPDATE account SET unmapped = '{long}y', `limit` = 4",
            "DELETE FROM account",
            f"INSERT INTO elsewhere (t) VALUES ('{long}')",
            f"ALTER TABLE elsewhere COMMENT '{long[:1000]}'",
            f"INSERT INTO account (id) VALUES ('{B}')",
        )
        found = changes(log.read())
        limits = [(one.before and one.before["limit"], one.after and one.after["limit"]) for one in found]
        assert limits == [(None, 0), (0, 4), (4, None), (None, 0)]
        log.run(f"ALTER TABLE account COMMENT '{long[:1000]}', DROP active")
        assert [one.reason for one in altered(log.read())] == ["ALTER TABLE on account"]


@pytest.fixture
def ends_the_file(log: Log) -> Iterator[None]:
    """Whatever the test put there, later tests do not read it: MariaDB leaves an incident in the middle of a file."""
    yield
    log.run("FLUSH BINARY LOGS")


@pytest.mark.usefixtures("ends_the_file")
def test_events_that_the_server_lost(log: Log, flavour: Flavour) -> None:
    """An incident event: a write that the log could not take. Where a place is asked for by GTID, MariaDB tells also an
    incident that stands before it. It belongs to no transaction, so nothing tells where it stands, and following stops."""
    log.run("CREATE TABLE old (t LONGTEXT) ENGINE = MyISAM")
    source = log.source(log.end())
    with log.setting("max_binlog_stmt_cache_size", "4096"), log.session().cursor() as cursor, pytest.raises(MySQLError):
        cursor.execute("INSERT INTO old VALUES (REPEAT('x', 1000000))")
    assert "events were lost" in log.stops(UnknownEvent, source)
    log.run(f"INSERT INTO account (id) VALUES ('{A}')")
    after = log.end()
    log.run(f"INSERT INTO account (id) VALUES ('{B}')")
    assert keys(log, log.source(after)) == [(B,)]
    by_gtid = log.source(after._replace(server="another"))
    if flavour is Flavour.MARIADB:
        assert "events were lost" in log.stops(UnknownEvent, by_gtid)
    else:
        assert keys(log, by_gtid) == [(B,)]


@only_mariadb
def test_a_rollback_to_a_savepoint_that_did_not_undo_all(log: Log) -> None:
    """Rows that do not count stand in the log where a table without transactions took part. (With GTIDs MySQL does not
    mix the two.)"""
    log.run("CREATE TABLE old (i INT) ENGINE = MyISAM")
    source = log.source(log.end())
    log.together(
        f"INSERT INTO account (id) VALUES ('{A}')",
        "SAVEPOINT `S 1`",
        f"INSERT INTO account (id) VALUES ('{B}')",
        "INSERT INTO old VALUES (1)",
        "ROLLBACK WORK TO `s 1`",
    )
    assert "savepoint" in log.stops(UnknownEvent, source)


@only_mysql
def test_tagged_gtids(log: Log) -> None:
    """They pass and stay in positions; on another server such a position cannot be asked for."""
    try:
        log.run("SET gtid_next = 'AUTOMATIC:lock'", f"INSERT INTO account (id) VALUES ('{A}')")
        log.run("FLUSH BINARY LOGS", f"INSERT INTO account (id) VALUES ('{B}')", "SET gtid_next = 'AUTOMATIC'")
        log.run(f"INSERT INTO account (id) VALUES ('{C}')")
        whole = log.read()
        assert [change.key for change in changes(whole)] == [(A,), (B,), (C,)]
        assert len({one.committed_at for one in whole}) == 3
        for number, one in enumerate(whole[:-1], start=1):
            assert isinstance(one.position, BinlogPosition)
            assert ":lock:" in one.position.gtids
            assert log.read(log.source(one.position)) == whole[number:]
        assert log.read(log.source(log.start._replace(server="another"))) == whole
        last = whole[-1].position
        assert isinstance(last, BinlogPosition)
        with pytest.raises(UnknownEvent, match="tagged"):
            log.source(last._replace(server="another"))
    finally:
        log.run("SET gtid_next = 'AUTOMATIC'", "RESET BINARY LOGS AND GTIDS")


# Places that are none, and damage.


def events(log: Log) -> list[tuple[int, str]]:
    """Where each event since the test's beginning starts, and its type."""
    with log.admin.cursor() as cursor:
        cursor.execute(f"SHOW BINLOG EVENTS IN '{log.start.file}' FROM {log.start.offset}")
        return [(int(row[1]), str(row[2])) for row in cursor.fetchall()]


def test_a_place_within_a_transaction(log: Log) -> None:
    """Nothing is read on from there: at each event but the first it is a stop, never a transaction with less rows."""
    log.together(f"INSERT INTO account (id) VALUES ('{A}')", f"INSERT INTO product VALUES ('{A}', 0, 'p')")
    begin, *inside = [place for place, _ in events(log)]
    assert begin == log.start.offset
    assert len(inside) >= 5
    for place in inside:
        log.stops(UnknownEvent, log.source(log.start._replace(offset=place)))


def test_a_place_within_an_event(log: Log) -> None:
    """What the server makes of it has a name."""
    log.run(f"INSERT INTO account (id) VALUES ('{A}')")
    for beside in (1, 3, 20):
        with pytest.raises(LockstepError) as stopped:
            log.read(log.source(log.start._replace(offset=log.start.offset + beside)))
        assert not isinstance(stopped.value, MySQLAway)


@pytest.mark.parametrize("damaged", ["Write_rows", "Table_map", "Xid", "Query", "Rotate"])
def test_a_damaged_event(log: Log, monkeypatch: pytest.MonkeyPatch, damaged: str) -> None:
    """One bit that flips on the way from the disk: the checksum tells, whatever the event."""
    number = {"Write_rows": (23, 30), "Table_map": (19,), "Xid": (16,), "Query": (2,), "Rotate": (4,)}[damaged]
    told = binlog_wire.Wire.told

    def flip(wire: binlog_wire.Wire, packet: bytes) -> Event | None:
        data = bytearray(packet)
        if data[5] in number and data[1:5] != bytes(4):  # the time of one that is made up is 0
            data[-7] ^= 4
        return told(wire, bytes(data))

    monkeypatch.setattr(binlog_wire.Wire, "told", flip)
    source = log.source()
    log.run("CREATE TABLE another (i INT)", f"INSERT INTO account (id) VALUES ('{A}')", "FLUSH BINARY LOGS")
    assert "checksum" in log.stops(UnknownEvent, source)


def test_a_log_without_checksums(log: Log) -> None:
    """They may be switched off and on at any time: in files and readers begun before and after."""
    before = log.source()
    log.run(f"INSERT INTO account (id) VALUES ('{A}')")
    with log.setting("binlog_checksum", "'NONE'"):
        log.run(f"INSERT INTO account (id) VALUES ('{B}')")
        between = log.source()
        log.together(f"INSERT INTO product VALUES ('{B}', 0, 'p'), ('{B}', 1, 'q')")
        whole = log.read(before)
        assert [change.key for change in changes(whole)] == [(A,), (B,), (B, 0), (B, 1)]
        assert log.read(between) == whole
    log.run(f"INSERT INTO account (id) VALUES ('{C}')")
    for source in (before, between):
        assert keys(log, source) == [(C,)]
    assert keys(log) == [(A,), (B,), (B, 0), (B, 1), (C,)]


# What is not told.


@pytest.mark.parametrize("statement", ["UPDATE account SET name = 'secret'", "TRUNCATE sync_conflict /* 'secret' */"])
def test_what_was_said_is_not_told(log: Log, caplog: pytest.LogCaptureFixture, statement: str) -> None:
    """Accounts with passwords, which MariaDB logs in clear, and all else that changes no table of ours pass; neither
    they nor what stops shows in an error, a traceback or a log."""
    caplog.set_level(logging.DEBUG)
    user = f"u{log.database}"
    third = "PASSWORD('third secret')" if log.flavour is Flavour.MARIADB else "'third secret'"
    log.run(
        f"CREATE USER '{user}'@'%' IDENTIFIED BY 'secret'",
        f"ALTER USER '{user}'@'%' IDENTIFIED BY 'more secret'",
        f"GRANT SELECT ON {log.database}.* TO '{user}'@'%'",
        f"SET PASSWORD FOR '{user}'@'%' = {third}",
        f"REVOKE SELECT ON {log.database}.* FROM '{user}'@'%'",
        f"RENAME USER '{user}'@'%' TO '{user}x'@'%'",
        f"DROP USER '{user}x'@'%'",
        "CREATE VIEW v AS SELECT 'secret' FROM account",
        "CREATE TRIGGER g BEFORE INSERT ON elsewhere FOR EACH ROW SET @a = 'secret'",
        "CREATE PROCEDURE p() UPDATE account SET name = 'secret'",
        "CREATE FUNCTION f() RETURNS INT NO SQL RETURN 1",
        "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DISABLE DO UPDATE account SET name = 'secret'",
        "ALTER EVENT e COMMENT 'secret'",
        "CREATE TABLE another (c INT DEFAULT 1 COMMENT 'account')",
        "ALTER TABLE another ADD d INT",
        "CREATE INDEX i ON another (d)",
        "ANALYZE TABLE account",
        "OPTIMIZE TABLE account",
        "FLUSH TABLES",
        "CREATE TEMPORARY TABLE account2 (i INT)",
        "DROP TEMPORARY TABLE account2",
        "DROP TABLE another",
        "DROP TRIGGER g",
        "DROP VIEW v",
        "DROP EVENT e",
        "DROP PROCEDURE p",
        f"ALTER DATABASE {log.database} COLLATE utf8mb4_bin",
        f"INSERT INTO account (id) VALUES ('{A}')",
    )
    source = log.source()
    assert keys(log, source) == [(A,)]
    log.run("SET binlog_format = 'STATEMENT'", statement)
    with pytest.raises(LockstepError) as stopped:
        log.read(source)
    told = [str(stopped.value), repr(stopped.value), stopped.value.hint, caplog.text]
    told += traceback.format_exception(stopped.value)
    assert "secret" not in "".join(told)


# The connection.


def dump_threads(log: Log) -> list[int]:
    """Connections of the follower that read the log."""
    with log.session() as session, session.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM information_schema.processlist WHERE user = %s AND command LIKE 'Binlog Dump%%' AND db = %s",
            (Role.FOLLOWER.user, log.database),
        )
        return [int(row[0]) for row in cursor.fetchall()]


def test_a_killed_connection(log: Log) -> None:
    """It is said to be away; a new source from the last position loses nothing and repeats nothing."""
    log.run(f"INSERT INTO account (id) VALUES ('{A}')")
    source = log.source()
    (first,) = log.read(source)
    (thread,) = dump_threads(log)
    log.run(f"KILL {thread}")
    log.stops(MySQLAway, source)
    log.together(f"INSERT INTO account (id) VALUES ('{B}')", f"INSERT INTO product VALUES ('{B}', 0, 'p')")
    assert isinstance(first.position, BinlogPosition)
    again = log.source(first.position)
    assert keys(log, again) == [(B,), (B, 0)]
    assert log.read() == [first, *log.read(log.source(first.position))]


def test_a_connection_that_is_killed_within_a_transaction(log: Log) -> None:
    """Parts that were read are not read again; the rest is."""
    rows = ", ".join(f"('{number:024x}', 'n', NULL, NULL, 0, REPEAT('x', 5000), NULL)" for number in range(600))
    log.run(f"INSERT INTO account VALUES {rows}")
    source = log.source(part_rows=50)
    part = source.read(20)
    assert part is not None
    assert part.rows_done == 50
    assert isinstance(part.position, BinlogPosition)
    (thread,) = dump_threads(log)
    log.run(f"KILL {thread}")
    source.close()
    rest = log.read(log.source(part.position, rows_done=part.rows_done))
    found = [change.key for change in changes([part, *rest])]
    assert found == [(f"{number:024x}",) for number in range(600)]


def test_starting_again_does_not_stall(log: Log) -> None:
    """Readers that follow on each other, closed or not, do not wait for the end of the one before."""
    log.run(f"INSERT INTO account (id) VALUES ('{A}')")
    for closed in (True, False, True, False):
        source = log.source()
        assert [change.key for change in changes(log.read(source, seconds=10))] == [(A,)]
        if closed:
            source.close()


def test_a_connection_that_is_half_open(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that swallows packets without a word: noticed by the heartbeats that do not come, within the time
    promised; reading goes on as soon as it carries again."""
    assert binlog_wire.HEARTBEAT * 4 < binlog_wire.SILENCE <= 15
    monkeypatch.setattr(binlog_wire, "SILENCE", 2)
    with Relay(log.settings.port) as relay:
        source = log.source(port=relay.port)
        log.run(f"INSERT INTO account (id) VALUES ('{A}')")
        (first,) = log.read(source)
        relay.swallow()
        log.run(f"INSERT INTO account (id) VALUES ('{B}')")
        log.stops(MySQLAway, source)
        relay.carry()
        assert isinstance(first.position, BinlogPosition)
        again = log.source(first.position, port=relay.port)
        assert keys(log, again) == [(B,)]


def test_a_quiet_connection_is_not_given_up(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """Heartbeats keep it."""
    monkeypatch.setattr(binlog_wire, "SILENCE", 1)
    source = log.source()
    for _ in range(4):
        assert source.read(0.5) is None
    log.run(f"INSERT INTO account (id) VALUES ('{A}')")
    assert keys(log, source) == [(A,)]


def test_a_server_that_hangs_at_the_start(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the connection for the log is opened and nobody answers."""
    monkeypatch.setattr(binlog_wire, "SILENCE", 1)
    with Relay(log.settings.port) as relay:
        source = log.source(port=relay.port)
        relay.swallow()
        log.stops(MySQLAway, source)


def test_closing_ends_a_read_of_another_thread(log: Log) -> None:
    """At any moment of it, from its first packet on, and never by another name."""
    log.run(*(f"INSERT INTO account (id) VALUES ('{number:024x}')" for number in range(50)))
    for transactions in (0, 1, 5, 49, 50):
        source = log.source()
        with ThreadPoolExecutor() as threads:
            for _ in range(transactions):
                assert source.read(20) is not None
            reading = threads.submit(read_on, source)
            source.close()
            assert isinstance(reading.exception(10), MySQLAway)


def read_on(source: BinlogSource) -> None:
    while True:
        source.read(5)


def test_a_file_that_is_larger_than_an_offset_can_say(log: Log) -> None:
    """Past 4 GiB a place can only be asked for by GTID; places still count from there on."""
    log.run(f"INSERT INTO account (id) VALUES ('{A}')")
    far = log.end()._replace(offset=2**33)
    source = log.source(far)
    log.run(f"INSERT INTO account (id) VALUES ('{B}')", f"INSERT INTO account (id) VALUES ('{C}')")
    found = [source.read(20), source.read(20)]
    assert [change.key for change in changes([one for one in found if one])] == [(B,), (C,)]
    places = [one.position.order for one in found if one]
    assert far.order < places[0] < places[1]


@only_mariadb
def test_a_server_that_spells_names_its_own_way(
    servers: Servers, flavour: Flavour, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where case does not tell names apart, the log has them in small letters, whatever the settings say."""
    monkeypatch.setattr(mysql_server, "BINLOG", (*mysql_server.BINLOG, "--lower-case-table-names=1"))
    server = mysql_server.start_mysql(mysql_binary.of(flavour), tmp_path / "server", password="p", forgetful=True)
    try:
        with server.admin() as admin:
            create_mysql_users(admin, flavour, servers.passwords)
        log = Log(server, flavour, servers.passwords[Role.FOLLOWER])
        log.settings = replace(log.settings, database=log.database.upper())
        log.run(f"INSERT INTO account (id) VALUES ('{A}')")
        assert keys(log) == [(A,)]
        log.run("ALTER TABLE Account DROP Active")
        assert [one.reason for one in altered(log.read())] == ["ALTER TABLE on Account"]
        log.close()
    finally:
        server.process.stop()


def test_new_files_in_the_middle(log: Log) -> None:
    """Also between row events of other tables, and while somebody reads."""
    source = log.source()
    for number in range(5):
        log.together(f"INSERT INTO account (id) VALUES ('{number:024x}')", "INSERT INTO elsewhere (t) VALUES ('x')")
        log.run("FLUSH BINARY LOGS")
    found = log.read(source)
    assert [change.key for change in changes(found)] == [(f"{number:024x}",) for number in range(5)]
    assert len({one.position.order[0] for one in entries(found)}) == 5


def test_forged_checkpoints_in_new_tables(log: Log) -> None:
    """A checkpoint that is copied in by CREATE TABLE ... SELECT counts as written by others."""
    log.run("CREATE TABLE saved AS SELECT * FROM sync_checkpoint", "DELETE FROM sync_checkpoint")
    log.stops(CheckpointWrittenByOther)
