"""Rule 3 of the meeting (design 2.4): what becomes of a document that both sides edited, and what each step obeys.

Everything here can be called with plain values. `sync.meetings` and the two targets carry out what is returned.

The field by field part: equal values stand; otherwise each value belongs to the note that has it. A value that the other
side's note found there was seen by its writer and gives way; else the policy picks. Presence of a row, with all rows below
it, and a list are decided as one value. What only a person may decide stays apart: each side keeps its own there (`choice`).
"""

from __future__ import annotations

import enum
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from sync.model.change import DocumentRows, Row, RowKey, Side, Value
from sync.model.choice import NO_CHOICE, Choice, Head, with_units
from sync.model.lens import empty_rows
from sync.model.mapping import CollectionMapping, Policy, TableMapping
from sync.model.notes import Note, Notes, Place
from sync.model.order import by_rank, by_rank_beside, in_order, merged_order, same_order
from sync.model.values import from_json, to_json

_Rows = dict[str, dict[RowKey, Row]]


class _Absent(enum.Enum):
    """What a column has where its row is absent: not NULL, which a user may have written."""

    ABSENT = enum.auto()


_ABSENT = _Absent.ABSENT
_Standing = Value | Literal[_Absent.ABSENT]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How a collection's documents are decided."""

    policy: Policy
    #: The side that wins where two times are equal, and where no note tells anything.
    tie: Side = Side.MYSQL
    #: Microseconds: times of the two sides are compared in steps of this, the coarser of their clocks'.
    resolution: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A document as a look found it: the rows of each side, all tables present; lists by rank."""

    mysql: DocumentRows
    mongo: DocumentRows
    #: Lists of MySQL's that had gaps: table, and key of the row above.
    gaps: frozenset[tuple[str, RowKey]] = frozenset()
    #: What stands on a side that no rows can express, as text; its rows are then empty. Only a person decides over it.
    unreadable: Mapping[Side, str] = field(default_factory=dict)

    def of(self, side: Side) -> DocumentRows:
        return self.mysql if side is Side.MYSQL else self.mongo


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """One place that differed. Times are microseconds since the epoch, None where nobody noted the value."""

    place: Place
    #: What the first noted change found there; None where no note tells.
    base: Value
    mysql: Value
    mongo: Value
    mysql_time: int | None
    mongo_time: int | None
    #: None: a person is to decide, or has given a value of their own.
    winner: Side | None
    #: That value, alone in its tuple.
    own: tuple[Value] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Loser:
    """A value that a user wrote, that the outcome leaves out, and that the winner's writer had not seen."""

    place: Place
    value: Value
    #: Whose user wrote it, and when.
    side: Side
    time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What both sides shall hold; where something is left to a person, what MySQL shall."""

    rows: DocumentRows
    decided: tuple[Decided, ...] = ()
    losers: tuple[Loser, ...] = ()
    #: Everything that differed, as units (`choice`); and what of it is left to a person.
    units: tuple[Head, ...] = ()
    questions: tuple[Head, ...] = ()
    #: What MongoDB shall hold, where that is not `rows`: there each unit in question has its version.
    apart: DocumentRows | None = None

    def of(self, side: Side) -> DocumentRows:
        return self.rows if side is Side.MYSQL or self.apart is None else self.apart


def decide(
    collection: CollectionMapping,
    rule: Rule,
    looked: Looked,
    notes: Mapping[Side, Notes],
    choice: Choice = NO_CHOICE,
) -> Outcome:
    """The outcome of a look by what users' changes were noted, and by what people say to it.

    `looked` must be a document or absent on each side (`sync.model.fold.broken` says no), or unreadable on the side that a
    person did not choose: what stood there is then the loser, as text.
    """
    outcome = _Deciding(collection, rule, looked, notes, choice).run()
    if not looked.unreadable:
        return outcome
    chosen = choice.side
    assert chosen is not None
    key = next(iter(looked.of(chosen)[collection.table]), ())
    text, of_side = looked.unreadable[chosen.other], notes[chosen.other]
    time = max((note.time for note in of_side.places.values()), default=0)
    loser = Loser(
        place=(collection.table, key, ""),
        value=text,
        side=chosen.other,
        time=of_side.unread.time if of_side.unread else time,
    )
    return Outcome(rows=outcome.rows, losers=(loser,))


def as_looked(
    collection: CollectionMapping,
    mysql: DocumentRows | None,
    mongo: DocumentRows | None,
    unreadable: Mapping[Side, str],
) -> Looked:
    """Both sides as a look compares them. None: what stands there cannot be expressed in rows; `unreadable` has it."""
    absent = empty_rows(collection)
    return Looked(
        mysql=absent if mysql is None else ranked(collection, mysql),
        mongo=absent if mongo is None else mongo,
        gaps=frozenset() if mysql is None else gaps(collection, mysql),
        unreadable=unreadable,
    )


def ranked(collection: CollectionMapping, rows: DocumentRows) -> DocumentRows:
    """The rows with each list's positions counted by rank: 0, 1, 2 …, so that a gap can be closed."""
    made = {table: by_rank(of) if table in collection.lists else of for table, of in rows.items()}
    for table, position in collection.positions.items():
        if table in made:
            made[table] = by_rank_beside(made[table], position)
    return made


