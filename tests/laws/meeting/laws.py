"""What must hold where users and workers are done."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable

from sync.model.choice import with_units
from sync.model.mapping import Granularity, Policy
from tests.laws.meeting.made import SETTLED, rounded
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
    #: Of those that found it again the first, and so on.
    FIRST_WRITE = "of the values whose writers found the same value the first one stands"
    INCREMENTS = "each increment counts exactly once"
    BEST = "where users only raise (or only lower) a value, the greatest (or smallest) stands"
    ADDED = "where users only add members, each member that was added is there"
    ELEMENTS = "each element is there once, or was taken out by a user, or is a recorded loser"
    APPENDED = "each element that was appended is there exactly once"
    WHOLE = "what stands is a version that a user left, no mixture of two"
    #: Where MySQL changes the second value by itself.
    MADE = "what stands is what MySQL makes of it"
    FIRST_LAST_WRITE = "the last value that was written where MySQL changes nothing by itself stands"
    USERS_LOSE = "only what a user wrote is a loser"
    #: Where nobody answers.
    EQUAL_BUT_FOR_QUESTIONS = "both sides are equal in all that a person is not asked about"
    NOTHING_LOST = "no value loses before a person has decided"
    BOUND = "no value loses by a person's decision that they were not shown"


def laws_of(setting: Setting) -> frozenset[Law]:
    """Those that the setting allows to tell: values that recur cannot be told apart, a person may choose an older one."""
    if setting.made:
        return _laws_of_made(setting)
    shape, updates = setting.shape, setting.edits.updates_only and not setting.person
    asks = setting.policy is Policy.MANUAL
    laws = {Law.EQUAL_BUT_FOR_QUESTIONS} if asks and not setting.person else {Law.EQUAL}
    if asks and setting.person:
        laws.add(Law.BOUND)
    if updates and shape.counted:
        laws.add(Law.INCREMENTS)
    if updates and shape.member:
        laws.add(Law.ADDED)
    if setting.values:
        return frozenset(laws)
    if asks and not setting.person:
        laws.add(Law.NOTHING_LOST)
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


def _laws_of_made(setting: Setting) -> frozenset[Law]:
    laws = {Law.EQUAL, Law.MADE} if setting.made in SETTLED else {Law.EQUAL}
    if setting.values == 0 and setting.made is not rounded:
        laws |= {Law.ACCOUNTED_FOR, Law.USERS_LOSE}
        if setting.edits.updates_only and setting.policy is Policy.LAST_WRITE_WINS:
            laws.add(Law.FIRST_LAST_WRITE)
    return frozenset(laws)


def broken_at_end(state: State, laws: frozenset[Law], setting: Setting) -> Iterable[Law]:
    """The laws that an end breaks. Only where the sides are equal can the others be told."""
    if Law.EQUAL_BUT_FOR_QUESTIONS in laws and state.conflict and state.conflict.asks:
        mysql, mongo = state.mysql.rows, state.mongo.rows
        if with_units(setting.shape.collection, mysql, mongo, state.conflict.questions) != mongo:
            return [Law.EQUAL_BUT_FOR_QUESTIONS]
    elif state.mysql is not state.mongo or state.conflict:
        return [law for law in laws if law in _EQUAL]
    made, values = setting.made, state.mysql.values
    if Law.MADE in laws and made and values and made(values, values, 0) != values:
        return [Law.MADE]
    return [law for law in laws & _HOLDS.keys() if not _HOLDS[law](state, setting.shape)]


def broken_while_refusing(state: State) -> Iterable[Law]:
    """The laws that a state breaks in which only time can bring anything."""
    if state.conflict.waiting or state.conflict.asks if state.conflict else state.mysql is state.mongo:
        return []
    return [Law.EQUAL_OR_WAITING]


def _users(state: State) -> list[Logged]:
    """Their changes, in the order in which they were made."""
    entries = (*state.binlog.entries, *state.stream.entries)
    users = (entry for entry in entries if entry.committed_at and not entry.correction)
    return sorted(users, key=lambda entry: entry.committed_at)


def _corrections(state: State) -> list[Logged]:
    return [entry for entry in state.binlog.entries if entry.correction]


def _touched(entry: Logged, indexes: Iterable[int] = (0, 1)) -> list[int]:
    """The places that it changed."""
    whole = entry.found.values is None or entry.left.values is None
    return [index for index in indexes if whole or entry.found.value(index) != entry.left.value(index)]


def _final(state: State, shape: Shape) -> set[tuple[int, int | None]]:
    """On either side."""
    return {(index, side.value(index)) for index in shape.unique for side in (state.mysql, state.mongo)}


def _found(users: list[Logged], shape: Shape) -> set[tuple[int, int | None]]:
    found = {(index, entry.found.value(index)) for entry in users for index in _touched(entry, shape.unique)}
    return found - _NOTHING


def _written(users: list[Logged], shape: Shape) -> set[tuple[int, int | None]]:
    return {(index, entry.left.value(index)) for entry in users for index in _touched(entry, shape.unique)} - _NOTHING


def _lost(state: State) -> set[tuple[int, object]]:
    return {(0 if place[2] == "a" else 1, value) for place, value in state.lost}


def _accounted_for(state: State, shape: Shape) -> bool:
    users = _users(state)
    left = _found([*users, *_corrections(state)], shape) | _final(state, shape) | _lost(state)
    return _written(users, shape) <= left


def _users_lose(state: State, shape: Shape) -> bool:
    return _lost(state) <= _written(_users(state), shape)


def _not_revived(state: State, shape: Shape) -> bool:
    return not _found(_users(state), shape) & _final(state, shape)


def _first_last_write(state: State, _: Shape) -> bool:
    values = [entry.left.value(0) for entry in _users(state) if 0 in _touched(entry)]
    return not values or values[-1] == state.mysql.value(0)


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


def _nothing_lost(state: State, _: Shape) -> bool:
    return not state.lost


def _bound(state: State, _: Shape) -> bool:
    return not state.overruled


_NOTHING: set[tuple[int, int | None]] = {(0, None), (1, None)}
_EQUAL = frozenset({Law.EQUAL, Law.EQUAL_BUT_FOR_QUESTIONS})
_HOLDS: dict[Law, Callable[[State, Shape], bool]] = {
    Law.ACCOUNTED_FOR: _accounted_for,
    Law.NOT_REVIVED: _not_revived,
    Law.LAST_WRITE: _last_write,
    Law.FIRST_LAST_WRITE: _first_last_write,
    Law.USERS_LOSE: _users_lose,
    Law.NOTHING_LOST: _nothing_lost,
    Law.BOUND: _bound,
    Law.FIRST_WRITE: _first_write,
    Law.INCREMENTS: _increments,
    Law.BEST: _best,
    Law.ADDED: _added,
    Law.WHOLE: _whole,
    Law.ELEMENTS: _elements,
    Law.APPENDED: _appended,
}
