"""The listener's transactions on real servers: exactly once, fenced, and a lease that a successor can take."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import replace

import pytest

from deploy.local.paths import ROOT
from deploy.local.users import Role, mysql_url
from sync.errors import CommitUnknown, ConfigError, Contention, Fenced, LeaseHeld, MySQLAway, Refused
from sync.model.position import BinlogPosition, CopiedRange, Known, StreamPosition
from sync.mysql.schema import definition
from sync.mysql.server import connect
from sync.ports import DocumentWrite
from tests.mysql_side import A, InThread, MySQLSide, account, account_rows, wait_for

#: Takes the lease and leaves a transaction open until it is killed.
HOLDER = """
import sys
from sync.model.mapping_file import load_mapping
from sync.mysql.server import MySQLSettings
from sync.mysql.target import MySQLTarget
url = sys.stdin.readline().strip()
target = MySQLTarget(MySQLSettings.from_url(url), load_mapping(open("lockstep.toml").read()))
target.begin(target.take_lease()[0].next(rows_done=1))
print("open", flush=True)
sys.stdin.read()
"""
ROWS = account_rows(products=["x"])


def session_of(side: MySQLSide) -> int:
    """The connection that the holder of the lease named."""
    ((number,),) = side.rows("SELECT JSON_VALUE(holder, '$.session') FROM sync_checkpoint")
    return int(number)


def connections(side: MySQLSide) -> set[int]:
    return {int(row[0]) for row in side.rows("SHOW PROCESSLIST")}


@pytest.mark.parametrize("commits", [False, True])
def test_effects_and_position_commit_together(side: MySQLSide, commits: bool) -> None:
    """A transaction that was rolled back leaves neither; one that was committed leaves both."""
    target, first = side.leased()
    moved = first.next(position=StreamPosition(time=7, increment=1))
    transaction = target.begin(moved)
    transaction.write([DocumentWrite(document=account(), before=side.nothing(), after=ROWS)])
    if commits:
        assert transaction.commit() is None
    else:
        transaction.rollback()
    assert target.checkpoint() == (moved if commits else first)
    assert side.stands(account()).rows == (ROWS if commits else side.nothing())


def test_a_definition_is_that_of_the_table_alone(side: MySQLSide) -> None:
    """It stays the same while rows come and are numbered, and becomes another with the least alteration."""
    connection = connect(side.settings(Role.OWNER), autocommit=True)
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, a INT NOT NULL DEFAULT 1) AUTO_INCREMENT = 5"
        )
        known = definition(connection, "t")
        cursor.execute("INSERT INTO t (a) VALUES (1), (2)")
        assert definition(connection, "t") == known
        for statement in (
            "ALTER TABLE t ALTER COLUMN a SET DEFAULT 2",
            "CREATE INDEX i ON t (a)",
            "ALTER TABLE t MODIFY a INT NULL",
            "ALTER TABLE t ADD b DATETIME NULL ON UPDATE CURRENT_TIMESTAMP",
        ):
            cursor.execute(statement)
            before, known = known, definition(connection, "t")
            assert before != known, statement


@pytest.mark.parametrize("apart", [False, True])
def test_tables_that_were_altered_meanwhile(side: MySQLSide, apart: bool) -> None:
    """They are looked up again in the next transaction that writes them, on the same connection."""
    target, first = side.leased()
    transaction = target.begin(first.next(rows_done=1))
    transaction.read({account(): frozenset(ROWS)})
    transaction.write([DocumentWrite(document=account(), before=side.nothing(), after=ROWS)])
    transaction.commit()
    side.run("ALTER TABLE analytics_accountproduct MODIFY product VARCHAR(3) CHARACTER SET utf8mb4 NOT NULL")
    longer = account_rows(products=["long"])
    transaction = target.begin(first.next(rows_done=1).next(rows_done=1))
    transaction.read({account(): frozenset(ROWS)})
    write = DocumentWrite(document=account(), before=ROWS, after=longer)
    if apart:
        (hold,) = transaction.write_apart([write]).holds.values()
        told = hold.reason
    else:
        with pytest.raises(Refused) as refused:
            transaction.write([write])
        told = refused.value.message
    assert "at most 3 characters" in told
    transaction.rollback()


def test_an_alteration_waits_for_the_commit(side: MySQLSide) -> None:
    """What a transaction has read nobody alters before it ends, and it does not wait for who tries."""
    target, first = side.leased()
    transaction = target.begin(first.next(rows_done=1))
    transaction.read({account(): frozenset(ROWS)})
    other = side.connect(side.name)
    altering = InThread(lambda: other.query("ALTER TABLE analytics_accountproduct COMMENT 'altered'"))
    wait_for(lambda: "metadata lock" in str(side.rows("SHOW PROCESSLIST")))
    transaction.write([DocumentWrite(document=account(), before=side.nothing(), after=account_rows(products=["x"]))])
    transaction.commit()
    altering.result()


def test_a_checkpoint_is_read_as_it_was_written(side: MySQLSide) -> None:
    """Every field of it; that of a fresh installation is empty."""
    target = side.target()
    assert (target.checkpoint().seq, target.checkpoint().position) == (0, None)
    first, _ = target.take_lease()
    place = BinlogPosition(server="s", file="binlog.000001", offset=4, gtids="u:1-3")
    full = first.next(
        position=StreamPosition(time=1, increment=2, token="AB"),
        rows_done=5,
        seen=place,
        known=Known(seq=8, lease="other"),
        copied=(CopiedRange(collection="accounts", first="a", last="é", position=place),),
        copying=True,
    )
    target.begin(full).commit()
    assert side.target().checkpoint() == full


def test_without_setup_there_is_none(side: MySQLSide) -> None:
    """The answer names the command that makes one."""
    side.run("DELETE FROM sync_checkpoint")
    with pytest.raises(ConfigError) as refused:
        side.target().checkpoint()
    assert refused.value.hint == "lockstep setup"
    side.run("DROP TABLE sync_checkpoint")
    with pytest.raises(ConfigError) as refused:
        side.target().checkpoint()
    assert "lockstep setup" in str(refused.value.hint)


def test_the_same_checkpoint_counts_once(side: MySQLSide) -> None:
    """Whoever did not learn that its commit counted cannot apply the batch again."""
    target, first = side.leased()
    target.begin(first.next()).commit()
    with pytest.raises(Fenced):
        target.begin(first.next())
    target.begin(first.next().next()).commit()


def test_a_second_copy_is_kept_out_and_the_first_is_fenced(side: MySQLSide) -> None:
    """A lease that runs keeps newcomers away, naming the holder; one taken by force ends the other's writing."""
    old, first = side.leased()
    new = side.target()
    with pytest.raises(LeaseHeld, match=f"process {os.getpid()} on {socket.gethostname()}"):
        new.take_lease()
    after, _ = new.take_lease(force=True)
    assert (after.seq, after.lease != first.lease) == (first.seq + 1, True)
    with pytest.raises((Fenced, MySQLAway)):  # its connection was ended
        old.begin(first.next())
    with pytest.raises(Fenced):
        old.begin(first.next())
    new.begin(after.next()).commit()


