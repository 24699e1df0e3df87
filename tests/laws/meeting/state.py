"""A moment of the search: both databases, both logs, both workers and the conflict row. Values only.

What a state holds is either small or one object for each value (`Document`, `Log`, `Noted`), so that hashing it is quick.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from sync.model.change import Entry, Side
from sync.model.choice import Head
from sync.model.notes import Note, Notes, Place
from tests.laws.meeting.shapes import Document


class Logged(Entry):
    """An entry with the versions of the document before and after it. Compared by identity: a log makes each once."""

    found: Document
    left: Document

    __eq__ = object.__eq__
    __ne__ = object.__ne__
    __hash__ = object.__hash__

    @classmethod
    def between(cls, found: Document, left: Document, entry: Entry) -> Logged:
        made = cls(*entry)
        made.found, made.left = found, left
        return made


@dataclass(frozen=True, slots=True, eq=False)
class Log:
    """One database's log. Positions are counts: n is the place behind the first n entries."""

    side: Side
    entries: tuple[Logged, ...] = ()
    #: How many entries are users'.
    users: int = 0
    #: Position of the last echo, 0 for none.
    last_echo: int = 0

    def __len__(self) -> int:
        return len(self.entries)


@dataclass(frozen=True, slots=True, eq=False)
class Noted:
    """The notes of one side; one object for each value."""

    notes: Notes

    def __repr__(self) -> str:
        return str({place[2] or place[0]: _plain(note) for place, note in self.notes.places.items()})


def _plain(note: Note) -> tuple[object, ...]:
    return (note.value, note.time, note.found)


#: A value that the outcome left out.
Lost: TypeAlias = tuple[Place, object]


class Look(NamedTuple):
    """What a look has put into the conflict row, and its mark's place in each log."""

    id: int
    mysql: Document
    mongo: Document
    binlog_mark: int
    #: None until the follower has committed the mark.
    stream_mark: int | None = None
    #: End of the binlog at the listener's commit behind the mark; None until then.
    met: int | None = None


class Decision(NamedTuple):
    """The outcome in the conflict row, with the losers that are recorded for good at the second mark."""

    look: int
    outcome: Document
    losers: frozenset[Lost]
    #: What is left to a person, and what MongoDB holds meanwhile.
    questions: frozenset[Head] = frozenset()
    apart: Document | None = None
    #: MySQL's version that it was made of; kept only for lists.
    mysql: Document | None = None


class Said(NamedTuple):
    """A person's decision of one unit, and the versions that they were shown."""

    head: Head
    #: Whose value stands; or a value of their own.
    take: Side | int
    mysql: Document
    mongo: Document


class Conflict(NamedTuple):
    """The open conflict row."""

    mysql: Noted
    mongo: Noted
    look: Look | None = None
    decision: Decision | None = None
    #: MySQL has refused the outcome.
    waiting: bool = False
    #: It waits for a person.
    asks: bool = False
    #: What a person was asked last, and the versions that they are shown.
    questions: frozenset[Head] = frozenset()
    shown: tuple[Document, Document] | None = None
    #: What a person has said: on its way to the row, and in it.
    sent: Said | None = None
    said: Said | None = None
    #: MySQL's version when MongoDB got an outcome that MySQL did not; kept only for lists.
    base: Document | None = None


class Reading(NamedTuple):
    """The follower looks: it has read the rows, then also the document."""

    mysql: Document
    mongo: Document | None = None


class Marking(NamedTuple):
    """The look stands in the row; the follower's checkpoint with the mark is to come."""

    look: int


class Writing(NamedTuple):
    """The outcome stands in the row; the follower's transaction in MongoDB is to come."""

    look: int
    mongo: Document
    outcome: Document


class Second(NamedTuple):
    """A second mark that the listener has not met yet, and its place in the stream."""

    position: int
    look: int


class State(NamedTuple):
    mysql: Document
    mongo: Document
    binlog: Log
    stream: Log
    #: How far each worker has applied the other database's log.
    follower_at: int
    listener_at: int
    conflict: Conflict | None = None
    #: What the follower knows of the conflict's being open; it may learn late.
    known: bool = False
    #: What the follower is in the middle of.
    step: Reading | Marking | Writing | None = None
    second: Second | None = None
    #: Recorded losers; kept where values never recur.
    lost: frozenset[Lost] = frozenset()
    #: MySQL may refuse what the listener writes.
    refusing: bool = False
    #: A person's decision made a value lose that they were not shown.
    overruled: bool = False
