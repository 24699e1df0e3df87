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


SERVERS = {"mysql": "MySQL", "mariadb": "MariaDB"}
#: What stands around the README's table.
BEGIN, END = "<!-- begin of the bench's table -->", "<!-- end of the bench's table -->"
NOTHING = "*Nothing was measured yet.*"


def markdown(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """As in the README: a line for each thing that was measured, the servers beside each other, and what it was measured on."""
    if not results:
        return [NOTHING]
    lines = [f"| what | reach | {' | '.join(SERVERS.values())} |", "|---|--:|--:|--:|"]
    for name in dict.fromkeys(str(one["name"]) for one in results):
        of_name = {str(one["server"]): one for one in results if one["name"] == name}
        target = cells(next(iter(of_name.values())))[5]
        reached = [_reached(of_name[server]) if server in of_name else "" for server in SERVERS]
        lines.append(f"| {name} | {target} | {' | '.join(reached)} |")
    on: dict[str, dict[str, None]] = {}  # name -> values: more than one where rows were measured apart
    for one in results:
        for name, value in one["on"].items():
            on.setdefault(name, {})[value] = None
    told = "; ".join(f"{name} {' and '.join(values)}" for name, values in on.items())
    return [*lines, "", f"Measured on: {told}."]


def placed(text: str, lines: Sequence[str]) -> str:
    """The README with this table. Raises `ValueError` where it has no place for it."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"no place for the table: {BEGIN} … {END}")
    return "".join((before, begin, "\n", *(f"{line}\n" for line in lines), end, after))


def _reached(result: Mapping[str, Any]) -> str:
    text = f"{number(result['figure'])} / {number(result['limit'])} {result['unit']}".strip()
    return f"{text} = **{_ratio(result)}**{'' if result['met'] else ' (missed)'}"


def _ratio(result: Mapping[str, Any]) -> str:
    """With as many digits as it takes to see that it misses its target."""
    text = f"{result['ratio']:.2f}"
    return text if result["met"] or text != f"{result['target']:.2f}" else f"{result['ratio']:.4f}"


def cells(result: Mapping[str, Any]) -> tuple[str, ...]:
    """One line."""
    sign = "≥" if result["better"] == "higher" else "≤"
    return (
        str(result["name"]),
        str(result["server"]),
        f"{number(result['figure'])} {result['unit']}".strip(),
        f"{number(result['limit'])} {result['unit']}".strip(),
        _ratio(result),
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