def test_a_lease_ends_by_the_servers_clock(side: MySQLSide) -> None:
    """After six seconds without a write anybody may take it; every write renews it."""
    target, first = side.leased()
    lasts = "SELECT TIMESTAMPDIFF(MICROSECOND, renewed_at, lease_until) FROM sync_checkpoint"
    assert side.rows(lasts) == [(6_000_000,)]
    side.run("UPDATE sync_checkpoint SET lease_until = NOW(6) + INTERVAL 1 SECOND")
    target.begin(first.next()).commit()
    assert side.rows(lasts) == [(6_000_000,)]
    side.run("UPDATE sync_checkpoint SET lease_until = NOW(6)")
    side.target().take_lease()


def test_a_released_lease_is_free_at_once(side: MySQLSide) -> None:
    """A released lease is a checkpoint write like any other."""
    target, first = side.leased()
    target.release_lease(first.next())
    after, _ = side.target().take_lease()
    assert after.seq == first.seq + 2


def test_a_lost_lease_is_not_released(side: MySQLSide) -> None:
    """A worker that was fenced leaves its successor's lease alone."""
    target, first = side.leased()
    after, _ = side.target().take_lease(force=True)
    target.release_lease(first.next())
    target.release_lease(first.next())  # on a new connection: the first was ended
    assert side.target().checkpoint() == after
    with pytest.raises(LeaseHeld):
        side.target().take_lease()


