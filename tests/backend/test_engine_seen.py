"""The engine's tables as the API shows them: both workers, and what is held."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from backend.replication.models import Checkpoint, Command, Conflict, ConflictDetail, TimelineEntry, Worker
from sync.model.states import STATES

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("engine_tables")]

STATUS, CONFLICTS = "/api/v1/sync/status/", "/api/v1/conflicts/"


def says(name: str, state: str = "streaming", *, ago: float = 1, details: object = None) -> None:
    """What a worker reported, so many seconds ago."""
    reported = datetime.now(UTC) - timedelta(seconds=ago)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO sync_worker VALUES (%s, %s, 'a reason', 'a hint', '2026-01-02 03:04:05.678901', %s, %s)",
            [name, state, reported.replace(tzinfo=None), json.dumps(details or {})],
        )


def holds(number: int, *, state: str = "open", **other: Any) -> None:
    """A held document, with its detail."""
    detail = {"kind": "update_differs", "side": "mysql", "mysql_value": None, "closed_at": None, **other}
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO sync_conflict VALUES (%s, %s, %s, %s, %s, NULL, NULL, 1)",
            [number, "customers", f"doc {number} ", state, f"key{number}" if state in ("open", "waiting") else None],
        )
        cursor.execute(
            "INSERT INTO sync_conflict_detail (conflict_id, kind, side, reason, mysql_value, mysql_notes,"
            " opened_at, noted_at, closed_at)"
            " VALUES (%s, %s, %s, 'name differs', %s, '[]', '2026-01-02 03:04:05', '2026-01-02 03:04:06', %s)",
            [number, detail["kind"], detail["side"], detail["mysql_value"], detail["closed_at"]],
        )


@pytest.mark.parametrize("who", ["tess", "mona"])
def test_two_workers_that_stream_are_healthy(request: pytest.FixtureRequest, who: str) -> None:
    """What each last said, with what its state means and its numbers."""
    client: APIClient = request.getfixturevalue(who)
    says("listener", details={"lag_seconds": 0.1})
    says("follower", "catching_up")
    shown = client.get(STATUS).json()
    assert (shown["set_up"], shown["healthy"], shown["open_conflicts"]) == (True, True, 0)
    follower, listener = shown["workers"]
    assert (follower["name"], listener["name"]) == ("follower", "listener")
    assert follower["meaning"] == STATES["catching_up"].meaning
    assert listener.pop("reported_at")
    assert listener == {
        "name": "listener",
        "state": "streaming",
        "meaning": STATES["streaming"].meaning,
        "reason": "a reason",
        "hint": "a hint",
        "healthy": True,
        "silent": False,
        "since": "2026-01-02T03:04:05.678901Z",
        "lag_seconds": 0.1,
        "rows_per_second": None,
        "last_error": "",
        "last_error_hint": "",
        "details": {"lag_seconds": 0.1},
    }


def test_the_last_error_comes_with_what_helps(tess: APIClient) -> None:
    """As the engine's own table has it; an error of a later version without."""
    says("follower", details={"last_error": "mongo_away: MongoDB cannot be reached"})
    says("listener", details={"last_error": "of_tomorrow: something"})
    follower, listener = tess.get(STATUS).json()["workers"]
    assert "lockstep doctor" in follower["last_error_hint"]
    assert (listener["last_error"], listener["last_error_hint"]) == ("of_tomorrow: something", "")


@pytest.mark.parametrize("state", [*STATES, "a_state_of_a_later_version"])
def test_health_is_what_the_table_of_states_says(tess: APIClient, state: str) -> None:
    """An unknown state is not healthy."""
    says("follower", state)
    says("listener")
    shown = tess.get(STATUS).json()
    assert shown["healthy"] == shown["workers"][0]["healthy"] == (state in STATES and STATES[state].healthy)


def test_a_silent_worker_is_not_healthy(tess: APIClient) -> None:
    """Whatever it said last; the hint says how to start it."""
    says("follower", ago=60, details={"lag_seconds": 0.0, "rows_per_second": 1.0})
    says("listener")
    shown = tess.get(STATUS).json()
    assert [worker["silent"] for worker in shown["workers"]] == [True, False]
    assert (shown["workers"][0]["lag_seconds"], shown["workers"][0]["rows_per_second"]) == (None, None)
    assert [shown["healthy"], *(worker["healthy"] for worker in shown["workers"])] == [False, False, True]
    assert "lockstep run" in shown["workers"][0]["hint"]


