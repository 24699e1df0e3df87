"""Merging and folding on whatever Hypothesis finds: repeated they change nothing, and both sides decide alike."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sync.model.change import ConflictKind, DocumentId, DocumentRows, Entry, Hold, Origin, Row, RowChange
from sync.model.fold import fold, needs, places
from sync.model.lens import difference
from sync.model.mapping import CollectionMapping
from sync.model.merge import merge
from sync.model.notes import NONE, Notes
from sync.model.position import BinlogPosition, StreamPosition
from tests.laws.strategies import COLLECTIONS, Rows, histories

every_collection = pytest.mark.parametrize("collection", COLLECTIONS, ids=[one.name for one in COLLECTIONS])
#: Rows of three columns over few values, so that they meet.
rows = st.none() | st.fixed_dictionaries({name: st.integers(0, 2) for name in ("a", "b", "c")})
wholes = st.booleans()


@st.composite
def changes(draw: st.DrawFn) -> RowChange:
    before, after = draw(rows), draw(rows)
    assume(before != after)
    return RowChange(table="t", key=("k",), before=before, after=after)


def entry(changes: Sequence[RowChange], at: int = 1, origin: Origin = Origin.USER) -> Entry:
    """The changes as one transaction's."""
    return Entry(
        document=DocumentId("c", "k"),
        changes=tuple(changes),
        origin=origin,
        committed_at=at * 1000,
        position=StreamPosition(time=at, increment=1),
    )


def steps(collection: CollectionMapping, states: Sequence[Rows]) -> list[Entry]:
    """What leads from each state to the next."""
    return [entry(difference(collection, *pair), at) for at, pair in enumerate(pairwise(states), 1)]


# Merge.


@given(rows, changes(), wholes)
def test_merging_again_changes_nothing(current: Row | None, change: RowChange, whole: bool) -> None:
    """What was applied is recognised."""
    merged = merge(current, change, whole=whole)
    if not isinstance(merged, Hold):
        assert merge(merged, change, whole=whole) == merged


@given(rows, changes(), wholes)
def test_merging_makes_nothing_up(current: Row | None, change: RowChange, whole: bool) -> None:
    """Each value of the outcome stood there or was written; what the change wrote is in it, the rest is as it stood."""
    merged = merge(current, change, whole=whole)
    if isinstance(merged, Hold):
        return
    if change.after is None or merged is None:
        assert merged is change.after is None
        return
    for column, value in merged.items():
        written = change.before is None or change.before[column] != change.after[column]
        assert value == change.after[column] if written or current is None else value == current[column]


@given(rows, rows, rows, wholes)
def test_both_sides_merge_to_the_same_or_both_hold(
    base: Row | None, mysql: Row | None, mongo: Row | None, whole: bool
) -> None:
    """Two changes of one row that pass each other."""
    here = merge(mongo, RowChange(table="t", key=("k",), before=base, after=mysql), whole=whole)
    there = merge(mysql, RowChange(table="t", key=("k",), before=base, after=mongo), whole=whole)
    # A change that changed nothing is in no log.
    assume(base not in (mysql, mongo))
    assert isinstance(here, Hold) == isinstance(there, Hold)
    if not isinstance(here, Hold):
        assert here == there


@given(rows, changes(), wholes)
def test_the_kind_of_a_hold_tells_what_was_found(current: Row | None, change: RowChange, whole: bool) -> None:
    """One kind for each line of the table."""
    merged = merge(current, change, whole=whole)
    if not isinstance(merged, Hold):
        return
    if change.before is None:
        assert (merged.kind, current is None) == (ConflictKind.INSERT_EXISTS, False)
    elif change.after is None:
        assert (merged.kind, current == change.before) == (ConflictKind.DELETE_DIFFERS, False)
    else:
        wanted = ConflictKind.UPDATE_MISSING if current is None else ConflictKind.UPDATE_DIFFERS
        assert merged.kind is wanted


# Fold.


@every_collection
@given(data=st.data())
def test_a_history_leads_where_it_led(collection: CollectionMapping, data: st.DataObject) -> None:
    """Over the state where it began, all at once."""
    states = data.draw(histories(collection))
    assert fold(collection, states[0], steps(collection, states)) == states[-1]


@every_collection
@given(data=st.data())
def test_a_fold_is_its_changes_one_by_one(collection: CollectionMapping, data: st.DataObject) -> None:
    """Over any state of the document: in one fold, in a fold for each entry, in entries of one change."""
    states = data.draw(histories(collection))
    start = data.draw(st.sampled_from(states))
    entries = steps(collection, states)
    together = fold(collection, start, entries)
    singly = [entry([change], at) for at, one in enumerate(entries) for change in one.changes]
    assert fold(collection, start, singly) == together
    document: DocumentRows | Hold = start
    for one in entries:
        if not isinstance(document, Hold):
            document = fold(collection, document, [one])
    if isinstance(document, Hold):
        return  # between two entries it may have been no document; what cancels out in a batch needs no hold
    assert document == together


@every_collection
@given(data=st.data())
def test_a_fold_that_holds_holds_one_by_one(collection: CollectionMapping, data: st.DataObject) -> None:
    """Putting changes together never finds a conflict that is none."""
    states = data.draw(histories(collection))
    start = data.draw(st.sampled_from(states))
    entries = steps(collection, states)
    if not isinstance(fold(collection, start, entries), Hold):
        return
    document: DocumentRows | Hold = start
    for one in entries:
        if not isinstance(document, Hold):
            document = fold(collection, document, [one])
    assert isinstance(document, Hold)


@every_collection
@given(data=st.data())
def test_folding_one_step_again_changes_nothing(collection: CollectionMapping, data: st.DataObject) -> None:
    """After a crash the same batch may come again."""
    states = data.draw(histories(collection))[:2]
    (step,) = steps(collection, states)
    assert fold(collection, states[1], [step]) == states[1]


