"""The rules that the search drives: the product's own functions, and where the product carries them out with I/O, the few
lines that stand for it. A test leaves a rule out by giving another in its place."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sync.model.batch import Batch
from sync.model.change import DocumentRows, Entry, Hold, Side
from sync.model.choice import Choice, Head, left_in_question
from sync.model.fold import fold, relevant
from sync.model.mapping import CollectionMapping
from sync.model.meeting import Answer, decide, look_after_note, on_written
from sync.model.notes import Notes
from sync.model.outcome import Looked, Outcome
from sync.model.own_writes import OwnWrites
from sync.model.policies import Rule
from sync.model.position import Position, StreamPosition
from sync.model.rulings import Judged, judged
from tests.laws.meeting.shapes import DOCUMENT


def place_in_stream(count: int) -> StreamPosition:
    """The position behind the first `count` entries of the stream."""
    return StreamPosition(time=count, increment=0, token="")


_FAR = place_in_stream(sys.maxsize)


def crossed(echo: Entry, last_write: int, forgot: bool) -> bool:
    """Whether the follower must check the echo: by its own last write to the document (a count, 0 for none), or by the floor
    of one that has forgotten it."""
    own = OwnWrites(_FAR if forgot else None)
    if last_write and not forgot:
        own.record([DOCUMENT], place_in_stream(last_write))
    return own.crossed(echo)


def noted(notes: Notes, entry: Entry, steps: bool) -> Notes:
    """One side's notes with one more change."""
    return notes.add(entry, steps=steps)


def first_user_or_end(batch: Batch) -> Position:
    """What an echo says that its writer had read."""
    return batch.seen


def every(entries: Sequence[Entry]) -> Sequence[Entry]:
    """What is noted of a batch that opens a hold."""
    return entries


Crossed = Callable[[Entry, int, bool], bool]
Relevant = Callable[[Iterable[Entry], Callable[[Entry], bool]], tuple[Entry, ...]]
Fold = Callable[[CollectionMapping, DocumentRows, Sequence[Entry]], DocumentRows | Hold]
Decide = Callable[[CollectionMapping, Rule, Looked, Mapping[Side, Notes], Choice], Outcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Rules of design 2.2 to 2.4."""

    # 1. Merge or hold.
    fold: Fold = fold
    relevant: Relevant = relevant
    crossed: Crossed = crossed
    seen: Callable[[Batch], Position] = first_user_or_end
    #: The entries noted of those that open a hold.
    opening: Callable[[Sequence[Entry]], Sequence[Entry]] = every

    # 2. A held document is only noted.
    add: Callable[[Notes, Entry, bool], Notes] = noted
    look_after_note: Callable[..., int | None] = look_after_note

    # 3. Look twice, then write.
    decide: Decide = decide
    on_written: Callable[[int | None, int, DocumentRows, DocumentRows], Answer] = on_written
    #: The follower decides only when both workers have met the marks.
    waits_for_marks: bool = True
    #: It reads the rows again before it decides.
    reads_again: bool = True
    #: It writes MongoDB only if the document is still the one looked at.
    guards_mongo: bool = True
    #: A look that finds both sides equal goes on like any other.
    looks_at_equal: bool = True
    #: At which of its answers to a second mark the listener keeps the losers; it does so where MySQL refuses.
    keeps_losers: frozenset[Answer] = frozenset(Answer)
    keeps_losers_when_refused: bool = True
    #: The row of a refused outcome waits, and a newer note or the clock begins again.
    begins_again: bool = True
    #: What MySQL made of the listener's rows by itself is told from what the listener wrote.
    tells_corrections: bool = True
    #: A follower that starts clears the looks.
    clears_looks_at_start: bool = True

    # What is left to a person.
    judged: Callable[..., Judged] = judged
    #: The notes that stay once a person is asked.
    left: Callable[[CollectionMapping, Notes, Collection[Head]], Notes] = left_in_question
    #: What a person was asked stays in question until decided.
    remembers_questions: bool = True
