"""What MySQL makes of a write by itself reaches the document: without an echo, an endless exchange or a false conflict."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from random import Random

import pymysql
import pytest
from bson import ObjectId

from sync.model.change import Side
from sync.model.mapping import Policy
from tests import corrected
from tests.corrected import FIELDS, TOTAL, both
from tests.engine import Engine, at_work
from tests.integration.test_engine_silence import (
    assert_by_positions,
    assert_silent,
    names_in_oplog,
    tables_in_binlog,
)
from tests.plain import Doc
from tests.site import Site

#: Seconds for all meetings to end.
PATIENCE = 120.0
#: A line that nobody has numbered.
X, Y = {"text": "x"}, {"text": "y"}


@pytest.fixture
def policy() -> Policy:
    """Of the collections of which MySQL writes something by itself."""
    return Policy.LAST_WRITE_WINS


@pytest.fixture
def engine(site: Site, tmp_path: Path, policy: Policy) -> Iterator[Engine]:
    """Both workers at work over them."""
    corrected.prepare(site, tmp_path, policy)
    with at_work(site, tmp_path) as made:
        yield made


def run(engine: Engine, statement: str, *values: object) -> None:
    with engine.mysql.cursor() as cursor:
        cursor.execute(statement, values)


def nobody_met(engine: Engine) -> bool:
    """No document was ever held."""
    return int(engine.value("SELECT COUNT(*) FROM sync_conflict")) == 0


def one(engine: Engine, name: str, key: ObjectId) -> Doc:
    """The document, equal on both sides, once everything has crossed."""
    engine.meet()
    return both(engine, name)[str(key)]


# Edits in MongoDB.


def test_defaults_and_stamps(engine: Engine) -> None:
    """A field that the document lacks gets the column's default; ON UPDATE moves with each edit, unless the edit sets it."""
    key, stamps = ObjectId(), engine.mongo["stamps"]
    stamps.insert_one({"_id": key, "name": "a"})
    first = one(engine, "stamps", key)
    assert (first["rank"], first["label"]) == (7, "new")
    stamps.update_one({"_id": key}, {"$set": {"name": "b", "rank": 3}})
    second = one(engine, "stamps", key)
    assert (second["name"], second["rank"], second["label"]) == ("b", 3, "new")
    assert second["touched"] > first["touched"]
    chosen = datetime(2000, 1, 2, 3, 4, 5, 6000)  # noqa: DTZ001 - as pymongo gives it
    stamps.update_one({"_id": key}, {"$set": {"name": "c", "touched": chosen}})
    assert one(engine, "stamps", key) == {**second, "name": "c", "touched": chosen}
    stamps.update_one({"_id": key}, {"$unset": {"rank": "", "label": ""}, "$set": {"touched": chosen}})
    fourth = one(engine, "stamps", key)
    assert (fourth["rank"], fourth["label"]) == (7, "new")
    assert nobody_met(engine)
    stamps.delete_one({"_id": key})
    engine.meet()
    assert both(engine, "stamps") == {}


def test_generated_columns(engine: Engine) -> None:
    """They follow what they are generated from; an edit of them goes back."""
    key, sums = ObjectId(), engine.mongo["sums"]
    sums.insert_one({"_id": key, "a": 1, "b": 2})
    assert one(engine, "sums", key) == {"a": 1, "b": 2, "total": 3, "shown": "1+2"}
    sums.update_one({"_id": key}, {"$set": {"a": 5}})
    assert one(engine, "sums", key) == {"a": 5, "b": 2, "total": 7, "shown": "5+2"}
    sums.update_one({"_id": key}, {"$set": {"total": 99}})
    assert one(engine, "sums", key) == {"a": 5, "b": 2, "total": 7, "shown": "5+2"}
    sums.update_one({"_id": key}, {"$set": {"b": 3, "shown": "mine"}, "$unset": {"total": ""}})
    assert one(engine, "sums", key) == {"a": 5, "b": 3, "total": 8, "shown": "5+3"}
    sums.replace_one({"_id": key}, {"a": 0, "b": 0, "total": 0, "shown": "0+0"})
    assert one(engine, "sums", key) == {"a": 0, "b": 0, "total": 0, "shown": "0+0"}
    assert nobody_met(engine)


