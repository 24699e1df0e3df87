"""What is known of a held document, as tables for people: what was decided, what lost, what each side's people wrote.

Everything is given as it stands in the conflict row. The operator's view: values go nowhere else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.table import Table

from sync.model.change import Side

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
            _NAMES[Side(one["winner"])] if one["winner"] else _both(one),
        )
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


def notes_table(conflict: Mapping[str, Any]) -> Table | None:
    """What each side's people made of the document, and what they found there; None where nothing was noted."""
    table = Table("written in", "place", "value", "found", "time", title="noted")
    for side in Side:
        for one in _notes(conflict, side):
            table.add_row(_NAMES[side], _place(one), _value(one, "value"), _value(one, "found"), moment(one["time"]))
        unread = (conflict[f"{side}_notes"] or {}).get("unread")
        if unread:
            table.add_row(_NAMES[side], f"could not be read: {unread['kind']}", "", "", moment(unread["time"]))
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


def _both(one: _Item) -> str:
    """What both sides' changes come to; of a list its elements stand on both sides."""
    return "both" if one["value"] is None else f"both: {_value(one, 'value')}"


def _value(one: _Item, name: str) -> str:
    """As JSON, so that text, numbers and NULL look different; of a row as such, whether it is there, or
    what stood there that no rows express."""
    if not one["column"] and isinstance(one[name], bool | None):
        return "there" if one[name] else "not there"
    if not one["column"] and isinstance(one[name], str):
        return f"could not be read as rows: {one[name]}"
    return json.dumps(one[name], ensure_ascii=False)
