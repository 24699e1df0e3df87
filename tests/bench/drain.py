"""Draining what an hour's outage has left, against the steady state: rows/s of a backlog that a restarted worker finds, and
of an equally long one that a running worker is given. (A short one would look faster than any steady state: what the reading
thread has decoded before the first batch is committed is a large share of it.)

The hour is simulated by what it leaves in the logs: 60,000 rows in transactions of 10 (17 rows a second for an hour), over a
dozen binlog files. Neither has writers beside it, which would make the steady state slower and the ratio better.
"""

from __future__ import annotations

from tests.bench.backlog import Backlog
from tests.bench.curve import Curve, rate
from tests.bench.mysql_to_mongo import Carrying
from tests.bench.result import Result, compared
from tests.bench.rig import Rig, rig
from tests.bench.run import Run
from tests.bench.shapes import Flat

#: Rows in a transaction, binlog files of the outage.
SIZE, FILES = 10, 12


def measure(run: Run) -> list[Result]:
    """Each direction."""
    return [_drained(run, "drain into MongoDB", "follower"), _drained(run, "drain into MySQL", "listener")]


def _drained(run: Run, name: str, worker: str) -> Result:
    steady: list[float] = []
    drained: list[float] = []
    documents = run.size(5_000, 1_000)
    with rig(run, Flat(documents=documents)) as made:
        carrying = Carrying(made, made.shapes[0])
        made.start(worker)
        made.pause(worker)
        for _ in run.repetitions(name):
            rows = FILES * documents
            steady.append(rate(carrying.follow(rows, SIZE) if worker == "follower" else carrying.listen(rows)))
            backlogs = [carrying.backlog(documents) for _ in range(FILES)]
            made.engine.kill(worker)
            for backlog in backlogs:
                _write(made, worker, backlog)
            drained.append(rate(_drain(made, worker, backlogs)))
    return compared(
        name,
        run.server,
        what="rows/s of an outage's backlog after a restart / rows/s of the same amount without one",
        unit="rows/s",
        figures=drained,
        limits=steady,
        target=0.95,
        quick=run.quick,
    )


def _write(made: Rig, worker: str, backlog: Backlog) -> None:
    if worker == "listener":
        backlog.write_mongo(made.mongo)
        return
    backlog.write_mysql(made.admin, SIZE)
    with made.admin.cursor() as cursor:
        cursor.execute("FLUSH BINARY LOGS")


def _drain(made: Rig, worker: str, backlogs: list[Backlog]) -> Curve:
    """Start the worker as a new process, which finds itself paused; let it go on, to the end of all backlogs."""
    made.start_anew(worker)
    whole = Backlog(backlogs[0].shape, sum(one.count for one in backlogs), backlogs[0].generation)
    done = whole.in_mongo(made.mongo) if worker == "follower" else whole.in_mysql(made.admin)
    return made.carry(worker, done, whole.rows)
