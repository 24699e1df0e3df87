"""Documents over REST: shown, written whole and in part; only what changed is written."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.test import APIClient

from tests.backend.conftest import People, client_of
from tests.backend.documents import (
    CUSTOMER,
    GOLD,
    IDS,
    MADE,
    Document,
    account,
    as_json,
    body,
    bucket,
    contents,
    customer,
    entry,
    list_of,
    load,
    numbered,
    one,
)

pytestmark = pytest.mark.django_db

every_kind = pytest.mark.parametrize("kind", MADE)


def writes(queries: CaptureQueriesContext) -> list[str]:
    """The statements that change rows."""
    return [query["sql"] for query in queries if query["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]


@every_kind
def test_a_document_is_shown_as_it_stands_in_mongodb(tess: APIClient, stored: dict[str, Document], kind: str) -> None:
    """Same fields, same nesting, exact text; dates with their milliseconds; in the list as alone."""
    expected = as_json(stored[kind]) | ({"active": None} if kind == "customer" else {})
    shown = tess.get(one(kind)).json()
    assert shown == expected
    assert tess.get(list_of(kind)).json() == {"count": 1, "next": None, "previous": None, "results": [expected]}


@every_kind
def test_a_list_asks_as_often_for_many_documents_as_for_one(tess: APIClient, kind: str) -> None:
    """Parts are fetched for the page, not for each document."""
    load(f"{kind}s", MADE[kind](numbered(0)))
    with CaptureQueriesContext(connection) as alone:
        assert tess.get(list_of(kind)).json()["count"] == 1
    load(f"{kind}s", *(MADE[kind](numbered(place)) for place in range(1, 9)))
    with CaptureQueriesContext(connection) as together:
        assert len(tess.get(list_of(kind)).json()["results"]) == 9
    assert len(together) == len(alone)


@pytest.mark.parametrize("key", ["0" * 24, "5CA4BBCEA2DD94EE58162A68", "1", "null", "x" * 24])
@every_kind
def test_an_unknown_id_is_not_found(tess: APIClient, stored: dict[str, Document], kind: str, key: str) -> None:
    """As JSON, whether or not it could be an id."""
    answer = tess.get(f"{list_of(kind)}{key}/")
    assert answer.status_code == 404
    assert set(answer.json()) == {"detail"}


def test_customers_see_their_own_alone(people: People, casey: APIClient) -> None:
    """Their own: a document under an address that they verified, and accounts and buckets whose numbers it lists."""
    load(
        "customers",
        customer(numbered(1), accounts=[1, 2]),
        customer(numbered(2), email="other@example.com", accounts=[3]),
        customer(numbered(3), email="Casey@example.com", accounts=[4]),
        customer(numbered(4), email="casey@example.com ", accounts=[5]),
        customer(numbered(5), email="uma@example.com", accounts=[6]),
        customer(numbered(6), accounts=[7]),
    )
    load("accounts", *(account(numbered(10 + number), account_id=number) for number in range(1, 8)))
    load("transactions", *(bucket(numbered(20 + number), account_id=number) for number in range(1, 8)))
    seen = {kind: [found["id"] for found in casey.get(list_of(kind)).json()["results"]] for kind in MADE}
    assert seen == {
        "customer": [numbered(1), numbered(6)],
        "account": [numbered(11), numbered(12), numbered(17)],
        "transaction": [numbered(21), numbered(22), numbered(27)],
    }
    assert casey.get(reverse("customer-detail", args=[numbered(2)])).status_code == 404
    assert casey.get(reverse("account-detail", args=[numbered(13)])).status_code == 404
    for kind in MADE:
        assert client_of(people.uma).get(list_of(kind)).json()["count"] == 0


@every_kind
def test_a_new_document_comes_back_under_a_fresh_id(tess: APIClient, kind: str) -> None:
    """As it was sent; ids in the body are not taken."""
    sent = body(MADE[kind]())
    ids = set()
    for _ in range(2):
        answer = tess.post(list_of(kind), data={**sent, "id": IDS[kind], "_id": IDS[kind], "pk": IDS[kind]})
        assert answer.status_code == 201
        made = answer.json()
        ids.add(made.pop("id"))
        assert made == sent | ({"active": None} if kind == "customer" else {})
    assert len(ids) == 2
    assert IDS[kind] not in ids
    for key in ids:
        assert tess.get(reverse(f"{kind}-detail", args=[key])).json()["id"] == key


@every_kind
def test_putting_what_is_there_writes_nothing(tess: APIClient, stored: dict[str, Document], kind: str) -> None:
    """Nothing for the binlog, so nothing crosses."""
    before = contents()
    with CaptureQueriesContext(connection) as queries:
        assert tess.put(one(kind), data=body(stored[kind])).status_code == 200
    assert writes(queries) == []
    assert contents() == before


@pytest.mark.parametrize(
    ("kind", "change", "tables"),
    [
        ("customer", {"name": "Ada"}, {"UPDATE `analytics_customer`": 1}),
        ("customer", {"active": True}, {"UPDATE `analytics_customer`": 1}),
        ("customer", {"accounts": [371138, 1]}, {"UPDATE `analytics_customeraccount`": 1}),
        ("customer", {"accounts": [371138, 324287, 1]}, {"INSERT INTO `analytics_customeraccount`": 1}),
        ("customer", {"accounts": [371138]}, {"DELETE FROM `analytics_customeraccount`": 1}),
        (
            "customer",
            {"tier_and_details": {GOLD: {"tier": "Gold", "active": False, "benefits": ["sports tickets", "new"]}}},
            {
                "UPDATE `analytics_customertier`": 1,
                "DELETE FROM `analytics_customerbenefit`": 1,
                "INSERT INTO `analytics_customerbenefit`": 1,
            },
        ),
        ("account", {"products": ["Derivatives", "Commodity"]}, {"UPDATE `analytics_accountproduct`": 1}),
        ("account", {"limit": 1}, {"UPDATE `analytics_account`": 1}),
        (
            "transaction",
            {"transactions": as_json([entry(), entry(symbol="amd"), entry(amount=-1)])},
            {"UPDATE `analytics_transaction`": 1},
        ),
        ("transaction", {"bucket_end_date": "2017-01-03T00:00:00.001Z"}, {"UPDATE `analytics_bucket`": 1}),
    ],
)
def test_a_patch_touches_only_the_rows_that_change(
    tess: APIClient, stored: dict[str, Document], kind: str, change: Document, tables: dict[str, int]
) -> None:
    """Rows keep their identity in the binlog: one changed element is one changed row, and other fields stay."""
    with CaptureQueriesContext(connection) as queries:
        answer = tess.patch(one(kind), data=change)
    assert answer.status_code == 200
    counts: dict[str, int] = {}
    for statement in writes(queries):
        head = next(head for head in (*tables, statement) if statement.startswith(head))
        counts[head] = counts.get(head, 0) + 1
    assert counts == tables
    wanted = as_json(stored[kind]) | ({"active": None} if kind == "customer" else {}) | change
    if "tier_and_details" in change:
        wanted["tier_and_details"] = {GOLD: {"id": GOLD, **change["tier_and_details"][GOLD]}}
        wanted["tier_and_details"][GOLD]["benefits"].sort()
    assert answer.json() == tess.get(one(kind)).json() == wanted


def test_only_the_columns_that_change_are_written(tess: APIClient, stored: dict[str, Document]) -> None:
    """What somebody else wrote into another field meanwhile stays."""
    with CaptureQueriesContext(connection) as queries:
        tess.patch(one("customer"), data={"name": "Ada", "username": "fmiller"})
    (statement,) = writes(queries)
    assert statement == f"UPDATE `analytics_customer` SET `name` = 'Ada' WHERE `analytics_customer`.`id` = '{CUSTOMER}'"


@every_kind
def test_a_put_takes_the_document_whole(tess: APIClient, stored: dict[str, Document], kind: str) -> None:
    """Parts that grow, shrink and go; a field that is missing is named, and nothing is written then."""
    changes: dict[str, Document] = {
        "customer": {"accounts": [], "tier_and_details": {"a": {"tier": "", "active": False, "benefits": []}}},
        "account": {"account_id": -(2**31), "products": ["a", "a", ""]},
        "transaction": {"transactions": [as_json(entry(price="0", total=""))]},
    }
    wanted = {**body(stored[kind]), **changes[kind]}
    answer = tess.put(one(kind), data=wanted)
    assert answer.status_code == 200
    if kind == "customer":
        wanted["active"] = None
        wanted["tier_and_details"]["a"]["id"] = "a"
    assert answer.json() == {"id": IDS[kind], **wanted}
    before = contents()
    for name in set(wanted) - {"active"}:
        refused = tess.put(one(kind), data={other: value for other, value in wanted.items() if other != name})
        assert (refused.status_code, refused.json()) == (400, {name: ["This field is required."]})
    assert contents() == before


@every_kind
def test_a_deleted_document_leaves_no_row(tess: APIClient, stored: dict[str, Document], kind: str) -> None:
    """Nor does its delete touch another's."""
    load(f"{kind}s", MADE[kind](numbered(1)))
    before = contents()
    assert tess.delete(one(kind)).status_code == 204
    assert tess.delete(one(kind)).status_code == 404
    for table, rows in contents().items():
        assert [row for row in before[table] if IDS[kind] not in row.values()] == rows


