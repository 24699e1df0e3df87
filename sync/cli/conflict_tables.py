"""What is known of a held document, as tables for people: what was decided, what lost, what each side's people wrote.

Everything is given as it stands in the conflict row. The operator's view: values go nowhere else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.table import Table

from sync.model.change import ConflictKind, Side
from sync.model.choice import Shown
from sync.model.mapping import Policy
from sync.model.outcome import A_PERSON
from sync.model.shown import label

_NAMES = {Side.MYSQL: "MySQL", Side.MONGO: "MongoDB"}

_Item = Mapping[str, Any]


def fields_table(conflict: Mapping[str, Any]) -> Table | None:
    """The places that differed when it was last decided, and who won; None where none did."""
    fields: Sequence[_Item] = conflict["fields"] or ()
    if not fields:
        return None
    table = Table("place", "base", "MySQL", "MongoDB", "MySQL's time", "MongoDB's time", "winner", title="decided")
    noted = {_place(note) for side in Side for note in _notes(conflict, side)}
    for one in fields:
        table.add_row(
            _place(one),
            _value(one, "base") if _place(one) in noted else "not known",
            _value(one, "mysql"),
            _value(one, "mongo"),
            moment(one["mysql_time"]),
            moment(one["mongo_time"]),
            _winner(one),
        )
    return table


def blockers_table(conflict: Mapping[str, Any]) -> Table | None:
    """The rows that have what the document is to have; None where none is in the way."""
    blockers: Sequence[_Item] = conflict["blockers"] or ()
    if not blockers:
        return None
    table = Table("document", "table", "key", "unique key", title="in the way")
    for one in blockers:
        key = " ".join(json.dumps(part, ensure_ascii=False) for part in one["key"])
        table.add_row(f"{one['collection']} {one['document']}", one["table"], key, one["under"])
    return table


def policies_told(conflict: Mapping[str, Any]) -> list[str]:
    """Of each place that a policy decided, a line; rows of earlier versions do not tell."""
    unsure = "; the clocks cannot tell which was first"
    return [
        f"{_place(one)}: by {one['policy']}{unsure if one['doubtful'] else ''}"
        for one in conflict["fields"] or ()
        if one.get("policy")
    ]


def losers_table(conflict: Mapping[str, Any]) -> Table | None:
    """The values that people wrote and the outcome left out; None where there are none."""
    losers: Sequence[_Item] = conflict["losers"] or ()
    if not losers:
        return None
    table = Table("place", "value", "written in", "time", title="lost")
    for one in losers:
        table.add_row(_place(one), _value(one, "value"), _NAMES[Side(one["side"])], moment(one["time"]))
    return table


def differing_table(shown: Sequence[Shown]) -> Table | None:
    """What a person may decide: each unit by the name that `resolve` takes, with both values."""
    if not shown:
        return None
    table = Table("field", "MySQL", "MongoDB", title="to be decided")
    for one in shown:
        table.add_row(label(one.head), *(json.dumps(value, ensure_ascii=False) for value in (one.mysql, one.mongo)))
    return table


def rulings_table(conflict: Mapping[str, Any]) -> Table | None:
    """What people decided, and what became of it."""
    rulings: Sequence[_Item] = conflict["rulings"] or ()
    if not rulings:
        return None
    table = Table("request", "by", "at", "decided", "reason", "state", title="decisions")
    for one in rulings:
        fields = ", ".join(f"{_place(unit)}: {_taken(unit)}" for unit in one["fields"])
        state = f"{one['state']}: {one['message']}" if one["message"] else one["state"]
        table.add_row(str(one["request"]), one["by"], one["asked_at"][:19], fields, one["reason"], state)
    return table


def notes_table(conflict: Mapping[str, Any]) -> Table | None:
    """What each side's people made of the document, and what they found there; None where nothing was noted."""
    table = Table("written in", "place", "value", "found", "time", title="noted")
    for side in Side:
        for one in _notes(conflict, side):
            table.add_row(_NAMES[side], _place(one), _value(one, "value"), _value(one, "found"), moment(one["time"]))
        unread = (conflict[f"{side}_notes"] or {}).get("unread")
        if unread:
            copied = unread["kind"] == ConflictKind.SNAPSHOT_DIFFERS
            what = "no edit: as a copy or a comparison found it" if copied else f"could not be read: {unread['kind']}"
            table.add_row(_NAMES[side], what, "", "", moment(unread["time"]))
    return table if table.row_count else None


def moment(microseconds: int | None) -> str:
    """A time of the epoch as ISO text; "" where nobody knows it."""
    if microseconds is None:
        return ""
    seconds, rest = divmod(microseconds, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest).isoformat().replace("+00:00", "Z")


def _notes(conflict: Mapping[str, Any], side: Side) -> Sequence[_Item]:
    notes: Sequence[_Item] = (conflict[f"{side}_notes"] or {}).get("notes", ())
    return notes


def _place(one: _Item) -> str:
    """Table, key and column; without a column it is the row as such."""
    key = " ".join(json.dumps(part, ensure_ascii=False) for part in one["key"])
    column = f".{one['column']}" if one["column"] else ""
    return f"{one['table']}{column} [{key}]"


def _winner(one: _Item) -> str:
    if one["winner"]:
        return _NAMES[Side(one["winner"])]
    policy = one.get("policy")  # rows of earlier versions do not tell
    if "own" not in one:
        return "both" if policy not in (None, str(Policy.MANUAL)) else "left to a person"
    own = json.dumps(one["own"], ensure_ascii=False)
    return f"a person: {own}" if policy in (None, A_PERSON) else f"both: {own}"


def _taken(unit: _Item) -> str:
    return json.dumps(unit["value"], ensure_ascii=False) if unit["take"] == "value" else _NAMES[Side(unit["take"])]


def _value(one: _Item, name: str) -> str:
    """As JSON, so that text, numbers and NULL look different; of a row as such, whether it is there, or
    what stood there that no rows express."""
    if not one["column"] and isinstance(one[name], bool | None):
        return "there" if one[name] else "not there"
    if not one["column"] and isinstance(one[name], str):
        return f"could not be read as rows: {one[name]}"
    return json.dumps(one[name], ensure_ascii=False)
