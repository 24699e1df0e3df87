"""Tables and collections altered under both workers: followed where the mapping can, else paused alone, and carried again."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId

from backend.analytics.sample import Sample
from deploy.local.mysql_binary import Flavour
from tests import plain
from tests.collations import EXACT
from tests.engine import Engine
from tests.plain import Doc


def alter(engine: Engine, *statements: str) -> None:
    """As the owner, who makes migrations."""
    with engine.site.mysql("owner").cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def customers(count: int) -> list[Doc]:
    return list(Sample.of(count, 7).documents("customers"))[:count]


def in_mysql(engine: Engine, collection: str, documents: Sequence[Doc]) -> None:
    for document in documents:
        engine.write_mysql(collection, None, document)


def rename_in_mysql(engine: Engine, document: Doc, name: str) -> None:
    with engine.mysql.cursor() as cursor:
        cursor.execute("UPDATE analytics_customer SET name = %s WHERE id = %s", (name, str(document["_id"])))


def rename_in_mongo(engine: Engine, document: Doc, **fields: object) -> None:
    engine.mongo["customers"].update_one({"_id": document["_id"]}, {"$set": fields})


def standing(engine: Engine) -> dict[str, dict[str, Any]]:
    """Collections that are not simply carried, as `lockstep status` tells."""
    shown = json.loads(engine.site.lockstep("status", "--json", check=False).stdout)
    return {one["name"]: one for one in shown["collections"]}


def state_of(engine: Engine, name: str) -> str:
    return str(engine.value("SELECT state FROM sync_collection WHERE name = %s", name) or "carried")


def carried(engine: Engine, name: str = "customers") -> None:
    """Wait until a collection is carried as ever."""
    engine.until(lambda: state_of(engine, name) == "carried")


def paused(engine: Engine, name: str = "customers") -> dict[str, Any]:
    """Wait until a collection is paused; what is told of it."""
    engine.until(lambda: state_of(engine, name) == "paused")
    return standing(engine)[name]


def others_go_on(engine: Engine) -> None:
    """Both workers run and carry the other collections."""
    engine.settle()
    assert {engine.states(name)[-1] for name in engine.workers} <= {"streaming", "catching_up"}


_COLUMNS = "id, username, name, address, birthdate, email, active"
GHOST = (
    "CREATE TABLE _analytics_customer_gho LIKE analytics_customer",
    "ALTER TABLE _analytics_customer_gho ADD note INT NULL FIRST",
    f"INSERT INTO _analytics_customer_gho ({_COLUMNS}) SELECT {_COLUMNS} FROM analytics_customer",
    "SET foreign_key_checks = 0",
    "RENAME TABLE analytics_customer TO _analytics_customer_del, _analytics_customer_gho TO analytics_customer",
    "DROP TABLE _analytics_customer_del",
)
MODIFY = "ALTER TABLE analytics_customer MODIFY name {type} NOT NULL"


@pytest.mark.parametrize(
    "statements",
    [
        ("ALTER TABLE analytics_customer ADD note INT NULL",),
        ("ALTER TABLE analytics_customer ADD note INT NULL FIRST", "ALTER TABLE analytics_customer DROP note"),
        (
            "ALTER TABLE analytics_customer ADD note INT NULL AFTER id",
            "ALTER TABLE analytics_customer RENAME COLUMN note TO other",
        ),
        ("ALTER TABLE analytics_customer ADD INDEX by_name (name(20)), MODIFY email {email} NOT NULL AFTER id",),
        (MODIFY,),
        GHOST,
    ],
    ids=["add", "drop", "rename", "reorder", "modify", "swap"],
)
def test_what_the_mapping_can_follow(engine: Engine, statements: Sequence[str]) -> None:
    """While the follower lags behind and both sides write: rows before and after the change cross alike, nothing is paused."""
    collation = EXACT[engine.site.flavour]
    text, email = (f"{kind} CHARACTER SET utf8mb4 COLLATE {collation}" for kind in ("LONGTEXT", "VARCHAR(300)"))
    first, second, third = customers(3)
    in_mysql(engine, "customers", [first, second])
    engine.settle()
    alter(engine, *without_foreign_keys(engine))
    engine.kill("follower")
    rename_in_mysql(engine, first, "before")
    alter(engine, *(one.format(type=text, email=email) for one in statements))
    rename_in_mysql(engine, second, "after")
    in_mysql(engine, "customers", [third])
    rename_in_mongo(engine, first, address="elsewhere")
    engine.start("follower")
    engine.meet()
    carried(engine)
    documents = engine.assert_equal()["customers"]
    assert (documents[str(first["_id"])]["name"], documents[str(first["_id"])]["address"]) == ("before", "elsewhere")
    assert documents[str(second["_id"])]["name"] == "after"
    assert standing(engine) == {}
    rename_in_mongo(engine, second, name="again")
    engine.meet()
    assert engine.assert_equal()["customers"][str(second["_id"])]["name"] == "again"


def test_a_change_that_altered_values(engine: Engine) -> None:
    """What an ALTER made of values stands in no log: the collection is compared, and MySQL's users made it."""
    one, other = customers(2)
    in_mysql(engine, "customers", [one, other])
    engine.settle()
    alter(engine, "ALTER TABLE analytics_customer DROP active, ADD active BOOL NULL DEFAULT 1")
    engine.until(lambda: state_of(engine, "customers") != "absent")
    engine.until(lambda: all(document.get("active") is True for document in engine.mongo["customers"].find()))
    carried(engine)
    engine.meet()
    engine.assert_equal()
    assert engine.conflicts("all") == [] or {one["state"] for one in engine.conflicts("all")} <= {"converged"}


