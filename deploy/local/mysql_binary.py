"""Finds a MySQL (or MariaDB) server program and knows how it is called. Starts nothing that stays.

In order: LOCKSTEP_MYSQLD; MySQL from the cache, fetched on first use; MariaDB, said aloud, and never where
MySQL is required (LOCKSTEP_REQUIRE_MYSQL=1, or CI set).
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from deploy.local import mysql_sid
from deploy.local.problem import LocalProblem


class Flavour(StrEnum):
    """The two families of servers that speak MySQL's protocol."""

    MYSQL = "mysql"
    MARIADB = "mariadb"


@dataclass(frozen=True, slots=True, kw_only=True)
class MySQLProgram:
    """A server program that runs on this machine."""

    flavour: Flavour
    version: str
    #: What starts the program (it may need its own loader).
    command: tuple[str, ...]
    #: Arguments that tell it where its own files are.
    layout: tuple[str, ...] = ()
    #: MariaDB only: the script that makes a data folder.
    install_db: str | None = None


def find(environ: Mapping[str, str] = os.environ) -> MySQLProgram:
    """The server to use; raises LocalProblem with what to do where none can be had."""
    if named := environ.get("LOCKSTEP_MYSQLD"):
        return at(Path(named))
    try:
        return mysql()
    except LocalProblem as problem:
        if environ.get("CI") or environ.get("LOCKSTEP_REQUIRE_MYSQL", "0") not in ("", "0"):
            raise
        try:
            instead = mariadb()
        except LocalProblem:
            raise problem from None
        print(f"{problem.message}\nusing MariaDB {instead.version} in MySQL's place", file=sys.stderr)
        return instead


def of(flavour: Flavour, environ: Mapping[str, str] = os.environ) -> MySQLProgram:
    """A server of just this family: the one named by LOCKSTEP_MYSQLD where it fits; raises LocalProblem."""
    if (named := environ.get("LOCKSTEP_MYSQLD")) and (program := at(Path(named))).flavour is flavour:
        return program
    return mysql() if flavour is Flavour.MYSQL else mariadb()


@cache
def mysql() -> MySQLProgram:
    """MySQL as unpacked from Debian sid into the cache."""
    return _unpacked(mysql_sid.unpacked())


@cache
def mariadb() -> MySQLProgram:
    """The MariaDB of the system; raises LocalProblem where there is none."""
    found = _which("mariadbd")
    if found is None:
        raise LocalProblem("there is no mariadbd", "apt-get install mariadb-server-core mariadb-client-core")
    return at(Path(found))


@cache
def at(path: Path) -> MySQLProgram:
    """The server program at a path; what it is, it says itself (`--version`)."""
    if not path.is_file():
        raise LocalProblem(f"LOCKSTEP_MYSQLD: {path} is not a file", "name a mysqld or mariadbd, or unset it")
    if path.parts[-3:] == ("usr", "sbin", "mysqld") and _loader(path.parents[2]):
        return _unpacked(path.parents[2])
    version = _version((str(path),))
    if "mariadb" not in version.lower():
        return MySQLProgram(flavour=Flavour.MYSQL, version=_number(version), command=(str(path),))
    script = _which("mariadb-install-db", path.parent, path.parent.parent / "bin", path.parent.parent / "scripts")
    if script is None:
        raise LocalProblem(f"no mariadb-install-db beside {path}", "apt-get install mariadb-server-core")
    return MySQLProgram(flavour=Flavour.MARIADB, version=_number(version), command=(str(path),), install_db=script)


def _unpacked(folder: Path) -> MySQLProgram:
    usr = folder / "usr"
    loader = _loader(folder)
    if loader is None:
        raise LocalProblem(f"{folder} holds no loader for this machine", f"rm -r {folder}, then again")
    libraries = [str(path) for path in (*usr.glob("lib/*-linux-gnu*"), usr / "lib/mysql/private") if path.is_dir()]
    command = (str(loader), "--library-path", ":".join(libraries), str(usr / "sbin/mysqld"))
    layout = (
        f"--basedir={usr}",
        f"--lc-messages-dir={usr / 'share/mysql'}",
        f"--character-sets-dir={usr / 'share/mysql/charsets'}",
        f"--plugin-dir={usr / 'lib/mysql/plugin'}",
    )
    version = _number(_version((*command, "--no-defaults")))
    return MySQLProgram(flavour=Flavour.MYSQL, version=version, command=command, layout=layout)


def _loader(folder: Path) -> Path | None:
    """The dynamic loader among packages unpacked into a folder; None in an ordinary root, where none is needed."""
    if folder == Path("/"):
        return None
    return next(iter(sorted(folder.glob("usr/lib*/**/ld-linux*.so.*"))), None)


def _version(command: tuple[str, ...]) -> str:
    try:
        done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False, timeout=30)
    except OSError as error:
        raise LocalProblem(f"{command[0]} cannot be run: {error.strerror}", mysql_sid.OTHER_WAY) from None
    if done.returncode or not done.stdout:
        raise LocalProblem(f"`{' '.join(command)} --version` failed: {done.stderr.strip()}", mysql_sid.OTHER_WAY)
    return done.stdout


def _number(text: str) -> str:
    found = re.search(r"\d+\.\d+\.\d+", text)
    return found.group() if found else "unknown"


def _which(name: str, *folders: Path) -> str | None:
    path = os.pathsep.join([*map(str, folders), os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    return shutil.which(name, path=path)
