"""Once everything has crossed, both logs are silent: heartbeats by the clock, and nothing else."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from typing import Any

from bson import ObjectId
from bson.timestamp import Timestamp

from tests.engine import Engine

#: Seconds that are watched.
WATCHED = 9.0
#: A worker's checkpoint moves every 2 s, and it says every 4 s how it is (into MySQL).
BEATS, REPORTS = WATCHED / 2 + 2, 2 * (WATCHED / 4 + 2)


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
