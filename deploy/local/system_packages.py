"""Finds which system packages are missing and installs them where that is allowed. Standard library only.

Each package is recognised by what we need of it, so a machine that has it from elsewhere is left alone.
"""

import ctypes
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from deploy.local.problem import LocalProblem


class Package(NamedTuple):
    """One Debian package, and how to see without asking dpkg whether its purpose is served."""

    name: str
    present: Callable[[], bool]


def _program(name: str) -> bool:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is not None


def _library(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def _mysql_headers() -> bool:
    """mysqlclient is compiled here and asks pkg-config for one of these."""
    if not _program("pkg-config"):
        return False
    names = ("mysqlclient", "mariadb", "libmariadb")
    return any(subprocess.run(["pkg-config", "--exists", name], check=False).returncode == 0 for name in names)


def _python_headers() -> bool:
    return (Path(sysconfig.get_paths()["include"]) / "Python.h").exists()


def _venv_module() -> bool:
    return importlib.util.find_spec("ensurepip") is not None


#: Without these nothing runs.
NEEDED = (
    Package("gcc", lambda: _program("gcc") or _program("cc")),
    Package("libc6-dev", lambda: Path("/usr/include/stdio.h").exists()),
    Package("pkg-config", lambda: _program("pkg-config")),
    Package("libmariadb-dev", _mysql_headers),
    Package("python3-dev", _python_headers),
    Package("python3-venv", _venv_module),
    Package("libcurl4", lambda: _library("libcurl.so.4")),  # mongod is linked to it
)
#: The second MySQL flavour, which the tests run on too.
MARIADB = (
    Package("mariadb-server-core", lambda: _program("mariadbd")),
    Package("mariadb-client-core", lambda: _program("mariadb")),
)
#: What the tests of the pages drive.
BROWSER = (Package("chromium", lambda: _program("chromium")),)


def missing(packages: tuple[Package, ...]) -> list[str]:
    """The names of those packages that this machine lacks."""
    return [package.name for package in packages if not package.present()]


def install(names: list[str]) -> None:
    """Install packages with apt; raises LocalProblem with the line to type where that is not possible."""
    if not names:
        return
    command = f"apt-get install -y --no-install-recommends {' '.join(names)}"
    rights = _rights()
    if rights is None:
        raise LocalProblem(f"system packages are missing: {' '.join(names)}", f"as root: apt-get update && {command}")
    print(f"installing system packages: {' '.join(names)}", file=sys.stderr)
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for line in ("apt-get update -qq", f"{command} -qq"):
        done = subprocess.run([*rights, *line.split()], env=environ, capture_output=True, text=True, check=False)
        if done.returncode:
            raise LocalProblem(f"`{line}` failed: {_last_line(done.stderr)}", f"as root: apt-get update && {command}")


def _rights() -> list[str] | None:
    """What to put before apt-get; None where we may not use it."""
    if not _program("apt-get"):
        return None
    if os.geteuid() == 0:
        return []
    if _program("sudo") and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0:
        return ["sudo", "-n"]
    return None


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no message"
