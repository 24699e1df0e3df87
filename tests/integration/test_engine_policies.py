"""Each policy of lockstep.toml on real servers, whichever side wrote first: what stands, what lost, what the report says."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from pymysql.cursors import Cursor

from backend.analytics.sample import Sample
from sync.model.change import Side
from tests.engine import Engine
from tests.plain import Doc
from tests.site import Site

#: Seconds: the resolution of MariaDB's commit times, and a little.
APART = 1.1

RULES = """
import time

def slow(question):
    time.sleep(0.4)
    return "mysql"

def longer(question):
    return "mysql" if len(question["mysql"]) > len(question["mongo"]) else "mongo"

def fails(question):
    raise ValueError(question["mysql"])
"""

#: Policies for the sample's fields: line of the mapping -> the same with a policy.
POLICIES = {
    "[collections.accounts]\n": '[collections.accounts]\npolicy = "first_write_wins"\n',
    'limit = { column = "limit", codec = "int32" }': 'limit = { column = "limit", codec = "int32", policy = "delta" }',
    'transaction_count = { column = "transaction_count", codec = "int32" }': (
        'transaction_count = { column = "transaction_count", codec = "int32", policy = "min" }'
    ),
    'bucket_end_date = { column = "bucket_end_date", codec = "date" }': (
        'bucket_end_date = { column = "bucket_end_date", codec = "date", policy = "max" }'
    ),
    "[collections.transactions]\n": "[collections.transactions]\npolicies = {"
    ' update_differs = "mongo_wins", insert_exists = "mysql_wins", delete_differs = "mysql_wins" }\n',
    'name = { column = "name", codec = "string" }': (
        'name = { column = "name", codec = "string", policy = { function = "shop_rules.longer" } }'
    ),
    'address = { column = "address", codec = "string" }': (
        'address = { column = "address", codec = "string", policy = { function = "shop_rules.fails" } }'
    ),
    'table = "analytics_accountproduct"': 'table = "analytics_accountproduct"\npolicy = "append"',
    'table = "analytics_customerbenefit"': 'table = "analytics_customerbenefit"\npolicy = "union"',
}


def started(site: Site, folder: Path, changes: dict[str, str]) -> Engine:
    """Both workers at work under a mapping that is changed so."""
    text = site.config_path.read_text()
    for line, changed in changes.items():
        assert text.count(line) >= 1, line
        text = text.replace(line, changed, 1)
    site.config_path = folder / "lockstep.toml"
    site.config_path.write_text(text)
    (folder / "shop_rules.py").write_text(RULES)
    engine = Engine(site, folder)
    engine.prepare()
    engine.start()
    return engine


@pytest.fixture
def under(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """With all of `POLICIES`."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    made = started(site, tmp_path, POLICIES)
    yield made
    made.close()


def of(name: str, number: int = 0) -> Doc:
    """A document of the sample with an `_id` of its own."""
    return {**next(iter(Sample.of(1, number).documents(name))), "_id": ObjectId()}


def both(engine: Engine, edits: list[tuple[str, Doc, Doc | None, Doc | None, Side]]) -> None:
    """Of each document two versions, MySQL's and MongoDB's, which meet: neither writer sees the other's. The last is who
    writes first."""
    for worker in ("follower", "listener"):
        engine.kill(worker)
    for first in (True, False):
        for name, found, mysql, mongo, side in edits:
            if (side is Side.MYSQL) is first:
                engine.write_mysql(name, found or None, mysql)
            elif mongo is None:
                engine.mongo[name].delete_one({"_id": found["_id"]})
            else:
                engine.mongo[name].replace_one({"_id": mongo["_id"]}, mongo, upsert=True)
        time.sleep(APART)
    engine.start()


def decided(engine: Engine, key: ObjectId) -> dict[str, Any]:
    """What the report says of the document's places, by column; and `lost`, what lost."""
    with engine.mysql.cursor() as cursor:
        cursor.execute(
            "SELECT d.fields, d.losers, d.policy FROM sync_conflict_detail d JOIN sync_conflict c ON c.id = d.conflict_id"
            " WHERE c.document_id = %s AND c.open_key IS NULL",
            (str(key),),
        )
        ((fields, losers, policy),) = cursor.fetchall()
    places = {one["column"]: one for one in json.loads(fields)}
    return {**places, "lost": {one["column"]: one["value"] for one in json.loads(losers)}, "policy": policy}


