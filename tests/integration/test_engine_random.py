"""Thousands of edits on both sides at once, with both workers killed again and again: all is carried, once."""

from __future__ import annotations

import copy
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from random import Random
from typing import Any

import pytest
from bson import ObjectId
from pymysql.cursors import Cursor

from backend.analytics.sample import Sample
from sync.model.change import Side
from tests import plain
from tests.both_logs import CONNECTS, ends, in_binlog
from tests.engine import Engine
from tests.plain import Doc

#: Edits on each side.
EDITS = 1000
#: Documents of each collection that a side edits.
OWN = 20


class Editor:
    """One side's people: they edit documents of their own, so that what must stand at the end is known exactly."""

    def __init__(self, engine: Engine, side: Side, seed: str) -> None:
        self._engine = engine
        self.side = side
        self._random = Random(f"{seed}/{side}")
        self._session = engine.site.mysql("app")
        #: What must stand on both sides; None where the document was deleted.
        self.documents: dict[tuple[str, str], Doc | None] = {}
        self.edits = 0
        sample = Sample.of(OWN, self._random.randrange(1000))
        for name in plain.COLLECTIONS:
            for document, _ in zip(sample.documents(name), range(OWN), strict=False):
                self._write(name, None, document | {"_id": ObjectId()})

    def edit(self) -> None:
        """One more edit: of anything, sometimes a deletion, sometimes what was deleted comes back."""
        key = self._random.choice(list(self.documents))
        before = self.documents[key]
        after: Doc | None
        if before is None:
            after = self._random_document(key[0]) | {"_id": ObjectId(key[1])}
        elif self._random.random() < 0.05:
            after = None
        else:
            after = self._changed(key[0], copy.deepcopy(before))
        self._write(key[0], before, after)

    def _random_document(self, name: str) -> Doc:
        return next(iter(Sample.of(1, self._random.randrange(10**6)).documents(name)))

    def _changed(self, name: str, document: Doc) -> Doc:
        other = self._random_document(name)
        field = self._random.choice([field for field in other if field != "_id"])
        value = document.get(field)
        if isinstance(value, list) and value and self._random.random() < 0.7:
            place = self._random.randrange(len(value))
            match self._random.randrange(3):
                case 0:
                    del value[place]
                case 1:
                    value.insert(place, copy.deepcopy(self._random.choice(value)))
                case _:
                    value[place] = self._random.choice(value)
        elif isinstance(value, dict) and value and self._random.random() < 0.7:
            entry = value[self._random.choice(list(value))]
            entry["active"] = not entry["active"]
            entry["benefits"] = sorted({*entry["benefits"], str(self._random.randrange(5))})[1:]
        else:
            document[field] = copy.deepcopy(other[field])
        return document

    def _write(self, name: str, before: Doc | None, after: Doc | None) -> None:
        key = str((after or before or {})["_id"])
        if self.side is Side.MYSQL:
            self._session.begin()
            with self._session.cursor() as cursor:
                plain.save(cursor, name, before, after)
            self._session.commit()
        else:
            self._write_mongo(name, before, after)
        self.documents[name, key] = after
        self.edits += 1

    def _write_mongo(self, name: str, before: Doc | None, after: Doc | None) -> None:
        collection = self._engine.mongo[name]
        if after is None:
            assert before is not None
            collection.delete_one({"_id": before["_id"]})
        elif before is None:
            collection.insert_one(after)
        elif self._random.random() < 0.3:
            collection.replace_one({"_id": after["_id"]}, after)
        else:
            sets = {field: value for field, value in after.items() if before.get(field, ...) != value}
            gone = dict.fromkeys(before.keys() - after.keys(), "")
            update: Doc = ({"$set": sets} if sets else {}) | ({"$unset": gone} if gone else {})
            if update:
                collection.update_one({"_id": after["_id"]}, update)


def assert_as_written(engine: Engine, editors: list[Editor]) -> None:
    """Both sides hold what their editors wrote last, and nothing is held."""
    engine.settle()
    assert engine.conflicts() == []
    found = engine.assert_equal()
    for editor in editors:
        for (name, key), document in editor.documents.items():
            wanted = None if document is None else plain.normal(copy.deepcopy(document))
            assert found[name].get(key) == wanted, (name, key)


@pytest.mark.parametrize("seed", ["one"])
def test_two_thousand_edits_on_both_sides_at_once(engine: Engine, seed: str) -> None:
    """Over different documents: then equal, and exactly what was written last."""
    editors = [Editor(engine, side, seed) for side in Side]

    def edit(editor: Editor) -> None:
        while editor.edits < EDITS:
            editor.edit()

    with ThreadPoolExecutor(2) as people:
        for done in people.map(edit, editors):
            assert done is None
    assert sum(editor.edits for editor in editors) >= 2 * EDITS
    assert_as_written(engine, editors)


