"""Every pair of conflicting edits is accounted for: the winner stands on both sides, the loser is in the report; against
what the two logs say, read without the engine."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable
from random import Random

import pytest
from bson import ObjectId

from deploy.local.mysql_binary import Flavour
from sync.model.change import Side
from tests.both_logs import CONNECTS, Written, ends, in_binlog, in_stream
from tests.engine import Engine
from tests.plain import Doc

#: Pairs of edits of one field. The long form: LOCKSTEP_PAIRS=10000.
PAIRS = int(os.environ.get("LOCKSTEP_PAIRS", "1500"))
ROUNDS = 3
#: Seconds between the two edits of a pair: over the resolution of MongoDB's times, under what a crossing takes.
APART = 0.002


@pytest.mark.filterwarnings(CONNECTS)
@pytest.mark.timeout(900)
def test_each_pair_has_its_winner_and_its_loser(engine: Engine) -> None:
    """Recall and precision are one: a value is a recorded loser exactly where neither writer had seen the other's."""
    documents: list[Doc] = [
        {"_id": ObjectId(), "account_id": 0, "limit": 0, "products": ["a"]} for _ in range(PAIRS // ROUNDS)
    ]
    engine.mongo["accounts"].insert_many(documents)
    engine.settle()
    random, breath, number = Random(PAIRS), threading.Event(), 0
    begin = ends(engine)
    expected: dict[int, Side] = {}
    for _ in range(ROUNDS):
        pairs: dict[str, dict[Side, int]] = {}
        first: dict[str, Side] = {}
        for document in documents:
            number += 1
            key, order = document["_id"], random.sample(list(Side), 2)
            values = {Side.MYSQL: number, Side.MONGO: -number}
            pairs[str(key)], first[str(key)] = values, order[0]
            for side in order:
                write(engine, side, key, values[side])
                breath.wait(APART)
        engine.meet()
        mysql = of_people(in_binlog(engine, begin, ["analytics_account"]))
        mongo = of_people(in_stream(engine, begin, ["accounts"]))
        final = engine.assert_equal()["accounts"]
        for key, values in pairs.items():
            edits = {Side.MYSQL: mysql[values[Side.MYSQL]], Side.MONGO: mongo[values[Side.MONGO]]}
            winner, lost = judged(engine, edits, first[key])
            assert final[key]["limit"] == values[winner], (key, edits)
            if lost:
                expected[values[winner.other]] = winner.other
    assert len(expected) > PAIRS / 4, "hardly any pair met"
    assert recorded(engine) == expected


def test_edits_of_different_fields_both_survive(engine: Engine) -> None:
    """Always: whatever meets, no value of either side is lost, and none is reported as lost."""
    documents: list[Doc] = [
        {"_id": ObjectId(), "account_id": 0, "limit": 0, "products": ["a"]} for _ in range(PAIRS // 10)
    ]
    engine.mongo["accounts"].insert_many(documents)
    engine.settle()
    for number in range(1, 4):
        for document in documents:
            write(engine, Side.MYSQL, document["_id"], number)
            engine.mongo["accounts"].update_one({"_id": document["_id"]}, {"$set": {"account_id": number}})
    engine.meet()
    final = engine.assert_equal()["accounts"]
    assert {(one["limit"], one["account_id"]) for one in final.values() if one["products"]} == {(3, 3)}
    assert recorded(engine) == {}


def write(engine: Engine, side: Side, key: ObjectId, value: int) -> None:
    if side is Side.MONGO:
        engine.mongo["accounts"].update_one({"_id": key}, {"$set": {"limit": value}})
        return
    with engine.mysql.cursor() as cursor:
        cursor.execute("UPDATE analytics_account SET `limit` = %s WHERE id = %s", (value, str(key)))


def of_people(changes: Iterable[Written]) -> dict[int, Written]:
    """Users' edits, by the limit that they wrote."""
    return {one.after["limit"]: one for one in changes if not one.synced and one.before and one.after}


def judged(engine: Engine, edits: dict[Side, Written], first: Side) -> tuple[Side, bool]:
    """The winner of a pair by last write wins, and whether the other's value is lost: not where the winner had seen it."""
    mysql, mongo = edits[Side.MYSQL], edits[Side.MONGO]
    for edit, other in ((mysql, mongo), (mongo, mysql)):
        assert edit.before
        assert other.after
        if edit.before["limit"] == other.after["limit"]:
            return edit.side, False
    if engine.site.flavour is Flavour.MARIADB and mysql.at == int(mongo.at):  # its log tells whole seconds: a tie
        return Side.MYSQL, True
    return first.other, True


def recorded(engine: Engine) -> dict[int, Side]:
    """Losers of the field, with the side whose user wrote them."""
    with engine.site.mysql("app").cursor() as cursor:
        cursor.execute("SELECT losers FROM sync_conflict_detail WHERE losers IS NOT NULL")
        losers = [one for (text,) in cursor.fetchall() for one in json.loads(text)]
    assert {one["column"] for one in losers} <= {"limit"}
    values = {one["value"]: Side(one["side"]) for one in losers}
    assert len(values) == len(losers), "a loser is recorded twice"
    return values
