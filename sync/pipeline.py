"""One direction: a batch from the source is folded over the target and written with the checkpoint, in one transaction.

The same for both directions. It does not read the source (`read_ahead`) and does not decide (`model.fold`).
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from sync.conflict_ports import Opening
from sync.errors import Contention, Refused
from sync.lease import Lease, NothingToWrite
from sync.model.batch import Work, has_users
from sync.model.carrying import NO_MOVES, Moves
from sync.model.change import ECHO, USER, ConflictKind, DocumentId, DocumentRows, Entry, Hold, Side
from sync.model.fold import relevant
from sync.model.mapping import SyncMapping
from sync.ports import Current, DocumentWrite, OnMark, TargetTransaction

#: Seconds; doubles from the first to the last while two transactions keep standing in each other's way.
FIRST_PAUSE, LONGEST_PAUSE = 0.005, 0.5


_LEFT_BEHIND = Hold(
    kind=ConflictKind.UNMAPPABLE_DOCUMENT,
    reason="rows were given keys of a document that is held: fields that no column takes cannot go there with them",
)
#: What comes of one document: as it stands, and its rows afterwards or why it must be held.
_Folded = tuple[DocumentId, Current, DocumentRows | Hold]
_PAUSED = Hold(kind=ConflictKind.SCHEMA_MISMATCH, reason="its collection is paused: lockstep status tells why")


@dataclass(slots=True)
class Counters:
    """What was done since the worker started."""

    #: Row changes of users that were carried over.
    rows: int = 0
    #: Documents written.
    documents: int = 0
    #: Documents newly held.
    held: int = 0
    #: Documents of which something was noted.
    noted: int = 0
    echoes_checked: int = 0
    retries: int = 0
    #: Users' changes that were merged with another one of the same row, and deletes of rows that were gone already.
    update_disjoint: int = 0
    delete_missing: int = 0
    #: Commit time, on the source, of the newest transaction done; microseconds since the epoch.
    committed_at: int = 0


@dataclass(slots=True)
class _Merged:
    """What a batch comes to."""

    written: list[DocumentId] = field(default_factory=list)
    holds: dict[DocumentId, tuple[Hold, DocumentRows | None]] = field(default_factory=dict)
    noted: int = 0
    checked: int = 0
    #: Documents written because a look came to an end.
    settled: int = 0
    #: Meetings that need nobody.
    counted: Counter[ConflictKind] = field(default_factory=Counter)


class Pipeline:
    """Applies batches under a lease."""

    def __init__(
        self,
        mapping: SyncMapping,
        lease: Lease,
        source_side: Side,
        *,
        ahead: Container[int] | None = None,
        on_mark: OnMark | None = None,
    ) -> None:
        """`ahead`: see `sync.conflict_ports.ConflictStore.note`. `on_mark` is the listener's."""
        self._mapping = mapping
        self._lease = lease
        self._side = source_side
        self._ahead = ahead
        self._on_mark = on_mark
        self.counters = Counters()

    def apply(
        self,
        batch: Work,
        stopping: Callable[[], bool] = lambda: False,
        delayed: Callable[[Contention], None] = lambda _: None,
    ) -> bool:
        """Apply the whole batch, in as many transactions as it takes. Stops between two of them if `stopping` says so, and
        then returns False.
        `delayed` is told of each that must be tried again, which may go on for as long as others keep their locks.

        Two transactions in each other's way: again, the second time in halves. A constraint: transaction by transaction,
        document by document, and only what is refused alone is held; what lacks a row that it refers to, once the rest of
        the batch has not brought that either.
        """
        todo: list[tuple[Work, bool]] = [(batch, False)]
        attempt = 0
        while todo and not stopping():
            part, alone = todo.pop(0)
            try:
                if not alone:
                    self._apply_once(part, {})
                elif not self._apply_alone(part, last=not todo or not todo[0][1]):
                    while todo and todo[0][1]:
                        part = part.joined(todo.pop(0)[0])
                    todo.insert(0, (part, True))
                attempt = 0
            except Refused:
                if alone:
                    raise
                todo[:0] = [(one, True) for one in part.singles()]
            except Contention as error:
                self.counters.retries += 1
                attempt += 1
                smaller = part.halves() if attempt > 1 else (part,)
                todo[:0] = [(one, alone) for one in smaller]
                time.sleep(min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt) * random.uniform(0.5, 1.5))
                self._lease.beat()
                delayed(error)
        return not todo

    def _apply_alone(self, batch: Work, *, last: bool) -> bool:
        """A single transaction, document by document; those that the target refuses are held. False, and nothing is done,
        where one lacks a row that it refers to and more singles follow.

        Where something else than writing a document is refused, nothing tells which one it is about: all are held. Raises
        `Refused` where that does not help.
        """
        refused: dict[DocumentId, Hold] = {}
        while True:
            try:
                found = self._apply_once(batch, refused, alone=True, last=last)
            except Refused as error:
                hold = Hold(kind=ConflictKind(error.kind), reason=error.message)
                found = {one: hold for one in self._documents(batch) if one not in refused}
                if not found:
                    raise
            if not found:
                return True
            refused |= found
            if not last and _lacking(refused):
                return False

    def _documents(self, batch: Work) -> Iterable[DocumentId]:
        return batch.entries(self._lease.checkpoint.copied, self._lease.own.all_seen)

    def _apply_once(
        self, batch: Work, refused: Mapping[DocumentId, Hold], *, alone: bool = False, last: bool = True
    ) -> Mapping[DocumentId, Hold]:
        """One target transaction. `refused` are documents to hold without trying. With `alone`, documents whose refusal
        spoiled the transaction are returned, or that may find what they lack in what follows (not `last`), and nothing was
        applied."""
        own = self._lease.own
        crossed = own.crossed
        grouped = batch.entries(self._lease.checkpoint.copied, own.all_seen)
        entries = {document: found for document, of in grouped.items() if (found := relevant(of, crossed))}
        users = any(map(has_users, entries.values()))
        merged = _Merged()
        touched: list[DocumentId] = []
        spoiled: Mapping[DocumentId, Hold] = {}
        mark = batch.mark if self._on_mark else None
        structure = batch.structure
        quiet = not entries and batch.end is not None and mark is None and not structure
        if not quiet:
            with self._lease.transaction(batch.advance(self._lease.checkpoint), touched) as transaction:
                if structure:
                    transaction.conflicts.collections.changed(structure)
                writes = self._merge(transaction, batch, entries, refused, merged)
                if alone:
                    spoiled = self._write_apart(transaction, list(writes), merged, last=last)
                else:
                    transaction.write(writes)
                if mark and self._on_mark:
                    merged.settled = self._on_mark(transaction, mark, alone=alone)
                quiet = batch.end is not None and not (users or merged.written or merged.holds or mark or structure)
                if spoiled or quiet:
                    raise NothingToWrite
                openings = [
                    Opening(document=document, hold=hold, entries=entries[document], target=rows)
                    for document, (hold, rows) in merged.holds.items()
                ]
                if openings:
                    transaction.conflicts.open(openings, self._side)
                touched += merged.written
        if spoiled:
            return spoiled
        if quiet and batch.end is not None:
            self._lease.passed(batch.end)
        self._count(batch, entries, merged)
        return {}

    def _merge(
        self,
        transaction: TargetTransaction,
        batch: Work,
        entries: Mapping[DocumentId, Sequence[Entry]],
        refused: Mapping[DocumentId, Hold],
        merged: _Merged,
    ) -> Iterator[DocumentWrite]:
        """Note held documents, read the others, and fold each as it is asked for over what the target holds now."""
        free = self._free(transaction, entries, merged)
        collections = self._mapping.collections
        wanted = {document: batch.needs(collections[document.collection], of) for document, of in free.items()}
        places = {document: batch.places(collections[document.collection], of) for document, of in free.items()}
        moves = batch.moves(self._lease.checkpoint.copied)
        if moves.sources:  # what goes along must have been read
            for source in chain.from_iterable(moves.sources.get(document, ()) for document in free):
                wanted.setdefault(source, frozenset({collections[source.collection].table}))
            whole = [transaction.read(wanted, places)]
            folded = _together(transaction, moves, list(self._folded(batch, free, whole, refused, merged)))
        else:
            folded = self._folded(batch, free, transaction.read_in_parts(wanted, places), refused, merged)
        for document, now, after in folded:
            if isinstance(after, Hold):
                merged.holds[document] = (after, None if now.problem else now.rows)
            elif after != now.rows or document in moves.sources:  # equal rows may have changed places
                merged.written.append(document)
                yield DocumentWrite(document, now.rows, after, moves if document in moves.sources else NO_MOVES)

    def _folded(
        self,
        batch: Work,
        free: Mapping[DocumentId, Sequence[Entry]],
        read: Iterable[Mapping[DocumentId, Current]],
        refused: Mapping[DocumentId, Hold],
        merged: _Merged,
    ) -> Iterator[_Folded]:
        """Each when it is asked for. What was read besides the `free` ones is only where rows come from."""
        for document, now in chain.from_iterable(part.items() for part in read):
            of = free.get(document, ())
            if not of:
                continue
            for entry in of:
                merged.checked += entry.origin is ECHO
            after: Hold | DocumentRows | None = now.problem or refused.get(document)
            after = after or batch.outcome(
                self._mapping.collections[document.collection], document, now.rows, of, now.partial, merged.counted
            )
            yield document, now, after

    def _free(
        self, transaction: TargetTransaction, entries: Mapping[DocumentId, Sequence[Entry]], merged: _Merged
    ) -> Mapping[DocumentId, Sequence[Entry]]:
        """Those that are not held; of the others users' changes are noted. Nor those of paused collections: what users changed
        is held there; what the other worker wrote before it knew is found when the collection is compared."""
        if not entries:
            return entries
        held, paused = transaction.conflicts.held_and_paused(entries)
        if not held and not paused:
            return entries
        free: dict[DocumentId, Sequence[Entry]] = {}
        noted = {held[document]: of for document, of in entries.items() if document in held and has_users(of)}
        closed = {one.document for one in noted.keys() - transaction.conflicts.note(noted, self._side, self._ahead)}
        for document, of in entries.items():
            if document in held and document not in closed:
                merged.noted += has_users(of)
            elif document.collection not in paused:  # not held, or closed by now: by rule 1
                free[document] = of
            elif has_users(of):
                merged.holds[document] = (_PAUSED, None)
        return free

    def _write_apart(
        self, transaction: TargetTransaction, writes: Sequence[DocumentWrite], merged: _Merged, *, last: bool
    ) -> Mapping[DocumentId, Hold]:
        apart = transaction.write_apart(writes)
        if apart.spoiled or (not last and _lacking(apart.holds)):
            return apart.holds
        if any(_left_behind(transaction, writes, write) for write in writes if write.document in apart.holds):
            return apart.holds
        before = {write.document: write.before for write in writes}
        for document, hold in apart.holds.items():
            merged.written.remove(document)
            merged.holds[document] = (hold, before[document])
        return {}

    def _count(self, batch: Work, entries: Mapping[DocumentId, Sequence[Entry]], merged: _Merged) -> None:
        done = self.counters
        for of in entries.values():
            for entry in of:
                if entry.origin is USER:
                    done.rows += len(entry.changes)
        done.documents += len(merged.written) + merged.settled
        done.held += len(merged.holds)
        done.noted += merged.noted
        done.echoes_checked += merged.checked
        done.update_disjoint += merged.counted[ConflictKind.UPDATE_DISJOINT]
        done.delete_missing += merged.counted[ConflictKind.DELETE_MISSING]
        if batch.end is not None:
            done.committed_at = max(done.committed_at, batch.end.committed_at)


