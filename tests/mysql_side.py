"""An installation's MySQL half: a database set up by its owner, used by its users with no more rights than they have."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

from pymysql.connections import Connection
from pymysql.cursors import Cursor

from deploy.local.mysql_binary import Flavour
from deploy.local.paths import ROOT
from deploy.local.users import Role, mysql_url, open_mysql_database
from sync.conflict_ports import Opening
from sync.model.change import DocumentId, DocumentRows, Entry, Hold, Origin, Row, RowChange, RowKey
from sync.model.lens import empty_rows, shred
from sync.model.mapping import SyncMapping
from sync.model.mapping_file import load_mapping
from sync.model.position import BinlogPosition, Checkpoint, Known, StreamPosition
from sync.mysql import setup
from sync.mysql.binlog import BinlogEnd, BinlogSource
from sync.mysql.conflicts import MySQLConflicts
from sync.mysql.desk import MySQLDesk
from sync.mysql.operators import Operators
from sync.mysql.reader import MySQLReader
from sync.mysql.server import MySQLSettings
from sync.mysql.target import MySQLTarget
from sync.ports import Current, DocumentWrite, TargetTransaction
from tests.servers import Servers

#: Keys of documents.
A, B, C = "a" * 24, "b" * 24, "c" * 24


def mapping() -> SyncMapping:
    """The product's own."""
    return load_mapping((ROOT / "lockstep.toml").read_text())


class MySQLSide:
    """One database and the engine's parts on it."""

    def __init__(self, servers: Servers, flavour: Flavour, domain: Sequence[str]) -> None:
        self.name = f"f{uuid.uuid4().hex[:12]}"
        self.flavour = flavour
        self.server = servers.mysql(flavour)
        self.mapping = mapping()
        self._passwords = servers.passwords
        self._open = ExitStack()
        open_mysql_database(self.connect(), self.name)
        self.admin = self.connect(self.name)
        self.run(*domain)

    def settings(self, role: Role, *, port: int | None = None) -> MySQLSettings:
        """How a process of this role connects."""
        url = mysql_url(role, self._passwords[role], self.server.port, self.name)
        settings = MySQLSettings.from_url(url)
        return replace(settings, port=port) if port else settings

    def setup(self) -> None:
        """What `lockstep setup` does on this side."""
        for step in setup.steps(self.settings(Role.OWNER), self.mapping, self.roles()):
            if not step.done:
                step.apply()

    def roles(self) -> dict[str, MySQLSettings]:
        """How every role connects."""
        return {str(role): self.settings(role) for role in Role}

    def connect(self, database: str | None = None) -> Connection[Cursor]:
        """Another autocommit session of the admin."""
        connection = self.server.admin(database)
        self._open.callback(_close, connection)
        return connection

    def run(self, *statements: str) -> None:
        """As the admin, each in its own transaction."""
        with self.admin.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What a query finds, as the admin."""
        with self.admin.cursor() as cursor:
            cursor.execute(query, values)
            return list(cursor.fetchall())

    @contextmanager
    def holding(self, *statements: str) -> Iterator[Connection[Cursor]]:
        """An application's transaction that has run these statements and stays open until the block ends."""
        connection = self.connect(self.name)
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            for statement in statements:
                cursor.execute(statement)
            yield connection
        connection.rollback()

    # The engine's parts, with the users that the wiring gives them.

    def target(self, *, port: int | None = None) -> MySQLTarget:
        """The listener's."""
        target = MySQLTarget(self.settings(Role.LISTENER, port=port), self.mapping)
        self._open.callback(target.close)
        return target

    def leased(self) -> tuple[MySQLTarget, Checkpoint]:
        """A target with its lease."""
        target = self.target()
        return target, target.take_lease()[0]

    def reader(self) -> MySQLReader:
        """The follower's."""
        reader = MySQLReader(self.settings(Role.FOLLOWER), self.mapping)
        self._open.callback(reader.close)
        return reader

    def conflicts(self, role: Role = Role.FOLLOWER) -> MySQLConflicts:
        """A worker's connection for conflict rows."""
        conflicts = MySQLConflicts(self.settings(role), self.mapping)
        self._open.callback(conflicts.close)
        return conflicts

    def desk(self, worker: str = "follower") -> MySQLDesk:
        """A worker's."""
        desk = MySQLDesk(self.settings(Role(worker)), worker)
        self._open.callback(desk.close)
        return desk

    def operators(self) -> Operators:
        """The command line's and the API's."""
        operators = Operators(self.settings(Role.APP))
        self._open.callback(operators.close)
        return operators

    def source(self, position: BinlogPosition, known: Known) -> BinlogSource:
        """The follower's log, from a position."""
        source = BinlogSource(self.settings(Role.FOLLOWER), self.mapping)
        self._open.callback(source.close)
        source.start(position, 0, known)
        return source

    def log_end(self) -> BinlogPosition:
        """Where the binlog ends now."""
        asked = BinlogEnd(self.settings(Role.FOLLOWER))
        try:
            return asked.end()
        finally:
            asked.close()

    def close(self) -> None:
        """End connections, drop the database and the rights to it."""
        self._open.close()
        with self.server.admin() as admin, admin.cursor() as cursor:
            cursor.execute("SET SESSION sql_log_bin = 0, lock_wait_timeout = 5")
            cursor.execute(f"DROP DATABASE IF EXISTS `{self.name}`")
            for table in ("db", "tables_priv", "columns_priv"):  # rights outlive their database
                cursor.execute(f"DELETE FROM mysql.{table} WHERE Db = %s", (self.name,))
            cursor.execute("FLUSH PRIVILEGES")

    # Documents.

    def shredded(self, document: Mapping[str, object], name: str = "accounts") -> DocumentRows:
        """The rows of a document."""
        return shred(self.mapping.collections[name], document)

    def nothing(self, name: str = "accounts") -> DocumentRows:
        """An absent document."""
        return empty_rows(self.mapping.collections[name])

    def read(self, transaction: TargetTransaction, *documents: DocumentId) -> Mapping[DocumentId, Current]:
        """All tables of these documents, locked."""
        collections = self.mapping.collections
        return transaction.read(
            {one: frozenset(table.name for table in collections[one.collection].tables) for one in documents}
        )

    def put(self, target: MySQLTarget, checkpoint: Checkpoint, after: Mapping[DocumentId, DocumentRows]) -> Checkpoint:
        """Read documents and write them as `after` shows them, in one committed transaction; its checkpoint."""
        transaction = target.begin(checkpoint.next())
        current = self.read(transaction, *after)
        transaction.write(
            [DocumentWrite(document=one, before=current[one].rows, after=rows) for one, rows in after.items()]
        )
        transaction.commit()
        return checkpoint.next()

    def stands(self, document: DocumentId) -> Current:
        """The document as it is committed now."""
        return self.reader().read([document], exact=False).documents[document]


