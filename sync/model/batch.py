"""What is applied in one target transaction: a batch of the source's transactions, or copied documents.

Both say which rows they need, what they make of them, and which checkpoint follows; the pipeline carries it out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from sync.model.carrying import NO_MOVES, Moves, moves
from sync.model.change import (
    USER,
    ConflictKind,
    DocumentId,
    DocumentRows,
    Entry,
    Hold,
    Places,
    RowChange,
    StructureChange,
    Transaction,
    Value,
)
from sync.model.fold import fold, needs, places
from sync.model.mapping import CollectionMapping
from sync.model.position import BinlogPosition, Checkpoint, CopiedRange, Mark, Position, comparable, reached
from sync.model.values import order_text


class Work(Protocol):
    """What the pipeline applies in one transaction, or in smaller ones where that fails."""

    def entries(
        self, copied: Iterable[CopiedRange], all_seen: Callable[[Position | None], bool]
    ) -> dict[DocumentId, list[Entry]]:
        """By document, in source order, without those that a copy or a repair contains already, and without echoes that
        were not decoded and need not be: their writer had seen all of ours (`OwnWrites.all_seen`), and nothing comes before
        them here."""

    def needs(self, collection: CollectionMapping, entries: Sequence[Entry]) -> frozenset[str]:
        """The tables of which the document's rows must be read."""

    def places(self, collection: CollectionMapping, entries: Sequence[Entry]) -> Places:
        """Of some of those tables the positions that are enough."""

    def outcome(
        self,
        collection: CollectionMapping,
        document: DocumentId,
        rows: DocumentRows,
        entries: Sequence[Entry],
        partial: Container[str] = (),
        counted: Counter[ConflictKind] | None = None,
    ) -> DocumentRows | Hold:
        """The document's rows afterwards, over the same tables as `rows`; or why it must be held. Of the tables `partial`
        only the rows at `places` are there. `counted`: see `sync.model.fold.fold`."""

    def advance(self, checkpoint: Checkpoint) -> Checkpoint:
        """The checkpoint to write with it."""

    def halves(self) -> Sequence[Work]:
        """Two smaller ones, or this one where it cannot be divided."""

    def singles(self) -> Sequence[Work]:
        """The smallest ones."""

    def joined(self, following: Work) -> Work:
        """With the next one of those that `singles` gave."""

    @property
    def end(self) -> Transaction | None:
        """What was passed once it is done without a write; None where its checkpoint must be written in any case."""

    @property
    def mark(self) -> Mark | None:
        """The mark of a look that stands there."""

    @property
    def structure(self) -> tuple[StructureChange, ...]:
        """What was done to collections as a whole, before all else that stands there."""

    def moves(self, copied: Iterable[CopiedRange]) -> Moves:
        """Rows that were given other keys, by entries that count."""