@every_kind
def test_keys_that_no_field_has_change_nothing(tess: APIClient, stored: dict[str, Document], kind: str) -> None:
    """Nor do keys of rows, models and relations; a document never moves to another id."""
    before = contents()
    foreign = {
        "id": numbered(7),
        "_id": numbered(7),
        "pk": numbered(7),
        "customer": numbered(7),
        "customer_id": numbered(7),
        "account_rows": [],
        "product_rows": [],
        "transaction_rows": [],
        "role": "senior_management",
        "$set": {"name": "x"},
        "name.first": "x",
        "": "x",
    }
    answer = tess.patch(one(kind), data=foreign)
    assert answer.status_code == 200
    assert answer.json()["id"] == IDS[kind]
    assert contents() == before


def test_keys_within_parts_that_no_field_has_change_nothing(tess: APIClient, stored: dict[str, Document]) -> None:
    """An entry names neither its bucket nor its place."""
    before = contents()
    entries = [{**element, "bucket_id": numbered(7), "position": 9} for element in body(bucket())["transactions"]]
    tier = {**body(customer())["tier_and_details"][GOLD], "customer_id": numbered(7), "tier_key": "x"}
    assert tess.patch(one("transaction"), data={"transactions": entries}).status_code == 200
    assert tess.patch(one("customer"), data={"tier_and_details": {GOLD: tier}}).status_code == 200
    assert contents() == before


