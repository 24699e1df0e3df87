"""The first copy: both streams' positions first, then one side's documents range by range into the other (design section 5).

Runs while people write to both sides; run again after a crash, it goes on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import partial

from sync.cycles import seldom_looked_for
from sync.errors import CommandRefused, Contention, Refused
from sync.lease import Lease, NothingToWrite
from sync.model.batch import CopiedDocuments, behind
from sync.model.change import ConflictKind, DocumentId, DocumentRows, Hold, Side, Value
from sync.model.fold import broken
from sync.model.mapping import CollectionMapping, SyncMapping
from sync.model.position import Known
from sync.model.report import CopyReport
from sync.model.values import key_of_order
from sync.pipeline import Pipeline
from sync.ports import Current, LogEnd, Reader, Reading
from sync.reconcile.ahead import FIRST, ahead, ranges
from sync.reconcile.progress import Progress

#: Seconds for which rows that others keep locked are waited for; run again, the copy goes on there.
PATIENCE = 60.0


class FirstCopy:
    """Copies `origin` into the other side. Both leases must be free: the workers do not run meanwhile."""

    def __init__(
        self,
        mapping: SyncMapping,
        origin: Side,
        *,
        source: Reader,
        target: Reader,
        ends: Mapping[Side, LogEnd],
        leases: Mapping[Side, Lease],
    ) -> None:
        """`leases` by the side that is written; `ends` by the side whose log it is."""
        self._mapping = mapping
        self._origin = origin
        self._source = source
        self._target = target
        self._ends = ends
        self._copying = leases[origin.other]
        self._other = leases[origin]
        self._pipeline = Pipeline(mapping, self._copying, origin)
        self._read = self._rows = self._filled = self._only_in_target = 0

    def run(self, progress: Progress) -> CopyReport:
        """Copy everything. Raises `LeaseHeld` where a worker runs."""
        started = time.monotonic()
        self._copying.take(last_write=False)
        try:
            self._other.take(last_write=False)
            try:
                if not self._copying.checkpoint.copying:
                    self._begin()
                self._let_go()
                with seldom_looked_for():
                    for collection in self._mapping.collections.values():
                        self._copy(collection, progress)
                self._write(copying=False)
            finally:
                self._other.release()
        finally:
            self._copying.release()
        done = self._pipeline.counters
        return CopyReport(
            documents=self._read,
            rows=self._rows,
            already_equal=self._read + self._only_in_target - self._filled - done.documents - done.held - done.noted,
            held=done.held + done.noted,
            seconds=time.monotonic() - started,
        )

    def _begin(self) -> None:
        """Both streams' positions, then both checkpoints: each stream's first tag is then the write made here."""
        if self._other.checkpoint.copying:
            raise CommandRefused(
                f"a first copy from {self._origin.other} was begun and not finished",
                hint=f"lockstep bootstrap --from {self._origin.other}",
            )
        here, there = self._copying.checkpoint, self._other.checkpoint
        source_end = self._ends[self._origin].end()
        target_end = self._ends[self._origin.other].end()
        # Looked for now, for what comes after these positions is in the stream.
        for collection in self._mapping.collections.values():
            self._hold_others(collection)
        self._write(
            position=source_end,
            seen=source_end,
            rows_done=0,
            known=Known(seq=there.seq, lease=there.lease),
            copied=(),
            copying=True,
        )
        known = Known(seq=here.seq, lease=here.lease)
        checkpoint = self._other.checkpoint.next(
            position=target_end, seen=target_end, rows_done=0, known=known, copied=()
        )
        with self._other.transaction(checkpoint, ()):
            pass

    def _let_go(self) -> None:
        """What was done to collections as a whole is past: all is copied, or compared and held, from here on."""
        with self._copying.transaction(self._copying.checkpoint.next(), ()) as transaction:
            states = transaction.conflicts.collections
            for one in states.standing():
                states.carried(one.change.collection)

    def _write(self, **fields: object) -> None:
        with self._copying.transaction(self._copying.checkpoint.next(**fields), ()):
            pass

    def _copy(self, collection: CollectionMapping, progress: Progress) -> None:
        done, total = 0, self._source.count(collection.name)
        with closing(ahead(self._ranges(collection), self._beat)) as coming:
            for copied in coming:
                if not self._fill(copied):
                    self._pipeline.apply(copied)
                self._other.beat()
                done += len(copied.documents) + len(copied.problems)
                self._rows += sum(len(of_table) for rows in copied.documents.values() for of_table in rows.values())
                progress(collection.name, done, total)
        self._read += done
        progress(collection.name, done, done)

    def _ranges(self, collection: CollectionMapping) -> Iterator[CopiedDocuments]:
        """Each has the position at which it was read, however much later it is written."""
        for after, reading in ranges(partial(self._range, collection), self._resume(collection)):
            yield _copied(collection, reading, after)

    def _fill(self, copied: CopiedDocuments) -> bool:
        """Write a range in bulk, where the target holds nothing from its first document to its last. Else nothing is
        written, and the pipeline must merge."""
        if copied.problems:
            return False
        filled: list[DocumentId] = []
        try:
            checkpoint = copied.advance(self._copying.checkpoint)
            with self._copying.transaction(checkpoint, filled) as transaction:
                held = transaction.conflicts.held(copied.documents)
                if held or not transaction.fill(copied.collection, copied.documents):
                    raise NothingToWrite
                filled += copied.documents
        except (Contention, Refused):
            return False
        self._filled += len(filled)
        return bool(filled)

    def _range(self, collection: CollectionMapping, after: Value, limit: int) -> Reading:
        """The next range. Rows that an application keeps locked are waited for."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return self._source.range(collection.name, after, limit, exact=True)
            except Contention:
                if time.monotonic() > deadline:
                    raise

    def _beat(self) -> None:
        """So that both leases last."""
        self._other.beat()
        self._copying.beat()

    def _resume(self, collection: CollectionMapping) -> Value:
        """The last key that an earlier run has copied; None at first."""
        done = [one.last for one in self._copying.checkpoint.copied if one.collection == collection.name]
        return key_of_order(collection, done[-1]) if done else None

    def _hold_others(self, collection: CollectionMapping) -> None:
        """Documents that only the target has are held: nobody can tell whether they are new or were deleted."""
        after: Value = None
        while True:
            here = list(self._target.range(collection.name, after, FIRST, exact=False).documents)
            if not here:
                return
            there = self._source.read(here, exact=False).documents
            extra = [one for one in here if _absent(there[one])]
            if extra:
                self._hold(collection, extra)
            self._beat()
            after = here[-1].key

    def _hold(self, collection: CollectionMapping, extra: list[DocumentId]) -> None:
        self._only_in_target += len(extra)
        reason = f"it stands only in {self._origin.other}, and differs so from the side that was copied"
        problems = {one: Hold(kind=ConflictKind.SNAPSHOT_DIFFERS, reason=reason) for one in extra}
        self._pipeline.apply(
            CopiedDocuments(
                collection=collection.name,
                documents={},
                problems=problems,
                position=None,
                read_at=time.time_ns() // 1000,
            )
        )


def _absent(current: Current) -> bool:
    return current.problem is None and not any(current.rows.values())


def _copied(collection: CollectionMapping, reading: Reading, after: Value) -> CopiedDocuments:
    documents: dict[DocumentId, DocumentRows] = {}
    problems: dict[DocumentId, Hold] = {}
    for document, current in reading.documents.items():
        problem = current.problem or broken(collection, current.rows)
        if problem:
            problems[document] = problem
        else:
            documents[document] = current.rows
    return CopiedDocuments(
        collection=collection.name,
        documents=documents,
        problems=problems,
        position=reading.position,
        read_at=time.time_ns() // 1000,
        begin="" if after is None else behind(after),
    )
