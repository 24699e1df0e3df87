"""Documents whose `_id` is a number or a UUID: first copy, both streams, and verify across many pages of them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bson import Binary, Decimal128, Int64

from deploy.local.paths import ROOT
from tests.engine import Engine
from tests.site import Site

#: More than a page of verify, and of the first copy, begins with.
MANY = 1500


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A kind of key."""

    codec: str
    column: str
    #: Number k as SQL's parameter, and as the `_id`. Not in the order of k.
    in_mysql: Callable[[int], object]
    in_mongo: Callable[[int], object]
    #: Of the same type of BSON or another one, but no key of the mapping.
    foreign: object


def _spread(number: int) -> int:
    """Numbers of all lengths, both signs, as texts in another order than as numbers."""
    return number * number * (-1 if number % 2 else 1)


def _uuid(number: int) -> uuid.UUID:
    return uuid.uuid5(uuid.NAMESPACE_OID, str(number))


KEYS = (
    Key(codec="int32", column="INT AUTO_INCREMENT", in_mysql=_spread, in_mongo=_spread, foreign=10.5),
    Key(
        codec="int",
        column="BIGINT",
        in_mysql=lambda number: _spread(number) * 3_000_000_000,
        in_mongo=lambda number: Int64(_spread(number) * 3_000_000_000) if number else 0,
        foreign="10",
    ),
    Key(codec="int64", column="BIGINT", in_mysql=_spread, in_mongo=lambda number: Int64(_spread(number)), foreign=10.5),
    Key(
        codec="uint64",
        column="BIGINT UNSIGNED",
        in_mysql=lambda number: number * 2**53,
        in_mongo=lambda number: Int64(number * 2**53) if number < 2**10 else Decimal128(str(number * 2**53)),
        foreign=-5,
    ),
    Key(
        codec="uuid",
        column="CHAR(36) CHARACTER SET ascii COLLATE ascii_bin",
        in_mysql=lambda number: str(_uuid(number)),
        in_mongo=lambda number: Binary.from_uuid(_uuid(number)),
        foreign=Binary(b"0" * 16),
    ),
)


def test_documents_are_found_by_such_keys(site: Site, stopped_engine: Engine, tmp_path: Path) -> None:
    """Rows and documents meet under one key, in any order, and no document between keys is passed over."""
    engine = stopped_engine
    mapping = (ROOT / "lockstep.toml").read_text()
    with site.mysql("owner").cursor() as cursor:
        cursor.execute("SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO'")
        for kind in KEYS:
            cursor.execute(f"CREATE TABLE by_{kind.codec} (id {kind.column} PRIMARY KEY, value INT NOT NULL)")
            rows = [(kind.in_mysql(number), number) for number in range(MANY)]
            cursor.executemany(f"INSERT INTO by_{kind.codec} VALUES (%s, %s)", rows)
            mapping += _mapping(kind.codec)
    site.config_path = tmp_path / "lockstep.toml"
    site.config_path.write_text(mapping)
    engine.prepare()
    for kind in KEYS:
        _assert_stands(engine, kind, {number: number for number in range(MANY)})
    engine.start()
    for kind in KEYS:
        stored = engine.mongo[f"by_{kind.codec}"]
        with engine.mysql.cursor() as cursor:
            cursor.execute(f"UPDATE by_{kind.codec} SET value = -1 WHERE id = %s", (kind.in_mysql(7),))
            cursor.execute(f"DELETE FROM by_{kind.codec} WHERE id = %s", (kind.in_mysql(8),))
            cursor.execute(f"INSERT INTO by_{kind.codec} VALUES (%s, %s)", (kind.in_mysql(MANY), MANY))
        stored.update_one({"_id": kind.in_mongo(9)}, {"$set": {"value": -2}})
        stored.delete_one({"_id": kind.in_mongo(11)})
        stored.insert_one({"_id": kind.in_mongo(MANY + 1), "value": MANY + 1})
    engine.settle()
    wanted = {number: number for number in range(MANY + 2) if number not in (8, 11)} | {7: -1, 9: -2}
    for kind in KEYS:
        _assert_stands(engine, kind, wanted)
    assert engine.held() == 0
    site.lockstep("verify")
    for kind in KEYS:
        engine.mongo[f"by_{kind.codec}"].insert_one({"_id": kind.foreign, "value": 1})
    engine.until(lambda: engine.held() == len(KEYS))
    told = json.loads(site.lockstep("verify", "--json").stdout)
    found = [(one["collection"], one["held"]) for one in told["differences"]]
    assert sorted(found) == sorted((f"by_{kind.codec}", True) for kind in KEYS)
    for kind in KEYS:
        asked = ("explain", "--collection", f"by_{kind.codec}", f"--id={kind.in_mysql(9)}")
        assert "-2" in site.lockstep(*asked).stdout


def _assert_stands(engine: Engine, kind: Key, wanted: Mapping[int, int]) -> None:
    """On both sides, with the keys' types."""
    found = {repr(one["_id"]): one["value"] for one in engine.mongo[f"by_{kind.codec}"].find()}
    assert found == {repr(kind.in_mongo(number)): value for number, value in wanted.items()}
    with engine.mysql.cursor() as cursor:
        cursor.execute(f"SELECT id, value FROM by_{kind.codec}")
        assert dict(cursor.fetchall()) == {kind.in_mysql(number): value for number, value in wanted.items()}


def _mapping(codec: str) -> str:
    return f"""
[collections.by_{codec}]
table = "by_{codec}"
id = {{ column = "id", codec = "{codec}" }}
fields = {{ value = {{ column = "value", codec = "int32" }} }}
"""


def test_an_id_of_an_equal_number_of_another_type_is_no_key(site: Site, stopped_engine: Engine, tmp_path: Path) -> None:
    """MongoDB takes 5 and 5.0 for one `_id`: the document that has it keeps it, and the row waits."""
    engine = stopped_engine
    with site.mysql("owner").cursor() as cursor:
        cursor.execute("CREATE TABLE by_int32 (id INT PRIMARY KEY, value INT NOT NULL)")
    site.config_path = tmp_path / "lockstep.toml"
    site.config_path.write_text((ROOT / "lockstep.toml").read_text() + _mapping("int32"))
    engine.prepare()
    engine.start()
    engine.mongo["by_int32"].insert_one({"_id": 5.0, "value": 1})
    engine.until(lambda: engine.held() == 1)
    with engine.mysql.cursor() as cursor:
        cursor.execute("INSERT INTO by_int32 VALUES (5, 2)")
    engine.until(lambda: engine.held() == 2)
    assert engine.mongo["by_int32"].find_one({}) == {"_id": 5.0, "value": 1}
    engine.mongo["by_int32"].delete_one({"_id": 5.0})
    engine.meet()
    assert list(engine.mongo["by_int32"].find()) == [{"_id": 5, "value": 2}]
