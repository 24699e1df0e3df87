"""How often Python looks for cycles of objects: seldom, while rows pass by in masses that hold none."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: For `gc.set_threshold`. A batch is tens of thousands of objects, and by default Python looks through them again and again:
#: a fifth of a busy worker's time, a third of a copy's.
_CYCLES = (100_000, 20, 20)


@contextmanager
def seldom_looked_for() -> Iterator[None]:
    """Within the block."""
    before = gc.get_threshold()
    gc.set_threshold(*_CYCLES)
    try:
        yield
    finally:
        gc.set_threshold(*before)
