"""What a source, a target, a reader and the state store promise to the pipeline, and what they do not.

Everything behind these raises the classes of `sync.errors` only: each side translates its driver's errors in one table.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from sync.model.change import (
    ConflictKind,
    DocumentId,
    DocumentRows,
    Entry,
    Hold,
    Places,
    Side,
    StructureChange,
    Transaction,
    Value,
)
from sync.model.choice import Head
from sync.model.clocks import ClockReading
from sync.model.notes import Notes
from sync.model.outcome import Looked, Outcome
from sync.model.position import Checkpoint, Known, Mark, Position
from sync.model.rulings import NO_RULINGS, Judged, Ruling
from sync.model.structure import Standing


class Source(Protocol):
    """A log, read in order from an applied position. Used by the reading thread only; `close` may come from another."""

    @property
    def side(self) -> Side: ...

    @property
    def resolution(self) -> int:
        """Microseconds: the steps in which this log tells commit times. Known once it was started."""

    def start(self, position: Position, rows_done: int, known: Known) -> None:
        """Connect, validate the position (`PositionPurged`, `SourceBehind`) and read what follows it, leaving out the
        first `rows_done` raw rows of the next transaction. May be called again after an error. `known` is what the
        other worker's next tag must follow on."""

    def read(self, timeout: float) -> Transaction | None:
        """The next transaction or part of one, in log order; None after `timeout` seconds without. Never skips silently."""

    def close(self) -> None:
        """Give up the connection; a blocked `read` ends soon. May be called twice."""


class Clock(Protocol):
    """A server's clock."""

    def clock(self) -> ClockReading:
        """What it says now."""


class LogEnd(Protocol):
    """Asks a server how far its log goes, on a connection of its own. Safe in any one thread."""

    def end(self) -> Position:
        """The present end of the log: all that committed before the call stands at or before it."""

    def close(self) -> None: ...


class Current(NamedTuple):
    """A document as it stands in a database."""

    #: Of every table that was asked for (an empty dict where no row stands). An absent document: all empty.
    rows: DocumentRows
    #: It stands there but cannot be expressed in rows (unmappable document); `rows` are then empty and it must be held.
    problem: Hold | None = None
    #: What stands there then, as text for people.
    stored: str = ""
    #: Tables of which only the rows at the positions asked for are in `rows`.
    partial: frozenset[str] = frozenset()


class DocumentWrite(NamedTuple):
    """One document's net difference: from `before` (as read) to `after`, over the same tables."""

    document: DocumentId
    before: DocumentRows
    after: DocumentRows


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
    #: It has waited for a person for longer than the mapping says.
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

    def wait(self, conflict: int, reason: str, refusal: Hold | None = None) -> None:
        """It cannot be settled now; a newer note, or the clock, starts the next look. What people decided is withdrawn: it was
        refused. `refusal`: a side has refused the outcome; its kind and what is in the way become the conflict's."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """What became of documents that were written apart from each other."""

    #: Those that the target refuses, and why.
    holds: Mapping[DocumentId, Hold]
    #: The transaction is gone with them: it must be rolled back, and all done again without those.
    spoiled: bool = False


class TargetTransaction(Protocol):
    """An open transaction of the target whose first write, the checkpoint, is done."""

    @property
    def conflicts(self) -> ConflictStore: ...

    def read(
        self, needs: Mapping[DocumentId, frozenset[str]], places: Mapping[DocumentId, Places] | None = None
    ) -> Mapping[DocumentId, Current]:
        """The current rows of the named tables of each document (all rows the document has there), locked (MySQL) or in
        the snapshot (MongoDB). Every document asked for is in the answer. Of a list `places` are enough; more may be given."""

    def write(self, writes: Iterable[DocumentWrite]) -> None:
        """Write them all, which may begin before the last of them is made: parents first, deletes children first, many
        rows a statement. Raises `Refused` (a constraint) or `Contention`; the transaction must then be rolled back."""

    def write_apart(self, writes: Sequence[DocumentWrite]) -> Apart:
        """Write those that can be written; of the others nothing. Documents that exchange unique values, or that refer to
        each other, are written together. Of what another row forbids, every row in the way is named. Raises `Contention`."""

    def fill(self, collection: str, documents: Mapping[DocumentId, DocumentRows]) -> bool:
        """Insert new documents, given in key order, if nothing of the collection stands here from the first to the last of
        them: then nothing need be read or merged. Else False, and nothing is written. Raises as `write` does."""

    def commit(self) -> Position | None:
        """Commit (conflict rows first where they are apart). MongoDB: the place of this write in its own log.
        Raises `CommitUnknown` if the answer is lost."""

    def rollback(self) -> None:
        """Undo everything, conflict rows too. Never raises: a lost connection has undone it already."""


class OnMark(Protocol):
    """What a worker does in the transaction that passes a look's mark."""

    def __call__(self, transaction: TargetTransaction, mark: Mark, *, alone: bool) -> int:
        """Returns how many documents were written. With `alone`, what the target refuses is undone by itself; else
        `Refused` is raised, and the transaction must be rolled back."""


