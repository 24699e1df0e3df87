"""How long work tells how far it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

#: What is being done (a collection), how many documents are done, of how many (an estimate; 0: not known).
Progress: TypeAlias = Callable[[str, int, int], None]


def silent(what: str, done: int, total: int) -> None:
    """For callers who do not watch."""
