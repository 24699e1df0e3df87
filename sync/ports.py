"""What a source, a target, a reader and the state store promise to the pipeline, and what they do not.

Everything behind these raises the classes of `sync.errors` only: each side translates its driver's errors in one table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from sync.conflict_ports import ConflictStore
from sync.model.carrying import NO_MOVES, Moves, Place
from sync.model.change import DocumentId, DocumentRows, Hold, Places, Side, Transaction, Value
from sync.model.clocks import ClockReading
from sync.model.position import Checkpoint, Known, Mark, Position


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


class Columns(Protocol):
    """The mapped tables' columns, as MySQL has them by now."""

    def refusal(self, table: str, column: str, value: Value) -> str:
        """Why the column would not take a value as it is; empty where it would."""

    def close(self) -> None: ...


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
    #: Rows that were given other keys, where some are of it; the documents that they come from have been read.
    moves: Moves = NO_MOVES


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

    def read_in_parts(
        self, needs: Mapping[DocumentId, frozenset[str]], places: Mapping[DocumentId, Places]
    ) -> Iterator[Mapping[DocumentId, Current]]:
        """The same, of some documents after the others: who works on one part, and writes it, need not wait for the next."""

    def unmapped(self, document: DocumentId) -> Mapping[Place, str]:
        """Of a document that was read and can be expressed in rows: what stands in it that no column takes, as text for
        people, by the row whose object has it. MySQL's have no such."""

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
