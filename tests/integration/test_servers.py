"""The servers of `deploy.local`: set as Lockstep needs them, closed to strangers, ended with their launcher."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pymysql
import pytest
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import OperationFailure
from pymysql.connections import Connection
from pymysql.cursors import Cursor

from deploy.local import mysql_binary
from deploy.local.mongo_server import Document
from deploy.local.mysql_binary import Flavour
from deploy.local.mysql_server import start_mysql
from deploy.local.problem import LocalProblem
from deploy.local.users import Role
from tests.servers import Servers
from tests.site import Site

MYSQL_SETTINGS = {
    "log_bin": {"ON", "1"},
    "binlog_format": {"ROW"},
    "binlog_row_image": {"FULL"},
    "binlog_row_metadata": {"FULL"},
    "bind_address": {"127.0.0.1"},
}


def test_binlog_carries_whole_rows(scratch_mysql: Connection[Cursor], flavour: Flavour) -> None:
    """Row format, both images, all metadata, GTID on; reachable from this machine only."""
    wanted = MYSQL_SETTINGS | ({"gtid_mode": {"ON"}} if flavour is Flavour.MYSQL else {})
    with scratch_mysql.cursor() as cursor:
        cursor.execute("SHOW GLOBAL VARIABLES")
        settings = dict(cursor.fetchall())
    assert {name for name, allowed in wanted.items() if settings[name] not in allowed} == set()


@pytest.mark.parametrize("user", ["root", "", "lockstep_owner", "lockstep_admin"])
def test_mysql_lets_nobody_in_without_a_password(servers: Servers, flavour: Flavour, user: str) -> None:
    """No account has an empty password, the server's own root included."""
    with pytest.raises(pymysql.err.OperationalError) as refused:
        pymysql.connect(host="127.0.0.1", port=servers.mysql(flavour).port, user=user)
    assert refused.value.args[0] in (1045, 1698)


def test_mysql_lets_nobody_in_without_a_password_by_socket(servers: Servers, flavour: Flavour) -> None:
    """The socket is no way round the password."""
    servers.mysql(flavour)
    socket = servers.home / flavour.value / "data" / "mysql.sock"
    assert socket.is_socket()
    with pytest.raises(pymysql.err.OperationalError) as refused:
        pymysql.connect(unix_socket=str(socket), user="root")
    assert refused.value.args[0] in (1045, 1698)


def test_mongo_wants_a_login(servers: Servers) -> None:
    """Without one nothing is read, and no first user can be made any more."""
    with MongoClient[Document]("127.0.0.1", servers.mongo().port, directConnection=True) as stranger:
        with pytest.raises(OperationFailure) as read:
            stranger.local["oplog.rs"].find_one()
        with pytest.raises(OperationFailure) as created:
            stranger.admin.command("createUser", "mallory", pwd="x", roles=["root"])
    assert (read.value.code, created.value.code) == (13, 13)


def test_mongo_is_a_replica_set_that_takes_writes(scratch_mongo: Database[Document]) -> None:
    """Change streams and transactions need one, of one node too."""
    with scratch_mongo.client.start_session() as session, session.start_transaction():
        scratch_mongo.things.insert_one({"_id": 1}, session=session)
    assert scratch_mongo.things.count_documents({}) == 1


def test_no_password_in_the_process_list(servers: Servers, site: Site) -> None:
    """What everyone on the machine can see of our programs names no password."""
    secrets = [*servers.passwords.values(), servers.mongo().password]
    lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not [secret for secret in secrets for line in lines if secret.encode() in line]


def test_no_password_in_the_binlog(servers: Servers, site: Site) -> None:
    """MariaDB would log CREATE USER in clear; users are made beside the binlog."""
    files = sorted((servers.home / site.flavour.value / "data").glob("binlog.[0-9]*"))
    assert files
    assert not [f.name for f in files for role in Role if servers.passwords[role].encode() in f.read_bytes()]


def test_domain_tables_are_those_of_the_migrations(site: Site) -> None:
    """A fresh site has every domain table, empty, and no other."""
    with site.mysql("owner").cursor() as cursor:
        cursor.execute("SHOW TABLES")
        tables = [str(row[0]) for row in cursor.fetchall()]
        assert len(tables) == 8
        for table in tables:
            cursor.execute(f"SELECT COUNT(*) FROM `{table}`")
            assert cursor.fetchone() == (0,)
    assert site.mongo("owner").list_collection_names() == []


LAUNCHER = """
import sys
from pathlib import Path
from deploy.local.processes import start
child = start("sleep", ["sleep", "600"], log=Path(sys.argv[1]))
print(child.popen.pid, flush=True)
sys.stdin.read()
"""


def test_programs_end_with_their_launcher(tmp_path: Path) -> None:
    """Even a launcher that is killed leaves nothing running."""
    launcher = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, str(tmp_path / "log")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert launcher.stdout is not None
    child = int(launcher.stdout.readline())
    assert Path(f"/proc/{child}").exists()
    launcher.kill()
    launcher.communicate()
    assert _gone(child)


def _gone(pid: int) -> bool:
    """Whether a process that is not ours ends within 10 s."""
    waited = subprocess.run(["timeout", "10", "tail", f"--pid={pid}", "-s", "0.05", "-f", "/dev/null"], check=False)
    return waited.returncode == 0


SETUP = """
import sys
from deploy.local.commands import have_servers
from deploy.local.problem import LocalProblem
try:
    have_servers()
except LocalProblem as problem:
    sys.exit(str(problem))
"""


def _setup(tmp_path: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """What `make setup` does about servers on a machine with an empty cache and without apt: MySQL cannot be had."""
    return subprocess.run(
        [sys.executable, "-c", SETUP],
        env={"PATH": str(tmp_path), "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)} | environ,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("demand", ["CI", "LOCKSTEP_REQUIRE_MYSQL"])
def test_mariadb_never_stands_in_where_mysql_is_required(tmp_path: Path, demand: str) -> None:
    """In CI a MySQL that cannot be had is a failure with its remedy, in a few lines."""
    done = _setup(tmp_path, **{demand: "1"})
    assert done.returncode == 1
    assert "LOCKSTEP_MYSQLD" in done.stderr
    assert len(done.stderr.splitlines()) == 2


def test_mariadb_stands_in_aloud(tmp_path: Path) -> None:
    """Elsewhere it does, and a line says so."""
    done = _setup(tmp_path)
    assert (done.returncode, "using MariaDB" in done.stderr) == (0, True)


@pytest.mark.parametrize("variable", ["LOCKSTEP_MYSQLD", "LOCKSTEP_MONGOD"])
def test_a_named_program_that_is_not_there_is_one_clear_message(tmp_path: Path, variable: str) -> None:
    """No other program is taken in its place, and there is no traceback."""
    done = _setup(tmp_path, **{variable: "/no/such/program"})
    assert done.returncode == 1
    assert "/no/such/program" in done.stderr
    assert "Traceback" not in done.stderr


def test_data_of_the_other_family_is_refused(servers: Servers, flavour: Flavour) -> None:
    """MariaDB cannot open MySQL's files nor the reverse: said before anything is touched."""
    servers.mysql(flavour)
    (other,) = set(Flavour) - {flavour}
    with pytest.raises(LocalProblem, match="was made by"):
        start_mysql(mysql_binary.of(other), servers.home / flavour.value, password="x")
