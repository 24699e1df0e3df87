"""MySQL that hangs: every part of the engine gives up in seconds, names it, and works again afterwards."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from sync.errors import CommitUnknown, Contention, MySQLAway
from sync.model.position import Checkpoint
from sync.mysql import server
from sync.mysql.target import MySQLTarget
from tests.mysql_side import MySQLSide, account, wait_for


@contextmanager
def hanging(side: MySQLSide) -> Iterator[None]:
    """The server's process stands still; connections stay."""
    pid = side.server.process.popen.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


#: Seconds, by `sync.mysql.server`.
PATIENCE = server.READ_TIMEOUT


def test_silence_is_noticed_in_time() -> None:
    """A worker that cannot go on says so within 30 s: noticing and trying to connect once fit in."""
    assert PATIENCE + server.CONNECT_TIMEOUT <= 30


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "READ_TIMEOUT", 1)


def test_every_part_says_away(impatient: None, side: MySQLSide) -> None:
    """On an open connection and on a new one."""
    target, first = side.leased()
    reader, conflicts, desk, operators = side.reader(), side.conflicts().begin(), side.desk(), side.operators()
    asked: list[Callable[[], object]] = [
        lambda: target.begin(first.next()),
        target.checkpoint,
        lambda: reader.range("accounts", None, 1, exact=True),
        lambda: conflicts.held([account()]),
        desk.paused,
        operators.workers,
    ]
    with hanging(side):
        for ask in asked:
            began = time.monotonic()
            with pytest.raises(MySQLAway):
                ask()
            assert time.monotonic() - began < 5
        conflicts.rollback()
    for ask in asked[1:3]:
        ask()
    wait_for(lambda: _begun(target, first))


def test_a_commit_without_answer(impatient: None, side: MySQLSide) -> None:
    """It may count or not: the checkpoint on a new connection tells, and the next batch goes on from there."""
    target, first = side.leased()
    transaction = target.begin(first.next())
    with hanging(side), pytest.raises(CommitUnknown):
        transaction.commit()
    transaction.rollback()
    wait_for(lambda: target.checkpoint() == first.next())
    wait_for(lambda: _begun(target, first.next()))


def _begun(target: MySQLTarget, after: Checkpoint) -> bool:
    """What the hanging server was told before may still hold the row for a moment."""
    try:
        target.begin(after.next()).commit()
    except Contention:
        return False
    return True
