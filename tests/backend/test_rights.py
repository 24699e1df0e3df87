"""Who may do what: every address of the API, every method, everybody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.urls import URLPattern, URLResolver, reverse
from pymongo.database import Database

from backend.accounts.models import Role, RoleRequest
from backend.config.urls import api
from tests.backend.conftest import People, client_of, hang_up, person
from tests.backend.documents import ACCOUNT, BUCKET, CUSTOMER, Document, account, body, bucket, customer, load

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("engine_tables")]

METHODS = {"get", "post", "put", "patch", "delete"}
#: The columns of the table: a stranger, a customer, one whose address is not verified, a technical worker, senior
#: management, somebody whose login was taken away.
WHO = ("nobody", "casey", "uma", "tess", "mona", "ina")
TABLE: dict[tuple[str, str], tuple[int, ...]] = {
    ("api-root", "get"): (403, 200, 200, 200, 200, 403),
    ("me", "get"): (403, 200, 200, 200, 200, 403),
    ("sync-status", "get"): (403, 403, 403, 200, 200, 403),
    ("customer-list", "get"): (403, 200, 200, 200, 200, 403),
    ("customer-list", "post"): (403, 403, 403, 201, 403, 403),
    ("customer-detail", "get"): (403, 200, 404, 200, 200, 403),
    ("customer-detail", "put"): (403, 403, 403, 200, 403, 403),
    ("customer-detail", "patch"): (403, 403, 403, 200, 403, 403),
    ("customer-detail", "delete"): (403, 403, 403, 204, 403, 403),
    ("account-list", "get"): (403, 200, 200, 200, 200, 403),
    ("account-list", "post"): (403, 403, 403, 201, 403, 403),
    ("account-detail", "get"): (403, 200, 404, 200, 200, 403),
    ("account-detail", "put"): (403, 403, 403, 200, 403, 403),
    ("account-detail", "patch"): (403, 403, 403, 200, 403, 403),
    ("account-detail", "delete"): (403, 403, 403, 204, 403, 403),
    ("transaction-list", "get"): (403, 200, 200, 200, 200, 403),
    ("transaction-list", "post"): (403, 403, 403, 201, 403, 403),
    ("transaction-detail", "get"): (403, 200, 404, 200, 200, 403),
    ("transaction-detail", "put"): (403, 403, 403, 200, 403, 403),
    ("transaction-detail", "patch"): (403, 403, 403, 200, 403, 403),
    ("transaction-detail", "delete"): (403, 403, 403, 204, 403, 403),
    ("conflict-list", "get"): (403, 403, 403, 200, 200, 403),
    ("conflict-detail", "get"): (403, 403, 403, 200, 200, 403),
    ("conflict-summary", "get"): (403, 403, 403, 200, 200, 403),
    ("conflict-kinds", "get"): (403, 403, 403, 200, 200, 403),
    ("conflict-resolve", "post"): (403, 403, 403, 202, 202, 403),
    ("conflict-ruling", "get"): (403, 403, 403, 200, 200, 403),
    ("crossing-detail", "get"): (403, 403, 403, 200, 200, 403),
    ("crossing-edits", "post"): (403, 403, 403, 200, 403, 403),
    ("crossing-events", "get"): (403, 403, 403, 200, 200, 403),
    ("role-request-list", "get"): (403, 403, 403, 403, 200, 403),
    ("role-request-detail", "get"): (403, 403, 403, 403, 200, 403),
    ("role-request-grant", "post"): (403, 403, 403, 403, 200, 403),
    ("role-request-refuse", "post"): (403, 403, 403, 403, 200, 403),
}
#: Addresses with the id of what they are about.
OF_ONE = ("detail", "grant", "refuse", "edits", "events", "resolve", "ruling")
BODIES = {
    "customer": body(customer()),
    "account": body(account()),
    "transaction": body(bucket()),
    "crossing": {"side": "mongo", "field": "name", "value": "Ada"},
    "conflict": {
        "fields": [
            {"table": "analytics_account", "key": ["x"], "column": "limit", "mysql": 1, "mongo": 2, "take": "mysql"}
        ],
        "reason": "a call",
    },
}


@pytest.fixture
def keys(people: People, mongo: Database[Document]) -> dict[str, object]:
    """One of everything is there, Casey's where it can be somebody's; gives the ids."""
    load("customers", customer())
    mongo["customers"].insert_one(customer())
    load("accounts", account())
    load("transactions", bucket())
    asked = RoleRequest.objects.create(user=person("rita"), role=Role.TECHNICAL_WORKER)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO sync_conflict (id, collection, document_id, state, open_key, version)"
            " VALUES (1, 'accounts', 'x', 'open', 'x', 1)"
        )
        cursor.execute(
            "INSERT INTO sync_conflict_detail (conflict_id, kind, side, reason, opened_at, noted_at)"
            " VALUES (1, 'update_differs', 'mysql', '', '2026-01-01', '2026-01-01')"
        )
        cursor.execute(
            "INSERT INTO sync_command (id, worker, kind, arguments, requested_by, requested_at, state)"
            """ VALUES (5, 'follower', 'resolve', '{"conflict": 1}', 'tess', '2026-01-01', 'requested')"""
        )
    documents = {"customer": CUSTOMER, "crossing": CUSTOMER, "account": ACCOUNT, "transaction": BUCKET}
    return {**documents, "conflict": 1, "role-request": asked.pk}


def address(name: str, keys: dict[str, object]) -> str:
    """Where `name` is, with the id of what it is about."""
    about, _, action = name.rpartition("-")
    further = [5] if action == "ruling" else []
    return reverse(name, args=[keys[about], *further] if action in OF_ONE else [])


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize(("name", "method"), TABLE)
def test_everybody_may_do_what_the_table_says(
    people: People, keys: dict[str, object], name: str, method: str, who: str
) -> None:
    """One line for each address and method, one column for each kind of person."""
    client = client_of(getattr(people, who, None))
    # The test client would send a body of GET as parameters, and unknown ones are refused.
    content = None if method == "get" else BODIES.get(name.rpartition("-")[0])
    answer = getattr(client, method)(address(name, keys), data=content)
    hang_up(answer)
    assert answer.status_code == TABLE[name, method][WHO.index(who)]


@pytest.mark.parametrize("who", WHO)
def test_no_other_method_is_carried_out(people: People, keys: dict[str, object], who: str) -> None:
    """Whatever the table does not name is refused to everybody."""
    client = client_of(getattr(people, who, None))
    for name in {name for name, _ in TABLE}:
        for method in METHODS - {method for of, method in TABLE if of == name}:
            answer = getattr(client, method)(address(name, keys), data={"role": "senior_management"})
            assert answer.status_code in (403, 405), (name, method)


def test_the_table_has_a_line_for_every_address() -> None:
    """An endpoint or method that is added without saying who may use it fails here."""
    assert set(_routes(api)) == set(TABLE)


def _routes(patterns: Iterable[URLPattern | URLResolver]) -> Iterator[tuple[str, str]]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern.url_patterns)
            continue
        callback: Any = pattern.callback
        known = getattr(callback, "actions", None) or dir(callback.cls)
        yield from ((str(pattern.name), method) for method in METHODS & set(known))


def test_a_stranger_learns_nothing_from_the_order_of_checks(people: People) -> None:
    """Who may not write hears so before anybody looks at the body or at whether the document is there."""
    nothing = reverse("customer-detail", args=["0" * 24])
    for who in ("nobody", "casey", "uma", "mona", "ina"):
        client = client_of(getattr(people, who, None))
        assert client.put(nothing, data="[").status_code == 403
        assert client.delete(nothing).status_code == 403
