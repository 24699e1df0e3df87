"""A database with mapped tables on a real server, and its binlog read by the follower's user with no more rights."""

from __future__ import annotations

import socket
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest
from pymysql.connections import Connection
from pymysql.cursors import Cursor

from deploy.local.mysql_binary import Flavour
from deploy.local.mysql_server import MySQLServer
from deploy.local.users import Role, mysql_url
from sync.errors import StopError
from sync.model.change import Entry, RowChange, StructureChange, Transaction
from sync.model.mapping import SyncMapping
from sync.model.mapping_file import load_mapping
from sync.model.position import BinlogPosition, Known, Position
from sync.mysql.binlog import BinlogEnd, BinlogSource
from sync.mysql.server import MySQLSettings
from tests.collations import EXACT

#: Keys of documents.
A, B, C = "a" * 24, "b" * 24, "c" * 24
LEASE = Known(seq=5, lease="L")

MAPPING = """
[lockstep]
tie = "mysql"
[collections.accounts]
table = "account"
id = { column = "id", codec = "objectid" }
[collections.accounts.fields]
name = { column = "name", codec = "string" }
opened = { column = "opened", codec = "date", null = "absent" }
active = { column = "active", codec = "bool", null = "absent" }
limit = { column = "limit", codec = "int32" }
[collections.accounts.parts.products]
kind = "list"
table = "product"
parent = ["account_id"]
position = "position"
value = { column = "product", codec = "string" }
"""


class Log:
    """One database and what stands in the log about it."""

    def __init__(self, server: MySQLServer, flavour: Flavour, password: str) -> None:
        self.server = server
        self.flavour = flavour
        self.database = f"l{uuid.uuid4().hex[:12]}"
        self._password = password
        self._sessions: list[Connection[Cursor]] = []
        self._sources: list[BinlogSource] = []
        self.admin = server.admin()
        self._sessions.append(self.admin)
        binary = f"CHARACTER SET utf8mb4 COLLATE {EXACT[flavour]}"
        self.run(
            f"CREATE DATABASE `{self.database}`",
            f"USE `{self.database}`",
            "CREATE TABLE account (id CHAR(24) CHARACTER SET ascii COLLATE ascii_bin PRIMARY KEY,"
            f" name VARCHAR(200) {binary} NOT NULL DEFAULT 'n', opened DATETIME(3), active BOOL,"
            " `limit` INT NOT NULL DEFAULT 0, unmapped LONGTEXT, more JSON)",
            "CREATE TABLE product (account_id CHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,"
            f" position INT NOT NULL, product VARCHAR(64) {binary} NOT NULL, PRIMARY KEY (account_id, position))",
            "CREATE TABLE elsewhere (i INT AUTO_INCREMENT PRIMARY KEY, t LONGTEXT)",
            "CREATE TABLE sync_checkpoint (name VARCHAR(16) PRIMARY KEY, seq BIGINT NOT NULL,"
            " lease VARCHAR(36) NOT NULL, seen LONGTEXT NULL, copied LONGTEXT NULL)",
            "CREATE TABLE sync_conflict (id BIGINT AUTO_INCREMENT PRIMARY KEY, open_key CHAR(64) NULL UNIQUE,"
            " look_id BIGINT NULL, met BIGINT NULL, version BIGINT NOT NULL DEFAULT 1)",
            "CREATE TABLE sync_intended (id BIGINT AUTO_INCREMENT PRIMARY KEY, told LONGTEXT NOT NULL)",
            "INSERT INTO sync_checkpoint (name, seq, lease) VALUES ('listener', 5, 'L')",
            f"GRANT SELECT ON `{self.database}`.* TO '{Role.FOLLOWER.user}'@'%'",
        )
        url = mysql_url(Role.FOLLOWER, password, server.port, self.database)
        self.settings = MySQLSettings.from_url(url)
        self.start = self.end()

    def run(self, *statements: str) -> None:
        """As the admin, each in its own transaction."""
        with self.admin.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def together(self, *statements: str, end: str = "COMMIT") -> None:
        """In one transaction."""
        self.run("BEGIN", *statements, end)

    def session(self) -> Connection[Cursor]:
        """Another connection of the admin, in the same database."""
        connection = self.server.admin(self.database)
        self._sessions.append(connection)
        return connection

    @contextmanager
    def setting(self, name: str, value: str) -> Iterator[None]:
        """A setting of the server, put back at the end."""
        with self.admin.cursor() as cursor:
            cursor.execute(f"SELECT @@GLOBAL.{name}")
            row = cursor.fetchone()
            assert row is not None
            cursor.execute(f"SET GLOBAL {name} = {value}")
            try:
                yield
            finally:
                cursor.execute(f"SET GLOBAL {name} = %s", (row[0],))

    def end(self) -> BinlogPosition:
        """Where the log ends now, as the follower is told."""
        asked = BinlogEnd(self.settings)
        try:
            return asked.end()
        finally:
            asked.close()

    def purge(self) -> None:
        """Remove all files of the log but the present one; the server keeps those in use for a moment."""
        until = time.monotonic() + 20
        with self.admin.cursor() as cursor:
            while True:
                cursor.execute("SHOW BINARY LOGS")
                *old, last = [str(row[0]) for row in cursor.fetchall()]
                if not old:
                    return
                assert time.monotonic() < until, "the log was not purged"
                cursor.execute(f"PURGE BINARY LOGS TO '{last}'")

    def source(
        self,
        position: BinlogPosition | None = None,
        *,
        rows_done: int = 0,
        known: Known = LEASE,
        port: int | None = None,
        part_rows: int = 10_000,
        part_bytes: int = 8 << 20,
    ) -> BinlogSource:
        """A started source, from the test's beginning where no position is given."""
        settings = replace(self.settings, port=port or self.settings.port)
        source = BinlogSource(settings, mapping(), part_rows=part_rows, part_bytes=part_bytes)
        self._sources.append(source)
        source.start(position or self.start, rows_done, known)
        return source

    def read(self, source: BinlogSource | None = None, *, seconds: float = 20) -> list[Transaction]:
        """All transactions up to the log's present end."""
        source = source or self.source()
        end, until = self.end(), time.monotonic() + seconds
        found: list[Transaction] = []
        while not found or not _at(found[-1].position, end):
            assert time.monotonic() < until, "the log's end was not reached"
            transaction = source.read(0.1)
            if transaction is not None:
                found.append(transaction)
        return found

    def stops(self, error: type[Exception], source: BinlogSource | None = None) -> str:
        """Read until it stops with this error, within 20 s; its text."""
        source = source or self.source()
        until = time.monotonic() + 20
        with pytest.raises(error) as stopped:
            _read_until(source, until)
        if issubclass(error, StopError):
            assert "secret" not in str(stopped.value)
        return str(stopped.value)

    def close(self) -> None:
        """End connections, drop the database."""
        for source in self._sources:
            source.close()
        with suppress(Exception), self.server.admin() as admin, admin.cursor() as cursor:
            cursor.execute("SET SESSION sql_log_bin = 0, lock_wait_timeout = 5")
            cursor.execute(f"DROP DATABASE IF EXISTS `{self.database}`")
            cursor.execute(f"REVOKE SELECT ON `{self.database}`.* FROM '{Role.FOLLOWER.user}'@'%'")
        for session in self._sessions:
            if session.open:
                session.close()