def test_each_field_goes_as_its_policy_says(under: Engine) -> None:
    """Documents of which MySQL's user wrote first, and such of which MongoDB's did."""
    accounts = [of("accounts", number) | {"limit": 100, "account_id": 5, "products": ["a", "b"]} for number in range(2)]
    buckets = [of("transactions", number) for number in range(4)]
    customers = [of("customers", number) | {"name": "Ann"} for number in range(2)]
    tier = {"id": "t", "tier": "Gold", "active": True, "benefits": ["a", "b"]}
    for customer in customers:
        customer |= {"tier_and_details": {"t": tier}, "accounts": [1, 2, 3]}
    for name, documents in (("accounts", accounts), ("transactions", buckets), ("customers", customers)):
        under.mongo[name].insert_many(documents)
    under.settle()
    edits: list[tuple[str, Doc, Doc | None, Doc | None, Side]] = []
    for side, account in zip(Side, accounts, strict=True):
        ours = {"limit": 101, "account_id": 6, "products": ["a", "b", "mine"]}
        theirs = {"limit": 101, "account_id": 7, "products": ["a", "b", "theirs"]}
        edits.append(("accounts", account, account | ours, account | theirs, side))
    earlier, later = buckets[0]["bucket_start_date"], buckets[0]["bucket_end_date"]
    for side, bucket in zip((*Side, *Side), buckets, strict=True):
        low = {"transaction_count": 3, "bucket_end_date": earlier, "account_id": 11}
        high = {"transaction_count": 9, "bucket_end_date": later.replace(year=2099), "account_id": 12}
        mine, theirs = (low, high) if side is Side.MYSQL else (high, low)
        edits.append(("transactions", bucket, bucket | mine, bucket | theirs, side))
    gone = edits.pop()
    edits.append((*gone[:3], None, gone[4]))
    for side, customer in zip(Side, customers, strict=True):
        mine = customer | {
            "name": "Anna",
            "accounts": [0, 1, 2, 3],
            "tier_and_details": {"t": tier | {"benefits": ["a", "b", "mine"]}},
        }
        theirs = customer | {
            "name": "Annabel",
            "accounts": [1, 3, 4],
            "tier_and_details": {"t": tier | {"benefits": ["b", "theirs"]}},
        }
        edits.append(("customers", customer, mine, theirs, side))
    both(under, edits)
    under.meet()
    final = under.assert_equal()
    for name, found, mysql, mongo, side in edits:
        one = final[name][str(found["_id"])]
        assert mysql is not None
        told = decided(under, found["_id"])
        if name == "accounts":
            wins = mysql if side is Side.MYSQL else mongo
            assert wins is not None
            assert (one["limit"], one["account_id"]) == (102, wins["account_id"]), "two increments; the first write"
            assert (told["limit"]["winner"], told["limit"]["own"], told["limit"]["policy"]) == (None, 102, "delta")
            assert told["account_id"]["policy"] == "first_write_wins"
            elements = ["mine", "theirs"] if side is Side.MYSQL else ["theirs", "mine"]
            assert one["products"] == ["a", "b", *elements], "by time"
            assert (told["lost"], told["policy"]) == ({"account_id": 13 - wins["account_id"]}, "several")
        elif mongo is None:
            assert one == mysql, "MySQL wins against a delete"
        elif name == "transactions":
            assert (one["transaction_count"], one["bucket_end_date"].year) == (3, 2099), "the least; the latest"
            assert one["account_id"] == mongo["account_id"], "MongoDB wins where both updated"
            policies = {
                column: told[column]["policy"] for column in ("transaction_count", "bucket_end_date", "account_id")
            }
            assert policies == {"transaction_count": "min", "bucket_end_date": "max", "account_id": "mongo_wins"}
        else:
            assert one["name"] == "Annabel", "the longer one, says the function"
            assert one["accounts"] == [0, 1, 3, 4], "put together without any policy"
            assert one["tier_and_details"]["t"]["benefits"] == ["b", "mine", "theirs"]
            assert (told["name"]["policy"], told["lost"]) == ("custom shop_rules.longer", {"name": "Anna"})


def test_documents_that_both_sides_inserted_have_a_policy_of_their_own(under: Engine) -> None:
    """Also where the same fields go otherwise once they are there."""
    inserted = of("transactions") | {"account_id": 1, "transaction_count": 5}
    other = inserted | {"account_id": 2}
    both(under, [("transactions", {}, inserted, other, Side.MYSQL)])
    under.meet()
    assert under.assert_equal()["transactions"][str(inserted["_id"])]["account_id"] == 1
    assert decided(under, inserted["_id"])["account_id"]["policy"] == "mysql_wins"


def test_a_function_that_fails_leaves_its_document_waiting(under: Engine) -> None:
    """With the reason and without the value; others go on, and a person decides."""
    customer = of("customers")
    under.mongo["customers"].insert_one(customer)
    under.settle()
    both(under, [("customers", customer, customer | {"address": "1"}, customer | {"address": "22"}, Side.MYSQL)])
    reason = "SELECT waiting_for FROM sync_conflict_detail WHERE waiting_for IS NOT NULL"
    under.until(lambda: under.value(reason) is not None)
    assert under.value(reason) == "a person, or the policy's function: shop_rules.fails: ValueError"
    under.settle()
    done = under.site.lockstep("repair", "--collection", "customers", "--id", str(customer["_id"]), "--from", "mongo")
    assert done.returncode == 0
    under.meet()
    assert under.assert_equal()["customers"][str(customer["_id"])]["address"] == "22"


