"""People who edit the same documents on both sides at once: each sees only its own side, as people do."""

from __future__ import annotations

import copy
import threading
from random import Random
from typing import Any

import pymysql
from bson import ObjectId
from pymysql.cursors import Cursor

from backend.analytics.sample import Sample
from sync.model.change import Side
from tests import plain
from tests.engine import Engine
from tests.plain import Doc

#: Deadlock, lock wait: applications try again.
_AGAIN = {1205, 1213, 3572}


class Editor:
    """Edits any of the shared documents on one side: fields, flags that flip, lists, map entries, deletes, inserts."""

    def __init__(self, engine: Engine, side: Side, keys: dict[str, list[ObjectId]], seed: str) -> None:
        self._engine = engine
        self.side = side
        self._keys = keys
        self._random = Random(f"{seed}/{side}")
        self._session = engine.site.mysql("app")
        self.edits = self.deadlocks = 0

    def run(self, edits: int, stop: threading.Event | None = None, pause: float = 0.0) -> None:
        """So many edits, or until told to stop; `pause` seconds before each."""
        waiting = threading.Event()
        for _ in range(edits):
            if stop and stop.is_set():
                return
            if pause:
                waiting.wait(pause)
            self.edit()

    def edit(self, of: tuple[str, ObjectId] | None = None) -> None:
        """One edit of what stands on this side now: of this document, or of any."""
        name, key = of or self.any(self._random)
        if self.side is Side.MYSQL:
            self._in_mysql(name, key)
        else:
            self._in_mongo(name, key)
        self.edits += 1

    def any(self, random: Random) -> tuple[str, ObjectId]:
        """A document: collection and id."""
        name = random.choice(list(self._keys))
        return name, random.choice(self._keys[name])

    def changed(self, name: str, document: Doc | None, key: ObjectId) -> Doc | None:
        """The next version of a document."""
        random = self._random
        if document is None:
            return self._sample(name) | {"_id": key}
        if random.random() < 0.03:
            return None
        document = copy.deepcopy(document)
        other = self._sample(name)
        field = random.choice([field for field in other if field != "_id"])
        value = document.get(field)
        if isinstance(value, list) and value and random.random() < 0.7:
            place = random.randrange(len(value))
            match random.randrange(3):
                case 0:
                    del value[place]
                case 1:
                    value.insert(place, copy.deepcopy(random.choice(value)))
                case _:
                    value[place] = copy.deepcopy(random.choice(other[field] or value))
        elif isinstance(value, dict) and value and random.random() < 0.8:
            entry = value[random.choice(list(value))]
            entry["active"] = not entry["active"]
            entry["benefits"] = sorted({*entry["benefits"], str(random.randrange(5))})[random.randrange(2) :]
        else:
            document[field] = copy.deepcopy(other[field])
        return document

    def _sample(self, name: str) -> Doc:
        return next(iter(Sample.of(1, self._random.randrange(10**6)).documents(name)))

    def _in_mysql(self, name: str, key: ObjectId) -> None:
        while True:
            try:
                self._session.begin()
                with self._session.cursor() as cursor:
                    before = _one(cursor, name, key)
                    plain.save(cursor, name, before, self.changed(name, before, key))
                self._session.commit()
            except pymysql.MySQLError as error:
                self._session.rollback()
                if error.args[0] not in _AGAIN:
                    raise
                self.deadlocks += 1
            else:
                return

    def _in_mongo(self, name: str, key: ObjectId) -> None:
        collection = self._engine.mongo[name]
        before: Doc | None = collection.find_one({"_id": key})
        after = self.changed(name, before, key)
        if before is None:
            assert after is not None
            collection.replace_one({"_id": key}, after, upsert=True)
        elif after is None:
            collection.delete_one({"_id": key})
        elif self._random.random() < 0.2:
            collection.replace_one({"_id": key}, after)
        else:
            sets = {field: value for field, value in after.items() if before.get(field, ...) != value}
            gone = dict.fromkeys(before.keys() - after.keys(), "")
            update: dict[str, Any] = ({"$set": sets} if sets else {}) | ({"$unset": gone} if gone else {})
            if update:
                collection.update_one({"_id": key}, update)


def _one(cursor: Cursor, name: str, key: ObjectId) -> Doc | None:
    """A document as MySQL has it, its root row locked."""
    root = plain.TABLES[name][0]
    cursor.execute(f"SELECT 1 FROM `{root}` WHERE id = %s FOR UPDATE", (str(key),))
    if cursor.fetchone() is None:
        return None
    return plain.in_mysql(cursor, key)[name][str(key)]
