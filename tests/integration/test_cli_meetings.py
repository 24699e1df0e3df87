"""What operators see of a document that both sides edited: while it is held, and once it is settled. And for how long."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId

from deploy.local.mysql_binary import Flavour
from sync.model.change import Side
from tests.engine import Engine
from tests.plain import Doc


@pytest.fixture
def flavour() -> Flavour:
    """One family is enough for what is shown."""
    return Flavour.MYSQL


@pytest.fixture
def met(engine: Engine) -> tuple[Engine, str]:
    """The limit became 5555 in MySQL and 7777 in MongoDB. It is held, for the follower does not run."""
    document: Doc = {"_id": ObjectId(), "account_id": 1, "limit": 1111, "products": []}
    engine.mongo["accounts"].insert_one(document)
    engine.settle()
    engine.kill("follower")
    engine.write_mysql("accounts", document, document | {"limit": 5555})
    engine.mongo["accounts"].update_one({"_id": document["_id"]}, {"$set": {"limit": 7777}})
    engine.until(lambda: engine.held() == 1)
    return engine, str(document["_id"])


def cells(text: str, columns: int) -> set[tuple[str, ...]]:
    """Rows of the tables that have so many columns."""
    lines = [line.split("│")[1:-1] for line in text.splitlines() if "│" in line]
    return {tuple(cell.strip() for cell in line) for line in lines if len(line) == columns}


def answer(engine: Engine, *arguments: str) -> Any:
    return json.loads(engine.site.lockstep(*arguments, "--json", check=False).stdout)


TIME = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def test_explain_tells_what_is_known_of_a_held_document(met: tuple[Engine, str]) -> None:
    """How far its settling has come, and each side's notes."""
    engine, key = met
    place = f'analytics_account.limit ["{key}"]'
    text = engine.site.lockstep("explain", "--collection", "accounts", "--id", key).stdout
    noted = {row[:4]: row[4] for row in cells(text, 5)}
    assert TIME.fullmatch(noted["MongoDB", place, "7777", "1111"])
    assert "looks: 0\n" in text
    conflict = answer(engine, "explain", "--collection", "accounts", "--id", key)["conflict"]
    assert {name: conflict[name] for name in ("state", "looks", "look_id", "met", "waiting_for", "policy")} == {
        "state": "open",
        "looks": 0,
        "look_id": None,
        "met": None,
        "waiting_for": None,
        "policy": None,
    }
    (note,) = conflict["mongo_notes"]["notes"]
    assert (note["column"], note["value"], note["found"]) == ("limit", 7777, 1111)
    assert note["time"] > 1_700_000_000_000_000
    assert conflict["mysql_notes"] is None


def test_status_counts_conflicts_and_tells_of_the_oldest(met: tuple[Engine, str]) -> None:
    """By state; `held` stays."""
    engine, _ = met
    shown = answer(engine, "status")
    assert shown["conflicts"] == {"open": 1, "waiting": 0, "settled": 0, "converged": 0}
    assert shown["held"] == 1
    assert 0 < shown["oldest_held_seconds"] < 600
    assert "conflicts: 1 open, 0 waiting, 0 settled, 0 converged; the oldest has been held for" in (
        engine.site.lockstep("status", check=False).stdout
    )
    engine.start("follower")
    engine.until(lambda: engine.held() == 0)
    shown = answer(engine, "status")
    assert shown["conflicts"] == {"open": 0, "waiting": 0, "settled": 1, "converged": 0}
    assert (shown["held"], shown["oldest_held_seconds"]) == (0, None)
    assert "0 open, 0 waiting, 1 settled, 0 converged\n" in engine.site.lockstep("status").stdout


