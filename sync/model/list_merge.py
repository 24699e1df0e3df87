"""Lists without keys, put together from both sides' versions where it is known of what they were made (design 2.4, rule 3).

Elements are whole values: a list's rows have no identity.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from sync.model.change import DocumentRows, RowKey, Side, Value
from sync.model.claims import Claims
from sync.model.mapping import Combining, TableMapping
from sync.model.notes import Place
from sync.model.outcome import Looked, Loser
from sync.model.policies import Rule
from sync.model.sequences import together

#: The values of a row's columns.
Element: TypeAlias = tuple[Value, ...]


class ListMerge:
    """Of one document."""

    def __init__(self, rule: Rule, looked: Looked, claims: Claims) -> None:
        self._rule = rule
        self._looked = looked
        self._claims = claims
        self._notes = claims.notes

    def elements(self, table: TableMapping, rows: DocumentRows, above: RowKey) -> list[Element]:
        """Of the list below a row, in order."""
        of_list = {key[-1]: row for key, row in rows[table.name].items() if table.above(key) == above}
        return [tuple(of_list[place][column] for column in table.columns) for place in range(len(of_list))]

    def together(self, table: TableMapping, above: RowKey) -> list[Element] | None:
        """Both sides' versions as one; None where it is not known of what they were made, or both changed the same place."""
        if any(notes.unread for notes in self._notes.values()):
            return None
        base = self._base(table, above)
        if base is None:
            return None
        mysql, mongo = (self.elements(table, self._looked.of(side), above) for side in Side)
        began = [self._began(table, above, side) // self._rule.resolution for side in Side]
        mysql_first = began[0] < began[1] or (began[0] == began[1] and self._rule.tie is Side.MYSQL)
        both = table.policies.get("") is Combining.APPEND
        return together(base, mysql, mongo, both=both, mysql_first=mysql_first)

    def left_out(self, table: TableMapping, above: RowKey, winner: Side) -> Iterator[Loser]:
        """Elements of the list that lost which the outcome has not, and which were not there before: where a decision that
        was cleared had put a list together, an element stands elsewhere than its note says."""
        assert self._looked.base is not None
        kept = self.elements(table, self._looked.of(winner), above) + self.elements(table, self._looked.base, above)
        side = winner.other
        time = max((self._notes[side].places[place].time for place in self._noted(table, above, side)), default=0)
        for place, element in enumerate(self.elements(table, self._looked.of(side), above)):
            if element in kept:
                kept.remove(element)
                continue
            for column, value in zip(table.columns, element, strict=True):
                yield Loser(place=(table.name, (*above, place), column), value=value, side=side, time=time)

    def _began(self, table: TableMapping, above: RowKey, side: Side) -> int:
        """When a side's users began to change a list, on one clock with the other side's."""
        notes = self._notes[side].places
        times = [notes[place].began(None) for place in self._noted(table, above, side)]
        return self._rule.clocks.corrected(min(times), side) if times else 0

    def _base(self, table: TableMapping, above: RowKey) -> list[Element] | None:
        """The list of which both sides' versions were made, as far as that is known."""
        if self._looked.base is not None:
            return self.elements(table, self._looked.base, above)
        mysql, mongo = (self._before(table, above, side) for side in Side)
        return mysql if mysql == mongo else None

    def _before(self, table: TableMapping, above: RowKey, side: Side) -> list[Element] | None:
        """A side's list without what its users were noted to have made of it; None where that cannot be told."""
        rows = {key: dict(row) for key, row in self._looked.of(side)[table.name].items() if table.above(key) == above}
        noted = [*self._noted(table, above, side)]
        claims, places = self._claims, self._notes[side].places
        if side is Side.MYSQL and (table.name, above) in self._looked.gaps:
            return None
        if any(claims.left(places[one], one, side) != claims.value(one, side) for one in noted):
            return None
        for place in sorted(noted, key=lambda one: one[2]):  # the presence of a row first
            _, key, column = place
            found = places[place].found
            if not column and found is False:
                rows.pop(key, None)
            elif not column:
                rows[key] = {}
            elif key in rows:
                rows[key][column] = found
        if {key[-1] for key in rows} != set(range(len(rows))):
            return None
        return self.elements(table, {table.name: rows}, above)

    def _noted(self, table: TableMapping, above: RowKey, side: Side) -> Iterator[Place]:
        """Places of a list that a side's users were noted to have changed."""
        return (
            place for place in self._notes[side].places if place[0] == table.name and table.above(place[1]) == above
        )