def test_numbers_of_rows_born_in_mongodb(engine: Engine) -> None:
    """AUTO_INCREMENT columns of the root and of the rows of its list; one that was given stays, also where it is taken away."""
    keys, numbers = [ObjectId() for _ in range(3)], engine.mongo["numbers"]
    numbers.insert_many({"_id": key, "name": "n", "lines": [dict(X), dict(Y)]} for key in keys)
    engine.meet()
    found = both(engine, "numbers")
    assert len({document["number"] for document in found.values()}) == 3
    assert len({line["serial"] for document in found.values() for line in document["lines"]}) == 6
    key = keys[0]
    numbers.update_one({"_id": key}, {"$set": {"number": 900}, "$push": {"lines": {"text": "z", "serial": 800}}})
    numbered = one(engine, "numbers", key)
    assert (numbered["number"], numbered["lines"][2]) == (900, {"text": "z", "serial": 800})
    numbers.update_one({"_id": key}, {"$push": {"lines": {"text": "last"}}})
    assert one(engine, "numbers", key)["lines"][3]["serial"] > 800
    numbers.update_one({"_id": key}, {"$unset": {"number": ""}, "$pop": {"lines": 1}})
    again = one(engine, "numbers", key)
    assert (again["number"], len(again["lines"])) == (900, 3)
    assert nobody_met(engine)


def test_triggers_that_change_the_row(engine: Engine) -> None:
    """Also what they cut because they are not strict, and what they keep as it was."""
    key, shouts = ObjectId(), engine.mongo["shouts"]
    shouts.insert_one({"_id": key, "name": "ann", "code": "", "size": 9})
    assert one(engine, "shouts", key) == {"name": "ANN", "code": "#ANN", "size": 1}
    shouts.update_one({"_id": key}, {"$set": {"name": "barbara"}})
    assert one(engine, "shouts", key) == {"name": "BARBARA", "code": "#BAR", "size": 1}
    shouts.update_one({"_id": key}, {"$set": {"size": 9}})
    assert one(engine, "shouts", key) == {"name": "BARBARA", "code": "#BAR", "size": 1}
    shouts.update_one({"_id": key}, {"$set": {"code": "mine", "name": "BARBARA"}})
    assert one(engine, "shouts", key) == {"name": "BARBARA", "code": "#BAR", "size": 1}
    assert nobody_met(engine)


def test_triggers_that_write_other_rows(engine: Engine) -> None:
    """The root of the same document, and a document of another collection, which nobody else writes."""
    keys, orders = [ObjectId() for _ in range(2)], engine.mongo["orders"]
    orders.insert_many({"_id": key, "name": "n", "count": 0, "lines": [dict(X), dict(Y)]} for key in keys)
    assert one(engine, "orders", keys[0]) == {"name": "n", "count": 2, "lines": [X, Y]}
    assert both(engine, "totals") == {TOTAL: {"lines": 4}}
    orders.update_one({"_id": keys[0]}, {"$push": {"lines": {"text": "z"}}})
    assert one(engine, "orders", keys[0])["count"] == 3
    orders.update_one({"_id": keys[1]}, {"$set": {"lines": [Y], "name": "m"}})
    assert one(engine, "orders", keys[1]) == {"name": "m", "count": 1, "lines": [Y]}
    assert both(engine, "totals") == {TOTAL: {"lines": 4}}
    assert nobody_met(engine)
    orders.delete_one({"_id": keys[0]})
    engine.meet()
    assert both(engine, "orders").keys() == {str(keys[1])}
    assert both(engine, "totals") == {TOTAL: {"lines": 1}}


# Edits in MySQL.


def test_what_mysql_makes_of_its_users_writes(engine: Engine) -> None:
    """It stands in their transactions, as ever; what is not strict is cut before anybody sees it."""
    key = str(ObjectId())
    run(engine, "SET SESSION sql_mode = ''")
    run(engine, "INSERT INTO stamps (id, name) VALUES (%s, %s)", key, "n" * 60)
    run(engine, "INSERT INTO sums (id, a, b) VALUES (%s, 1, 2)", key)
    run(engine, "INSERT INTO numbers (id, name) VALUES (%s, 'n')", key)
    run(engine, "INSERT INTO numbers_lines (of_id, position, text) VALUES (%s, 0, 'x')", key)
    run(engine, "INSERT INTO shouts VALUES (%s, 'barbara', '', 5)", key)
    run(engine, "INSERT INTO orders VALUES (%s, 'n', 0)", key)
    run(engine, "INSERT INTO orders_lines VALUES (%s, 0, 'x')", key)
    engine.meet()
    before = {name: both(engine, name)[key] for name in FIELDS if name != "totals"}
    assert before["stamps"]["name"] == "n" * 50
    assert (before["sums"]["total"], before["shouts"]["code"], before["orders"]["count"]) == (3, "#BAR", 1)
    assert both(engine, "totals") == {TOTAL: {"lines": 1}}
    run(engine, "UPDATE stamps SET name = 'b'")
    run(engine, "UPDATE sums SET a = 5")
    run(engine, "UPDATE shouts SET size = 77, name = 'x'")
    run(engine, "DELETE FROM orders_lines")
    engine.meet()
    after = {name: both(engine, name)[key] for name in FIELDS if name != "totals"}
    assert after["stamps"]["touched"] > before["stamps"]["touched"]
    assert (after["sums"]["total"], after["shouts"]["size"], after["orders"]["count"]) == (7, 5 - 4, 0)
    assert nobody_met(engine)


