"""Every kind of part and every option on real servers, with both workers at work: both directions, meetings, what is kept."""

from __future__ import annotations

import copy
import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import pymysql
import pytest
from bson import Int64, ObjectId
from pymongo.collection import Collection

from sync.model.change import DocumentId, Side
from tests import every_part
from tests.engine import Engine
from tests.every_part import plain
from tests.plain import Doc, save_rows
from tests.site import Site

ODD_KEYS = ("", ".", "a.b", "$set", "$", "0", "a ", "A", "é", "\U0001f4b6", "_id", "'`\"\\")


def install(site: Site, folder: Path) -> None:
    """The tables, and a mapping of these collections beside the product's own."""
    with site.mysql("owner").cursor() as cursor:
        for statement in every_part.create_statements(site.flavour):
            cursor.execute(statement)
    config = folder / "lockstep.toml"
    config.write_text(f"{site.config_path.read_text()}\n{every_part.MAPPING}")
    site.config_path = config


@pytest.fixture
def installed(site: Site, tmp_path: Path) -> Iterator[Engine]:
    """Nothing is set up, nothing runs."""
    install(site, tmp_path)
    made = Engine(site, tmp_path)
    yield made
    made.close()


@pytest.fixture
def engine(installed: Engine) -> Engine:
    """Both workers run, over empty databases."""
    installed.prepare()
    installed.start()
    return installed


def person(**changes: object) -> Doc:
    """With all that there can be."""
    return {
        "_id": ObjectId(),
        "name": "Ann",
        "home": {"town": "T", "street": {"number": 1, "name": "S"}},
        "work": {"title": "W"},
        "$rank": 5,
        "a.b": "d",
        "": True,
        "passport": {"number": "1", "issued": {"place": "P"}, "stamps": ["a", "b"], "pages": [4, 3]},
        "addresses": [address(7, geo={"lat": 1}), address(3, tags=["t", "u"]), address(5, **{"$note": "n"})],
        "nicknames": ["x", None],
        "pets": {"Rex": {"$name": "Rex", "kind.of": "dog", "age": 3, "collar": {"colour": "red"}}},
        "visits": [{"day": 1, "where": {"town": "V", "zip": "0"}}, {"day": 2}],
        "odd.name": [1, 2],
        **changes,
    }


def bare(**changes: object) -> Doc:
    """With nothing that need not be there."""
    least: Doc = {"name": "Bo", "work": {"title": None}, "a.b": None, "addresses": [], "visits": [], "odd.name": []}
    return {"_id": ObjectId(), **least, **changes}


def thing(**changes: object) -> Doc:
    return {
        "_id": ObjectId(),
        "label": "x",
        "size": {"width": 1, "height": 2},
        "pieces": [{"sku": "a", "qty": 1, "price": {"net": 9}}, {"sku": "b", "qty": 2}],
        "box": {"wide": 1},
        "colours": ["blue", "red"],
        **changes,
    }


def address(key: int, **changes: object) -> Doc:
    return {"_id": key, "city": "A", "tags": [], **changes}


def pet(name: str, **changes: object) -> Doc:
    return {"$name": name, "kind.of": "cat", **changes}


def _set(*path: str | int, to: object) -> Callable[[Doc], None]:
    def change(document: Doc) -> None:
        holder: Any = document
        for name in path[:-1]:
            holder = holder.setdefault(name, {}) if isinstance(holder, dict) else holder[name]
        holder[path[-1]] = to

    return change


def _drop(*path: str | int) -> Callable[[Doc], None]:
    def change(document: Doc) -> None:
        holder: Any = document
        for name in path[:-1]:
            holder = holder[name]
        del holder[path[-1]]

    return change


