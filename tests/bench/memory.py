"""Memory of a worker's process: at steady work, and with 1,000,000 rows in one transaction. Resident set, as the kernel says.

Steady is the most it held while it carried backlogs of ten times the documents, of flat rows in transactions of 1,000, then of
the analytics documents: enough for its queue to be full. The large transaction is flat rows that
are inserted in MySQL; in MongoDB, where 60 seconds is all that a transaction may take, documents of 100 rows each. Measured
once: memory does not scatter as time does. `ratio` is against the target in MB.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pymongo import WriteConcern
from pymongo.read_concern import ReadConcern

from tests.bench.mysql_to_mongo import Carrying
from tests.bench.result import Result, compared
from tests.bench.rig import Rig, rig
from tests.bench.run import Run
from tests.bench.shapes import Analytics, Flat, Listed, Shape, chunks
from tests.bench.statistics import Better

#: MB of 2**20 bytes.
STEADY, LARGE = 120.0, 200.0
ENTRIES = 99
#: Seconds between two looks.
GLANCE = 0.1
MB = 1 << 20


def measure(run: Run) -> list[Result]:
    """Each worker."""
    return [*_follower(run), *_listener(run)]


def _follower(run: Run) -> list[Result]:
    rows = run.size(1_000_000, 30_000)
    with rig(run, *_shapes(run), Flat(name="large", documents=0), mongo_cache_gb=1.0) as made:
        made.start("follower")
        made.pause("follower")
        steady = _steady(run, made, "follower", Carrying.follow)
        run.say(f"follower, {rows:,} rows in one transaction")
        _insert_rows(made, rows)
        large = _carried(made, "follower", lambda: made.mongo["large"].estimated_document_count(), rows)
    return _results(run, "follower", steady, large, rows)


def _listener(run: Run) -> list[Result]:
    documents = run.size(10_000, 300)
    large = Listed(name="large", documents=0, entries=ENTRIES)
    with rig(run, *_shapes(run), large, mongo_cache_gb=1.0) as made:
        made.start("listener")
        made.pause("listener")
        steady = _steady(run, made, "listener", Carrying.listen)
        rows = documents * (1 + ENTRIES)
        run.say(f"listener, {rows:,} rows in one transaction")
        _insert_documents(made, large, documents)
        series = _carried(made, "listener", lambda: _count(made, "large_entry") + _count(made, "large"), rows)
    return _results(run, "listener", steady, series, rows)


_Series = list[tuple[float, float]]


def _shapes(run: Run) -> tuple[Shape, ...]:
    """Of steady work."""
    return Flat(documents=run.size(10_000, 2_000)), Analytics(documents=run.size(1_000, 200))


def _steady(run: Run, made: Rig, worker: str, carry: Callable[[Carrying, int], object]) -> _Series:
    working = [Carrying(made, shape) for shape in made.shapes[:2]]
    series: _Series = []
    began = time.monotonic()
    over = threading.Event()

    def look() -> None:
        while not over.wait(GLANCE):
            series.append((time.monotonic() - began, resident(made.pid(worker))))

    beside = threading.Thread(target=look)
    beside.start()
    try:
        for carrying in working:
            for _ in run.repetitions(f"{worker}, steady, {carrying.shape.collections[0]}"):
                carry(carrying, 10 * carrying.shape.documents)
    finally:
        over.set()
        beside.join()
    return series


def _insert_rows(made: Rig, rows: int) -> None:
    """One transaction; the numbers come from a table of digits, for both families limit recursion."""
    digits = "(SELECT 0 AS d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6"
    digits += " UNION SELECT 7 UNION SELECT 8 UNION SELECT 9)"
    number = "a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d + 100000 * g.d"
    joined = ", ".join(f"{digits} {name}" for name in "abcefg")
    with made.admin.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO `large` SELECT LOWER(LPAD(HEX(1 + {number}), 24, '0')), 'name', 'city', 0, 1, 1, '2024-01-01'"
            f" FROM {joined} WHERE {number} < %s",
            (rows,),
        )


def _insert_documents(made: Rig, shape: Listed, documents: int) -> None:
    with (
        made.mongo.client.start_session() as session,
        session.start_transaction(ReadConcern("snapshot"), WriteConcern("majority")),
    ):
        for some in chunks(range(documents), 1000):
            made.mongo[shape.name].insert_many([shape.document(one) for one in some], session=session)


def _carried(made: Rig, worker: str, done: Callable[[], int], rows: int) -> _Series:
    """Let it go on; its memory over time."""
    series: _Series = []
    began = time.monotonic()

    def looked() -> int:
        series.append((time.monotonic() - began, resident(made.pid(worker))))
        return done()

    made.ask_to_resume(worker)
    made.watch(looked, rows, glance=GLANCE)
    series.append((time.monotonic() - began, resident(made.pid(worker), "VmHWM")))
    return series


def _count(made: Rig, table: str) -> int:
    return int(made.engine.value(f"SELECT COUNT(*) FROM `{table}`"))


def resident(pid: int, field: str = "VmRSS") -> float:
    """MB of a process (`VmHWM`: the most it ever had)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) * 1024 / MB
    raise ValueError(f"/proc tells no {field}")


def _results(run: Run, worker: str, steady: _Series, large: _Series, rows: int) -> list[Result]:
    common: dict[str, Any] = {"unit": "MB", "target": 1.0, "better": Better.LOWER, "quick": run.quick}
    return [
        compared(
            f"memory of the {worker}, steady",
            run.server,
            what="the most that it held while it carried backlogs / what is allowed",
            figures=[max(size for _, size in steady)],
            limits=[STEADY],
            series={"seconds_mb": _thinned(steady)},
            **common,
        ),
        compared(
            f"memory of the {worker}, {rows:,} rows in one transaction",
            run.server,
            what="the most that it ever held / what is allowed",
            figures=[max(size for _, size in large)],
            limits=[LARGE],
            series={"seconds_mb": _thinned(large)},
            **common,
        ),
    ]


def _thinned(series: _Series, most: int = 300) -> _Series:
    """What a picture can show."""
    step = -(-len(series) // most)
    return [*series[::step], series[-1]]
