"""Pages for people and answers for programs that belong to no application."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from django.conf import settings as configured
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.urls import reverse
from pytest_django import Settings
from rest_framework.test import APIClient

from backend.config.pages import server_error
from tests.backend.conftest import People, client_of
from tests.backend.documents import CUSTOMER, customer, load

pytestmark = pytest.mark.django_db
HTML = {"accept": "text/html"}


class Page(HTMLParser):
    """What of a page's structure people who do not see it rely on."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.headings: list[str] = []
        self.links: list[str] = []
        self.labelled: set[str] = set()
        self.fields: list[dict[str, str | None]] = []
        self.language: str | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collects."""
        have = dict(attrs)
        if tag == "html":
            self.language = have.get("lang")
        if tag in ("h1", "h2", "h3"):
            self.headings.append(tag)
        if tag == "a" and have.get("href"):
            self.links.append(str(have["href"]))
        if tag == "label":
            self.labelled.add(str(have.get("for")))
        if tag in ("input", "select", "textarea") and have.get("type") not in ("hidden", "submit", "button"):
            self.fields.append(have)


def test_the_process_says_that_it_serves(client: Client, django_assert_num_queries: Any) -> None:
    """Without asking the database, which may be away."""
    with django_assert_num_queries(0):
        answer = client.get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok\n")


@pytest.mark.parametrize("path", ["/nothing/", "/accounts/nothing/", "/nothing.json"])
def test_a_page_that_is_not_there(client: Client, people: People, path: str) -> None:
    """A page, with the way back."""
    for one in (client, client_of(people.casey)):
        answer = one.get(path)
        assert answer.status_code == 404
        assert answer["Content-Type"].startswith("text/html")
        assert "/" in Page(answer.content.decode()).links


@pytest.mark.parametrize("path", ["/api/", "/api/v1/nothing/", "/api/v2/", "/_allauth/nothing", "/api/v1/customers/x/"])
def test_an_address_of_the_api_that_is_not_there(client: Client, tess: APIClient, path: str) -> None:
    """JSON, whoever asks and whatever they would rather have."""
    for one in (client, tess):
        answer = one.get(path, headers=HTML)
        assert answer.status_code == 404
        assert answer.json() == {"detail": "There is nothing at this address."}


def test_a_failure_of_the_server_says_no_more_than_that(django_assert_num_queries: Any) -> None:
    """A page or JSON, as for 404; asks nothing of the database."""
    factory = RequestFactory()
    with django_assert_num_queries(0):
        page, answer = server_error(factory.get("/")), server_error(factory.get("/api/v1/"))
    assert (page.status_code, answer.status_code) == (500, 500)
    assert page["Content-Type"].startswith("text/html")
    assert answer["Content-Type"] == "application/json"
    assert isinstance(factory.get("/"), HttpRequest)


def test_a_failure_within_a_view_is_answered_so(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the error is shown."""
    client = APIClient(raise_request_exception=False)
    client.force_login(people.uma)
    monkeypatch.setattr("backend.analytics.views.own_numbers", None)
    answer = client.get(reverse("account-list"))
    assert (answer.status_code, answer.json()) == (
        500,
        {"detail": "The server failed. The error stands in its log."},
    )


def test_the_schema_describes_every_address(client: Client) -> None:
    """As OpenAPI, for anybody."""
    answer = client.get(reverse("schema"), {"format": "json"})
    assert answer.status_code == 200
    schema = answer.json()
    assert schema["openapi"].startswith("3.")
    assert {"/api/v1/customers/{id}/", "/api/v1/role-requests/{id}/grant/", "/api/v1/sync/status/"} <= set(
        schema["paths"]
    )
    parameters = {
        found["name"]: found["schema"] for found in schema["paths"]["/api/v1/transactions/"]["get"]["parameters"]
    }
    assert parameters["account_id"]["type"] == "integer"
    assert parameters["bucket_end_date__lte"] == {"type": "string", "format": "date-time"}
    shown = schema["components"]["schemas"]["Transaction"]["properties"]["transactions"]
    assert shown == {"type": "array", "items": {"$ref": "#/components/schemas/Entry"}}


