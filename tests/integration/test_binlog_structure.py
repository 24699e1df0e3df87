"""DDL in the binlog: rows are read as the log describes their table at that place, and what a statement comes to is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deploy.local.mysql_binary import Flavour
from deploy.local.users import Role
from sync.errors import SchemaChanged
from sync.model.change import CollectionState, ConflictKind, Side
from sync.model.mapping_file import load_mapping
from sync.mysql.binlog import BinlogSource
from tests.binlog_log import LEASE, MAPPING, A, B, C, Log, altered, changes, entries
from tests.servers import Servers

only_mariadb = pytest.mark.parametrize("flavour", [Flavour.MARIADB], indirect=True)
CARRIED, COMPARING, PAUSED = CollectionState.CARRIED, CollectionState.COMPARING, CollectionState.PAUSED


@pytest.fixture
def log(servers: Servers, flavour: Flavour) -> Iterator[Log]:
    made = Log(servers.mysql(flavour), flavour, servers.passwords[Role.FOLLOWER])
    yield made
    made.close()


def keys(log: Log) -> list[object]:
    """Of all row changes since the test began."""
    return [change.key for change in changes(log.read())]


def told(log: Log, *statements: str) -> list[tuple[str, CollectionState, bool]]:
    """What statements come to: reason, state, whether absence counts."""
    source = log.source(log.end())
    log.run(*statements)
    found = altered(log.read(source))
    assert {(one.collection, one.side) for one in found} <= {("accounts", Side.MYSQL)}
    return [(one.reason, one.state, one.whole) for one in found]


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE account ADD c INT",
        "ALTER TABLE account ADD c INT FIRST, DROP unmapped",
        "ALTER TABLE account RENAME COLUMN unmapped TO other",
        "ALTER TABLE account MODIFY unmapped VARCHAR(9)",
        "ALTER TABLE account COMMENT 'secret'",
        "ALTER TABLE account ENGINE = InnoDB",
        "CREATE INDEX i ON account (name)",
        "/*!50000 ALTER TABLE account ADD c INT */",
        "/* DROP TABLE x; */ ALTER -- secret\n TABLE # secret\n `account` ADD c INT",
        "ALTER TABLE `{database}` . `account` ADD `RENAME x` INT",
        "ALTER TABLE elsewhere DROP t",
    ],
)
def test_what_the_mapping_does_not_see(log: Log, statement: str) -> None:
    """Rows before and after are read alike, however far the reader lags behind, and nothing is said of it."""
    log.run(f"INSERT INTO account (id, name, `limit`) VALUES ('{A}', 'n', 1)", statement.format(database=log.database))
    log.run(f"INSERT INTO account (id, name, `limit`) VALUES ('{B}', 'm', 2)", "UPDATE account SET `limit` = 3")
    found = log.read()
    assert [(one.key, one.after and one.after["limit"]) for one in changes(found)] == [
        ((A,), 1),
        ((B,), 2),
        ((A,), 3),
        ((B,), 3),
    ]
    assert altered(found) == []


@pytest.mark.parametrize(
    ("statement", "state", "whole"),
    [
        ("ALTER TABLE account MODIFY name VARCHAR(300) NOT NULL", COMPARING, False),
        ("ALTER TABLE account DROP active", COMPARING, False),
        ("ALTER TABLE account CHANGE name title VARCHAR(200)", COMPARING, False),
        ("ALTER TABLE account RENAME COLUMN `limit` TO most", COMPARING, False),
        ("ALTER TABLE account DROP `limit`, ADD `limit` INT NOT NULL DEFAULT 7", COMPARING, False),
        ("ALTER TABLE account CONVERT TO CHARACTER SET latin1", COMPARING, False),
        ("ALTER TABLE account DROP PRIMARY KEY", CARRIED, False),
        ("DROP TABLE account", PAUSED, True),
        ("RENAME TABLE account TO gone", PAUSED, True),
        ("ALTER TABLE account RENAME gone", PAUSED, True),
        ("TRUNCATE account", PAUSED, True),
        ("TRUNCATE TABLE `account`", PAUSED, True),
        ("CREATE TRIGGER g AFTER INSERT ON account FOR EACH ROW SET @a = 'secret'", PAUSED, False),
    ],
)
def test_what_the_mapping_sees(log: Log, statement: str, state: CollectionState, whole: bool) -> None:
    """Kind and object are named, and nothing else of the statement."""
    ((reason, *found),) = told(log, statement)
    assert found == [state, whole]
    assert reason.endswith(" on account")
    assert "secret" not in reason


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("ALTER TABLE sync_checkpoint ADD c INT", "ALTER TABLE on sync_checkpoint"),
        ("TRUNCATE TABLE sync_checkpoint", "TRUNCATE TABLE on sync_checkpoint"),
        ("DROP TABLE sync_conflict", "DROP TABLE on sync_conflict"),
        ("DROP DATABASE {database}", "DROP DATABASE: the database was dropped"),
    ],
)
def test_without_the_engines_own_tables_nothing_goes_on(log: Log, statement: str, said: str) -> None:
    """A named stop."""
    source = log.source()
    assert source.read(0) is None
    log.run(statement.format(database=log.database))
    assert log.stops(SchemaChanged, source) == said


def test_a_policy_that_carries_what_is_gone(log: Log) -> None:
    """Emptied tables only: a table that is dropped or replaced is no table with fewer rows."""
    text = MAPPING.replace('table = "account"', 'table = "account"\non_truncate = "deletes"')
    source = BinlogSource(log.settings, load_mapping(text))
    source.start(log.start, 0, LEASE)
    log.run("TRUNCATE product", "DROP TABLE product")
    found = altered(log.read(source))
    source.close()
    assert [(one.state, one.whole) for one in found] == [(COMPARING, True), (PAUSED, True)]


def test_rows_of_a_table_without_a_mapped_column(log: Log) -> None:
    """They are read as far as they go: their documents are known, and are to be held. Others go on."""
    log.run(f"INSERT INTO account (id) VALUES ('{A}')", "ALTER TABLE account DROP `limit`")
    log.run(f"INSERT INTO account (id) VALUES ('{B}')", f"UPDATE account SET name = 'x' WHERE id = '{A}'")
    log.run("ALTER TABLE account ADD `limit` INT NOT NULL DEFAULT 5", f"DELETE FROM account WHERE id = '{B}'")
    found = entries(log.read())
    problems = [(one.document.key, one.problem and one.problem.kind) for one in found]
    mismatch = ConflictKind.SCHEMA_MISMATCH
    assert problems == [(A, None), (B, mismatch), (A, mismatch), (B, None)]
    assert "limit" in str(found[1].problem)


def test_rows_of_documents_that_nobody_knows(log: Log) -> None:
    """Without the column of the key only the collection is known; it is to be looked at whole."""
    log.run(f"INSERT INTO account (id) VALUES ('{A}')", "ALTER TABLE account CHANGE id `key` CHAR(24)")
    source = log.source(log.end())
    log.run("UPDATE account SET `limit` = 4")
    (one,) = log.read(source)
    assert (one.entries, [change.state for change in one.structure]) == ((), [COMPARING])


def test_rows_that_were_prepared_before_the_table_was_altered(log: Log) -> None:
    """Of an XA transaction they count at its end, and are read as their table was."""
    log.run("ALTER TABLE account ADD c INT")
    with log.session() as session, session.cursor() as cursor:
        cursor.execute(f"USE `{log.database}`")
        for statement in ("XA START 'x'", f"INSERT INTO account (id, `limit`) VALUES ('{A}', 3)", "XA END 'x'"):
            cursor.execute(statement)
        cursor.execute("XA PREPARE 'x'")
        cursor.execute("XA COMMIT 'x'")
    log.run("ALTER TABLE account DROP c, ADD d INT FIRST")
    log.run(f"INSERT INTO account (id, `limit`) VALUES ('{B}', 4)")
    assert [(one.key, one.after and one.after["limit"]) for one in changes(log.read())] == [((A,), 3), ((B,), 4)]


@pytest.mark.parametrize("mode", ["ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", ""])
def test_odd_quoting(log: Log, mode: str) -> None:
    """What stands in quotes is no name and no comment; where it ends is for the session's sql_mode to say."""
    end = "\\" if mode == "NO_BACKSLASH_ESCAPES" else "\\\\"
    log.run(
        f"SET sql_mode = '{mode}'",
        f"ALTER TABLE elsewhere COMMENT '/* ''account{end}', ADD c INT COMMENT '*/ RENAME account'",
        f"INSERT INTO account (id) VALUES ('{A}')",
    )
    assert keys(log) == [(A,)]
    log.run("DROP TABLE product")
    statement = f"ALTER TABLE elsewhere COMMENT '{end}', RENAME product, MODIFY c INT COMMENT 'x'"
    assert told(log, statement) == [("ALTER TABLE on product", PAUSED, True)]
    statement = 'ALTER TABLE "account" DROP active' if mode == "ANSI_QUOTES" else "ALTER TABLE`account`DROP active"
    assert told(log, statement) == [("ALTER TABLE on account", COMPARING, False)]


