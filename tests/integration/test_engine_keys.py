"""Keys and unique values that the other side cannot have: their documents wait, everything else crosses, nothing else is
written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

import bson
import pytest
from bson import DBRef, Decimal128, ObjectId
from bson.raw_bson import RawBSONDocument

from deploy.local.mysql_binary import Flavour
from deploy.local.paths import ROOT
from tests.collations import EXACT
from tests.engine import Engine, at_work
from tests.site import Site

_Made: TypeAlias = Callable[[str, str], Engine]
_KEY = "id CHAR(24) CHARACTER SET ascii COLLATE ascii_bin PRIMARY KEY"

#: Column's type, codec, and a value that the codec takes and the column does not.
UNIQUE = (
    ("TINYINT", "int32", 1000),
    ("VARCHAR(5) CHARACTER SET utf8mb4", "string", "toolong"),
    ("VARCHAR(5) CHARACTER SET latin1", "string", "日本"),
    ("VARCHAR(8) CHARACTER SET ascii", "string", "é"),
    ("CHAR(5) CHARACTER SET utf8mb4", "string", "a  "),
    ("DECIMAL(10,2)", "decimal128", Decimal128("1.234")),
    ("ENUM('x','y') CHARACTER SET utf8mb4", "enum", "1"),
    ("DATETIME(0)", "date", datetime(2020, 1, 1, 0, 0, 0, 5000)),  # noqa: DTZ001 - as pymongo gives them
    ("BINARY(3)", "binary", b"ab"),
    ("FLOAT", "float", 0.1 + 0.2),
)


@pytest.fixture
def made(site: Site, tmp_path: Path) -> Iterator[_Made]:
    """Both workers at work, with tables and their mapping beside the domain's."""
    running = ExitStack()

    def make(tables: str, mapping: str) -> Engine:
        with site.mysql("owner").cursor() as cursor:
            for statement in tables.split(";"):
                cursor.execute(statement)
        site.config_path = tmp_path / "lockstep.toml"
        site.config_path.write_text((ROOT / "lockstep.toml").read_text() + mapping)
        return running.enter_context(at_work(site, tmp_path))

    with running:
        yield make


@pytest.fixture
def texts(made: _Made, flavour: Flavour) -> Engine:
    """With a collection whose `_id` is text, and one with JSON."""
    return made(
        f"CREATE TABLE strs (id VARCHAR(200) CHARACTER SET utf8mb4 COLLATE {EXACT[flavour]} PRIMARY KEY, n INT NOT NULL);"
        f"CREATE TABLE jsons ({_KEY}, more LONGTEXT CHARACTER SET utf8mb4 NOT NULL, n INT NOT NULL)",
        """
[collections.strs]
table = "strs"
id = { column = "id", codec = "string" }
fields = { n = { column = "n", codec = "int32" } }

[collections.jsons]
table = "jsons"
id = { column = "id", codec = "objectid" }
fields = { more = { column = "more", codec = "json" }, n = { column = "n", codec = "int32" } }
""",
    )


def crosses(engine: Engine) -> None:
    """Another document of the domain does, both ways."""
    key = ObjectId()
    engine.mongo["accounts"].insert_one({"_id": key, "account_id": 1, "limit": 1, "products": []})
    engine.until(lambda: engine.value("SELECT COUNT(*) FROM analytics_account WHERE id = %s", str(key)) == 1)
    with engine.mysql.cursor() as cursor:
        cursor.execute("UPDATE analytics_account SET `limit` = 2 WHERE id = %s", (str(key),))
    engine.until(lambda: engine.mongo["accounts"].count_documents({"_id": key, "limit": 2}) == 1)


