"""MongoDB that is killed, started again, or silent: named errors within seconds, and nothing lost afterwards."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import pytest

from deploy.local.mongo_server import MongoServer, start_mongo
from sync.errors import CommitUnknown, MongoAway
from sync.model.position import StreamPosition
from tests.servers import Servers
from tests.stream_log import A, B, StreamLog, account, entries


@pytest.fixture
def servers() -> Iterator[Servers]:
    """Of one's own: nobody else's tests meet a server that is killed."""
    made = Servers()
    yield made
    made.close()


@pytest.fixture
def restarted() -> Iterator[list[MongoServer]]:
    """Servers to stop after everything else."""
    made: list[MongoServer] = []
    yield made
    for server in made:
        server.process.stop()


@pytest.fixture
def log(servers: Servers, restarted: list[MongoServer]) -> Iterator[StreamLog]:
    with StreamLog(servers) as made:
        made.setup()
        yield made


def test_a_killed_server(servers: Servers, log: StreamLog, restarted: list[MongoServer]) -> None:
    """Reading and writing end as `away`. Started again, the log goes on from its position, and the lease of the same
    process is taken over with the checkpoint as it was committed."""
    source, target = log.source(log.end()), log.target()
    log.collection().insert_one(account(A))
    (seen,) = log.read(source)
    checkpoint, _ = target.take_lease()
    checkpoint = checkpoint.next()
    target.begin(checkpoint).commit()
    lost = target.begin(checkpoint.next())
    log.server.process.popen.kill()
    log.server.process.popen.wait()
    log.stops(source, MongoAway)
    with pytest.raises((MongoAway, CommitUnknown)):
        lost.commit()
    lost.rollback()
    with pytest.raises(MongoAway):
        target.take_lease(force=True)
    home = servers.home / "mongo"
    restarted.append(start_mongo(log.server.program, home, password=log.server.password, port=log.server.port))
    target.close()
    assert target.checkpoint() == checkpoint
    after, _ = target.take_lease(force=True)
    target.begin(after.next()).commit()
    log.collection().insert_one(account(B))
    assert isinstance(seen.position, StreamPosition)
    source.start(seen.position, 0, seen.known)
    assert [entry.document.key for entry in entries(log.read(source))] == [str(B)]


def test_a_server_that_no_longer_answers(log: StreamLog) -> None:
    """A connection that hangs is given up within fifteen seconds, though a slow answer may take longer than that."""
    source = log.source(log.end())
    source.read(0)
    process = log.server.process.popen
    process.send_signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        with pytest.raises(MongoAway):
            source.read(60)
        assert time.monotonic() - began < 15
    finally:
        process.send_signal(signal.SIGCONT)
