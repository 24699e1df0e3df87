"""How far apart the clocks of both servers are, asked of both whenever times decide."""

from __future__ import annotations

import time

from sync.model.clocks import Clocks, compared
from sync.ports import Clock

#: Seconds for which an answer counts: clocks drift, and are set.
FRESH = 10.0
#: How often each is asked; the quickest answer counts.
TIMES = 4


class ServerClocks:
    """Used by the applying thread only."""

    def __init__(self, mysql: Clock, mongo: Clock) -> None:
        self._mysql = mysql
        self._mongo = mongo
        self._asked_at = 0.0
        #: As last compared; None before the first time.
        self.last: Clocks | None = None

    def now(self) -> Clocks:
        """As far as is known within the last seconds."""
        if self.last is None or time.monotonic() > self._asked_at + FRESH:
            self.last = compared(
                [self._mysql.clock() for _ in range(TIMES)], [self._mongo.clock() for _ in range(TIMES)]
            )
            self._asked_at = time.monotonic()
        return self.last
