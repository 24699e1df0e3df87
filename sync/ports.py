"""What a source, a target and the state store promise to the pipeline, and what they do not.

Everything raises the classes of `sync.errors` only: each side translates its driver's errors in one table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sync.model.change import ConflictKind, DocumentId, DocumentRows, Entry, Hold, Side, Transaction
from sync.model.position import Checkpoint, Holder, Known, Position


class Source(Protocol):
    """A log, read in order from an applied position. Used by the reading thread only; `close` may come from another."""

    side: Side

    def start(self, position: Position, rows_done: int, known: Known) -> None:
        """Connect, validate the position (`PositionPurged`, `SourceBehind`) and read what follows it, leaving out the first
        `rows_done` raw rows of the next transaction. May be called again after an error. `known` is where the other worker's
        tag must follow on."""

    def read(self, timeout: float) -> Transaction | None:
        """The next transaction or part of one, in log order; None after `timeout` seconds without one. Never skips silently."""

    def end(self) -> Position:
        """The present end of the log: what has committed before the call stands at or before it. Thread-safe, own connection."""

    def close(self) -> None:
        """Give up the connection; a blocked `read` ends soon with `ServerAway` or None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Current:
    """A document as it stands in the target, read inside the transaction that writes."""

    #: Of every table that was asked for (empty dict where no row stands); absent document: all empty.
    rows: DocumentRows
    #: MongoDB only: the document stands there but cannot be shredded; `rows` is then empty and it must be held.
    problem: Hold | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentWrite:
    """One document's net difference: from `before` (as read) to `after`, over the same tables."""

    document: DocumentId
    before: DocumentRows
    after: DocumentRows


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldDocument:
    """An open row of sync_conflict."""

    conflict: int
    document: DocumentId
    #: Rises with each note; a repair closes the row only at the version it read.
    version: int


class ConflictStore(Protocol):
    """Conflict rows in MySQL, inside a MySQL transaction. The listener's is the target transaction itself, the follower's commits
    just before its MongoDB transaction does (a crash between the two leaves a held document, which is safe)."""

    def held(self, documents: Sequence[DocumentId]) -> Mapping[DocumentId, HeldDocument]:
        """Those of the documents that have an open or waiting row now."""

    def note(self, held: HeldDocument, entries: Sequence[Entry], side: Side) -> bool:
        """Add notes of users' changes (rule 2 of design 2.4; echoes are left out) to the row `where open`; False if it is closed by now.
        Entries at or before the newest note of that side change nothing, so noting twice is harmless."""

    def open(self, document: DocumentId, hold: Hold, entries: Sequence[Entry], side: Side) -> None:
        """Open the row of the document, or join the one that is open by now, with the notes of `entries` (all of them, in order).
        `side` is the source's: where the noted changes were made."""

    def close(self, held: HeldDocument, resolution: Mapping[str, object]) -> bool:
        """Close the row if nothing was noted since `held.version`; False otherwise."""


class TargetTransaction(Protocol):
    """An open transaction of the target whose first write, the checkpoint, is done."""

    conflicts: ConflictStore

    def read(self, needs: Mapping[DocumentId, frozenset[str]]) -> Mapping[DocumentId, Current]:
        """The current rows of the named tables of each document, locked (MySQL) or in the snapshot (MongoDB)."""

    def write(self, writes: Sequence[DocumentWrite]) -> None:
        """Write them all, parents first, deletes children first, in few statements. `Refused` or `Contention` spoil the transaction."""

    def write_alone(self, write: DocumentWrite) -> Hold | None:
        """Write one document; a refusal by a constraint undoes only it and is returned. MongoDB cannot undo a part:
        there it may raise `RefusedDocument` and the transaction is spoilt."""

    def commit(self) -> Position | None:
        """Commit (conflict rows first where they are apart). MongoDB: the place of this write in its own log. `CommitUnknown` if the answer is lost."""

    def rollback(self) -> None:
        """Undo everything, conflict rows too. Never raises for a lost connection."""


class Target(Protocol):
    """The database that a worker writes, and where its checkpoint stands. Used by the applying thread only."""

    side: Side

    def checkpoint(self) -> Checkpoint:
        """The committed checkpoint (majority), without a lease of one's own."""

    def take_lease(self, *, force: bool = False) -> tuple[Checkpoint, Position | None]:
        """Become the only writer: end a dead holder's transaction, write `seq` + 1 with a new lease and nothing else. Returns the new
        checkpoint and, MongoDB, the place of that write. `LeaseHeld` while another's lease runs (unless it is a process of this host
        that is gone, or `force`)."""

    def release_lease(self) -> None:
        """Let a successor start at once. Only marks the lease as ended; quietly does nothing if it was lost."""

    def begin(self, checkpoint: Checkpoint) -> TargetTransaction:
        """Open a transaction whose first write moves the checkpoint from `checkpoint.seq - 1` under `checkpoint.lease` to `checkpoint`,
        renewing the lease by the target's clock. `Fenced` if it does not stand there."""

    def close(self) -> None: ...


class RefusedDocument(Protocol):
    """See `sync.errors.Refused`."""


__all__ = [
    "ConflictKind",
    "ConflictStore",
    "Current",
    "DocumentWrite",
    "HeldDocument",
    "Holder",
    "Source",
    "Target",
    "TargetTransaction",
]