EDITS: list[tuple[str, Callable[[], Doc], Callable[[Doc], None]]] = [
    ("a field of a path", person, _set("home", "town", to="U")),
    ("a field deeper", person, _set("home", "street", "number", to=-1)),
    ("an object of a path comes", bare, _set("home", "street", "name", to="S")),
    ("a field of a path goes", person, _drop("home", "town")),
    ("an object of a path goes", person, _drop("home", "street")),
    ("all of a path goes", person, _drop("home")),
    ("null becomes a value", bare, _set("work", "title", to="")),
    ("a value becomes null", person, _set("work", "title", to=None)),
    ("a name with a dollar", person, _set("$rank", to=6)),
    ("a name with a dollar comes", bare, _set("$rank", to=0)),
    ("a name with a dollar goes", person, _drop("$rank")),
    ("a name with a dot", person, _set("a.b", to="e")),
    ("a name with a dot becomes null", person, _set("a.b", to=None)),
    ("no name", person, _set("", to=False)),
    ("no name goes", person, _drop("")),
    ("an object comes", bare, _set("passport", to={"number": "9", "stamps": [], "pages": []})),
    ("an object goes", person, _drop("passport")),
    ("a field of an object", person, _set("passport", "number", to="2")),
    ("a path in an object", person, _set("passport", "issued", "place", to="Q")),
    ("a path in an object goes", person, _drop("passport", "issued")),
    ("a set in an object", person, _set("passport", "stamps", to=["c"])),
    ("a list in an object", person, _set("passport", "pages", to=[3, 4, 5])),
    ("a list that was absent", bare, _set("nicknames", to=[None])),
    ("a list that becomes absent", person, _drop("nicknames")),
    ("null in a list", person, _set("nicknames", 0, to=None)),
    ("a map that was absent", bare, _set("pets", to={"Tom": pet("Tom")})),
    ("a map that becomes absent", person, _drop("pets")),
    ("a field with a dot in an entry", person, _set("pets", "Rex", "kind.of", to="wolf")),
    ("an object in an entry goes", person, _drop("pets", "Rex", "collar")),
    ("an object in an entry is empty", person, _set("pets", "Rex", "collar", to={})),
    ("entries of any key", person, _set("pets", to={name: pet(name) for name in ODD_KEYS})),
    ("an entry more", person, _set("pets", "$a.b", to=pet("$a.b"))),
    ("a set with a dot in its name", person, _set("odd.name", to=[2, 3])),
    ("a path in a list", person, _set("visits", 1, "where", "zip", to="1")),
    ("a path in a list goes", person, _drop("visits", 0, "where")),
    ("an element of a list more", bare, _set("visits", to=[{"day": 1}])),
    ("an element with a key", person, _set("addresses", 1, "city", to="B")),
    ("a set in an element", person, _set("addresses", 1, "tags", to=["u", "v"])),
    ("a path in an element goes", person, _drop("addresses", 0, "geo")),
    ("a name with a dollar in an element", person, _set("addresses", 0, "$note", to="m")),
    ("an element in front", person, lambda one: one["addresses"].insert(0, address(9))),
    ("an element behind", person, lambda one: one["addresses"].append(address(-1, tags=["z"]))),
    ("an element of the middle goes", person, _drop("addresses", 1)),
    ("all elements go", person, _set("addresses", to=[])),
    ("an element moves", person, lambda one: one["addresses"].append(one["addresses"].pop(0))),
    ("elements turn round and one changes", person, lambda one: _turned(one)),
    ("another key", person, _set("addresses", 1, "_id", to=99)),
    ("elements that were absent", lambda: thing_without("pieces"), _set("pieces", to=[{"sku": "", "qty": 0}])),
    ("elements that become absent", thing, _drop("pieces")),
    ("a path in an element comes", thing, _set("pieces", 1, "price", to={"net": 0})),
    ("an object becomes empty", thing, _set("box", to={})),
    ("an object of one row goes", thing, _drop("box")),
    ("a set becomes absent", thing, _drop("colours")),
    ("a path goes where all is mapped", thing, _drop("size")),
    ("a path comes where all is mapped", lambda: thing_without("size"), _set("size", to={"height": 5})),
]


def _turned(document: Doc) -> None:
    document["addresses"].reverse()
    document["addresses"][0]["city"] = "turned"


def thing_without(name: str) -> Doc:
    document = thing()
    del document[name]
    return document


def collection_of(document: Doc) -> str:
    return "things" if "label" in document else "people"


@pytest.fixture
def edits() -> list[tuple[str, Doc, Doc]]:
    """What, a document of its own, the same edited."""
    cases = []
    for what, new, change in EDITS:
        before = new()
        after = copy.deepcopy(before)
        change(after)
        assert after != before, what
        cases.append((what, before, after))
    return cases


def save(engine: Engine, before: Doc | None, after: Doc | None) -> None:
    """One version after another, as row statements in one transaction."""
    name = collection_of(before or after or {})
    engine.mysql.begin()
    with engine.mysql.cursor() as cursor:
        save_rows(cursor, plain.rows_of(name, before), plain.rows_of(name, after))
    engine.mysql.commit()


def in_mysql(engine: Engine, document: Doc) -> Doc | None:
    with engine.mysql.cursor() as cursor:
        return plain.in_mysql(cursor, collection_of(document), document["_id"])


def in_mongo(engine: Engine, document: Doc) -> Doc | None:
    found = engine.mongo[collection_of(document)].find_one({"_id": document["_id"]})
    return None if found is None else plain.normal(found)


def assert_both(engine: Engine, what: str, document: Doc) -> None:
    """This stands on both sides."""
    assert in_mysql(engine, document) == plain.normal(document), what
    assert in_mongo(engine, document) == plain.normal(document), what


def assert_verified(engine: Engine) -> None:
    """And so says the product."""
    found = engine.site.lockstep_json("verify")
    assert (found["equal"], found["held"]) == (True, 0)


def is_odd(name: str) -> bool:
    return not name or "$" in name or "." in name


def write_fields(collection: Collection[Doc], before: Doc, after: Doc) -> None:
    """What differs, by field."""
    names = [name for name in {*before, *after} if before.get(name, ...) != after.get(name, ...)]
    sets = {name: after[name] for name in names if name in after}
    gone = {name: "" for name in names if name not in after}
    if names:
        collection.update_one(
            {"_id": after["_id"]}, ({"$set": sets} if sets else {}) | ({"$unset": gone} if gone else {})
        )


