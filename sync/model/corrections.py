"""What MySQL makes of a write by itself (design 2.4, "Corrections"): defaults, generated columns, rounding, triggers.

The listener says in its transaction what it means to write, before it writes it, where MySQL may make something else of it.
The follower holds the rows in the log against that: what was meant is an echo; the way from there to what stands is a
correction, which is carried like a change that a user of MySQL made right after; a row that was not meant was written by a
trigger, for nobody else writes in that transaction.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from sync.model.change import Row, RowChange, RowKey
from sync.model.mapping import TableMapping
from sync.model.values import from_json, to_json

_Place: TypeAlias = tuple[str, RowKey]


def meant(table: TableMapping, change: RowChange) -> str:
    """A change that is about to be written, as JSON text. Of an update only the columns that change, for a row may be large;
    of a list's row, which is compared whole, all."""
    before, after = change.before, change.after
    if before is not None and after is not None and not table.is_list:
        changed = [column for column in table.columns if before[column] != after[column]]
        before, after = ({column: row[column] for column in changed} for row in (before, after))
    key = [to_json(part) for part in change.key]
    return json.dumps([change.table, key, _row_to_json(before), _row_to_json(after)], ensure_ascii=False)


def told_text(changes: Iterable[str], *, all_rows: bool) -> str:
    """What is stored of changes that were made text by `meant`; for `Told.add`."""
    return f'{{"all": {json.dumps(all_rows)}, "rows": [{", ".join(changes)}]}}'


class Judged(NamedTuple):
    """Changes of a document in a transaction that the listener wrote."""

    #: As the listener meant them.
    echoes: list[RowChange]
    #: From what it meant to what stands.
    corrections: list[RowChange]
    #: What triggers wrote.
    triggered: list[RowChange]


@dataclass(slots=True)
class Told:
    """What was said in one transaction. Each row that was meant is answered for once: by the log, or by its absence."""

    #: Every row that the listener writes was told. Else only rows of some tables, and no trigger can have fired.
    all_rows: bool = False
    _meant: dict[_Place, RowChange] = field(default_factory=dict)

    def add(self, text: str) -> None:
        """What was said in one row. Raises `ValueError` for what nobody says."""
        data = json.loads(text)
        self.all_rows = self.all_rows or bool(data["all"])
        for table, key, before, after in data["rows"]:
            place = str(table), tuple(from_json(part) for part in key)
            self._meant[place] = RowChange(*place, before=_row_from_json(before), after=_row_from_json(after))

    def passed(self, table: str, key: RowKey) -> None:
        """The row stood in a part of the transaction that is done already."""
        self._meant.pop((table, key), None)

    def judge(self, changes: Iterable[RowChange]) -> Judged:
        """Changes of one document as the log has them, in its order."""
        judged = Judged([], [], [])
        for change in _net(changes):
            said = self._meant.pop((change.table, change.key), None)
            if said is None:
                _add(judged.triggered if self.all_rows else judged.echoes, change)
                continue
            wanted = _wanted(said, change.before)
            _add(judged.echoes, change._replace(after=wanted))
            _add(judged.corrections, change._replace(before=wanted))
        return judged

    def rest(self) -> list[RowChange]:
        """Corrections of rows that were meant and left nothing in the log, once all of it was judged: MySQL left them as they
        were. Of an update only what was told of the row."""
        left, self._meant = list(self._meant.values()), {}
        return [
            RowChange(one.table, one.key, before=one.after, after=one.before) for one in left if one.after is not None
        ]


def _net(changes: Iterable[RowChange]) -> list[RowChange]:
    """One change for each row: a trigger may change again what was just written."""
    net: dict[_Place, RowChange] = {}
    for change in changes:
        place = change.table, change.key
        first = net.get(place)
        net[place] = change if first is None else change._replace(before=first.before)
    return list(net.values())


def _wanted(said: RowChange, before: Row | None) -> Row | None:
    """The row as it was meant, where it was `before`."""
    if said.before is None or said.after is None:
        return said.after
    return {**(before or said.before), **said.after}


def _add(changes: list[RowChange], change: RowChange) -> None:
    if change.before != change.after:
        changes.append(change)


def _row_to_json(row: Row | None) -> object:
    return None if row is None else {column: to_json(value) for column, value in row.items()}


def _row_from_json(data: Mapping[str, object] | None) -> Row | None:
    return None if data is None else {column: from_json(value) for column, value in data.items()}