@dataclass(frozen=True, slots=True)
class Batch:
    """In the order of the source's log; never empty."""

    transactions: tuple[Transaction, ...]

    @property
    def last(self) -> Transaction:
        return self.transactions[-1]

    @property
    def seen(self) -> Position:
        """Place of the first user event; the end where there is none. What the writer had read when it wrote this batch."""
        return next((one.first_user for one in self.transactions if one.first_user), self.last.position)

    @property
    def rows(self) -> int:
        return sum(one.rows for one in self.transactions)

    def entries(
        self, copied: Iterable[CopiedRange], all_seen: Callable[[Position | None], bool]
    ) -> dict[DocumentId, list[Entry]]:
        """See `Work`."""
        contained = _contained(copied)
        grouped: dict[DocumentId, list[Entry]] = {}
        for one in self.transactions:
            entries = one.entries
            if one.undecoded and (grouped or entries or not all_seen(one.undecoded.seen)):
                entries += one.undecoded.decode()
            for entry in entries:
                if not contained(entry):
                    grouped.setdefault(entry.document, []).append(entry)
        return grouped

    @property
    def end(self) -> Transaction:
        return self.last

    @property
    def mark(self) -> Mark | None:
        """Its transaction stands alone: what came before it has been applied, and what follows is newer than the look."""
        return self.last.mark

    @property
    def structure(self) -> tuple[StructureChange, ...]:
        """Stands alone, as a mark does."""
        return self.last.structure

    def moves(self, copied: Iterable[CopiedRange]) -> Moves:
        return moves(self.transactions, _contained(copied))

    def needs(self, collection: CollectionMapping, entries: Sequence[Entry]) -> frozenset[str]:
        return needs(collection, entries)

    def places(self, collection: CollectionMapping, entries: Sequence[Entry]) -> Places:
        return places(collection, entries)

    def outcome(
        self,
        collection: CollectionMapping,
        document: DocumentId,
        rows: DocumentRows,
        entries: Sequence[Entry],
        partial: Container[str] = (),
        counted: Counter[ConflictKind] | None = None,
    ) -> DocumentRows | Hold:
        return fold(collection, rows, entries, partial, counted)

    def advance(self, checkpoint: Checkpoint) -> Checkpoint:
        return advanced(checkpoint, self.last, self.seen)

    def halves(self) -> tuple[Batch, ...]:
        """Two smaller batches, or this one where it is a single transaction."""
        middle = len(self.transactions) // 2
        if not middle:
            return (self,)
        return Batch(self.transactions[:middle]), Batch(self.transactions[middle:])

    def singles(self) -> tuple[Batch, ...]:
        """Each transaction as a batch of its own."""
        return tuple(Batch((one,)) for one in self.transactions)

    def joined(self, following: Work) -> Batch:
        assert isinstance(following, Batch)
        return Batch(self.transactions + following.transactions)


@dataclass(frozen=True, slots=True, kw_only=True)
class CopiedDocuments:
    """Documents of one range in key order, read from the other side at `position`; None where nothing was read there (they
    stand in the target only, and `problems` says so)."""

    collection: str
    documents: Mapping[DocumentId, DocumentRows]
    #: Documents that cannot be copied, and why.
    problems: Mapping[DocumentId, Hold]
    position: Position | None
    #: Microseconds since the epoch: when it was read.
    read_at: int
    #: From which key (as text) on it was read: between there and the first document nothing stood.
    begin: str | None = None

    @property
    def end(self) -> None:
        return None

    @property
    def mark(self) -> None:
        return None

    @property
    def structure(self) -> tuple[StructureChange, ...]:
        return ()

    def moves(self, copied: Iterable[CopiedRange]) -> Moves:
        return NO_MOVES

    def entries(
        self, copied: Iterable[CopiedRange], all_seen: Callable[[Position | None], bool]
    ) -> dict[DocumentId, list[Entry]]:
        return {document: [self._entry(document)] for document in self._order}

    def needs(self, collection: CollectionMapping, entries: Sequence[Entry]) -> frozenset[str]:
        return frozenset(table.name for table in collection.tables)

    def places(self, collection: CollectionMapping, entries: Sequence[Entry]) -> Places:
        return {}

    def outcome(
        self,
        collection: CollectionMapping,
        document: DocumentId,
        rows: DocumentRows,
        entries: Sequence[Entry],
        partial: Container[str] = (),
        counted: Counter[ConflictKind] | None = None,
    ) -> DocumentRows | Hold:
        if document in self.problems:
            return self.problems[document]
        wanted = self.documents[document]
        if rows != wanted and any(rows.values()):
            return Hold(kind=ConflictKind.SNAPSHOT_DIFFERS, reason="both sides had it before the start, and differ")
        return wanted

    def advance(self, checkpoint: Checkpoint) -> Checkpoint:
        if self.position is None:
            return checkpoint.next()
        first, last = order_text(self._order[0].key), order_text(self._order[-1].key)
        if self.begin is not None:
            first = min(first, self.begin)
        done = CopiedRange(collection=self.collection, first=first, last=last, position=self.position)
        return checkpoint.next(copied=joined(checkpoint.copied, done))

    def halves(self) -> tuple[CopiedDocuments, ...]:
        middle = len(self._order) // 2
        if not middle:
            return (self,)
        first, rest = self._order[:middle], self._order[middle:]
        return self._part(first, self.begin), self._part(rest, behind(first[-1].key))

    def singles(self) -> tuple[CopiedDocuments, ...]:
        begins = (self.begin, *(behind(one.key) for one in self._order))
        return tuple(self._part([one], begin) for one, begin in zip(self._order, begins, strict=False))

    def joined(self, following: Work) -> CopiedDocuments:
        assert isinstance(following, CopiedDocuments)
        return replace(
            self,
            documents={**self.documents, **following.documents},
            problems={**self.problems, **following.problems},
        )

    @property
    def _order(self) -> list[DocumentId]:
        return sorted({*self.documents, *self.problems}, key=lambda document: order_text(document.key))

    def _part(self, order: Sequence[DocumentId], begin: str | None) -> CopiedDocuments:
        return CopiedDocuments(
            collection=self.collection,
            documents={one: self.documents[one] for one in order if one in self.documents},
            problems={one: self.problems[one] for one in order if one in self.problems},
            position=self.position,
            read_at=self.read_at,
            begin=begin,
        )

    def _entry(self, document: DocumentId) -> Entry:
        rows = self.documents.get(document, {})
        return Entry(
            document=document,
            changes=tuple(
                RowChange(table=table, key=key, before=None, after=row)
                for table, of_table in rows.items()
                for key, row in of_table.items()
            ),
            origin=USER,
            committed_at=self.read_at,
            position=self.position or _NOWHERE,
            problem=self.problems.get(document),
            copied=True,
        )