def write_mongo(engine: Engine, before: Doc, after: Doc) -> None:
    """What differs, by field; names that no path can hold by a pipeline, as an application would."""
    collection, odd = engine.mongo[collection_of(after)], {name for name in {*before, *after} if is_odd(name)}
    write_fields(
        collection, *({name: value for name, value in one.items() if name not in odd} for one in (before, after))
    )
    changed = [name for name in odd if before.get(name, ...) != after.get(name, ...)]
    if changed:
        collection.update_one({"_id": after["_id"]}, [{"$replaceWith": {"$literal": after}}])


def test_every_edit_in_mongo_reaches_mysql(engine: Engine, edits: list[tuple[str, Doc, Doc]]) -> None:
    """Insert, edit, delete: the same as was written, told without the engine."""
    for _, before, _ in edits:
        engine.mongo[collection_of(before)].insert_one(before)
    engine.settle()
    for what, before, after in edits:
        assert_both(engine, what, before)
        write_mongo(engine, before, after)
    engine.settle()
    assert engine.conflicts() == []
    for what, _, after in edits:
        assert_both(engine, what, after)
    assert_verified(engine)
    for _, _, after in edits:
        engine.mongo[collection_of(after)].delete_one({"_id": after["_id"]})
    engine.settle()
    for table in (table for tables in plain.TABLES.values() for table in tables):
        assert engine.value(f"SELECT COUNT(*) FROM {table}") == 0, table


def test_every_edit_in_mysql_reaches_mongo(engine: Engine, edits: list[tuple[str, Doc, Doc]]) -> None:
    """The same the other way."""
    for _, before, _ in edits:
        save(engine, None, before)
    engine.settle()
    for what, before, after in edits:
        assert_both(engine, what, before)
        save(engine, before, after)
    engine.settle()
    assert engine.conflicts() == []
    for what, _, after in edits:
        assert_both(engine, what, after)
    assert_verified(engine)
    for _, _, after in edits:
        save(engine, after, None)
    engine.settle()
    assert [engine.mongo[name].count_documents({}) for name in plain.TABLES] == [0, 0, 0]


@pytest.mark.parametrize("origin", list(Side))
def test_the_first_copy_takes_them(installed: Engine, edits: list[tuple[str, Doc, Doc]], origin: Side) -> None:
    """From either side; verify and explain say that both are equal."""
    installed.site.setup()
    documents = [one for _, before, after in edits for one in (before, after | {"_id": ObjectId()})]
    for document in documents:
        if origin is Side.MYSQL:
            save(installed, None, document)
        else:
            installed.mongo[collection_of(document)].insert_one(document)
    installed.site.lockstep("bootstrap", "--from", str(origin))
    for document in documents:
        assert_both(installed, str(document["_id"]), document)
    assert_verified(installed)
    for document in (documents[0], documents[-1]):
        shown = ("--collection", collection_of(document), "--id", str(document["_id"]))
        assert installed.site.lockstep_json("explain", *shown)["equal"] is True


# Meetings. Both sides write while no worker runs: neither has seen the other's edit.


def meet(engine: Engine, before: Doc, mysql: Doc, mongo: Doc) -> Doc:
    """Both edits at once; what both sides hold then, which is the same."""
    engine.mongo[collection_of(before)].insert_one(before)
    engine.settle()
    engine.kill("follower")
    engine.kill("listener")
    save(engine, before, mysql)
    write_mongo(engine, before, mongo)
    engine.start()
    engine.meet()
    found = in_mysql(engine, before)
    assert found is not None
    assert in_mongo(engine, before) == found
    assert_verified(engine)
    return found


def test_edits_of_two_elements_at_once_both_stay(engine: Engine) -> None:
    """And so does the move of one beside the edit of another."""
    before = person()
    seven, three, five = before["addresses"]
    mysql, mongo = copy.deepcopy(before), copy.deepcopy(before)
    mysql["addresses"][0] |= {"city": "from MySQL", "tags": ["m"]}
    mongo["addresses"] = [five, seven, three | {"city": "from MongoDB", "geo": {"lat": 4}}]
    found = meet(engine, before, mysql, mongo)
    assert found["addresses"] == [
        five,
        seven | {"city": "from MySQL", "tags": ["m"]},
        three | {"city": "from MongoDB", "geo": {"lat": 4}},
    ]
    assert engine.conflicts("settled") == []


def test_elements_that_come_and_go_at_once(engine: Engine) -> None:
    """What either side adds stays, what either deletes is gone, whoever was last."""
    before = person()
    seven, three, five = before["addresses"]
    mysql = before | {"addresses": [seven, five, address(10)]}
    mongo = before | {"addresses": [address(20), seven, three, five, address(21)]}
    found = meet(engine, before, mysql, mongo)
    assert [one["_id"] for one in found["addresses"]] == [20, 7, 5, 21, 10]
    assert engine.conflicts("settled") == []


