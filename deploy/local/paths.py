"""Where things stand: the project, its state, and what is worth keeping between clones. Standard library only."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
#: Data of the demo and other things made by running; git-ignored.
STATE = ROOT / ".lockstep"
DEMO = STATE / "demo"


def cache() -> Path:
    """The user's cache folder for Lockstep: downloaded servers, shared by all clones."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "lockstep"