EXACT = [
    "",
    " ",
    "a",
    "A",
    "ä",
    "a\u0308",
    "a ",
    " a",
    "\n",
    "\r\n",
    "\t",
    "ß",
    "ss",
    "𝄞",
    "\u200b",
    "0",
    "null",
    "'",
    "\\",
    "%",
]


def test_text_comes_back_byte_for_byte(tess: APIClient) -> None:
    """Elements that a common collation takes for equal stand side by side in a set and in a map."""
    keys = [text for text in EXACT if text]
    sent = body(customer(), username="\n".join(EXACT), tier_and_details={})
    for key in keys:
        sent["tier_and_details"][key] = {"id": key, "tier": key, "active": True, "benefits": sorted(EXACT)}
    made = tess.post(list_of("customer"), data=sent)
    assert made.status_code == 201, made.json()
    shown = tess.get(reverse("customer-detail", args=[made.json()["id"]])).json()
    assert {name: shown[name] for name in sent} == sent


def test_dates_come_back_to_the_millisecond(tess: APIClient, stored: dict[str, Document]) -> None:
    """Long before 1970 as well as at the very end, whatever the offset they are sent in."""
    for sent, shown in {
        "1000-01-01T00:00:00Z": "1000-01-01T00:00:00Z",
        "1883-11-18T12:03:57.999Z": "1883-11-18T12:03:57.999Z",
        "1969-12-31T23:59:59.999000000Z": "1969-12-31T23:59:59.999Z",
        "1970-01-01T02:00:00+02:00": "1970-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999Z": "9999-12-31T23:59:59.999Z",
        "2024-02-29": "2024-02-29T00:00:00Z",
    }.items():
        assert tess.patch(one("customer"), data={"birthdate": sent}).json()["birthdate"] == shown
        assert tess.get(one("customer")).json()["birthdate"] == shown
