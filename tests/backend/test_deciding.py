"""A person's decision over the API: what may be decided, how it is asked for, what became of it, and who did it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from backend.replication.models import Command
from tests.backend.conftest import People

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("engine_tables")]

CONFLICT = "/api/v1/conflicts/7/"
RESOLVE = f"{CONFLICT}resolve/"
KEY = "5ca4bbcea2dd94ee58162a68"
LIMIT = {"table": "analytics_account", "key": [KEY], "column": "limit"}
DECISION = {"fields": [{**LIMIT, "mysql": 5, "mongo": 7, "take": "mongo"}], "reason": "the branch called"}


def account(limit: int, *products: str) -> str:
    """Rows of a side, as they stand in a conflict."""
    rows: list[dict[str, object]] = [
        {"table": "analytics_account", "key": [KEY], "row": {"account_id": 1, "limit": limit}}
    ]
    rows += [
        {"table": "analytics_accountproduct", "key": [KEY, place], "row": {"product": product}}
        for place, product in enumerate(products)
    ]
    return json.dumps(rows)


@pytest.fixture(autouse=True)
def held(db: None) -> None:
    """A conflict that waits: limit and products differ."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO sync_conflict VALUES (7, 'accounts', %s, 'waiting', 'key', NULL, NULL, 1)", [KEY])
        cursor.execute(
            "INSERT INTO sync_conflict_detail (conflict_id, kind, side, reason, mysql_value, mongo_value, waiting_for,"
            " opened_at, noted_at, asked_at, looked_at) VALUES (7, 'update_differs', 'mysql', '', %s, %s, 'a person',"
            " '2026-01-01', '2026-01-01', '2026-01-02', '2026-01-02')",
            [account(5), account(7, "Brokerage")],
        )


def run(statement: str, *values: str | int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def test_what_may_be_decided_is_shown_unit_by_unit(tess: APIClient) -> None:
    """A list as a whole; nothing where the conflict was not looked at, or is closed."""
    shown = tess.get(CONFLICT).json()
    brokerage = {"table": "analytics_accountproduct", "key": [KEY, 0], "row": {"product": "Brokerage"}}
    assert shown["differing"] == [
        {**LIMIT, "mysql": 5, "mongo": 7},
        {"table": "analytics_accountproduct", "key": [KEY], "column": "", "mysql": [], "mongo": [brokerage]},
    ]
    assert (shown["asked_at"], shown["rulings"]) == ("2026-01-02T00:00:00Z", None)
    run("UPDATE sync_conflict_detail SET looked_at = NULL")
    assert tess.get(CONFLICT).json()["differing"] == []
    run("UPDATE sync_conflict_detail SET looked_at = NOW(6)")
    assert tess.get(CONFLICT).json()["differing"]
    run("UPDATE sync_conflict SET open_key = NULL, state = 'settled'")
    assert tess.get(CONFLICT).json()["differing"] == []


@pytest.mark.parametrize("who", ["tess", "mona"])
def test_a_decision_is_a_request_with_who_and_why(request: pytest.FixtureRequest, who: str) -> None:
    """Left for the follower, and followed by its number."""
    client: APIClient = request.getfixturevalue(who)
    answer = client.post(RESOLVE, DECISION)
    assert answer.status_code == 202
    number = answer.json()["request"]
    assert answer.json() == {"request": number, "state": "requested", "message": "", "changed": []}
    command = Command.objects.get(pk=number)
    assert (command.worker, command.kind, command.state) == ("follower", "resolve", "requested")
    assert command.requested_by == f"{who}@example.com"
    assert command.arguments == {"conflict": 7, **DECISION}
    assert client.get(f"{CONFLICT}rulings/{number}/").json() == answer.json()


def test_what_became_of_it_is_told(tess: APIClient) -> None:
    """Refused by the follower at once; or as it stands in the conflict, with the new values."""
    number = tess.post(RESOLVE, DECISION).json()["request"]
    ruling = f"{CONFLICT}rulings/{number}/"
    run("""UPDATE sync_command SET state = 'refused', result = '{"message": "conflict 7 is closed"}'""")
    assert tess.get(ruling).json() == {
        "request": number,
        "state": "refused",
        "message": "conflict 7 is closed",
        "changed": [],
    }
    told: dict[str, Any] = {
        "request": number,
        "by": "tess@example.com",
        "reason": "the branch called",
        "asked_at": "2026-01-02T03:04:05+00:00",
        "state": "refused",
        "finished_at": "2026-01-02T03:04:06+00:00",
        "message": "other values stand there by now",
        "fields": DECISION["fields"],
        "changed": [{**LIMIT, "mysql": 5, "mongo": 8}],
    }
    run("UPDATE sync_conflict_detail SET rulings = %s", json.dumps([told]))
    assert tess.get(ruling).json() == {name: told[name] for name in ("request", "state", "message", "changed")}
    assert tess.get(CONFLICT).json()["rulings"] == [told]


def test_a_request_of_another_conflict_is_none_of_this_one(tess: APIClient) -> None:
    """Nor one of another kind, nor none at all."""
    for kind, arguments in (("resolve", '{"conflict": 8}'), ("repair", '{"conflict": 7}')):
        run(
            "INSERT INTO sync_command (id, worker, kind, arguments, requested_by, requested_at, state)"
            " VALUES (%s, 'follower', %s, %s, 'x', '2026-01-01', 'requested')",
            len(kind),
            kind,
            arguments,
        )
        assert tess.get(f"{CONFLICT}rulings/{len(kind)}/").status_code == 404
    assert tess.get(f"{CONFLICT}rulings/999/").status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"reason": ""}, "reason"),
        ({"reason": "   "}, "reason"),
        ({"reason": "x" * 2001}, "reason"),
        ({"fields": []}, "fields"),
        ({"fields": [{**LIMIT, "mysql": 5, "mongo": 7}]}, "fields"),
        ({"fields": [{**LIMIT, "mysql": 5, "mongo": 7, "take": "both"}]}, "fields"),
        ({"fields": [{**LIMIT, "mysql": 5, "mongo": 7, "take": "value"}]}, "fields"),
        ({"fields": [{**LIMIT, "mysql": 5, "mongo": 7, "take": "value", "value": "many"}]}, "fields"),
        ({"fields": [{**LIMIT, "mysql": 5, "mongo": 7, "take": "value", "value": None}]}, "fields"),
        ({"fields": [{**LIMIT, "column": "colour", "mysql": 5, "mongo": 7, "take": "mysql"}]}, "fields"),
        ({"fields": [{**LIMIT, "key": [{"a": 1}], "mysql": 5, "mongo": 7, "take": "mysql"}]}, "fields"),
    ],
)
def test_what_can_be_no_decision_is_refused_by_its_field(tess: APIClient, change: dict[str, Any], field: str) -> None:
    """And nothing is asked for."""
    answer = tess.post(RESOLVE, {**DECISION, **change})
    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert not Command.objects.exists()


def test_a_closed_conflict_is_decided(tess: APIClient) -> None:
    """Nothing is left to decide, and that is said."""
    run("UPDATE sync_conflict SET open_key = NULL, state = 'settled'")
    answer = tess.post(RESOLVE, DECISION)
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        "This conflict is closed: there is nothing left to decide.",
    )
    assert not Command.objects.exists()


def test_a_decision_wants_a_csrf_token(people: People) -> None:
    """As everything that changes something."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(people.tess)
    answer = client.post(RESOLVE, json.dumps(DECISION), content_type="application/json")
    assert answer.status_code == 403
    assert not Command.objects.exists()
