"""What the edits of a round must come to, by what both servers' logs tell of them: uses nothing of the engine.

A round: both sides are equal, people write on both while nobody carries anything, then one side's changes are carried first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from bson import ObjectId

from sync.model.change import ConflictKind as Kind
from sync.model.change import Side
from tests.both_logs import Written
from tests.integration.conflicts.cells import WINNER, Lost, Meeting
from tests.integration.conflicts.items import COLUMNS, MOST_A, MOST_B, item
from tests.plain import Doc

#: A row of a document: () is the root, (2,) the third element.
Row = Mapping[str, Any]
Rows = Mapping[tuple[int, ...], Row]
ROOT = ()
#: Policies of the field `a` that choose by value.
CHOICE: Mapping[str, Callable[[int, int], int]] = {"max": max, "min": min}
#: The policy of the field `a` by which what both have added counts.
ADDING = "delta"
#: All of a field.
OF_FIELD = (*CHOICE, ADDING)


class Change(NamedTuple):
    """Of one row, by one side's people."""

    row: tuple[int, ...]
    before: Row | None
    after: Row | None
    at: float
    #: It had another key before.
    moved: bool = False


class Verdict(NamedTuple):
    """Of one document."""

    kind: Kind
    lost: frozenset[Lost]


def changes_of(written: Iterable[Written], name: str) -> dict[ObjectId, list[Change]]:
    """People's changes of one collection's documents, in order."""
    found: dict[ObjectId, list[Change]] = defaultdict(list)
    for one in written:
        if not one.synced and one.name in (name, f"{name}_element"):
            for key, change in _of_mysql(one, name) if one.side is Side.MYSQL else _of_mongo(one):
                found[key].append(change)
    return found


def _of_mysql(one: Written, name: str) -> Iterator[tuple[ObjectId, Change]]:
    if one.name != name:
        row = one.after or one.before
        assert row is not None
        before, after = ({"value": values["value"]} if values else None for values in (one.before, one.after))
        yield ObjectId(row["item_id"]), Change((row["position"],), before, after, one.at)
        return
    found, left = _root(one.before), _root(one.after)
    moved = one.before is not None and one.after is not None and one.before["id"] != one.after["id"]
    if one.before and (moved or not one.after):
        yield ObjectId(one.before["id"]), Change(ROOT, found, None, one.at)
    if one.after:
        yield ObjectId(one.after["id"]), Change(ROOT, None if moved else found, left, one.at, moved)


def _root(row: Row | None) -> Row | None:
    return {column: row[column] for column in COLUMNS} if row else None


def _of_mongo(one: Written) -> Iterator[tuple[ObjectId, Change]]:
    document = one.after or one.before
    assert document is not None
    before, after = rows_of(one.before), rows_of(one.after)
    for row in sorted(before.keys() | after.keys()):
        if before.get(row) != after.get(row):
            yield document["_id"], Change(row, before.get(row), after.get(row), one.at)


def rows_of(document: Doc | None) -> Rows:
    """A document as its rows."""
    if document is None:
        return {}
    root = {column: document.get(column) for column in COLUMNS}
    return {ROOT: root, **{(place,): {"value": value} for place, value in enumerate(document["elements"])}}


def document_of(key: ObjectId, rows: Rows) -> Doc | None:
    """The inverse, with places counted by rank."""
    if ROOT not in rows:
        return None
    return item(key, **rows[ROOT], elements=[rows[row]["value"] for row in sorted(rows) if row != ROOT])


