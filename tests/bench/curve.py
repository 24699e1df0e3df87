"""How far a worker has come, over time: samples of (seconds, rows), and the rate that they tell. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

#: Moments (seconds) in order, each with the rows applied by then; the last one has all.
Curve: TypeAlias = Sequence[tuple[float, int]]


def began(curve: Curve) -> float:
    """When the first batch was seen to be committed."""
    return next(moment for moment, rows in curve if rows)


def ended(curve: Curve) -> float:
    """When everything was there."""
    total = curve[-1][1]
    return next(moment for moment, rows in curve if rows == total)


def rate(curve: Curve, start: float | None = None, end: float | None = None) -> float:
    """Rows per second from the sample that saw the first batch to the one that saw the last row: what was there at the
    first is not counted, so neither start-up nor the first batch's gathering is. `start` and `end` narrow it."""
    start = max(began(curve), began(curve) if start is None else start)
    end = min(ended(curve), ended(curve) if end is None else end)
    window = [(moment, rows) for moment, rows in curve if start <= moment <= end]
    if len(window) < 2 or window[-1][1] == window[0][1]:
        raise ValueError("too few samples: measure more rows")
    (first, before), (last, after) = window[0], window[-1]
    return (after - before) / (last - first)