def test_what_a_unique_column_cannot_hold_waits_alone(made: _Made) -> None:
    """It is in nobody's way, and nobody in its."""
    tables = ";".join(
        f"CREATE TABLE un{n} ({_KEY}, v {kind} NULL, UNIQUE KEY (v))" for n, (kind, _, _) in enumerate(UNIQUE)
    )
    mapping = "".join(
        f'\n[collections.un{n}]\ntable = "un{n}"\nid = {{ column = "id", codec = "objectid" }}\n'
        f'[collections.un{n}.fields]\nv = {{ column = "v", codec = "{codec}", null = "absent" }}\n'
        for n, (_, codec, _) in enumerate(UNIQUE)
    )
    engine = made(tables, mapping)
    for n, (_, _, value) in enumerate(UNIQUE):
        engine.mongo[f"un{n}"].insert_one({"_id": ObjectId(), "v": value})
    engine.until(lambda: engine.held() == len(UNIQUE))
    crosses(engine)
    kinds = {one["kind"] for one in engine.conflicts("held")}
    assert kinds <= {"constraint_violation", "unmappable_document"}
    for n in range(len(UNIQUE)):
        assert engine.value(f"SELECT COUNT(*) FROM un{n}") == 0
    assert engine.states("listener")[-1] == "streaming"


def test_an_id_that_is_no_text_waits_alone(texts: Engine) -> None:
    """Bytes that are no UTF-8, by themselves and inside: also after a restart, and verify tells them."""
    for name, body in (("accounts", {"account_id": 1, "limit": 1, "products": []}), ("strs", {"n": 1})):
        for bad in ("badXX", {"q": "badXX"}):
            raw = RawBSONDocument(bson.encode({"_id": bad, **body}).replace(b"XX", b"\xff\xfe"))
            texts.mongo[name].insert_one(raw)
    texts.until(lambda: texts.held() == 4)
    crosses(texts)
    for worker in ("follower", "listener"):
        texts.kill(worker)
    texts.start()
    crosses(texts)
    told = json.loads(texts.site.lockstep("verify", "--json").stdout)
    assert (texts.held(), told["held"], told["different"], told["unmappable"]) == (4, 4, 0, 0)


def test_a_key_in_mysql_that_reads_as_another_type_is_no_id(texts: Engine) -> None:
    """Its document waits; none is written under what it reads as."""
    keys = ("?null", "?true", "?abc", '?{"$oid": "5ca4bbcea2dd94ee58162a68"}', '?"\\udcff"')
    with texts.mysql.cursor() as cursor:
        cursor.executemany("INSERT INTO strs VALUES (%s, %s)", [(key, 1) for key in keys])
    texts.until(lambda: texts.held() == len(keys))
    crosses(texts)
    assert texts.mongo["strs"].count_documents({}) == 0
    held = {(one["document"], one["kind"]) for one in texts.conflicts("held")}
    assert held == {(f"?{key}", "unmappable_document") for key in keys}
    with texts.mysql.cursor() as cursor:
        cursor.execute("UPDATE strs SET id = CONCAT('plain ', n) WHERE id = %s", (keys[0],))
    texts.until(lambda: texts.mongo["strs"].count_documents({"_id": "plain 1"}) == 1)


def test_json_that_the_driver_reads_as_a_reference(texts: Engine) -> None:
    """It is an object as any other, both ways."""
    key, born = ObjectId(), ObjectId()
    schema = {"$id": "http://x/y", "$ref": "#/definitions/z", "more": {"$id": 1, "$ref": "c"}}
    with texts.mysql.cursor() as cursor:
        cursor.execute("INSERT INTO jsons VALUES (%s, %s, 1)", (str(key), json.dumps(schema)))
    texts.mongo["jsons"].insert_one({"_id": born, "more": DBRef("c", 1), "n": 1})
    texts.settle()
    with texts.mysql.cursor() as cursor:
        cursor.execute("UPDATE jsons SET n = 2")
    texts.settle()
    assert texts.held() == 0
    stands = texts.mongo["jsons"].find_one({"_id": key, "n": 2})
    assert stands is not None
    assert isinstance(stands["more"], DBRef)
    assert json.loads(str(texts.value("SELECT more FROM jsons WHERE id = %s", str(born)))) == {"$id": 1, "$ref": "c"}
    assert json.loads(str(texts.value("SELECT more FROM jsons WHERE id = %s", str(key)))) == schema
