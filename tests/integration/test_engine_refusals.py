"""Errors of a server that no table of ours knows, and values at the ends of what can be held: one document waits, and the
workers go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest
from bson import ObjectId
from bson.int64 import Int64

from deploy.local.paths import ROOT
from tests.engine import Engine
from tests.plain import Doc
from tests.site import Site

_TABLE = (
    "CREATE TABLE odds (id CHAR(24) CHARACTER SET ascii COLLATE ascii_bin PRIMARY KEY, a INT NOT NULL, b INT NOT NULL,"
    " share DOUBLE GENERATED ALWAYS AS (a / b) STORED, big BIGINT NOT NULL, small SMALLINT NOT NULL, language VARCHAR(20) NOT NULL,"
    " body LONGTEXT NOT NULL) CHARACTER SET utf8mb4"
)
_MAPPING = """
[collections.odds]
table = "odds"
policies = { update_differs = "manual" }
id = { column = "id", codec = "objectid" }

[collections.odds.fields]
a = { column = "a", codec = "int32" }
b = { column = "b", codec = "int32" }
big = { column = "big", codec = "int64" }
small = { column = "small", codec = "int32", policy = "delta" }
language = { column = "language", codec = "string" }
body = { column = "body", codec = "json" }
"""
_SIGNAL = (
    "CREATE TRIGGER no_sevens BEFORE UPDATE ON odds FOR EACH ROW IF NEW.a = 7 THEN"
    " SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 30001, MESSAGE_TEXT = 'no sevens'; END IF"
)
_Edit: TypeAlias = Callable[["Odds", ObjectId], None]


class Odds:
    """The collection as people write it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def insert(self) -> ObjectId:
        key = ObjectId()
        whole: Doc = {"_id": key, "a": 1, "b": 1, "big": Int64(1), "small": 1, "language": "english", "body": {"n": 1}}
        self.engine.mongo["odds"].insert_one(dict(whole))
        return key

    def mongo(self, key: ObjectId, **fields: object) -> None:
        self.engine.mongo["odds"].update_one({"_id": key}, {"$set": fields})

    def mysql(self, key: ObjectId, column: str, value: object) -> None:
        with self.engine.mysql.cursor() as cursor:
            cursor.execute(f"UPDATE odds SET {column} = %s WHERE id = %s", (value, str(key)))

    def crosses(self) -> None:
        """Another document does, both ways."""
        key = self.insert()
        self.engine.until(lambda: self.engine.value("SELECT a FROM odds WHERE id = %s", str(key)) == 1)
        self.mysql(key, "b", 2)
        self.engine.until(lambda: self.engine.mongo["odds"].count_documents({"_id": key, "b": 2}) == 1)

    def reason(self) -> tuple[str, str]:
        """Kind and reason of the only conflict."""
        with self.engine.mysql.cursor() as cursor:
            cursor.execute("SELECT kind, reason FROM sync_conflict_detail")
            ((kind, reason),) = cursor.fetchall()
        return str(kind), str(reason)


@pytest.fixture
def odds(site: Site, tmp_path: Path) -> Iterator[Odds]:
    """Both workers at work; a trigger, and a text index whose language is a field's."""
    with site.mysql("owner").cursor() as cursor:
        cursor.execute(_TABLE)
    with site.mysql("admin").cursor() as cursor:
        cursor.execute(_SIGNAL)
    site.config_path = tmp_path / "lockstep.toml"
    site.config_path.write_text((ROOT / "lockstep.toml").read_text() + _MAPPING)
    engine = Engine(site, tmp_path)
    engine.prepare()
    site.mongo("admin")["odds"].create_index([("words", "text")])
    engine.start()
    yield Odds(engine)
    engine.close()


