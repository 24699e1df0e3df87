"""MongoDB -> MySQL: updates of documents carried by a real listener, against the slower of the two things it cannot do
without: reading the change stream with both images, and locked reads with multi-row writes in MySQL.

Each update is an event of its own. The stream's limit reads the very events that the listener carries.
"""

from __future__ import annotations

from tests.bench import mongo_loop, mysql_loop
from tests.bench.curve import rate
from tests.bench.mysql_to_mongo import Carrying
from tests.bench.result import Result, compared
from tests.bench.rig import rig
from tests.bench.run import Run
from tests.bench.shapes import Analytics, Flat, Shape


def measure(run: Run) -> list[Result]:
    """Flat documents, then nested ones."""
    flat = Flat(documents=run.size(10_000, 5_000))
    nested = Analytics(documents=run.size(1_000, 400))
    return [
        *_measure(run, "MongoDB -> MySQL, flat", flat, 0.70, run.size(60_000, 5_000)),
        *_measure(run, "MongoDB -> MySQL, analytics", nested, 0.50, run.size(12_000, 1_200)),
    ]


def _measure(run: Run, name: str, shape: Shape, target: float, count: int) -> list[Result]:
    rates: list[float] = []
    limits: dict[str, list[float]] = {"stream": [], "writes": []}
    with rig(run, shape) as made, made.limit_tables() as limit:
        carrying, alone = Carrying(made, shape), Carrying(made, shape)
        made.start("listener")
        made.pause("listener")
        carrying.listen(min(count, shape.documents))
        for _ in run.repetitions(name):
            since = mongo_loop.now(made.mongo.client)
            rates.append(rate(carrying.listen(count)))
            read = mongo_loop.events(made.mongo, shape.collections, since, count * shape.weight)
            limits["stream"].append(read)
            limits["writes"].append(mysql_loop.updates(limit, alone.backlog(count).tables()))
    slower = min(limits, key=lambda kind: sorted(limits[kind])[len(limits[kind]) // 2])
    words = {
        "stream": "events that a client reads with both images",
        "writes": "rows that a loop locks, reads and writes",
    }
    return [
        compared(
            name,
            run.server,
            what=f"rows carried / {words[slower]}",
            unit="rows/s",
            figures=rates,
            limits=limits[slower],
            target=target,
            series={f"limit_{kind}": values for kind, values in limits.items()},
            quick=run.quick,
        )
    ]