@pytest.mark.parametrize(("new", "old"), [("_account_gho", "_account_del"), ("_account_new", "_account_old")])
def test_a_table_that_was_altered_online(log: Log, new: str, old: str) -> None:
    """What tools write into a table of their own is passed; when it takes the place of ours, the collection is compared, and
    rows are read as that table has them."""
    source = log.source()
    log.run(
        f"INSERT INTO account (id, `limit`) VALUES ('{A}', 1)",
        f"CREATE TABLE {new} LIKE account",
        f"ALTER TABLE {new} DROP unmapped, ADD c INT FIRST, MODIFY name VARCHAR(250) NOT NULL DEFAULT 'n'",
        "CREATE TRIGGER pt_osc_x_account_upd AFTER UPDATE ON account FOR EACH ROW SET @a = 1",
        f"INSERT INTO {new} (id, name, `limit`) SELECT id, name, `limit` FROM account",
        f"RENAME TABLE account TO {old}, {new} TO account",
        f"DROP TABLE {old}",
        f"INSERT INTO account (id, `limit`) VALUES ('{B}', 2)",
    )
    found = log.read(source)
    assert [(one.key, one.after and one.after["limit"]) for one in changes(found)] == [((A,), 1), ((B,), 2)]
    assert [(one.reason, one.state, one.whole) for one in altered(found)] == [
        ("RENAME TABLE on account", COMPARING, False)
    ]


