"""What is left to a person in a meeting, and what they decided (design 2.4). Pure; `meeting` obeys it.

A person decides *units*: a column, a row that stands on one side only (with all below it), or a list. `rulings` says which of
their decisions count.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping
from dataclasses import dataclass, field, replace

from sync.model.change import DocumentRows, Row, RowKey, Side, Value
from sync.model.mapping import CollectionMapping
from sync.model.notes import Notes, Place
from sync.model.values import to_json

#: Where a unit is: of a row (with all below it) and of a list the column is "", and a list's key is that of the row above.
Head = Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What a person decided of one unit, and the values that they were shown: JSON, as `unit_value` has them."""

    head: Head
    mysql: object
    mongo: object
    #: The side whose value stands; None: `value` does, which is none of the two.
    side: Side | None
    value: Value = None

    @property
    def result(self) -> object:
        """What both sides shall hold, as JSON."""
        if self.side is None:
            return to_json(self.value)
        return self.mysql if self.side is Side.MYSQL else self.mongo

    def fits(self, mysql: object, mongo: object) -> bool:
        """Whether it may count where these stand: what was shown, or already what it says, for a look may have come as far
        as one side before something else moved."""
        return mysql in (self.mysql, self.result) and mongo in (self.mongo, self.result)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A unit with the two values that stand there, as JSON (see `unit_value`)."""

    head: Head
    mysql: object
    mongo: object


class _Everywhere:
    def __contains__(self, item: object) -> bool:
        return True


#: As `Choice.asked`: nobody knows which side is newer, so that whatever differs is left to a person.
EVERYWHERE: Container[Head] = _Everywhere()


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What people say of one document to a look at it."""

    #: That side's version whole, whatever stands there (`lockstep repair`).
    side: Side | None = None
    taken: Mapping[Head, Taken] = field(default_factory=dict)
    #: The sides that win units which people were asked about, and nobody decided in time.
    instead: Mapping[Head, Side] = field(default_factory=dict)
    #: Units that people were asked about: they stay in question until decided, whatever the notes tell by now.
    asked: Container[Head] = frozenset()


NO_CHOICE = Choice()


# Units.


def covers(collection: CollectionMapping, head: Head, place: Place) -> bool:
    """Whether a place belongs to the unit; to a column's also the presence of its row."""
    table, key, column = head
    of_table, of_key, of_column = place
    if column:
        return (of_table, of_key) == (table, key) and of_column in (column, "")
    return of_table in collection.below[table] and of_key[: len(key)] == key


def unit_value(collection: CollectionMapping, rows: DocumentRows, head: Head) -> object:
    """What stands there, as JSON: a column's value, else the unit's rows in a fixed order, as `rows_to_json` has each.

    Raises `KeyError` for a column whose row is absent."""
    table, key, column = head
    if column:
        return to_json(rows[table][key][column])
    return [
        {
            "table": name,
            "key": [to_json(part) for part in of_key],
            "row": {one: to_json(value) for one, value in rows[name][of_key].items()},
        }
        for name in _tables(collection, table)
        for of_key in sorted(_keys(rows[name], key), key=lambda one: (str(one[:-1]), one[-1]))
    ]


def with_units(
    collection: CollectionMapping, rows: DocumentRows, other: DocumentRows, heads: Iterable[Head]
) -> DocumentRows:
    """`rows` with these units as they stand in `other`."""
    new: dict[str, dict[RowKey, Row]] = {table: dict(of_table) for table, of_table in rows.items()}
    for table, key, column in heads:
        if column:
            new[table][key] = {**new[table][key], column: other[table][key][column]}
            continue
        for name in _tables(collection, table):
            for gone in _keys(new[name], key):
                del new[name][gone]
            new[name].update({there: other[name][there] for there in _keys(other[name], key)})
    return new


def left_in_question(collection: CollectionMapping, notes: Notes, heads: Collection[Head]) -> Notes:
    """The notes that a document keeps once all but these units is the same on both sides: what else was noted is settled."""
    kept = {
        place: note for place, note in notes.places.items() if any(covers(collection, head, place) for head in heads)
    }
    return replace(notes, places=kept)


def _tables(collection: CollectionMapping, table: str) -> list[str]:
    """The table and those below it, parents first."""
    return [one.name for one in collection.tables if one.name in collection.below[table]]


def _keys(rows: Mapping[RowKey, Row], start: RowKey) -> list[RowKey]:
    return [key for key in rows if key[: len(start)] == start]
