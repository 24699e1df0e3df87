"""Spans of time as operators type them (10m, 2h, 3d) and as they are shown."""

from __future__ import annotations

import re

import click

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_TYPED = re.compile("([0-9]{1,9})([smhd])")
#: A hundred years: far within what the server's dates hold.
_LONGEST = 36_500 * _SECONDS["d"]


class Duration(click.ParamType[int]):
    """Seconds of a number and its unit."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """As click asks; its error names the option."""
        found = _TYPED.fullmatch(str(value))
        seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
        if not 0 < seconds <= _LONGEST:
            self.fail(
                f"{value!r} is no span of time; allowed: a whole number from 1 on and s, m, h or d, for example 10m, 2h"
                " or 3d (36500d at most).",
                param,
                ctx,
            )
        return seconds


def span(seconds: float) -> str:
    """In the largest unit of which it is one or more."""
    for unit, length in reversed(_SECONDS.items()):
        if seconds >= length:
            return f"{seconds // length:.0f}{unit}"
    return "0s"
