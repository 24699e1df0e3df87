"""Documents over REST: found by filters, cut into pages."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from backend.analytics.models import Bucket
from tests.backend.documents import (
    account,
    bucket,
    customer,
    list_of,
    load,
    numbered,
)

pytestmark = pytest.mark.django_db


def found(client: APIClient, kind: str, **query: str | int) -> list[int]:
    """The places of the documents that the query finds."""
    answer = client.get(list_of(kind), data=query)
    assert answer.status_code == 200, answer.json()
    return [int(result["id"], 16) for result in answer.json()["results"]]


def test_customers_are_found_by_exact_text(tess: APIClient) -> None:
    """Case, accents and blanks at either end make a difference."""
    names = ["ada", "Ada", "adá", "ada ", " ada", "ada\n"]
    load("customers", *(customer(numbered(place), username=name, email=name) for place, name in enumerate(names)))
    for place, name in enumerate(names):
        assert found(tess, "customer", username=name) == [place]
        assert found(tess, "customer", email=name) == [place]
    assert found(tess, "customer", username="ad") == []


def test_customers_are_found_by_active(tess: APIClient) -> None:
    """One without the field is neither."""
    load("customers", customer(numbered(0), active=True), customer(numbered(1), active=False), customer(numbered(2)))
    assert found(tess, "customer", active="true") == [0]
    assert found(tess, "customer", active="False") == [1]
    assert found(tess, "customer", active="") == [0, 1, 2]


def test_accounts_are_found_by_number_and_limit(tess: APIClient) -> None:
    """Numbers beyond 32 bits find what lies on their side."""
    load("accounts", *(account(numbered(place), account_id=place, limit=place * 1000) for place in range(4)))
    assert found(tess, "account", account_id=2) == [2]
    assert found(tess, "account", limit=3000) == [3]
    assert found(tess, "account", limit__gte=1000, limit__lte=2000) == [1, 2]
    assert found(tess, "account", account_id=10**30) == []
    assert found(tess, "account", limit__gte=10**12) == []
    assert found(tess, "account", limit__lte=10**12) == [0, 1, 2, 3]


def test_buckets_are_found_by_their_dates(tess: APIClient) -> None:
    """To the millisecond, in any offset."""
    dates = ["1969-02-04T00:00:00", "1969-02-04T00:00:00.001", "2017-01-03T00:00:00"]
    for place, date in enumerate(dates):
        load("transactions", bucket(numbered(place)))
        Bucket.objects.filter(pk=numbered(place)).update(bucket_start_date=f"{date}+00:00", bucket_end_date=f"{date}Z")
    assert found(tess, "transaction", bucket_start_date__gte="1969-02-04T00:00:00.001Z") == [1, 2]
    assert found(tess, "transaction", bucket_start_date__lte="1969-02-04T02:00:00+02:00") == [0]
    assert found(tess, "transaction", bucket_end_date__gte="2000-01-01") == [2]
    assert found(tess, "transaction", bucket_end_date__lte="1969-02-04T00:00:00.001000000Z", account_id=371138) == [
        0,
        1,
    ]


@pytest.mark.parametrize(
    ("kind", "query"),
    [
        ("customer", {"username": "\0"}),
        ("customer", {"user_name": "ada"}),
        ("account", {"limit__gt": "1"}),
        ("customer", {"active": "perhaps"}),
        ("account", {"account_id": "1.5"}),
        ("account", {"account_id": "NaN"}),
        ("account", {"account_id": "1e400"}),
        ("account", {"account_id": "9" * 5000}),
        ("account", {"limit__gte": "many"}),
        ("transaction", {"account_id": "x"}),
        ("transaction", {"bucket_start_date__gte": "yesterday"}),
        ("transaction", {"bucket_start_date__gte": "2017-02-30"}),
        ("transaction", {"bucket_start_date__gte": "2017-01-01T00:00:00.0001Z"}),
        ("transaction", {"bucket_start_date__lte": "2017-01-01T00:00:00.0000000001Z"}),
        ("transaction", {"bucket_end_date__gte": "0999-12-31"}),
        ("transaction", {"bucket_end_date__gte": "0001-01-01T00:00:00+14:00"}),
        ("transaction", {"bucket_end_date__lte": "9999-12-31T23:59:59-14:00"}),
    ],
)
def test_a_filter_that_cannot_be_meant_is_refused(tess: APIClient, kind: str, query: dict[str, str]) -> None:
    """By name, never passed over: a filter that is left out shows everything."""
    answer = tess.get(list_of(kind), data=query)
    assert answer.status_code == 400
    assert set(answer.json()) == set(query)


def test_lists_are_cut_into_pages(tess: APIClient) -> None:
    """20 a page, up to 100 if asked for; each document on one page."""
    load("accounts", *(account(numbered(place)) for place in range(120)))
    first = tess.get(list_of("account")).json()
    assert (first["count"], len(first["results"]), first["previous"]) == (120, 20, None)
    seen = [result["id"] for result in first["results"]]
    while first["next"]:
        first = tess.get(first["next"]).json()
        seen += [result["id"] for result in first["results"]]
    assert seen == [numbered(place) for place in range(120)]
    sizes = {size: len(tess.get(list_of("account"), {"page_size": size}).json()["results"]) for size in (1, 100, 101)}
    assert sizes == {1: 1, 100: 100, 101: 100}
    for nonsense in ("0", "-1", "x", "1.5"):
        assert len(tess.get(list_of("account"), {"page_size": nonsense}).json()["results"]) == 20
    for beyond in ("0", "-1", "7", "x", "9" * 30):
        assert tess.get(list_of("account"), {"page": beyond}).status_code == 404
    assert len(tess.get(list_of("account"), {"page": "last"}).json()["results"]) == 20
