"""Small sums over what was measured: no I/O, no clock."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum


class Better(StrEnum):
    """Which way a figure should go."""

    HIGHER = "higher"
    LOWER = "lower"


def median(values: Sequence[float]) -> float:
    """The middle one, or between the two in the middle. Raises `ValueError` for none."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of all do not exceed (nearest rank). Raises `ValueError` for none."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def ratio(figure: float, limit: float) -> float:
    """How far a figure comes towards its limit. Raises `ValueError` for a limit of nothing."""
    if limit <= 0:
        raise ValueError("a limit is more than nothing")
    return figure / limit


def met(reached: float, target: float, better: Better) -> bool:
    """Whether a ratio keeps its target; one that equals it does."""
    return reached >= target if better is Better.HIGHER else reached <= target


def slope(quantities: Sequence[float], times: Sequence[float]) -> float:
    """Of the straight line nearest to the points on log-log paper (least squares): 1 where time grows as the quantity
    does. Raises `ValueError` where fewer than two quantities differ."""
    xs, ys = [math.log(one) for one in quantities], [math.log(one) for one in times]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - mean_x) ** 2 for x in xs)
    if not spread:
        raise ValueError("a slope needs two quantities that differ")
    return sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / spread


def histogram(values: Sequence[float], width: float) -> list[tuple[float, int]]:
    """How many values stand in each bin of `width`: lower edge and count, empty bins left out."""
    counts: dict[int, int] = {}
    for value in values:
        number = math.floor(value / width)
        counts[number] = counts.get(number, 0) + 1
    return [(number * width, counts[number]) for number in sorted(counts)]