def gaps(collection: CollectionMapping, rows: DocumentRows) -> frozenset[tuple[str, RowKey]]:
    """Lists whose positions are not 0, 1, 2 …: table, and key of the row above."""
    counted = ranked(collection, rows)
    return frozenset(
        (table, key[:-1]) for table in collection.lists for key in rows[table].keys() ^ counted[table].keys()
    )


# The steps of a look. Its id stands in the conflict row until a newer note, or a new follower, takes it away.


def look_after_note(look: int | None, *, mark_passed: bool) -> int | None:
    """The look of a conflict row once a change was noted: cleared if the worker had passed the look's mark in its log,
    for the change is newer than what was looked at; kept if the mark is still to come."""
    return None if mark_passed else look


class Answer(enum.Enum):
    """What the listener does about a document whose outcome stands in MongoDB."""

    #: Give MySQL the outcome and close the conflict.
    WRITE = enum.auto()
    #: MySQL has moved on: clear the look, keep its losers.
    MOVED = enum.auto()
    #: The look was cleared meanwhile: only keep its losers, for MongoDB's value is gone.
    KEEP = enum.auto()


def on_written(look: int | None, written: int, looked_at: DocumentRows | None, now: DocumentRows | None) -> Answer:
    """At the second mark, of look `written`: `look` stands in the conflict row, `now` in MySQL. None: rows that cannot be
    carried, which only a person's decision for the other side replaces."""
    if look != written:
        return Answer.KEEP
    return Answer.WRITE if now == looked_at else Answer.MOVED


@dataclass(frozen=True, slots=True)
class _Claim:
    """Who wrote the value that stands at a place, and when: 0 and None where no note tells."""

    time: int = 0
    side: Side | None = None


