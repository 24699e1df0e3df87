"""The same document edited on both sides: held, listed, noted, repaired; the rest goes on. At scale, under writes."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest
from bson import ObjectId

from sync.errors import CommandRefused
from sync.model.change import DocumentId, Side
from tests.engine import Engine
from tests.plain import Doc

#: Documents that are held at once.
MANY = 1000


def account(limit: int) -> Doc:
    return {"_id": ObjectId(), "account_id": 1, "limit": limit, "products": ["a", "b"]}


def edit_mysql(engine: Engine, document: Doc, limit: int) -> None:
    with engine.mysql.cursor() as cursor:
        cursor.execute("UPDATE analytics_account SET `limit` = %s WHERE id = %s", (limit, str(document["_id"])))


def edit_mongo(engine: Engine, document: Doc, limit: int) -> None:
    engine.mongo["accounts"].update_one({"_id": document["_id"]}, {"$set": {"limit": limit}})


def differing(engine: Engine, documents: list[Doc]) -> None:
    """A site whose sides differed before the start: those documents wait for a person, who alone can tell what is right."""
    engine.site.setup()
    engine.mongo["accounts"].insert_many(documents)
    for document in documents:
        engine.write_mysql("accounts", None, document | {"limit": document["limit"] + 1})
    engine.site.lockstep("bootstrap", "--from", "mysql")
    engine.start()


@pytest.mark.parametrize("right", list(Side))
def test_held_noted_listed_and_repaired(stopped_engine: Engine, right: Side) -> None:
    """While it is held nothing of the document is written; the other documents go on."""
    engine, one, other = stopped_engine, account(1), account(1)
    differing(engine, [one])
    engine.write_mysql("accounts", None, other)
    engine.settle()
    engine.until(lambda: [one["state"] for one in engine.conflicts()] == ["waiting"])
    (held,) = engine.conflicts()
    assert (held["document"], held["kind"]) == (str(one["_id"]), "snapshot_differs")
    edit_mysql(engine, one, 1111)
    edit_mongo(engine, one, 2222)
    edit_mysql(engine, other, 5)
    engine.settle()
    mysql, mongo = engine.sides()
    key = str(one["_id"])
    assert (mysql["accounts"][key]["limit"], mongo["accounts"][key]["limit"]) == (1111, 2222)
    assert mongo["accounts"][str(other["_id"])]["limit"] == 5
    shown = engine.site.lockstep("conflicts", "show", str(held["id"])).stdout
    for value in ("1111", "2222"):  # what came since
        assert value in shown
    verified = engine.site.lockstep_json("verify")
    assert (verified["held"], verified["different"], verified["missing"]) == (1, 0, 0)
    done = engine.site.lockstep_json("repair", "--collection", "accounts", "--id", key, "--from", str(right))
    assert (done["was_equal"], done["conflict"]) == (False, held["id"])
    engine.settle()
    assert engine.conflicts() == []
    assert [one["id"] for one in engine.conflicts("settled")] == [held["id"]]
    final = engine.assert_equal()
    assert final["accounts"][key]["limit"] == (1111 if right is Side.MYSQL else 2222)
    edit_mongo(engine, one, 7)  # and it is carried again
    edit_mysql(engine, other, 8)
    engine.settle()
    final = engine.assert_equal()
    assert [final["accounts"][str(document["_id"])]["limit"] for document in (one, other)] == [7, 8]
    assert engine.conflicts() == []


def test_edits_that_pass_each_other_while_all_runs(engine: Engine) -> None:
    """However they meet: afterwards both sides are equal, and hold what was written last on either of them."""
    documents = [account(0) for _ in range(20)]
    engine.mongo["accounts"].insert_many(documents)
    engine.settle()
    for step in range(1, 11):
        for document in documents:
            edit_mysql(engine, document, step)
            edit_mongo(engine, document, -step)
    engine.meet()
    assert engine.conflicts("settled"), "none of 200 pairs of edits met"
    final = engine.assert_equal()
    assert {final["accounts"][str(one["_id"])]["limit"] for one in documents} <= {10, -10}


def test_rows_that_no_look_can_help_hide_none(engine: Engine) -> None:
    """More than one look takes: what is held later still settles."""
    with engine.site.mysql("admin").cursor() as cursor:
        for table, columns, values in (
            (
                "sync_conflict",
                "id, collection, document_id, state, open_key, version",
                "'accounts', 'no key', 'waiting', %s, 1",
            ),
            (
                "sync_conflict_detail",
                "conflict_id, kind, side, reason, opened_at, noted_at",
                "'update_differs', 'mysql', %s, NOW(6), NOW(6)",
            ),
        ):
            cursor.executemany(
                f"INSERT INTO {table} ({columns}) VALUES (%s, {values})",
                [(number, str(number)) for number in range(1, 1500)],
            )
    one = account(1)
    engine.mongo["accounts"].insert_one(one)
    engine.settle()
    edit_mysql(engine, one, 2)
    edit_mongo(engine, one, 3)
    later = "SELECT COUNT(*) FROM sync_conflict WHERE id >= 1500"
    engine.until(lambda: engine.value(later) == 1)
    engine.until(lambda: engine.value(f"{later} AND open_key IS NULL") == 1)


@pytest.mark.parametrize("right", list(Side))
def test_a_thousand_held_documents_are_repaired_under_writes(stopped_engine: Engine, right: Side) -> None:
    """Both sides go on writing those documents meanwhile: all are equal at the end."""
    engine, documents = stopped_engine, [account(0) for _ in range(MANY)]
    differing(engine, documents)
    assert engine.held() == MANY
    stop = threading.Event()
    with ThreadPoolExecutor(2) as writers:
        writing = [writers.submit(write_on, engine, side, documents, stop) for side in Side]
        keys = [str(document["_id"]) for document in documents]
        refused = repair_all(engine, keys, right)
        stop.set()
        written = [one.result() for one in writing]
    assert all(number > 100 for number in written), written
    assert refused < MANY / 10
    engine.settle()
    assert len(engine.conflicts("settled")) >= MANY - refused
    waiting = {one["document"] for one in engine.conflicts() if one["kind"] == "snapshot_differs"}
    assert len(waiting) == refused
    assert repair_all(engine, sorted(waiting), right) == 0
    engine.meet()
    engine.assert_equal()


def write_on(engine: Engine, side: Side, documents: list[Doc], stop: threading.Event) -> int:
    """Edit any of the documents on this side until told to stop; how many edits that was."""
    random = Random(str(side))
    done = 0
    session = engine.site.mysql("app")
    while not stop.is_set():
        key = random.choice(documents)["_id"]
        limit = 10_000 + done if side is Side.MYSQL else -10_000 - done
        if side is Side.MYSQL:
            with session.cursor() as cursor:
                cursor.execute("UPDATE analytics_account SET `limit` = %s WHERE id = %s", (limit, str(key)))
        else:
            engine.mongo["accounts"].update_one({"_id": key}, {"$set": {"limit": limit}})
        done += 1
        time.sleep(0.01)
    return done


def repair_all(engine: Engine, keys: list[str], right: Side) -> int:
    """Several operators at once; how many documents were refused."""

    def some(own: list[str]) -> int:
        refused = 0
        with engine.site.wiring() as wiring:
            for key in own:
                try:
                    wiring.repair(DocumentId("accounts", key), right, dry_run=False)
                except CommandRefused:
                    refused += 1
        return refused

    with ThreadPoolExecutor(8) as operators:
        return sum(operators.map(some, [keys[start::8] for start in range(8)]))
