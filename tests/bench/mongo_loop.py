"""What MongoDB does with the same writes when nothing else is in the way: one client, one thread, nothing decoded but what
the driver decodes, nothing checked."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from bson import Timestamp
from pymongo import MongoClient, UpdateOne, WriteConcern
from pymongo.change_stream import ChangeStream
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.read_concern import ReadConcern

from tests.bench.shapes import Write

#: Seconds without an event that was written.
PATIENCE = 10.0


def updates(database: Database[Any], batches: Sequence[Sequence[Write]]) -> float:
    """Read the documents, update them by `_id`, and move a checkpoint, in one majority transaction for each batch. Documents
    per second, the first batch left out, as it is with a worker."""
    with database.client.start_session() as session:
        began = 0.0
        for batch in batches:
            transaction(database, session, batch)
            began = began or time.monotonic()
    return sum(map(len, batches[1:])) / (time.monotonic() - began)


def transaction(database: Database[Any], session: ClientSession, batch: Sequence[Write]) -> None:
    """One batch of `updates`."""
    by_collection: dict[str, list[Write]] = {}
    for write in batch:
        by_collection.setdefault(write.collection, []).append(write)
    with session.start_transaction(ReadConcern("snapshot"), WriteConcern("majority")):
        database["checkpoint"].update_one({"_id": "limit"}, {"$inc": {"seq": 1}}, session=session)
        for name, writes in by_collection.items():
            keys = [write.key for write in writes]
            found = list(database[name].find({"_id": {"$in": keys}}, session=session, batch_size=len(keys) + 1))
            assert len(found) == len(writes)
            operations = [UpdateOne({"_id": write.key}, dict(write.change)) for write in writes]
            database[name].bulk_write(operations, session=session)


def now(client: MongoClient[Any]) -> Timestamp:
    """The end of the oplog."""
    moment = client["admin"].command("ping")["operationTime"]
    assert isinstance(moment, Timestamp)
    return moment


def events(database: Database[Any], collections: Sequence[str], since: Timestamp, count: int) -> float:
    """Read so many events of these collections with both images; events per second, the first batch left out."""
    pipeline = [{"$match": {"ns.coll": {"$in": list(collections)}}}]
    with database.watch(
        pipeline,
        full_document="whenAvailable",
        full_document_before_change="whenAvailable",
        start_at_operation_time=since,
        batch_size=1000,
        max_await_time_ms=20,
    ) as stream:
        first = min(1000, count // 2)
        _take(stream, first)
        began = time.monotonic()
        _take(stream, count - first)
        return (count - first) / (time.monotonic() - began)


def _take(stream: ChangeStream[Any], count: int) -> None:
    seen_at = time.monotonic()
    while count:
        if stream.try_next() is not None:
            count -= 1
            seen_at = time.monotonic()
        elif time.monotonic() - seen_at > PATIENCE:
            raise TimeoutError(f"{count} events have not come")


def read_all(database: Database[Any], collections: Sequence[str]) -> int:
    """Every document; how many."""
    return sum(len(list(database[name].find(batch_size=10_000))) for name in collections)
