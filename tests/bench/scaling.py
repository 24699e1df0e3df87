"""Cost as work grows, carried by a real follower: the slope of total time against the quantity on log-log paper.

1 is proportional. What should cost nothing at all (the size of a table of which the same number of rows is updated) is
held to a slope near 0. Rows are updated in bulk; of a large table, rows at equal distances. What should be proportional begins
at 16,000 rows: of fewer, a large share is decoded before the first batch is there, and measuring begins.

Of a backlog and of many tables the plain loop of `mongo_loop` is measured too: where MongoDB itself takes longer for each
write the more of them it has taken, a worker that stays behind it by a constant share has its slope.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from pymongo.database import Database

from tests.bench import mongo_loop
from tests.bench.backlog import Backlog
from tests.bench.curve import rate
from tests.bench.mysql_to_mongo import Carrying
from tests.bench.result import Result, compared
from tests.bench.rig import Rig, rig
from tests.bench.run import Run
from tests.bench.shapes import Flat, Listed, Shape
from tests.bench.statistics import Better, median, slope

#: Seconds measured at each size.
_Seconds: TypeAlias = dict[int, list[float]]
#: The most that total time may rise with a quantity, and with one that should cost nothing.
PROPORTIONAL, FREE = 1.05, 0.05


def measure(run: Run) -> list[Result]:
    """Document size, nested entries, table size, backlog; then the number of tables."""
    base = run.size(2_000, 600)
    texts = {
        size: Flat(name=f"text_{size}", text=size, documents=base) for size in _of_run(run, (100, 400, 1600, 6400))
    }
    lists = {
        size: Listed(name=f"list_{size}", entries=size, documents=base // 4) for size in _of_run(run, (5, 15, 45, 135))
    }
    tables = {size: Flat(name=f"table_{size}", documents=size) for size in _table_sizes(run, base)}
    nested = run.size(base, 4 * base)
    multiples = (4, 8) if run.quick else (8, 16, 32, 64)
    results = []
    with rig(run, *texts.values(), *lists.values(), *tables.values()) as made, made.limit_database() as limit:
        made.start("follower")
        made.pause("follower")
        carrying = {shape.collections[0]: Carrying(made, shape) for shape in made.shapes}
        alone = Carrying(made, tables[base])

        def seconds(shape: Shape, count: int, stride: int = 1) -> float:
            """Total time, told from the rate after the first batch."""
            return count / rate(carrying[shape.collections[0]].follow(count, stride=stride))

        for name, target, of_size in (
            ("document size", PROPORTIONAL, {size: _of(seconds, shape, 4 * base) for size, shape in texts.items()}),
            ("nested entries", PROPORTIONAL, {size: _of(seconds, shape, nested) for size, shape in lists.items()}),
            ("table size", FREE, {size: _of(seconds, shape, 4 * base, size // base) for size, shape in tables.items()}),
        ):
            (measured,) = _measured(run, name, of_size)
            results.append(_result(run, name, target, measured))
        backlogs = {n * base: _of(seconds, tables[base], n * base) for n in multiples}
        loops = {size: _of(_loop_seconds, limit, [alone], size) for size in backlogs}
        results += _results(run, "backlog", _measured(run, "backlog", backlogs, loops))
    return [*results, *_results(run, "number of tables", _tables(run, base))]


def _loop_seconds(limit: Database[Any], carrying: Sequence[Carrying], count: int) -> float:
    """Total time of the plain loop for so many updates of each shape, one after the other, told from the rate after the
    first batch."""
    writes = [batch for one in carrying for batch in one.backlog(count).writes()]
    return sum(map(len, writes)) / mongo_loop.updates(limit, writes)


def _of_run(run: Run, sizes: Sequence[int]) -> Sequence[int]:
    """A quick run leaves the largest out."""
    return sizes[:-1] if run.quick else sizes


def _table_sizes(run: Run, base: int) -> list[int]:
    return [base * factor for factor in _of_run(run, (1, 4, 16))] + ([] if run.quick else [base * 32])


def _of(seconds: Callable[..., float], *arguments: object) -> Callable[[], float]:
    return lambda: seconds(*arguments)


def _measured(run: Run, name: str, *ways: Mapping[int, Callable[[], float]]) -> tuple[_Seconds, ...]:
    """Seconds at each size, of each way; sizes and ways take turns."""
    found: tuple[_Seconds, ...] = tuple({size: [] for size in way} for way in ways)
    for _ in run.repetitions(f"scaling, {name}"):
        for size in ways[0]:
            for of_way, way in zip(found, ways, strict=True):
                of_way[size].append(way[size]())
    return found


def _tables(run: Run, base: int) -> tuple[_Seconds, _Seconds]:
    """Each mapped table is updated, one after the other: by the follower, and by the plain loop."""
    found: _Seconds = {}
    loops: _Seconds = {}
    for number in (4, 8) if run.quick else (8, 16, 32, 64):
        shapes = [Flat(name=f"flat_{place}", documents=base) for place in range(number)]
        with rig(run, *shapes) as made, made.limit_database() as limit:
            carrying, alone = ([Carrying(made, shape) for shape in shapes] for _ in range(2))
            made.start("follower")
            made.pause("follower")
            for _ in run.repetitions(f"scaling, {number} tables"):
                backlogs = [one.backlog(base) for one in carrying]
                for backlog in backlogs:
                    backlog.write_mysql(made.admin)
                total = sum(one.rows for one in backlogs)
                curve = made.carry("follower", _one_by_one(made, backlogs), total)
                found.setdefault(number, []).append(total / rate(curve))
                loops.setdefault(number, []).append(_loop_seconds(limit, alone, base))
    return found, loops


def _one_by_one(made: Rig, backlogs: Iterable[Backlog]) -> Callable[[], int]:
    """Rows that are there, of backlogs that are carried one after the other. Asks for the first one only that is not whole,
    for looking at them all would cost the more the more there are."""
    coming = deque((one.in_mongo(made.mongo), one.rows) for one in backlogs)
    whole = 0

    def done() -> int:
        nonlocal whole
        while coming:
            rows = coming[0][0]()
            if rows < coming[0][1]:
                return whole + rows
            whole += rows
            coming.popleft()
        return whole

    return done


def _results(run: Run, name: str, measured: Sequence[_Seconds]) -> list[Result]:
    """Against 1, and against the plain loop."""
    mine, loop = measured
    return [
        _result(run, name, PROPORTIONAL, mine),
        compared(
            f"scaling with {name}, as the plain loop",
            run.server,
            what="log-log slope of total time / that of a plain loop which does the same reads and writes in MongoDB",
            unit="",
            figures=[_slope(mine)],
            limits=[_slope(loop)],
            target=PROPORTIONAL,
            better=Better.LOWER,
            series={"seconds": _middle(mine), "plain": _middle(loop)},
            quick=run.quick,
        ),
    ]


def _result(run: Run, name: str, target: float, seconds: _Seconds) -> Result:
    return compared(
        f"scaling with {name}",
        run.server,
        what="log-log slope of total time / 1, which is proportional",
        unit="",
        figures=[_slope(seconds)],
        limits=[1.0],
        target=target,
        better=Better.LOWER,
        series={"seconds": _middle(seconds)},
        quick=run.quick,
    )


def _slope(seconds: _Seconds) -> float:
    sizes, times = zip(*_middle(seconds), strict=True)
    return slope(sizes, times)


def _middle(seconds: _Seconds) -> list[tuple[int, float]]:
    """The median at each size."""
    return [(size, median(values)) for size, values in seconds.items()]
