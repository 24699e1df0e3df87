"""The real servers that tests share: started when first asked for, in memory where there is room, ended at the end.

A server that cannot be had is a failure, never a skip.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from deploy.local import mongo_binary, mysql_binary
from deploy.local.mongo_server import MongoServer, start_mongo
from deploy.local.mysql_binary import Flavour
from deploy.local.mysql_server import MySQLServer, start_mysql
from deploy.local.processes import Process
from deploy.local.users import Role, create_mysql_users

PREFIX = "lockstep-tests-"
#: Three servers' data and logs.
ROOM = 3 * 1024**3


class Servers:
    """One MySQL, one MariaDB and one MongoDB for a whole test session."""

    def __init__(self, *, mongo_cache_gb: float = 0.25) -> None:
        """`mongo_cache_gb`: MongoDB's memory for data."""
        self._mongo_cache_gb = mongo_cache_gb
        memory = Path("/dev/shm")
        roomy = memory.is_dir() and shutil.disk_usage(memory).free > ROOM
        parent = memory if roomy else Path(tempfile.gettempdir())
        _sweep(parent)
        self.home = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=parent))
        self.passwords: Mapping[Role, str] = {role: secrets.token_hex(12) for role in Role}
        self._admin = secrets.token_hex(12)
        self._mysql: dict[Flavour, MySQLServer] = {}
        self._mongo: MongoServer | None = None

    def mysql(self, flavour: Flavour) -> MySQLServer:
        """The running server of this family, with the four users."""
        if flavour not in self._mysql:
            program = mysql_binary.of(flavour)
            server = start_mysql(program, self.home / flavour.value, password=self._admin, forgetful=True)
            self._mysql[flavour] = server
            with server.admin() as admin:
                create_mysql_users(admin, flavour, self.passwords)
        return self._mysql[flavour]

    def mongo(self) -> MongoServer:
        """The running MongoDB; its users are made per database."""
        if self._mongo is None:
            self._mongo = start_mongo(
                mongo_binary.find(), self.home / "mongo", password=self._admin, cache_gb=self._mongo_cache_gb
            )
        return self._mongo

    @property
    def running(self) -> list[Flavour]:
        """The MySQL families that were started."""
        return list(self._mysql)

    def close(self) -> None:
        """End them at once: nobody needs their data any more."""
        processes: list[Process] = [server.process for server in self._mysql.values()]
        if self._mongo is not None:
            processes.append(self._mongo.process)
        for process in processes:
            process.popen.kill()
        for process in processes:
            process.popen.wait()
        shutil.rmtree(self.home, ignore_errors=True)


def _sweep(parent: Path) -> None:
    """Remove what a killed session left behind; its servers ended with it."""
    for path in parent.glob(f"{PREFIX}*"):
        pid = path.name.removeprefix(PREFIX).split("-")[0]
        if not Path("/proc", pid).exists():
            shutil.rmtree(path, ignore_errors=True)
