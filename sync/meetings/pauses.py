"""When a held document may be looked at again: soon after its look was cleared, later where it waits for something."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

#: Seconds before the next look at a document whose look was cleared: doubling from the first to the last.
FIRST, LAST = 0.01, 0.25
#: The same where a look came to something that must wait; the closing of another document cuts it to the first.
FIRST_WAIT, LAST_WAIT = 1.0, 60.0
#: Documents that are edited while a person is asked about them are looked at together, in steps of so many seconds.
ASKED = 2.0
_NEVER = float("inf")


@dataclass(slots=True)
class _Pause:
    since: float
    seconds: float
    waiting: bool
    #: It is over: kept only so that the next one is longer.
    used: bool = False
    asked: bool = False

    @property
    def until(self) -> float:
        return self.since + self.seconds


class Pauses:
    """By conflict row. Times are seconds of a monotonic clock that the caller reads."""

    def __init__(self) -> None:
        self._pauses: dict[int, _Pause] = {}

    def __len__(self) -> int:
        return len(self._pauses)

    def cleared(self, conflict: int, now: float) -> None:
        """Its look was cleared, or what was looked at has moved."""
        self._longer(conflict, now, FIRST, LAST, waiting=False)

    def waits(self, conflict: int, now: float) -> None:
        """It cannot be settled for now."""
        self._longer(conflict, now, FIRST_WAIT, LAST_WAIT, waiting=True)

    def over(self, conflict: int, now: float, *, waiting: bool) -> bool:
        """Whether it may be looked at, and then it is. A row that was `waiting` and is so no more was noted anew: at once."""
        pause = self._pauses.get(conflict)
        if waiting:
            if pause is None or not pause.waiting:  # as the listener, or a predecessor, left it
                self.waits(conflict, now)
                return False
            if now < pause.until:
                return False
            self.waits(conflict, now)  # nobody says when that look has failed, too
            return True
        if pause is None or pause.used:
            return True
        pause.used = now >= pause.until or pause.waiting
        return pause.used

    def asked(self, conflict: int, now: float) -> bool:
        """Whether a document may be looked at that was noted anew while a person is asked about it, and then it is. What
        is not in question there may come a little later: each look would end with the same question, and there may be
        thousands of such documents."""
        pause = self._pauses.get(conflict)
        if pause is None or pause.used or not pause.asked:
            self._pauses[conflict] = _Pause(now, 2 * ASKED - now % ASKED, waiting=True, asked=True)
            return False
        pause.used = now >= pause.until
        return pause.used

    def something_closed(self) -> None:
        """Those that wait may have waited for that."""
        for one in self._pauses.values():
            if one.waiting and not one.asked:
                one.seconds = FIRST_WAIT

    def moved(self, conflict: int) -> None:
        """What was in its way has been changed: at once."""
        pause = self._pauses.get(conflict)
        if pause is not None and pause.waiting:
            pause.seconds = 0.0

    def next_due(self) -> float:
        """When the first pause ends; infinity where there is none."""
        return min((one.until for one in self._pauses.values() if not one.used), default=_NEVER)

    def keep_only(self, conflicts: Collection[int]) -> None:
        """Forget all others: they were closed."""
        self._pauses = {number: one for number, one in self._pauses.items() if number in conflicts}

    def _longer(self, conflict: int, now: float, first: float, last: float, *, waiting: bool) -> None:
        before = self._pauses.get(conflict)
        seconds = min(last, before.seconds * 2) if before and before.waiting == waiting else first
        self._pauses[conflict] = _Pause(now, seconds, waiting)