def test_the_documentation_needs_no_other_host(client: Client) -> None:
    """The page and its scripts come from here."""
    answer = client.get(reverse("docs"))
    assert answer.status_code == 200
    assert b"https://" not in answer.content.replace(b"https://testserver", b"")


@pytest.mark.parametrize(
    "name",
    ["home", "account_login", "account_signup", "account_reset_password"],
)
def test_pages_for_strangers_can_be_read_by_everybody(client: Client, name: str) -> None:
    """One first heading, a language, a label for each field."""
    assert_readable(client.get(reverse(name)))


@pytest.mark.parametrize("name", ["home", "account_logout", "account_change_password", "account_email"])
def test_pages_for_those_who_are_in_can_be_read_by_everybody(people: People, name: str) -> None:
    """As above, for each role."""
    for user in (people.casey, people.uma, people.tess, people.mona):
        assert_readable(client_of(user).get(reverse(name)))


def assert_readable(answer: Any) -> None:
    """What a screen reader needs."""
    assert answer.status_code == 200
    page = Page(answer.content.decode())
    assert page.language == "en"
    assert page.headings.count("h1") == 1
    assert page.headings[0] == "h1"
    assert {field.get("id") for field in page.fields} <= page.labelled


def test_each_role_finds_its_own_way(people: People) -> None:
    """The front door links what one may see, and nothing that answers 403."""
    expected = {
        "casey": {"me", "customer-list", "account-list", "transaction-list", "docs"},
        "tess": {"me", "customer-list", "account-list", "transaction-list", "sync-status", "conflict-list", "docs"},
    }
    expected["mona"] = expected["tess"] | {"role-request-list"}
    every = {name: reverse(name) for name in expected["mona"]}
    for who, names in expected.items():
        links = set(Page(client_of(getattr(people, who)).get("/").content.decode()).links)
        assert {name for name, path in every.items() if path in links} == names


def test_a_customer_whose_address_is_not_verified_hears_why_nothing_is_there(people: People) -> None:
    """With the way to the mail that verifies it."""
    page = client_of(people.uma).get("/").content.decode()
    assert "not verified" in page
    assert reverse("account_email") in Page(page).links
    for user in (people.casey, people.tess):
        assert "not verified" not in client_of(user).get("/").content.decode()


def browsable(who: str) -> Iterator[str]:
    """Addresses of the API that this person may read."""
    yield from ("/api/v1/", "/api/v1/me/", "/api/v1/customers/", "/api/v1/accounts/", "/api/v1/transactions/")
    if who == "mona":
        yield "/api/v1/role-requests/"


@pytest.mark.parametrize("who", ["casey", "tess", "mona"])
def test_the_api_can_be_browsed(people: People, who: str) -> None:
    """As pages, with the way out; whoever may write finds the form, others do not."""
    load("customers", customer())
    client = client_of(getattr(people, who))
    for path in browsable(who):
        answer = client.get(path, headers=HTML)
        assert answer.status_code == 200
        assert any(link.startswith(reverse("account_logout")) for link in Page(answer.content.decode()).links)
    detail = client.get(f"/api/v1/customers/{CUSTOMER}/", headers=HTML).content.decode()
    assert ("<textarea" in detail) == (who == "tess")


def test_a_stranger_who_browses_the_api_finds_the_log_in(client: Client, db: None) -> None:
    """It leads back to where they were."""
    answer = client.get("/api/v1/customers/?page=2", headers=HTML)
    assert answer.status_code == 403
    assert f"{reverse('account_login')}?next=/api/v1/customers/%3Fpage%3D2" in Page(answer.content.decode()).links


def test_plain_http_is_left_for_https(client: Client, settings: Settings) -> None:
    """Where the site is not told otherwise."""
    settings.SECURE_SSL_REDIRECT = True
    answer = client.get("/accounts/login/")
    assert (answer.status_code, answer["Location"]) == (301, "https://testserver/accounts/login/")
    answer = client.get("/accounts/login/", secure=True)
    assert answer["Strict-Transport-Security"]
    assert answer["X-Frame-Options"] == "DENY"
    assert configured.SESSION_COOKIE_SECURE
    assert configured.CSRF_COOKIE_SECURE
