"""MySQL -> MongoDB: updates of the analytics documents, with nested parts and arrays of 50 entries.

The limit's loop sets the one path that changed (`transactions.25.amount`): the least that MongoDB can be asked for.
"""

from __future__ import annotations

from tests.bench.mysql_to_mongo import measure_updates
from tests.bench.result import Result
from tests.bench.run import Run
from tests.bench.shapes import Analytics


def measure(run: Run) -> list[Result]:
    """See `mysql_to_mongo`."""
    documents = run.size(1_000, 400)
    bulk, single = run.size(12_000, 800), run.size(12_000, 400)
    return measure_updates(run, "MySQL -> MongoDB, analytics", Analytics(documents=documents), 0.60, bulk, single)
