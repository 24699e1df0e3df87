"""A table altered while the listener is connected: its very next write already goes by what the table is now."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bson import Decimal128, ObjectId

from tests.engine import Engine, at_work
from tests.integration.test_engine_structure import alter, carried, paused
from tests.plain import Doc
from tests.site import Site

TABLE = """
CREATE TABLE goods (
    id CHAR(24) CHARACTER SET ascii COLLATE ascii_bin PRIMARY KEY,
    name VARCHAR(10) NOT NULL,
    price DECIMAL(5, 2) NULL,
    grade ENUM('a', 'b') NULL,
    touched DATETIME(3) NULL,
    number INT NOT NULL AUTO_INCREMENT UNIQUE
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
"""
MAPPING = """
[collections.goods]
table = "goods"
id = { column = "id", codec = "objectid" }
[collections.goods.fields]
name = { column = "name", codec = "string" }
price = { column = "price", codec = "decimal128", null = "absent" }
grade = { column = "grade", codec = "enum", null = "absent" }
touched = { column = "touched", codec = "date", null = "absent" }
"""
_FIELDS = ("name", "price", "grade", "touched")


@pytest.fixture
def engine(site: Site, tmp_path: Path) -> Iterator[Engine]:
    """Both workers at work, one document carried."""
    with site.mysql("owner").cursor() as cursor:
        cursor.execute(TABLE)
    text = site.config_path.read_text()
    site.config_path = tmp_path / "lockstep.toml"
    site.config_path.write_text(text + MAPPING)
    with at_work(site, tmp_path) as made:
        yield made


def added(engine: Engine, name: str, **fields: object) -> ObjectId:
    """A document that MongoDB's users insert and MySQL has."""
    key = ObjectId()
    engine.mongo["goods"].insert_one({"_id": key, "name": name, **fields})
    engine.settle()
    return key


def edit(engine: Engine, key: ObjectId, **fields: object) -> None:
    engine.mongo["goods"].update_one({"_id": key}, {"$set": fields})


def row(engine: Engine, key: ObjectId) -> Doc:
    """As a document, told without the engine."""
    with engine.mysql.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(_FIELDS)} FROM goods WHERE id = %s", (str(key),))
        values: tuple[Any, ...] | None = cursor.fetchone()
    assert values is not None
    found = {name: value for name, value in zip(_FIELDS, values, strict=True) if value is not None}
    return {**found, "price": Decimal128(found["price"])} if "price" in found else found


def one(engine: Engine, key: ObjectId) -> Doc:
    """The document, equal on both sides, once everything has crossed."""
    engine.meet()
    document = engine.mongo["goods"].find_one({"_id": key}, {"_id": 0})
    assert document == row(engine, key)
    return document


def test_a_column_that_became_narrower(engine: Engine) -> None:
    """What MySQL would round now is held, and not written."""
    key = added(engine, "a", price=Decimal128("1.10"))
    alter(engine, "ALTER TABLE goods MODIFY price DECIMAL(5, 1) NULL")
    edit(engine, key, price=Decimal128("2.25"))
    engine.until(lambda: engine.held() == 1)
    engine.settle()
    assert row(engine, key)["price"] == Decimal128("1.1")
    edit(engine, key, price=Decimal128("2.5"))
    assert one(engine, key)["price"] == Decimal128("2.5")


@pytest.mark.parametrize(
    ("column", "fields"),
    [
        ("name VARCHAR(50) NOT NULL", {"name": "more than ten characters"}),
        ("grade ENUM('a', 'b', 'c') NULL", {"grade": "c"}),
    ],
    ids=["length", "member"],
)
def test_a_column_that_became_wider(engine: Engine, column: str, fields: Doc) -> None:
    """What waited for it goes on by itself, and what comes later never waits."""
    key, other = added(engine, "a"), added(engine, "b")
    edit(engine, key, **fields)
    engine.until(lambda: engine.held() == 1)
    alter(engine, f"ALTER TABLE goods MODIFY {column}")
    edit(engine, other, **fields)
    assert one(engine, other).items() >= fields.items()
    assert one(engine, key).items() >= fields.items()
    assert engine.value("SELECT COUNT(*) FROM sync_conflict") == 1


def test_a_stamp_that_came_later(engine: Engine) -> None:
    """What MySQL writes by itself from now on reaches the document."""
    key = added(engine, "a")
    alter(engine, "ALTER TABLE goods MODIFY touched DATETIME(3) NULL ON UPDATE CURRENT_TIMESTAMP(3)")
    edit(engine, key, name="b")
    assert "touched" in one(engine, key)


def test_a_trigger_that_came_later(engine: Engine) -> None:
    """The collection is paused; setup notes the trigger, and what it writes is carried as soon as the collection is."""
    key = added(engine, "a")
    with engine.site.mysql("admin").cursor() as cursor:
        cursor.execute("CREATE TRIGGER shout BEFORE UPDATE ON goods FOR EACH ROW SET NEW.name = UPPER(NEW.name)")
    paused(engine, "goods")
    engine.site.lockstep("setup")
    engine.site.lockstep("resume", "--collection", "goods")
    carried(engine, "goods")
    edit(engine, key, name="loud")
    assert one(engine, key)["name"] == "LOUD"


@pytest.mark.parametrize(
    "statement", ["ALTER TABLE goods ADD UNIQUE (name)", "CREATE UNIQUE INDEX of_name ON goods (name)"]
)
def test_a_unique_key_that_came_later(engine: Engine, statement: str) -> None:
    """Rows that exchange its values are written in order; who is in the way of another is told."""
    first, second, third = (added(engine, name) for name in "abc")
    alter(engine, statement)
    with engine.mongo.client.start_session() as session, session.start_transaction():
        for key, name in ((first, "b"), (second, "a")):
            engine.mongo["goods"].update_one({"_id": key}, {"$set": {"name": name}}, session=session)
    assert (one(engine, first)["name"], one(engine, second)["name"]) == ("b", "a")
    assert engine.value("SELECT COUNT(*) FROM sync_conflict") == 0
    edit(engine, third, name="a")
    engine.until(lambda: engine.held() == 1)
    assert str(second) in str(engine.value("SELECT blockers FROM sync_conflict_detail"))


def test_a_key_that_rows_were_found_by(engine: Engine) -> None:
    """Rows are found by another one then."""
    key = added(engine, "a")
    alter(engine, "ALTER TABLE goods ADD UNIQUE of_id (id), DROP PRIMARY KEY, ADD PRIMARY KEY (number)")
    edit(engine, key, name="b")
    assert one(engine, key)["name"] == "b"
    alter(engine, "ALTER TABLE goods ADD UNIQUE other_of_id (id), DROP INDEX of_id")
    edit(engine, key, name="c")
    assert one(engine, key)["name"] == "c"
