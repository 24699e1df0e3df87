"""Draining what an hour's outage has left, against the steady state: rows/s of a long backlog that a restarted worker finds,
and of a short one that a running worker is given.

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
#: The steady state's share of the outage's rows.
SHARE = 6


def measure(run: Run) -> list[Result]:
    """Each direction."""
    return [_follower(run), _listener(run)]


def _follower(run: Run) -> Result:
    steady: list[float] = []
    drained: list[float] = []
    documents = run.size(5_000, 1_000)
    with rig(run, Flat(documents=documents)) as made:
        carrying = Carrying(made, made.shapes[0])
        made.start("follower")
        made.pause("follower")
        for _ in run.repetitions("drain into MongoDB"):
            steady.append(rate(carrying.follow(2 * documents, SIZE)))
            backlogs = [carrying.backlog(documents) for _ in range(FILES)]
            made.engine.kill("follower")
            for backlog in backlogs:
                backlog.write_mysql(made.admin, SIZE)
                with made.admin.cursor() as cursor:
                    cursor.execute("FLUSH BINARY LOGS")
            drained.append(rate(_drain(made, "follower", backlogs)))
    return _result(run, "drain into MongoDB", drained, steady)


def _listener(run: Run) -> Result:
    steady: list[float] = []
    drained: list[float] = []
    documents = run.size(5_000, 1_000)
    with rig(run, Flat(documents=documents)) as made:
        carrying = Carrying(made, made.shapes[0])
        made.start("listener")
        made.pause("listener")
        for _ in run.repetitions("drain into MySQL"):
            steady.append(rate(carrying.listen(2 * documents)))
            backlogs = [carrying.backlog(documents) for _ in range(FILES)]
            made.engine.kill("listener")
            for backlog in backlogs:
                backlog.write_mongo(made.mongo)
            drained.append(rate(_drain(made, "listener", backlogs)))
    return _result(run, "drain into MySQL", drained, steady)


def _drain(made: Rig, worker: str, backlogs: list[Backlog]) -> Curve:
    """Start the worker as a new process, which finds itself paused; let it go on, to the end of all backlogs."""
    made.start_anew(worker)
    whole = Backlog(backlogs[0].shape, sum(one.count for one in backlogs), backlogs[0].generation)
    done = whole.in_mongo(made.mongo) if worker == "follower" else whole.in_mysql(made.admin)
    return made.carry(worker, done, whole.rows)


def _result(run: Run, name: str, drained: list[float], steady: list[float]) -> Result:
    return compared(
        name,
        run.server,
        what="rows/s of a long backlog after a restart / rows/s of a short one",
        unit="rows/s",
        figures=drained,
        limits=steady,
        target=0.95,
        quick=run.quick,
    )
