"""Puts two versions of a list together that were made of the same one. Elements are whole values without identity."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import TypeVar

_E = TypeVar("_E")


def together(
    base: Sequence[_E], mysql: Sequence[_E], mongo: Sequence[_E], *, both: bool, mysql_first: bool
) -> list[_E] | None:
    """What stands where only one side changed something, and that change where only one did. None: both changed the same
    place. With `both`, what both put into one place is kept, MySQL's first or last; then two equal elements are two."""
    merged: list[_E] = []
    for found, mine, theirs in _pieces(base, mysql, mongo):
        if mine == found:
            merged += theirs
        elif theirs == found or (mine == theirs and not (both and mine)):
            merged += mine
        elif both and not found:
            merged += [*mine, *theirs] if mysql_first else [*theirs, *mine]
        else:
            return None
    return merged


def _pieces(
    base: Sequence[_E], mysql: Sequence[_E], mongo: Sequence[_E]
) -> Iterator[tuple[list[_E], list[_E], list[_E]]]:
    """The three versions, cut behind each element that stands in all."""
    here, there = _places(base, mysql), _places(base, mongo)
    at = (0, 0, 0)
    for place in range(len(base)):
        if place in here and place in there:
            yield list(base[at[0] : place]), list(mysql[at[1] : here[place]]), list(mongo[at[2] : there[place]])
            yield [base[place]], [base[place]], [base[place]]
            at = (place + 1, here[place] + 1, there[place] + 1)
    yield list(base[at[0] :]), list(mysql[at[1] :]), list(mongo[at[2] :])


def _places(base: Sequence[_E], version: Sequence[_E]) -> dict[int, int]:
    """Where elements of `base` stand in a version, in order."""
    blocks = SequenceMatcher(None, base, version, autojunk=False).get_matching_blocks()
    return {one + step: other + step for one, other, size in blocks for step in range(size)}
