"""Unique values on the move: who must be written before whom, where a cycle is broken, and who is truly in the way.

A claim is a value that only one may have, under one unique key or index; both sides make their own (`sync.mysql.unique`,
`sync.mongo.unique`). Claims that might be the same value count as the same: that costs an order, never a wrong write.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from sync.model.change import Blocker, DocumentId

#: Equal where the values may not stand beside each other.
Claim: TypeAlias = Hashable


class Move(NamedTuple):
    """What a row or a document has now, and what it is to have; with the row that has it."""

    holds: Mapping[Claim, Blocker]
    takes: Mapping[Claim, Blocker]


class Step(NamedTuple):
    """One of some moves, by its number; or, before it, that one's parking: it gives up what it holds and takes nothing."""

    at: int
    parks: bool = False
    #: It takes what another one must have given up before.
    follows: bool = False


def arranged(moves: Sequence[Move]) -> tuple[Step, ...]:
    """An order in which each takes only what nobody has any more, those first that wait for no other. A cycle is broken by
    parking one of it."""
    holder = {claim: at for at, move in enumerate(moves) for claim in move.holds if claim not in move.takes}
    waits = [{holder[claim] for claim in move.takes if claim in holder} - {at} for at, move in enumerate(moves)]
    done = {at for at, others in enumerate(waits) if not others}
    steps = [Step(at) for at in sorted(done)]
    parked: set[int] = set()
    todo = [at for at, others in enumerate(waits) if others]
    while todo:
        rest: list[int] = []
        for at in todo:
            if waits[at] <= done | parked:
                steps.append(Step(at, follows=True))
                done.add(at)
            else:
                rest.append(at)
        if len(rest) == len(todo):
            one = _on_a_cycle(rest[0], waits, done | parked)
            steps.append(Step(one, parks=True))
            parked.add(one)
        todo = rest
    return tuple(steps)


def _on_a_cycle(at: int, waits: Sequence[set[int]], free: set[int]) -> int:
    """Each that is left waits for another one that is: following them leads into a cycle."""
    met: set[int] = set()
    while at not in met:
        met.add(at)
        at = min(waits[at] - free)
    return at


def blocked(
    moves: Mapping[DocumentId, Move], outside: Mapping[DocumentId, Sequence[Blocker]]
) -> dict[DocumentId, tuple[Blocker, ...]]:
    """The documents that cannot be written beside the others, with every row that stands in their way.

    `outside`: rows that have what a document is to have, and that none of these moves takes it from. A document that cannot
    be written keeps what it has, which may block others. Of two that are to have the same the first is written.
    """
    found: dict[DocumentId, dict[Blocker, None]] = {one: dict.fromkeys(rows) for one, rows in outside.items() if rows}
    while True:
        more = _by_those_that_stay(moves, found) or _by_the_same_value(moves, found)
        if not more:
            _by_what_is_written(moves, found)
            return {one: tuple(found[one]) for one in moves if one in found}
        for one, rows in more.items():
            found.setdefault(one, {}).update(dict.fromkeys(rows))


def _by_what_is_written(moves: Mapping[DocumentId, Move], found: Mapping[DocumentId, dict[Blocker, None]]) -> None:
    """Those that can be written are in the way of the others, too."""
    written = {claim: row for one, move in moves.items() if one not in found for claim, row in move.takes.items()}
    for one, rows in found.items():
        takes = moves[one].takes if one in moves else ()
        rows.update(dict.fromkeys(written[claim] for claim in takes if claim in written))


def _by_those_that_stay(
    moves: Mapping[DocumentId, Move], found: Mapping[DocumentId, Mapping[Blocker, None]]
) -> dict[DocumentId, list[Blocker]]:
    """What those that cannot be written have, where somebody is to take it and that was not known yet."""
    standing = {claim: row for one in found if one in moves for claim, row in moves[one].holds.items()}
    more: dict[DocumentId, list[Blocker]] = {}
    for one, move in moves.items():
        rows = [standing[claim] for claim in move.takes if claim in standing and claim not in move.holds]
        new = [row for row in rows if row.document != one and row not in found.get(one, ())]
        if new:
            more[one] = new
    return more


def _by_the_same_value(
    moves: Mapping[DocumentId, Move], found: Mapping[DocumentId, Mapping[Blocker, None]]
) -> dict[DocumentId, list[Blocker]]:
    """The first of them that is to have what one has and keeps, or one before it is to have."""
    left = {one: move for one, move in moves.items() if one not in found}
    taken = {
        claim: row for move in left.values() for claim, row in move.takes.items() if claim in move.holds
    }  # these stand already
    for one, move in left.items():
        new = {claim: row for claim, row in move.takes.items() if claim not in move.holds}
        rows = [taken[claim] for claim in new if claim in taken]
        if rows:
            return {one: rows}
        taken.update(new)
    return {}


def groups(moves: Mapping[DocumentId, Move]) -> list[list[DocumentId]]:
    """The documents that must be written together, for one is to have what another gives up; in the order given."""
    holder: dict[Claim, DocumentId] = {}
    for one, move in moves.items():
        for claim in move.holds:
            holder.setdefault(claim, one)
    group = {one: [one] for one in moves}
    for one, move in moves.items():
        for claim in move.takes:
            other = holder.get(claim, one)
            if group[other] is not group[one]:
                _join(group, one, other)
    order = {one: at for at, one in enumerate(moves)}
    distinct = {id(of): of for of in group.values()}.values()
    return sorted((sorted(of, key=order.__getitem__) for of in distinct), key=lambda of: order[of[0]])


def _join(group: dict[DocumentId, list[DocumentId]], one: DocumentId, other: DocumentId) -> None:
    small, large = sorted((group[one], group[other]), key=len)
    large += small
    for member in small:
        group[member] = large


def alike(text: str) -> str:
    """The same for all texts that a collation may take for equal: without case, accents and spaces at the end."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in plain if not unicodedata.combining(sign)).casefold().rstrip()
