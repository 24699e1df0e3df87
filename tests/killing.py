"""A worker that kills itself at a named point: between any two commits of hold, note, look, decide, write and close.

Run as `python -m tests.killing OPERATION WHEN lockstep-arguments...`; the product itself knows nothing of it.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from sync.cli import main
from sync.mongo.transaction import MongoTransaction
from sync.mysql import target as mysql_target
from sync.mysql.conflicts import Conflicts, ConflictTransaction
from sync.mysql.looks import Looks
from sync.mysql.target import MySQLTransaction

#: Operation -> the call by which it is known.
OPERATIONS: dict[str, tuple[type | ModuleType, str]] = {
    "hold": (Conflicts, "open"),
    "note": (Conflicts, "note"),
    "look": (Looks, "begin"),
    "decide": (Looks, "decided"),
    "met": (Looks, "met"),
    "close": (Looks, "settled"),
    "tell": (mysql_target, "tell"),
}
#: Worker -> its operations, and when each may be interrupted: the follower commits MySQL's rows, then MongoDB.
FOLLOWER = tuple(
    (operation, when) for operation in ("hold", "note", "look", "decide") for when in ("before", "between", "after")
)
LISTENER = tuple((operation, when) for operation in ("hold", "note", "met", "close") for when in ("before", "after"))


def arm(operation: str, when: str) -> None:
    """Make this process end by SIGKILL at the point."""
    armed = False
    owner, name = OPERATIONS[operation]
    called = getattr(owner, name)

    def calling(self: Any, *arguments: Any, **named: Any) -> Any:
        nonlocal armed
        result = called(self, *arguments, **named)
        armed = armed or bool(arguments[0])  # a note of nothing is none
        return result

    def dying(commit: Callable[[Any], Any], *, before: bool) -> Callable[[Any], Any]:
        def committing(self: Any) -> Any:
            if armed and before:
                _die()
            result = commit(self)
            if armed and not before:
                _die()
            return result

        return committing

    setattr(owner, name, calling)
    if when == "between":
        owners: tuple[type[Any], ...] = (ConflictTransaction,)
    else:
        owners = (MongoTransaction, MySQLTransaction)
    for transaction in owners:
        transaction.commit = dying(transaction.commit, before=when == "before")


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    arm(sys.argv[1], sys.argv[2])
    sys.argv[1:3] = []
    main()