def test_two_orders_at_once(engine: Engine) -> None:
    """One of both, whole, and the report has the other."""
    before = person()
    one, two, three = before["addresses"]
    orders = [[three, one, two], [two, one, three]]
    found = meet(engine, before, *(before | {"addresses": order} for order in orders))
    assert found["addresses"] in orders
    assert len(engine.conflicts("settled")) == 1


class People:
    """Edit the same documents on one side, seeing only that side: elements come, go, move and change; objects and paths too."""

    def __init__(self, engine: Engine, side: Side, keys: list[ObjectId], seed: str) -> None:
        self._random = Random(f"{seed}/{side}")
        self._things, self._keys, self._side = engine.mongo["things"], keys, side
        self._session = engine.site.mysql("app")

    def run(self, edits: int) -> None:
        """One after another."""
        for _ in range(edits):
            key = self._random.choice(self._keys)
            if self._side is Side.MONGO:
                before = self._things.find_one({"_id": key})
                assert before is not None
                write_fields(self._things, before, self._changed(before))
            else:
                self._in_mysql(key)

    def _in_mysql(self, key: ObjectId) -> None:
        while True:
            try:
                self._session.begin()
                with self._session.cursor() as cursor:
                    cursor.execute("SELECT 1 FROM thing WHERE id = %s FOR UPDATE", (str(key),))
                    before = plain.in_mysql(cursor, "things", key)
                    assert before is not None
                    save_rows(cursor, plain.rows_of("things", before), plain.rows_of("things", self._changed(before)))
                self._session.commit()
            except pymysql.MySQLError as error:
                self._session.rollback()
                if error.args[0] not in (1205, 1213, 3572):
                    raise
            else:
                return

    def _changed(self, document: Doc) -> Doc:
        after, random = copy.deepcopy(document), self._random
        pieces = after.get("pieces", [])
        match random.randrange(8):
            case 0 | 1:
                new = {"sku": f"{self._side}{random.randrange(20)}", "qty": random.randrange(9)}
                if all(one["sku"] != new["sku"] for one in pieces):
                    pieces.insert(random.randint(0, len(pieces)), new)
            case 2 if pieces:
                del pieces[random.randrange(len(pieces))]
            case 3 if pieces:
                pieces.insert(random.randrange(len(pieces)), pieces.pop(random.randrange(len(pieces))))
            case 4 | 5 if pieces:
                random.choice(pieces)["qty"] = random.randrange(1000)
            case 6:
                _toggle(after, "box", {"wide": random.randrange(9)})
            case _:
                _toggle(after, "size", {random.choice(["width", "height"]): random.randrange(9)})
        after.pop("pieces", None)
        return after | ({"pieces": pieces} if pieces else {})


def _toggle(document: Doc, name: str, value: Doc) -> None:
    if document.pop(name, None) is None:
        document[name] = value


def test_whatever_both_sides_do_at_once_ends_equal(engine: Engine) -> None:
    """At random, with both workers at work; then nothing is held and both sides hold the same."""
    seed = os.environ.get("LOCKSTEP_SEED") or str(time.time_ns())
    print(f"LOCKSTEP_SEED={seed}")  # noqa: T201 - pytest shows it with a failure
    documents = [thing() for _ in range(8)]
    engine.mongo["things"].insert_many(documents)
    engine.settle()
    people = [People(engine, side, [one["_id"] for one in documents], seed) for side in Side]
    with ThreadPoolExecutor(2) as threads:
        for done in threads.map(lambda one: one.run(200), people):
            assert done is None
    engine.meet(120)
    for document in documents:
        assert in_mysql(engine, document) == in_mongo(engine, document)
    assert_verified(engine)


def test_an_object_and_a_path_at_once(engine: Engine) -> None:
    """Fields of one object, and of the objects of a path, are decided one by one; one that comes on one side stays."""
    before = bare(home={"town": "T"}, passport={"number": "1", "stamps": [], "pages": []})
    mysql, mongo = copy.deepcopy(before), copy.deepcopy(before)
    mysql |= {"home": {"town": "U"}, "passport": {"number": "2", "stamps": ["m"], "pages": []}}
    mongo |= {
        "home": {"town": "T", "street": {"number": 3}},
        "passport": {"number": "1", "issued": {"place": "P"}, "stamps": ["n"], "pages": []},
        "nicknames": ["n"],
    }
    found = meet(engine, before, mysql, mongo)
    assert found["home"] == {"town": "U", "street": {"number": 3}}
    assert found["passport"] == {"number": "2", "issued": {"place": "P"}, "stamps": ["m", "n"], "pages": []}
    assert found["nicknames"] == ["n"]


def test_gaps_beside_a_key_are_closed(engine: Engine) -> None:
    """Whoever deletes a row in MySQL need not count the others anew; two in one place go by their key."""
    document = person()
    save(engine, None, document)
    engine.settle()
    mine = str(document["_id"])
    with engine.mysql.cursor() as cursor:
        cursor.execute("DELETE FROM person_address WHERE person_id = %s AND address_id = 7", (mine,))
        cursor.execute("UPDATE person_address SET position = 10 WHERE person_id = %s", (mine,))
    engine.meet()
    wanted = [one for one in document["addresses"] if one["_id"] != 7]
    assert_both(engine, "gaps", document | {"addresses": wanted})
    assert (
        engine.value("SELECT GROUP_CONCAT(position ORDER BY address_id) FROM person_address WHERE person_id = %s", mine)
        == "0,1"
    )