@every_collection
@given(data=st.data())
def test_both_sides_fold_to_the_same_or_both_hold(collection: CollectionMapping, data: st.DataObject) -> None:
    """Two edits of one document that pass each other."""
    states = data.draw(histories(collection))
    base, mysql, mongo = states[0], states[1], states[-1]
    (here,), (there,) = steps(collection, [base, mysql]), steps(collection, [base, mongo])
    assume(here.changes)
    assume(there.changes)
    in_mongo, in_mysql = fold(collection, mongo, [here]), fold(collection, mysql, [there])
    assert isinstance(in_mongo, Hold) == isinstance(in_mysql, Hold)
    if not isinstance(in_mongo, Hold):
        assert in_mongo == in_mysql


@every_collection
@given(data=st.data())
def test_an_echo_never_writes(collection: CollectionMapping, data: st.DataObject) -> None:
    """It finds the document as its writer left it, or the document is held as one that has moved away."""
    states = data.draw(histories(collection))
    start = data.draw(st.sampled_from(states))
    (step,) = steps(collection, states[:2])
    found = fold(collection, start, [entry(step.changes, origin=Origin.ECHO)])
    if isinstance(found, Hold):
        assert found.kind is ConflictKind.ECHO_DIFFERS
        assert start != states[1]
    else:
        assert found == start


@every_collection
@given(data=st.data())
def test_what_a_fold_needs_is_all_that_it_uses(collection: CollectionMapping, data: st.DataObject) -> None:
    """Read less than the whole document, and the outcome is the same."""
    states = data.draw(histories(collection))
    start = data.draw(st.sampled_from(states))
    entries = steps(collection, states)
    wanted = needs(collection, entries)
    some = fold(collection, {name: of for name, of in start.items() if name in wanted}, entries)
    every = fold(collection, start, entries)
    if isinstance(every, Hold):
        assert some == every
    else:
        assert some == {name: of for name, of in every.items() if name in wanted}
        assert all(every[name] == start[name] for name in start.keys() - wanted)


@every_collection
@given(data=st.data())
def test_the_places_of_a_list_that_a_fold_needs_are_all_that_it_uses(
    collection: CollectionMapping, data: st.DataObject
) -> None:
    """Read no other rows of it, and the outcome is the same, and the others stay."""
    states = data.draw(histories(collection))
    start = data.draw(st.sampled_from(states))
    entries = steps(collection, states)
    of_lists = places(collection, entries)
    some = {
        name: of if name not in of_lists else {key: row for key, row in of.items() if key[1] in of_lists[name]}
        for name, of in start.items()
    }
    found, every = fold(collection, some, entries, of_lists), fold(collection, start, entries)
    if isinstance(every, Hold):
        assert found == every
    else:
        assert not isinstance(found, Hold)
        for name, of in every.items():
            assert {**start[name], **found[name]} == of if name in of_lists else found[name] == of


# Notes.


@given(st.lists(st.tuples(st.lists(changes(), min_size=1, max_size=3), st.integers(0, 3)), max_size=4))
def test_noting_again_changes_nothing_and_json_keeps_all(made: list[tuple[list[RowChange], int]]) -> None:
    """Also of a transaction that changes a row more than once. Notes come back from JSON; times never fall, though clocks
    do."""
    notes = NONE
    for at, (of_one, clock) in enumerate(made, 1):
        one = Entry(
            document=DocumentId("c", "k"),
            changes=tuple(of_one),
            origin=Origin.USER,
            committed_at=clock,
            position=StreamPosition(time=at, increment=1),
        )
        after = notes.add(one)
        assert after.add(one) == after
        assert all(note.time <= after.places[place].time for place, note in notes.places.items())
        notes = after
    assert Notes.from_json(notes.to_json()) == notes


@given(st.lists(rows, min_size=2, max_size=5))
def test_an_unbroken_chain_keeps_what_its_first_change_found(states: list[Row | None]) -> None:
    """Column by column: the last value, and what stood there before the chain."""
    notes = NONE
    for at, (before, after) in enumerate(pairwise(states), 1):
        if before != after:
            change = RowChange(table="t", key=("k",), before=before, after=after)
            notes = notes.add(entry([change], at))
    for (_, _, column), note in notes.places.items():
        first, last = states[0], states[-1]
        if column:
            assert note.value == (last or {}).get(column)
            assert note.found == (first or {}).get(column)
        else:
            assert (note.value, note.found) == (last is not None, first is not None)


def test_what_a_copy_found_tells_of_no_writer() -> None:
    """Only that somebody wrote it; what an edit leaves afterwards is noted as ever."""
    found = entry([RowChange(table="t", key=("k",), before=None, after={"a": 1})])
    notes = NONE.add(found._replace(copied=True))
    assert (notes.places, notes.unread is not None) == ({}, True)
    edited = notes.add(entry([RowChange(table="t", key=("k",), before={"a": 1}, after={"a": 2})], 2))
    assert [(note.value, note.found) for note in edited.places.values()] == [(2, 1)]


def test_after_a_failover_notes_follow_the_order_of_reading() -> None:
    """Places in the logs of two servers tell nothing about each other."""

    def at(server: str, offset: int, before: int, after: int) -> Entry:
        made = entry([RowChange(table="t", key=("k",), before={"a": before}, after={"a": after})])
        return made._replace(position=BinlogPosition(server=server, file="binlog.000001", offset=offset))

    notes = NONE.add(at("one", 900, 0, 1)).add(at("other", 4, 1, 2))
    (note,) = notes.places.values()
    assert (note.value, note.found) == (2, 0)
    assert notes.add(at("other", 4, 1, 2)) == notes