def _together(transaction: TargetTransaction, moves: Moves, folded: Sequence[_Folded]) -> Iterator[_Folded]:
    """A document is held, too, whose rows have gone to one that is not written, if it has what no column takes: that would
    be lost with them."""
    found = {document: (now, after) for document, now, after in folded}
    todo = [one for one in moves.sources if one not in found or isinstance(found[one][1], Hold)]
    while todo:
        for source in moves.sources.get(todo.pop(), ()):
            if source in found:
                now, after = found[source]
                if not isinstance(after, Hold) and _loses(transaction, moves, source, after):
                    found[source] = now, _LEFT_BEHIND
                    todo.append(source)
    return ((document, now, after) for document, (now, after) in found.items())


def _left_behind(transaction: TargetTransaction, writes: Sequence[DocumentWrite], refused: DocumentWrite) -> bool:
    """Whether a document that was written has lost what was to go to one that the target refuses."""
    moves = refused.moves
    sources = moves.sources.get(refused.document, ())
    return any(one.document in sources and _loses(transaction, moves, one.document, one.after) for one in writes)


def _loses(transaction: TargetTransaction, moves: Moves, document: DocumentId, after: DocumentRows) -> bool:
    """Another row may stand by then where one has left."""
    return any(
        (table, key) in moves.left or key not in after.get(table, (key,))
        for table, key in transaction.unmapped(document)
    )


def _lacking(holds: Mapping[DocumentId, Hold]) -> bool:
    """Whether one of them refers to a row that may still come."""
    return any(hold.kind is ConflictKind.FOREIGN_KEY_VIOLATION for hold in holds.values())