def test_another_table_that_takes_the_place_of_ours(log: Log) -> None:
    """Nobody knows what is in it."""
    log.run("CREATE TABLE spare LIKE account", "CREATE TABLE another LIKE account")
    statement = "RENAME TABLE account TO kept, spare TO account"
    assert told(log, statement) == [("RENAME TABLE on account", PAUSED, True)]
    log.run("DROP TABLE account")
    assert told(log, "ALTER TABLE another RENAME AS account") == [("ALTER TABLE on account", PAUSED, True)]
    log.run("DROP TABLE account")
    source = log.source(log.end())
    log.run(f"INSERT INTO kept (id) VALUES ('{C}')", "CREATE TABLE account AS SELECT * FROM kept")
    found = log.read(source)
    assert [one.state for one in altered(found)] == [COMPARING]
    assert [change.key for change in changes(found)] == [(C,)]


@only_mariadb
def test_a_table_that_is_replaced(log: Log) -> None:
    """CREATE OR REPLACE drops what was there, a database too."""
    statement = "CREATE OR REPLACE TABLE product (i INT)"
    assert told(log, statement) == [("CREATE TABLE on product", PAUSED, True)]
    source = log.source(log.end())
    log.run(f"CREATE OR REPLACE DATABASE {log.database}")
    assert "the database was dropped" in log.stops(SchemaChanged, source)


@only_mariadb
def test_a_table_that_becomes_a_partition(log: Log) -> None:
    """And a partition that becomes a table."""
    log.run(
        "CREATE TABLE parted (i INT) PARTITION BY RANGE (i) (PARTITION p VALUES LESS THAN (9))",
        "DROP TABLE product",
        "CREATE TABLE product (i INT)",
    )
    for statement in (
        "ALTER TABLE parted CONVERT TABLE product TO PARTITION q VALUES LESS THAN (99)",
        "ALTER TABLE parted CONVERT PARTITION p TO TABLE product",
    ):
        assert told(log, statement) == [("ALTER TABLE on product", PAUSED, True)]


@only_mariadb
def test_alter_in_two_phases(log: Log) -> None:
    """START ALTER and COMMIT ALTER are events of their own: both are told."""
    log.run("SET binlog_alter_two_phase = ON", "ALTER TABLE elsewhere ADD c INT", "ALTER TABLE account ADD c INT")
    log.run(f"INSERT INTO account (id) VALUES ('{A}')")
    assert keys(log) == [(A,)]
    assert {one[0] for one in told(log, "ALTER TABLE account DROP active")} == {"ALTER TABLE on account"}


def test_qualified_names_from_another_database(log: Log) -> None:
    """A table counts by its own database, not by the session's."""
    other = f"{log.database}x"
    log.run(
        f"CREATE DATABASE {other}",
        f"USE {other}",
        "CREATE TABLE account (i INT, name INT)",
        "CREATE TABLE t (i INT)",
        "ALTER TABLE account DROP name",
        f"ALTER TABLE {log.database}.elsewhere ADD c INT",
        "TRUNCATE account",
        "RENAME TABLE account TO product, t TO account",
        f"INSERT INTO {log.database}.account (id) VALUES ('{A}')",
    )
    try:
        found = log.read()
        assert ([change.key for change in changes(found)], altered(found)) == ([(A,)], [])
        assert told(log, f"ALTER TABLE `{log.database}`.`account` DROP active") == [
            ("ALTER TABLE on account", COMPARING, False)
        ]
    finally:
        log.run(f"DROP DATABASE {other}")
