"""The demo's folder as a whole: kept by one process at a time, and forgotten. Standard library only.

Forgetting must work where the environment cannot be made: it is what helps then.
"""

import fcntl
import shutil
from pathlib import Path
from typing import IO

from deploy.local.paths import DEMO
from deploy.local.problem import LocalProblem


def keep(home: Path) -> IO[str]:
    """Keep an installation's folder for this process until it ends (or closes what is returned); raises LocalProblem where
    another one has it."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = (home / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise LocalProblem(f"the demo in {home} is running already", "stop it with Ctrl-C first") from None
    return lock


def forget() -> None:
    """Drop the demo's data and passwords; refuses while it runs."""
    if DEMO.exists():
        with keep(DEMO):
            shutil.rmtree(DEMO)
