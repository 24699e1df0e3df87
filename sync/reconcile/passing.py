"""Waits until both workers have applied all that stands in the logs now: what was on its way has then arrived, or is held.

Told by the positions in their checkpoints, which an idle worker moves with its heartbeat. Nothing is asked of the workers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sync.errors import CommandRefused
from sync.model.position import Position, comparable, reached
from sync.ports import LogEnd, Target

#: Seconds that a worker is given, and between two readings of its checkpoint.
PATIENCE, PAUSE = 60.0, 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Direction:
    """One worker, seen from outside."""

    worker: str
    #: The end of the log that it reads.
    end: LogEnd
    #: Where its checkpoint stands; only read.
    target: Target
    #: Whether it runs and carries changes by now. The position of one that does not will not move.
    carries: Callable[[], bool]


class Passing:
    """Called once what must be passed has been read."""

    def __init__(self, directions: Sequence[Direction], *, patience: float = PATIENCE) -> None:
        self._directions = directions
        self._patience = patience

    def __call__(self) -> bool:
        """Whether any worker carries changes; those that do have passed the ends of both logs. `CommandRefused` where one
        does not get there in time."""
        ahead = [(one, one.end.end()) for one in self._directions if one.carries()]
        some = bool(ahead)
        deadline = time.monotonic() + self._patience
        while True:
            ahead = [(one, end) for one, end in ahead if not _passed(one, end) and one.carries()]
            if not ahead:
                return some
            if time.monotonic() > deadline:
                late = " and ".join(one.worker for one, _ in ahead)
                raise CommandRefused(
                    f"documents differ that may be on their way: the {late} has not applied what stood in the log"
                    f" {self._patience:.0f} s ago",
                    hint="lockstep status shows how far behind it is; verify again once it has caught up",
                )
            time.sleep(PAUSE)


def _passed(direction: Direction, end: Position) -> bool:
    position = direction.target.checkpoint().position
    return position is not None and comparable(position, end) and reached(position, end)
