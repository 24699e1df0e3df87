"""The workers write no more than they must, however much meets; and once everything has crossed, both logs are silent:
heartbeats by the clock, and nothing else."""

from __future__ import annotations

import json
import os
import re
import time
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from bson import ObjectId
from bson.timestamp import Timestamp
from pymysqlreplication import BinLogStreamReader
from pymysqlreplication.row_event import DeleteRowsEvent, UpdateRowsEvent, WriteRowsEvent

from sync.model.change import Side
from tests.engine import Engine
from tests.plain import Doc

#: Seconds that are watched.
WATCHED = 9.0
#: A worker's checkpoint moves every 2 s, and it says every 4 s how it is (into MySQL).
BEATS, REPORTS = WATCHED / 2 + 2, 2 * (WATCHED / 4 + 2)


#: Edits of both sides, of so many documents. The long form: LOCKSTEP_EDITS=100000.
EDITS, DOCUMENTS = int(os.environ.get("LOCKSTEP_EDITS", "4000")), 200
#: Writes that each conflict may take beside those that carry what people write.
PER_CONFLICT = 4


def tables_in_binlog(engine: Engine, file: str, offset: int) -> Counter[str]:
    """How many row events of each table stand behind a place in the log."""
    with engine.site.mysql("admin").cursor() as cursor:
        cursor.execute(f"SHOW BINLOG EVENTS IN '{file}' FROM {offset}")
        maps = [str(row[5]) for row in cursor.fetchall() if row[2] == "Table_map"]
    return Counter(".".join(re.findall(r"\(`?(\w+)`?\.`?(\w+)`?\)", text)[0]) for text in maps)


def names_in_oplog(engine: Engine, after: Timestamp) -> Counter[str]:
    """How many operations on each collection stand behind a time in the log."""
    entries = engine.oplog({"ts": {"$gt": after}, "op": {"$ne": "n"}})
    return Counter(one["ns"] for entry in entries for one in entry["o"].get("applyOps", [entry]))


def test_both_logs_fall_silent(engine: Engine) -> None:
    """After edits both ways and a held document: only checkpoints and reports, by the clock."""
    document = {"_id": ObjectId(), "account_id": 1, "limit": 0, "products": []}
    engine.mongo["accounts"].insert_one(document)
    engine.settle()
    for limit in range(1, 50):
        engine.mongo["accounts"].update_one({"_id": document["_id"]}, {"$set": {"limit": limit}})
        with engine.mysql.cursor() as cursor:
            cursor.execute("UPDATE analytics_account SET account_id = %s WHERE id = %s", (limit, str(document["_id"])))
    engine.settle()
    assert_silent(engine)


@pytest.mark.timeout(3600)
@pytest.mark.filterwarnings("ignore:'(db|passwd)' is deprecated:DeprecationWarning")  # how the library connects
def test_no_more_is_written_than_carries_and_settles(engine: Engine) -> None:
    """After thousands of mixed edits with conflicts the workers have written each document as often as people did at most,
    and a few times more for each conflict: no write of theirs comes round again."""
    binlog, oplog = engine.end_of_binlog(), engine.end_of_oplog()
    edit_at_random(engine)
    engine.meet(60 + EDITS / 100)
    engine.assert_equal()
    written = Counter(by_worker for by_worker, _ in documents_in_binlog(engine, binlog))
    written.update(by_worker for by_worker, _ in documents_in_oplog(engine, oplog))
    people, workers = written[False], written[True]
    conflicts = int(engine.value("SELECT COUNT(*) FROM sync_conflict"))
    assert people >= EDITS * 0.7, "hardly anything was written"
    assert conflicts > 0
    assert workers <= people + PER_CONFLICT * conflicts, (people, workers, conflicts)
    assert_silent(engine)


