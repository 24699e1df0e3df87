"""Updates in MySQL carried by a real follower, against the loop that does the same reads and writes in MongoDB."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.bench import mongo_loop
from tests.bench.backlog import BULK, Backlog
from tests.bench.curve import Curve, rate
from tests.bench.result import Result, compared
from tests.bench.rig import Rig, rig
from tests.bench.run import Run
from tests.bench.shapes import Shape


@dataclass(slots=True)
class Carrying:
    """Gives every backlog of one shape the next generations. One for each database: a value written again is no change."""

    rig: Rig
    shape: Shape
    _next: int = field(default=1)

    def backlog(self, count: int, stride: int = 1) -> Backlog:
        """The next one."""
        made = Backlog(self.shape, count, self._next, stride)
        self._next = made.next_generation
        return made

    def follow(self, count: int, size: int = BULK, *, stride: int = 1) -> Curve:
        """Write so many updates to MySQL while the follower is paused, in transactions of `size` rows; then let it carry
        them."""
        backlog = self.backlog(count, stride)
        backlog.write_mysql(self.rig.admin, size)
        return self.rig.carry("follower", backlog.in_mongo(self.rig.mongo), backlog.rows)

    def listen(self, count: int) -> Curve:
        """The same from MongoDB by the listener."""
        backlog = self.backlog(count)
        backlog.write_mongo(self.rig.mongo)
        return self.rig.carry("listener", backlog.in_mysql(self.rig.admin), backlog.rows)


def measure_updates(run: Run, name: str, shape: Shape, target: float, bulk: int, single: int) -> list[Result]:
    """Both ways in which updates come: in transactions of many rows, and in those of one. `bulk` and `single` count
    updates of the shape."""
    rates: dict[str, list[float]] = {"bulk": [], "one-row": []}
    limits: list[float] = []
    curves: dict[str, Curve] = {}
    with rig(run, shape) as made, made.limit_database() as limit:
        carrying, alone = Carrying(made, shape), Carrying(made, shape)
        made.start("follower")
        made.pause("follower")
        carrying.follow(min(bulk, shape.documents))  # the first one warms both servers up
        for _ in run.repetitions(name):
            limits.append(mongo_loop.updates(limit, alone.backlog(bulk).writes()))
            for kind, count, size in (("bulk", bulk, BULK), ("one-row", single, 1)):
                curves[kind] = carrying.follow(count, size)
                rates[kind].append(rate(curves[kind]))
    return [
        compared(
            f"{name}, {kind}",
            run.server,
            what="rows carried / documents that a plain loop reads and updates in transactions of 1,000 with a checkpoint",
            unit="rows/s",
            figures=rates[kind],
            limits=limits,
            target=target,
            quick=run.quick,
        )
        for kind in rates
    ]
