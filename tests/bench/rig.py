"""An installation to measure: real servers, both sides filled and equal, real workers that stop and go on.

A worker is measured on a backlog: it is paused (`lockstep pause` does the same), the source is written, and it is told to go
on. How far it has come is asked of the target every `GLANCE` seconds, as a client would.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pymysql
from pymongo import MongoClient
from pymongo.database import Database
from pymysql.connections import Connection
from pymysql.constants import CLIENT
from pymysql.cursors import Cursor

from deploy.local.mysql_binary import Flavour
from sync.model.change import Side
from sync.reconcile.passing import Passing
from sync.wiring import Wiring
from tests.bench.curve import Curve
from tests.bench.run import Run
from tests.bench.shapes import Shape
from tests.engine import COMMANDS, Engine
from tests.running import Running
from tests.servers import Servers
from tests.site import Site

#: Seconds between two looks at the target, and those that anything is given.
GLANCE, PATIENCE = 0.02, 900.0
IMAGES = {"enabled": True}


class Rig:
    """One site with its shapes' tables and collections."""

    def __init__(self, servers: Servers, flavour: Flavour, shapes: Sequence[Shape], folder: Path) -> None:
        self.shapes = shapes
        statements = [one for shape in shapes for one in shape.statements(servers, flavour)]
        self.site = Site(servers, flavour, tuple(dict.fromkeys(statements)))
        self.site.config_path = folder / "lockstep.toml"
        self.site.config_path.write_text("\n".join(shape.mapping() for shape in shapes))
        self._logs = folder
        self.engine = Engine(self.site, folder)
        self._open = ExitStack()

    # Set-up.

    def set_up(self) -> None:
        """What `lockstep setup` does."""
        with self.site.wiring() as wiring:
            for step in wiring.setup_steps():
                if not step.done:
                    step.apply()

    def fill_mysql(self) -> None:
        """Every document's rows."""
        with self.admin.cursor() as cursor:
            for shape in self.shapes:
                shape.fill_mysql(cursor)

    def fill_mongo(self, database: Database[Any] | None = None) -> None:
        """Every document."""
        for shape in self.shapes:
            shape.fill_mongo(self.mongo if database is None else database)

    def copy(self, origin: Side = Side.MYSQL) -> None:
        """The first copy."""
        with self.site.wiring() as wiring:
            wiring.bootstrap(origin, lambda *_: None)

    @property
    def admin(self) -> Connection[Cursor]:
        """An autocommit session that may do everything and takes many statements at once. Opened anew where it was closed."""
        if not hasattr(self, "_admin"):
            settings: dict[str, Any] = self.site.admin_settings()
            self._admin: Connection[Cursor] = pymysql.connect(
                **settings,
                database=self.site.database,
                charset="utf8mb4",
                autocommit=True,
                client_flag=CLIENT.MULTI_STATEMENTS,
            )
            self._open.callback(self._admin.close)
        return self._admin

    @property
    def mongo(self) -> Database[Any]:
        """The site's database, as admin."""
        return self.site.mongo("admin")

    @contextmanager
    def limit_database(self) -> Iterator[Database[Any]]:
        """A database beside the site's with the same documents and images on, for the loops that show the limit: no
        worker watches it."""
        client: MongoClient[Any] = self.mongo.client
        database = client[f"{self.site.database}_limit"]
        for name in self.collections:
            database.create_collection(name, changeStreamPreAndPostImages=IMAGES)
        database.create_collection("checkpoint", changeStreamPreAndPostImages=IMAGES)
        database["checkpoint"].insert_one({"_id": "limit", "seq": 0})
        self.fill_mongo(database)
        yield database
        client.drop_database(database.name)

    @contextmanager
    def limit_tables(self) -> Iterator[Connection[Cursor]]:
        """A MySQL database beside the site's with the same rows and indexes, as an open session in it."""
        name = f"{self.site.database}_limit"
        with self.admin.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4")
        settings: dict[str, Any] = self.site.admin_settings()
        with pymysql.connect(**settings, database=name, charset="utf8mb4") as connection, connection.cursor() as cursor:
            for table in self.tables:
                cursor.execute(f"CREATE TABLE `{table}` LIKE `{self.site.database}`.`{table}`")
                cursor.execute(f"INSERT INTO `{table}` SELECT * FROM `{self.site.database}`.`{table}`")
            cursor.execute("CREATE TABLE checkpoint (name VARCHAR(16) PRIMARY KEY, seq BIGINT NOT NULL, position TEXT)")
            cursor.execute("INSERT INTO checkpoint VALUES ('limit', 0, '')")
            connection.commit()
            yield connection
            cursor.execute(f"DROP DATABASE `{name}`")

    @property
    def collections(self) -> list[str]:
        """Those of all shapes."""
        return list(dict.fromkeys(name for shape in self.shapes for name in shape.collections))

    @property
    def tables(self) -> list[str]:
        """Those of all shapes, parents first."""
        return list(dict.fromkeys(name for shape in self.shapes for name in shape.tables))

    # Workers.

    @property
    def wiring(self) -> Wiring:
        """As the command line has it; one for the rig."""
        if not hasattr(self, "_wiring"):
            self._wiring = self._open.enter_context(self.site.wiring())
        return self._wiring

    def start(self, *workers: str) -> None:
        """As processes of their own, and wait until they stream."""
        self.engine.start(*workers)

    def start_anew(self, worker: str) -> None:
        """After a kill, of one that was paused: a pause outlives its process."""
        said = len(self.engine.states(worker))
        self.engine.workers[worker] = Running(self.site, self._logs / f"{worker}.log", COMMANDS[worker])
        self.engine.until(lambda: self.engine.states(worker)[said:][-1:] == ["paused"])

    def pid(self, worker: str) -> int:
        """Of a started worker."""
        return self.engine.workers[worker].popen.pid

    def catch_up(self) -> None:
        """Wait until the running workers have passed all that stands in both logs, each other's writes included."""
        Passing(self.wiring.directions())()

    def pause(self, *workers: str) -> None:
        """They finish their batch and keep their leases."""
        for worker in workers:
            self.wiring.ask(worker, "pause")

    def ask_to_resume(self, worker: str) -> None:
        """Returns at once: the worker sees the request within `sync.worker.COMMANDS` seconds."""
        with self.site.mysql("app") as connection, connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO sync_command (worker, kind, arguments, requested_by, requested_at, state)"
                " VALUES (%s, 'resume', %s, 'bench', NOW(6), 'requested')",
                (worker, json.dumps({})),
            )

    def carry(self, worker: str, done: Callable[[], int], total: int) -> Curve:
        """Let a paused worker go on until `done` says `total`; pauses it again. `done` tells rows that are there."""
        self.ask_to_resume(worker)
        curve = self.watch(done, total)
        self.pause(worker)
        return curve

    def watch(self, done: Callable[[], int], total: int, glance: float = GLANCE) -> Curve:
        """Look until everything is there."""
        return self.watch_all({"": (done, total)}, glance)[""]

    def watch_all(self, goals: Mapping[str, tuple[Callable[[], int], int]], glance: float = GLANCE) -> dict[str, Curve]:
        """The same for several things at once, until all are there."""
        curves: dict[str, list[tuple[float, int]]] = {name: [] for name in goals}
        deadline = time.monotonic() + PATIENCE
        missing = set(goals)
        while missing:
            for name in sorted(missing):
                done, total = goals[name]
                rows = done()
                curves[name].append((time.monotonic(), rows))
                if rows >= total:
                    missing.discard(name)
            if time.monotonic() > deadline:
                reached = {name: (curves[name][-1][1], goals[name][1]) for name in missing}
                raise TimeoutError(f"after {PATIENCE:.0f} s there are, of all: {reached}\n{self.said()}")
            self._must_run()
            time.sleep(glance)
        return {name: tuple(curve) for name, curve in curves.items()}

    def said(self) -> str:
        """The ends of the workers' output."""
        return "\n".join(worker.said()[-2000:] for worker in self.engine.workers.values())

    def _must_run(self) -> None:
        for worker in self.engine.workers.values():
            if worker.popen.poll() is not None:
                raise RuntimeError(f"a worker ended while it was measured: {self.said()}")

    def close(self) -> None:
        """Workers first."""
        self.engine.close()
        self._open.close()
        self.site.close()


@contextmanager
def rig(run: Run, *shapes: Shape, mongo_cache_gb: float = 0.25, filled: bool = True) -> Iterator[Rig]:
    """An installation for one row of the table; with `filled`, both sides hold the shapes' documents and the first copy
    is made. No worker runs yet."""
    run.say("set-up")
    with (
        run.servers(mongo_cache_gb=mongo_cache_gb) as servers,
        tempfile.TemporaryDirectory(prefix=f"lockstep-bench-{os.getpid()}-") as folder,
    ):
        made = Rig(servers, run.flavour, shapes, Path(folder))
        try:
            made.set_up()
            if filled:
                made.fill_mysql()
                made.copy()
            yield made
        finally:
            made.close()
