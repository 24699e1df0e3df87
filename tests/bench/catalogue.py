"""All rows of the table: one module each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.bench import first_copy, mongo_to_mysql, mysql_to_mongo_analytics, mysql_to_mongo_flat, verify
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
        quick_seconds=15,
    ),
    "mysql_to_mongo_analytics": Row(
        measure=mysql_to_mongo_analytics.measure, about="updates of nested documents", seconds=60, quick_seconds=15
    ),
    "mongo_to_mysql": Row(
        measure=mongo_to_mysql.measure, about="updates of flat and nested documents", seconds=80, quick_seconds=20
    ),
    "first_copy": Row(
        measure=first_copy.measure, about="the first copy, both directions", seconds=100, quick_seconds=20
    ),
    "verify": Row(measure=verify.measure, about="verify of equal data", seconds=50, quick_seconds=12),
}