class Target(Protocol):
    """The database that a worker writes, and where its checkpoint stands. Used by the applying thread only."""

    @property
    def side(self) -> Side: ...

    def checkpoint(self) -> Checkpoint:
        """The committed checkpoint (majority). Raises `ConfigError` with the hint `lockstep setup` if there is none."""

    def take_lease(self, *, force: bool = False, last_write: bool = True) -> tuple[Checkpoint, Position | None]:
        """Become the only writer: end a dead holder's transaction, then write `seq` + 1 with a new lease and nothing
        else. Returns the new checkpoint and, for MongoDB, the place of the last write of whoever held it before, as near
        as the log tells, if `last_write` is asked for: no write of a predecessor lies behind it. `LeaseHeld` while
        another's lease runs, unless it is a process of this host that is gone, or `force`."""

    def release_lease(self, checkpoint: Checkpoint) -> None:
        """Let a successor start at once: write `checkpoint` (the next after one's own, same lease, like any other write
        of it) with a lease that has ended. Does nothing if the lease was lost."""

    def begin(self, checkpoint: Checkpoint) -> TargetTransaction:
        """Open a transaction whose first write moves the checkpoint from `checkpoint.seq - 1` under `checkpoint.lease`
        to `checkpoint` and renews the lease by the target's clock. `Fenced` if it does not stand there."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Documents read from one side outside the pipeline."""

    #: In key order; for `read`, every document asked for (absent ones with empty rows).
    documents: Mapping[DocumentId, Current]
    #: The exact place in that side's log at which they stood so; None if it was not asked for.
    position: Position | None


class Page(Protocol):
    """Documents that follow on a key, as the server sent them: not yet taken apart."""

    @property
    def last(self) -> Value:
        """The key up to which was read; None where nothing follows."""

    @property
    def digest(self) -> bytes:
        """Of all that the server sent: pages with equal digests hold equal documents. Others may, too."""

    def documents(self) -> Mapping[DocumentId, Current]:
        """Takes them apart; in the server's order of keys."""


class Reader(Protocol):
    """Reads whole documents of one side, for the first copy, verify, repair and explain. Any one thread."""

    @property
    def side(self) -> Side: ...

    def count(self, collection: str) -> int:
        """About how many documents there are (for progress only)."""

    def range(self, collection: str, after: Value, limit: int, *, exact: bool) -> Reading:
        """Up to `limit` documents in key order whose key is greater than `after` (None: from the start). Empty: no more.
        `exact`: with the position; then the reading is one snapshot (MongoDB) or under locks (MySQL)."""

    def page(self, collection: str, after: Value, limit: int) -> Page:
        """As `range`, without a position."""

    def read(self, documents: Sequence[DocumentId], *, exact: bool) -> Reading:
        """The named documents, which may be absent."""

    def sample(self, collection: str, number: int) -> Sequence[DocumentId]:
        """So many documents at random, or all where there are fewer."""

    def close(self) -> None: ...


class Witness(Protocol):
    """Knows which documents were written in MongoDB, by whomever: equal values at two moments do not tell that."""

    def now(self) -> Position:
        """The present end of MongoDB's log."""

    def written(self, collection: str, since: Position) -> frozenset[DocumentId]:
        """Those of the collection with a write after `since`, up to the call."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """An operator's request to a worker."""

    id: int
    kind: str
    arguments: Mapping[str, object]
    requested_by: str = ""


class WorkerDesk(Protocol):
    """Where a worker says how it is and finds what operators ask of it (tables sync_worker, sync_command)."""

    def paused(self) -> bool:
        """Whether the last such request that was carried out was a pause: it outlives the process and other states."""

    def report(self, state: str, reason: str, hint: str, details: Mapping[str, object]) -> None:
        """Say how the worker is. A change of state is added to sync_timeline."""

    def next_command(self) -> Command | None:
        """Take the oldest request that waits (it becomes `running`; one that a dead worker left `running` is given again)."""

    def finish(self, command: Command, state: str, result: Mapping[str, object]) -> None:
        """`state` is done, refused or failed."""

    def close(self) -> None: ...
