"""A private MySQL or MariaDB: makes its data folder, starts it on loopback with a full row binlog, opens it as admin.

The only account that exists after the start is the admin's; nobody gets in without a password.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pymysql
from pymysql.connections import Connection
from pymysql.cursors import Cursor

from deploy.local.mysql_binary import Flavour, MySQLProgram
from deploy.local.paths import cache
from deploy.local.private_files import write_private
from deploy.local.problem import LocalProblem
from deploy.local.processes import Process, free_port, start, wait_until

ADMIN = "lockstep_admin"
#: What Lockstep asks of a MySQL server (`lockstep doctor` checks it).
BINLOG = (
    "--server-id=1",
    "--log-bin=binlog",
    "--binlog-format=ROW",
    "--binlog-row-image=FULL",
    "--binlog-row-metadata=FULL",
)
GTID = ("--gtid-mode=ON", "--enforce-gtid-consistency=ON")
#: For data that may be lost with the machine: tests, measurements.
FORGETFUL = ("--innodb-flush-log-at-trx-commit=0", "--sync-binlog=0")


@dataclass(frozen=True, slots=True, kw_only=True)
class MySQLServer:
    """A running server of ours."""

    program: MySQLProgram
    process: Process
    port: int
    password: str

    def admin(self, database: str | None = None) -> Connection[Cursor]:
        """An autocommit connection that may do everything."""
        return pymysql.connect(
            host="127.0.0.1",
            port=self.port,
            user=ADMIN,
            password=self.password,
            database=database,
            autocommit=True,
            charset="utf8mb4",
            connect_timeout=5,
        )


def start_mysql(
    program: MySQLProgram, home: Path, *, password: str, port: int | None = None, forgetful: bool = False
) -> MySQLServer:
    """Start a server on `home` (made where missing) and wait until it answers; raises LocalProblem."""
    _require_same_flavour(program, home)
    data = home / "data"
    if not data.exists():
        _make_data_folder(program, data)
    first_words = write_private(home / "admin.sql", _admin_sql(program.flavour, password))
    chosen = free_port(port)
    command = [
        *program.command,
        "--no-defaults",
        *program.layout,
        f"--datadir={data}",
        f"--port={chosen}",
        "--bind-address=127.0.0.1",
        "--socket=mysql.sock",  # inside the data folder: a full path may be longer than a socket's name can be
        f"--pid-file={home / 'mysql.pid'}",
        "--skip-name-resolve",
        "--secure-file-priv=",
        f"--init-file={first_words}",
        *BINLOG,
        *(("--mysqlx=OFF", *GTID) if program.flavour is Flavour.MYSQL else ()),
        *(FORGETFUL if forgetful else ()),
        *_as_root(),
    ]
    # One whose data may be lost has nothing to write out. Asked to end, it would take a while, and its folder may be swept away
    # meanwhile: then MySQL never ends and fills memory with the log of that.
    process = start(program.flavour.value, command, log=home / "server.log", killed=forgetful)
    server = MySQLServer(program=program, process=process, port=chosen, password=password)
    try:
        wait_until(lambda: _answers(server), process, seconds=120)
    except BaseException:
        process.stop()
        raise
    finally:
        first_words.unlink(missing_ok=True)
    return server


def _answers(server: MySQLServer) -> bool:
    try:
        server.admin().close()
    except pymysql.err.OperationalError:
        return False
    return True


def _require_same_flavour(program: MySQLProgram, home: Path) -> None:
    """Data of one family cannot be opened by the other."""
    home.mkdir(parents=True, exist_ok=True)
    mark = home / "flavour"
    if mark.exists() and (was := mark.read_text()) != program.flavour.value:
        raise LocalProblem(
            f"the data in {home} was made by {was}, and the server found is {program.flavour.value}",
            "make demo-reset, or set LOCKSTEP_MYSQLD to the server it was made by",
        )
    mark.write_text(program.flavour.value)


def _make_data_folder(program: MySQLProgram, data: Path) -> None:
    """A copy of a template that is made once per server version: initialising takes seconds, a copy does not."""
    template = cache() / "templates" / f"{program.flavour.value}-{program.version}"
    if not template.exists():
        half = template.with_name(f"{template.name}-{os.getpid()}")
        half.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(half, ignore_errors=True)
        _initialise(program, half)
        try:
            half.rename(template)
        except OSError:  # another process was first
            shutil.rmtree(half)
    half = data.with_name("data-half-made")
    shutil.rmtree(half, ignore_errors=True)
    shutil.copytree(template, half)
    (half / "auto.cnf").unlink(missing_ok=True)  # each server is given an identity of its own
    half.rename(data)


def _initialise(program: MySQLProgram, data: Path) -> None:
    if program.install_db:
        command = [
            program.install_db,
            "--no-defaults",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            f"--datadir={data}",
            *_as_root(),
        ]
    else:
        command = [
            *program.command,
            "--no-defaults",
            *program.layout,
            f"--datadir={data}",
            "--initialize-insecure",
            *_as_root(),
        ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(data, ignore_errors=True)
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-8:])
        raise LocalProblem(f"{program.flavour.value} could not make its data folder:\n{tail}", "is the disk full?")


def _admin_sql(flavour: Flavour, password: str) -> str:
    """Run by the server before it lets anyone in: the admin by password, root not at all.

    Not in the binlog: MariaDB writes passwords there in clear.
    """
    account = f"'{ADMIN}'@'127.0.0.1'"
    everyone_else = "User IN ('root', '') AND Host <> 'localhost'"
    lines = [
        "SET SESSION sql_log_bin = 0",
        f"CREATE USER IF NOT EXISTS {account} IDENTIFIED BY '{password}'",
        f"ALTER USER {account} IDENTIFIED BY '{password}'",
        f"GRANT ALL PRIVILEGES ON *.* TO {account} WITH GRANT OPTION",
        f"DELETE FROM mysql.{'user' if flavour is Flavour.MYSQL else 'global_priv'} WHERE {everyone_else}",
        f"ALTER USER 'root'@'localhost' IDENTIFIED BY '{password}'",
        "FLUSH PRIVILEGES",
    ]
    return "".join(f"{line};\n" for line in lines)


def _as_root() -> tuple[str, ...]:
    """The servers refuse to run as root unless told to."""
    return ("--user=root",) if os.geteuid() == 0 else ()
