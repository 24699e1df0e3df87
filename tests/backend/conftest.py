"""The cast, and who they are to the web application."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import cache
from django.core.signals import request_finished
from django.db import close_old_connections, connection
from pymongo.database import Database
from pytest_django import DjangoDbBlocker, Settings
from rest_framework.test import APIClient

from backend.accounts.models import Role, User
from backend.crossing import mongo as crossing_mongo
from deploy.local.mongo_server import ADMIN
from tests.backend.documents import MADE, Document, load
from tests.servers import Servers

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


def hang_up(answer: Any) -> None:
    """Close an answer that never ends by itself and was not read; the connection to the database stays the test's, as
    Django's client has it."""
    request_finished.disconnect(close_old_connections)
    answer.close()
    request_finished.connect(close_old_connections)


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


@pytest.fixture
def mongo(servers: Servers, settings: Settings) -> Iterator[Database[Document]]:
    """An empty MongoDB that the web application is connected to."""
    server, name = servers.mongo(), f"b{uuid.uuid4().hex[:12]}"
    options = "authSource=admin&directConnection=true"
    settings.MONGO_URL = f"mongodb://{ADMIN}:{server.password}@127.0.0.1:{server.port}/{name}?{options}"
    with server.admin() as client:
        yield client[name]
        client.drop_database(name)
    crossing_mongo.disconnect()
