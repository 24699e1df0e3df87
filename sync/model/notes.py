"""Rule 2 of the meeting (design 2.4): what is noted of a held document's changes. `meeting` decides by it.

A note keeps, per row and column, the last value that one side's users wrote, when, and what that change found there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from itertools import islice
from typing import Any

from sync.model.change import ConflictKind, Entry, RowChange, RowKey, Value
from sync.model.position import Position, comparable, position_from_json, reached
from sync.model.values import from_json, to_json

#: Steps that a note keeps at most; beyond that those behind the first fall away.
STEPS = 100

#: Enough for the sum of any two DECIMALs, exactly.
_DIGITS = 110

#: Where a note belongs: table, key, column; "" as column for the presence of the row itself.
Place = tuple[str, RowKey, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What one side's users made of one column (or of a row's presence)."""

    value: Value
    #: Microseconds since the epoch; never less than that of the note it follows, for clocks jump.
    time: int
    #: What the change found; along an unbroken chain of changes, what the first of them found.
    found: Value
    position: Position
    #: Nobody wrote it: MySQL made it of what it found (`Entry.correction`).
    correction: bool = False
    #: Nothing but corrections led to it.
    by_itself: bool = False
    #: What chains that were broken off before this one added, of a number; None where that cannot be told.
    carried: int | Decimal | None = 0
    #: Each change of the chain: what it left, and when. Kept only where some policy asks who began.
    steps: tuple[tuple[Value, int], ...] = ()

    @property
    def added(self) -> int | Decimal | None:
        """By how much this side's users have changed a number; None where that cannot be told."""
        value, found = _number(self.value), _number(self.found)
        if self.carried is None or value is None or found is None:
            return None
        added: int | Decimal = plus(self.carried, plus(value, -found))
        return added

    def began(self, seen: Note | None) -> int:
        """When the first of these changes was made of which the other side's writer, whose note is `seen`, did not know."""
        if not self.steps:
            return self.time
        for (value, _), (_, time) in zip(self.steps, islice(self.steps, 1, None), strict=False):
            if seen and value == seen.found:
                return time
        return self.steps[0][1]


def plus(one: Any, other: Any) -> Any:
    """The exact sum of two numbers."""
    with localcontext(prec=_DIGITS):
        return one + other


def _number(value: Value) -> Any:
    """What adds up without rounding; None where it is not that."""
    return value if isinstance(value, int | Decimal) and not isinstance(value, bool) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A change that could not be read (missing image, unmappable document), or that no log tells of: somebody wrote something."""

    kind: str
    #: As of a note.
    time: int
    position: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """All notes of one side on one document."""

    places: Mapping[Place, Note]
    #: The newest change that could not be read.
    unread: Unread | None = None

    def add(self, entry: Entry, *, steps: bool = False) -> Notes:
        """With a user's entry noted. Entries come in the order of the log; one that was noted before changes nothing.
        `steps`: see `Note`."""
        places = dict(self.places)
        for place, (found, value) in () if entry.copied else _found_and_left(entry).items():
            note = _following(places.get(place), found, value, entry)
            places[place] = note if steps or not note.steps else replace(note, steps=())
        unread = self.unread
        kind = entry.problem.kind if entry.problem else ConflictKind.SNAPSHOT_DIFFERS if entry.copied else None
        if kind and not (unread and _known(unread.position, entry.position)):
            time = max(unread.time if unread else 0, entry.committed_at)
            unread = Unread(kind=str(kind), time=time, position=entry.position)
        return replace(self, places=places, unread=unread)

    def to_json(self) -> str:
        """As JSON text; values tagged as in `sync.model.values`."""
        rows = [
            {
                "table": table,
                "key": [to_json(part) for part in key],
                "column": column,
                "value": to_json(note.value),
                "time": note.time,
                "found": to_json(note.found),
                "position": note.position.to_json(),
                **({"correction": True} if note.correction else {}),
                **({"by_itself": True} if note.by_itself else {}),
                **({"carried": to_json(note.carried)} if note.carried != 0 else {}),
                **({"steps": [[to_json(value), time] for value, time in note.steps]} if note.steps else {}),
            }
            for (table, key, column), note in self.places.items()
        ]
        unread = self.unread and {
            "kind": self.unread.kind,
            "time": self.unread.time,
            "position": self.unread.position.to_json(),
        }
        return json.dumps({"notes": rows, "unread": unread}, ensure_ascii=False)

    @staticmethod
    def from_json(text: str | None) -> Notes:
        """The inverse of `to_json`; no notes for None."""
        if not text:
            return NONE
        data = json.loads(text)
        places = {
            (row["table"], tuple(from_json(part) for part in row["key"]), row["column"]): Note(
                value=from_json(row["value"]),
                time=row["time"],
                found=from_json(row["found"]),
                position=position_from_json(row["position"]),
                correction=row.get("correction", False),
                by_itself=row.get("by_itself", False),
                carried=_number(from_json(row.get("carried", 0))),
                steps=tuple((from_json(value), time) for value, time in row.get("steps", ())),
            )
            for row in data["notes"]
        }
        unread = data["unread"] and Unread(
            kind=data["unread"]["kind"],
            time=data["unread"]["time"],
            position=position_from_json(data["unread"]["position"]),
        )
        return Notes(places=places, unread=unread)


NONE = Notes(places={})


def _found_and_left(entry: Entry) -> dict[Place, tuple[Value, Value]]:
    """Of each place that the entry touched: what its first change found there and what its last one left. A row that one
    transaction changes twice is one step, or noting it again would begin in its middle."""
    steps: dict[Place, tuple[Value, Value]] = {}
    for change in entry.changes:
        for column, found, value in _seen_and_written(change):
            place = (change.table, change.key, column)
            before = steps.get(place)
            steps[place] = (before[0] if before and before[1] == found else found, value)
    return steps


def _known(last: Position, position: Position) -> bool:
    """Whether what stands at `position` has been noted. After a failover the order of reading counts."""
    return comparable(last, position) and reached(last, position)


def _seen_and_written(change: RowChange) -> list[tuple[str, Value, Value]]:
    """Column, value found, value written, of each column that the change touched; the row's presence is column ""."""
    before, after = change.before or {}, change.after or {}
    presence: list[tuple[str, Value, Value]] = []
    if (change.before is None) != (change.after is None):
        presence.append(("", change.before is not None, change.after is not None))
    columns = sorted({*before, *after})
    whole = bool(presence)
    return presence + [
        (column, before.get(column), after.get(column))
        for column in columns
        if whole or before.get(column) != after.get(column)
    ]


def _following(last: Note | None, found: Value, value: Value, entry: Entry) -> Note:
    if last is None:
        return Note(
            value=value,
            time=entry.committed_at,
            found=found,
            position=entry.position,
            correction=entry.correction,
            by_itself=entry.correction,
            steps=((value, entry.committed_at),),
        )
    if _known(last.position, entry.position) and not (reached(entry.position, last.position) and last.value != value):
        return last
    time = max(last.time, entry.committed_at)
    if last.value == found:  # the chain is unbroken
        steps = (*last.steps, (value, time))
        return replace(
            last,
            value=value,
            time=time,
            position=entry.position,
            correction=entry.correction,
            by_itself=last.by_itself and entry.correction,
            steps=(*steps[:1], *steps[1:][-STEPS:]),
        )
    return Note(
        value=value,
        time=time,
        found=found,
        position=entry.position,
        correction=entry.correction,
        by_itself=last.by_itself and entry.correction,
        carried=last.added,
        steps=((value, time),),
    )
