"""The table: each kind, met first on the way from either side; what becomes of it, told without the engine.

A policy is one more collection (`items`) and one more line of WINNER; a field's policy has lines of FIELD_CELLS besides. A kind
is one more line of CELLS for each direction, or one of WHY_NOT.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from bson import ObjectId

from sync.model.change import ConflictKind as Kind
from sync.model.change import Side
from tests.integration.conflicts.items import MOST_A, MOST_B, Items, item
from tests.plain import Doc

#: Side, column ("" for whether a row is there), value.
Lost: TypeAlias = tuple[Side, str, object]
#: Whose version the person of the suite takes.
PERSONS = Side.MYSQL


class Meeting(NamedTuple):
    """Whose people wrote last, and whose deleted the document, if any did."""

    later: Side
    deleter: Side | None


#: Who wins under a policy.
WINNER: Mapping[str, Callable[[Meeting], Side]] = {
    "last_write_wins": lambda of: of.later,
    "first_write_wins": lambda of: of.later.other,
    "mysql_wins": lambda _: Side.MYSQL,
    "mongo_wins": lambda _: Side.MONGO,
    "manual": lambda _: PERSONS,
    "custom": lambda of: Side.MYSQL if of.deleter is Side.MONGO else Side.MONGO,
    # Of a field; MongoDB's people always write the greater value (`value`).
    "max": lambda _: Side.MONGO,
    "min": lambda _: Side.MYSQL,
    "delta": lambda of: of.later,
    "append": lambda of: of.later,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Of one cell: its document, another one beside it, and a number that nobody else uses."""

    one: ObjectId
    other: ObjectId
    number: int


