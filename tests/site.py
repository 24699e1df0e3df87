"""A product installation for one test: an empty MySQL database, an empty MongoDB database, the four users a side.

The databases have names of their own, so tests do not meet; the servers, and with them both logs, are shared: a
position is taken at a test's bootstrap, never from the log's start.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from pymongo import MongoClient
from pymongo.database import Database
from pymysql import connect
from pymysql.connections import Connection
from pymysql.cursors import Cursor

from deploy.local.mongo_server import ADMIN as MONGO_ADMIN
from deploy.local.mongo_server import Document
from deploy.local.mysql_binary import Flavour
from deploy.local.mysql_server import ADMIN
from deploy.local.paths import ROOT
from deploy.local.users import Role, create_mongo_users, mongo_url, mysql_url, open_mysql_database
from sync.config import load_config
from sync.wiring import Wiring
from tests.servers import Servers

#: The console script, as operators type it.
LOCKSTEP = Path(sys.prefix) / "bin" / "lockstep"


class Site:
    """What a test needs of an installation. Connections opened through it are closed at the test's end."""

    def __init__(self, servers: Servers, flavour: Flavour, domain: tuple[str, ...]) -> None:
        self.flavour = flavour
        self.config_path = ROOT / "lockstep.toml"
        #: The name of both databases.
        self.database = f"t{uuid.uuid4().hex[:12]}"
        self._servers = servers
        self._mysql_server = servers.mysql(flavour)
        self._mongo_server = servers.mongo()
        self._open = ExitStack()
        #: Where commands keep what they need the next time.
        self.state_folder = self._open.enter_context(TemporaryDirectory(prefix="lockstep-state-"))
        self._clients: dict[str, MongoClient[Document]] = {}
        admin = self.mysql("admin", database=None)
        open_mysql_database(admin, self.database)
        create_mongo_users(self._client("admin"), self.database, servers.passwords)
        with self.mysql("owner").cursor() as cursor:
            for statement in domain:
                cursor.execute(statement)

    def mysql_url(self, role: str) -> str:
        """The URL that a process of this role is given."""
        known = Role(role)
        return mysql_url(known, self._servers.passwords[known], self._mysql_server.port, self.database)

    def mongo_url(self, role: str) -> str:
        """The URL that a process of this role is given."""
        known = Role(role)
        return mongo_url(known, self._servers.passwords[known], self._mongo_server.port, self.database)

    def environment(self, *roles: str) -> dict[str, str]:
        """The LOCKSTEP_* variables of these roles (all where none is named)."""
        chosen = [Role(role) for role in roles] or list(Role)
        urls = {f"LOCKSTEP_{role.name}_MYSQL_URL": self.mysql_url(role) for role in chosen}
        urls |= {f"LOCKSTEP_{role.name}_MONGO_URL": self.mongo_url(role) for role in chosen}
        return urls | {"LOCKSTEP_STATE_DIR": self.state_folder}

    def process_environment(self, *roles: str) -> dict[str, str]:
        """A whole environment for a subprocess: ours without other connections, and these roles' variables."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("LOCKSTEP_")}
        return clean | self.environment(*roles)

    def mysql(self, role: str, *, database: str | None = "") -> Connection[Cursor]:
        """An open autocommit connection of a role, or of the server's admin ("admin")."""
        name = self.database if database == "" else database
        if role == "admin":
            connection = self._mysql_server.admin(name)
        else:
            connection = connect(
                host="127.0.0.1",
                port=self._mysql_server.port,
                user=Role(role).user,
                password=self._servers.passwords[Role(role)],
                database=name,
                charset="utf8mb4",
                autocommit=True,
            )
        self._open.callback(_close, connection)
        return connection

    @contextmanager
    def hanging_mysql(self) -> Iterator[None]:
        """The server's process stands still; connections stay."""
        pid = self._mysql_server.process.popen.pid
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def admin_settings(self) -> dict[str, object]:
        """How to connect as the server's admin, as keywords of pymysql."""
        server = self._mysql_server
        return {"host": "127.0.0.1", "port": server.port, "user": ADMIN, "password": server.password}

    def admin_mongo_settings(self) -> dict[str, object]:
        """The same for MongoDB, as keywords of pymongo."""
        server = self._mongo_server
        return {
            "host": f"mongodb://127.0.0.1:{server.port}",
            "username": MONGO_ADMIN,
            "password": server.password,
            "authSource": "admin",
            "directConnection": True,
        }

    def mongo(self, role: str) -> Database[Document]:
        """The test's database as a role sees it, or as the server's admin does ("admin")."""
        return self._client(role)[self.database]

    def lockstep(self, *arguments: str, check: bool = True, seconds: float = 60) -> subprocess.CompletedProcess[str]:
        """Run the command line as an operator who holds all roles; with `check`, a failure fails the test."""
        done = subprocess.run(
            [str(LOCKSTEP), "--config", str(self.config_path), *arguments],
            env=self.process_environment(),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
        if check:
            assert done.returncode == 0, (
                f"lockstep {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return done

    def lockstep_json(self, *arguments: str) -> Mapping[str, object]:
        """Run a command with --json and read its answer."""
        answer = json.loads(self.lockstep(*arguments, "--json").stdout)
        assert isinstance(answer, dict)
        return answer

    def setup(self) -> None:
        """Make the engine's tables, collections and rights, as the owner."""
        self.lockstep("setup")

    def wiring(self) -> Wiring:
        """What the command line works with, in this process; the caller closes it."""
        return Wiring(load_config(self.config_path, self.environment()))

    def close(self) -> None:
        """Close connections, drop both databases with their users and rights."""
        self._open.close()
        with self._mysql_server.admin() as admin, admin.cursor() as cursor:
            cursor.execute("SET SESSION sql_log_bin = 0, lock_wait_timeout = 5")
            cursor.execute(f"DROP DATABASE IF EXISTS `{self.database}`")
            for table in ("db", "tables_priv", "columns_priv"):  # rights outlive their database
                cursor.execute(f"DELETE FROM mysql.{table} WHERE Db = %s", (self.database,))
            cursor.execute("FLUSH PRIVILEGES")
        with self._mongo_server.admin() as client:
            client[self.database].command("dropAllUsersFromDatabase")
            client[self.database].command("dropAllRolesFromDatabase")
            client.drop_database(self.database)

    def _client(self, role: str) -> MongoClient[Document]:
        if role not in self._clients:
            client: MongoClient[Document] = (
                self._mongo_server.admin() if role == "admin" else MongoClient(self.mongo_url(role))
            )
            self._clients[role] = self._open.enter_context(client)
        return self._clients[role]


def _close(connection: Connection[Cursor]) -> None:
    if connection.open:
        connection.close()
