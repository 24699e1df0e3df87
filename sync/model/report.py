"""What long work and questions answer with: values that the command line, the API and tests show as they like."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sync.model.change import DocumentId, DocumentRows, Hold, RowKey, Side


class Level(enum.StrEnum):
    """How bad a finding of the preflight is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of `lockstep doctor`."""

    level: Level
    #: What was looked at, for example "mysql: binlog_format".
    subject: str
    #: What was found.
    message: str
    #: What to do about it; "" where all is well.
    fix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that setup or teardown does. Applying it twice does no harm."""

    text: str
    #: Nothing is left to do.
    done: bool
    apply: Callable[[], None]
    #: What a dry run shows below the text: a validator, say.
    details: str = ""


class Presence(enum.StrEnum):
    """How a document compares."""

    DIFFERENT = "different"
    #: In MySQL, not in MongoDB.
    MISSING_IN_MONGO = "missing_in_mongo"
    #: In MongoDB, not in MySQL.
    MISSING_IN_MYSQL = "missing_in_mysql"
    #: It stands somewhere but cannot be expressed in rows, or its rows are no document.
    UNMAPPABLE = "unmappable"


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferentField:
    """One place of a document, and what both sides hold there: canonical values."""

    table: str
    key: RowKey
    #: None: the row as a whole, which one side lacks; or a document that cannot be expressed in rows.
    column: str | None
    #: Of a row its columns, None where there is none; of a document that cannot be expressed its text.
    mysql: object
    mongo: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One document that is not the same on both sides."""

    document: DocumentId
    presence: Presence
    #: Tables and columns that differ, without values.
    places: tuple[str, ...] = ()
    #: It has an open conflict.
    held: bool = False
    #: With both values; None where they were left out, for there are too many.
    fields: tuple[DifferentField, ...] | None = None
    #: When a verify first saw just these two values (seconds since the epoch); None: not asked.
    first_seen: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What `lockstep verify` found. Documents held in an open conflict are counted apart (promise 4)."""

    documents: int
    #: Of these documents: both sides sent just what they had sent when the documents were equal.
    unchanged: int = 0
    #: When the interrupted run began that this one went on with (seconds since the epoch).
    resumed_from: float | None = None
    #: Per collection: documents compared.
    collections: Mapping[str, int]
    differences: tuple[Difference, ...] = ()
    #: They were other ones each time they were read: no difference, and not known to be equal.
    busy: tuple[DocumentId, ...] = ()

    def count(self, *presences: Presence, held: bool = False) -> int:
        return sum(1 for one in self.differences if one.held == held and one.presence in presences)

    @property
    def equal(self) -> bool:
        return all(one.held for one in self.differences)


#: States of a conflict row, in the order in which they are shown.
CONFLICT_STATES = ("open", "waiting", "settled", "converged")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictCounts:
    """How many conflict rows there are."""

    #: Of each of CONFLICT_STATES; the closed ones as far as they are kept.
    states: Mapping[str, int]
    #: Since when the oldest document that is held has been so; None where none is.
    oldest_held_seconds: float | None

    @property
    def held(self) -> int:
        return self.states["open"] + self.states["waiting"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyReport:
    """What a first copy did."""

    documents: int
    rows: int
    #: Documents that were equal on both sides already.
    already_equal: int
    #: Documents that could not be copied and are held: those that differ, or only the target has, or are unmappable.
    held: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairReport:
    """What a repair did, or with `dry_run` would do, to one document."""

    document: DocumentId
    origin: Side
    #: Both sides were equal already; nothing was written.
    was_equal: bool
    #: Tables and columns written, without values.
    places: tuple[str, ...]
    #: The conflict row that was closed.
    conflict: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRepair:
    """Why a document was not repaired, and what helps."""

    document: DocumentId
    reason: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One document: its rows, its document, and what the mapping makes of each."""

    document: DocumentId
    mysql_rows: DocumentRows
    mysql_problem: Hold | None
    #: What the rows assemble to, None if absent.
    mysql_as_document: Mapping[str, object] | None
    mongo_rows: DocumentRows
    mongo_problem: Hold | None
    #: The document as it stands, unmapped fields included.
    mongo_document: Mapping[str, object] | None
    places: tuple[str, ...]
    #: The open conflict row, if any, with its look and both sides' notes.
    conflict: Mapping[str, object] | None = field(default=None)