def test_a_mapped_column_that_is_dropped(engine: Engine) -> None:
    """Only its collection waits, in both directions, through crashes of both workers; nothing that people write is lost, and
    once the schema is in line again one command carries it on."""
    one, other, third, fourth = customers(4)
    in_mysql(engine, "customers", [one, other, third])
    engine.settle()
    column = engine.value(
        "SELECT CONCAT(column_type, ' CHARACTER SET utf8mb4 COLLATE ', collation_name) FROM information_schema.columns"
        " WHERE table_schema = DATABASE() AND table_name = 'analytics_customer' AND column_name = 'email'"
    )
    alter(engine, "ALTER TABLE analytics_customer DROP email")
    told = paused(engine)
    assert "column email does not exist" in told["reason"]
    assert "lockstep resume --collection customers" in told["hint"]
    assert engine.site.lockstep("status", check=False).returncode != 0
    doctor = engine.site.lockstep("doctor", check=False).stdout
    assert "collection customers: paused" in doctor
    rename_in_mysql(engine, one, "in mysql")
    rename_in_mongo(engine, other, name="in mongo")
    rename_in_mongo(engine, third, email="new@mongo")
    engine.mongo["customers"].insert_one(fourth)
    others_go_on(engine)
    for name in ("follower", "listener"):
        engine.kill(name)
    engine.start()
    others_go_on(engine)
    engine.until(lambda: engine.held() == 4)
    mysql, mongo = (
        engine.mongo["customers"].find_one({"_id": one["_id"]}),
        engine.value("SELECT name FROM analytics_customer WHERE id = %s", str(other["_id"])),
    )
    assert (mysql or {})["name"] == one["name"]
    assert mongo == other["name"]
    refused = engine.site.lockstep("resume", "--collection", "customers", check=False)
    assert refused.returncode != 0
    assert "column email does not exist" in refused.stderr
    alter(engine, f"ALTER TABLE analytics_customer ADD email {column} NOT NULL DEFAULT 'none'")
    engine.site.lockstep("resume", "--collection", "customers")
    carried(engine)
    engine.meet()
    documents = engine.assert_equal()["customers"]
    assert documents[str(one["_id"])]["name"] == "in mysql"
    assert documents[str(other["_id"])]["name"] == "in mongo"
    assert documents[str(third["_id"])]["email"] == "new@mongo"
    assert str(fourth["_id"]) in documents
    assert documents[str(one["_id"])]["email"] == "none"  # what the ALTERs made of it: MySQL's users did that


@pytest.mark.parametrize(
    "statement",
    ["WAIT 5 DROP COLUMN email", "NOWAIT MODIFY email VARCHAR(3) NOT NULL", "ADD SYSTEM VERSIONING"],
    ids=["wait", "nowait", "versioning"],
)
def test_what_only_mariadb_has(engine: Engine, statement: str) -> None:
    """How long it waits for a lock does not hide what a statement does; rows of the past are carried by nobody."""
    if engine.site.flavour is Flavour.MYSQL:
        pytest.skip("MySQL has none of these")
    alter(engine, *without_foreign_keys(engine), f"ALTER TABLE analytics_customer {statement}")
    if "VARCHAR" in statement:
        engine.until(lambda: engine.value("SELECT COUNT(*) FROM sync_collection WHERE name = 'customers'") == 1)
    else:
        told = paused(engine)["reason"]
        assert ("is system-versioned" if "SYSTEM" in statement else "column email does not exist") in told
    others_go_on(engine)
    if "SYSTEM" in statement:
        refused = engine.site.lockstep("resume", "--collection", "customers", check=False)
        assert "is system-versioned" in refused.stderr
        alter(engine, "ALTER TABLE analytics_customer DROP SYSTEM VERSIONING")
        engine.site.lockstep("resume", "--collection", "customers")
        carried(engine)


