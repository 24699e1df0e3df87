"""Rule 3 of the meeting (design 2.4): what becomes of a document that both sides edited, and what each step obeys.

Everything here can be called with plain values. `sync.meetings` and the two targets carry out what is returned. Who wins is
found in `deciding`.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

from sync.model.change import DocumentRows, RowKey, Side
from sync.model.choice import NO_CHOICE, Choice
from sync.model.deciding import Deciding
from sync.model.lens import empty_rows
from sync.model.mapping import CollectionMapping
from sync.model.notes import Notes
from sync.model.order import by_rank, by_rank_beside
from sync.model.outcome import Looked, Loser, Outcome
from sync.model.policies import Rule


def decide(
    collection: CollectionMapping,
    rule: Rule,
    looked: Looked,
    notes: Mapping[Side, Notes],
    choice: Choice = NO_CHOICE,
) -> Outcome:
    """The outcome of a look by what users' changes were noted, and by what people say to it.

    `looked` must be a document or absent on each side (`sync.model.fold.broken` says no), or unreadable on the side that a
    person did not choose: what stood there is then the loser, as text.
    """
    outcome = Deciding(collection, rule, looked, notes, choice).run()
    if not looked.unreadable:
        return outcome
    chosen = choice.side
    assert chosen is not None
    key = next(iter(looked.of(chosen)[collection.table]), ())
    text, of_side = looked.unreadable[chosen.other], notes[chosen.other]
    time = max((note.time for note in of_side.places.values()), default=0)
    loser = Loser(
        place=(collection.table, key, ""),
        value=text,
        side=chosen.other,
        time=of_side.unread.time if of_side.unread else time,
    )
    return Outcome(rows=outcome.rows, losers=(loser,))


def as_looked(
    collection: CollectionMapping,
    mysql: DocumentRows | None,
    mongo: DocumentRows | None,
    unreadable: Mapping[Side, str],
) -> Looked:
    """Both sides as a look compares them. None: what stands there cannot be expressed in rows; `unreadable` has it."""
    absent = empty_rows(collection)
    return Looked(
        mysql=absent if mysql is None else ranked(collection, mysql),
        mongo=absent if mongo is None else mongo,
        gaps=frozenset() if mysql is None else gaps(collection, mysql),
        unreadable=unreadable,
    )


def ranked(collection: CollectionMapping, rows: DocumentRows) -> DocumentRows:
    """The rows with each list's positions counted by rank: 0, 1, 2 …, so that a gap can be closed."""
    made = {table: by_rank(of) if table in collection.lists else of for table, of in rows.items()}
    for table, position in collection.positions.items():
        if table in made:
            made[table] = by_rank_beside(made[table], position)
    return made


def gaps(collection: CollectionMapping, rows: DocumentRows) -> frozenset[tuple[str, RowKey]]:
    """Lists whose positions are not 0, 1, 2 …: table, and key of the row above."""
    counted = ranked(collection, rows)
    return frozenset(
        (table, key[:-1]) for table in collection.lists for key in rows[table].keys() ^ counted[table].keys()
    )


# The steps of a look. Its id stands in the conflict row until a newer note, or a new follower, takes it away.


def look_after_note(look: int | None, *, mark_passed: bool) -> int | None:
    """The look of a conflict row once a change was noted: cleared if the worker had passed the look's mark in its log,
    for the change is newer than what was looked at; kept if the mark is still to come."""
    return None if mark_passed else look


class Answer(enum.Enum):
    """What the listener does about a document whose outcome stands in MongoDB."""

    #: Give MySQL the outcome and close the conflict.
    WRITE = enum.auto()
    #: MySQL has moved on: clear the look, keep its losers.
    MOVED = enum.auto()
    #: The look was cleared meanwhile: only keep its losers, for MongoDB's value is gone.
    KEEP = enum.auto()


def on_written(look: int | None, written: int, looked_at: DocumentRows | None, now: DocumentRows | None) -> Answer:
    """At the second mark, of look `written`: `look` stands in the conflict row, `now` in MySQL. None: rows that cannot be
    carried, which only a person's decision for the other side replaces."""
    if look != written:
        return Answer.KEEP
    return Answer.WRITE if now == looked_at else Answer.MOVED
