"""Both directions busy at once, on different documents: what each reaches of its rate alone, added up. 1.0 would be a perfect
share of the machine.

Both workers run all the time, as in production. A rate is rows by the time from the request to go on until all rows are there, on
both sides where both are written. Beside each other, either worker finds as many echoes in its log as rows: those of a round before
the measured one, which nobody waits for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from tests.bench.mysql_to_mongo import Carrying
from tests.bench.result import Result, compared
from tests.bench.rig import Rig, rig
from tests.bench.run import Run
from tests.bench.shapes import Flat

WORKERS = ("follower", "listener")


def measure(run: Run) -> list[Result]:
    """See the module."""
    documents = run.size(10_000, 4_000)
    count = run.size(60_000, 8_000)
    shapes = Flat(name="to_mongo", documents=documents), Flat(name="to_mysql", documents=documents)
    shares: list[float] = []
    rates: dict[str, list[float]] = {}
    with rig(run, *shapes) as made:
        follow, listen = Carrying(made, shapes[0]), Carrying(made, shapes[1])
        made.start(*WORKERS)
        for _ in run.repetitions("both directions"):
            writes = {"follower": _in_mysql(follow, count), "listener": _in_mongo(listen, count)}
            alone = {name: count / _seconds(made, {name: write}) for name, write in writes.items()}
            _seconds(made, writes)
            beside = count / _seconds(made, writes, behind_echoes=True)
            shares.append(sum(beside / rate for rate in alone.values()))
            for name in WORKERS:
                rates.setdefault(f"{name} alone", []).append(alone[name])
            rates.setdefault("each beside the other", []).append(beside)
    return [
        compared(
            "both directions at once",
            run.server,
            what="(rate beside the other direction / rate alone), one direction plus the other / 1",
            unit="",
            figures=shares,
            limits=[1.0],
            target=0.75,
            series=rates,
            quick=run.quick,
        )
    ]


_Goal = tuple[Callable[[], int], int]


def _in_mysql(carrying: Carrying, count: int) -> Callable[[], _Goal]:
    def write() -> _Goal:
        backlog = carrying.backlog(count)
        backlog.write_mysql(carrying.rig.admin)
        return backlog.in_mongo(carrying.rig.mongo), backlog.rows

    return write


def _in_mongo(carrying: Carrying, count: int) -> Callable[[], _Goal]:
    def write() -> _Goal:
        backlog = carrying.backlog(count)
        backlog.write_mongo(carrying.rig.mongo)
        return backlog.in_mysql(carrying.rig.admin), backlog.rows

    return write


def _seconds(made: Rig, writes: Mapping[str, Callable[[], _Goal]], *, behind_echoes: bool = False) -> float:
    """Write while both are paused, let both go on, and wait for all rows."""
    if not behind_echoes:
        made.catch_up()
    made.pause(*WORKERS)
    goals = {name: write() for name, write in writes.items()}
    began = time.monotonic()
    for worker in WORKERS:
        made.ask_to_resume(worker)
    made.watch_all(goals)
    return time.monotonic() - began
