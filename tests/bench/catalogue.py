"""All rows of the table: one module each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.bench import (
    both_directions,
    crossing_time,
    drain,
    first_copy,
    memory,
    mongo_to_mysql,
    mysql_to_mongo_analytics,
    mysql_to_mongo_flat,
    naive_peers,
    scaling,
    storm,
    verify,
)
from tests.bench.result import Result
from tests.bench.run import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`seconds` and `quick_seconds` tell about how long it takes on one server, for the time left."""

    measure: Callable[[Run], list[Result]]
    about: str
    seconds: float
    quick_seconds: float


ROWS: Mapping[str, Row] = {
    "mysql_to_mongo_flat": Row(
        measure=mysql_to_mongo_flat.measure,
        about="updates of flat rows, bulk and one-row",
        seconds=70,
        quick_seconds=10,
    ),
    "mysql_to_mongo_analytics": Row(
        measure=mysql_to_mongo_analytics.measure, about="updates of nested documents", seconds=60, quick_seconds=10
    ),
    "mongo_to_mysql": Row(
        measure=mongo_to_mysql.measure, about="updates of flat and nested documents", seconds=80, quick_seconds=15
    ),
    "first_copy": Row(
        measure=first_copy.measure, about="the first copy, both directions", seconds=70, quick_seconds=10
    ),
    "verify": Row(measure=verify.measure, about="verify of equal data", seconds=40, quick_seconds=8),
    "both_directions": Row(
        measure=both_directions.measure, about="both directions busy at once", seconds=130, quick_seconds=18
    ),
    "drain": Row(measure=drain.measure, about="a backlog after an outage", seconds=160, quick_seconds=20),
    "naive_peers": Row(
        measure=naive_peers.measure, about="against unchecked loops on mysql-replication", seconds=60, quick_seconds=8
    ),
    "crossing_time": Row(
        measure=crossing_time.measure,
        about="200 transactions a second, each way and both at once",
        seconds=240,
        quick_seconds=40,
    ),
    "storm": Row(measure=storm.measure, about="10,000 documents in conflict at once", seconds=130, quick_seconds=12),
    "memory": Row(
        measure=memory.measure, about="steady, and a million rows in one transaction", seconds=300, quick_seconds=25
    ),
    "scaling": Row(
        measure=scaling.measure, about="cost as documents, tables and backlogs grow", seconds=300, quick_seconds=35
    ),
}


def in_order(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[Mapping[str, Any]]:
    """Results by row, as the table has them."""
    return [one for name in ROWS for one in found.get(name, ())]