def test_the_listener_meets_it_first(engine: Engine) -> None:
    """A worker that finds a column missing pauses the collection, and goes on."""
    (one,) = customers(1)
    in_mysql(engine, "customers", [one])
    engine.settle()
    engine.kill("follower")
    alter(engine, "ALTER TABLE analytics_customer RENAME COLUMN name TO title")
    rename_in_mongo(engine, one, name="new")
    assert "column name does not exist" in paused(engine)["reason"]
    engine.until(lambda: engine.states("listener")[-1] == "streaming")
    engine.start("follower")
    others_go_on(engine)
    alter(engine, "ALTER TABLE analytics_customer RENAME COLUMN title TO name")
    engine.until(lambda: engine.site.lockstep("resume", "--collection", "customers", check=False).returncode == 0)
    carried(engine)
    engine.meet()
    assert engine.assert_equal()["customers"][str(one["_id"])]["name"] == "new"


@pytest.mark.parametrize("right", ["mysql", "mongo"])
def test_an_emptied_table_waits_for_a_person(engine: Engine, right: str) -> None:
    """Who says which side is right; what was written meanwhile stays in any case."""
    one, other, third = customers(3)
    in_mysql(engine, "customers", [one, other])
    engine.settle()
    alter(engine, *truncated("analytics_customer"))
    told = paused(engine)
    assert told["reason"].startswith("TRUNCATE TABLE on analytics_customer")
    in_mysql(engine, "customers", [third])
    others_go_on(engine)
    assert {str(one["_id"]) for one in engine.mongo["customers"].find()} == {str(one["_id"]), str(other["_id"])}
    refused = engine.site.lockstep("resume", "--collection", "customers", check=False)
    assert "--from" in refused.stderr
    engine.site.lockstep("resume", "--collection", "customers", "--from", right)
    carried(engine)
    engine.meet()
    left = {str(third["_id"])} if right == "mysql" else {str(one["_id"]) for one in (one, other, third)}
    assert engine.assert_equal()["customers"].keys() == left
    ended = [*engine.conflicts("settled"), *engine.conflicts("converged")]
    assert {one["kind"] for one in ended} == {"schema_mismatch"}
    assert {one["document"] for one in ended} >= {str(one["_id"]) for one in (one, other)}


def test_emptied_tables_may_be_carried(stopped_engine: Engine, tmp_path: Path) -> None:
    """By `on_truncate`; a document that was written since stays, wherever that was."""
    engine = stopped_engine
    configured(engine, tmp_path, "customers", 'on_truncate = "deletes"')
    engine.prepare()
    engine.start()
    one, other, third = customers(3)
    in_mysql(engine, "customers", [one, other])
    engine.settle()
    engine.kill("follower")
    alter(engine, *truncated("analytics_customer"))
    in_mysql(engine, "customers", [third, other])
    engine.start("follower")
    engine.until(lambda: engine.mongo["customers"].find_one({"_id": one["_id"]}) is None)
    carried(engine)
    engine.meet()
    assert engine.assert_equal()["customers"].keys() == {str(third["_id"]), str(other["_id"])}


def test_an_emptied_part(stopped_engine: Engine, tmp_path: Path) -> None:
    """The documents lose it, and nothing else."""
    engine = stopped_engine
    configured(engine, tmp_path, "customers", 'on_truncate = "deletes"')
    engine.prepare()
    engine.start()
    documents = customers(3)
    in_mysql(engine, "customers", documents)
    engine.settle()
    alter(engine, "TRUNCATE analytics_customeraccount")
    engine.until(lambda: not any(document["accounts"] for document in engine.mongo["customers"].find()))
    carried(engine)
    engine.meet()
    assert all(document["accounts"] == [] for document in engine.assert_equal()["customers"].values())


