"""Signing up, in and out; asking for a role and being given it; nobody takes one."""

from __future__ import annotations

import re
from io import StringIO
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from pytest_django import Settings
from rest_framework.test import APIClient

from backend.accounts.granting import DecisionRefused, decide
from backend.accounts.models import Role, RoleChange, RoleRequest, User
from tests.backend.conftest import PASSWORD, People, client_of, person
from tests.backend.documents import customer, load

pytestmark = pytest.mark.django_db

EMAIL = "nina@example.com"
HEADLESS = "/_allauth/browser/v1"
#: What somebody might add to a request in the hope of becoming more than a customer.
GREEDY: dict[str, Any] = {
    "role": "senior_management",
    "is_staff": True,
    "is_superuser": True,
    "is_active": True,
    "groups": [1],
    "user_permissions": [1],
    "user": {"role": "senior_management"},
    "id": 1,
    "pk": 1,
    "verified": True,
    "state": "granted",
}


def page_form(**other: Any) -> dict[str, Any]:
    """What the sign-up page sends."""
    return {"email": EMAIL, "password1": PASSWORD, "password2": PASSWORD, "requested_role": "customer", **other}


def assert_is_a_mere_customer(email: str = EMAIL) -> User:
    """Just signed up: the lowest role, no further rights, an address not verified."""
    user = User.objects.get(email=email)
    assert (user.role, user.is_superuser) == (Role.CUSTOMER, False)
    assert not user.groups.exists()
    assert not user.user_permissions.exists()
    assert list(EmailAddress.objects.filter(user=user).values_list("email", "verified")) == [(email, False)]
    assert not RoleChange.objects.exists()
    return user


def headless_client() -> Client:
    """A browser that has a CSRF cookie and is held to it."""
    client = Client(enforce_csrf_checks=True)
    client.get(f"{HEADLESS}/auth/session")
    client.get(f"{HEADLESS}/config")
    return client


def send(client: Client, path: str, data: Any, method: str = "post") -> Any:
    """JSON as the headless API takes it, with the CSRF token of the cookie."""
    token = client.cookies["csrftoken"].value if "csrftoken" in client.cookies else ""
    return getattr(client, method)(
        f"{HEADLESS}{path}", data=data, content_type="application/json", headers={"x-csrftoken": token}
    )


# --- signing up ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", Role.values)
def test_the_sign_up_page_makes_a_customer(people: People, client: Client, role: str) -> None:
    """Whoever asks for more has asked, and nothing else; everybody is logged in at once and gets a mail."""
    assert client.get(reverse("account_signup")).status_code == 200
    answer = client.post(reverse("account_signup"), page_form(requested_role=role, **GREEDY))
    assert (answer.status_code, answer["Location"]) == (302, "/")
    user = assert_is_a_mere_customer()
    asked = [] if role == Role.CUSTOMER else [(role, "pending")]
    assert list(user.role_requests.values_list("role", "state")) == asked
    assert client.get(reverse("me")).json() == {
        "email": EMAIL,
        "role": "customer",
        "requested_role": None if role == Role.CUSTOMER else role,
        "date_joined": user.date_joined.isoformat().replace("+00:00", "Z"),
    }
    assert [message.to for message in mail.outbox] == [[EMAIL]]


@pytest.mark.parametrize("role", Role.values)
def test_the_headless_sign_up_makes_a_customer(people: People, role: str) -> None:
    """Keys that are no field of the form are dropped."""
    client = headless_client()
    data = {"email": EMAIL, "password": PASSWORD, "requested_role": role, **GREEDY}
    answer = send(client, "/auth/signup", data)
    assert answer.status_code == 200, answer.content
    user = assert_is_a_mere_customer()
    asked = [] if role == Role.CUSTOMER else [(role, "pending")]
    assert list(user.role_requests.values_list("role", "state")) == asked
    assert client.get(reverse("me")).json()["role"] == "customer"