#: For notes of documents that no log told of: before everything.
_NOWHERE = BinlogPosition(server="", file="", offset=0)


def joined(copied: tuple[CopiedRange, ...], done: CopiedRange) -> tuple[CopiedRange, ...]:
    """With one more range; it lengthens the last one where that was read at the same position."""
    last = copied[-1] if copied else None
    if last and (last.collection, last.position) == (done.collection, done.position) and last.last <= done.first:
        longer = CopiedRange(collection=last.collection, first=last.first, last=done.last, position=last.position)
        return (*copied[:-1], longer)
    return (*copied, done)


def behind(key: Value) -> str:
    """The least text that is greater than a key's: where what follows it begins."""
    return order_text(key) + "\0"


def has_users(entries: Iterable[Entry]) -> bool:
    """Whether any of them was made by a user."""
    for entry in entries:  # noqa: SIM110 - asked several times for each document of a batch: a generator costs more
        if entry.origin is USER:
            return True
    return False


def _contained(copied: Iterable[CopiedRange]) -> Callable[[Entry], bool]:
    """Whether any of the copied ranges contains an entry's change."""
    ranges = tuple(copied)
    return lambda entry: any(contains(done, entry) for done in ranges) if ranges else False


def contains(done: CopiedRange, entry: Entry) -> bool:
    """Whether the copied documents were read at or after the entry's change."""
    if done.collection != entry.document.collection:
        return False
    if not done.first <= order_text(entry.document.key) <= done.last:
        return False
    return comparable(done.position, entry.position) and reached(done.position, entry.position)


def advanced(checkpoint: Checkpoint, to: Transaction, seen: Position | None) -> Checkpoint:
    """The checkpoint once everything up to `to` is applied. Ranges that the position has passed are forgotten."""
    left = tuple(
        one
        for one in checkpoint.copied
        if not (comparable(to.position, one.position) and reached(to.position, one.position))
    )
    return checkpoint.next(
        position=to.position, rows_done=to.rows_done, seen=seen or to.position, known=to.known, copied=left
    )
