"""Documents that both sides edit at once settle by themselves, on both sides alike, whatever else happens."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest
from bson import ObjectId

from backend.analytics.sample import Sample
from sync.errors import CommandRefused
from sync.model.change import DocumentId, Side
from sync.model.mapping import Policy
from tests import plain
from tests.both_sides import Editor
from tests.engine import Engine, at_work
from tests.plain import Doc
from tests.site import Site

#: Edits of both sides in all, over so many documents. The long form: LOCKSTEP_MEETINGS=20000.
EDITS = int(os.environ.get("LOCKSTEP_MEETINGS", "2000"))
DOCUMENTS = 50
#: Seconds for all meetings to end.
PATIENCE = 120.0


@pytest.fixture
def seed(record_property: object) -> str:
    """Printed where a test fails; LOCKSTEP_SEED gives it again."""
    value = os.environ.get("LOCKSTEP_SEED") or str(time.time_ns())
    print(f"LOCKSTEP_SEED={value}")  # noqa: T201 - pytest shows it with a failure
    return value


def editors(engine: Engine, seed: str) -> list[Editor]:
    keys = {
        "customers": [ObjectId() for _ in range(DOCUMENTS // 2)],
        "accounts": [ObjectId() for _ in range(DOCUMENTS - DOCUMENTS // 2)],
    }
    return [Editor(engine, side, keys, seed) for side in Side]


def edit(people: list[Editor], edits: int) -> None:
    with ThreadPoolExecutor(2) as threads:
        for done in threads.map(lambda one: one.run(edits // 2), people):
            assert done is None


@pytest.fixture
def under(site: Site, tmp_path: Path, policy: Policy) -> Iterator[Engine]:
    """Both workers at work, the collections under this policy."""
    config = tmp_path / "lockstep.toml"
    text = site.config_path.read_text()
    for name in ("customers", "accounts"):
        head = f"[collections.{name}]\n"
        assert head in text
        text = text.replace(head, f'{head}policy = "{policy}"\n')
    config.write_text(text)
    site.config_path = config
    with at_work(site, tmp_path) as made:
        yield made


@pytest.mark.parametrize("policy", [Policy.MYSQL_WINS, Policy.MONGO_WINS])
def test_either_side_may_win(under: Engine, seed: str) -> None:
    """The other policies end alike: equal, no conflict open."""
    edit(editors(under, seed), EDITS)
    under.meet(PATIENCE)
    under.assert_equal()


@pytest.mark.parametrize("policy", [one for one in Policy if one is not Policy.MANUAL])
def test_who_wins_is_as_the_policy_says(under: Engine, policy: Policy) -> None:
    """Whichever side wrote first; what lost is in the report, and nothing else."""
    documents = [{"_id": ObjectId(), "account_id": 0, "limit": 0, "products": ["a"]} for _ in range(20)]
    under.mongo["accounts"].insert_many(documents)
    under.settle()
    under.kill("follower")
    under.kill("listener")
    half = len(documents) // 2
    for last in (False, True):
        for number, document in enumerate(documents):
            if (number < half) is last:
                write(under, Side.MONGO, document, -number - 1)
            else:
                write(under, Side.MYSQL, document, number + 1)
        time.sleep(1.1)  # the resolution of MariaDB's commit times
    under.start()
    under.meet()
    final = under.assert_equal()["accounts"]
    expected: dict[str, int] = {}
    for number, one in enumerate(documents):
        later = Side.MONGO if number < half else Side.MYSQL
        by_side = {Policy.MYSQL_WINS: Side.MYSQL, Policy.MONGO_WINS: Side.MONGO, Policy.FIRST_WRITE_WINS: later.other}
        winner = by_side.get(policy, later)
        expected[str(one["_id"])] = number + 1 if winner is Side.MYSQL else -number - 1
    assert {key: final[key]["limit"] for key in expected} == expected
    with under.mysql.cursor() as cursor:
        cursor.execute("SELECT losers FROM sync_conflict_detail")
        lost = sorted(loser["value"] for (text,) in cursor.fetchall() for loser in json.loads(text))
    assert lost == sorted(-value for value in expected.values())


def write(engine: Engine, side: Side, document: Doc, limit: int) -> None:
    """Edit an account's limit on one side."""
    if side is Side.MONGO:
        engine.mongo["accounts"].update_one({"_id": document["_id"]}, {"$set": {"limit": limit}})
        return
    with engine.mysql.cursor() as cursor:
        cursor.execute("UPDATE analytics_account SET `limit` = %s WHERE id = %s", (limit, str(document["_id"])))


