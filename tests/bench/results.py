"""Results as files: one for each row and server, a list of objects. Quick ones stand apart and never replace full ones."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.bench.result import Result

HOME = Path(__file__).parent / "results"
#: Not kept under version control.
QUICK = HOME / "quick"


def write(
    row: str, server: str, results: Sequence[Result], on: Mapping[str, str], *, quick: bool, home: Path = HOME
) -> Path:
    """Replace the file of this row and server. `on`: machine and versions, repeated in every object, so that a file tells
    by itself what it was measured on."""
    folder = home / "quick" if quick else home
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{row}.{server}.json"
    objects = [{**_rounded(one.to_json()), "on": dict(on)} for one in results]
    path.write_text(json.dumps(objects, indent=1) + "\n")
    return path


def read(folder: Path = HOME) -> dict[str, list[dict[str, Any]]]:
    """Every object, by row; of one row the servers in order."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(folder.glob("*.json")):
        found.setdefault(path.name.split(".")[0], []).extend(json.loads(path.read_text()))
    return found


def _rounded(value: Any) -> Any:
    """Five digits tell all that is known."""
    match value:
        case float():
            return float(f"{value:.5g}")
        case dict():
            return {name: _rounded(one) for name, one in value.items()}
        case list() | tuple():
            return [_rounded(one) for one in value]
    return value
