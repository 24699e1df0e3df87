"""Cost as work grows, carried by a real follower: the slope of total time against the quantity on log-log paper.

1 is proportional. What should cost nothing at all (the size of a table, and the number of tables, of which the same number of
rows is updated) is held to a slope near 0. Rows are updated in bulk; of a large table, rows at equal distances. At least 16,000
are, and at least 32,000 of a backlog: of fewer, a large share is decoded before the first batch is there, and measuring begins.

Of a backlog the plain loop of `mongo_loop` is measured too: where MongoDB itself takes longer for each write the more of them
it has taken, a worker that stays behind it by a constant share has its slope.
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
    multiples = (4, 8) if run.quick else (16, 32, 64, 128)
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
            ("document size", PROPORTIONAL, {size: _of(seconds, shape, 8 * base) for size, shape in texts.items()}),
            ("nested entries", PROPORTIONAL, {size: _of(seconds, shape, 8 * base) for size, shape in lists.items()}),
            ("table size", FREE, {size: _of(seconds, shape, 8 * base, size // base) for size, shape in tables.items()}),
        ):
            (measured,) = _measured(run, name, of_size)
            results.append(_result(run, name, target, measured))
        backlogs = {n * base: _of(seconds, tables[base], n * base) for n in multiples}
        loops = {size: _of(_loop_seconds, limit, alone, size) for size in backlogs}
        mine, loop = _measured(run, "backlog", backlogs, loops)
        results += [_result(run, "backlog", PROPORTIONAL, mine), _beside_the_loop(run, "backlog", mine, loop)]
    return [*results, _result(run, "number of tables", FREE, _tables(run, run.size(1_000, 2_000)))]


def _loop_seconds(limit: Database[Any], carrying: Carrying, count: int) -> float:
    """Total time of the plain loop for so many updates, told from the rate after the first batch."""
    return count / mongo_loop.updates(limit, carrying.backlog(count).writes())


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


def _tables(run: Run, documents: int) -> _Seconds:
    """The same number of rows in all, table after table."""
    found: _Seconds = {}
    numbers = (4, 8) if run.quick else (8, 16, 32, 64)
    for number in numbers:
        shapes = [Flat(name=f"flat_{place}", documents=documents) for place in range(number)]
        with rig(run, *shapes) as made:
            carrying = [Carrying(made, shape) for shape in shapes]
            made.start("follower")
            made.pause("follower")
            for _ in run.repetitions(f"scaling, {number} tables"):
                backlogs = [one.backlog(documents * numbers[-1] // number) for one in carrying]
                for backlog in backlogs:
                    backlog.write_mysql(made.admin)
                total = sum(one.rows for one in backlogs)
                curve = made.carry("follower", _one_by_one(made, backlogs), total)
                found.setdefault(number, []).append(total / rate(curve))
    return found


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


def _beside_the_loop(run: Run, name: str, mine: _Seconds, loop: _Seconds) -> Result:
    what = "that of a plain loop which does the same reads and writes in MongoDB"
    series = {"seconds": _middle(mine), "plain": _middle(loop)}
    return _against(run, f"{name}, as the plain loop", what, PROPORTIONAL, mine, _slope(loop), series)


def _result(run: Run, name: str, target: float, seconds: _Seconds) -> Result:
    return _against(run, name, "1, which is proportional", target, seconds, 1.0, {"seconds": _middle(seconds)})


def _against(
    run: Run,
    name: str,
    what: str,
    target: float,
    seconds: _Seconds,
    limit: float,
    series: dict[str, list[tuple[int, float]]],
) -> Result:
    """The slope against a limit, which `what` names."""
    return compared(
        f"scaling with {name}",
        run.server,
        what=f"log-log slope of total time / {what}",
        unit="",
        figures=[_slope(seconds)],
        limits=[limit],
        target=target,
        better=Better.LOWER,
        series=series,
        quick=run.quick,
    )


def _slope(seconds: _Seconds) -> float:
    sizes, times = zip(*_middle(seconds), strict=True)
    return slope(sizes, times)


def _middle(seconds: _Seconds) -> list[tuple[int, float]]:
    """The median at each size."""
    return [(size, median(values)) for size, values in seconds.items()]