class _Deciding:
    """One document's decision; walks both versions from the root down."""

    def __init__(
        self,
        collection: CollectionMapping,
        rule: Rule,
        looked: Looked,
        notes: Mapping[Side, Notes],
        choice: Choice,
    ) -> None:
        self._collection = collection
        self._rule = rule
        self._looked = looked
        self._notes = notes
        self._choice = choice
        self._children = {
            table.name: [child for child in collection.tables if child.parent == table.name]
            for table in collection.tables
        }
        #: Keys of both versions by the key of the row above.
        self._by_parent = {table.name: self._grouped(table.name, table.inherited) for table in collection.tables}
        self._rows: _Rows = empty_rows(collection)
        self._decided: list[Decided] = []
        self._losers: list[Loser] = []
        self._units: list[Head] = []
        self._questions: list[Head] = []

    def run(self) -> Outcome:
        root = self._collection.tables[0]
        for key in self._keys(root, ()):
            self._row(root, key)
        apart = None
        if self._questions:
            apart = with_units(self._collection, self._rows, self._looked.mongo, self._questions)
        return Outcome(
            rows=self._rows,
            decided=tuple(self._decided),
            losers=tuple(self._losers),
            units=tuple(self._units),
            questions=tuple(self._questions),
            apart=apart,
        )

    def _row(self, table: TableMapping, key: RowKey) -> None:
        mine, theirs = (self._looked.of(side)[table.name].get(key) for side in Side)
        if mine is None or theirs is None:
            self._unit((table.name, key, ""), {table.name: [key], **self._below(table, key)})
            return
        row: dict[str, Value] = {}
        for column in table.columns:
            row[column] = mine[column]
            if mine[column] != theirs[column] and column != table.position:
                head = (table.name, key, column)
                winner = self._pick(head, [head])
                row[column] = mine[column] if winner is Side.MYSQL else theirs[column]
                own = self._own(head)
                if own:
                    (row[column],) = own
        self._rows[table.name][key] = row
        for child in self._children[table.name]:
            if child.is_list:
                self._list(child, key)
                continue
            for below in self._keys(child, key):
                self._row(child, below)
            if child.position:
                self._order(child, child.position, key)

    def _order(self, table: TableMapping, position: str, above: RowKey) -> None:
        """Of a list with a key, one value: the order of what both sides have; what only one has stays behind what it
        followed there."""
        here, there = (self._looked.of(side)[table.name] for side in Side)
        keys = self._keys(table, above)
        order = {
            Side.MYSQL: in_order(here, filter(here.__contains__, keys), position),
            Side.MONGO: in_order(there, filter(there.__contains__, keys), position),
        }
        winner = Side.MYSQL
        if not same_order(order[Side.MYSQL], order[Side.MONGO]):
            both = [key for key in order[Side.MYSQL] if key in there]
            moved = [side for side in Side if self._moved(table.name, position, both, side)]
            if len(moved) == 1 and not self._choice.side:  # the other side's users have let the order be
                (winner,) = moved
            else:
                winner = self._pick_order(
                    [(table.name, k, position) for k in both if here[k][position] != there[k][position]]
                )
        rows = self._rows[table.name]
        for rank, key in enumerate(merged_order(order[winner], order[winner.other], rows)):
            rows[key] = {**rows[key], position: rank}

    def _moved(self, table: str, position: str, keys: Iterable[RowKey], side: Side) -> bool:
        """Whether a side's users put these rows into another order than they had found them in."""
        rows = self._looked.of(side)[table]
        now = in_order(rows, keys, position)
        notes = {key: self._note((table, key, position), side) for key in now}
        found = {key: {position: note.found} for key, note in notes.items() if note and note.found is not None}
        return in_order({**rows, **found}, now, position) != now

    def _list(self, table: TableMapping, above: RowKey) -> None:
        self._unit((table.name, above, ""), {table.name: self._keys(table, above)})

    def _unit(self, head: Head, keys: Mapping[str, Iterable[RowKey]]) -> None:
        """Rows of both versions that are decided as one value."""
        differing = [
            place for table, of_table in keys.items() for key in of_table for place in self._places(table, key)
        ]
        winner = self._pick(head, differing) if differing else Side.MYSQL
        version = self._looked.of(winner)
        for table, of_table in keys.items():
            self._rows[table].update({key: version[table][key] for key in of_table if key in version[table]})

    def _keys(self, table: TableMapping, above: RowKey) -> list[RowKey]:
        """Keys of the rows below `above` in either version."""
        return list(self._by_parent[table.name].get(above, ()))

    def _grouped(self, table: str, inherited: int) -> dict[RowKey, dict[RowKey, None]]:
        grouped: dict[RowKey, dict[RowKey, None]] = {}
        for side in Side:
            for key in self._looked.of(side)[table]:
                grouped.setdefault(key[:inherited], {})[key] = None
        return grouped

    def _below(self, table: TableMapping, key: RowKey) -> dict[str, list[RowKey]]:
        found: dict[str, list[RowKey]] = {}
        for child in self._children[table.name]:
            keys = self._keys(child, key)
            found[child.name] = keys
            for one in keys:
                for name, below in self._below(child, one).items():
                    found.setdefault(name, []).extend(below)
        return found

    def _places(self, table: str, key: RowKey) -> Iterator[Place]:
        """Those of a row that differ."""
        mine, theirs = (self._looked.of(side)[table].get(key) for side in Side)
        if mine == theirs:
            return
        if mine is None or theirs is None:
            yield (table, key, "")
        place = self._collection.positions.get(table)
        for column in mine or theirs or {}:
            if column == place:  # whoever moves others does not edit this one
                continue
            if mine is None or theirs is None or mine[column] != theirs[column]:
                yield (table, key, column)

    def _pick(self, head: Head, places: list[Place]) -> Side:
        """The side whose version of these places, all different, stands (in MySQL, where they are in question); what loses is
        recorded."""
        self._units.append(head)
        saw = {side: all(self._saw(place, side) for place in places) for side in Side}
        if saw[Side.MYSQL] and any(self._is_correction(place) for place in places):
            # What MySQL made of a value is newer than that value, though it may restore an older one.
            saw[Side.MONGO] = False
        winner = self._chosen(head) or self._winner(places, saw)
        own = self._own(head)
        if own:
            losers = [one for side in Side for one in self._loser(head, side, seen=own[0] == self._value(head, side))]
        else:
            losers = [
                one
                for place in places
                for one in self._left_out(place, winner, seen=saw[winner] and not saw[winner.other])
            ]
        asked = self._is_asked(head, saw, losers)
        if asked:
            self._questions.append(head)
        else:
            self._losers += losers
        self._decided += [self._as_decided(place, None if asked or own else winner, own) for place in places]
        return Side.MYSQL if asked else winner

    def _pick_order(self, places: list[Place]) -> Side:
        """The side whose order of a list with a key stands. It is no unit: nobody is asked."""
        saw = {side: all(self._saw(place, side) for place in places) for side in Side}
        winner = self._choice.side or self._winner(places, saw)
        for place in places:
            self._losers += self._left_out(place, winner, seen=saw[winner] and not saw[winner.other])
            self._decided.append(self._as_decided(place, winner, None))
        return winner

    def _chosen(self, head: Head) -> Side | None:
        """The side that a person has decided for."""
        taken = self._choice.taken.get(head)
        return self._choice.side or (taken.side if taken else None)

    def _own(self, head: Head) -> tuple[Value] | None:
        """The value that a person has given, which is neither side's."""
        taken = self._choice.taken.get(head)
        return (taken.value,) if taken and taken.side is None and not self._choice.side else None

    def _is_asked(self, head: Head, saw: Mapping[Side, bool], losers: Iterable[Loser]) -> bool:
        """Whether this is left to a person: under `manual` what would make a value lose that somebody wrote."""
        if self._choice.side or head in self._choice.taken or saw[Side.MYSQL] != saw[Side.MONGO]:
            return False
        return head in self._choice.asked or (self._rule.policy is Policy.MANUAL and any(losers))

    def _winner(self, places: list[Place], saw: Mapping[Side, bool]) -> Side:
        claims = {side: max((self._claim(place, side) for place in places), key=lambda one: one.time) for side in Side}
        if saw[Side.MYSQL] != saw[Side.MONGO]:
            return Side.MYSQL if saw[Side.MYSQL] else Side.MONGO
        return _preferred(self._rule, claims[Side.MYSQL], claims[Side.MONGO])

    def _as_decided(self, place: Place, winner: Side | None, own: tuple[Value] | None) -> Decided:
        times = {side: self._claim(place, side).time or None for side in Side}
        base = self._note(place, Side.MYSQL) or self._note(place, Side.MONGO)
        return Decided(
            place=place,
            base=base.found if base else None,
            mysql=_told(self._value(place, Side.MYSQL)),
            mongo=_told(self._value(place, Side.MONGO)),
            mysql_time=times[Side.MYSQL],
            mongo_time=times[Side.MONGO],
            winner=winner,
            own=own,
        )

    def _left_out(self, place: Place, winner: Side, *, seen: bool) -> Iterator[Loser]:
        """What loses where `winner`'s version stands. `seen`: its writer had seen all that stood on the other side."""
        seen = seen or (self._saw(place, winner) and not self._saw(place, winner.other))
        return self._loser(place, winner.other, seen=seen)

    def _loser(self, place: Place, side: Side, *, seen: bool) -> Iterator[Loser]:
        lost, value = self._claim(place, side), self._value(place, side)
        # Of a row that is absent its absence is the loser, not each of its columns.
        if lost.side is not None and value is not _ABSENT and not seen:
            yield Loser(place=place, value=value, side=lost.side, time=lost.time)

    def _value(self, place: Place, side: Side) -> _Standing:
        table, key, column = place
        row = self._looked.of(side)[table].get(key)
        if not column:
            return row is not None
        return _ABSENT if row is None else row[column]

    def _note(self, place: Place, side: Side) -> Note | None:
        return self._notes[side].places.get(place)

    def _claim(self, place: Place, side: Side) -> _Claim:
        """Who wrote what stands at a place of `side`: its own user, or the other side's whose change was carried here. What
        was written but could not be read counts where no note has the value. Nobody wrote a correction: it gives way to any
        user who had not seen it, and is no loser."""
        table, key, _ = place
        if side is Side.MYSQL and (table, key[:-1]) in self._looked.gaps:
            left = self._gap_claim(table, key[:-1])
            if left:
                return left
        value = self._value(place, side)
        for origin in (side, side.other):
            note = self._note(place, origin)
            if note and self._left(note, place, origin) == value:
                return _Claim() if note.correction else _Claim(note.time, origin)
        if place[2] and place[2] == self._collection.positions.get(place[0]):
            left = self._order_claim(place, side)
            if left:
                return left
        unread = self._notes[side].unread
        return _Claim(unread.time, side) if unread else _Claim()

    def _gap_claim(self, table: str, above: RowKey) -> _Claim | None:
        """Who left a gap in a list. Its places were counted anew, so that no note's is the same; but only MySQL's users leave
        gaps, and a list is one value: theirs, as of their newest change of it."""
        times = [
            note.time
            for (of_table, key, _), note in self._notes[Side.MYSQL].places.items()
            if of_table == table and key[:-1] == above
        ]
        return _Claim(max(times), Side.MYSQL) if times else None

    def _order_claim(self, place: Place, side: Side) -> _Claim | None:
        """Who moved something in a list with a key last, on this side. A place that counts by rank need be no note's."""
        table, key, position = place
        times = [
            note.time
            for (of_table, of_key, column), note in self._notes[side].places.items()
            if (of_table, of_key[:-1], column) == (table, key[:-1], position)
        ]
        return _Claim(max(times), side) if times else None

    def _saw(self, place: Place, side: Side) -> bool:
        """Whether the writer of what stands on `side` found there what stands on the other."""
        note = self._note(place, side)
        if note is None or self._left(note, place, side) != self._value(place, side):
            return False
        return self._found(note, place, side) == self._value(place, side.other)

    def _is_correction(self, place: Place) -> bool:
        note = self._note(place, Side.MYSQL)
        return note is not None and note.correction

    def _left(self, note: Note, place: Place, origin: Side) -> _Standing:
        """The value noted; a delete left none, and noted the row's absence in the same moment."""
        presence = self._presence(place, origin)
        return _ABSENT if presence and presence.value is False and presence.position == note.position else note.value

    def _found(self, note: Note, place: Place, origin: Side) -> _Standing:
        """What the noted change found; an insert found none."""
        presence = self._presence(place, origin)
        return _ABSENT if presence and presence.found is False and note.found is None else note.found

    def _presence(self, place: Place, origin: Side) -> Note | None:
        """The note of the presence of a column's row."""
        table, key, column = place
        return self._note((table, key, ""), origin) if column else None