@pytest.mark.parametrize(
    ("edit", "kind", "reason"),
    [
        pytest.param(lambda odds, key: odds.mongo(key, b=0), "constraint_violation", "error 1365", id="by zero"),
        pytest.param(lambda odds, key: odds.mongo(key, a=7), "constraint_violation", "error 30001", id="SIGNAL"),
        pytest.param(
            lambda odds, key: odds.mysql(key, "language", "klingon"),
            "constraint_violation",
            "MongoDB error 17262: it does not take the document",
            id="text index",
        ),
        pytest.param(
            lambda odds, key: odds.mysql(key, "body", "[" * 190 + "]" * 190),
            "unmappable_document",
            "nested more than 180 levels deep",
            id="too deep",
        ),
        pytest.param(
            lambda odds, key: odds.mysql(key, "body", '{"a": 1e99999999999999999999}'),
            "unmappable_document",
            "column body: JSON is allowed",
            id="exponent",
        ),
    ],
)
def test_what_a_server_does_not_take_waits_alone(odds: Odds, edit: _Edit, kind: str, reason: str) -> None:
    """Its document, with the error's number; others cross, also after a restart."""
    key = odds.insert()
    odds.engine.settle()
    edit(odds, key)
    odds.engine.until(lambda: odds.engine.held() == 1)
    told = odds.reason()
    assert told[0] == kind
    assert reason in told[1]
    odds.crosses()
    for worker in ("follower", "listener"):
        odds.engine.kill(worker)
    odds.engine.start()
    odds.crosses()
    assert odds.engine.held() == 1


def test_what_no_column_takes_is_no_decision(odds: Odds) -> None:
    """A value of one's own is refused by field, with nothing written on either side; one that fits is taken."""
    key = odds.insert()
    odds.engine.settle()
    odds.engine.kill("follower")
    for column, value in (("big", 5), ("language", "danish")):
        odds.mysql(key, column, value)
    odds.mongo(key, big=Int64(7), language="dutch")
    odds.engine.until(lambda: odds.engine.held() == 1)
    odds.engine.start("follower")
    odds.engine.until(lambda: odds.engine.value("SELECT COUNT(*) FROM sync_conflict WHERE state = 'waiting'") == 1)
    number = str(odds.engine.value("SELECT id FROM sync_conflict"))
    resolve = ("conflicts", "resolve", number, "--reason", "why", "--value")
    for value, why in ((f"big={2**63}", "odds.big: int64"), (f'language="{"x" * 21}"', "at most 20 characters")):
        done = odds.engine.site.lockstep(*resolve, value, check=False)
        assert done.returncode != 0
        assert why in done.stdout + done.stderr
    stands = odds.engine.mongo["odds"].find_one({"_id": key})
    assert stands is not None
    assert (stands["big"], stands["language"]) == (7, "dutch")
    odds.engine.site.lockstep(*resolve, f"big={2**63 - 1}", "--value", 'language="french"')
    odds.engine.until(lambda: odds.engine.held() == 0)
    assert odds.engine.value("SELECT big FROM odds") == 2**63 - 1
    assert odds.engine.value("SELECT language FROM odds") == "french"


def test_a_sum_that_the_column_does_not_take_goes_as_any_other_field(odds: Odds) -> None:
    """By the next policy, with what lost on record: nothing else is ever written."""
    key = odds.insert()
    odds.mongo(key, small=32_000)
    odds.engine.settle()
    odds.engine.kill("follower")
    odds.mysql(key, "small", 32_500)
    odds.mongo(key, small=32_600)
    odds.engine.until(lambda: odds.engine.held() == 1)
    odds.engine.start("follower")
    odds.engine.until(lambda: odds.engine.value("SELECT COUNT(*) FROM sync_conflict WHERE state = 'waiting'") == 1)
    stands = odds.engine.mongo["odds"].find_one({"_id": key})
    assert stands is not None
    assert (odds.engine.value("SELECT small FROM odds"), stands["small"]) == (32_500, 32_600)


def test_a_conflict_too_large_to_be_kept_waits(odds: Odds) -> None:
    """Both values, what lost and what is to stand are kept with it: several times the document."""
    with odds.engine.site.mysql("admin").cursor() as cursor:
        cursor.execute("SELECT @@max_allowed_packet")
        before = cursor.fetchone()
        cursor.execute("SET GLOBAL max_allowed_packet = 2097152")
    try:
        key = odds.insert()
        odds.engine.settle()
        odds.engine.kill("follower")
        odds.mysql(key, "body", f'"{"y" * 900_000}"')
        odds.mongo(key, body="z" * 900_000)
        odds.engine.until(lambda: odds.engine.held() == 1)
        odds.engine.start("follower")
        waits = "SELECT waiting_for FROM sync_conflict_detail WHERE LEFT(waiting_for, 8) = 'room for'"
        odds.engine.until(lambda: odds.engine.value(waits) is not None)
        odds.crosses()
    finally:
        with odds.engine.site.mysql("admin").cursor() as cursor:
            cursor.execute("SET GLOBAL max_allowed_packet = %s", before)
