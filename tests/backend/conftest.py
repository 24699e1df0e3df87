"""The cast, and who they are to the web application."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import cache
from django.db import connection
from pytest_django import DjangoDbBlocker, Settings
from rest_framework.test import APIClient

from backend.accounts.models import Role, User
from tests.backend.documents import MADE, Document, load

PASSWORD = "a-long-one-for-tests"


@pytest.fixture(autouse=True)
def plain_http(settings: Settings) -> None:
    """Tests talk plain HTTP; passwords are hashed quickly."""
    settings.SECURE_SSL_REDIRECT = False
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@dataclass(frozen=True)
class People:
    """One of each kind."""

    #: a customer with a verified address
    casey: User
    #: a customer whose address is not verified
    uma: User
    #: a technical worker
    tess: User
    #: of the senior management
    mona: User
    #: was a technical worker; may no longer log in
    ina: User


def person(name: str, role: Role = Role.CUSTOMER, *, verified: bool = True, active: bool = True) -> User:
    """A saved user `name`@example.com."""
    user = User.objects.create_user(f"{name}@example.com", PASSWORD, role=role, is_active=active)
    EmailAddress.objects.create(user=user, email=user.email, verified=verified, primary=True)
    return user


@pytest.fixture
def people(db: None) -> People:
    """The cast."""
    cache.clear()  # counts of attempts are by user id, and ids come again
    return People(
        casey=person("casey"),
        uma=person("uma", verified=False),
        tess=person("tess", Role.TECHNICAL_WORKER),
        mona=person("mona", Role.SENIOR_MANAGEMENT),
        ina=person("ina", Role.TECHNICAL_WORKER, active=False),
    )


def client_of(user: User | None) -> APIClient:
    """A client with this person's session."""
    client = APIClient()
    if user is not None:
        client.force_login(user)
    return client


@pytest.fixture
def tess(people: People) -> APIClient:
    """The technical worker's client."""
    return client_of(people.tess)


@pytest.fixture
def casey(people: People) -> APIClient:
    """The customer's client."""
    return client_of(people.casey)


@pytest.fixture
def mona(people: People) -> APIClient:
    """The senior manager's client."""
    return client_of(people.mona)


@pytest.fixture
def stored(db: None) -> dict[str, Document]:
    """One document of each kind, in MySQL."""
    for kind, make in MADE.items():
        load(f"{kind}s", make())
    return {kind: make() for kind, make in MADE.items()}


@pytest.fixture(scope="module")
def engine_tables(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The engine's tables as `lockstep setup` creates them, empty."""
    statements = resources.files("sync.mysql").joinpath("state.sql").read_text(encoding="utf-8")
    named = re.findall(r"^-- name: (\w+)\n(CREATE [^;]+?)(?=^--|\Z)", statements, re.MULTILINE)
    assert len(named) == statements.count("-- name:")
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        for _, statement in named:
            cursor.execute(statement)
        yield
        for name, _ in named:
            cursor.execute(f"DROP TABLE {name}")