# What no column takes.


def test_what_no_column_takes_stays_while_all_else_changes(engine: Engine, edits: list[tuple[str, Doc, Doc]]) -> None:
    """In the document, in objects of dotted paths, objects, entries, and elements, also those that move."""
    extra = {"more": [1, {"$x": None}], "a.b.c": 1}
    before, after = person(), person()
    after["_id"] = before["_id"]
    stored = copy.deepcopy(before)
    for holder in _holders(stored):
        holder.update(extra)
    engine.mongo["people"].insert_one(stored)
    engine.settle()
    assert in_mysql(engine, before) == before
    for what, new, change in EDITS:
        if new is not person:
            continue
        change(after)
        save(engine, before, after)
        engine.settle()
        found = engine.mongo["people"].find_one({"_id": before["_id"]})
        assert found is not None
        for holder in _holders(found):
            kept = {name: holder.pop(name) for name in extra if name in holder}
            assert kept in (extra, {}), what
            if holder is found:
                assert kept == extra, what
        assert plain.normal(_without_empty(found)) == plain.normal(after), what
        before = copy.deepcopy(after)
        after = person() | {"_id": before["_id"]}
        save(engine, before, after)
        before = copy.deepcopy(after)
    assert engine.conflicts() == []


def _holders(document: Doc) -> Iterator[Doc]:
    """Every object in which more may stand."""
    yield document
    for name in ("home", "passport"):
        if name in document:
            yield document[name]
    if "street" in document.get("home", {}):
        yield document["home"]["street"]
    yield from document["addresses"]
    yield from document.get("pets", {}).values()


def _without_empty(document: Doc) -> Doc:
    """Objects of dotted paths that stood only for what no column takes."""
    home = {name: value for name, value in document.get("home", {}).items() if value != {}}
    return {name: value for name, value in document.items() if name != "home"} | ({"home": home} if home else {})


def test_only_what_is_new_has_nothing_more(engine: Engine) -> None:
    """Each element keeps its own, wherever it stands; only fields that were mapped cross."""
    document = person()
    stored = copy.deepcopy(document)
    for place, one in enumerate(stored["addresses"]):
        one["mark"] = place
    engine.mongo["people"].insert_one(stored)
    engine.settle()
    after = copy.deepcopy(document)
    after["addresses"] = [address(1), *reversed(after["addresses"])]
    save(engine, document, after)
    engine.settle()
    found = engine.mongo["people"].find_one({"_id": document["_id"]})
    assert found is not None
    assert [(one["_id"], one.get("mark")) for one in found["addresses"]] == [(1, None), (5, 2), (3, 1), (7, 0)]


CHILD_TABLES = tuple(table for table in plain.TABLES["people"] if table != "person")


def marked(document: Doc) -> Doc:
    """With a field in each object that no column takes, which tells the object."""
    stored = copy.deepcopy(document)
    for place, holder in enumerate(_holders(stored)):
        holder["mark"] = place
    return stored


def stands(engine: Engine, wanted: Doc) -> None:
    """In MongoDB, what no column takes included."""
    found = engine.mongo["people"].find_one({"_id": wanted["_id"]})
    assert found is not None
    assert plain.normal(found) == plain.normal(wanted)


def in_one_transaction(engine: Engine, *statements: tuple[str, *tuple[Any, ...]]) -> None:
    """Each with its parameters."""
    engine.mysql.begin()
    with engine.mysql.cursor() as cursor:
        for statement, *parameters in statements:
            cursor.execute(statement, parameters)
    engine.mysql.commit()


def rekeyed(before: object, after: object) -> list[tuple[str, *tuple[Any, ...]]]:
    """A person is given another key, with all that is below."""
    children = [(f"UPDATE {table} SET person_id = %s WHERE person_id = %s", after, before) for table in CHILD_TABLES]
    return [*children, ("UPDATE person SET id = %s WHERE id = %s", after, before)]


def test_what_no_column_takes_goes_along_to_another_document(engine: Engine) -> None:
    """Where MySQL gives a document another key: at every level, through keys that it has only for a while, by swaps, and
    where an entry alone goes to another document."""
    one, two, three = person(), person(name="Bea"), bare()
    stored = [marked(one), marked(two) | {"two": 2}, marked(three)]
    engine.mongo["people"].insert_many(stored)
    engine.settle()
    new, meanwhile = str(ObjectId()), str(ObjectId())
    in_one_transaction(engine, *rekeyed(str(one["_id"]), meanwhile))
    in_one_transaction(engine, *rekeyed(meanwhile, new))
    engine.settle()
    assert in_mongo(engine, one) is None
    stands(engine, stored[0] | {"_id": ObjectId(new)})
    of_two = str(two["_id"])
    in_one_transaction(engine, *rekeyed(new, meanwhile), *rekeyed(of_two, new), *rekeyed(meanwhile, of_two))
    engine.settle()
    stands(engine, stored[0] | {"_id": two["_id"]})
    stands(engine, stored[1] | {"_id": ObjectId(new)})
    in_one_transaction(
        engine,
        ("UPDATE person_pet SET person_id = %s WHERE person_id = %s", str(three["_id"]), of_two),
        ("UPDATE person_pet_collar SET person_id = %s WHERE person_id = %s", str(three["_id"]), of_two),
    )
    engine.settle()
    stands(engine, stored[2] | {"pets": stored[0]["pets"]})
    assert engine.conflicts() == []


