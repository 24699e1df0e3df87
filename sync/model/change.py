"""What moves: row changes, grouped by document and by source transaction. Both directions speak this language.

Nothing here knows where a change came from or how it is written.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, TypeAlias

from sync.model.position import Known, Mark, Position

#: A canonical value: what a codec makes of the same datum whether it came by SELECT, binlog, change stream or find.
#: Dates are naive UTC datetimes. Within one column two values are equal if and only if they are the same datum.
Value: TypeAlias = bool | int | float | Decimal | str | bytes | datetime | None
#: Values of a row's key columns, in the mapping's order; the first is the key of the document.
RowKey: TypeAlias = tuple[Value, ...]
#: Mapped columns of a row that are not part of its key.
Row: TypeAlias = Mapping[str, Value]
#: The rows of one document: table -> key -> row.
DocumentRows: TypeAlias = Mapping[str, Mapping[RowKey, Row]]
#: Of some of the root's lists the positions that matter: table -> positions.
Places: TypeAlias = Mapping[str, Collection[int]]


class DocumentId(NamedTuple):
    """A document and all its rows: the unit of writing, holding and deciding."""

    collection: str
    #: Canonical value of the root row's key column.
    key: Value


class Side(enum.StrEnum):
    """One of the two databases."""

    MYSQL = "mysql"
    MONGO = "mongo"

    @property
    def other(self) -> Side:
        return Side.MONGO if self is Side.MYSQL else Side.MYSQL


class Origin(enum.StrEnum):
    """Who wrote a change: a user, or the other worker (then the transaction carried its checkpoint)."""

    USER = "user"
    ECHO = "echo"


#: Asked for several times a row; Python 3.11 looks a member of an enum up by a function.
USER, ECHO = Origin.USER, Origin.ECHO


class ConflictKind(enum.StrEnum):
    """What a change meets, in the field's names; `sync.model.kinds` tells what each means."""

    INSERT_EXISTS = "insert_exists"
    UPDATE_DIFFERS = "update_differs"
    #: Merged by itself, and only counted.
    UPDATE_DISJOINT = "update_disjoint"
    UPDATE_MISSING = "update_missing"
    UPDATE_DELETED = "update_deleted"
    DELETE_DIFFERS = "delete_differs"
    #: Only counted.
    DELETE_MISSING = "delete_missing"
    KEY_EXISTS = "key_exists"
    UNIQUE_VIOLATION = "unique_violation"
    FOREIGN_KEY_VIOLATION = "foreign_key_violation"
    CONSTRAINT_VIOLATION = "constraint_violation"
    UNMAPPABLE_DOCUMENT = "unmappable_document"
    SCHEMA_MISMATCH = "schema_mismatch"
    SNAPSHOT_DIFFERS = "snapshot_differs"
    ECHO_DIFFERS = "echo_differs"
    MISSING_IMAGE = "missing_image"
    LIST_GAP = "list_gap"
    PARENT_MISSING = "parent_missing"
    #: What MySQL made of a write by itself meets a change that had not seen it.
    CORRECTION = "correction"


class RowChange(NamedTuple):
    """One row before and after; `before is None` is an insert, `after is None` a delete, never both."""

    table: str
    key: RowKey
    before: Row | None
    after: Row | None


