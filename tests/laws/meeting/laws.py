"""What must hold where users and workers are done."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable

from sync.model.mapping import Granularity, Policy
from tests.laws.meeting.moves import Setting
from tests.laws.meeting.shapes import Shape
from tests.laws.meeting.state import Logged, State


class Law(enum.Enum):
    """Each with the words of its promise."""

    EQUAL = "both sides are equal and no conflict is open"
    #: While MySQL refuses.
    EQUAL_OR_WAITING = "both sides are equal, or the document waits"
    ACCOUNTED_FOR = "a value that a user wrote is final, was found by a later user, or is a recorded loser"
    NOT_REVIVED = "no value comes back that a user found and overwrote"
    LAST_WRITE = "the last value that was written stands"
    #: And of those that found it again the first, and so on.
    FIRST_WRITE = "of the values whose writers found the same value the first one stands"
    INCREMENTS = "each increment counts exactly once"
    BEST = "where users only raise (or only lower) a value, the greatest (or smallest) stands"
    ADDED = "where users only add members, each member that was added is there"
    ELEMENTS = "each element is there once, or was taken out by a user, or is a recorded loser"
    APPENDED = "each element that was appended is there exactly once"
    WHOLE = "what stands is a version that a user left, no mixture of two"


def laws_of(setting: Setting) -> frozenset[Law]:
    """Those that the setting allows to tell: values that recur cannot be told apart, a person may choose an older one."""
    laws, shape, updates = {Law.EQUAL}, setting.shape, setting.edits.updates_only and not setting.person
    if updates and shape.counted:
        laws.add(Law.INCREMENTS)
    if updates and shape.member:
        laws.add(Law.ADDED)
    if setting.values:
        return frozenset(laws)
    if shape.collection.lists:
        return frozenset({*laws, Law.ELEMENTS, *([Law.APPENDED] if updates and shape.collection.counted else [])})
    laws.add(Law.ACCOUNTED_FOR)
    if shape.collection.granularity is Granularity.ROW:
        laws.add(Law.WHOLE)
    elif updates:
        laws.add(Law.NOT_REVIVED)
        if shape.best:
            laws.add(Law.BEST)
        if setting.resolution <= 1000:
            of_policy = {Policy.LAST_WRITE_WINS: Law.LAST_WRITE, Policy.FIRST_WRITE_WINS: Law.FIRST_WRITE}
            laws |= {of_policy[setting.policy]} if setting.policy in of_policy else set()
    return frozenset(laws)


def broken_at_end(state: State, laws: frozenset[Law], shape: Shape) -> Iterable[Law]:
    """The laws that an end breaks. Only where the sides are equal can the others be told."""
    if state.mysql is not state.mongo or state.conflict:
        return [Law.EQUAL]
    return [law for law in laws if law is not Law.EQUAL and not _HOLDS[law](state, shape)]


def broken_while_refusing(state: State) -> Iterable[Law]:
    """The laws that a state breaks in which only time can bring anything."""
    if state.conflict.waiting if state.conflict else state.mysql is state.mongo:
        return []
    return [Law.EQUAL_OR_WAITING]


def _users(state: State) -> list[Logged]:
    """Their changes, in the order in which they were made."""
    entries = (*state.binlog.entries, *state.stream.entries)
    return sorted((entry for entry in entries if entry.committed_at), key=lambda entry: entry.committed_at)


def _touched(entry: Logged, indexes: Iterable[int] = (0, 1)) -> list[int]:
    """The places that it changed."""
    whole = entry.found.values is None or entry.left.values is None
    return [index for index in indexes if whole or entry.found.value(index) != entry.left.value(index)]


def _final(state: State, shape: Shape) -> set[tuple[int, int | None]]:
    return {(index, state.mysql.value(index)) for index in shape.unique}


def _found(users: list[Logged], shape: Shape) -> set[tuple[int, int | None]]:
    found = {(index, entry.found.value(index)) for entry in users for index in _touched(entry, shape.unique)}
    return found - _NOTHING


def _accounted_for(state: State, shape: Shape) -> bool:
    users = _users(state)
    written = {(index, entry.left.value(index)) for entry in users for index in _touched(entry, shape.unique)}
    lost = {(0 if place[2] == "a" else 1, value) for place, value in state.lost}
    return written - _NOTHING <= _found(users, shape) | _final(state, shape) | lost


def _not_revived(state: State, shape: Shape) -> bool:
    return not _found(_users(state), shape) & _final(state, shape)


def _last_write(state: State, shape: Shape) -> bool:
    last = {index: shape.start[index] for index in shape.by_policy}
    for entry in _users(state):
        for index in _touched(entry, shape.by_policy):
            last[index] = entry.left.value(index)
    return all(state.mysql.value(index) == value for index, value in last.items())


def _first_write(state: State, shape: Shape) -> bool:
    for index in shape.by_policy:
        value, first = shape.start[index], dict[int | None, int | None]()
        for entry in _users(state):
            if _touched(entry, [index]):
                first.setdefault(entry.found.value(index), entry.left.value(index))
        while value in first:
            value = first[value]
        if state.mysql.value(index) != value:
            return False
    return True


def _increments(state: State, shape: Shape) -> bool:
    changes = [(entry.left.value(0) or 0) - (entry.found.value(0) or 0) for entry in _users(state)]
    return state.mysql.value(0) == shape.start[0] + sum(changes)


def _best(state: State, shape: Shape) -> bool:
    assert shape.best
    written = [entry.left.value(0) for entry in _users(state)]
    return state.mysql.value(0) == shape.best([shape.start[0], *(value for value in written if value is not None)])


def _added(state: State, shape: Shape) -> bool:
    return state.mysql.value(1) is not None or all(entry.left.value(1) is None for entry in _users(state))


def _whole(state: State, shape: Shape) -> bool:
    return state.mysql.values in [shape.start, *(entry.left.values for entry in _users(state))]


def _elements(state: State, shape: Shape) -> bool:
    final, users = list(state.mysql.values or ()), _users(state)
    written = {*shape.start, *(one for entry in users for one in entry.left.values or ())}
    gone = {one for entry in users for one in {*(entry.found.values or ())} - {*(entry.left.values or ())}}
    lost = {value for _, value in state.lost}
    return len(final) == len({*final}) and {*final} <= written and written <= {*final} | gone | lost


def _appended(state: State, shape: Shape) -> bool:
    written = [entry.committed_at // 1000 for entry in _users(state)]
    return sorted([*shape.start, *written]) == sorted(state.mysql.values or ())  # type: ignore[type-var]


_NOTHING: set[tuple[int, int | None]] = {(0, None), (1, None)}
_HOLDS: dict[Law, Callable[[State, Shape], bool]] = {
    Law.ACCOUNTED_FOR: _accounted_for,
    Law.NOT_REVIVED: _not_revived,
    Law.LAST_WRITE: _last_write,
    Law.FIRST_WRITE: _first_write,
    Law.INCREMENTS: _increments,
    Law.BEST: _best,
    Law.ADDED: _added,
    Law.WHOLE: _whole,
    Law.ELEMENTS: _elements,
    Law.APPENDED: _appended,
}
