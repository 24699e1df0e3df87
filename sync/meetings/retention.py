"""Closed conflict rows are kept for as long as the mapping says, then deleted, a few at a time."""

from __future__ import annotations

from sync.conflict_ports import ConflictDatabase, ConflictStore
from sync.errors import Contention
from sync.meetings.rows import in_rows
from sync.model.mapping import SyncMapping

#: Closed rows deleted at once, and the seconds until more are: later, or soon where there may be more.
PRUNED, PRUNE, PRUNE_ON = 500, 60.0, 1.0


class Retention:
    """Called by the follower between two batches: nobody else may delete."""

    def __init__(self, mapping: SyncMapping, conflicts: ConflictDatabase) -> None:
        self._keep = {"converged": mapping.keep_converged_days, "settled": mapping.keep_settled_days}
        self._conflicts = conflicts
        self._due_at = 0.0

    def step(self, now: float) -> None:
        """Delete some, where it is time. `now` is of a monotonic clock, in seconds."""
        if now >= self._due_at:
            self._due_at = now + (PRUNE_ON if self._prune() == PRUNED else PRUNE)

    def _prune(self) -> int:
        """Those by which nobody lost first. Returns how many: none where others keep them locked, for that can wait."""
        try:
            return in_rows(self._conflicts, self._oldest)
        except Contention:
            return 0

    def _oldest(self, rows: ConflictStore) -> int:
        gone = 0
        for state, days in self._keep.items():
            gone += rows.looks.prune(state, days, PRUNED - gone)
        return gone
