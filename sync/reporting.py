"""What a worker says of itself beside its state; `lockstep status` and the pages show it."""

from __future__ import annotations

import time

from sync.errors import ServerAway
from sync.holder import this_process
from sync.lease import Lease
from sync.model.clocks import Clocks
from sync.model.position import Position, reached
from sync.pipeline import Counters
from sync.ports import LogEnd


class Details:
    """Over a worker's whole life, whichever session it is in."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._started = time.monotonic()
        self._rate = _Rate()

    def told(self, lease: Lease | None, end: LogEnd, clocks: Clocks | None, last_error: str) -> dict[str, object]:
        """`end` is that of the source's log; `clocks` how they were last found to differ."""
        done = self._counters
        position = lease.checkpoint.position if lease else None
        seconds = max(time.monotonic() - self._started, 0.001)
        here = this_process("")
        return {
            "process": f"{here['pid']} on {here['host']}",
            "position": position.to_json() if position else None,
            "lag_seconds": self._lag(lease, position, end) if lease and position else None,
            "rows": done.rows,
            "documents": done.documents,
            "held": done.held,
            "noted": done.noted,
            "echoes_checked": done.echoes_checked,
            "retries": done.retries,
            "update_disjoint": done.update_disjoint,
            "delete_missing": done.delete_missing,
            "rows_per_second": round(self._rate.of(done.rows), 1),
            "uptime_seconds": round(seconds, 1),
            "last_error": last_error,
            "clocks": _milliseconds(clocks) if clocks else None,
        }

    def _lag(self, lease: Lease, position: Position, log: LogEnd) -> float | None:
        """Seconds since the commit of the newest change applied, 0 where the log has no more; None if it cannot be told."""
        try:
            end = log.end()
        except ServerAway:
            return None
        if reached(lease.idle().position or position, end):
            return 0.0
        newest = self._counters.committed_at
        return round(max(0.0, time.time() - newest / 1e6), 3) if newest else None


def _milliseconds(clocks: Clocks) -> dict[str, float]:
    """How far MySQL's clock is ahead of MongoDB's."""
    return {"mysql_ahead_ms": clocks.ahead / 1000, "error_ms": clocks.error / 1000}


class _Rate:
    """Per second, over the time since it was last asked."""

    def __init__(self) -> None:
        self._at, self._count = time.monotonic(), 0

    def of(self, count: int) -> float:
        now = time.monotonic()
        rate = (count - self._count) / max(now - self._at, 0.001)
        self._at, self._count = now, count
        return rate