def test_a_settled_conflict_tells_who_won_and_what_lost(met: tuple[Engine, str]) -> None:
    """Each place with base, both values and times, and the winner; the value that lost; the policy; how often looked at."""
    engine, key = met
    engine.start("follower")
    engine.until(lambda: engine.held() == 0)
    (listed,) = answer(engine, "conflicts", "list", "--state", "settled")
    assert (listed["policy"], listed["document"]) == ("last_write_wins", key)
    assert listed["looks"] >= 1
    shown = answer(engine, "conflicts", "show", str(listed["id"]))
    assert "look" not in shown
    (decided,) = shown["fields"]
    (lost,) = shown["losers"]
    assert [decided[name] for name in ("column", "base", "mysql", "mongo")] == ["limit", 1111, 5555, 7777]
    won = Side(decided["winner"])
    value, written_in = (5555, "MySQL") if won is Side.MONGO else (7777, "MongoDB")
    assert (lost["value"], lost["side"], lost["time"]) == (value, won.other, decided[f"{won.other}_time"])
    assert shown["resolution"] == {"by": "policy", "policy": "last_write_wins"}
    text = engine.site.lockstep("conflicts", "show", str(listed["id"])).stdout
    place = f'analytics_account.limit ["{key}"]'
    (row,) = [row for row in cells(text, 7) if row[0] == place]
    assert (row[1:4], row[6]) == (("1111", "5555", "7777"), {"MySQL": "MongoDB", "MongoDB": "MySQL"}[written_in])
    assert f"{place}: by last_write_wins" in text
    assert decided["policy"] == "last_write_wins"
    assert all(TIME.fullmatch(moment) for moment in row[4:6])
    assert (place, str(value), written_in, row[5 if won is Side.MYSQL else 4]) in cells(text, 4)
    for line in ("state: settled", "policy: last_write_wins", "resolution: by policy last_write_wins"):
        assert line in text
    assert "repair" not in text
    table = engine.site.lockstep("conflicts", "list", "--state", "settled").stdout
    assert "last_write_wins" in table


def test_conflicts_are_filtered_by_their_age(met: tuple[Engine, str]) -> None:
    """From when they were opened."""
    engine, _ = met
    with engine.site.mysql("admin").cursor() as cursor:
        cursor.execute("UPDATE sync_conflict_detail SET opened_at = opened_at - INTERVAL 2 HOUR")
    (listed,) = answer(engine, "conflicts", "list")
    assert 7200 <= listed["age_seconds"] < 8000
    for chosen, there in (
        (["--older-than", "2h"], True),
        (["--older-than", "3h"], False),
        (["--newer-than", "3h"], True),
        (["--newer-than", "119m"], False),
        (["--older-than", "60m", "--newer-than", "1d"], True),
        (["--older-than", "36500d"], False),
    ):
        assert bool(answer(engine, "conflicts", "list", *chosen)) is there, chosen
    done = engine.site.lockstep("conflicts", "list", "--collection", "clients", check=False)
    assert done.stderr.startswith("error: no collection clients is mapped\nhint: one of: customers, accounts")


def test_closed_conflicts_go_when_their_days_are_over(stopped_engine: Engine, tmp_path: Path) -> None:
    """The follower deletes them, more at once than in one go, and leaves the others; the file says for how long."""
    engine = stopped_engine
    config = tmp_path / "lockstep.toml"
    config.write_text(engine.site.config_path.read_text().replace("keep_settled_days = 30", "keep_settled_days = 3"))
    engine.site.config_path = config
    engine.prepare()
    with engine.site.mysql("admin").cursor() as cursor:
        closed = [("converged", 2)] * 1100 + [("settled", 2), ("settled", 4), ("converged", 0)]
        cursor.executemany(
            "INSERT INTO sync_conflict (collection, document_id, state, version) VALUES ('accounts', 'x', %s, 1)",
            [(state,) for state, _ in closed],
        )
        cursor.executemany(
            "INSERT INTO sync_conflict_detail (conflict_id, kind, side, reason, opened_at, noted_at, closed_at)"
            " VALUES (%s, 'update_differs', 'mysql', '', '2020-01-01', '2020-01-01', NOW(6) - INTERVAL %s DAY)",
            [(number, days) for number, (_, days) in enumerate(closed, 1)],
        )
    engine.start()
    engine.until(lambda: engine.value("SELECT COUNT(*) FROM sync_conflict") == 2)
    states = [(one["id"], one["state"]) for one in engine.conflicts("all")]
    assert states == [(1103, "converged"), (1101, "settled")]
    assert engine.value("SELECT COUNT(*) FROM sync_conflict_detail") == 2
    engine.settle()  # the follower has read of it in the log, and goes on