def test_both_workers_are_killed_again_and_again(engine: Engine, seed: str) -> None:
    """SIGKILL at any moment of a meeting: a new follower clears all looks, and everything ends equal."""
    people, random = editors(engine, seed), Random(seed)
    with ThreadPoolExecutor(2) as threads:
        working = [threads.submit(one.run, EDITS // 2) for one in people]
        while not all(one.done() for one in working):
            time.sleep(random.uniform(0.05, 0.8))
            victim = random.choice(["follower", "listener"])
            engine.kill(victim)
            engine.start(victim)
        for one in working:
            one.result()
    engine.meet(PATIENCE)
    engine.assert_equal()


@pytest.mark.parametrize("late", ["follower", "listener"])
def test_a_worker_that_comes_late(engine: Engine, late: str, seed: str) -> None:
    """It was stopped for the first half: everything that met meanwhile is settled once it is there."""
    people = editors(engine, seed)
    engine.kill(late)
    edit(people, EDITS // 2)
    engine.start(late)
    edit(people, EDITS // 2)
    engine.meet(PATIENCE)
    engine.assert_equal()


def test_random_edits_of_the_same_documents(engine: Engine, seed: str) -> None:
    """Inserts, deletes, nested parts, flags that flip back and forth: equal at the end, no conflict open."""
    edit(editors(engine, seed), EDITS)
    engine.meet(PATIENCE)
    engine.assert_equal()


def waiting(engine: Engine) -> list[str]:
    """What each document that waits waits for."""
    with engine.mysql.cursor() as cursor:
        cursor.execute(
            "SELECT waiting_for FROM sync_conflict_detail d JOIN sync_conflict c ON c.id = d.conflict_id"
            " WHERE c.state = 'waiting'"
        )
        return [str(reason) for (reason,) in cursor.fetchall()]


def customer(engine: Engine) -> tuple[ObjectId, Doc]:
    """One that both sides have."""
    key = ObjectId()
    document: Doc = {**next(iter(Sample.of(1, 1).documents("customers"))), "_id": key}
    engine.mongo["customers"].insert_one(document)
    engine.settle()
    return key, document


def test_an_outcome_that_mysql_refuses_waits(engine: Engine) -> None:
    """With the reason, and holds nothing but its own document; once it is mended, it settles."""
    key, _ = customer(engine)
    engine.mongo["customers"].update_one({"_id": key}, {"$set": {"username": "u" * 5000}})
    engine.until(lambda: len(waiting(engine)) == 1)
    assert "at most 150 characters are allowed" in waiting(engine)[0]
    other, _ = customer(engine)
    engine.mongo["customers"].update_one({"_id": key}, {"$set": {"username": "short"}})
    engine.meet()
    final = engine.assert_equal()["customers"]
    assert (final[str(key)]["username"], str(other) in final) == ("short", True)
    assert engine.conflicts("settled") == []


def test_what_lost_against_an_outcome_that_mysql_refuses_is_kept(engine: Engine) -> None:
    """MongoDB has the outcome: whatever is written there next, the value that lost stays in the report."""
    key, _ = customer(engine)
    engine.kill("follower")
    engine.kill("listener")
    with engine.mysql.cursor() as cursor:
        cursor.execute("UPDATE analytics_customer SET username = 'mine' WHERE id = %s", (str(key),))
    time.sleep(1.1)  # the resolution of MariaDB's commit times
    engine.mongo["customers"].update_one({"_id": key}, {"$set": {"username": "u" * 5000}})
    engine.start()
    engine.until(lambda: len(waiting(engine)) == 1)
    engine.mongo["customers"].update_one({"_id": key}, {"$set": {"username": "short"}})
    engine.meet()
    assert engine.assert_equal()["customers"][str(key)]["username"] == "short"
    losers = engine.value("SELECT losers FROM sync_conflict_detail")
    assert ("mine", "mysql") in [(one["value"], one["side"]) for one in json.loads(losers)]


@pytest.mark.parametrize(
    ("spoil", "mend"),
    [({"$unset": {"name": ""}}, {"$set": {"name": "mended"}}), ({"$set": {"name": 5}}, {"$set": {"name": "mended"}})],
)
def test_a_document_that_rows_cannot_hold_waits(engine: Engine, spoil: Doc, mend: Doc) -> None:
    """Until somebody mends it; what MySQL's people wrote meanwhile, and what they did not, is then decided."""
    key, _ = customer(engine)
    engine.mongo["customers"].update_one({"_id": key}, spoil)
    engine.until(lambda: len(waiting(engine)) == 1)
    assert "MongoDB's document cannot be carried: name: " in waiting(engine)[0]
    with engine.mysql.cursor() as cursor:
        cursor.execute("UPDATE analytics_customer SET email = 'new@example.com' WHERE id = %s", (str(key),))
    engine.mongo["customers"].update_one({"_id": key}, mend)
    engine.meet()
    final = engine.assert_equal()["customers"][str(key)]
    assert (final["name"], final["email"]) == ("mended", "new@example.com")


def test_a_gap_in_a_list_is_closed(engine: Engine) -> None:
    """Positions count by rank: both sides hold the list that was left."""
    key = ObjectId()
    engine.mongo["accounts"].insert_one({"_id": key, "account_id": 1, "limit": 1, "products": ["a", "b", "c"]})
    engine.settle()
    with engine.mysql.cursor() as cursor:
        cursor.execute("DELETE FROM analytics_accountproduct WHERE account_oid = %s AND position = 1", (str(key),))
    engine.meet()
    assert engine.assert_equal()["accounts"][str(key)]["products"] == ["a", "c"]
    assert engine.value("SELECT MAX(position) FROM analytics_accountproduct WHERE account_oid = %s", str(key)) == 1


def test_an_edit_that_passes_a_gap_stays(engine: Engine) -> None:
    """The listener reads only the element that was edited, and carries it into a list that has a gap elsewhere."""
    key = ObjectId()
    engine.mongo["accounts"].insert_one({"_id": key, "account_id": 1, "limit": 1, "products": ["a", "b", "c"]})
    engine.settle()
    engine.kill("follower")
    with engine.mysql.cursor() as cursor:
        cursor.execute("DELETE FROM analytics_accountproduct WHERE account_oid = %s AND position = 0", (str(key),))
    engine.mongo["accounts"].update_one({"_id": key}, {"$set": {"products.2": "new"}})
    query = "SELECT product FROM analytics_accountproduct WHERE account_oid = %s ORDER BY position DESC LIMIT 1"
    engine.until(lambda: engine.value(query, str(key)) == "new")
    engine.start("follower")
    engine.meet()
    assert engine.assert_equal()["accounts"][str(key)]["products"] == ["b", "new"]


def delete(engine: Engine, key: ObjectId) -> None:
    """A customer in MySQL."""
    with engine.mysql.cursor() as cursor:
        for table in reversed(plain.TABLES["customers"]):
            column = "id" if table == "analytics_customer" else "customer_id"
            cursor.execute(f"DELETE FROM {table} WHERE {column} = %s", (str(key),))


def test_a_delete_of_what_stood_there_stays(engine: Engine) -> None:
    """Its user had seen the edit that came from the other side."""
    key, _ = customer(engine)
    engine.mongo["customers"].update_one({"_id": key}, {"$set": {"name": "edited"}})
    engine.settle()
    delete(engine, key)
    engine.meet()
    assert str(key) not in engine.assert_equal()["customers"]
    assert engine.conflicts("settled") == []


@pytest.mark.parametrize("deleted_last", [True, False])
def test_a_delete_that_an_edit_passed_goes_by_time(engine: Engine, *, deleted_last: bool) -> None:
    """The later one stands, and what it did not know of is in the report."""
    key, _ = customer(engine)
    engine.kill("follower")
    engine.kill("listener")
    for deletes in (not deleted_last, deleted_last):
        if deletes:
            delete(engine, key)
        else:
            engine.mongo["customers"].update_one({"_id": key}, {"$set": {"name": "edited"}})
        time.sleep(1.1)  # the resolution of MariaDB's commit times
    engine.start()
    engine.meet()
    final = engine.assert_equal()["customers"].get(str(key))
    assert (final is None) is deleted_last
    assert final is None or final["name"] == "edited"
    (closed,) = engine.conflicts("settled")
    losers = json.loads(engine.value("SELECT losers FROM sync_conflict_detail WHERE conflict_id = %s", closed["id"]))
    assert {(one["side"], one["value"]) for one in losers} == {
        ("mongo", "edited") if deleted_last else ("mysql", False)
    }


def test_a_person_decides_for_the_side_that_can_be_carried(engine: Engine) -> None:
    """Rows of MySQL's that nothing can be made of are replaced by the document, which stays as it is."""
    key, document = customer(engine)
    with engine.mysql.cursor() as cursor:
        cursor.execute("SET SESSION sql_mode = ''")
        cursor.execute("UPDATE analytics_customer SET birthdate = '0000-00-00' WHERE id = %s", (str(key),))
    engine.until(lambda: len(waiting(engine)) == 1)
    one = DocumentId("customers", str(key))
    with engine.site.wiring() as wiring:
        with pytest.raises(CommandRefused, match=r"cannot be carried: .*column birthdate"):
            wiring.repair(one, Side.MYSQL, dry_run=False)
        done = wiring.repair(one, Side.MONGO, dry_run=False)
    assert (done.was_equal, done.conflict) == (False, engine.conflicts("settled")[0]["id"])
    (lost,) = json.loads(engine.value("SELECT losers FROM sync_conflict_detail WHERE conflict_id = %s", done.conflict))
    assert (lost["side"], lost["column"], lost["key"]) == ("mysql", "", [str(key)])
    assert json.loads(lost["value"])["analytics_customer"]["birthdate"].startswith("0000-00-00")
    assert engine.assert_equal()["customers"][str(key)] == document
