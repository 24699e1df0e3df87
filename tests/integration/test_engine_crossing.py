"""What people write on one side stands on the other: every shape of edit, and transactions as one."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from bson import Int64, ObjectId

from backend.analytics.sample import Sample
from sync.errors import CommandRefused
from sync.model.change import DocumentId, Side
from tests import plain
from tests.collations import EXACT
from tests.engine import Engine
from tests.plain import Doc


def moment(*parts: int) -> datetime:
    """Naive UTC, as both drivers give it."""
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001


def customer() -> Doc:
    return {
        "_id": ObjectId(),
        "username": "ada ",
        "name": "Ada Lovelace",
        "address": "12 Mill Road\nHillcrest, 12345",
        "birthdate": moment(1962, 3, 4, 5, 6, 7, 89000),
        "email": "ada@example.com",
        "accounts": [371138, -324287, 371138],
        "tier_and_details": {
            "0df078f3": {"id": "0df078f3", "tier": "Gold", "active": True, "benefits": ["concerts", "lounge"]},
            "69945645": {"id": "69945645", "tier": "Silver", "active": False, "benefits": []},
        },
    }


def account() -> Doc:
    return {"_id": ObjectId(), "account_id": 371138, "limit": 9000, "products": ["Derivatives", "InvestmentStock"]}


def entry(amount: int) -> Doc:
    return {
        "date": moment(1969, 12, 31, 23, 59, 59, 999000),
        "amount": amount,
        "transaction_code": "buy",
        "symbol": "zoë😀",
        "price": "0." + "1234567890" * 5 + "12345",
        "total": "143572.1039112657392422534031",
    }


def bucket() -> Doc:
    return {
        "_id": ObjectId(),
        "account_id": 2**31 - 1,
        "transaction_count": 3,
        "bucket_start_date": moment(1962, 1, 1),
        "bucket_end_date": moment(9999, 12, 31, 23, 59, 59, 999000),
        "transactions": [entry(1), entry(2), entry(3)],
    }


NEW: dict[str, Callable[[], Doc]] = {"customers": customer, "accounts": account, "transactions": bucket}


def _set(path: str, value: object) -> Callable[[Doc], None]:
    def change(document: Doc) -> None:
        *above, last = path.split("/")
        holder: Any = document
        for name in above:
            holder = holder[int(name) if isinstance(holder, list) else name]
        holder[int(last) if isinstance(holder, list) else last] = value

    return change


def _drop(path: str) -> Callable[[Doc], None]:
    def change(document: Doc) -> None:
        *above, last = path.split("/")
        holder: Any = document
        for name in above:
            holder = holder[int(name) if isinstance(holder, list) else name]
        del holder[int(last) if isinstance(holder, list) else last]

    return change


GOLD = {"id": "new key", "tier": "Gold", "active": True, "benefits": ["a", "b"]}
EDITS: list[tuple[str, str, Callable[[Doc], None]]] = [
    ("a field of the root", "customers", _set("name", "Grace Hopper")),
    ("text of any kind", "customers", _set("address", 'é\n\t"quoted" \\ `x` 😀 ')),
    ("an empty text", "customers", _set("username", "")),
    ("a date", "customers", _set("birthdate", moment(1000, 1, 1))),
    ("a field that was absent", "customers", _set("active", False)),
    ("a list longer", "customers", lambda one: one["accounts"].append(5)),
    ("a list shorter", "customers", _drop("accounts/2")),
    ("the first of a list", "customers", _drop("accounts/0")),
    ("one element of a list", "customers", _set("accounts/1", 7)),
    ("an empty list", "customers", _set("accounts", [])),
    ("an entry of a map", "customers", _set("tier_and_details/new key", GOLD)),
    ("an entry of a map gone", "customers", _drop("tier_and_details/69945645")),
    ("a field of an entry", "customers", _set("tier_and_details/0df078f3/tier", "Bronze")),
    ("a member of a set", "customers", lambda one: one["tier_and_details"]["69945645"]["benefits"].append("dinner")),
    ("a member of a set gone", "customers", _drop("tier_and_details/0df078f3/benefits/0")),
    ("an empty map", "customers", _set("tier_and_details", {})),
    ("a number", "accounts", _set("limit", -(2**31))),
    ("a list in another order", "accounts", lambda one: one["products"].reverse()),
    ("an element in front", "accounts", lambda one: one["products"].insert(0, "Commodity")),
    ("a field of an element", "transactions", _set("transactions/1/amount", 10)),
    ("an element in the middle gone", "transactions", _drop("transactions/1")),
    ("an element more", "transactions", lambda one: one["transactions"].append(entry(4))),
    ("exact text", "transactions", _set("transactions/2/price", "9." + "9" * 120)),
]


def edited(document: Doc, change: Callable[[Doc], None]) -> Doc:
    """Another version of it."""
    after = copy.deepcopy(document)
    change(after)
    return after


@pytest.fixture
def edits() -> list[tuple[str, str, Doc, Doc]]:
    """What, collection, a document of its own, the same edited."""
    cases = []
    for what, name, change in EDITS:
        before = NEW[name]()
        after = edited(before, change)
        assert after != before, what
        cases.append((what, name, before, after))
    return cases


def test_every_edit_in_mysql_reaches_mongo(engine: Engine, edits: list[tuple[str, str, Doc, Doc]]) -> None:
    """Insert, each edit of root, child rows and nested parts, delete: the same as was written."""
    for _, name, before, _ in edits:
        engine.write_mysql(name, None, before)
    engine.settle()
    assert_mongo(engine, [(what, name, before) for what, name, before, _ in edits])
    for _, name, before, after in edits:
        engine.write_mysql(name, before, after)
    engine.settle()
    assert_mongo(engine, [(what, name, after) for what, name, _, after in edits])
    engine.assert_equal()
    for _, name, _, after in edits:
        engine.write_mysql(name, after, None)
    engine.settle()
    assert_nothing_left(engine, edits)


@pytest.mark.parametrize("replaces", [False, True], ids=["updates", "replacements"])
def test_every_edit_in_mongo_reaches_mysql(
    engine: Engine, edits: list[tuple[str, str, Doc, Doc]], replaces: bool
) -> None:
    """The same the other way."""
    for _, name, before, _ in edits:
        engine.mongo[name].insert_one(before)
    engine.settle()
    mysql = engine.assert_equal()
    for what, name, before, after in edits:
        assert mysql[name][str(before["_id"])] == plain.normal(copy.deepcopy(before)), what
        _write_mongo(engine, name, before, after, replaces=replaces)
    engine.settle()
    mysql = engine.assert_equal()
    for what, name, _, after in edits:
        assert mysql[name][str(after["_id"])] == plain.normal(copy.deepcopy(after)), what
        engine.mongo[name].delete_one({"_id": after["_id"]})
    engine.settle()
    assert_nothing_left(engine, edits)


def assert_mongo(engine: Engine, wanted: list[tuple[str, str, Doc]]) -> None:
    """These documents stand in MongoDB."""
    for what, name, document in wanted:
        found = engine.mongo[name].find_one({"_id": document["_id"]})
        assert found is not None, what
        assert plain.normal(found) == plain.normal(copy.deepcopy(document)), what


def assert_nothing_left(engine: Engine, edits: list[tuple[str, str, Doc, Doc]]) -> None:
    """No document, no row, nothing held."""
    mysql = engine.assert_equal()
    assert all(str(document["_id"]) not in mysql[name] for _, name, document, _ in edits)
    for table in (table for tables in plain.TABLES.values() for table in tables if table != "analytics_account"):
        assert engine.value(f"SELECT COUNT(*) FROM `{table}`") == 0, table
    assert engine.conflicts() == []


def _write_mongo(engine: Engine, name: str, before: Doc, after: Doc, *, replaces: bool) -> None:
    if replaces:
        engine.mongo[name].replace_one({"_id": after["_id"]}, after)
        return
    sets = {field: value for field, value in after.items() if before.get(field, ...) != value}
    gone = dict.fromkeys(before.keys() - after.keys(), "")
    update: Doc = {"$set": sets} if sets else {}
    engine.mongo[name].update_one({"_id": after["_id"]}, update | ({"$unset": gone} if gone else {}))


def test_a_key_that_is_changed_in_mysql(engine: Engine) -> None:
    """The document goes and comes under its new id; a child row's key moves it."""
    before = account()
    engine.write_mysql("accounts", None, before)
    other = ObjectId()
    with engine.mysql.cursor() as cursor:
        cursor.execute("SET SESSION foreign_key_checks = 0")
        engine.mysql.begin()
        cursor.execute("UPDATE analytics_accountproduct SET account_oid = %s", (str(other),))
        cursor.execute("UPDATE analytics_account SET id = %s", (str(other),))
        engine.mysql.commit()
        cursor.execute("SET SESSION foreign_key_checks = 1")
    engine.settle()
    assert engine.mongo["accounts"].find_one({"_id": before["_id"]}) is None
    assert engine.mongo["accounts"].find_one({"_id": other}) == before | {"_id": other}
    engine.assert_equal()