def _told(value: _Standing) -> Value:
    """As people are told: absence is told by the row's place."""
    return None if value is _ABSENT else value


def _preferred(rule: Rule, mysql: _Claim, mongo: _Claim) -> Side:
    """By policy, where neither writer had seen the other's value."""
    if not mysql.time or not mongo.time:
        if mysql.time == mongo.time:
            return rule.tie
        return Side.MYSQL if mysql.time else Side.MONGO
    if mysql.side is mongo.side:
        return Side.MYSQL if mysql.time >= mongo.time else Side.MONGO
    if rule.policy in (Policy.MYSQL_WINS, Policy.MONGO_WINS):
        wanted = Side.MYSQL if rule.policy is Policy.MYSQL_WINS else Side.MONGO
        return Side.MYSQL if mysql.side is wanted else Side.MONGO
    here, there = mysql.time // rule.resolution, mongo.time // rule.resolution
    if here == there:  # the user of the configured side wrote later, by convention
        return Side.MYSQL if mysql.side is rule.tie else Side.MONGO
    return Side.MYSQL if here > there else Side.MONGO


# As JSON, for the engine's tables and for people.


def decided_to_json(decided: Iterable[Decided]) -> list[dict[str, object]]:
    """One object a place that differed."""
    return [
        {
            **_place_to_json(one.place),
            "base": to_json(one.base),
            "mysql": to_json(one.mysql),
            "mongo": to_json(one.mongo),
            "mysql_time": one.mysql_time,
            "mongo_time": one.mongo_time,
            "winner": one.winner and str(one.winner),
            **({"own": to_json(one.own[0])} if one.own else {}),
        }
        for one in decided
    ]


def losers_to_json(losers: Iterable[Loser]) -> list[dict[str, object]]:
    """One object a loser."""
    return [
        {**_place_to_json(one.place), "value": to_json(one.value), "side": str(one.side), "time": one.time}
        for one in losers
    ]


def _place_to_json(place: Place) -> dict[str, object]:
    table, key, column = place
    return {"table": table, "key": [to_json(part) for part in key], "column": column}


def added_losers(known: str | None, new: Iterable[Mapping[str, object]]) -> str:
    """Kept losers as JSON text, with those of one more look; each once."""
    kept: list[object] = json.loads(known) if known else []
    return json.dumps([*kept, *(one for one in new if one not in kept)], ensure_ascii=False)


def rows_from_json(collection: CollectionMapping, listed: Iterable[Mapping[str, object]]) -> DocumentRows:
    """The inverse of `sync.model.values.rows_to_json`; every table of the collection is present."""
    rows: _Rows = empty_rows(collection)
    for one in listed:
        match one:
            case {"table": str(table), "key": list(key), "row": dict(row)}:
                values = {str(column): from_json(value) for column, value in row.items()}
                rows[table][tuple(from_json(part) for part in key)] = values
            case _:
                raise ValueError("not a row")
    return rows