def test_a_worker_that_stopped_keeps_its_own_hint(tess: APIClient) -> None:
    """However long ago: starting it would not help."""
    says("follower", "position_purged", ago=60)
    says("listener", "stopped", ago=60)
    workers = tess.get(STATUS).json()["workers"]
    assert [(worker["hint"], worker["silent"]) for worker in workers] == [("a hint", False)] * 2


def test_one_worker_alone_is_not_health(tess: APIClient) -> None:
    """Nor is none."""
    assert tess.get(STATUS).json() == {
        "set_up": True,
        "healthy": False,
        "open_conflicts": 0,
        "workers": [],
        "collections": [],
    }
    says("follower")
    assert tess.get(STATUS).json()["healthy"] is False


def test_held_documents_are_counted_until_they_are_closed(tess: APIClient) -> None:
    """Open and waiting ones."""
    holds(1)
    holds(2, state="waiting")
    holds(3, state="settled")
    assert tess.get(STATUS).json()["open_conflicts"] == 2


def test_a_list_of_conflicts_shows_no_values(tess: APIClient) -> None:
    """Newest first; which document, why, since when."""
    holds(1, state="settled", closed_at="2026-01-02 03:04:07")
    holds(2, mysql_value='{"name": "secret"}')
    answer = tess.get(CONFLICTS)
    assert b"secret" not in answer.content
    newest, oldest = answer.json()["results"]
    assert (oldest["id"], oldest["state"], oldest["closed_at"]) == (1, "settled", "2026-01-02T03:04:07Z")
    assert newest == {
        "id": 2,
        "collection": "customers",
        "document": "doc 2 ",
        "state": "open",
        "kind": "update_differs",
        "side": "mysql",
        "reason": "name differs",
        "opened_at": "2026-01-02T03:04:05Z",
        "noted_at": "2026-01-02T03:04:06Z",
        "closed_at": None,
    }


def test_one_conflict_shows_both_sides(tess: APIClient) -> None:
    """As JSON, not as text of JSON."""
    holds(1, mysql_value='[{"table": "analytics_customer", "key": ["x"], "row": {"name": "\\u00e4"}}]')
    shown = tess.get(f"{CONFLICTS}1/").json()
    assert shown["mysql_value"] == [{"table": "analytics_customer", "key": ["x"], "row": {"name": "ä"}}]
    assert (shown["mongo_value"], shown["mysql_notes"], shown["mongo_notes"]) == (None, [], None)
    assert shown["resolution"] is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"held": "true"}, [2, 1]),
        ({"held": "false"}, [3]),
        ({"status": "waiting"}, [2]),
        ({"collection": "customers"}, [3, 2, 1]),
        ({"collection": "accounts"}, []),
        ({"kind": "delete_differs"}, [3]),
        ({"document": "doc 2 "}, [2]),
        ({"held": "true", "kind": "update_differs", "status": "open"}, [1]),
        ({"status": ["open", "settled"]}, [3, 1]),
        ({"older_than": "3600"}, [3, 2, 1]),
        ({"newer_than": "3600"}, []),
        ({"older_than": "0", "newer_than": "3000000000"}, [3, 2, 1]),
    ],
)
def test_conflicts_are_filtered(tess: APIClient, query: dict[str, Any], expected: list[int]) -> None:
    """By exact text and by age; what is held are those not closed."""
    holds(1)
    holds(2, state="waiting")
    holds(3, state="settled", kind="delete_differs")
    assert [found["id"] for found in tess.get(CONFLICTS, query).json()["results"]] == expected


@pytest.mark.parametrize(
    "query",
    [
        {"held": "perhaps"},
        {"status": "lost"},
        {"state": "open"},
        {"age": "60"},
        {"kind": "bogus"},
        {"collection": "bogus"},
        {"kind": "\0"},
        {"older_than": "1.5"},
        {"newer_than": "-1"},
        {"older_than": "9" * 30},
    ],
)
def test_a_filter_that_cannot_be_meant_is_refused(tess: APIClient, query: dict[str, str]) -> None:
    """By name."""
    answer = tess.get(CONFLICTS, query)
    assert (answer.status_code, set(answer.json())) == (400, set(query))


