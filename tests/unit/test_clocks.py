"""How far apart two clocks are, by what they said."""

from __future__ import annotations

from sync.model.change import Side
from sync.model.clocks import ClockReading, Clocks, compared


def reading(ahead: int, *, asked: int = 0, took: int = 200, step: int = 1) -> ClockReading:
    """A server that is so far ahead and spoke in the middle."""
    said = asked + took // 2 + ahead
    return ClockReading(asked=asked, answered=asked + took, said=said - said % step, step=step)


def test_the_quickest_answers_count() -> None:
    """And the difference is theirs, give or take half of what both took."""
    slow = ClockReading(asked=0, answered=80_000, said=0)
    found = compared([slow, reading(5_000_000, asked=100)], [slow, reading(0, asked=900)])
    assert found.ahead == 5_000_000
    assert 200 <= found.error <= 204


def test_coarse_answers_are_taken_in_their_middle() -> None:
    """MongoDB tells whole milliseconds: half of one either way."""
    for asked in range(0, 3000, 170):
        found = compared([reading(0, asked=asked)], [reading(0, asked=asked + 50, step=1000)])
        assert abs(found.ahead) <= found.error <= 800


def test_times_are_put_on_one_clock() -> None:
    """MySQL's are moved, and only where the difference is one that can be told."""
    apart = Clocks(ahead=7_000, error=900)
    assert [apart.corrected(10_000, side) for side in (Side.MYSQL, Side.MONGO)] == [3_000, 10_000]
    assert Clocks(ahead=-7_000, error=900).corrected(10_000, Side.MYSQL) == 17_000
    assert Clocks(ahead=700, error=900).corrected(10_000, Side.MYSQL) == 10_000
