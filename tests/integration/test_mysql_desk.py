"""How workers say how they are and what operators ask of them, on real servers, each with its own user's rights."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from sync.errors import CommandRefused
from sync.model.change import ConflictKind, Hold, Side
from sync.mysql.desk import MySQLDesk
from sync.ports import Command
from tests.mysql_side import A, B, MySQLSide, account, opening


def timeline(side: MySQLSide) -> list[tuple[Any, ...]]:
    return side.rows("SELECT worker, state, reason FROM sync_timeline ORDER BY id")


def test_a_worker_is_shown_as_it_last_said(side: MySQLSide) -> None:
    """With the age of the report by MySQL's clock; details come back as they were given."""
    desk = side.desk()
    desk.report("starting", "r", "h", {"lag_seconds": None})
    desk.report("streaming", "quiet", "", {"rows": 3, "nested": {"é": [1.5, True]}})
    (shown,) = side.operators().workers()
    assert {name: shown[name] for name in ("name", "state", "reason", "hint", "held", "details")} == {
        "name": "follower",
        "state": "streaming",
        "reason": "quiet",
        "hint": "",
        "held": 0,
        "details": {"rows": 3, "nested": {"é": [1.5, True]}},
    }
    age = shown["age_seconds"]
    assert isinstance(age, float)
    assert 0 <= age < 60
    assert datetime.fromisoformat(str(shown["reported_at"])).tzinfo is not None


def test_the_timeline_holds_changes_of_state(side: MySQLSide) -> None:
    """Not every report; `since` is the moment of the last change."""
    desk = side.desk("listener")
    for state, reason in [("starting", ""), ("streaming", "a"), ("streaming", "b")]:
        desk.report(state, reason, "", {})
    since = side.rows("SELECT since FROM sync_worker")
    desk.report("streaming", "c", "", {})
    assert side.rows("SELECT since FROM sync_worker") == since
    desk.report("paused", "d", "", {})
    assert timeline(side) == [("listener", "starting", ""), ("listener", "streaming", "a"), ("listener", "paused", "d")]
    assert side.rows("SELECT since FROM sync_worker") > since


def test_workers_do_not_mix(side: MySQLSide) -> None:
    """Each has its row and its requests."""
    follower, listener = side.desk("follower"), side.desk("listener")
    follower.report("paused", "", "", {})
    listener.report("streaming", "", "", {})
    assert [(one["name"], one["state"]) for one in side.operators().workers()] == [
        ("follower", "paused"),
        ("listener", "streaming"),
    ]
    number = side.operators().ask("listener", "pause", {}, "Ada")
    assert follower.next_command() is None
    assert listener.next_command() == Command(id=number, kind="pause", arguments={}, requested_by="Ada")


def taken(desk: MySQLDesk) -> Command:
    command = desk.next_command()
    assert command is not None
    return command


def test_requests_are_answered_in_order(side: MySQLSide) -> None:
    """The asker waits until the worker is done with it and is given the result."""
    operators, desk = side.operators(), side.desk()
    first = operators.ask("follower", "repair", {"collection": "accounts", "id": A}, "Ada")
    second = operators.ask("follower", "resume", {}, "Bob")
    assert operators.answer(first) is None
    command = taken(desk)
    assert command == Command(
        id=first, kind="repair", arguments={"collection": "accounts", "id": A}, requested_by="Ada"
    )
    assert operators.answer(first) is None
    desk.finish(command, "done", {"places": ["limit"]})
    assert operators.answer(first) == {"state": "done", "places": ["limit"]}
    assert taken(desk).id == second


def test_a_request_that_a_dead_worker_left_is_given_again(side: MySQLSide) -> None:
    """To its successor, before all newer ones."""
    number = side.operators().ask("follower", "pause", {}, "Ada")
    side.operators().ask("follower", "resume", {}, "Ada")
    assert taken(side.desk()).id == number
    assert taken(side.desk()).id == number


def test_a_pause_outlives_what_else_a_worker_says(side: MySQLSide) -> None:
    """Until a resume is carried out: a worker that waits for a server, or for a lease, says so and is still paused."""
    follower, listener = side.desk("follower"), side.desk("listener")
    assert not follower.paused()
    side.operators().ask("follower", "pause", {}, "Ada")
    assert not follower.paused()
    follower.finish(taken(follower), "done", {})
    follower.report("waiting_for_mongo", "", "", {})
    assert (follower.paused(), listener.paused()) == (True, False)
    side.operators().ask("follower", "resume", {}, "Ada")
    assert follower.paused()
    follower.finish(taken(follower), "done", {})
    assert not follower.paused()


@pytest.mark.parametrize("arguments", ["", "no JSON", "[1]", "[" * 100_000], ids=["empty", "text", "list", "deep"])
def test_arguments_that_are_none_reach_the_worker_as_none(side: MySQLSide, arguments: str) -> None:
    """It refuses them; nobody who may ask can end it."""
    number = side.operators().ask("follower", "repair", {}, "Mallory")
    side.rows("UPDATE sync_command SET arguments = %s WHERE id = %s", arguments, number)
    assert taken(side.desk()) == Command(id=number, kind="repair", arguments={}, requested_by="Mallory")


@pytest.mark.parametrize("state", ["refused", "failed"])
def test_a_refusal_reaches_the_asker(side: MySQLSide, state: str) -> None:
    """With the worker's reason and hint."""
    number = side.operators().ask("follower", "repair", {}, "Ada")
    desk = side.desk()
    desk.finish(taken(desk), state, {"message": "too busy", "hint": "try again later"})
    with pytest.raises(CommandRefused, match="too busy") as refused:
        side.operators().answer(number)
    assert refused.value.hint == "try again later"


def test_conflicts_are_listed_by_what_is_asked(side: MySQLSide) -> None:
    """Newest first, filtered, limited; an unknown filter or number is refused."""
    operators = side.operators()
    transaction = side.conflicts().begin()
    for key, kind in [(A, ConflictKind.INSERT_EXISTS), (B, ConflictKind.LIST_GAP)]:
        transaction.open(opening(account(key), Hold(kind=kind, reason="r"), []), Side.MYSQL)
    transaction.close(transaction.held([account(A)])[account(A)], {})
    transaction.commit()

    def listed(limit: int = 10, **filters: str) -> list[object]:
        return [one["document"] for one in operators.conflicts(filters, limit)]

    assert listed() == [B, A]
    assert listed(limit=1) == [B]
    assert (listed(state="held"), listed(state="settled")) == ([B], [A])
    assert listed(kind="insert_exists", collection="accounts") == [A]
    assert (listed(document=B), listed(document="%"), listed(collection="other")) == ([B], [], [])
    assert [one["held"] for one in operators.workers()] == []
    side.desk().report("streaming", "", "", {})
    assert [one["held"] for one in operators.workers()] == [1]
    counts = operators.counts()
    assert (counts.states, counts.held) == ({"open": 1, "waiting": 0, "settled": 1, "converged": 0}, 1)
    assert counts.oldest_held_seconds is not None
    assert 0 <= counts.oldest_held_seconds < 60
    found = operators.open_conflict(account(B))
    assert found is not None
    assert found["kind"] == "list_gap"
    assert operators.open_conflict(account(A)) is None
    with pytest.raises(CommandRefused, match="no filter colour"):
        operators.conflicts({"colour": "red"}, 1)
    with pytest.raises(CommandRefused, match="no conflict 999"):
        operators.conflict(999)
