"""Documents over REST: what rows cannot hold is refused by field."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from backend.analytics.serializers import LONGEST_LIST
from tests.backend.documents import (
    Document,
    as_json,
    body,
    contents,
    entry,
    list_of,
    one,
)

pytestmark = pytest.mark.django_db

TIER: Document = {"tier": "Gold", "active": True, "benefits": ["a"]}
ENTRY = as_json(entry())


#: A JSON value of any kind; what it stands in is refused.
Wrong = Any
NO_TEXT: list[Wrong] = ["\0", "a\0b", "\ud800", None, 1, 1.5, True, [], {}]
NO_INT: list[Wrong] = [2**31, -(2**31) - 1, 10**400, 1.5, "1.5", "x", "", None, True, [], {}, "9" * 2000, 1e300]
NO_DATE: list[Wrong] = [
    *("", "soon", None, 0, True, [], {}, "2017-02-30", "24:00", "0999-12-31T23:59:59.999Z"),
    *(f"2017-01-01T00:00:00{fraction}Z" for fraction in (".0001", ".0000000001", ",1234", ".999999", ".000000100")),
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59.999-14:00",
    "2017-01-01T00:00:00.000+00:00:00.0005",
]
NO_FLAG: list[Wrong] = [None, "perhaps", 2, []]
NO_BENEFITS: list[Wrong] = [None, {}, "a", ["a", "a"], [None], [["a"]], ["x" * 256], ["\0"], [1]]
NO_TIER: list[Wrong] = [
    *(None, [], 5, {}, {**TIER, "id": "b"}, {**TIER, "id": ""}, {**TIER, "id": None}, {**TIER, "id": 1}),
    *({**TIER, "tier": value} for value in ("x" * 65, *NO_TEXT)),
    *({**TIER, "active": value} for value in NO_FLAG),
    *({**TIER, "benefits": value} for value in NO_BENEFITS),
    *({other: value for other, value in TIER.items() if other != name} for name in TIER),
]
NO_ENTRY: list[Wrong] = [
    *(None, [], 5, "abc", {}),
    *({**ENTRY, "date": value} for value in NO_DATE),
    *({**ENTRY, "amount": value} for value in NO_INT),
    *({**ENTRY, "price": value} for value in ("9" * 129, *NO_TEXT)),
    *({**ENTRY, name: "x" * 129} for name in ("total", "symbol", "transaction_code")),
    *({other: value for other, value in ENTRY.items() if other != name} for name in ENTRY),
]
REFUSED: dict[tuple[str, str], list[Wrong]] = {
    ("customer", "username"): ["x" * 151, *NO_TEXT],
    ("customer", "name"): ["x" * 256, *NO_TEXT],
    ("customer", "address"): NO_TEXT,
    ("customer", "email"): ["x" * 255, *NO_TEXT],
    ("customer", "birthdate"): NO_DATE,
    ("customer", "active"): ["perhaps", 2, [], {}, 0.5],
    ("customer", "accounts"): [
        *("abc", None, {}, 5, "", [1] * (LONGEST_LIST + 1)),
        *([1, value] for value in NO_INT),
    ],
    ("customer", "tier_and_details"): [
        *(None, [], "abc", 5, {str(number): TIER for number in range(LONGEST_LIST + 1)}),
        *({key: TIER} for key in ("", "a.b", "$set", "$", "a\0b", "x" * 256, "\ud800", ".")),
        *({"a": value} for value in NO_TIER),
    ],
    ("account", "limit"): NO_INT,
    ("account", "products"): [
        *("abc", None, {}, [1], ["x" * 65], [["a"]], ["a"] * (LONGEST_LIST + 1)),
        *([value] for value in NO_TEXT),
    ],
    ("transaction", "bucket_start_date"): NO_DATE,
    ("transaction", "transactions"): [
        *(None, {}, "abc", 5, [ENTRY] * (LONGEST_LIST + 1)),
        *([ENTRY, value] for value in NO_ENTRY),
    ],
}


@pytest.mark.parametrize(("kind", "name"), REFUSED)
def test_what_rows_cannot_hold_is_refused_by_field(
    tess: APIClient, stored: dict[str, Document], kind: str, name: str
) -> None:
    """Every kind of value that does not fit, in each kind of write: 400, the field's name, and not one row changed."""
    before = contents()
    for place, value in enumerate(REFUSED[kind, name]):
        sent = json.dumps({**body(stored[kind]), name: value})
        answers = {
            "patch": tess.patch(one(kind), data=json.dumps({name: value}), content_type="application/json"),
            "put": tess.put(one(kind), data=sent, content_type="application/json"),
            "post": tess.post(list_of(kind), data=sent, content_type="application/json"),
        }
        for method, answer in answers.items():
            assert (answer.status_code, set(answer.json())) == (400, {name}), (method, place)
    assert contents() == before


def test_an_error_says_where_in_the_part_it_is(tess: APIClient, stored: dict[str, Document]) -> None:
    """By place or key, then by field."""
    entries = [ENTRY, {**ENTRY, "amount": 2**31}]
    assert tess.patch(one("transaction"), data={"transactions": entries}).json() == {
        "transactions": {"1": {"amount": ["Ensure this value is less than or equal to 2147483647."]}}
    }
    tiers = {"a": {**TIER, "benefits": ["a", "a"]}, "b": {**TIER, "id": "a"}, "c": TIER}
    assert tess.patch(one("customer"), data={"tier_and_details": tiers}).json() == {
        "tier_and_details": {
            "a": {"benefits": ["Each benefit is allowed once."]},
            "b": {"id": ["The entry's own key is allowed, or leave it out."]},
        }
    }
    assert tess.patch(one("customer"), data={"accounts": [1, 2**31]}).json() == {
        "accounts": {"1": ["Ensure this value is less than or equal to 2147483647."]}
    }


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "[",
        "null",
        "[]",
        "5",
        '"x"',
        "\ufeff{}",
        "{'a': 1}",
        "NaN",
        '{"limit": Infinity}',
        "[" * 100_000,
        "9" * 5000,
    ],
)
def test_a_body_that_is_no_object_is_refused(tess: APIClient, stored: dict[str, Document], sent: str) -> None:
    """Whatever it is instead; a PUT of nothing lacks its fields."""
    answer = tess.put(one("account"), data=sent, content_type="application/json")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/json"


def test_a_body_of_another_kind_is_refused(tess: APIClient, stored: dict[str, Document]) -> None:
    """A form cannot carry nested parts; text that is not UTF-8 is none."""
    before = contents()
    assert tess.patch(one("account"), data={"limit": 1}, format="multipart").status_code == 415
    wrong = b'{"products": ["\xff"]}'
    assert tess.patch(one("account"), data=wrong, content_type="application/json").status_code == 400
    assert contents() == before


def test_a_body_beyond_bounds_is_not_read(tess: APIClient, stored: dict[str, Document], settings: Settings) -> None:
    """A document stays far below what MongoDB can hold."""
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 300
    answer = tess.patch(one("customer"), data={"address": "x" * 300})
    assert answer.status_code == 413
    assert answer.json() == {"detail": "A body of up to 300 bytes is allowed."}
    assert tess.patch(one("customer"), data={"address": "x" * 200}).status_code == 200
