"""How a worker's process takes memory from the system: all its threads from one heap."""

from __future__ import annotations

import ctypes

#: glibc, malloc.h.
_M_ARENA_MAX = -8


def one_for_all_threads() -> None:
    """Before threads start. By default glibc gives each its own heap, and what one thread reads and another lets go stays with
    the reader's: 20 MB of a worker, for nothing, since Python's threads take turns. Other C libraries have no such heaps."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)
