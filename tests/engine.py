"""Two running workers over a site, seen from outside: what people write, when it has crossed, whether both sides are equal."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from bson import ObjectId
from bson.timestamp import Timestamp
from pymongo.collection import Collection
from pymongo.database import Database
from pymysql.connections import Connection
from pymysql.cursors import Cursor

from deploy.local.mysql_binary import Flavour
from sync.model.change import Side
from tests import plain
from tests.plain import Doc
from tests.running import Running
from tests.site import Site

#: Seconds that anything is given to cross, on a busy machine.
PATIENCE = 60.0
COMMANDS = {"follower": "follow", "listener": "listen"}


class Engine:
    """Starts workers as processes of their own; `close` ends them."""

    def __init__(self, site: Site, logs: Path) -> None:
        self.site = site
        self._logs = logs
        self.workers: dict[str, Running] = {}

    def prepare(self) -> None:
        """Setup and first copy from MySQL, as the commands do them."""
        with self.site.wiring() as wiring:
            for step in wiring.setup_steps():
                if not step.done:
                    step.apply()
            wiring.bootstrap(Side.MYSQL, lambda *_: None)

    def start(self, *names: str) -> None:
        """Start these workers (both where none is named), and wait until they carry changes."""
        for name in names or COMMANDS:
            self.workers[name] = Running(self.site, self._logs / f"{name}.log", COMMANDS[name])
        for name in names or COMMANDS:
            self.until(lambda name=name: self.states(name)[-1:] in (["streaming"], ["catching_up"]))  # type: ignore[misc]

    def start_to_die(self, name: str, operation: str, when: str) -> None:
        """Start a worker that kills itself at a point of `tests.killing`."""
        program = (sys.executable, "-m", "tests.killing", operation, when)
        self.workers[name] = Running(self.site, self._logs / f"{name}.log", COMMANDS[name], program=program)

    def kill(self, name: str) -> None:
        """SIGKILL."""
        self.workers[name].kill()

    @cached_property
    def mysql(self) -> Connection[Cursor]:
        """The application's session; it has its rights from setup on."""
        return self.site.mysql("app")

    @cached_property
    def _looking(self) -> Connection[Cursor]:
        """A session beside the application's, which may have a transaction open. One: a busy test asks hundreds of times."""
        return self.site.mysql("app")

    @cached_property
    def mongo(self) -> Database[Doc]:
        """The application's database; it has its rights from setup on."""
        return self.site.mongo("app")

    def close(self) -> None:
        """Whatever still runs ends."""
        for worker in self.workers.values():
            worker.kill()

    def states(self, name: str) -> list[str]:
        """Those that a worker has said, in all its lives."""
        return self.workers[name].states(name)

    def until(self, condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
        """Wait for it; the workers' output stands in the failure."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                said = "\n".join(worker.said()[-3000:] for worker in self.workers.values())
                raise AssertionError(f"not within {seconds:.0f} s\n{said}")
            time.sleep(0.01)

    # What people write.

    def write_mysql(self, collection: str, before: Doc | None, after: Doc | None) -> None:
        """One version of a document after another, as row statements in one transaction."""
        self.write_mysql_together([(collection, before, after)])

    def write_mysql_together(self, edits: list[tuple[str, Doc | None, Doc | None]]) -> None:
        """Several documents in one transaction."""
        self.mysql.begin()
        with self.mysql.cursor() as cursor:
            for collection, before, after in edits:
                plain.save(cursor, collection, before, after)
        self.mysql.commit()

    # What arrived.

    def settle(self) -> None:
        """Wait until everything written so far has crossed both ways, and what came of it has been looked at: what the
        listener wrote meanwhile passes the follower before the third."""
        for side in (Side.MYSQL, Side.MONGO, Side.MYSQL):
            self.cross(side)

    def cross(self, side: Side) -> None:
        """Wait until everything written on this side so far has crossed, or is held.

        Both logs are read in order: a document that was written last has everything before it on the other side.
        """
        key = ObjectId()
        if side is Side.MYSQL:
            self._mark_mysql(key)
            self.until(lambda: self._in_mongo(key))
        else:
            self._mark_mongo(key)
            self.until(lambda: self._in_mysql(key))

    def meet(self, seconds: float = PATIENCE) -> None:
        """Wait until everything has crossed and no document is held: all meetings have come to an end."""
        self.settle()
        deadline = time.monotonic() + seconds
        while self.held():
            assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {self._open_conflicts()}"
            time.sleep(0.02)
        self.settle()
        assert self.held() == 0

    def _open_conflicts(self) -> list[tuple[Any, ...]]:
        """What a failure should show: where each stands, without values."""
        with self.mysql.cursor() as cursor:
            cursor.execute(
                "SELECT c.id, c.collection, c.document_id, d.kind, c.state, c.look_id, c.met, d.decided_by, d.looks,"
                " d.waiting_for, d.looked_at, NOW(6) FROM sync_conflict c JOIN sync_conflict_detail d ON d.conflict_id = c.id"
                " WHERE c.open_key IS NOT NULL LIMIT 10"
            )
            return list(cursor.fetchall())

    def held(self) -> int:
        """Documents that are held now."""
        return int(self.value("SELECT COUNT(*) FROM sync_conflict WHERE open_key IS NOT NULL"))

    def sides(self) -> tuple[Mapping[str, Mapping[str, Doc]], Mapping[str, Mapping[str, Doc]]]:
        """Every document as MySQL and as MongoDB have it."""
        with self._looking.cursor() as cursor:
            return plain.in_mysql(cursor), plain.in_mongo(self.mongo)

    def assert_equal(self) -> Mapping[str, Mapping[str, Doc]]:
        """Both sides hold the same, told without the engine; returns it."""
        mysql, mongo = self.sides()
        for name in plain.COLLECTIONS:
            assert mysql[name].keys() == mongo[name].keys()
            for key, document in mysql[name].items():
                assert document == mongo[name][key], (name, key)
        return mysql

    def conflicts(self, state: str = "held") -> list[dict[str, Any]]:
        """What `lockstep conflicts list` shows."""
        done = self.site.lockstep("conflicts", "list", "--state", state, "--limit", "10000", "--json")
        listed = json.loads(done.stdout)
        assert isinstance(listed, list)
        return listed

    def value(self, statement: str, *parameters: object) -> Any:
        """One value of MySQL."""
        with self.mysql.cursor() as cursor:
            cursor.execute(statement, parameters)
            row = cursor.fetchone()
        return row[0] if row else None

    # The servers' own logs.

    def end_of_binlog(self) -> tuple[str, int]:
        """File and offset."""
        statement = "SHOW MASTER STATUS" if self.site.flavour is Flavour.MARIADB else "SHOW BINARY LOG STATUS"
        with self.site.mysql("admin").cursor() as cursor:
            cursor.execute(statement)
            row = cursor.fetchone()
        assert row is not None
        return str(row[0]), int(row[1])

    def oplog(self, query: Doc) -> list[Doc]:
        """Entries of MongoDB's log, oldest first."""
        log: Collection[Doc] = self.site.mongo("admin").client["local"]["oplog.rs"]
        return list(log.find(query).sort("$natural", 1))

    def end_of_oplog(self) -> Timestamp:
        """Of its newest entry."""
        log: Collection[Doc] = self.site.mongo("admin").client["local"]["oplog.rs"]
        (last,) = log.find().sort("$natural", -1).limit(1)
        moment = last["ts"]
        assert isinstance(moment, Timestamp)
        return moment

    def _mark_mysql(self, key: ObjectId) -> None:
        with self._looking.cursor() as cursor:
            plain.save(cursor, "accounts", None, _mark(key))

    def _mark_mongo(self, key: ObjectId) -> None:
        self.mongo["accounts"].insert_one(_mark(key))

    def _in_mysql(self, key: ObjectId) -> bool:
        with self._looking.cursor() as cursor:
            return cursor.execute("SELECT 1 FROM analytics_account WHERE id = %s", (str(key),)) == 1

    def _in_mongo(self, key: ObjectId) -> bool:
        return self.mongo["accounts"].find_one({"_id": key}) is not None


def _mark(key: ObjectId) -> Doc:
    return {"_id": key, "account_id": 0, "limit": 0, "products": []}


@contextmanager
def at_work(site: Site, folder: Path) -> Iterator[Engine]:
    """Set up, copied, and both workers streaming."""
    made = Engine(site, folder)
    try:
        made.prepare()
        made.start()
        yield made
    finally:
        made.close()
