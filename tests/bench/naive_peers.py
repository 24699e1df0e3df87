"""What people write first: mysql-replication in a loop, and one pymongo call for each row, or `bulk_write` of 1,000. It keeps
no position, checks nothing, and would write over whatever stands in MongoDB. The follower, which does all that, against it.

Each reads the first of the very rows that the follower carries; images are on.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from bson import ObjectId
from pymongo import UpdateOne
from pymongo.collection import Collection
from pymysqlreplication import BinLogStreamReader
from pymysqlreplication.row_event import UpdateRowsEvent

from tests.bench.backlog import BULK
from tests.bench.curve import rate
from tests.bench.mysql_to_mongo import Carrying
from tests.bench.result import Result, compared
from tests.bench.rig import Rig, rig
from tests.bench.run import Run
from tests.bench.shapes import Flat


def measure(run: Run) -> list[Result]:
    """See the module."""
    documents = run.size(10_000, 4_000)
    count = run.size(20_000, 4_000)
    shape = Flat(documents=documents)
    ours: list[float] = []
    theirs: dict[str, list[float]] = {"one call a row": [], "bulk_write": []}
    with rig(run, shape) as made, made.limit_database() as limit:
        carrying = Carrying(made, shape)
        made.start("follower")
        made.pause("follower")
        for _ in run.repetitions("naive peers"):
            place = made.engine.end_of_binlog()
            ours.append(rate(carrying.follow(3 * count)))
            theirs["bulk_write"].append(_bulk(_rows(made, place, count), limit[shape.name]))
            theirs["one call a row"].append(_one_by_one(_rows(made, place, count // 4), limit[shape.name]))
    targets = {"one call a row": 5.0, "bulk_write": 1.2}
    return [
        compared(
            f"against mysql-replication with {kind}",
            run.server,
            what=f"rows the follower carries / rows that an unchecked loop carries with {kind}",
            unit="rows/s",
            figures=ours,
            limits=theirs[kind],
            target=target,
            quick=run.quick,
        )
        for kind, target in targets.items()
    ]


def _rows(made: Rig, place: tuple[str, int], count: int) -> Iterator[dict[str, Any]]:
    """The first rows after a place in the binlog, as the library decodes them."""
    reader = BinLogStreamReader(
        connection_settings=made.site.admin_settings(),
        server_id=int(time.monotonic_ns() % 2**31) + 1,
        log_file=place[0],
        log_pos=place[1],
        resume_stream=True,
        only_events=[UpdateRowsEvent],
        only_schemas=[made.site.database],
        only_tables=list(made.tables),
        blocking=True,
    )
    try:
        for event in reader:
            for row in event.rows:
                yield row["after_values"]
                count -= 1
                if not count:
                    return
    finally:
        reader.close()


def _change(row: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    fields = {name: value for name, value in row.items() if name != "id"}
    return {"_id": ObjectId(row["id"])}, {"$set": {**fields, "active": bool(fields["active"])}}


def _one_by_one(rows: Iterator[dict[str, Any]], collection: Collection[Any]) -> float:
    done, began = 0, 0.0
    for row in rows:
        collection.update_one(*_change(row))
        done += 1
        began = began or time.monotonic()
    return (done - 1) / (time.monotonic() - began)


def _bulk(rows: Iterator[dict[str, Any]], collection: Collection[Any]) -> float:
    """The first batch is left out, as it is with the follower."""
    done, began = 0, 0.0
    operations: list[UpdateOne] = []
    for row in rows:
        operations.append(UpdateOne(*_change(row)))
        if len(operations) == BULK:
            collection.bulk_write(operations, ordered=False)
            done += len(operations)
            operations = []
            began = began or time.monotonic()
    return (done - BULK) / (time.monotonic() - began)