def test_a_transaction_over_documents_in_mysql_arrives_as_one(engine: Engine) -> None:
    """Whoever reads MongoDB in a snapshot sees all of it or nothing, however often it is repeated."""
    one, two, three = account(), account(), customer()
    engine.write_mysql_together([("accounts", None, one), ("accounts", None, two), ("customers", None, three)])
    engine.settle()
    seen = set()
    for step in range(1, 30):
        after = [one | {"limit": step}, two | {"limit": step}, three | {"name": str(step)}]
        names = ("accounts", "accounts", "customers")
        engine.write_mysql_together(list(zip(names, (one, two, three), after, strict=True)))
        one, two, three = after
        seen |= {_limits_in_one_snapshot(engine, one["_id"], two["_id"], three["_id"]) for _ in range(5)}
    engine.settle()
    seen.add(_limits_in_one_snapshot(engine, one["_id"], two["_id"], three["_id"]))
    assert all(len(set(values)) == 1 or values == (9000, 9000, "Ada Lovelace") for values in _as_numbers(seen)), seen
    assert ("29", "29", "29") in _as_numbers(seen)
    assert len(seen) > 2


def _as_numbers(seen: set[tuple[Any, ...]]) -> set[tuple[Any, ...]]:
    """Limits and the name that repeats them as text."""
    return {values if values[2] == "Ada Lovelace" else tuple(str(value) for value in values) for values in seen}