def test_signing_up_without_asking_for_a_role_is_enough(people: People, client: Client) -> None:
    """On the page and headless alike."""
    form = page_form()
    del form["requested_role"]
    assert client.post(reverse("account_signup"), form).status_code == 302
    data = {"email": "other@example.com", "password": PASSWORD}
    assert send(headless_client(), "/auth/signup", data).status_code == 200
    assert not RoleRequest.objects.exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"email": "CASEY@example.com"}, "email"),
        ({"email": ""}, "email"),
        ({"email": f"{'x' * 250}@example.com"}, "email"),
        ({"email": "a\0@example.com"}, "email"),
        ({"password1": "short", "password2": "short"}, "password1"),
        ({"password1": "password", "password2": "password"}, "password1"),
        ({"password2": "another"}, "password2"),
        ({"requested_role": "king"}, "requested_role"),
        ({"requested_role": "senior_management\n"}, "requested_role"),
    ],
)
def test_a_sign_up_that_is_refused_leaves_nothing(
    people: People, client: Client, change: dict[str, str], field: str
) -> None:
    """The page names the field; the headless API too."""
    before = User.objects.count()
    answer = client.post(reverse("account_signup"), page_form(**change))
    assert answer.status_code == 200
    assert field in answer.context["form"].errors
    assert b"errorlist" in answer.content
    form = page_form(**change)
    data = {"email": form["email"], "password": form["password1"], "requested_role": form["requested_role"]}
    if field != "password2":
        told = send(headless_client(), "/auth/signup", data)
        assert told.status_code == 400
        assert {error["param"] for error in told.json()["errors"]} == {field.removesuffix("1")}
    assert User.objects.count() == before
    assert not RoleRequest.objects.exists()


def test_addresses_that_only_a_collation_takes_for_equal_are_different_people(people: People, client: Client) -> None:
    """An accent makes another address; capitals do not."""
    assert client.post(reverse("account_signup"), page_form(email="casey@exámple.com")).status_code == 302
    client.logout()
    assert client.post(reverse("account_signup"), page_form(email="Casey@Exámple.com")).status_code == 200
    assert User.objects.filter(email="casey@example.com").get() == people.casey
    assert User.objects.count() == 6


# --- CSRF ------------------------------------------------------------------------------------------------------------


def test_the_headless_api_wants_a_csrf_token(people: People) -> None:
    """Its refusal is JSON of the headless API's shape and says what to send."""
    client = Client(enforce_csrf_checks=True)
    answer = client.post(f"{HEADLESS}/auth/signup", {"email": EMAIL, "password": PASSWORD}, "application/json")
    assert answer.status_code == 403
    (error,) = answer.json()["errors"]
    assert (answer.json()["status"], error["code"]) == (403, "csrf_failed")
    assert "X-CSRFToken" in error["message"]
    assert not User.objects.filter(email=EMAIL).exists()


def test_pages_want_a_csrf_token(people: People) -> None:
    """Their refusal is a page."""
    client = Client(enforce_csrf_checks=True)
    answer = client.post(reverse("account_signup"), page_form())
    assert answer.status_code == 403
    assert answer["Content-Type"].startswith("text/html")
    assert b"<h1>The form was not accepted</h1>" in answer.content
    assert not User.objects.filter(email=EMAIL).exists()


def test_the_api_wants_a_csrf_token_of_who_is_logged_in(people: People) -> None:
    """Their refusal is the API's; with the token of the cookie the write goes through."""
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(people.tess)
    sent = {"account_id": 1, "limit": 1, "products": []}
    refused = client.post(reverse("account-list"), data=sent)
    assert refused.status_code == 403
    assert refused.json()["detail"].startswith("CSRF Failed")
    client.get(f"{HEADLESS}/config")
    token = client.cookies["csrftoken"].value
    assert client.post(reverse("account-list"), data=sent, headers={"x-csrftoken": token}).status_code == 201


# --- in and out ------------------------------------------------------------------------------------------------------