class Blocker(NamedTuple):
    """A row that has the unique value which another document is to have. Of a document of MongoDB it is the root's."""

    document: DocumentId
    table: str
    key: RowKey
    #: The unique key or index.
    under: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Why a document must be held; a value that the pipeline obeys. The reason never contains values of rows."""

    kind: ConflictKind
    reason: str
    table: str | None = None
    key: RowKey | None = None
    #: Of a unique violation: every row that stands in the way.
    blockers: tuple[Blocker, ...] = ()


#: Of most entries.
_NONE_MOVED: Mapping[tuple[str, RowKey], RowKey | None] = {}


class Entry(NamedTuple):
    """The changes that one source transaction made to one document, in source order."""

    document: DocumentId
    changes: tuple[RowChange, ...]
    origin: Origin
    #: Commit time in microseconds since the epoch, at the source's resolution (MongoDB: ms, MariaDB: s).
    committed_at: int
    #: Place in the source's log, for ordering notes of one side: later entries compare greater. For a binlog entry the
    #: position of its transaction's end, for a stream entry that of its event.
    position: Position
    #: Of an echo: how far its writer had read this side's opposite log (`Checkpoint.seen`).
    seen: Position | None = None
    #: Why this entry cannot be merged (no images, unmappable document); `changes` then hold what could be told, or nothing.
    problem: Hold | None = None
    #: Places (table and key) at which another row stood when the transaction began, because rows were given other keys:
    #: there the key that the row had then; None where a row left, and none that had another key came.
    moved: Mapping[tuple[str, RowKey], RowKey | None] = _NONE_MOVED
    #: A user's entry that nobody wrote: what MySQL made by itself of the listener's rows (`model.corrections`).
    correction: bool = False
    #: Nobody wrote it now: a copy found the document so. Who wrote what, and what they had seen, no log tells.
    copied: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecoded:
    """Entries of an echo as the log has them. Most are never looked at (design 2.4, rule 1)."""

    #: See `Entry.seen`; the same for all of them.
    seen: Position | None
    #: Row events; each has at least one row.
    events: int
    #: Makes the entries. Raises what reading the log raises.
    decode: Callable[[], tuple[Entry, ...]]


class CollectionState(enum.StrEnum):
    """How a collection is carried."""

    #: As ever.
    CARRIED = "carried"
    #: As ever, and its documents are compared meanwhile: one that differs without an edit in the logs is held.
    COMPARING = "comparing"
    #: Nobody writes it on either side, and each document that people change is held, with their changes noted.
    PAUSED = "paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class StructureChange:
    """A change of a collection or of one of its tables as a whole: which rows or documents it altered stands in no log."""

    collection: str
    #: What it comes to where the mapping still fits; CARRIED: only whether it fits is to be looked at.
    state: CollectionState
    #: Where it was made; whose version counts where no edit tells.
    side: Side
    #: Kind and object: "TRUNCATE TABLE on account".
    reason: str
    #: That side counts even where it has a document no more.
    whole: bool
    #: Microseconds since the epoch.
    committed_at: int
    position: Position


class Transaction(NamedTuple):
    """One source transaction, or one part of an oversize one. Transactions without entries only move the position."""

    entries: tuple[Entry, ...]
    #: Where reading resumes once this is applied: this transaction's end; for a part that is not the last one,
    #: the end of the transaction before it.
    position: Position
    #: The other worker's checkpoint as this log has shown it up to this transaction's end.
    known: Known
    #: Of a part that is not the last: how many raw source rows (or stream events) from the transaction's start are done. Else 0.
    rows_done: int = 0
    #: Place of the first user event (`Checkpoint.seen`); None where it holds none.
    first_user: Position | None = None
    #: Estimated memory, bytes.
    size: int = 0
    #: Commit time in microseconds since the epoch (0 where the log told none); what lag is measured from.
    committed_at: int = 0
    #: A look's mark that stands here; its transaction is a batch of its own.
    mark: Mark | None = None
    #: The binlog only: the look whose mark the listener has met by now; whether this left an open conflict row without a
    #: look, and whether it closed one.
    met: int | None = None
    due: bool = False
    closed: bool = False
    #: Stands for entries that come after `entries`.
    undecoded: Undecoded | None = None
    #: What it did to mapped collections as a whole, before anything else; it is a batch of its own.
    structure: tuple[StructureChange, ...] = ()

    @property
    def alone(self) -> bool:
        """Whether it is a batch of its own."""
        return bool(self.mark or self.structure)

    @property
    def rows(self) -> int:
        """Row changes; of what is not decoded the least that it can be."""
        rows = self.undecoded.events if self.undecoded else 0
        for entry in self.entries:  # asked for each transaction of a batch: a generator costs more
            rows += len(entry.changes)
        return rows
