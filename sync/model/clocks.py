"""How far apart the clocks of both servers are, and how well that is known. Pure: it is given what the clocks said."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sync.model.change import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockReading:
    """A server's clock, asked once. Microseconds."""

    #: On the asker's own clock.
    asked: int
    answered: int
    #: What the server said, and in which steps it tells the time.
    said: int
    step: int = 1

    @property
    def ahead(self) -> int:
        """Of the asker's clock, give or take `error`."""
        return self.said + self.step // 2 - (self.asked + self.answered) // 2

    @property
    def error(self) -> int:
        """It spoke at some moment between asking and answering."""
        return (self.answered - self.asked + self.step) // 2 + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """How far MySQL's clock is ahead of MongoDB's, give or take `error`. Microseconds."""

    ahead: int = 0
    error: int = 0

    def corrected(self, time: int, side: Side) -> int:
        """A time of one side's log on MongoDB's clock. Where the clocks are as near as can be told, times stand."""
        return time - self.ahead if side is Side.MYSQL and abs(self.ahead) > self.error else time


def compared(mysql: Iterable[ClockReading], mongo: Iterable[ClockReading]) -> Clocks:
    """By the best reading of each, made with the same clock."""
    here, there = (min(of, key=lambda one: one.error) for of in (mysql, mongo))
    return Clocks(ahead=here.ahead - there.ahead, error=here.error + there.error)
