"""Finds a mongod program: LOCKSTEP_MONGOD, else the one in the development wheel. Starts nothing that stays."""

import os
import re
import subprocess
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local.problem import LocalProblem

OTHER_WAY = "set LOCKSTEP_MONGOD to a mongod (6.0 or newer) that you have"


@dataclass(frozen=True, slots=True, kw_only=True)
class MongoProgram:
    """A mongod that runs on this machine."""

    version: str
    path: Path


def find(environ: Mapping[str, str] = os.environ) -> MongoProgram:
    """The mongod to use; raises LocalProblem with what to do where none can be had."""
    if named := environ.get("LOCKSTEP_MONGOD"):
        return _at(Path(named))
    return _at(Path(sysconfig.get_paths()["purelib"]) / "fiftyone/db/bin/mongod")


def _at(path: Path) -> MongoProgram:
    if not path.is_file():
        raise LocalProblem(f"there is no mongod at {path}", OTHER_WAY)
    try:
        done = subprocess.run([str(path), "--version"], capture_output=True, text=True, check=False, timeout=30)
    except OSError as error:
        raise LocalProblem(f"{path} cannot be run: {error.strerror}", OTHER_WAY) from None
    found = re.search(r"db version v(\S+)", done.stdout)
    if done.returncode or found is None:
        raise LocalProblem(f"`{path} --version` failed: {done.stderr.strip()}", OTHER_WAY)
    return MongoProgram(version=found.group(1), path=path)