def _limits_in_one_snapshot(engine: Engine, one: ObjectId, two: ObjectId, three: ObjectId) -> tuple[Any, ...]:
    with engine.mongo.client.start_session() as session, session.start_transaction():
        found = [engine.mongo["accounts"].find_one({"_id": key}, session=session) for key in (one, two)]
        person = engine.mongo["customers"].find_one({"_id": three}, session=session)
    assert person is not None
    return (*((document or {})["limit"] for document in found), person["name"])


def test_a_transaction_over_documents_in_mongo_arrives_as_one(engine: Engine) -> None:
    """The same the other way."""
    one, two, three = account(), account(), customer()
    engine.mongo["accounts"].insert_many([one, two])
    engine.mongo["customers"].insert_one(three)
    engine.settle()
    seen = set()
    query = (
        "SELECT (SELECT `limit` FROM analytics_account WHERE id = %s), (SELECT `limit` FROM analytics_account"
        " WHERE id = %s), (SELECT name FROM analytics_customer WHERE id = %s)"
    )
    reader = engine.site.mysql("app")
    for step in range(1, 30):
        with engine.mongo.client.start_session() as session, session.start_transaction():
            for document in (one, two):
                engine.mongo["accounts"].update_one(
                    {"_id": document["_id"]}, {"$set": {"limit": step}}, session=session
                )
            engine.mongo["customers"].update_one({"_id": three["_id"]}, {"$set": {"name": str(step)}}, session=session)
        for _ in range(5):
            with reader.cursor() as cursor:
                cursor.execute(query, (str(one["_id"]), str(two["_id"]), str(three["_id"])))
                row = cursor.fetchone()
                assert row is not None
                seen.add(tuple(row))
    engine.settle()
    assert all(len(set(values)) == 1 or values == (9000, 9000, "Ada Lovelace") for values in _as_numbers(seen)), seen
    assert len(seen) > 2
    assert engine.value("SELECT `limit` FROM analytics_account WHERE id = %s", str(two["_id"])) == 29
    engine.assert_equal()