def with_function(site: Site, folder: Path, name: str, settings: str = "") -> Engine:
    """Both workers at work; `address` is decided by this function."""
    line = 'address = { column = "address", codec = "string" }'
    changed = line.replace(" }", f', policy = {{ function = "shop_rules.{name}", seconds = 2 }} }}')
    return started(site, folder, {line: changed, "[lockstep]\n": f"[lockstep]\n{settings}\n"})


def meet_in_address(engine: Engine, customers: list[Doc], *, beside: Doc | None = None) -> None:
    """Both sides write it, and the follower is away until all are held. `beside`: one that no function decides is the last."""
    met = [(one, "address") for one in customers] + ([(beside, "username")] if beside else [])
    engine.mongo["customers"].insert_many([one for one, _ in met])
    engine.settle()
    engine.kill("follower")
    for one, field in met:
        engine.write_mysql("customers", one, one | {field: "here"})
        engine.mongo["customers"].update_one({"_id": one["_id"]}, {"$set": {field: "there"}})
    engine.until(lambda: engine.held() == len(met))
    engine.start("follower")


def test_a_rule_decides_what_a_function_does_not(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once it has waited for so long; the function is tried again before, and nothing of that counts from the start."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    engine = with_function(site, tmp_path, "fails", 'undecided_after_hours = 2\nundecided = "mysql_wins"')
    try:
        customer = of("customers")
        meet_in_address(engine, [customer])
        looks, since = "SELECT looks FROM sync_conflict_detail", "SELECT asked_at FROM sync_conflict_detail"
        engine.until(lambda: engine.value(since) is not None)
        first, before = engine.value(since), engine.value(looks)
        engine.until(lambda: engine.value(looks) >= before + 2)
        assert (engine.value(since), engine.held()) == (first, 1)
        with site.mysql("admin").cursor() as cursor:
            cursor.execute("UPDATE sync_conflict_detail SET asked_at = asked_at - INTERVAL 3 HOUR")
        engine.until(lambda: engine.held() == 0)
        assert engine.assert_equal()["customers"][str(customer["_id"])]["address"] == "here"
        (row,) = engine.conflicts("settled")
        shown = site.lockstep_json("conflicts", "show", str(row["id"]))
        assert shown["resolution"] == {"by": "timeout", "policy": "mysql_wins"}
    finally:
        engine.close()


def test_a_slow_function_holds_up_nobody_else(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other collections cross, and other documents of the same collection settle, while it decides many one by one."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    engine = with_function(site, tmp_path, "slow")
    try:
        customers = [of("customers", number) for number in range(40)]
        beside = of("customers", 40)
        meet_in_address(engine, customers, beside=beside)
        is_open = "SELECT COUNT(*) FROM sync_conflict WHERE document_id = %s AND open_key IS NOT NULL"
        began, longest, left = time.monotonic(), 0.0, list[int]()
        while engine.held() and time.monotonic() < began + 120:
            crossing = time.monotonic()
            engine.cross(Side.MYSQL)
            longest = max(longest, time.monotonic() - crossing)
            if not left and not engine.value(is_open, str(beside["_id"])):
                left.append(engine.held())
        assert engine.held() == 0
        assert longest < 5
        assert left[0] > len(customers) // 2, "what needs no function need not wait for those that do"
        equal = engine.assert_equal()["customers"]
        assert {equal[str(one["_id"])]["address"] for one in customers} == {"here"}
        assert engine.value("SELECT COUNT(*) FROM sync_conflict WHERE look_id IS NOT NULL") == 0
    finally:
        engine.close()


def test_a_function_that_cannot_be_called_is_told_at_the_start(stopped_engine: Engine, tmp_path: Path) -> None:
    """By the follower, before it decides anything; and by doctor."""
    engine = stopped_engine
    text = engine.site.config_path.read_text()
    line = "[collections.accounts]\n"
    engine.site.config_path = tmp_path / "lockstep.toml"
    engine.site.config_path.write_text(text.replace(line, f'{line}policy = {{ function = "shop_nothing.pick" }}\n'))
    engine.prepare()
    done = engine.site.lockstep("follow", check=False)
    assert done.returncode == 3
    assert "No module named 'shop_nothing'" in done.stdout + done.stderr
    done = engine.site.lockstep("doctor", check=False)
    assert "No module named 'shop_nothing'" in done.stdout + done.stderr


def test_increments_from_both_sides_all_count(under: Engine) -> None:
    """Hundreds, at the same time, while workers are killed; beside a field that others keep in conflict."""
    account = of("accounts") | {"limit": 0, "account_id": 0, "products": []}
    key = account["_id"]
    under.mongo["accounts"].insert_one(account)
    under.settle()
    steps = 150

    def in_mysql() -> None:
        connection = under.site.mysql("app")
        for number in range(steps):
            again(
                lambda n=number: connection.cursor().execute(  # type: ignore[misc]
                    "UPDATE analytics_account SET `limit` = `limit` + 1, account_id = %s WHERE id = %s", (n, str(key))
                )
            )

    def in_mongo() -> None:
        for number in range(steps):
            under.mongo["accounts"].update_one({"_id": key}, {"$inc": {"limit": 10}, "$set": {"account_id": -number}})

    with ThreadPoolExecutor(2) as threads:
        working = [threads.submit(one) for one in (in_mysql, in_mongo)]
        for victim in ("follower", "listener", "follower"):
            under.kill(victim)
            under.start(victim)
        for one in working:
            one.result()
    under.meet()
    assert under.assert_equal()["accounts"][str(key)]["limit"] == steps * 11


def again(write: Callable[[], object]) -> None:
    """As applications do after a deadlock."""
    while True:
        try:
            write()
        except Exception as error:
            if error.args[0] not in (1205, 1213):
                raise
        else:
            return


def test_rows_may_be_decided_whole(site: Site, tmp_path: Path) -> None:
    """Edits of different fields meet, the last one has all of the row; parts below it are rows of their own."""
    line = "[collections.accounts]\n"
    engine = started(site, tmp_path, {line: f'{line}granularity = "row"\n'})
    try:
        accounts = [of("accounts", number) | {"limit": 1, "account_id": 1} for number in range(2)]
        engine.mongo["accounts"].insert_many(accounts)
        engine.settle()
        both(
            engine,
            [
                ("accounts", account, account | {"limit": 2}, account | {"account_id": 2}, side)
                for side, account in zip(Side, accounts, strict=True)
            ],
        )
        engine.meet()
        final = engine.assert_equal()["accounts"]
        found = [(final[str(one["_id"])]["limit"], final[str(one["_id"])]["account_id"]) for one in accounts]
        assert found == [(1, 2), (2, 1)]
        assert [decided(engine, one["_id"])["lost"] for one in accounts] == [{"limit": 2}, {"account_id": 2}]
    finally:
        engine.close()


def test_the_clocks_are_compared(under: Engine) -> None:
    """Both servers stand on one machine: the difference is none that can be told, and the follower says so."""
    account = of("accounts")
    under.mongo["accounts"].insert_one(account)
    under.settle()
    both(under, [("accounts", account, account | {"account_id": -1}, account | {"account_id": -2}, Side.MYSQL)])
    under.meet()

    def clocks() -> dict[str, float] | None:
        details = json.loads(under.value("SELECT details FROM sync_worker WHERE name = 'follower'"))
        known: dict[str, float] | None = details["clocks"]
        return known

    under.until(lambda: clocks() is not None)
    known = clocks()
    assert known is not None
    assert abs(known["mysql_ahead_ms"]) <= known["error_ms"]


def test_elements_that_both_sides_append_are_each_there_once(under: Engine) -> None:
    """Dozens, at the same time, while workers are killed."""
    account = of("accounts") | {"products": []}
    key = account["_id"]
    under.mongo["accounts"].insert_one(account)
    under.settle()
    count = 40

    def in_mysql() -> None:
        connection = under.site.mysql("app")
        for number in range(count):
            again(lambda n=number: _append(connection.cursor(), key, f"mysql {n}"))  # type: ignore[misc]

    def in_mongo() -> None:
        for number in range(count):
            under.mongo["accounts"].update_one({"_id": key}, {"$push": {"products": f"mongo {number}"}})

    with ThreadPoolExecutor(2) as threads:
        working = [threads.submit(one) for one in (in_mysql, in_mongo)]
        for victim in ("follower", "listener"):
            under.kill(victim)
            under.start(victim)
        for one in working:
            one.result()
    under.meet()
    products = under.assert_equal()["accounts"][str(key)]["products"]
    assert sorted(products) == sorted(f"{side} {number}" for side in ("mysql", "mongo") for number in range(count))


def _append(cursor: Cursor, key: ObjectId, product: str) -> None:
    """As one statement, which another writer cannot come between."""
    cursor.execute(
        "INSERT INTO analytics_accountproduct (account_oid, position, product) SELECT %s, COALESCE(MAX(position) + 1, 0), %s"
        " FROM analytics_accountproduct WHERE account_oid = %s FOR UPDATE",
        (str(key), product, str(key)),
    )
