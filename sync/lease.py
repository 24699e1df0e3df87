"""The target under this worker's lease: every transaction begins with the next checkpoint (design 2.3).

Knows nothing of what is written; pipeline, first copy and repair all write through it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from sync.errors import CommitUnknown
from sync.model.batch import advanced
from sync.model.change import DocumentId, Transaction
from sync.model.own_writes import OwnWrites
from sync.model.position import Checkpoint
from sync.ports import Target, TargetTransaction

#: Seconds between two checkpoint writes of an idle worker; a lease lasts 6 s.
HEARTBEAT = 2.0


class NothingToWrite(Exception):
    """Raised inside `Lease.transaction` to undo it: there was nothing to write after all."""


class Lease:
    """One worker's right to write, and the checkpoint as it stands in the target."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.checkpoint = Checkpoint(seq=0, lease="")
        self.own = OwnWrites(None)
        #: Read, without effect on the target, and not yet written into the checkpoint.
        self._passed: Transaction | None = None
        self._written_at = 0.0
        self._held = ""

    def take(self, *, last_write: bool = True) -> Checkpoint:
        """Take the lease; a lease of this very process (after an error) is taken over at once. Raises `LeaseHeld`. Who checks
        no echoes need not know the `last_write` of whoever held it before."""
        force = bool(self._held) and self.target.checkpoint().lease == self._held
        self.checkpoint, place = self.target.take_lease(force=force, last_write=last_write)
        self._held = self.checkpoint.lease
        self.own = OwnWrites(place)
        self._passed = None
        self._written_at = time.monotonic()
        return self.checkpoint

    def release(self) -> None:
        """Give the lease back, so that a successor starts at once."""
        if self._held:
            self.target.release_lease(self.idle())
            self._held = ""

    def idle(self) -> Checkpoint:
        """The next checkpoint where nothing is applied: what was passed without effect counts."""
        if self._passed is None:
            return self.checkpoint.next()
        return advanced(self.checkpoint, self._passed, None)

    def passed(self, transaction: Transaction) -> None:
        """Everything up to here was read and needed no write: kept in memory until the next checkpoint, for a worker
        that answered every heartbeat of the other with a write would never fall silent."""
        self._passed = transaction

    @contextmanager
    def transaction(self, checkpoint: Checkpoint, touched: Iterable[DocumentId]) -> Iterator[TargetTransaction]:
        """A transaction of the target that moves to `checkpoint`; commits at the end of the block, undone by any error.

        `touched` is looked at after the commit: the documents that were written in it.
        """
        transaction = self.target.begin(checkpoint)
        try:
            yield transaction
            place = transaction.commit()
        except NothingToWrite:
            transaction.rollback()
            return
        except BaseException as error:
            if not isinstance(error, CommitUnknown):
                transaction.rollback()
            raise
        self.checkpoint = checkpoint
        self._passed = None
        self._written_at = time.monotonic()
        if place is not None:
            self.own.record(touched, place)

    def beat(self, *, every: float = HEARTBEAT) -> None:
        """Move the checkpoint by the clock, so that leases last, positions stay in the log and lag can be measured."""
        if time.monotonic() - self._written_at >= every:
            with self.transaction(self.idle(), ()):
                pass
