"""How a worker's process takes memory from the system: all its threads from one heap."""

from __future__ import annotations

import ctypes

#: glibc, malloc.h.
_M_ARENA_MAX = -8


def one_for_all_threads() -> None:
    """Before threads start; later it has no effect. By default glibc gives threads heaps of their own, and what one reads and
    another lets go stays with the reader's: about 20 MB of the listener, for nothing, since Python's threads take turns.
    Other C libraries do not have this setting, and nothing is done."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)