def value(side: Side, keys: Keys) -> int:
    """What that side's people write: nobody else writes it."""
    return 10 + 2 * keys.number + (side is Side.MONGO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One kind in one direction: the change of `direction`'s people is the one that meets something."""

    kind: Kind
    direction: Side
    #: What people do on each side. The side that writes last is another matter.
    edits: Mapping[Side, Callable[[Items, Keys], None]]
    #: What stands on both sides at the end, by the winner.
    final: Callable[[Keys, Side], Mapping[ObjectId, Doc | None]]
    #: What is in the report as lost, by the winner.
    lost: Callable[[Keys, Side], set[Lost]] = lambda _, __: set()
    #: Stands on both sides before.
    base: Callable[[Keys], list[Doc]] = lambda keys: [item(keys.one)]
    #: The kind when it is first met, and of the conflict in the end; None: no document is held.
    met: Kind | None = None
    #: It waits until this is done.
    mend: Callable[[Items, Keys], None] | None = None
    #: The document in the way.
    in_the_way: Callable[[Keys], ObjectId] | None = None
    deleter: Side | None = None


def _nothing(_: Items, __: Keys) -> None:
    pass


def _updates(side: Side, column: str = "a") -> Callable[[Items, Keys], None]:
    return lambda items, keys: items.update(side, keys.one, **{column: value(side, keys)})


def _deletes(side: Side) -> Callable[[Items, Keys], None]:
    return lambda items, keys: items.delete(side, keys.one)


def _inserts(side: Side) -> Callable[[Items, Keys], None]:
    return lambda items, keys: items.insert(side, item(keys.one, a=value(side, keys)))


def _both_changed(
    kind: Kind, direction: Side, edits: Mapping[Side, Callable[[Items, Keys], None]], **more: object
) -> Cell:
    """The value of `a` is decided."""
    return Cell(
        kind=kind,
        direction=direction,
        edits=edits,
        final=lambda keys, winner: {keys.one: item(keys.one, a=value(winner, keys))},
        lost=lambda keys, winner: {(winner.other, "a", value(winner.other, keys))},
        met=kind,
        **more,  # type: ignore[arg-type]
    )


def _update_and_delete(kind: Kind, direction: Side, deleter: Side, met: Kind) -> Cell:
    """Whether the document stays is decided."""
    updater = deleter.other
    return Cell(
        kind=kind,
        direction=direction,
        edits={updater: _updates(updater), deleter: _deletes(deleter)},
        final=lambda keys, winner: {keys.one: item(keys.one, a=value(updater, keys)) if winner is updater else None},
        lost=lambda keys, winner: (
            {(deleter, "", False)} if winner is updater else {(updater, "a", value(updater, keys))}
        ),
        met=met,
        deleter=deleter,
    )


def _waits(
    kind: Kind,
    direction: Side,
    edit: Callable[[Items, Keys], None],
    mend: Callable[[Items, Keys], None],
    **final: Callable[[Keys], object],
) -> Cell:
    """Nobody else changes anything: whatever the policy, it waits until it is mended."""
    return Cell(
        kind=kind,
        direction=direction,
        edits={direction: edit, direction.other: _nothing},
        final=lambda keys, _: {keys.one: item(keys.one, **{name: of(keys) for name, of in final.items()})},
        met=kind,
        mend=mend,
    )


def _unique_violation(direction: Side) -> Cell:
    """Each side gives the same number to another document; whichever is asked first, both wait until one is given up."""
    there = direction.other
    return Cell(
        kind=Kind.UNIQUE_VIOLATION,
        direction=direction,
        base=lambda keys: [item(keys.one), item(keys.other)],
        edits={
            direction: lambda items, keys: items.update(direction, keys.one, code=keys.number),
            there: lambda items, keys: items.update(there, keys.other, code=keys.number),
        },
        final=lambda keys, _: {
            keys.one: item(keys.one, code=keys.number),
            keys.other: item(keys.other, code=-keys.number),
        },
        met=Kind.UNIQUE_VIOLATION,
        mend=lambda items, keys: items.update(there, keys.other, code=-keys.number),
        in_the_way=lambda keys: keys.other,
    )


def _parent_missing(direction: Side) -> Cell:
    """An element is added to a document that the other side deletes."""
    deleter = direction.other
    return Cell(
        kind=Kind.PARENT_MISSING,
        direction=direction,
        edits={direction: lambda items, keys: items.append(direction, keys.one, 0, 9), deleter: _deletes(deleter)},
        final=lambda keys, winner: {keys.one: item(keys.one, elements=[9]) if winner is direction else None},
        lost=lambda keys, winner: (
            {(deleter, "", False)} if winner is direction else {(direction, "", True), (direction, "value", 9)}
        ),
        met=Kind.PARENT_MISSING,
        deleter=deleter,
    )


CELLS: tuple[Cell, ...] = (
    *(
        _both_changed(Kind.INSERT_EXISTS, side, {one: _inserts(one) for one in Side}, base=lambda _: [])
        for side in Side
    ),
    *(_both_changed(Kind.UPDATE_DIFFERS, side, {one: _updates(one) for one in Side}) for side in Side),
    *(
        Cell(
            kind=Kind.UPDATE_DISJOINT,
            direction=side,
            edits={Side.MYSQL: _updates(Side.MYSQL, "a"), Side.MONGO: _updates(Side.MONGO, "b")},
            final=lambda keys, _: {keys.one: item(keys.one, a=value(Side.MYSQL, keys), b=value(Side.MONGO, keys))},
        )
        for side in Side
    ),
    Cell(
        kind=Kind.UPDATE_MISSING,
        direction=Side.MONGO,
        edits={
            Side.MONGO: _updates(Side.MONGO),
            Side.MYSQL: lambda items, keys: items.unlogged("DELETE FROM {name} WHERE id = %s", str(keys.one)),
        },
        final=lambda keys, _: {keys.one: item(keys.one, a=value(Side.MONGO, keys))},
        met=Kind.UPDATE_MISSING,
    ),
    *(_update_and_delete(Kind.UPDATE_DELETED, side, side.other, Kind.UPDATE_MISSING) for side in Side),
    *(_update_and_delete(Kind.DELETE_DIFFERS, side, side, Kind.DELETE_DIFFERS) for side in Side),
    *(
        Cell(
            kind=Kind.DELETE_MISSING,
            direction=side,
            edits={one: _deletes(one) for one in Side},
            final=lambda keys, _: {keys.one: None},
        )
        for side in Side
    ),
    Cell(
        kind=Kind.KEY_EXISTS,
        direction=Side.MYSQL,
        base=lambda keys: [item(keys.other, a=value(Side.MYSQL, keys))],
        edits={
            Side.MYSQL: lambda items, keys: items.rename(keys.other, keys.one),
            Side.MONGO: _inserts(Side.MONGO),
        },
        final=lambda keys, winner: {keys.one: item(keys.one, a=value(winner, keys)), keys.other: None},
        lost=lambda keys, winner: {(winner.other, "a", value(winner.other, keys))},
        met=Kind.KEY_EXISTS,
    ),
    *(_unique_violation(side) for side in Side),
    _waits(
        Kind.FOREIGN_KEY_VIOLATION,
        Side.MONGO,
        lambda items, keys: items.update(Side.MONGO, keys.one, parent=keys.number),
        lambda items, keys: items.parent(keys.number),
        parent=lambda keys: keys.number,
    ),
    _waits(
        Kind.CONSTRAINT_VIOLATION,
        Side.MONGO,
        lambda items, keys: items.update(Side.MONGO, keys.one, a=MOST_A + 1),
        lambda items, keys: items.update(Side.MONGO, keys.one, a=9),
        a=lambda _: 9,
    ),
    _waits(
        Kind.CONSTRAINT_VIOLATION,
        Side.MYSQL,
        lambda items, keys: items.update(Side.MYSQL, keys.one, b=MOST_B + 1),
        lambda items, keys: items.update(Side.MYSQL, keys.one, b=9),
        b=lambda _: 9,
    ),
    _waits(
        Kind.UNMAPPABLE_DOCUMENT,
        Side.MONGO,
        lambda items, keys: items.update(Side.MONGO, keys.one, a="text"),
        lambda items, keys: items.update(Side.MONGO, keys.one, a=9),
        a=lambda _: 9,
    ),
    _waits(
        Kind.UNMAPPABLE_DOCUMENT,
        Side.MYSQL,
        lambda items, keys: items.update(Side.MYSQL, keys.one, flag=7),
        lambda items, keys: items.update(Side.MYSQL, keys.one, flag=0),
        flag=lambda _: False,
    ),
    Cell(
        kind=Kind.LIST_GAP,
        direction=Side.MYSQL,
        base=lambda keys: [item(keys.one, elements=[1, 2, 3])],
        edits={
            Side.MYSQL: lambda items, keys: items.mysql(
                "DELETE FROM {name}_element WHERE item_id = %s AND position = 1", str(keys.one)
            ),
            Side.MONGO: _nothing,
        },
        final=lambda keys, _: {keys.one: item(keys.one, elements=[1, 3])},
        met=Kind.LIST_GAP,
    ),
    *(_parent_missing(side) for side in Side),
)


def _both_count(direction: Side) -> Cell:
    """What each side added to `a`, which was 1, counts; nothing is lost."""
    return Cell(
        kind=Kind.UPDATE_DIFFERS,
        direction=direction,
        edits={one: _updates(one) for one in Side},
        final=lambda keys, _: {keys.one: item(keys.one, a=1 + sum(value(one, keys) - 1 for one in Side))},
        met=Kind.UPDATE_DIFFERS,
    )


def _both_stay(direction: Side) -> Cell:
    """Each side adds an element at the same place: the one that was written last stands last."""
    return Cell(
        kind=Kind.INSERT_EXISTS,
        direction=direction,
        edits={one: lambda items, keys, one=one: items.append(one, keys.one, 0, value(one, keys)) for one in Side},  # type: ignore[misc]
        final=lambda keys, later: {
            keys.one: item(keys.one, elements=[value(one, keys) for one in (later.other, later)])
        },
        met=Kind.INSERT_EXISTS,
    )


#: What a field's own policy decides.
FIELD_CELLS: Mapping[str, tuple[Cell, ...]] = {
    **{name: tuple(cell for cell in CELLS if cell.kind is Kind.UPDATE_DIFFERS) for name in ("max", "min")},
    "delta": tuple(_both_count(side) for side in Side),
    "append": tuple(_both_stay(side) for side in Side),
}
#: Policies of fields that have no cell.
FIELD_WHY_NOT = {"union": "members of a set come and go one by one, in no conflict: test_engine_policies"}

_ELSEWHERE = {
    Kind.SNAPSHOT_DIFFERS: "no edit makes it, and only a person decides it, under any policy: test_engine_people",
    Kind.ECHO_DIFFERS: "two writes must be on their way at once: test_engine_random, tests/laws, test_engine_accounting",
    Kind.CORRECTION: "no policy is asked, for MySQL made it and no user: under each one in test_engine_corrections, tests/laws",
    Kind.SCHEMA_MISMATCH: "no edit makes it, the whole collection is paused or compared: test_engine_structure",
    Kind.MISSING_IMAGE: "no edit makes it, the server must have lost images: test_engine_structure",
}
#: Cells without meaning.
WHY_NOT: Mapping[tuple[Kind, Side], str] = {
    **{(kind, side): why for kind, why in _ELSEWHERE.items() for side in Side},
    (Kind.UPDATE_MISSING, Side.MYSQL): "MongoDB's change stream shows every delete: it is update_deleted",
    (Kind.KEY_EXISTS, Side.MONGO): "an _id never changes; a new one that is taken is insert_exists",
    (Kind.FOREIGN_KEY_VIOLATION, Side.MYSQL): "MongoDB has no foreign keys",
    (Kind.LIST_GAP, Side.MONGO): "an array has no gaps",
}