@pytest.mark.parametrize(
    ("query", "named"),
    [({"nonsense": "1"}, "newer_than"), ({"kind": "bogus"}, "update_differs"), ({"collection": "bogus"}, "accounts")],
)
def test_a_refusal_names_what_there_is(tess: APIClient, query: dict[str, str], named: str) -> None:
    """Whoever mistyped it need not look it up."""
    (told,) = next(iter(tess.get(CONFLICTS, query).json().values()))
    assert named in told


def test_conflicts_in_numbers(tess: APIClient) -> None:
    """By state; of those that are held: of which collection, why, and how old the oldest is."""
    empty = {"open": 0, "waiting": 0, "settled": 0, "converged": 0}
    assert tess.get(f"{CONFLICTS}summary/").json() == {"states": empty, "held": [], "oldest_held_seconds": None}
    holds(1)
    holds(2, state="waiting")
    holds(3, kind="delete_differs")
    holds(4, state="settled", closed_at="2026-01-02 03:04:07")
    shown = tess.get(f"{CONFLICTS}summary/").json()
    assert shown["states"] == {**empty, "open": 2, "waiting": 1, "settled": 1}
    assert shown["held"] == [
        {"collection": "customers", "kind": "update_differs", "count": 2},
        {"collection": "customers", "kind": "delete_differs", "count": 1},
    ]
    assert shown["oldest_held_seconds"] > 3600


def test_a_settled_conflict_shows_how_it_was_decided(tess: APIClient) -> None:
    """Field by field, with losers, policy and looks; what only the engine needs is not shown."""
    holds(1, state="settled")
    place = {"table": "analytics_customer", "key": ["x"], "column": "name"}
    decided = {**place, "base": None, "mysql": "a", "mongo": "b", "mysql_time": 1, "mongo_time": 2, "winner": "mongo"}
    loser = {**place, "value": "a", "side": "mysql", "time": 1}
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE sync_conflict_detail SET policy = 'last_write_wins', looks = 2, fields = %s, losers = %s,"
            " waiting_for = 'x', looked_at = '2026-01-02 03:04:07'",
            [json.dumps([decided]), json.dumps([loser])],
        )
    shown = tess.get(f"{CONFLICTS}1/").json()
    assert (shown["fields"], shown["losers"]) == ([decided], [loser])
    assert (shown["policy"], shown["looks"], shown["waiting_for"]) == ("last_write_wins", 2, "x")
    assert shown["looked_at"] == "2026-01-02T03:04:07Z"
    assert not {"look", "look_id", "met", "version", "decided_by"} & set(shown)


@pytest.mark.parametrize("key", ["0", "99", "x", "9" * 30])
def test_an_unknown_conflict_is_not_found(tess: APIClient, key: str) -> None:
    """Whatever stands for its number."""
    assert tess.get(f"{CONFLICTS}{key}/").status_code == 404


def test_a_list_of_conflicts_asks_as_often_for_many_as_for_one(tess: APIClient) -> None:
    """Details come along."""
    counts = []
    for number in range(1, 4):
        holds(number)
        with CaptureQueriesContext(connection) as queries:
            assert len(tess.get(CONFLICTS).json()["results"]) == number
        counts.append(len(queries))
    assert len(set(counts)) == 1


@pytest.mark.parametrize("model", [Checkpoint, Command, Conflict, ConflictDetail, TimelineEntry, Worker])
def test_the_backend_reads_every_column_of_the_engine_and_writes_none(model: Any) -> None:
    """The models name the columns that `lockstep setup` creates."""
    assert list(model.objects.all()) == []
    with connection.cursor() as cursor:
        described = connection.introspection.get_table_description(cursor, model._meta.db_table)
    assert [column.name for column in described] == [field.column for field in model._meta.concrete_fields]
    for write in (model().save, model().delete):
        with pytest.raises(TypeError, match="read only"):
            write()