@pytest.mark.parametrize("right", ["mysql", "mongo"])
@pytest.mark.parametrize(
    "change",
    [
        lambda engine: engine.site.mongo("admin")["customers"].drop(),
        lambda engine: engine.site.mongo("admin")["customers"].rename("elsewhere"),
    ],
    ids=["drop", "rename"],
)
def test_a_collection_that_is_gone(engine: Engine, change: Callable[[Engine], object], right: str) -> None:
    """It is paused, the others go on; made again, it is carried as a person says."""
    one, other = customers(2)
    in_mysql(engine, "customers", [one, other])
    engine.settle()
    change(engine)
    assert "of customers in MongoDB" in paused(engine)["reason"]
    rename_in_mysql(engine, one, "since")
    others_go_on(engine)
    for name in ("follower", "listener"):
        engine.kill(name)
    engine.start()
    others_go_on(engine)
    refused = engine.site.lockstep("resume", "--collection", "customers", "--from", right, check=False)
    assert "lockstep setup" in refused.stderr
    engine.site.setup()
    engine.site.lockstep("resume", "--collection", "customers", "--from", right)
    carried(engine)
    engine.meet()
    left = {str(one["_id"])} | ({str(other["_id"])} if right == "mysql" else set())
    assert engine.assert_equal()["customers"].keys() == left


def test_images_that_are_switched_off(engine: Engine) -> None:
    """The collection is paused at the next change, and carried again after `lockstep setup`."""
    (one,) = customers(1)
    in_mysql(engine, "customers", [one])
    engine.settle()
    engine.site.mongo("admin").command({"collMod": "customers", "changeStreamPreAndPostImages": {"enabled": False}})
    rename_in_mongo(engine, one, name="blind")
    assert "images" in paused(engine)["reason"]
    others_go_on(engine)
    engine.site.setup()
    engine.site.lockstep("resume", "--collection", "customers")
    carried(engine)
    engine.meet()
    assert engine.assert_equal()["customers"][str(one["_id"])]["name"] == "blind"


def test_a_change_without_images(engine: Engine) -> None:
    """Images were off for a while. Its document is held, with what MySQL's users write meanwhile, and both sides are read."""
    one, other = customers(2)
    in_mysql(engine, "customers", [one, other])
    engine.settle()
    engine.kill("listener")
    for enabled in (False, True):
        engine.site.mongo("admin").command(
            {"collMod": "customers", "changeStreamPreAndPostImages": {"enabled": enabled}}
        )
        rename_in_mongo(engine, one if not enabled else other, email="new@example.com")
    with engine.mysql.cursor() as cursor:
        cursor.execute("UPDATE analytics_customer SET address = 'moved' WHERE id = %s", (str(one["_id"]),))
    engine.start("listener")
    engine.meet()
    found = engine.assert_equal()["customers"][str(one["_id"])]
    assert (found["email"], found["address"]) == ("new@example.com", "moved")
    met = [(one["document"], one["kind"]) for one in [*engine.conflicts("settled"), *engine.conflicts("converged")]]
    assert met == [(str(one["_id"]), "missing_image")]


def test_a_comparison_begins_anew_after_a_crash(engine: Engine) -> None:
    """Whatever was compared lived in memory only."""
    documents = customers(40)
    in_mysql(engine, "customers", documents)
    engine.settle()
    engine.kill("listener")  # so that the comparison waits
    alter(engine, "ALTER TABLE analytics_customer DROP active, ADD active BOOL NULL DEFAULT 0")
    engine.until(lambda: state_of(engine, "customers") == "comparing")
    for _ in range(2):
        engine.kill("follower")
        engine.start("follower")
    assert state_of(engine, "customers") == "comparing"
    engine.start("listener")
    carried(engine)
    engine.meet()
    assert {document.get("active") for document in engine.assert_equal()["customers"].values()} == {False}


def test_a_document_that_an_altered_table_lost(engine: Engine) -> None:
    """After a change that should take no rows, one that is gone waits for a person."""
    one, other = customers(2)
    in_mysql(engine, "customers", [one, other])
    engine.settle()
    with engine.site.mysql("admin").cursor() as cursor:
        cursor.execute("SET sql_log_bin = 0")
        for table in reversed(plain.TABLES["customers"]):
            key = "id" if table == "analytics_customer" else "customer_id"
            cursor.execute(f"DELETE FROM `{table}` WHERE {key} = %s", (str(one["_id"]),))
    alter(engine, "ALTER TABLE analytics_customer MODIFY active BOOL NULL DEFAULT 0")
    engine.until(lambda: [conflict["kind"] for conflict in engine.conflicts()] == ["snapshot_differs"])
    carried(engine)
    assert engine.mongo["customers"].find_one({"_id": one["_id"]}) is not None
    engine.site.lockstep("repair", "--collection", "customers", "--id", str(one["_id"]), "--from", "mysql")
    assert engine.assert_equal()["customers"].keys() == {str(other["_id"])}


