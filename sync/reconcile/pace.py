"""Not faster than so many documents a second: who compares or repairs leaves the databases to those who work there."""

from __future__ import annotations

import time


class Pace:
    """Told of work after it was done, it waits as long as that should have taken."""

    def __init__(self, rate: int | None = None) -> None:
        """`rate`: documents a second; None: as fast as can be."""
        self._rate = rate
        self._free_at = 0.0

    def after(self, documents: int) -> None:
        """So many were done. Time in which less was done than might have been is not made up for."""
        if self._rate is None:
            return
        now = time.monotonic()
        self._free_at = max(self._free_at, now) + documents / self._rate
        time.sleep(self._free_at - now)

    def few(self, documents: int) -> int:
        """As many of so many as are done in about a second."""
        return documents if self._rate is None else max(1, min(documents, self._rate))