def test_a_killed_holder_stands_in_nobodys_way(side: MySQLSide) -> None:
    """Where the process is gone its lease is taken at once, and what it left open is undone."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    with holder:
        url = mysql_url(Role.LISTENER, side.settings(Role.LISTENER).password, side.server.port, side.name)
        print(url, file=holder.stdin, flush=True)
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(LeaseHeld, match=f"process {holder.pid} "):
            side.target().take_lease()
        holder.kill()
        holder.wait()
        after, _ = side.target().take_lease()
    assert (after.seq, after.rows_done) == (2, 0)


def test_taking_the_lease_ends_the_holders_connection(side: MySQLSide) -> None:
    """A holder that hangs, its transaction open and its locks held, loses both, and other users' connections stay."""
    target, first = side.leased()
    transaction = target.begin(first.next(rows_done=1))
    transaction.read({account(): frozenset(["analytics_account"])})
    held = session_of(side)
    bystander = side.connect(side.name)
    side.target().take_lease(force=True)
    wait_for(lambda: held not in connections(side))
    bystander.ping(reconnect=False)
    with pytest.raises(MySQLAway):
        transaction.read({account(): frozenset(["analytics_account"])})
    transaction.rollback()


def test_only_connections_of_this_installation_are_ended(side: MySQLSide) -> None:
    """The number of a connection comes back after a restart: who has it then, in another database, is left alone."""
    other = side.connect(None)
    number = other.thread_id()  # type: ignore[no-untyped-call]  # the stubs leave it untyped
    side.run(f"UPDATE sync_checkpoint SET holder = JSON_OBJECT('host', 'h', 'pid', 1, 'session', '{number}')")
    side.target().take_lease()
    other.ping(reconnect=False)


def test_taking_the_lease_is_one_row_in_the_log(side: MySQLSide) -> None:
    """The other worker takes exactly that: an update of the checkpoint, seq one higher, a new lease, nothing else."""
    start = side.log_end()
    after = side.target().take_lease()[0]
    source = side.source(start, Known(seq=0, lease=""))
    seen = None
    while seen is None:
        seen = source.read(1.0)
    assert seen.known == Known(seq=1, lease=after.lease)
    assert seen.entries == ()


def test_a_lost_answer_to_commit_is_unknown(side: MySQLSide) -> None:
    """Then the checkpoint, read on a new connection, tells."""
    target, first = side.leased()
    transaction = target.begin(first.next())
    side.run(f"KILL {session_of(side)}")
    wait_for(lambda: session_of(side) not in connections(side))
    with pytest.raises(CommitUnknown):
        transaction.commit()
    transaction.rollback()
    assert target.checkpoint() == first
    target.begin(first.next()).commit()


def test_a_lost_connection_is_opened_anew(side: MySQLSide) -> None:
    """At the next transaction; the one that was open is gone."""
    target, first = side.leased()
    transaction = target.begin(first.next())
    side.run(f"KILL {session_of(side)}")
    with pytest.raises(MySQLAway):
        side.read(transaction, account())
    transaction.rollback()
    target.begin(first.next()).commit()
    assert target.checkpoint() == first.next()


def test_a_locked_checkpoint_is_waited_for_briefly(side: MySQLSide) -> None:
    """Then it is contention; nothing stays open."""
    target, first = side.leased()
    with side.holding("SELECT 1 FROM sync_checkpoint FOR UPDATE"), pytest.raises(Contention):
        target.begin(first.next())
    target.begin(first.next()).commit()


def test_ddl_is_not_waited_for_forever(side: MySQLSide) -> None:
    """A table that somebody locks whole makes contention, not a connection that seems broken."""
    target, first = side.leased()
    locker = side.connect(side.name)
    with locker.cursor() as cursor:
        cursor.execute("LOCK TABLES analytics_account WRITE")
        transaction = target.begin(first.next())
        with pytest.raises(Contention):
            side.read(transaction, account())
        transaction.rollback()
        cursor.execute("UNLOCK TABLES")
    side.put(target, first, {account(): account_rows(A)})


def test_a_server_that_is_gone_is_away(side: MySQLSide) -> None:
    """Whatever is asked of it."""
    target = side.target(port=1)
    with pytest.raises(MySQLAway):
        target.checkpoint()
    with pytest.raises(MySQLAway):
        target.take_lease()
    with pytest.raises(MySQLAway):
        target.begin(replace(side.target().checkpoint(), seq=1))
    target.release_lease(side.target().checkpoint())