def test_logging_in_and_out_by_page(people: People, client: Client) -> None:
    """By e-mail, however it is capitalised; out needs a POST."""
    assert client.get(reverse("me")).status_code == 403
    login = {"login": "Casey@Example.com", "password": PASSWORD}
    answer = client.post(f"{reverse('account_login')}?next=/api/v1/me/", login)
    assert (answer.status_code, answer["Location"]) == (302, "/api/v1/me/")
    assert client.get(reverse("me")).json()["email"] == "casey@example.com"
    assert client.get(reverse("account_logout")).status_code == 200
    assert client.get(reverse("me")).status_code == 200
    assert client.post(reverse("account_logout")).status_code == 302
    assert client.get(reverse("me")).status_code == 403


def test_logging_in_and_out_headless(people: People) -> None:
    """The session's end is answered with 401, as the headless API says."""
    client = headless_client()
    assert send(client, "/auth/login", {"email": "casey@example.com", "password": PASSWORD}).status_code == 200
    assert client.get(reverse("me")).json()["email"] == "casey@example.com"
    assert send(client, "/auth/session", {}, "delete").status_code == 401
    assert client.get(reverse("me")).status_code == 403


@pytest.mark.parametrize(
    "login",
    [
        ("casey@example.com", "wrong"),
        ("nobody@example.com", PASSWORD),
        ("ina@example.com", PASSWORD),
        ("casey@exámple.com", PASSWORD),
    ],
)
def test_nobody_gets_in_otherwise(people: People, client: Client, login: tuple[str, str]) -> None:
    """A wrong password, an unknown or look-alike address, a login that was taken away."""
    email, password = login
    client.post(reverse("account_login"), {"login": email, "password": password})
    assert client.get(reverse("me")).status_code == 403
    headless = headless_client()
    assert send(headless, "/auth/login", {"email": email, "password": password}).status_code != 200
    assert headless.get(reverse("me")).status_code == 403


def test_a_login_that_is_taken_away_ends_its_sessions(people: People, tess: APIClient) -> None:
    """At the next request."""
    assert tess.get(reverse("me")).status_code == 200
    User.objects.filter(pk=people.tess.pk).update(is_active=False)
    assert tess.get(reverse("me")).status_code == 403
    assert tess.get(reverse("customer-list")).status_code == 403


def test_a_redirect_after_logging_in_stays_here(people: People, client: Client) -> None:
    """`next` leads to no other host."""
    login = {"login": "casey@example.com", "password": PASSWORD}
    answer = client.post(f"{reverse('account_login')}?next=https://evil.example/", login)
    assert answer["Location"] == "/"


def test_guessing_passwords_is_slowed_down(people: People, client: Client) -> None:
    """The right password does not help then."""
    path = reverse("account_login")
    for _ in range(30):
        client.post(path, {"login": "tess@example.com", "username": "tess@example.com", "password": "wrong"})
    client.post(path, {"login": "tess@example.com", "username": "tess@example.com", "password": PASSWORD}, follow=True)
    assert client.get(reverse("me")).status_code == 403


def test_the_mail_verifies_the_address_and_opens_the_documents(people: People, client: Client) -> None:
    """Only who reads an address's mail sees what stands under it."""
    load("customers", customer(email=EMAIL))
    client.post(reverse("account_signup"), page_form())
    assert client.get(reverse("customer-list")).json()["count"] == 0
    found = re.search(r"/accounts/confirm-email/[^\s/]+/", str(mail.outbox[0].body))
    assert found is not None
    assert client.get(found[0]).status_code == 200
    assert client.get(reverse("customer-list")).json()["count"] == 0
    assert client.post(found[0]).status_code == 302
    assert client.get(reverse("customer-list")).json()["count"] == 1


