"""A collection for each policy, those of fields too, made for conflicts: fields, a unique value, a reference, a list, a rule on
each side.

Rows and documents are written and read here by hand: uses nothing of the engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bson import ObjectId
from pymysql.cursors import Cursor

from sync.model.change import Side
from tests.engine import Engine
from tests.plain import Doc
from tests.site import Site

#: MySQL takes no greater `a`, MongoDB no greater `b`.
MOST_A, MOST_B = 1_000_000, 1_000_000
#: Name -> as lockstep.toml has it.
POLICIES = {
    **{name: f'"{name}"' for name in ("last_write_wins", "first_write_wins", "mysql_wins", "mongo_wins", "manual")},
    "custom": '{ function = "tests.integration.conflicts.rules.mongo_unless_gone" }',
}
#: Policies of a field -> which has it; the collection has the default one.
FIELD_POLICIES = {"max": "a", "min": "a", "delta": "a", "append": "elements"}
COLUMNS = ("a", "b", "code", "flag", "parent")

_TABLES = """
CREATE TABLE {name}_parent (id CHAR(24) CHARACTER SET ascii COLLATE ascii_bin PRIMARY KEY, number INT NOT NULL UNIQUE);
CREATE TABLE {name} (
    id CHAR(24) CHARACTER SET ascii COLLATE ascii_bin PRIMARY KEY, a INT NOT NULL, b INT NOT NULL, code INT NULL,
    flag BOOL NOT NULL, parent INT NULL, UNIQUE KEY one_each (code), CONSTRAINT {name}_small CHECK (a <= {most}),
    CONSTRAINT {name}_known FOREIGN KEY (parent) REFERENCES {name}_parent (number)
);
CREATE TABLE {name}_element (
    item_id CHAR(24) CHARACTER SET ascii COLLATE ascii_bin, position INT NOT NULL, value INT NOT NULL,
    PRIMARY KEY (item_id, position)
)
"""
_MAPPING = """
[collections.{name}]
table = "{name}"
id = {{ column = "id", codec = "objectid" }}
policy = {policy}

[collections.{name}.fields]
a = {{ column = "a", codec = "int32"{a} }}
b = {{ column = "b", codec = "int32" }}
code = {{ column = "code", codec = "int32", null = "absent" }}
flag = {{ column = "flag", codec = "bool" }}
parent = {{ column = "parent", codec = "int32", null = "absent" }}

[collections.{name}.parts.elements]
kind = "list"
table = "{name}_element"
{elements}
parent = ["item_id"]
position = "position"
value = {{ column = "value", codec = "int32" }}

[collections.{name}_parent]
table = "{name}_parent"
id = {{ column = "id", codec = "objectid" }}

[collections.{name}_parent.fields]
number = {{ column = "number", codec = "int32" }}
"""


def name_of(policy: str) -> str:
    """Of the collection under this policy, and of its root table."""
    return f"items_{policy}"


def item(key: ObjectId, **fields: object) -> Doc:
    """A document; what is None is absent."""
    whole = {"_id": key, "a": 1, "b": 1, "flag": True, "elements": [], **fields}
    return {name: value for name, value in whole.items() if value is not None}


def install(site: Site, folder: Path) -> None:
    """Tables and mapping; the engine is not yet set up."""
    mapping = site.config_path.read_text()
    with site.mysql("owner").cursor() as cursor:
        for policy in (*POLICIES, *FIELD_POLICIES):
            mapping += _mapping(policy)
            for statement in _TABLES.format(name=name_of(policy), most=MOST_A).split(";"):
                cursor.execute(statement)
    site.config_path = folder / "items.toml"
    site.config_path.write_text(mapping)


def _mapping(policy: str) -> str:
    field = FIELD_POLICIES.get(policy)
    return _MAPPING.format(
        name=name_of(policy),
        policy=POLICIES.get(policy, POLICIES["last_write_wins"]),
        a=f', policy = "{policy}"' if field == "a" else "",
        elements=f'policy = "{policy}"' if field == "elements" else "",
    )


def rules(engine: Engine) -> None:
    """MongoDB's own: a unique index and a validator."""
    database = engine.site.mongo("admin")
    for policy in (*POLICIES, *FIELD_POLICIES):
        database[name_of(policy)].create_index("code", unique=True, sparse=True, name="one_each")
        database.command("collMod", name_of(policy), validator={"b": {"$not": {"$gt": MOST_B}}})


