"""What the store of held documents promises: conflict rows with their notes, looks at them, how collections are carried.

Errors are those of `sync.errors` only.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sync.model.change import ConflictKind, DocumentId, DocumentRows, Entry, Hold, Side, StructureChange
from sync.model.choice import Head
from sync.model.notes import Notes
from sync.model.outcome import Looked, Outcome
from sync.model.rulings import NO_RULINGS, Judged, Ruling
from sync.model.structure import Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldDocument:
    """An open or waiting row of sync_conflict."""

    conflict: int
    document: DocumentId
    #: Rises with each note; a repair closes the row only at the version it read.
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A document that must be held from now on."""

    document: DocumentId
    hold: Hold
    #: Of the batch that met the hold: none of them is written.
    entries: Sequence[Entry]
    #: The other side's rows, as far as they were read.
    target: DocumentRows | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DueConflict:
    """A held document that may be looked at."""

    conflict: int
    #: None where the key that stands in the row is none of the mapping's (any more).
    document: DocumentId | None
    kind: ConflictKind
    #: Not `open`: the last look came to something that must wait.
    waiting: bool
    #: A person has decided for this side's version.
    chosen: Side | None = None
    #: Documents whose rows are in its way.
    blockers: frozenset[DocumentId] = frozenset()
    #: What people decided, unit by unit, and no look has met yet; oldest first.
    rulings: tuple[Ruling, ...] = ()
    #: Units that people were asked about; None: they never were.
    asked: frozenset[Head] | None = None
    #: It has waited for a person, or a function, for longer than the mapping says.
    overdue: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a look at one held document came to."""

    looked: Looked
    #: MySQL's rows as they stood there, where `looked` has lists by rank; None: they could not be carried.
    mysql: DocumentRows | None
    #: In a word, see `Outcome.policy`.
    policy: str
    outcome: Outcome
    #: What the conflict's kind is by now; None: what it was.
    kind: ConflictKind | None = None
    #: People's decisions: what became of them.
    judged: Judged = NO_RULINGS
    #: The policy stands in for a person who did not come.
    overdue: bool = False
    #: Of an outcome that leaves something to a person: why, for people.
    waiting_for: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenConflict:
    """A held document at the second mark of a look: MongoDB has its outcome."""

    conflict: int
    document: DocumentId
    #: The look in the row: another one, or None, if it was cleared.
    look: int | None
    #: What MySQL held when it was looked at (None: what cannot be carried), and what it shall hold.
    looked_at: DocumentRows | None
    outcome: DocumentRows
    #: The outcome leaves something to a person: the row stays, and waits.
    asks: bool = False


class LookStore(Protocol):
    """What looks do to conflict rows (rule 3 of design 2.4), inside an open MySQL transaction."""

    def clear(self) -> None:
        """Take all looks away: for a follower that starts, which knows of none."""

    def due(self, limit: int) -> Sequence[DueConflict]:
        """Held documents without a look, and those that wait for something else than a person's decision, or for a person who
        did not come in time, oldest first. Locks nothing."""

    def begin(self, look: int, conflicts: Collection[int]) -> frozenset[int]:
        """Give those of the rows that are open this look; returns them. The row is the mark in the binlog."""

    def give_up(self, conflicts: Collection[int], look: int) -> None:
        """Take the look away from those that still have it, with what was decided by it: something has moved."""

    def wait(self, conflict: int, reason: str, refusal: Hold | None = None, *, undecided: bool = False) -> None:
        """It cannot be settled now; a newer note, or the clock, starts the next look. What people decided is withdrawn: it was
        refused. `refusal`: a side has refused the outcome; its kind and what is in the way become the conflict's.
        `undecided`: nobody has decided it, so the time after which a policy does begins, where it has not begun before."""

    def notes(self, look: int, conflicts: Collection[int]) -> Mapping[int, Mapping[Side, Notes]]:
        """Both sides' notes of those rows that still have the look, which are locked until the transaction's end."""

    def bases(self, conflicts: Collection[int]) -> Mapping[int, DocumentRows]:
        """MySQL's rows as of the last decision that reached MongoDB and not MySQL, of those of the rows that had one."""

    def decided(self, look: int, decisions: Mapping[int, Decision]) -> None:
        """Store what the look came to, for the listener and for people."""

    def met(self, look: int) -> None:
        """The listener has met the look's mark, and applies everything before it."""

    def written(self, look: int, conflicts: Collection[int]) -> Sequence[WrittenConflict]:
        """Those of the rows that are open and hold what this look decided; locked."""

    def settled(self, conflicts: Collection[int]) -> None:
        """Both sides have the outcome: close the rows, as `converged` where no value lost."""

    def ask(self, conflicts: Sequence[WrittenConflict]) -> None:
        """Both sides have all of the outcome but what is left to a person: the rows wait for one, with the notes of that alone."""

    def keep_losers(self, conflicts: Collection[int], look: int) -> None:
        """What this look decided stood in MongoDB, but is not the last word: its losers are kept for good, with the rows of
        MySQL's that it was made of; it is cleared."""

    def prune(self, state: str, days: int, limit: int) -> int:
        """Delete rows that were closed as this state, `settled` or `converged`, more than so many days ago; returns how
        many, at most `limit`. The follower's only: nobody else may delete."""