def account(key: str = A) -> DocumentId:
    """A document of `accounts`."""
    return DocumentId("accounts", key)


def account_rows(key: str = A, *, limit: int = 10, account_id: int = 1, products: Sequence[str] = ()) -> DocumentRows:
    """Its rows."""
    of_products: dict[RowKey, Row] = {(key, place): {"product": name} for place, name in enumerate(products)}
    root: dict[RowKey, Row] = {(key,): {"account_id": account_id, "limit": limit}}
    return {"analytics_account": root, "analytics_accountproduct": of_products}


def opening(
    document: DocumentId, hold: Hold, entries: Sequence[Entry] = (), target: DocumentRows | None = None
) -> list[Opening]:
    """What opens the conflict row of one document."""
    return [Opening(document=document, hold=hold, entries=entries, target=target)]


def edited(
    limits: tuple[int, int], at: int, key: str = A, *, origin: Origin = Origin.USER, position: int | None = None
) -> Entry:
    """A change of `limit` from one value to another, committed `at` microseconds since the epoch."""
    before, after = ({"account_id": 1, "limit": limit} for limit in limits)
    return Entry(
        document=account(key),
        changes=(RowChange(table="analytics_account", key=(key,), before=before, after=after),),
        origin=origin,
        committed_at=at,
        position=StreamPosition(time=at if position is None else position, increment=1),
    )


class InThread:
    """Runs something beside the test; `result` waits for it and raises what it raised."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._error: BaseException | None = None
        self._work = work
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - handed to the test
            self._error = error

    def result(self, seconds: float = 20) -> None:
        """Wait for the end."""
        self._thread.join(seconds)
        assert not self._thread.is_alive(), "still running"
        if self._error:
            raise self._error


def wait_for(condition: Callable[[], object], seconds: float = 20) -> None:
    """Until it holds. InnoDB shows its transactions as they were until nobody has asked for 0.1 s: asked less often."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "the condition was not met"
        time.sleep(0.15)


def _close(connection: Connection[Cursor]) -> None:
    if connection.open:
        connection.close()
