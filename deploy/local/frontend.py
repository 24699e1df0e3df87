"""Builds the pages in `frontend/`: packages, the client from the API's own description, types, bundle.

Two stamps tell what is already done: one for the packages, one for the bundle with everything that goes into it.
"""

import fcntl
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from deploy.local import node
from deploy.local.paths import ROOT, STATE
from deploy.local.problem import LocalProblem

FRONTEND = ROOT / "frontend"
PACKAGES, BUNDLE = FRONTEND / "node_modules", FRONTEND / "dist"
#: The API's description, from which the client is generated.
SCHEMA = FRONTEND / "generated" / "schema.json"
#: Of the browser tests, which are no part of what is built.
APART = ("node_modules", "dist", "generated", "e2e", "test-results")


def build() -> None:
    """Make `frontend/dist`; raises LocalProblem. A look at the files where it is already done."""
    environ = node.environment()
    with _alone():
        _packages(environ)
        made_from = _fingerprint(_sources(), node.version(environ))
        if _stamp(BUNDLE) != made_from:
            print("building the pages (frontend/)", file=sys.stderr)
            _client(environ)
            _run(["npm", "run", "--silent", "build"], environ)
            _write_stamp(BUNDLE, made_from)


def run(command: Sequence[str]) -> int:
    """Run a command in `frontend/` with the Node that fits; returns its exit code."""
    build()
    return subprocess.run(command, cwd=FRONTEND, env=node.environment(), check=False).returncode


def _packages(environ: dict[str, str]) -> None:
    described = [FRONTEND / name for name in ("package.json", "package-lock.json", ".npmrc")]
    made_from = _fingerprint(described, node.version(environ))
    if _stamp(PACKAGES) != made_from:
        print("fetching the pages' packages from package-lock.json (once)", file=sys.stderr)
        # Scripts of packages are nothing that we need.
        _run(["npm", "ci", "--ignore-scripts", "--no-audit", "--loglevel=error"], environ)
        _write_stamp(PACKAGES, made_from)


def _client(environ: dict[str, str]) -> None:
    """The description needs no database and no configuration of a place."""
    SCHEMA.parent.mkdir(exist_ok=True)
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("LOCKSTEP_", "DJANGO_"))}
    manage = [sys.executable, str(ROOT / "backend" / "manage.py"), "spectacular", "--format", "openapi-json"]
    _run([*manage, "--file", str(SCHEMA)], plain)
    _run(["npm", "run", "--silent", "generate"], environ)


def _sources() -> list[Path]:
    """What the bundle is made from: the pages, and the backend that the client is generated from."""
    pages: list[Path] = []
    for folder, below, files in os.walk(FRONTEND):
        below[:] = [name for name in below if name not in APART]
        pages += [Path(folder) / name for name in files]
    engine = (ROOT / "sync" / "model").glob("*.py")
    return sorted([*pages, *(ROOT / "backend").rglob("*.py"), *engine])


def _fingerprint(paths: Sequence[Path], *more: str) -> str:
    parts = {str(path.relative_to(ROOT)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
    return hashlib.sha256(json.dumps([parts, more]).encode()).hexdigest()


def _stamp(folder: Path) -> str:
    path = folder / ".lockstep-made-from"
    return path.read_text(encoding="ascii") if path.exists() else ""


def _write_stamp(folder: Path, made_from: str) -> None:
    (folder / ".lockstep-made-from").write_text(made_from, encoding="ascii")


@contextmanager
def _alone() -> Iterator[None]:
    STATE.mkdir(exist_ok=True)
    with (STATE / "frontend.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(command: Sequence[str], environ: dict[str, str]) -> None:
    done = subprocess.run(command, cwd=FRONTEND, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-25:])
        raise LocalProblem(
            f"`{' '.join(command)}` in frontend/ failed:\n{said}",
            "is the npm registry reachable? make clean, then again",
        )