class CollectionStates(Protocol):
    """How collections are carried (table sync_collection), inside an open MySQL transaction."""

    def paused(self) -> frozenset[str]:
        """Those of which nothing may be written on either side."""

    def standing(self) -> Sequence[Standing]:
        """All that are not simply carried."""

    def changed(self, changes: Sequence[StructureChange]) -> None:
        """Store what was done to collections, and take the looks away from documents of those that are paused now."""

    def compare(self, collection: str, side: Side, *, whole: bool) -> None:
        """A person has brought things in line: carry it again, and compare it. See `StructureChange`."""

    def carried(self, collection: str, version: int | None = None) -> bool:
        """Its documents were compared under this version (None: whatever was done to it is past); False: something was done to
        it since."""


class ConflictStore(Protocol):
    """Conflict rows, inside an open MySQL transaction."""

    @property
    def collections(self) -> CollectionStates: ...

    def held(self, documents: Collection[DocumentId]) -> Mapping[DocumentId, HeldDocument]:
        """Those of the documents that have an open or waiting row now."""

    def held_and_paused(
        self, documents: Collection[DocumentId]
    ) -> tuple[Mapping[DocumentId, HeldDocument], frozenset[str]]:
        """The same, and the collections that are paused, in one question: every batch asks it."""

    @property
    def looks(self) -> LookStore: ...

    def note(
        self,
        noted: Mapping[HeldDocument, Sequence[Entry]],
        side: Side,
        ahead: Container[int] | None = None,
    ) -> frozenset[HeldDocument]:
        """Add notes of users' changes made on `side` (rule 2 of design 2.4; echoes in the entries are left out) to each row
        `where open`; returns those that were. Noting the same entries twice changes nothing.

        It clears a look whose mark the worker has passed in its log: `ahead` are looks whose mark is still to come; None:
        the row itself tells, by what the listener has met."""

    def open(self, openings: Sequence[Opening], side: Side) -> None:
        """Open a row for each document, or join the one that is open by now, with the notes of the users' changes in its
        entries, made on `side`."""

    def choose(self, document: DocumentId, side: Side) -> int:
        """A person wants this side's version: looks at the document decide so from now on. Opens a row where none is open;
        returns its number."""

    def rule(self, conflict: int, ruling: Ruling) -> None:
        """A person has decided some units: the next look at the document meets it. Doing it twice changes nothing.
        `CommandRefused` where the row is closed, or where it can be no decision of such a document."""

    def notes(self, held: HeldDocument) -> Mapping[Side, Notes]:
        """Both sides' notes in the row."""

    def close(self, held: HeldDocument, resolution: Mapping[str, object], decision: Decision | None = None) -> bool:
        """Close the row if nothing was noted since `held.version`; False otherwise. `decision` is kept for people, with what
        lost by it."""


class ConflictTransaction(ConflictStore, Protocol):
    """The follower's: apart from its MongoDB transaction and committed just before it. A crash between the two leaves a
    held document, which is safe."""

    def commit(self) -> None: ...

    def rollback(self) -> None: ...


class ConflictDatabase(Protocol):
    """Where the follower's conflict rows are written."""

    def begin(self) -> ConflictTransaction: ...

    def close(self) -> None: ...