# Both.


def document(name: str, random: Random) -> Doc:
    """One that a user of MongoDB writes, who leaves to MySQL what is MySQL's."""
    number, text = random.randrange(1000), "".join(random.choices("abcdefg", k=5))
    lines = [{"text": random.choice("xyz")} for _ in range(random.randrange(3))]
    documents: dict[str, Doc] = {
        "stamps": {"name": text},
        "sums": {"a": number, "b": 1},
        "numbers": {"name": text, "lines": lines},
        "shouts": {"name": text, "code": "", "size": number},
        "orders": {"name": text, "count": 0, "lines": lines},
    }
    return documents[name]


def edit_mongo(engine: Engine, name: str, key: ObjectId, random: Random) -> None:
    collection = engine.mongo[name]
    new = document(name, random)
    match random.randrange(5):
        case 0:
            collection.delete_one({"_id": key})
        case 1:
            collection.replace_one({"_id": key}, new, upsert=True)
        case 2 if "lines" in new:
            collection.update_one({"_id": key}, {"$push": {"lines": {"text": "pushed"}}})
        case 3 if name == "sums":
            collection.update_one({"_id": key}, {"$set": {"total": random.randrange(9)}})
        case _:
            field = random.choice(list(new))
            collection.update_one({"_id": key}, {"$set": {field: new[field]}})


def edit_mysql(engine: Engine, name: str, key: ObjectId, random: Random) -> None:
    of = str(key)
    text, number = "".join(random.choices("hijklmn", k=5)), random.randrange(1000)
    column, value = ("b", number) if name == "sums" else ("name", text)
    try:
        engine.mysql.begin()
        match random.randrange(4):
            case 0:
                if name in corrected.LINES:
                    run(engine, f"DELETE FROM {name}_lines WHERE of_id = %s", of)
                run(engine, f"DELETE FROM {name} WHERE id = %s", of)
            case 1 if name in corrected.LINES and engine.value(f"SELECT 1 FROM {name} WHERE id = %s FOR UPDATE", of):
                last = int(engine.value(f"SELECT COUNT(*) FROM {name}_lines WHERE of_id = %s", of))
                run(engine, f"INSERT INTO {name}_lines (of_id, position, text) VALUES (%s, %s, 'm')", of, last)
            case _:
                run(engine, f"UPDATE {name} SET {column} = %s WHERE id = %s", value, of)
        engine.mysql.commit()
    except pymysql.MySQLError as error:
        engine.mysql.rollback()
        if error.args[0] not in (1205, 1213, 1062):
            raise


NAMES = ("stamps", "sums", "numbers", "shouts", "orders")


def edit_both(engine: Engine, keys: list[ObjectId], random: Random, edits: int) -> None:
    for _ in range(edits):
        name, key = random.choice(NAMES), random.choice(keys)
        random.choice([edit_mongo, edit_mysql])(engine, name, key, random)


@pytest.fixture
def seed(record_property: object) -> str:
    """Printed where a test fails."""
    value = str(time.time_ns())
    print(f"seed {value}")  # noqa: T201 - pytest shows it with a failure
    return value


@pytest.mark.parametrize("policy", [one for one in Policy if one is not Policy.MANUAL])  # that waits for a person
@pytest.mark.timeout(300)
def test_both_sides_are_edited_at_once(engine: Engine, seed: str) -> None:
    """The same documents, in any field: equal at the end, with what MySQL makes of it, and no conflict open."""
    edit_both(engine, [ObjectId() for _ in range(4)], Random(seed), 600)
    engine.meet(PATIENCE)
    for name in FIELDS:
        both(engine, name)
    for sums in both(engine, "sums").values():
        assert (sums["total"], sums["shown"]) == (sums["a"] + sums["b"], f"{sums['a']}+{sums['b']}")
    for shouts in both(engine, "shouts").values():
        assert shouts["code"] == f"#{shouts['name']}"[:4]


