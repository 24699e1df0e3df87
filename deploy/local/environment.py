"""Makes the virtual environment from requirements.lock and re-enters it. Standard library only.

The stamp in `.venv` holds a hash of what it was made from, so a second run costs nothing.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from deploy.local import system_packages
from deploy.local.paths import ROOT, STATE, VENV
from deploy.local.problem import LocalProblem

STAMP = VENV / "lockstep-made-from"
PYTHON = VENV / "bin" / "python"


def inside() -> bool:
    """Whether this process runs in the project's environment, made from the present lock."""
    return Path(sys.prefix).resolve() == VENV.resolve() and _stamped()


def prepare(*, for_tests: bool) -> None:
    """Install what the system lacks and make the environment; raises LocalProblem. Cheap when already done."""
    if sys.version_info < (3, 11):  # noqa: UP036 - this file is run before anything could have asked
        raise LocalProblem(
            f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}", "make PYTHON=python3.11"
        )
    system_packages.install(system_packages.missing(system_packages.NEEDED))
    if for_tests:
        system_packages.install(system_packages.missing((*system_packages.MARIADB, *system_packages.BROWSER)))
    if _stamped():
        return
    with _alone():
        if not _stamped():
            _make()


def enter(arguments: Sequence[str]) -> NoReturn:
    """Replace this process by the same command in the environment."""
    os.chdir(ROOT)
    os.execv(PYTHON, [str(PYTHON), "-m", "deploy.local", *arguments])


def _fingerprint() -> str:
    """Of what the installation depends on: the pins, the project's own table (not its tools'), the place."""
    project = (ROOT / "pyproject.toml").read_bytes().split(b"[tool.ruff")[0]
    parts = ((ROOT / "requirements.lock").read_bytes(), project, str(ROOT).encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _stamped() -> bool:
    return PYTHON.exists() and STAMP.exists() and STAMP.read_text(encoding="ascii") == _fingerprint()


@contextmanager
def _alone() -> Iterator[None]:
    STATE.mkdir(exist_ok=True)
    with (STATE / "setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make() -> None:
    print("making .venv from requirements.lock (once; about a minute)", file=sys.stderr)
    base = getattr(sys, "_base_executable", sys.executable)
    if not PYTHON.exists():
        _run([base, "-m", "venv", str(VENV)])
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    _run([*pip, "--require-hashes", "--requirement", str(ROOT / "requirements.lock")])
    _run([*pip, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)])
    STAMP.write_text(_fingerprint(), encoding="ascii")


def _run(command: list[str]) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise LocalProblem(
            f"`{' '.join(command)}` failed:\n{tail}", "make clean, then again; is the package index reachable?"
        )
