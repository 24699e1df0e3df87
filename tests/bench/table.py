"""Results as a table: for a terminal, and for the README. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

HEAD = ("what", "server", "figure", "limit", "ratio", "target", "met")


def lines(results: Iterable[Mapping[str, Any]]) -> list[str]:
    """Columns of equal width, a header first."""
    rows = [HEAD, *(cells(one) for one in results)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(HEAD))]
    return ["  ".join(_aligned(row, widths)).rstrip() for row in rows]


def markdown(results: Iterable[Mapping[str, Any]]) -> list[str]:
    """As in the README."""
    rows = [" | ".join(cells(one)) for one in results]
    head, rule = " | ".join(HEAD), "|".join(["---", "---", *["--:"] * (len(HEAD) - 2)])
    return [f"| {head} |", f"|{rule}|", *(f"| {row} |" for row in rows)]


def cells(result: Mapping[str, Any]) -> tuple[str, ...]:
    """One line."""
    sign = "≥" if result["better"] == "higher" else "≤"
    return (
        str(result["name"]),
        str(result["server"]),
        f"{number(result['figure'])} {result['unit']}".strip(),
        f"{number(result['limit'])} {result['unit']}".strip(),
        f"{result['ratio']:.2f}",
        f"{sign} {result['target']:.2f}",
        "yes" if result["met"] else "no",
    )


def number(value: float) -> str:
    """Three digits that matter, thousands apart."""
    if abs(value) >= 1000:
        digits = len(str(int(abs(value)))) - 3
        return f"{round(value, -digits):,.0f}"
    return f"{value:.3g}"


def _aligned(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [
        cell.ljust(width) if place < 2 else cell.rjust(width)
        for place, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