def test_taking_anothers_address_opens_nothing(people: People, client: Client) -> None:
    """Adding it to one's own login is not verifying it."""
    load("customers", customer(email="victim@example.com"))
    uma = client_of(people.uma)
    uma.post(reverse("account_email"), {"email": "victim@example.com", "action_add": ""}, format=None)
    assert uma.get(reverse("customer-list")).json()["count"] == 0
    headless = Client()
    headless.force_login(people.uma)
    headless.post(f"{HEADLESS}/account/email", {"email": "victim@example.com"}, "application/json")
    headless.patch(f"{HEADLESS}/account/email", {"email": "victim@example.com", "primary": True}, "application/json")
    assert headless.get(reverse("customer-list")).json()["count"] == 0


# --- roles -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nobody_changes_themselves(people: People, method: str) -> None:
    """`me` is for reading."""
    for user in (people.casey, people.tess, people.mona):
        assert getattr(client_of(user), method)(reverse("me"), data=GREEDY).status_code == 405
        before = user.role
        user.refresh_from_db()
        assert (user.role, user.is_superuser) == (before, False)


@pytest.fixture
def asked(people: People) -> RoleRequest:
    """Rita, a customer, would like to be a technical worker."""
    return RoleRequest.objects.create(user=person("rita"), role=Role.TECHNICAL_WORKER)


def decision(asked: RoleRequest, what: str) -> str:
    """Where a request is granted or refused."""
    return reverse(f"role-request-{what}", args=[asked.pk])


def test_a_granted_request_gives_the_role_and_a_line_in_the_record(
    people: People, mona: APIClient, asked: RoleRequest
) -> None:
    """Who changed whose role from what to what; what the request's body says does not matter."""
    answer = mona.post(decision(asked, "grant"), data=GREEDY)
    assert answer.status_code == 200
    shown = answer.json()
    assert shown.pop("decided_at") is not None
    assert shown.pop("requested_at") is not None
    assert shown == {
        "id": asked.pk,
        "email": "rita@example.com",
        "role": "technical_worker",
        "state": "granted",
        "decided_by": "mona@example.com",
    }
    asked.user.refresh_from_db()
    assert (asked.user.role, asked.user.is_superuser) == (Role.TECHNICAL_WORKER, False)
    (line,) = RoleChange.objects.all()
    assert (line.user, line.changed_by, line.changed_by_email) == (asked.user, people.mona, "mona@example.com")
    assert (line.role_before, line.role_after, line.request) == (Role.CUSTOMER, Role.TECHNICAL_WORKER, asked)
    assert str(line) == "rita@example.com: customer -> technical_worker by mona@example.com"
    assert client_of(asked.user).get(reverse("sync-status")).status_code == 200


def test_a_refused_request_changes_no_role(mona: APIClient, asked: RoleRequest) -> None:
    """The decision is kept with the request."""
    assert mona.post(decision(asked, "refuse")).json()["state"] == "refused"
    asked.user.refresh_from_db()
    assert asked.user.role == Role.CUSTOMER
    assert asked.user.requested_role is None
    assert not RoleChange.objects.exists()


@pytest.mark.parametrize("first", ["grant", "refuse"])
@pytest.mark.parametrize("second", ["grant", "refuse"])
def test_a_request_is_decided_once(mona: APIClient, asked: RoleRequest, first: str, second: str) -> None:
    """The second decision is refused and leaves the first."""
    decided = mona.post(decision(asked, first)).json()
    again = mona.post(decision(asked, second))
    assert (again.status_code, again.json()) == (409, {"detail": "This request has been decided already."})
    assert mona.get(reverse("role-request-detail", args=[asked.pk])).json() == decided
    assert RoleChange.objects.count() == (first == "grant")


@pytest.mark.parametrize("what", ["grant", "refuse"])
def test_nobody_decides_on_their_own_request(people: People, mona: APIClient, what: str) -> None:
    """Not even of the senior management."""
    own = RoleRequest.objects.create(user=people.mona, role=Role.TECHNICAL_WORKER)
    answer = mona.post(decision(own, what))
    assert (answer.status_code, answer.json()) == (409, {"detail": "Nobody decides on their own request."})
    own.refresh_from_db()
    people.mona.refresh_from_db()
    assert (own.state, people.mona.role) == ("pending", Role.SENIOR_MANAGEMENT)


