"""Unique values on the move, tried on every small exchange: no step takes what somebody has, and all end as they are to be."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from sync.model.change import Blocker, DocumentId
from sync.model.unique import Move, Step, alike, arranged, blocked, groups

FEW = st.integers(0, 5)


def row(name: object) -> Blocker:
    return Blocker(DocumentId("c", str(name)), "t", (str(name),), "u")


def move(name: object, holds: set[int], takes: set[int]) -> Move:
    return Move(holds={claim: row(name) for claim in holds}, takes={claim: row(name) for claim in takes})


@st.composite
def exchanges(draw: st.DrawFn) -> list[Move]:
    """Moves of some that hold distinct values to distinct values: what always can be carried out."""
    before, after = draw(st.permutations(range(8))), draw(st.permutations(range(8)))
    sizes = draw(st.lists(st.integers(0, 2), max_size=4))
    moves, at = [], 0
    for name, size in enumerate(sizes):
        own = slice(at, at + size)
        moves.append(move(name, set(before[own]), set(after[own])))
        at += size
    return moves


def carried_out(moves: list[Move], steps: tuple[Step, ...]) -> list[set[object]]:
    """What each has at the end; fails where one takes what another one has."""
    has = [set(one.holds) for one in moves]
    for step in steps:
        others = set[object]().union(*(of for at, of in enumerate(has) if at != step.at))
        has[step.at] = set() if step.parks else set(moves[step.at].takes)
        assert not has[step.at] & others
    return has


@given(exchanges())
def test_an_order_in_which_nobody_takes_what_another_has(moves: list[Move]) -> None:
    """Whatever is exchanged, in chains or in circles."""
    steps = arranged(moves)
    assert carried_out(moves, steps) == [set(one.takes) for one in moves]
    assert sorted(step.at for step in steps if not step.parks) == list(range(len(moves)))


def test_a_chain_is_only_ordered() -> None:
    """Nobody is parked; those that wait for no other come first."""
    moves = [move("a", {1}, {2}), move("b", {2}, {3}), move("c", {3}, {4})]
    assert arranged(moves) == (Step(2), Step(1, follows=True), Step(0, follows=True))


def test_of_a_circle_one_is_parked() -> None:
    """Also where others wait for the circle."""
    circle = [move("z", {9}, {7}), move("a", {1, 7}, {2}), move("b", {2}, {1})]
    assert [step.parks for step in arranged(circle)].count(True) == 1
    assert carried_out(circle, arranged(circle)) == [{7}, {2}, {1}]


@given(st.lists(st.tuples(FEW, FEW), max_size=6), st.sets(FEW))
def test_what_is_blocked_and_only_that(pairs: list[tuple[int, int]], stand: set[int]) -> None:
    """Those that are left can be carried out beside all that stands; each that is not has somebody in its way."""
    moves: dict[DocumentId, Move] = {}
    held: set[int] = set()
    for name, (has, wants) in enumerate(pairs):
        if has not in held | stand:
            held.add(has)
            moves[DocumentId("c", str(name))] = move(name, {has}, {wants})
    outside = {one: [row(f"out{claim}") for claim in of.takes if claim in stand] for one, of in moves.items()}
    found = blocked(moves, outside)
    left = [of for one, of in moves.items() if one not in found]
    standing: set[object] = {*stand, *(claim for one in found for claim in moves[one].holds)}
    for claims in carried_out(left, arranged(left)):
        assert not claims & standing
    for one, rows in found.items():
        assert rows
        taking = set(moves[one].takes)
        others = standing | {claim for other in left for claim in other.takes}
        assert taking & others, "held for nothing"


def test_every_row_in_the_way_is_named() -> None:
    """Those outside, and those of documents that cannot be written themselves."""
    a, b = DocumentId("c", "a"), DocumentId("c", "b")
    moves = {a: move("a", {1}, {2}), b: move("b", {3}, {1, 4})}
    assert blocked(moves, {a: [row("x")], b: [row("y")]}) == {a: (row("x"),), b: (row("y"), row("a"))}


def test_who_has_it_and_keeps_it_is_in_the_way() -> None:
    """Whatever the order."""
    a, b = DocumentId("c", "a"), DocumentId("c", "b")
    moves: Mapping[DocumentId, Move] = {a: move("a", {1}, {2}), b: move("b", {2, 3}, {2, 4})}
    assert blocked(moves, {}) == {a: (row("b"),)}


def test_those_that_exchange_values_go_together() -> None:
    """And nobody else with them."""
    names = [DocumentId("c", name) for name in "abcd"]
    a, b, c, d = names
    moves = {a: move("a", {1}, {2}), b: move("b", {9}, {8}), c: move("c", {3}, {1}), d: move("d", set(), {3})}
    assert groups(moves) == [[a, c, d], [b]]


def test_texts_that_a_collation_may_take_for_one() -> None:
    """Case, accents and spaces at the end count for nothing."""
    assert alike("Zoë ") == alike("ZOE")
    assert alike("zoe") != alike("zoo")