def test_what_no_column_takes_goes_along_to_another_entry(engine: Engine) -> None:
    """Of a map and of a list with a key; an entry that comes where one has left has nothing more."""
    document = person(pets={"Rex": pet("Rex"), "Tom": pet("Tom")})
    stored = marked(document)
    engine.mongo["people"].insert_one(stored)
    engine.settle()
    mine = str(document["_id"])
    rename = "UPDATE person_pet SET pet_key = %s WHERE person_id = %s AND pet_key = %s"
    in_one_transaction(engine, (rename, "a.b", mine, "Rex"))
    engine.settle()
    rex, tom = stored["pets"]["Rex"], stored["pets"]["Tom"]
    stands(engine, stored | {"pets": {"a.b": rex | {"$name": "a.b"}, "Tom": tom}})
    in_one_transaction(
        engine,
        (rename, "x", mine, "a.b"),
        (rename, "a.b", mine, "Tom"),
        (rename, "Tom", mine, "x"),
        ("UPDATE person_address SET address_id = 8 WHERE person_id = %s AND address_id = 7", mine),
        ("UPDATE person_address_tag SET address_id = 7 WHERE person_id = %s AND address_id = 3", mine),
        ("UPDATE person_address SET address_id = 7 WHERE person_id = %s AND address_id = 3", mine),
    )
    engine.settle()
    first, second, third = stored["addresses"]
    now = stored | {
        "pets": {"a.b": tom | {"$name": "a.b"}, "Tom": rex | {"$name": "Tom"}},
        "addresses": [first | {"_id": 8}, second | {"_id": 7}, third],
    }
    stands(engine, now)
    in_one_transaction(
        engine,
        (rename, "Jim", mine, "Tom"),
        ("INSERT INTO person_pet (person_id, pet_key, kind_of) VALUES (%s, 'Tom', 'cat')", mine),
    )
    engine.settle()
    stands(engine, now | {"pets": {"a.b": now["pets"]["a.b"], "Jim": rex | {"$name": "Jim"}, "Tom": pet("Tom")}})
    assert engine.conflicts() == []


def test_what_cannot_go_along_is_kept_in_the_report(engine: Engine) -> None:
    """Where the other document is held, so is the one that has more; what the end of a held one takes away has lost."""
    document, other, edited = person(), ObjectId(), person(pets={"Rex": pet("Rex")})
    stored = [marked(document) | {"more": "only here"}, edited | {"pets": {"Rex": pet("Rex", more="and there")}}]
    engine.mongo["people"].insert_many(stored)
    engine.settle()
    engine.workers["follower"].end()
    in_one_transaction(engine, *rekeyed(str(document["_id"]), str(other)))
    engine.mongo["people"].insert_one(bare(_id=other))
    in_one_transaction(
        engine,
        ("UPDATE person SET name = 'Bea' WHERE id = %s", str(edited["_id"])),
        ("UPDATE person_pet SET pet_key = 'Tom' WHERE person_id = %s", str(edited["_id"])),
    )
    engine.mongo["people"].update_one({"_id": edited["_id"]}, {"$set": {"name": "Cid"}})
    engine.start("follower")
    engine.meet()
    assert in_mongo(engine, document) is None
    held = {one["document"]: one for one in engine.conflicts("settled")}
    assert held[str(document["_id"])]["kind"] == "unmappable_document"
    for key, lost in ((document["_id"], "only here"), (edited["_id"], "and there")):
        shown = engine.site.lockstep("conflicts", "show", str(held[str(key)]["id"]), "--json").stdout
        assert lost in shown
    assert_verified(engine)


def test_what_cannot_go_along_is_kept_where_the_old_key_is_taken_again(engine: Engine) -> None:
    """By a new row, or by one that comes from the document that is held."""
    one, two, three = (marked(person()) | {"more": f"of {name}"} for name in "ABC")
    engine.mongo["people"].insert_many([one, two, three])
    engine.settle()
    engine.workers["follower"].end()
    taken, meanwhile = ObjectId(), str(ObjectId())
    key_one, key_two, key_three = (str(document["_id"]) for document in (one, two, three))
    in_one_transaction(
        engine,
        *rekeyed(key_one, str(taken)),
        ("INSERT INTO person (id, name) VALUES (%s, 'Dee')", key_one),
        *rekeyed(key_two, meanwhile),
        *rekeyed(key_three, key_two),
        *rekeyed(meanwhile, key_three),
    )
    engine.mongo["people"].insert_one(bare(_id=taken))
    engine.mongo["people"].update_one({"_id": three["_id"]}, {"$set": {"name": "Cid"}})
    engine.start("follower")
    engine.meet()
    kept = json.dumps(list(engine.mongo["people"].find()), default=str)
    for held in engine.conflicts("settled"):
        kept += engine.site.lockstep("conflicts", "show", str(held["id"]), "--json").stdout
    for name in "ABC":
        assert f"of {name}" in kept
    assert_verified(engine)