class Relay:
    """A way to the server that can be made to swallow all it is given, with its connections left open."""

    def __init__(self, port: int) -> None:
        self._server = port
        self._carrying = threading.Event()
        self._carrying.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Relay:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def swallow(self) -> None:
        """From now on nothing arrives."""
        self._carrying.clear()

    def carry(self) -> None:
        """What comes from now on arrives. What was swallowed is lost."""
        self._carrying.set()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._server))
                self._sockets += [client, server]
                for ends in ((client, server), (server, client)):
                    threading.Thread(target=self._forward, args=ends, daemon=True).start()

    def _forward(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                if self._carrying.is_set():
                    other.sendall(data)


def mapping() -> SyncMapping:
    """Two tables: accounts and their products."""
    return load_mapping(MAPPING)


def entries(transactions: Sequence[Transaction]) -> list[Entry]:
    """All entries, in order."""
    found: list[Entry] = []
    for one in transactions:
        found += one.entries
        found += one.undecoded.decode() if one.undecoded else ()
    return found


def altered(transactions: Sequence[Transaction]) -> list[StructureChange]:
    """All that was done to collections as a whole, in order."""
    return [change for one in transactions for change in one.structure]


def changes(transactions: Sequence[Transaction]) -> list[RowChange]:
    """All row changes, in order."""
    return [change for entry in entries(transactions) for change in entry.changes]


def _at(position: Position, end: BinlogPosition) -> bool:
    """Whether nothing follows. A new file has events of its own, which may come late: then the GTIDs tell."""
    assert isinstance(position, BinlogPosition)
    return position.order >= end.order or position.gtids == end.gtids


def _read_until(source: BinlogSource, moment: float) -> None:
    while time.monotonic() < moment:
        source.read(0.1)