class Round:
    """One collection's: what stood on both sides, and what each side's people changed."""

    def __init__(
        self, policy: str, base: Mapping[ObjectId, Doc], changes: Mapping[Side, Mapping[ObjectId, Sequence[Change]]]
    ) -> None:
        self.documents = {key for of_side in changes.values() for key in of_side}
        self._policy = "last_write_wins" if policy in OF_FIELD else policy
        #: Columns of the root that are added up.
        self._adding = {"a"} if policy == ADDING else set[str]()
        #: Which of two values of `a` stands, where that is not the winner's.
        self._choice = CHOICE.get(policy)
        self._base = base
        self._changes = changes

    def verdict(self, key: ObjectId, first: Side) -> Verdict | None:
        """What is held and reported of a document where `first` is carried first; None if nothing is."""
        kind = self._met(key, first) or self._met(key, first.other)
        if kind is None:
            return None
        waits = kind in (Kind.UNIQUE_VIOLATION, Kind.FOREIGN_KEY_VIOLATION, Kind.CONSTRAINT_VIOLATION)
        waits = waits or kind in (Kind.UNMAPPABLE_DOCUMENT, Kind.LIST_GAP)
        return Verdict(kind, frozenset() if waits else frozenset(self._settled(key)[1]))

    def final(self, key: ObjectId) -> Doc | None:
        """What stands on both sides at the end."""
        return document_of(key, self._settled(key)[0])

    def may_pass(self, key: ObjectId) -> bool:
        """Whether a write of the listener's may pass one of the follower's: it carries two changes in two batches, between
        which the follower has written. Such a document is looked at, and nothing is lost."""
        return len(self._of(key, Side.MONGO)) > 1 and bool(self._of(key, Side.MYSQL))

    def _of(self, key: ObjectId, side: Side) -> Sequence[Change]:
        return self._changes[side].get(key, ())

    def _state(self, key: ObjectId, side: Side) -> dict[tuple[int, ...], Row]:
        """What this side's people have left."""
        return _left(rows_of(self._base.get(key)), net(self._of(key, side)))

    def _met(self, key: ObjectId, side: Side) -> Kind | None:
        """What the changes of one side meet on the other."""
        changes = net(self._of(key, side))
        written = changes[ROOT].after if ROOT in changes else None
        if written and not _expressed(written):
            return Kind.UNMAPPABLE_DOCUMENT
        stands = self._state(key, side.other)
        result = dict(stands)
        for row, change in changes.items():
            now = stands.get(row)
            kind = _met(change, now, self._adding)
            if kind:
                return kind
            if change.after is None:
                result.pop(row, None)
            else:
                result[row] = {**(now or {}), **_values(change)}
        if ROOT not in result and result:
            deleted = ROOT in changes and changes[ROOT].after is None
            return Kind.DELETE_DIFFERS if deleted else Kind.PARENT_MISSING
        if sorted(row for row in result if row != ROOT) != [(place,) for place in range(len(result) - 1)]:
            return Kind.LIST_GAP
        return self._refused(key, side, result[ROOT]) if written else None

    def _refused(self, key: ObjectId, side: Side, root: Row) -> Kind | None:
        """By what the other database allows."""
        if root["b" if side is Side.MYSQL else "a"] > (MOST_B if side is Side.MYSQL else MOST_A):
            return Kind.CONSTRAINT_VIOLATION
        if side is Side.MONGO and root["parent"] is not None:  # none is there before it is mended
            return Kind.FOREIGN_KEY_VIOLATION
        if root["code"] is not None and root["code"] in self._codes(side.other, key):
            return Kind.UNIQUE_VIOLATION
        return None

    def _codes(self, side: Side, but: ObjectId) -> Collection[object]:
        """Unique values that a side's people gave to other documents in this round."""
        changed = (net(changes).get(ROOT) for key, changes in self._changes[side].items() if key != but)
        return {change.after["code"] for change in changed if change and change.after}

    def _settled(self, key: ObjectId) -> tuple[Rows, set[Lost]]:
        """By the policy: what stands, and what is lost."""
        base = rows_of(self._base.get(key))
        changes = {side: net(self._of(key, side)) for side in Side}
        deleters = [side for side in Side if base and ROOT not in self._state(key, side)]
        last = {side: max((one.at for one in self._of(key, side)), default=0.0) for side in Side}
        later = Side.MYSQL if last[Side.MYSQL] > last[Side.MONGO] else Side.MONGO
        if len(deleters) == 1:
            (deleter,) = deleters
            others = changes[deleter.other]
            winner = WINNER[self._policy](Meeting(later, deleter))
            if not others or winner is deleter:
                return {}, set(_all_lost(deleter.other, others))
            return self._state(key, deleter.other), {(deleter, "", False)}
        winner = WINNER[self._policy](Meeting(later, None))
        result, lost = _left(_left(base, changes[winner.other]), changes[winner]), set[Lost]()
        for row in changes[Side.MYSQL].keys() & changes[Side.MONGO].keys():
            won, other = changes[winner][row], changes[winner.other][row]
            if won.after and other.after:
                both = _values(won).keys() & _values(other).keys()
                sides = {column: self._winner(column, winner, won.after, other.after) for column in both}
                versions = {winner: won.after, winner.other: other.after}
                lost |= {
                    (side.other, column, versions[side.other][column])
                    for column, side in sides.items()
                    if won.after[column] != other.after[column]
                }
                decided = {column: versions[side][column] for column, side in sides.items()}
                found = won.before if other.before else None
                for column in both & self._adding if found else ():
                    assert found
                    decided[column] = won.after[column] + other.after[column] - found[column]
                    lost -= {(side, column, version[column]) for side, version in versions.items()}
                result[row] = {**other.after, **_values(won), **decided}
        return result, lost

    def _winner(self, column: str, winner: Side, won: Row, other: Row) -> Side:
        """Of one field that both have changed."""
        if column != "a" or not self._choice:
            return winner
        return winner if self._choice(won["a"], other["a"]) == won["a"] else winner.other


def net(changes: Sequence[Change]) -> dict[tuple[int, ...], Change]:
    """What they come to, row by row."""
    found: dict[tuple[int, ...], Change] = {}
    for change in changes:
        known = found.get(change.row)
        found[change.row] = change._replace(before=known.before) if known else change
    return found


def _left(rows: Rows, changes: Mapping[tuple[int, ...], Change]) -> dict[tuple[int, ...], Row]:
    left = {**rows, **{row: change.after for row, change in changes.items()}}
    return {row: values for row, values in left.items() if values is not None}


def _values(change: Change) -> Row:
    """The columns that it changed."""
    after = change.after or {}
    return {column: value for column, value in after.items() if change.before is None or change.before[column] != value}


def _met(change: Change, now: Row | None, adding: set[str]) -> Kind | None:
    """The table of three versions: what the change found, what it wrote, what stands on the other side. Of what is added up, two
    equal changes are two."""
    before, after = change.before, change.after
    added = adding & _values(change).keys() if before and after else set[str]()
    if after == now:
        return Kind.UPDATE_DIFFERS if added else None
    if before is None:
        return None if now is None else Kind.KEY_EXISTS if change.moved else Kind.INSERT_EXISTS
    if after is None:
        return None if now in (None, before) else Kind.DELETE_DIFFERS
    if now is None:
        return Kind.UPDATE_DELETED
    differs = any(
        now[column] != before[column] and (now[column] != value or column in added)
        for column, value in _values(change).items()
    )
    return Kind.UPDATE_DIFFERS if differs else None


def _all_lost(side: Side, changes: Mapping[tuple[int, ...], Change]) -> Iterator[Lost]:
    """Everything that a side's people wrote; of a row that they made, also that it is there."""
    for change in changes.values():
        if change.before is None and change.after:
            yield side, "", True
        yield from ((side, column, value) for column, value in _values(change).items())


def _expressed(root: Row) -> bool:
    """Whether both databases have words for these values."""
    return isinstance(root["a"], int) and root["flag"] in (0, 1)