def test_a_first_copy_ends_a_pause(engine: Engine) -> None:
    """All is copied or compared then."""
    one, other = customers(2)
    in_mysql(engine, "customers", [one, other])
    engine.settle()
    alter(engine, *truncated("analytics_customer"))
    paused(engine)
    for name in ("follower", "listener"):
        engine.workers[name].end()
    engine.mongo["customers"].delete_many({})
    engine.site.lockstep("bootstrap", "--from", "mysql")
    assert standing(engine) == {}
    engine.start()
    in_mysql(engine, "customers", [one])
    engine.meet()
    assert engine.assert_equal()["customers"].keys() == {str(one["_id"])}


_ACTIONS = "ON DELETE CASCADE ON UPDATE CASCADE"
_TO_ROOT = f"FOREIGN KEY (customer_id) REFERENCES analytics_customer (id) {_ACTIONS}"
_TO_TIER = f"FOREIGN KEY (customer_id, tier_key) REFERENCES analytics_customertier (customer_id, tier_key) {_ACTIONS}"
CASCADES = (
    f"ALTER TABLE analytics_customeraccount ADD CONSTRAINT c1 {_TO_ROOT}",
    f"ALTER TABLE analytics_customertier ADD CONSTRAINT c2 {_TO_ROOT}",
    f"ALTER TABLE analytics_customerbenefit ADD CONSTRAINT c3 {_TO_TIER}",
)


def test_cascades_within_a_document(engine: Engine) -> None:
    """Where the log does not show what they delete or change, both sides end equal all the same."""
    one, other, third, fourth = customers(4)
    third["tier_and_details"] = {"k": {"id": "k", "tier": "Gold", "active": True, "benefits": ["a", "b"]}}
    in_mysql(engine, "customers", [one, other, third, fourth])
    engine.settle()
    alter(engine, *without_foreign_keys(engine), *CASCADES)
    carried(engine)
    moved = ObjectId()
    with engine.mysql.cursor() as cursor:
        cursor.execute("DELETE FROM analytics_customer WHERE id = %s", (str(one["_id"]),))
        cursor.execute("UPDATE analytics_customer SET id = %s WHERE id = %s", (str(moved), str(other["_id"])))
        cursor.execute("DELETE FROM analytics_customertier WHERE customer_id = %s", (str(third["_id"]),))
    engine.mongo["customers"].delete_one({"_id": fourth["_id"]})
    engine.meet()
    documents = engine.assert_equal()["customers"]
    assert documents.keys() == {str(moved), str(third["_id"])}
    assert documents[str(moved)] == plain.normal({**other, "_id": moved})
    assert documents[str(third["_id"])]["tier_and_details"] == {}
    assert engine.conflicts("settled") == []


def without_foreign_keys(engine: Engine) -> list[str]:
    """What takes those away that stand between the customers' tables."""
    with engine.site.mysql("owner").cursor() as cursor:
        cursor.execute(
            "SELECT table_name, constraint_name FROM information_schema.referential_constraints"
            " WHERE constraint_schema = DATABASE() AND table_name LIKE 'analytics\\_customer%'"
        )
        return [f"ALTER TABLE `{table}` DROP FOREIGN KEY `{name}`" for table, name in cursor.fetchall()]


def truncated(table: str) -> tuple[str, ...]:
    """Its children are emptied too, and foreign keys are left aside, as who empties tables does."""
    of = next(tables for tables in plain.TABLES.values() if tables[0] == table)
    return ("SET foreign_key_checks = 0", *(f"TRUNCATE TABLE `{one}`" for one in of))


def configured(engine: Engine, folder: Path, collection: str, line: str) -> None:
    """With one more line in a collection's part of lockstep.toml."""
    text = engine.site.config_path.read_text()
    header = f"[collections.{collection}]\n"
    engine.site.config_path = folder / "lockstep.toml"
    engine.site.config_path.write_text(text.replace(header, f"{header}{line}\n"))
