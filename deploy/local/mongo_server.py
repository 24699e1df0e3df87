"""A private MongoDB: one node, a replica set of itself, authentication on, on loopback; opened as admin."""

import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from pymongo import MongoClient
from pymongo.errors import AutoReconnect, OperationFailure, PyMongoError

from deploy.local.mongo_binary import MongoProgram
from deploy.local.private_files import write_private
from deploy.local.problem import LocalProblem
from deploy.local.processes import Process, free_port, start, wait_until

ADMIN = "lockstep_admin"
REPLICA_SET = "rs0"
Document = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class MongoServer:
    """A running server of ours."""

    program: MongoProgram
    process: Process
    port: int
    password: str

    def admin(self) -> MongoClient[Document]:
        """A client that may do everything; the caller closes it."""
        return MongoClient(
            f"mongodb://127.0.0.1:{self.port}",
            username=ADMIN,
            password=self.password,
            authSource="admin",
            directConnection=True,
            serverSelectionTimeoutMS=5000,
        )


def start_mongo(
    program: MongoProgram, home: Path, *, password: str, port: int | None = None, cache_gb: float = 0.25
) -> MongoServer:
    """Start a server on `home` (made where missing) and wait until it takes writes; raises LocalProblem.

    `cache_gb`: its memory for data, in GB (at least 0.25).
    """
    data = home / "data"
    data.mkdir(parents=True, exist_ok=True)
    chosen = free_port(port)
    command = [
        str(program.path),
        f"--dbpath={data}",
        f"--port={chosen}",
        "--bind_ip=127.0.0.1",
        f"--replSet={REPLICA_SET}",
        "--auth",
        f"--keyFile={_key(home)}",
        f"--wiredTigerCacheSizeGB={cache_gb}",
        "--oplogSize=990",
        "--nounixsocket",
        "--setParameter=shutdownTimeoutMillisForSignaledShutdown=0",  # there is nobody to hand over to
    ]
    process = start("mongod", command, log=home / "server.log")
    server = MongoServer(program=program, process=process, port=chosen, password=password)
    try:
        wait_until(lambda: _answers(chosen), process, seconds=60)
        _make_primary(server)
    except BaseException:
        process.stop()
        raise
    return server


def _key(home: Path) -> Path:
    """A replica set with authentication wants one, though its only member never uses it."""
    path = home / "key"
    return path if path.exists() else write_private(path, secrets.token_hex(48))


def _open_to_first_user(port: int) -> MongoClient[Document]:
    return MongoClient(f"mongodb://127.0.0.1:{port}", directConnection=True, serverSelectionTimeoutMS=500)


def _answers(port: int) -> bool:
    with _open_to_first_user(port) as client:
        try:
            client.admin.command("ping")
        except PyMongoError:
            return False
    return True


def _make_primary(server: MongoServer) -> None:
    """On first start initiate the set and make the admin; later tell the set the port it runs on now."""
    member = {"_id": 0, "host": f"127.0.0.1:{server.port}"}
    with _open_to_first_user(server.port) as client:
        try:
            client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": [member]})
        except OperationFailure as error:
            if error.code not in (13, 23):  # needs a login: there is an admin; already initiated
                raise LocalProblem(f"replSetInitiate: {error.details}") from None
        if _admin_missing(client):
            _wait_for_primary(client)
            client.admin.command("createUser", ADMIN, pwd=server.password, roles=["root"])
    with server.admin() as client:
        config = client.admin.command("replSetGetConfig")["config"]
        if config["members"][0]["host"] != member["host"]:
            config["members"][0]["host"] = member["host"]
            config["version"] += 1
            client.admin.command("replSetReconfig", config, force=True)
        _wait_for_primary(client)


def _admin_missing(client: MongoClient[Document]) -> bool:
    """Only while there is no user at all does the server answer one who is not logged in (localhost exception)."""
    try:
        client.admin.command("replSetGetStatus")
    except OperationFailure as error:
        return error.code != 13
    return True


def _wait_for_primary(client: MongoClient[Document], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if client.admin.command("hello").get("isWritablePrimary"):
                return
        except AutoReconnect:
            pass  # it closes connections when it becomes primary
        if time.monotonic() > deadline:
            raise LocalProblem(f"mongod did not become primary within {seconds:.0f} s")
        time.sleep(0.02)