def edit_at_random(engine: Engine) -> None:
    """Updates of either field, of the list, deletes and inserts, on either side."""
    random, keys = Random(EDITS), [ObjectId() for _ in range(DOCUMENTS)]
    accounts = engine.mongo["accounts"]
    accounts.insert_many([{"_id": key, "account_id": 0, "limit": 0, "products": []} for key in keys])
    engine.settle()
    with engine.mysql.cursor() as cursor:
        for number in range(EDITS):
            key = random.choice(keys)
            field = random.choice(("limit", "account_id"))
            what, side = random.randrange(40), random.choice(list(Side))
            if what == 0:
                whole: Doc = {"_id": key, "account_id": number, "limit": number, "products": [str(number)]}
                accounts.replace_one({"_id": key}, whole, upsert=True)
            elif what == 1 and side is Side.MONGO:
                accounts.delete_one({"_id": key})
            elif what == 2 and side is Side.MONGO:
                accounts.update_one({"_id": key}, {"$push": {"products": str(number)}})
            elif side is Side.MONGO:
                accounts.update_one({"_id": key}, {"$set": {field: number}})
            else:
                cursor.execute(f"UPDATE analytics_account SET `{field}` = %s WHERE id = %s", (number, str(key)))


def documents_in_binlog(engine: Engine, begin: tuple[str, int]) -> Iterator[tuple[bool, str]]:
    """Each document of `accounts` that a transaction wrote, and whether the listener did: its checkpoint is in it."""
    reader = BinLogStreamReader(
        connection_settings=engine.site.admin_settings(),
        server_id=7_000_003,
        log_file=begin[0],
        log_pos=begin[1],
        resume_stream=True,
        only_schemas=[engine.site.database],
    )
    found: set[str] = set()
    tagged = False
    try:
        for event in reader:
            if isinstance(event, WriteRowsEvent | UpdateRowsEvent | DeleteRowsEvent):
                if event.table == "sync_checkpoint":
                    tagged = True
                for row in event.rows:
                    values = row.get("values") or row["after_values"]
                    if event.table == "analytics_account":
                        found.add(str(values["id"]))
                    elif event.table == "analytics_accountproduct":
                        found.add(str(values["account_oid"]))
            elif type(event).__name__ in ("XidEvent", "GtidEvent", "MariadbGtidEvent"):
                yield from ((tagged, key) for key in found)
                found, tagged = set(), False
    finally:
        reader.close()
    yield from ((tagged, key) for key in found)


def documents_in_oplog(engine: Engine, after: Timestamp) -> Iterator[tuple[bool, str]]:
    """The same of `accounts` in MongoDB: the follower's transactions move its checkpoint."""
    name = engine.site.database
    for entry in engine.oplog({"ts": {"$gt": after}, "op": {"$ne": "n"}}):
        operations = entry["o"].get("applyOps", [entry])
        tagged = any(one["ns"] == f"{name}.sync_checkpoint" for one in operations)
        keys = {
            str((one.get("o2") or one["o"])["_id"])
            for one in operations
            if one["ns"] == f"{name}.accounts" and one["op"] in ("i", "u", "d")
        }
        yield from ((tagged, key) for key in keys)


def assert_silent(engine: Engine) -> None:
    """From now on."""
    assert_by_positions(engine)
    file, offset = engine.end_of_binlog()
    end = engine.end_of_oplog()
    time.sleep(WATCHED)
    database = engine.site.database
    written = tables_in_binlog(engine, file, offset)
    assert written.keys() <= {f"{database}.sync_checkpoint", f"{database}.sync_worker"}, written
    assert 0 < written[f"{database}.sync_checkpoint"] <= BEATS
    assert 0 < written[f"{database}.sync_worker"] <= REPORTS
    operations = names_in_oplog(engine, end)
    operations = Counter({name: count for name, count in operations.items() if name.startswith(f"{database}.")})
    assert operations.keys() == {f"{database}.sync_checkpoint"}, operations
    assert operations[f"{database}.sync_checkpoint"] <= BEATS


def assert_by_positions(engine: Engine) -> None:
    """Both workers come past the ends of both logs as they are now (design section 5): silence alone proves nothing."""
    file, offset = engine.end_of_binlog()
    end = engine.end_of_oplog()

    def follower_passed() -> bool:
        checkpoint = engine.site.mongo("admin")["sync_checkpoint"].find_one({"_id": "follower"})
        assert checkpoint is not None
        position: Any = checkpoint["position"]
        return (str(position["file"]), int(position["offset"])) >= (file, offset)

    def listener_passed() -> bool:
        position = json.loads(engine.value("SELECT position FROM sync_checkpoint WHERE name = 'listener'"))
        return (position["time"], position["increment"]) >= (end.time, end.inc)

    engine.until(lambda: follower_passed() and listener_passed())