def test_only_senior_management_decides_even_past_the_api(people: People, asked: RoleRequest) -> None:
    """The rule stands where the role is changed, too."""
    for user in (people.casey, people.tess):
        with pytest.raises(DecisionRefused, match="Only senior management"):
            decide(asked.pk, user, grant=True)


def test_requests_are_listed_newest_first_and_filtered(mona: APIClient, asked: RoleRequest) -> None:
    """By state and role; a state that there is not is refused."""
    later = RoleRequest.objects.create(user=asked.user, role=Role.SENIOR_MANAGEMENT)
    place = reverse("role-request-list")
    assert [found["id"] for found in mona.get(place).json()["results"]] == [later.pk, asked.pk]
    mona.post(decision(later, "refuse"))
    assert [found["id"] for found in mona.get(place, {"status": "pending"}).json()["results"]] == [asked.pk]
    assert [found["id"] for found in mona.get(place, {"role": "senior_management"}).json()["results"]] == [later.pk]
    assert set(mona.get(place, {"status": "maybe"}).json()) == {"status"}
    for key in ("x", "0", "9" * 30, "-1"):
        assert mona.get(f"{place}{key}/").status_code == 404
        assert mona.post(f"{place}{key}/grant/").status_code == 404


def test_the_list_of_requests_asks_as_often_for_many_as_for_one(
    mona: APIClient, asked: RoleRequest, django_assert_num_queries: Any
) -> None:
    """Session, user, count, page."""
    place = reverse("role-request-list")
    with django_assert_num_queries(4):
        mona.get(place)
    for number in range(5):
        RoleRequest.objects.create(user=person(f"p{number}"), role=Role.TECHNICAL_WORKER)
    with django_assert_num_queries(4):
        assert mona.get(place).json()["count"] == 6


def test_decisions_are_throttled(mona: APIClient, asked: RoleRequest, settings: Settings) -> None:
    """A stolen session cannot give roles away by the hundred; reading goes on."""
    answers = [mona.post(decision(asked, "refuse")).status_code for _ in range(31)]
    assert answers == [200, *[409] * 29, 429]
    assert mona.get(reverse("role-request-list")).status_code == 200


def test_a_removed_decider_is_still_named_in_the_record(people: People, mona: APIClient, asked: RoleRequest) -> None:
    """By the address they had."""
    mona.post(decision(asked, "grant"))
    people.mona.delete()
    (line,) = RoleChange.objects.all()
    assert (line.changed_by, line.changed_by_email) == (None, "mona@example.com")


def test_the_first_senior_manager_is_appointed_on_the_server(people: People) -> None:
    """With a line in the record; a request for that role counts as granted."""
    asked = RoleRequest.objects.create(user=people.uma, role=Role.SENIOR_MANAGEMENT)
    said = StringIO()
    call_command("appoint", people.uma.email, "senior_management", stdout=said)
    people.uma.refresh_from_db()
    asked.refresh_from_db()
    assert (people.uma.role, asked.state) == (Role.SENIOR_MANAGEMENT, RoleRequest.State.GRANTED)
    change = RoleChange.objects.get()
    assert (change.user, change.changed_by, change.changed_by_email) == (people.uma, None, "manage.py appoint")
    assert people.uma.email in said.getvalue()


def test_appointing_a_stranger_or_to_no_role_changes_nothing(people: People) -> None:
    """Each mistake is named."""
    with pytest.raises(CommandError, match="nobody has signed up as nobody"):
        call_command("appoint", "nobody@example.com", "senior_management")
    with pytest.raises(CommandError, match="role"):
        call_command("appoint", people.uma.email, "king")
    assert not RoleChange.objects.exists()
