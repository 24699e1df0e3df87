"""The kinds of conflicts: one table of kind, meaning and what a person can do. Shown by CLI, API and docs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sync.model.change import ConflictKind, Side
from sync.model.notes import Notes
from sync.model.outcome import Looked


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One row of the table."""

    kind: ConflictKind
    meaning: str
    #: What a person can do about it; most settle by themselves.
    help: str
    #: Its document is held. Others are only counted (`lockstep status`).
    held: bool = True


_SETTLES = (
    "nothing: it settles by the collection's policy, and lockstep conflicts show keeps what lost;"
    " under the policy manual: lockstep conflicts resolve"
)

KINDS: Mapping[ConflictKind, Kind] = {
    kind.kind: kind
    for kind in (
        Kind(
            kind=ConflictKind.INSERT_EXISTS, meaning="both sides inserted the row, with different values", help=_SETTLES
        ),
        Kind(kind=ConflictKind.UPDATE_DIFFERS, meaning="both sides changed the same field of a row", help=_SETTLES),
        Kind(
            kind=ConflictKind.UPDATE_DISJOINT,
            meaning="both sides changed a row, in different fields; both changes stand",
            help="nothing: it is merged by itself, and only counted",
            held=False,
        ),
        Kind(
            kind=ConflictKind.UPDATE_MISSING,
            meaning="the row that was changed is absent on the other side",
            help=_SETTLES,
        ),
        Kind(
            kind=ConflictKind.UPDATE_DELETED,
            meaning="one side changed a row that the other side deleted",
            help=_SETTLES,
        ),
        Kind(
            kind=ConflictKind.DELETE_DIFFERS,
            meaning="one side deleted a row that the other side had changed, or added to",
            help=_SETTLES,
        ),
        Kind(
            kind=ConflictKind.DELETE_MISSING,
            meaning="a row that was deleted on one side is gone on the other already",
            help="nothing: it is only counted",
            held=False,
        ),
        Kind(
            kind=ConflictKind.KEY_EXISTS,
            meaning="a row of MySQL was given a key that another row of the document's side has",
            help=_SETTLES,
        ),
        Kind(
            kind=ConflictKind.UNIQUE_VIOLATION,
            meaning="another row has the value, and a unique key or index forbids it twice; the rows in the way are named",
            help="change or delete one of the two; it settles by itself then",
        ),
        Kind(
            kind=ConflictKind.FOREIGN_KEY_VIOLATION,
            meaning="a row that it refers to is absent in MySQL, or rows there still refer to it",
            help="add the row, or take the reference away; it settles by itself then",
        ),
        Kind(
            kind=ConflictKind.CONSTRAINT_VIOLATION,
            meaning="the other side's columns or rules refuse a value: NOT NULL, CHECK, range, length, enum, precision",
            help="change the value, or the column or rule; it settles by itself then",
        ),
        Kind(
            kind=ConflictKind.UNMAPPABLE_DOCUMENT,
            meaning="rows and documents cannot express each other here: missing, wrong type, too deep, a member twice,"
            " a value that SQL or BSON cannot hold, over 16 MB",
            help="mend it on the side that has it (the reason names the field), or: lockstep repair --from the other side",
        ),
        Kind(
            kind=ConflictKind.SCHEMA_MISMATCH,
            meaning="a table or collection was changed as a whole: a column or table is missing, it was emptied or dropped, or"
            " its documents were compared after that and differ",
            help="lockstep status: where its collection is paused, bring lockstep.toml and the schema in line (lockstep doctor),"
            " then lockstep resume --collection NAME; what was compared settles by itself",
        ),
        Kind(
            kind=ConflictKind.SNAPSHOT_DIFFERS,
            meaning="both sides held different data before the start, or a person found them different",
            help="decide: lockstep conflicts resolve, field by field, or lockstep repair --from mysql|mongo",
        ),
        Kind(
            kind=ConflictKind.ECHO_DIFFERS,
            meaning="two writes have passed each other: the document moved on while its other version was being written",
            help=_SETTLES,
        ),
        Kind(
            kind=ConflictKind.MISSING_IMAGE,
            meaning="a change came without the document's image before or after it",
            help="nothing, if it is rare: both sides are read; else lockstep doctor",
        ),
        Kind(
            kind=ConflictKind.LIST_GAP,
            meaning="positions of a list are not 0, 1, 2 …",
            help="nothing: they are counted anew on both sides",
        ),
        Kind(
            kind=ConflictKind.PARENT_MISSING,
            meaning="a child row has no row above it",
            help="add the row above it, or delete it, in MySQL; from MongoDB it settles by itself",
        ),
        Kind(
            kind=ConflictKind.CORRECTION,
            meaning="what MySQL made of a write by itself (a default, a trigger) met a change that had not seen it",
            help="nothing: the user's change stands, whenever it was made; lockstep conflicts show keeps what MySQL made",
        ),
    )
}

#: Kinds of which there are conflict rows.
HELD = tuple(kind for kind, row in KINDS.items() if row.held)


#: What a change meets that somebody made on the other side.
_MET_BY_CHANGES = (
    ConflictKind.INSERT_EXISTS,
    ConflictKind.UPDATE_DIFFERS,
    ConflictKind.UPDATE_MISSING,
    ConflictKind.DELETE_DIFFERS,
)


def refined(kind: ConflictKind, looked: Looked, notes: Mapping[Side, Notes]) -> ConflictKind:
    """The kind by what both sides' notes tell by now: a user's change met corrections, if MySQL's notes tell of nothing else;
    an update of a row that is missing met a delete, if the side that lacks the row has noted one."""
    mysql, mongo = notes[Side.MYSQL], notes[Side.MONGO]
    by_itself = mysql.places and not mysql.unread and all(note.by_itself for note in mysql.places.values())
    if kind in _MET_BY_CHANGES and by_itself and mongo.places:
        return ConflictKind.CORRECTION
    if kind is not ConflictKind.UPDATE_MISSING:
        return kind
    for side in Side:
        for (table, key, column), note in notes[side].places.items():
            deleted = not column and note.value is False
            if deleted and key not in looked.of(side)[table] and key in looked.of(side.other)[table]:
                return ConflictKind.UPDATE_DELETED
    return kind
