"""What MySQL may make of a write by itself, each as a function of the values that stood, those written, and a fresh one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from tests.laws.meeting.shapes import Values

#: Of what stood, what is written, and a value that was never met: what stands then. Never called for an absent document.
Made: TypeAlias = Callable[[Values | None, Values, int], Values]


def derived(stood: Values | None, written: Values, fresh: int) -> Values:
    """The second column is generated from the first."""
    return written[0], written[0] + 1000


def rounded(stood: Values | None, written: Values, fresh: int) -> Values:
    """The first column holds even numbers only."""
    return written[0] - written[0] % 2, written[1]


def defaulted(stood: Values | None, written: Values, fresh: int) -> Values:
    """Where the second is absent, it gets its default."""
    return written[0], 1000 if written[1] is None else written[1]


def stamped(stood: Values | None, written: Values, fresh: int) -> Values:
    """ON UPDATE: a new second value, unless the statement gives one."""
    return written if stood is None or stood[1] != written[1] else (written[0], fresh)


def kept(stood: Values | None, written: Values, fresh: int) -> Values:
    """A trigger keeps the second column as it is."""
    return written if stood is None else (written[0], stood[1])


#: Those that leave alone what they have made, and whose second column alone is theirs.
SETTLED: tuple[Made, ...] = (derived, rounded, defaulted)
