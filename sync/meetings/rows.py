"""Conflict rows apart from a target's transaction: what must be done in them is tried again where others keep them locked."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from sync.conflict_ports import ConflictDatabase, ConflictStore
from sync.errors import Contention

#: How often conflict rows are tried for that another transaction keeps locked.
ATTEMPTS = 6

_Result = TypeVar("_Result")


def in_rows(conflicts: ConflictDatabase, do: Callable[[ConflictStore], _Result]) -> _Result:
    """In a transaction of its own, for at most a second or two; then raises `Contention`."""
    for attempt in range(ATTEMPTS):
        transaction = conflicts.begin()
        try:
            result = do(transaction)
            transaction.commit()
        except Contention:
            transaction.rollback()
            if attempt == ATTEMPTS - 1:
                raise
        except BaseException:
            transaction.rollback()
            raise
        else:
            return result
        time.sleep(random.uniform(0.01, 0.05) * 2**attempt)
    raise AssertionError("the last attempt returns or raises")