def test_a_row_that_cannot_be_carried_takes_nothing_from_where_it_was(engine: Engine) -> None:
    """Both ends are held; once the one goes, what no column takes of it is in the report."""
    document, other = person(), str(ObjectId())
    engine.mongo["people"].insert_one(document | {"more": "only here"})
    engine.settle()
    before = str(document["_id"])
    children = rekeyed(before, other)[:-1]
    unfit = ("UPDATE person SET id = %s, nameless = 7 WHERE id = %s", other, before)
    in_one_transaction(engine, *children, unfit)
    engine.until(lambda: in_mongo(engine, document) is None)
    (held,) = engine.conflicts("settled")
    assert held["document"] == before
    assert "only here" in engine.site.lockstep("conflicts", "show", str(held["id"]), "--json").stdout
    assert [one["document"] for one in engine.conflicts("waiting")] == [other]
    in_one_transaction(engine, ("UPDATE person SET nameless = 1 WHERE id = %s", other))
    engine.meet()
    assert_both(engine, "it can be carried", document | {"_id": ObjectId(other)})


def test_what_mongo_refuses_under_another_key_is_held_on_both_ends(engine: Engine) -> None:
    """The document of the new key for its reason, that of the old one for what no column takes of it."""
    document, other, taken = person(), ObjectId(), bare(name="Cid")
    engine.mongo["people"].insert_many([document | {"more": "only here"}, taken])
    engine.settle()
    engine.site.mongo("admin")["people"].create_index("name", unique=True)
    before = str(document["_id"])
    in_one_transaction(engine, ("UPDATE person SET name = 'Cid' WHERE id = %s", before), *rekeyed(before, str(other)))
    engine.settle()
    (waiting,) = engine.conflicts("waiting")
    assert (waiting["document"], waiting["kind"]) == (str(other), "unique_violation")
    engine.until(lambda: in_mongo(engine, document) is None)
    (held,) = engine.conflicts("settled")
    assert (held["document"], held["kind"]) == (before, "unmappable_document")
    assert "only here" in engine.site.lockstep("conflicts", "show", str(held["id"]), "--json").stdout
    engine.mongo["people"].delete_one({"_id": taken["_id"]})
    engine.meet()
    assert_both(engine, "its value is free", document | {"_id": other, "name": "Cid"})


def test_what_is_rejected_is_held_until_it_is_gone(engine: Engine) -> None:
    """At every level; a repair from MySQL takes it away, and the report has what stood there."""
    places = ["more", "size.more", "pieces.0.more", "box.more"]
    documents = [thing() for _ in places]
    engine.mongo["things"].insert_many(documents)
    engine.settle()
    for document, place in zip(documents, places, strict=True):
        engine.mongo["things"].update_one({"_id": document["_id"]}, {"$set": {place: 1, "label": "y"}})
    engine.settle()
    held = {one["document"]: one for one in engine.conflicts()}
    assert held.keys() == {str(one["_id"]) for one in documents}
    assert {one["kind"] for one in held.values()} == {"unmappable_document"}
    assert all('unmapped = "reject"' in one["reason"] for one in held.values())
    mended, repaired = documents[:2], documents[2:]
    for document, place in zip(mended, places, strict=False):
        engine.mongo["things"].update_one({"_id": document["_id"]}, {"$unset": {place: ""}})
    with engine.site.wiring() as wiring:
        for document in repaired:
            wiring.repair(DocumentId("things", str(document["_id"])), Side.MYSQL, dry_run=False)
    engine.meet()
    for document in mended:
        assert_both(engine, "mended", document | {"label": "y"})
    for document in repaired:
        assert_both(engine, "repaired", document)


