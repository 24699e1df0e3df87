"""An installation's MongoDB half: a database set up by its owner, used by its users with no more rights than they have."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any

import pytest
from bson import ObjectId
from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.database import Database

from deploy.local.mongo_server import Document
from deploy.local.paths import ROOT
from deploy.local.users import Role, create_mongo_users, mongo_url
from sync.conflict_ports import HeldDocument
from sync.errors import LockstepError
from sync.model.change import DocumentId, Entry, RowChange, Side, Transaction
from sync.model.mapping import SyncMapping
from sync.model.mapping_file import load_mapping
from sync.model.position import Known, StreamPosition
from sync.mongo import setup
from sync.mongo.changes import ChangeStreamSource, StreamEnd
from sync.mongo.reader import MongoReader
from sync.mongo.server import MongoSettings
from sync.mongo.target import MongoTarget
from tests.servers import Servers

#: Keys of documents.
A, B, C = ObjectId("a" * 24), ObjectId("b" * 24), ObjectId("c" * 24)
#: The follower's checkpoint as `setup` makes it.
FIRST = Known(seq=0, lease="")


def mapping() -> SyncMapping:
    """The product's own."""
    return load_mapping((ROOT / "lockstep.toml").read_text())


class ConflictRows:
    """Stands where the follower's connection to MySQL stands; tells in which order it was used."""

    def __init__(self) -> None:
        self.done: list[str] = []
        #: Called at each commit.
        self.at_commit: Callable[[], None] = lambda: None

    def begin(self) -> ConflictRows:
        self.done.append("begin")
        return self

    def held(self, documents: Sequence[DocumentId]) -> dict[DocumentId, HeldDocument]:
        return {}

    def note(self, held: HeldDocument, entries: Sequence[Entry], side: Side) -> bool:
        return False

    def open(self, openings: object, side: Side) -> None:
        self.done.append("open")

    def close(self, held: object = None, resolution: object = None) -> bool:
        return False

    def commit(self) -> None:
        self.at_commit()
        self.done.append("commit")

    def rollback(self) -> None:
        self.done.append("rollback")


class StreamLog:
    """One database and what stands in the change stream about it."""

    def __init__(self, servers: Servers) -> None:
        self.name = f"m{uuid.uuid4().hex[:12]}"
        self._servers = servers
        self._open = ExitStack()
        self._clients: dict[str, MongoClient[Document]] = {}
        self.server = servers.mongo()
        admin: MongoClient[Document] = self._open.enter_context(self.server.admin())
        self.admin: Database[Document] = admin[self.name]
        create_mongo_users(admin, self.name, servers.passwords)
        self.users = {str(role): role.user for role in Role}
        self.mapping = mapping()
        self._marks: set[object] = set()
        #: Whether the server leaves out of the stream what the follower writes beside its checkpoint.
        self.spared = False

    def __enter__(self) -> StreamLog:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._open.close()
        if self.server.process.popen.poll() is not None:  # a test has killed it
            return
        with self.server.admin() as admin:
            admin[self.name].command("dropAllUsersFromDatabase")
            admin[self.name].command("dropAllRolesFromDatabase")
            admin.drop_database(self.name)

    def settings(self, role: Role) -> MongoSettings:
        """How a process of this role connects."""
        url = mongo_url(role, self._servers.passwords[role], self.server.port, self.name)
        return MongoSettings.from_url(url)

    def setup(self) -> None:
        """What `lockstep setup` does on this side."""
        for step in setup.steps(self.settings(Role.OWNER), self.mapping, self.users):
            if not step.done:
                step.apply()

    def database(self, role: Role) -> Database[Document]:
        """The database as a user of the driver sees it."""
        if role not in self._clients:
            self._clients[role] = self._open.enter_context(MongoClient(self.settings(role).url))
        return self._clients[role][self.name]

    def collection(self, name: str = "accounts") -> Collection[Document]:
        """As an application sees it."""
        return self.database(Role.APP)[name]

    def together(self, *writes: Callable[[Any], object]) -> None:
        """An application's writes in one transaction; each is given the session."""
        with self.database(Role.APP).client.start_session() as session, session.start_transaction():
            for write in writes:
                write(session)

    def end(self) -> StreamPosition:
        """Where the log ends now, as the listener is told."""
        asked = StreamEnd(self.settings(Role.LISTENER))
        try:
            return asked.end()
        finally:
            asked.close()

    def target(self, conflicts: ConflictRows | None = None) -> MongoTarget:
        """The follower's."""
        target = MongoTarget(self.settings(Role.FOLLOWER), self.mapping, conflicts or ConflictRows())  # type: ignore[arg-type]
        self._open.callback(target.close)
        return target

    def reader(self) -> MongoReader:
        """The listener's."""
        reader = MongoReader(self.settings(Role.LISTENER), self.mapping)
        self._open.callback(reader.close)
        return reader

    def source(
        self,
        position: StreamPosition,
        *,
        rows_done: int = 0,
        known: Known = FIRST,
        part_events: int = 10_000,
        part_bytes: int = 32 << 20,
        spared: bool | None = None,
    ) -> ChangeStreamSource:
        """A started source; `spared` what the follower writes as `self.spared` says, unless told."""
        spare = self.spared if spared is None else spared
        source = ChangeStreamSource(
            self.settings(Role.LISTENER),
            self.mapping,
            spared=self.settings(Role.FOLLOWER).account if spare else "",
            part_events=part_events,
            part_bytes=part_bytes,
        )
        self._open.callback(source.close)
        source.start(position, rows_done, known)
        return source

    def read(self, source: ChangeStreamSource, *, seconds: float = 20) -> list[Transaction]:
        """All transactions up to a mark that this call writes; marks are left out."""
        mark = ObjectId()
        self._marks.add(str(mark))
        self.collection().insert_one(account(mark))
        until = time.monotonic() + seconds
        found: list[Transaction] = []
        while time.monotonic() < until:
            transaction = source.read(0.1)
            if transaction is None:
                continue
            key = transaction.entries[0].document.key if transaction.entries else None
            if key == str(mark):
                return found
            if key not in self._marks:
                found.append(transaction)
        pytest.fail("the log's end was not reached")

    def stops(self, source: ChangeStreamSource, error: type[LockstepError]) -> tuple[list[Transaction], str]:
        """Read until it stops with this error, within 20 s: what came before, and the error's text."""
        until = time.monotonic() + 20
        found: list[Transaction] = []
        while time.monotonic() < until:
            try:
                transaction = source.read(0.1)
            except error as stop:
                return found, stop.message
            if transaction is not None:
                found.append(transaction)
        pytest.fail(f"{error.__name__} was not raised")


def account(key: ObjectId, **fields: object) -> Document:
    """A document of `accounts`."""
    return {"_id": key, "account_id": 1, "limit": 10, "products": ["a", "b"], **fields}


def entries(transactions: Sequence[Transaction]) -> list[Entry]:
    """All entries, in order."""
    return [entry for transaction in transactions for entry in transaction.entries]


def changes(transactions: Sequence[Transaction]) -> list[RowChange]:
    """All row changes, in order."""
    return [change for entry in entries(transactions) for change in entry.changes]
