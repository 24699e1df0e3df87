"""Visits every state that a setting can reach and asks the laws at every end."""

from __future__ import annotations

from array import array
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.laws.meeting.laws import Law, broken_at_end, broken_while_refusing, laws_of
from tests.laws.meeting.moves import Moves, Setting
from tests.laws.meeting.rules import Rules
from tests.laws.meeting.shapes import Document
from tests.laws.meeting.state import Log, State

#: Logs that grow longer tell of a circle in which the workers write for ever.
_LONGEST = 40
#: A search whose logs grow without end.
_ENDLESS = "the logs grow without end"


@dataclass
class Found:
    """What a search has found."""

    states: int = 0
    ends: int = 0
    #: How many ends break each law.
    broken: Counter[Law] = field(default_factory=Counter)
    #: The first end that breaks any.
    example: State | None = None

    def note(self, state: State, laws: Iterable[Law]) -> None:
        for law in laws:
            self.broken[law] += 1
            self.example = self.example or state


def search(setting: Setting, rules: Rules | None = None, *, stop_at_first: bool = False) -> Found:
    """Depth first. Visited states are kept as hashes of eight bytes."""
    moves, laws, found = Moves(setting, rules or Rules()), laws_of(setting), Found()
    todo = [setting.start]
    visited = {hash(todo[0])}
    while todo:
        state = todo.pop()
        following = [new for new in moves.of(state) if new != state]
        relief = list(moves.relief(state)) if setting.refusals else []
        if not following:
            if relief:
                found.note(state, broken_while_refusing(state))
            else:
                found.ends += 1
                found.note(state, broken_at_end(state, laws, setting.shape))
            if stop_at_first and found.broken:
                return found
        for new in (*following, *relief):
            number = hash(new)
            if number not in visited:
                visited.add(number)
                todo.append(new)
        found.states = len(visited)
        if len(state.binlog) + len(state.stream) > _LONGEST:
            raise AssertionError(_ENDLESS)
    return found


def stuck(setting: Setting, rules: Rules | None = None) -> int:
    """The number of states from which no end can be reached. Keeps every move, so for small settings only."""
    moves = Moves(setting, rules or Rules())
    todo, ends = [setting.start], list[int]()
    numbers = {todo[0]: 0}
    sources, targets = array("L"), array("L")
    while todo:
        state = todo.pop()
        here = numbers[state]
        following = [new for new in (*moves.of(state), *moves.relief(state)) if new != state]
        if not following:
            ends.append(here)
        for new in following:
            if new not in numbers:
                numbers[new] = len(numbers)
                todo.append(new)
            sources.append(here)
            targets.append(numbers[new])
    return len(numbers) - len(_reaching(ends, sources, targets))


def _reaching(ends: list[int], sources: array[int], targets: array[int]) -> set[int]:
    before: dict[int, list[int]] = {}
    for here, there in zip(sources, targets, strict=True):
        before.setdefault(there, []).append(here)
    reached, todo = set(ends), list(ends)
    while todo:
        for one in before.get(todo.pop(), ()):
            if one not in reached:
                reached.add(one)
                todo.append(one)
    return reached


def shortest_trail(setting: Setting, law: Law, rules: Rules | None = None) -> list[State]:
    """The states on a shortest way to an end that breaks the law; none where it holds."""
    moves, laws = Moves(setting, rules or Rules()), laws_of(setting)
    todo = deque([setting.start])
    came_from: dict[State, State | None] = {todo[0]: None}
    while todo:
        state = todo.popleft()
        following = [new for new in moves.of(state) if new != state]
        relief = list(moves.relief(state))
        if not following and law in (
            broken_while_refusing(state) if relief else broken_at_end(state, laws, setting.shape)
        ):
            return _back(came_from, state)
        for new in (*following, *relief):
            if new not in came_from:
                came_from[new] = state
                todo.append(new)
    return []


def told(trail: Iterable[State]) -> str:
    """A trail for people: of each state what has changed."""
    lines, before = [], None
    for state in trail:
        now = {name: _told(value) for name, value in state._asdict().items()}
        changed = {name: value for name, value in now.items() if before is None or before[name] != value}
        lines.append("  ".join(f"{name}: {value}" for name, value in changed.items()))
        before = now
    return "\n".join(lines)


def _told(value: object) -> str:
    match value:
        case Document():
            return str(value.values)
        case Log():
            return ", ".join(f"{one.origin} {one.found.values} to {one.left.values}" for one in value.entries)
        case tuple():
            return f"{type(value).__name__}({', '.join(map(_told, value))})"
    return str(value)


def _back(came_from: dict[State, State | None], state: State) -> list[State]:
    trail = []
    at: State | None = state
    while at is not None:
        trail.append(at)
        at = came_from[at]
    return trail[::-1]