def test_what_no_column_takes_crosses_as_json(engine: Engine) -> None:
    """In one column, in both directions, with every type; a text that is no JSON is held."""
    key, other = ObjectId(), ObjectId()
    note = {"_id": key, "title": "t", "a": Int64(1), "b": {"x": [1.0, None], "y": ObjectId("0" * 24)}, "$c": -0.0}
    engine.mongo["notes"].insert_many([note, {"_id": other, "title": "u"}])
    engine.settle()
    zeros = {"$oid": "0" * 24}
    assert json.loads(engine.value("SELECT more FROM note WHERE id = %s", str(key))) == {
        "a": {"$numberLong": "1"},
        "b": {"x": [{"$numberDouble": "1.0"}, None], "y": zeros},
        "$c": {"$numberDouble": "-0.0"},
    }
    assert engine.value("SELECT more FROM note WHERE id = %s", str(other)) is None
    with engine.mysql.cursor() as cursor:
        more = '{"a": 2, "new": {"$date": "2020-02-02T00:00:00Z"}, "a.b": [], "b": {"y": {"$oid": "%s"}}}' % ("0" * 24)
        cursor.execute("UPDATE note SET more = %s WHERE id = %s", (more, str(key)))
        cursor.execute("UPDATE note SET more = '{\"z\": true}' WHERE id = %s", (str(other),))
    engine.settle()
    assert engine.mongo["notes"].find_one({"_id": key}) == {
        "_id": key,
        "title": "t",
        "a": 2,
        "new": datetime(2020, 2, 2),  # noqa: DTZ001 - as pymongo decodes it
        "a.b": [],
        "b": {"y": ObjectId("0" * 24)},
    }
    engine.mongo["notes"].update_one({"_id": other}, {"$unset": {"z": ""}, "$set": {"title": "v"}})
    engine.settle()
    assert engine.value("SELECT CONCAT(title, more IS NULL) FROM note WHERE id = %s", str(other)) == "v1"
    with engine.mysql.cursor() as cursor:
        cursor.execute("UPDATE note SET more = 'no JSON' WHERE id = %s", (str(other),))
    engine.settle()
    (held,) = engine.conflicts()
    assert (held["document"], held["kind"]) == (str(other), "unmappable_document")
    with engine.mysql.cursor() as cursor:
        cursor.execute("UPDATE note SET more = '{}' WHERE id = %s", (str(other),))
    engine.meet()
    assert_verified(engine)


UNMAPPABLE: list[tuple[str, Doc, str]] = [
    ("a key twice", {"$push": {"addresses": address(7)}}, "addresses.3"),
    ("an element without its key", {"$push": {"addresses": {"city": "A", "tags": []}}}, "addresses.3._id"),
    ("an array in an array", {"$push": {"nicknames": ["n"]}}, "nicknames.2"),
    ("an array for an element", {"$push": {"addresses": [address(1)]}}, "addresses.3"),
    ("an empty part that should be absent", {"$set": {"nicknames": []}}, "nicknames"),
    ("null for an object", {"$set": {"passport": None}}, "passport"),
    ("null for an object of a path", {"$set": {"home": None}}, "home"),
    ("an absent field that should be null", {"$unset": {"work": ""}}, "work.title"),
]


def test_what_rows_cannot_hold_is_held_with_its_place(engine: Engine) -> None:
    """And mended where it stands."""
    documents = [person() for _ in UNMAPPABLE]
    engine.mongo["people"].insert_many(documents)
    engine.settle()
    for document, (_, change, _) in zip(documents, UNMAPPABLE, strict=True):
        engine.mongo["people"].update_one({"_id": document["_id"]}, change)
    engine.settle()
    held = {one["document"]: one for one in engine.conflicts()}
    for document, (what, _, place) in zip(documents, UNMAPPABLE, strict=True):
        one = held[str(document["_id"])]
        assert one["kind"] == "unmappable_document", what
        assert f"{place}: " in one["reason"], what
        assert in_mysql(engine, document) == plain.normal(document), what
        engine.mongo["people"].update_one({"_id": document["_id"]}, [{"$replaceWith": {"$literal": document}}])
    engine.meet()
    for document, (what, _, _) in zip(documents, UNMAPPABLE, strict=True):
        assert_both(engine, what, document)


def test_a_key_that_no_name_can_be_is_held(engine: Engine) -> None:
    """A zero byte in MySQL: BSON's names end there. The rest goes on."""
    document, other = person(), person()
    save(engine, None, document)
    save(engine, None, other)
    engine.settle()
    with engine.mysql.cursor() as cursor:
        cursor.execute(
            "INSERT INTO person_pet (person_id, pet_key, kind_of) VALUES (%s, %s, 'cat')",
            (str(document["_id"]), "a\0b"),
        )
        cursor.execute("UPDATE person SET name = 'C' WHERE id = %s", (str(other["_id"]),))
    engine.settle()
    (held,) = engine.conflicts()
    assert held["document"] == str(document["_id"])
    assert_both(engine, "other", other | {"name": "C"})
    with engine.mysql.cursor() as cursor:
        cursor.execute("DELETE FROM person_pet WHERE pet_key = %s", ("a\0b",))
    engine.meet()
    assert_both(engine, "mended", document)


def test_doctor_looks_at_documents(installed: Engine) -> None:
    """Some of each collection, whether they can be carried; reasons without values."""
    installed.site.setup()
    installed.mongo["things"].insert_many([thing(), thing(secret="s"), thing(secret="t"), thing(size=5)])
    done = installed.site.lockstep("doctor", "--json", check=False)
    found = {one["subject"]: one for one in json.loads(done.stdout)}
    told = found["mongo: documents of things"]
    assert (told["level"], bool(told["fix"])) == ("warning", True)
    assert "3 of 4" in told["message"]
    assert "document: 1 field(s) that no column takes" in told["message"]
    assert "secret" not in done.stdout
    assert "mongo: documents of people" not in found