class Items:
    """One collection as people write it."""

    def __init__(self, engine: Engine, policy: str) -> None:
        self.engine = engine
        self.policy = policy
        self.name = name_of(policy)

    # On either side.

    def insert(self, side: Side, document: Doc) -> None:
        if side is Side.MONGO:
            self.engine.mongo[self.name].insert_one(dict(document))
            return
        with self._together() as cursor:
            values = [str(document["_id"]), *(document.get(column) for column in COLUMNS)]
            cursor.execute(
                f"INSERT INTO {self.name} (id, a, b, code, flag, parent) VALUES (%s, %s, %s, %s, %s, %s)", values
            )
            for position, value in enumerate(document["elements"]):
                cursor.execute(f"INSERT INTO {self.name}_element VALUES (%s, %s, %s)", (values[0], position, value))

    def update(self, side: Side, key: ObjectId, **fields: object) -> None:
        if side is Side.MONGO:
            self.engine.mongo[self.name].update_one({"_id": key}, {"$set": fields})
            return
        sets = ", ".join(f"{column} = %s" for column in fields)
        with self._together() as cursor:
            cursor.execute(f"UPDATE {self.name} SET {sets} WHERE id = %s", (*fields.values(), str(key)))

    def delete(self, side: Side, key: ObjectId) -> None:
        if side is Side.MONGO:
            self.engine.mongo[self.name].delete_one({"_id": key})
            return
        with self._together() as cursor:
            cursor.execute(f"DELETE FROM {self.name}_element WHERE item_id = %s", (str(key),))
            cursor.execute(f"DELETE FROM {self.name} WHERE id = %s", (str(key),))

    def append(self, side: Side, key: ObjectId, position: int, value: int) -> None:
        """One more element, at the end."""
        if side is Side.MONGO:
            self.engine.mongo[self.name].update_one({"_id": key}, {"$push": {"elements": value}})
            return
        with self._together() as cursor:
            cursor.execute(f"INSERT INTO {self.name}_element VALUES (%s, %s, %s)", (str(key), position, value))

    # On one side only.

    def mysql(self, statement: str, *values: object) -> None:
        """One of the application; {name} is the root table."""
        with self._together() as cursor:
            cursor.execute(statement.format(name=self.name), values)

    def rename(self, key: ObjectId, new: ObjectId) -> None:
        """The key of a document, in MySQL."""
        with self._together() as cursor:
            cursor.execute(f"UPDATE {self.name} SET id = %s WHERE id = %s", (str(new), str(key)))
            cursor.execute(f"UPDATE {self.name}_element SET item_id = %s WHERE item_id = %s", (str(new), str(key)))

    def unlogged(self, statement: str, *values: object) -> None:
        """What MySQL's log does not tell."""
        with self.engine.site.mysql("admin").cursor() as cursor:
            cursor.execute("SET SESSION sql_log_bin = 0")
            cursor.execute(statement.format(name=self.name), values)

    def parent(self, number: int) -> None:
        """A document that items may refer to, in MongoDB."""
        self.engine.mongo[f"{self.name}_parent"].insert_one({"_id": ObjectId(), "number": number})

    @contextmanager
    def _together(self) -> Iterator[Cursor]:
        self.engine.mysql.begin()
        with self.engine.mysql.cursor() as cursor:
            yield cursor
        self.engine.mysql.commit()

    # What stands.

    def everything(self) -> Mapping[Side, Mapping[ObjectId, Doc]]:
        """All documents of both sides."""
        in_mongo = {one["_id"]: one for one in self.engine.mongo[self.name].find()}
        in_mysql: dict[ObjectId, Doc] = {}
        with self.engine.mysql.cursor() as cursor:
            cursor.execute(f"SELECT id, a, b, code, flag, parent FROM {self.name}")
            for key, *values in cursor.fetchall():
                fields: dict[str, Any] = dict(zip(COLUMNS, values, strict=True))
                in_mysql[ObjectId(key)] = item(ObjectId(key), **fields | {"flag": bool(fields["flag"])})
            cursor.execute(f"SELECT item_id, value FROM {self.name}_element ORDER BY item_id, position")
            for key, value in cursor.fetchall():
                in_mysql[ObjectId(key)]["elements"].append(value)
        return {Side.MYSQL: in_mysql, Side.MONGO: in_mongo}
