"""One installation of Lockstep in a folder: its servers, its users, and the environment that each role's processes get.

Knows how to run a step as a role; which steps there are, and in what order, is the demo's business.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import pymysql
from pymongo import MongoClient
from pymysql.connections import Connection
from pymysql.cursors import Cursor

from deploy.local import mongo_binary, mysql_binary, users
from deploy.local.demo_folder import keep
from deploy.local.mongo_server import Document, MongoServer, start_mongo
from deploy.local.mysql_server import MySQLServer, start_mysql
from deploy.local.paths import ROOT, VENV
from deploy.local.private_files import passwords, write_private
from deploy.local.problem import LocalProblem
from deploy.local.processes import Process, run, start, stop_together
from deploy.local.users import Role

DATABASE = "lockstep"
SERVERS = ("mysql", "mongo")
#: Seconds that both servers together are given to write out what they hold (MySQL needs about four).
SERVERS_STOP = 5.0


class Installation:
    """A folder that holds everything; only one process at a time runs it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.logs = home / "logs"
        self.mysql: MySQLServer | None = None
        self.mongo: MongoServer | None = None
        self._lock: IO[str] | None = None

    # Running it.

    def start(self) -> None:
        """Start both servers, make users and databases, write each role's URL files; raises LocalProblem."""
        self.lock()
        secret = self._passwords()
        ports = self.ports()
        self.mysql = start_mysql(
            mysql_binary.find(), self.home / "mysql", password=secret["mysql_admin"], port=ports.get("mysql")
        )
        self.mongo = start_mongo(
            mongo_binary.find(), self.home / "mongo", password=secret["mongo_admin"], port=ports.get("mongo")
        )
        self.keep_ports({"mysql": self.mysql.port, "mongo": self.mongo.port})
        self._make_users(self.mysql, self.mongo, secret)
        self._write_files(self.mysql.port, self.mongo.port, secret)

    def stop(self) -> list[str]:
        """Stop both servers and let go of the folder; returns the names of those that had to be killed."""
        servers: list[Process] = [server.process for server in (self.mysql, self.mongo) if server]
        killed = stop_together(servers, SERVERS_STOP)
        if self._lock:
            self._lock.close()
        return killed

    def lock(self) -> None:
        """Keep the folder for this process until it ends; raises LocalProblem where another one has it."""
        self._lock = keep(self.home)

    def ports(self) -> dict[str, int]:
        """The ports of the last run, by name: taken again where they are free."""
        path = self.home / "ports.json"
        found: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
        return found

    def keep_ports(self, ports: Mapping[str, int]) -> None:
        """Remember these for the next run."""
        (self.home / "ports.json").write_text(json.dumps(self.ports() | dict(ports)))

    # Who gets what.

    def environment(self, *roles: Role) -> dict[str, str]:
        """The environment of a process of these roles: where its URLs are, never the URLs."""
        names = [f"{role.value}_{server}_url" for role in roles for server in SERVERS]
        own = {f"LOCKSTEP_{name.upper()}_FILE": str(self._file(name)) for name in names}
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("LOCKSTEP_", "DJANGO_"))}
        path = f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        return clean | own | {"PATH": path, "PYTHONUNBUFFERED": "1"}

    def django_environment(self, role: Role = Role.APP) -> dict[str, str]:
        """The web application's: as `app`, or as `owner` to migrate. Plain http, for it listens on loopback."""
        environ = self.environment(role) | {
            "LOCKSTEP_HTTPS": "0",
            "LOCKSTEP_SECRET_KEY_FILE": str(self._file("secret_key")),
        }
        return environ | ({"LOCKSTEP_DJANGO_ROLE": "owner"} if role is Role.OWNER else {})

    def operator_environment(self) -> dict[str, str]:
        """All roles, for the person at the terminal; raises LocalProblem before the first run."""
        if not self._file("secret_key").exists():
            raise LocalProblem("there is no demo yet", "make demo (in another terminal)")
        state = {"LOCKSTEP_STATE_DIR": str(self.home / "state")}
        return self.environment(*Role) | self.django_environment() | state

    @property
    def demo_password_file(self) -> Path:
        """The password of the three demo logins."""
        return self._file("demo_password")

    # Steps and connections.

    def step(self, name: str, command: Sequence[str], environ: Mapping[str, str], *, quiet: bool) -> None:
        """Run `lockstep …` or `manage.py …` to its end; raises LocalProblem with what it said."""
        log = self.logs / "steps.log" if quiet else None
        self.logs.mkdir(exist_ok=True)
        run(name, command, environ=environ, cwd=ROOT, log=log)

    def serve(self, name: str, command: Sequence[str], environ: Mapping[str, str]) -> Process:
        """Start a program that stays."""
        return start(name, command, log=self.logs / f"{name}.log", environ=environ, cwd=ROOT)

    def open_mysql(self, role: Role) -> Connection[Cursor]:
        """An autocommit connection; raises LocalProblem while the servers are down."""
        try:
            return pymysql.connect(
                host="127.0.0.1",
                port=self.ports().get("mysql", 0),
                user=role.user,
                password=self._passwords()[f"mysql_{role.value}"],
                database=DATABASE,
                charset="utf8mb4",
                autocommit=True,
                init_command="SET time_zone = '+00:00'",
            )
        except pymysql.err.OperationalError as error:
            raise LocalProblem(f"MySQL is not there ({error.args[0]})", "make demo (in another terminal)") from None

    def open_mongo(self, role: Role) -> MongoClient[Document]:
        """A client; the caller closes it."""
        url = self._file(f"{role.value}_mongo_url")
        if not url.exists():
            raise LocalProblem("there is no demo yet", "make demo (in another terminal)")
        return MongoClient(url.read_text(), serverSelectionTimeoutMS=5000, tz_aware=True)

    def _file(self, name: str) -> Path:
        return self.home / "secrets" / name

    def _passwords(self) -> dict[str, str]:
        servers = [f"{server}_{user}" for server in SERVERS for user in ("admin", *(role.value for role in Role))]
        return passwords(self.home / "secrets" / "passwords.json", [*servers, "secret_key", "demo_password"])

    def _make_users(self, mysql: MySQLServer, mongo: MongoServer, secret: Mapping[str, str]) -> None:
        with mysql.admin() as admin:
            users.create_mysql_users(
                admin, mysql.program.flavour, {role: secret[f"mysql_{role.value}"] for role in Role}
            )
            users.open_mysql_database(admin, DATABASE)
        with mongo.admin() as client:
            users.create_mongo_users(client, DATABASE, {role: secret[f"mongo_{role.value}"] for role in Role})

    def _write_files(self, mysql_port: int, mongo_port: int, secret: Mapping[str, str]) -> None:
        for role in Role:
            mysql = users.mysql_url(role, secret[f"mysql_{role.value}"], mysql_port, DATABASE)
            mongo = users.mongo_url(role, secret[f"mongo_{role.value}"], mongo_port, DATABASE)
            write_private(self._file(f"{role.value}_mysql_url"), mysql)
            write_private(self._file(f"{role.value}_mongo_url"), mongo)
        for name in ("secret_key", "demo_password"):
            write_private(self._file(name), secret[name])
