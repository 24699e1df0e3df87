"""MySQL -> MongoDB: updates of flat rows."""

from __future__ import annotations

from tests.bench.mysql_to_mongo import measure_updates
from tests.bench.result import Result
from tests.bench.run import Run
from tests.bench.shapes import Flat


def measure(run: Run) -> list[Result]:
    """See `mysql_to_mongo`."""
    documents = run.size(10_000, 5_000)
    bulk, single = run.size(60_000, 10_000), run.size(60_000, 5_000)
    return measure_updates(run, "MySQL -> MongoDB, flat", Flat(documents=documents), 0.80, bulk, single)