BROKEN: list[tuple[Doc, str]] = [
    ({"$set": {"limit": Int64(1)}}, "limit"),
    ({"$unset": {"limit": ""}}, "limit"),
    ({"$set": {"products": "none"}}, "products"),
    ({"$set": {"products.0": 5}}, "products.0"),
    ({"$set": {"products.0": "p" * 65}}, "product"),
]


def test_what_rows_cannot_hold_is_held_and_repaired(engine: Engine) -> None:
    """Each holds its own document with the field's name; the rest goes on; it is repaired from the side that is right."""
    whole, broken = account(), [account() for _ in BROKEN]
    engine.mongo["accounts"].insert_many([whole, *broken])
    engine.settle()
    for document, (change, _) in zip(broken, BROKEN, strict=True):
        engine.mongo["accounts"].update_one({"_id": document["_id"]}, change)
    engine.mongo["accounts"].update_one({"_id": whole["_id"]}, {"$set": {"limit": 77}})
    engine.settle()
    held = {one["document"]: one for one in engine.conflicts()}
    assert held.keys() == {str(document["_id"]) for document in broken}
    for document, (_, path) in zip(broken, BROKEN, strict=True):
        assert path in held[str(document["_id"])]["reason"]
        assert engine.value("SELECT `limit` FROM analytics_account WHERE id = %s", str(document["_id"])) == 9000
    assert engine.value("SELECT `limit` FROM analytics_account WHERE id = %s", str(whole["_id"])) == 77
    with engine.site.wiring() as wiring:
        for document in broken:
            one = DocumentId("accounts", str(document["_id"]))
            with pytest.raises(CommandRefused, match=r"cannot be carried|cannot be repaired"):
                wiring.repair(one, Side.MONGO, dry_run=False)
            wiring.repair(one, Side.MYSQL, dry_run=False)
    engine.settle()
    assert engine.conflicts() == []
    assert [engine.mongo["accounts"].find_one({"_id": one["_id"]}) for one in broken] == broken
    none = next(str(one["_id"]) for one, (change, _) in zip(broken, BROKEN, strict=True) if "none" in str(change))
    lost = engine.value(
        "SELECT losers FROM sync_conflict_detail d JOIN sync_conflict c ON c.id = d.conflict_id WHERE document_id = %s",
        none,
    )
    assert [json.loads(one["value"])["products"] for one in json.loads(lost)] == ["none"]
    engine.assert_equal()


def test_a_row_that_refers_to_one_still_on_its_way(engine: Engine) -> None:
    """Who refers to it was written before it, and is written behind it; nobody waits for a person, nothing is lost."""
    with engine.site.mysql("owner").cursor() as cursor:
        cursor.execute(
            "ALTER TABLE analytics_customer ADD CONSTRAINT known FOREIGN KEY (id) REFERENCES analytics_account (id)"
        )
    engine.settle()
    engine.kill("listener")
    documents = list(Sample.of(20, 3).documents("customers"))[:20]
    for document in documents:
        engine.mongo["customers"].insert_one(dict(document))
    for document in documents:
        engine.mongo["accounts"].insert_one({"_id": document["_id"], "account_id": 1, "limit": 2, "products": []})
    engine.start("listener")
    engine.meet()
    assert len(engine.assert_equal()["customers"]) == 20
    assert engine.conflicts("settled") == []


def test_an_edit_of_a_document_that_fits_no_reply_twice(engine: Engine) -> None:
    """Its event with both images is over 16 MB; what is in it arrives in rows."""
    collation = EXACT[engine.site.flavour]
    with engine.site.mysql("owner").cursor() as cursor:
        cursor.execute(
            f"ALTER TABLE analytics_accountproduct MODIFY product LONGTEXT CHARACTER SET utf8mb4 COLLATE {collation} NOT NULL"
        )
    engine.settle()
    key, large = ObjectId(), "x" * 9_000_000
    engine.mongo["accounts"].insert_one({"_id": key, "account_id": 1, "limit": 1, "products": [large]})
    engine.mongo["accounts"].update_one({"_id": key}, {"$set": {"limit": 2}, "$push": {"products": "more"}})
    engine.settle()
    found = engine.assert_equal()["accounts"][str(key)]
    assert (found["limit"], found["products"]) == (2, [large, "more"])
    assert engine.value("SELECT COUNT(*) FROM sync_conflict") == 0
