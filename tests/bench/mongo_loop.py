"""What MongoDB does with the same writes when nothing else is in the way: one client, one thread, nothing decoded but what
the driver decodes, nothing checked."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from bson import Int64, Timestamp
from pymongo import MongoClient, UpdateOne, WriteConcern
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
    """Read so many events of these collections with both images; events per second, the first batch left out. A thousand at a
    time by the server's own commands: the driver's cursor, which gives out one by one, takes longer."""
    images = {"fullDocument": "whenAvailable", "fullDocumentBeforeChange": "whenAvailable"}
    pipeline = [
        {"$changeStream": {**images, "startAtOperationTime": since}},
        {"$match": {"ns.coll": {"$in": list(collections)}}},
    ]
    opened = database.command({"aggregate": 1, "pipeline": pipeline, "cursor": {"batchSize": 0}})
    cursor = Int64(opened["cursor"]["id"])
    more = {"getMore": cursor, "collection": "$cmd.aggregate", "batchSize": 1000, "maxTimeMS": 20}
    first = done = 0
    began = seen_at = time.monotonic()
    while done < count:
        found = len(database.command(more)["cursor"]["nextBatch"])
        done += found
        if found:
            seen_at = time.monotonic()
        elif time.monotonic() - seen_at > PATIENCE:
            raise TimeoutError(f"{count - done} events have not come")
        if found and not first:
            first, began = found, seen_at
    rate = (done - first) / (seen_at - began)
    database.command({"killCursors": "$cmd.aggregate", "cursors": [cursor]})
    return rate


def read_all(database: Database[Any], collections: Sequence[str]) -> int:
    """Every document; how many."""
    return sum(len(list(database[name].find(batch_size=10_000))) for name in collections)