@pytest.mark.timeout(300)
def test_killed_while_both_sides_are_edited(engine: Engine, seed: str) -> None:
    """SIGKILL of either worker at any moment: what was told and what was written commit together."""
    random, keys = Random(seed), [ObjectId() for _ in range(4)]
    for _ in range(6):
        edit_both(engine, keys, random, 60)
        victim = random.choice(["follower", "listener"])
        engine.kill(victim)
        edit_both(engine, keys, random, 20)
        engine.start(victim)
    engine.meet(PATIENCE)
    for name in FIELDS:
        both(engine, name)


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_the_commit_of_what_was_told(engine: Engine, when: str) -> None:
    """Before it nothing was told and nothing written; after it the follower knows all."""
    keys = [ObjectId() for _ in range(2)]
    engine.kill("listener")
    engine.start_to_die("listener", "tell", when)
    dying = engine.workers["listener"].popen
    engine.mongo["orders"].insert_one({"_id": keys[0], "name": "n", "count": 0, "lines": [dict(X), dict(Y)]})
    engine.until(lambda: dying.poll() is not None)
    assert dying.returncode == -signal.SIGKILL
    engine.start("listener")
    engine.mongo["shouts"].insert_one({"_id": keys[1], "name": "ann", "code": "", "size": 9})
    assert one(engine, "orders", keys[0]) == {"name": "n", "count": 2, "lines": [X, Y]}
    assert both(engine, "totals") == {TOTAL: {"lines": 2}}
    assert one(engine, "shouts", keys[1]) == {"name": "ANN", "code": "#ANN", "size": 1}
    assert nobody_met(engine)


@pytest.mark.parametrize("policy", list(Policy))
def test_a_correction_that_comes_too_late(engine: Engine) -> None:
    """A user of MongoDB who had not seen it deletes, or writes what MySQL changed: under any policy he stands, nobody is asked,
    and nobody lost anything."""
    deleted, written = ObjectId(), ObjectId()
    engine.kill("follower")
    engine.mongo["shouts"].insert_many(
        [{"_id": key, "name": "ann", "code": "", "size": 1} for key in (deleted, written)]
    )
    engine.until(lambda: engine.value("SELECT COUNT(*) FROM shouts") == 2)
    engine.mongo["shouts"].delete_one({"_id": deleted})
    engine.mongo["shouts"].update_one({"_id": written}, {"$set": {"name": "bob"}})
    engine.start("follower")
    assert one(engine, "shouts", written) == {"name": "BOB", "code": "#BOB", "size": 1}
    assert both(engine, "shouts").keys() == {str(written)}
    assert engine.conflicts("settled") == []
    met = {(one["document"], one["kind"]) for one in engine.conflicts("converged")}
    assert met == {(str(key), "correction") for key in (deleted, written)}


# A first copy, and silence.


def test_a_first_copy_from_mongodb(site: Site, tmp_path: Path) -> None:
    """What MySQL makes of the copied rows reaches the documents once the workers run."""
    corrected.prepare(site, tmp_path)
    engine = Engine(site, tmp_path)
    try:
        with site.wiring() as wiring:
            for step in wiring.setup_steps():
                if not step.done:
                    step.apply()
            random = Random(1)
            for name in NAMES:
                engine.mongo[name].insert_many([document(name, random) for _ in range(20)])
            report = wiring.bootstrap(Side.MONGO, lambda *_: None)
        assert (report.documents, report.held) == (100, 0)
        engine.start()
        engine.meet()
        for name in FIELDS:
            both(engine, name)
        assert {one["rank"] for one in both(engine, "stamps").values()} == {7}
        assert nobody_met(engine)
    finally:
        engine.close()


def test_both_logs_fall_silent(engine: Engine, seed: str) -> None:
    """After edits of all of them, on both sides: checkpoints and reports by the clock, and nothing else."""
    edit_both(engine, [ObjectId() for _ in range(3)], Random(seed), 100)
    engine.meet(PATIENCE)
    assert_silent(engine)


def test_an_edit_of_a_corrected_field_crosses_once(engine: Engine) -> None:
    """One write of the user's, one of the listener's, one of the follower's."""
    key = ObjectId()
    engine.mongo["sums"].insert_one({"_id": key, "a": 1, "b": 2})
    engine.meet()
    assert_by_positions(engine)
    file, offset = engine.end_of_binlog()
    end = engine.end_of_oplog()
    engine.mongo["sums"].update_one({"_id": key}, {"$set": {"a": 2}})
    engine.meet()
    database = engine.site.database
    assert tables_in_binlog(engine, file, offset)[f"{database}.sums"] == 1
    assert names_in_oplog(engine, end)[f"{database}.sums"] == 2