@pytest.mark.parametrize("victim", ["follower", "listener"])
def test_killed_again_and_again_under_load(engine: Engine, victim: str) -> None:
    """SIGKILL at any moment: the next start goes on at once; nothing is lost, and nothing was applied twice.

    A follower that was killed has forgotten what it wrote: where MongoDB's document has gone on when it reads that
    document's echo, the two may have passed each other, and it is looked at (design 2.4). What its people wrote stays.
    """
    editors = [Editor(engine, side, victim) for side in Side]
    stop = threading.Event()

    def edit(editor: Editor) -> None:
        while not stop.is_set():
            editor.edit()
            time.sleep(0.001)

    random = Random(victim)
    with ThreadPoolExecutor(2) as people:
        futures: list[Future[Any]] = [people.submit(edit, editor) for editor in editors]
        try:
            for _ in range(8):
                time.sleep(random.uniform(0.05, 0.6))
                engine.kill(victim)
                began = time.monotonic()
                engine.start(victim)
                assert time.monotonic() - began < 10
        finally:
            stop.set()
        for future in futures:
            future.result()
    assert all(editor.edits > 100 for editor in editors)
    engine.meet()
    looked_at = engine.conflicts("all")
    if victim == "follower":
        edited_in_mongo = next(editor for editor in editors if editor.side is Side.MONGO).documents.keys()
        assert {(one["collection"], one["document"]) for one in looked_at} <= edited_in_mongo
        assert {one["kind"] for one in looked_at} <= {"echo_differs"}
        assert {one["state"] for one in looked_at} <= {"converged"}
    else:
        assert looked_at == []
    assert_as_written(engine, editors)


@pytest.mark.filterwarnings(CONNECTS)
@pytest.mark.parametrize("victim", ["follower", "listener"])
def test_what_is_applied_twice_would_show(engine: Engine, victim: str) -> None:
    """Each change of a counter is one row change on the other side's log, however often the worker is killed."""
    key = ObjectId()
    engine.mongo["accounts"].insert_one({"_id": key, "account_id": 1, "limit": 0, "products": []})
    engine.settle()
    log = AppliedLog(engine, victim, key)
    random = Random(victim)
    for limit in range(1, 201):
        if victim == "follower":
            with engine.mysql.cursor() as cursor:
                cursor.execute("UPDATE analytics_account SET `limit` = %s WHERE id = %s", (limit, str(key)))
        else:
            engine.mongo["accounts"].update_one({"_id": key}, {"$set": {"limit": limit}})
        if limit % 25 == 0:
            time.sleep(random.uniform(0, 0.05))
            engine.kill(victim)
            engine.start(victim)
    engine.settle()
    values = log.values()
    assert values == sorted(set(values)), "a value was applied twice, or an older one after a newer one"
    assert values[-1] == 200
    assert engine.conflicts("all") == []
    engine.assert_equal()


class AppliedLog:
    """What a worker wrote of one document, from the target's own log and in its order."""

    def __init__(self, engine: Engine, victim: str, key: ObjectId) -> None:
        self._engine = engine
        self._follower = victim == "follower"
        self._key = key
        self._begin = ends(engine)

    def values(self) -> list[int]:
        """Of the field `limit`, in order."""
        return self._in_oplog() if self._follower else self._in_binlog()

    def _in_binlog(self) -> list[int]:
        rows = [one.after for one in in_binlog(self._engine, self._begin, ["analytics_account"]) if one.synced]
        return [int(row["limit"]) for row in rows if row and row["id"] == str(self._key)]

    def _in_oplog(self) -> list[int]:
        database = self._engine.site.database
        entries = self._engine.oplog({"op": "c", "o.applyOps.ns": f"{database}.accounts"})
        operations = [operation for entry in entries for operation in entry["o"]["applyOps"]]
        changes = [one["o"]["diff"]["u"] for one in operations if one["op"] == "u" and one["o2"]["_id"] == self._key]
        return [int(change["limit"]) for change in changes]


def test_a_cursor_is_all_the_plain_view_needs(engine: Engine) -> None:
    """The view that these tests judge by tells a difference."""
    document = {"_id": ObjectId(), "account_id": 1, "limit": 0, "products": ["a"]}
    engine.mongo["accounts"].insert_one(document)
    engine.settle()
    cursor: Cursor
    with engine.mysql.cursor() as cursor:
        assert plain.in_mysql(cursor)["accounts"][str(document["_id"])] == document
        engine.kill("follower")
        engine.kill("listener")
        cursor.execute("UPDATE analytics_accountproduct SET product = 'b'")
    with pytest.raises(AssertionError):
        engine.assert_equal()
