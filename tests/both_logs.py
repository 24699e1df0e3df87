"""Who wrote what, told by the two servers' own logs. Of the engine only the checkpoint is used, which marks what it wrote."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple

from bson import ObjectId
from bson.timestamp import Timestamp
from pymysqlreplication import BinLogStreamReader
from pymysqlreplication.event import XidEvent
from pymysqlreplication.row_event import DeleteRowsEvent, UpdateRowsEvent, WriteRowsEvent

from sync.model.change import Side
from tests.engine import Engine
from tests.plain import Doc

#: For tests that read the binlog: how the library connects.
CONNECTS = "ignore:'(db|passwd)' is deprecated:DeprecationWarning"
CHECKPOINT = "sync_checkpoint"
#: A collection that nobody maps: where reading ends.
_END = "end_of_reading"


class Ends(NamedTuple):
    """Of both logs, at one moment."""

    binlog: tuple[str, int]
    oplog: Timestamp


class Written(NamedTuple):
    """One row of MySQL, or one document of MongoDB, as one change found and left it."""

    side: Side
    #: Of the table or collection.
    name: str
    before: Doc | None
    after: Doc | None
    #: Seconds since the epoch. MySQL's log tells whole ones.
    at: float
    #: The same for all that one transaction wrote, in this log.
    transaction: int
    #: A worker's: its checkpoint stands in the transaction.
    synced: bool


def ends(engine: Engine) -> Ends:
    """From here on."""
    return Ends(engine.end_of_binlog(), engine.end_of_oplog())


def in_binlog(engine: Engine, begin: Ends, tables: Collection[str]) -> Iterator[Written]:
    """Every row of these tables that was changed since, in order."""
    reader = BinLogStreamReader(
        connection_settings=engine.site.admin_settings(),
        server_id=7_000_002,
        log_file=begin.binlog[0],
        log_pos=begin.binlog[1],
        resume_stream=True,
        only_events=[WriteRowsEvent, UpdateRowsEvent, DeleteRowsEvent, XidEvent],
        only_schemas=[engine.site.database],
        only_tables=[*tables, CHECKPOINT],
    )
    try:
        yield from _whole(_rows(reader))
    finally:
        reader.close()


def _rows(events: Iterable[Any]) -> Iterator[Written]:
    transaction = 0
    for event in events:
        if isinstance(event, XidEvent):
            transaction += 1
            continue
        for row in event.rows:
            before, after = row.get("before_values"), row.get("after_values")
            if isinstance(event, WriteRowsEvent):
                after = row["values"]
            elif isinstance(event, DeleteRowsEvent):
                before = row["values"]
            yield Written(Side.MYSQL, event.table, before, after, event.timestamp, transaction, synced=False)


def in_stream(engine: Engine, begin: Ends, collections: Collection[str]) -> Iterator[Written]:
    """Every document of these collections that was changed since, in order."""
    yield from _whole(_events(engine, begin, collections))


def _events(engine: Engine, begin: Ends, collections: Collection[str]) -> Iterator[Written]:
    database, last = engine.site.mongo("admin"), ObjectId()
    database[_END].insert_one({"_id": last})
    transaction, known = 0, None
    with database.watch(
        [{"$match": {"ns.coll": {"$in": [*collections, CHECKPOINT, _END]}}}],
        start_at_operation_time=begin.oplog,
        full_document="whenAvailable",
        full_document_before_change="whenAvailable",
        max_await_time_ms=1000,
    ) as stream:
        changes: Iterator[Any] = stream
        for event in changes:
            name = event["ns"]["coll"]
            if name == _END and event["documentKey"]["_id"] == last:
                return
            if name == _END or event["clusterTime"] <= begin.oplog:
                continue
            of = (event["lsid"]["id"], event["txnNumber"]) if "txnNumber" in event else None
            transaction += of is None or of != known
            known = of
            found, left = event.get("fullDocumentBeforeChange"), event.get("fullDocument")
            at = event["wallTime"].timestamp()
            yield Written(Side.MONGO, name, found, left, at, transaction, synced=False)


def _whole(changes: Iterable[Written]) -> Iterator[Written]:
    """Transaction by transaction, with who wrote it; without the checkpoints."""
    held: list[Written] = []
    for change in changes:
        if held and held[0].transaction != change.transaction:
            yield from _told(held)
            held = []
        held.append(change)
    yield from _told(held)


def _told(transaction: Collection[Written]) -> Iterator[Written]:
    synced = any(one.name == CHECKPOINT for one in transaction)
    yield from (one._replace(synced=synced) for one in transaction if one.name != CHECKPOINT)
