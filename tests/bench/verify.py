"""`lockstep verify` of equal data, against reading both sides once."""

from __future__ import annotations

import time

from tests.bench import mongo_loop, mysql_loop
from tests.bench.result import Result, compared
from tests.bench.rig import rig
from tests.bench.run import Run
from tests.bench.shapes import Analytics, Flat, Shape


def measure(run: Run) -> list[Result]:
    """Flat rows and the analytics documents."""
    flat, nested = Flat(documents=run.size(20_000, 5_000)), Analytics(documents=run.size(600, 150))
    return [_measure(run, "flat", flat), _measure(run, "analytics", nested)]


def _measure(run: Run, kind: str, shape: Shape) -> Result:
    figures: list[float] = []
    limits: list[float] = []
    with rig(run, shape) as made:
        rows = mysql_loop.read_all(made.admin, shape.tables)
        for _ in run.repetitions(f"verify, {kind}"):
            began = time.monotonic()
            report = made.wiring.verify((), lambda *_: None, anew=True)
            assert not report.differences
            figures.append(rows / (time.monotonic() - began))
            began = time.monotonic()
            mysql_loop.read_all(made.admin, shape.tables)
            mongo_loop.read_all(made.mongo, shape.collections)
            limits.append(rows / (time.monotonic() - began))
    return compared(
        f"verify, {kind}",
        run.server,
        what="rows compared / rows of which plain clients read both sides once",
        unit="rows/s",
        figures=figures,
        limits=limits,
        target=0.40,
        quick=run.quick,
    )
