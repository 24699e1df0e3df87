"""1,000 corruptions of 20 kinds that no stream carries are all found, and nothing else, while people write.

In MySQL a session with sql_log_bin = 0 stays out of the binlog. A write to MongoDB always stands in its log; but what the
follower's own account writes is left out of the listener's stream by the server. That is what a client that uses this account
against the advice, or a fault of the follower, would do.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from random import Random

import pytest
from bson import Int64, ObjectId
from pymongo.database import Database
from pymysql.cursors import Cursor

from backend.analytics.sample import Sample
from deploy.local.mysql_binary import Flavour
from sync.model.change import Side
from sync.model.report import VerifyReport
from sync.reconcile.progress import silent
from tests import plain
from tests.both_sides import Editor
from tests.engine import Engine
from tests.plain import Doc

#: Of each kind.
EACH = 50
#: Clean runs under load; the long form: LOCKSTEP_VERIFY_RUNS=100.
RUNS = int(os.environ.get("LOCKSTEP_VERIFY_RUNS", "3"))


@pytest.fixture
def flavour() -> Flavour:
    """Whether two sets of rows are equal is told without a server; reading on both families has its own tests."""
    return Flavour.MYSQL


def sql(statement: str) -> Callable[[Cursor, Database[Doc], str], None]:
    def corrupt(cursor: Cursor, _: Database[Doc], key: str) -> None:
        cursor.execute(statement, {"key": key})
        assert cursor.rowcount > 0

    return corrupt


def update(changes: dict[str, object]) -> Callable[[Cursor, Database[Doc], str], None]:
    def corrupt(_: Cursor, mongo: Database[Doc], key: str) -> None:
        assert mongo["customers"].update_one({"_id": ObjectId(key)}, changes).modified_count == 1

    return corrupt


def deleted(_: Cursor, mongo: Database[Doc], key: str) -> None:
    assert mongo["customers"].delete_one({"_id": ObjectId(key)}).deleted_count == 1


def reborn(_: Cursor, mongo: Database[Doc], key: str) -> None:
    """Under a key of another type, which rows cannot hold."""
    document = mongo["customers"].find_one({"_id": ObjectId(key)})
    assert document is not None
    mongo["customers"].insert_one(document | {"_id": f"of another type {key}"})


#: Each makes one customer differ, which has two accounts and a tier "t" with the benefits a and b. Twenty.
KINDS: dict[str, Callable[[Cursor, Database[Doc], str], None]] = {
    "mysql: a blank more": sql("UPDATE analytics_customer SET name = CONCAT(name, ' ') WHERE id = %(key)s"),
    "mysql: another case": sql("UPDATE analytics_customer SET username = UPPER(username) WHERE id = %(key)s"),
    "mysql: a millisecond": sql(
        "UPDATE analytics_customer SET birthdate = birthdate + INTERVAL 1000 MICROSECOND WHERE id = %(key)s"
    ),
    "mysql: a flag flipped": sql("UPDATE analytics_customer SET active = 1 - active WHERE id = %(key)s"),
    "mysql: NULL": sql("UPDATE analytics_customer SET active = NULL WHERE id = %(key)s"),
    "mysql: a list's element": sql(
        "UPDATE analytics_customeraccount SET account_id = account_id + 1 WHERE customer_id = %(key)s AND position = 1"
    ),
    "mysql: a list's end lost": sql(
        "DELETE FROM analytics_customeraccount WHERE customer_id = %(key)s AND position = 1"
    ),
    "mysql: a gap in a list": sql("DELETE FROM analytics_customeraccount WHERE customer_id = %(key)s AND position = 0"),
    "mysql: a member lost": sql(
        "DELETE FROM analytics_customerbenefit WHERE customer_id = %(key)s AND tier_key = 't' AND benefit = 'a'"
    ),
    "mysql: a document lost": sql("DELETE FROM analytics_customer WHERE id = %(key)s"),
    "mongo: a field": update({"$set": {"email": "nobody@example.com"}}),
    "mongo: another type": update({"$set": {"accounts.0": Int64(1)}}),
    "mongo: a field lost": update({"$unset": {"address": ""}}),
    "mongo: null": update({"$set": {"active": None}}),
    "mongo: an element more": update({"$push": {"accounts": 5}}),
    "mongo: a list's order": update({"$set": {"accounts": [2, 1]}}),
    "mongo: a map's key": update({"$rename": {"tier_and_details.t": "tier_and_details.u"}}),
    "mongo: a member more": update({"$push": {"tier_and_details.t.benefits": "c"}}),
    "mongo: a document lost": deleted,
    "mongo: a document more": reborn,
}


def customers(number: int) -> list[Doc]:
    tier = {"t": {"id": "t", "tier": "Gold", "active": True, "benefits": ["a", "b"]}}
    return [
        one | {"active": True, "accounts": [1, 2], "tier_and_details": tier}
        for one in Sample.of(number, 7).documents("customers")
    ]


def editors(engine: Engine, seed: str, documents: int) -> list[Editor]:
    """Of so many documents of their own in each of two collections, which both sides edit."""
    keys = {name: [ObjectId() for _ in range(documents)] for name in ("customers", "accounts")}
    return [Editor(engine, side, keys, seed) for side in Side]


def under_load(engine: Engine, work: Callable[[], None], documents: int = 10) -> None:
    """While both sides write so many documents of two collections."""
    stop = threading.Event()
    with ThreadPoolExecutor(2) as threads:
        people = [
            threads.submit(one.run, 10**9, stop, 0.005) for one in editors(engine, str(time.time_ns()), documents)
        ]
        try:
            work()
        finally:
            stop.set()
        for one in people:
            one.result()


def told(report: VerifyReport) -> set[str]:
    return {str(one.document.key) for one in report.differences if not one.held}


def test_every_corruption_is_found_and_nothing_else(engine: Engine) -> None:
    """Once as they are made, and once more after a run that found both sides equal and kept its digests."""
    documents = customers(EACH * len(KINDS) + 100)
    for start in range(0, len(documents), 200):
        engine.mongo["customers"].insert_many(documents[start : start + 200])
        engine.settle()
    assert (EACH * len(KINDS), len(KINDS)) == (1000, 20)
    keys = [str(one["_id"]) for one in documents]
    Random(1).shuffle(keys)
    wanted: set[str] = set()

    def corrupt_and_verify() -> None:
        with engine.site.wiring() as wiring:
            assert told(wiring.verify((), silent)) == set()
            with engine.site.mysql("admin").cursor() as cursor:
                cursor.execute("SET SESSION sql_log_bin = 0, foreign_key_checks = 0")
                for corrupt in KINDS.values():
                    for _ in range(EACH):
                        key = keys.pop()
                        corrupt(cursor, engine.site.mongo("follower"), key)
                        wanted.add(f'?"of another type {key}"' if corrupt is reborn else key)
            assert told(wiring.verify((), silent)) == wanted

    under_load(engine, corrupt_and_verify)
    assert len(wanted) == 1000


def test_clean_runs_under_load_raise_no_alarm(engine: Engine) -> None:
    """Both sides edit the same documents: what is on its way, met or held is no difference. Of a few that are edited all the
    time little can be told but that; of many that are edited now and then most are compared."""
    seen = busy = 0

    def verify() -> None:
        nonlocal seen, busy
        with engine.site.wiring() as wiring:
            for number in range(RUNS):
                report = wiring.verify((), silent, anew=number % 2 == 0)
                assert told(report) == set()
                seen += report.documents
                busy += len(report.busy) + len(report.differences)

    under_load(engine, verify)
    seen = busy = 0
    under_load(engine, verify, documents=300)
    assert seen > 0
    assert busy < seen / 2
    engine.meet()
    with engine.site.wiring() as wiring:
        report = wiring.verify((), silent)
    assert (report.differences, report.busy) == ((), ())
    with engine.mysql.cursor() as cursor:
        assert plain.in_mysql(cursor) == plain.in_mongo(engine.mongo)


def test_a_date_is_all_that_a_millisecond_needs(engine: Engine) -> None:
    """The smallest step of a date that both sides hold is one that verify sees, though a second reading is the same."""
    document = customers(1)[0]
    engine.mongo["customers"].insert_one(document)
    engine.settle()
    later = document["birthdate"] + timedelta(milliseconds=1)
    engine.site.mongo("follower")["customers"].update_one({"_id": document["_id"]}, {"$set": {"birthdate": later}})
    with engine.site.wiring() as wiring:
        (found,) = wiring.verify((), silent).differences
        (again,) = wiring.verify((), silent).differences
    assert found.fields is not None
    (field,) = found.fields
    assert (field.column, field.mysql, field.mongo) == ("birthdate", document["birthdate"], later)
    assert again.first_seen == found.first_seen
