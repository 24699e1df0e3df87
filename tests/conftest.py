"""Fixtures over real servers. They start when a test first asks: tests of pure code start nothing."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from django.conf import settings
from django.db import connections
from pymongo.database import Database
from pymysql.connections import Connection
from pymysql.cursors import Cursor

from backend.config.environment import mysql_settings
from deploy.local.mongo_server import Document
from deploy.local.mysql_binary import Flavour
from tests.domain_tables import create_statements
from tests.engine import Engine
from tests.mysql_side import MySQLSide
from tests.servers import Servers
from tests.site import Site


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """MySQL, MariaDB and MongoDB, each started when first asked for."""
    running = Servers()
    yield running
    running.close()


@pytest.fixture(params=list(Flavour), ids=[flavour.value for flavour in Flavour])
def flavour(request: pytest.FixtureRequest) -> Flavour:
    """Every test that asks, directly or through `site` or `scratch_mysql`, runs once on each family."""
    value = request.param
    assert isinstance(value, Flavour)
    return value


@pytest.fixture(scope="session")
def domain_tables(servers: Servers) -> dict[Flavour, tuple[str, ...]]:
    """CREATE statements of the domain per family, filled by `site` when first needed."""
    return {}


@pytest.fixture
def site(servers: Servers, flavour: Flavour, domain_tables: dict[Flavour, tuple[str, ...]]) -> Iterator[Site]:
    """An installation of its own: domain tables, no rows, the engine not yet set up (`site.setup()`)."""
    if flavour not in domain_tables:
        domain_tables[flavour] = create_statements(servers, flavour)
    made = Site(servers, flavour, domain_tables[flavour])
    yield made
    made.close()


@pytest.fixture
def side(servers: Servers, flavour: Flavour, domain_tables: dict[Flavour, tuple[str, ...]]) -> Iterator[MySQLSide]:
    """The MySQL half of an installation, set up; MongoDB is not started for it."""
    if flavour not in domain_tables:
        domain_tables[flavour] = create_statements(servers, flavour)
    made = MySQLSide(servers, flavour, domain_tables[flavour])
    made.setup()
    yield made
    made.close()


@pytest.fixture
def scratch_mysql(servers: Servers, flavour: Flavour) -> Iterator[Connection[Cursor]]:
    """An admin's autocommit connection to an empty database of its own."""
    database = f"s{uuid.uuid4().hex[:12]}"
    with servers.mysql(flavour).admin() as admin, admin.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE `{database}` CHARACTER SET utf8mb4")
        cursor.execute(f"USE `{database}`")
        yield admin
    with servers.mysql(flavour).admin() as admin, admin.cursor() as cursor:
        cursor.execute(f"DROP DATABASE `{database}`")


@pytest.fixture
def scratch_mongo(servers: Servers) -> Iterator[Database[Document]]:
    """An admin's view of an empty database of its own."""
    with servers.mongo().admin() as client:
        name = f"s{uuid.uuid4().hex[:12]}"
        yield client[name]
        client.drop_database(name)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(servers: Servers) -> None:
    """Before pytest-django makes its database: Django on the real MySQL, as a user who may make test databases only."""
    server, password = servers.mysql(Flavour.MYSQL), secrets.token_hex(12)
    with server.admin() as admin, admin.cursor() as cursor:
        cursor.execute("CREATE USER 'django_tests'@'%%' IDENTIFIED BY %s", (password,))
        cursor.execute(r"GRANT ALL PRIVILEGES ON `test\_%`.* TO 'django_tests'@'%'")
    url = f"mysql://django_tests:{password}@127.0.0.1:{server.port}/lockstep"
    databases = cast("dict[str, dict[str, object]]", settings.DATABASES)
    databases["default"].clear()
    databases["default"].update(mysql_settings(url, "tests"))
    connections.configure_settings(databases)  # fills in the defaults
    connections["default"] = connections.create_connection("default")


@pytest.fixture
def engine(site: Site, tmp_path: Path) -> Iterator[Engine]:
    """An empty installation after its first copy, both workers running."""
    made = Engine(site, tmp_path)
    made.prepare()
    made.start()
    yield made
    made.close()


@pytest.fixture
def stopped_engine(site: Site, tmp_path: Path) -> Iterator[Engine]:
    """An empty installation; nothing is set up, nothing runs."""
    made = Engine(site, tmp_path)
    yield made
    made.close()
