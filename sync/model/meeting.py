"""Rule 3 of the meeting (design 2.4): what becomes of a document that both sides edited, and what each step obeys.

Everything here can be called with plain values. `sync.meetings` and the two targets carry out what is returned.

The field by field part: equal values stand; otherwise each value belongs to the note that has it. A value that the other
side's note found there was seen by its writer and gives way; else the policy picks. Presence of a row, with all rows below
it, and a list are decided as one value.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from sync.model.change import ConflictKind, DocumentRows, Row, RowKey, Side, Value
from sync.model.codecs import NotCanonical
from sync.model.lens import empty_rows
from sync.model.mapping import CollectionMapping, Combining, FieldPolicy, Granularity, TableMapping
from sync.model.notes import Note, Notes, Place
from sync.model.policies import Claim, Contest, Question, Rule, Verdict, judged
from sync.model.sequences import together
from sync.model.values import from_json, rows_to_json, to_json

#: Named as policy where a person has decided.
A_PERSON = "a person"
#: Of a list: the values of its row's columns.
_Element = tuple[Value, ...]
_Rows = dict[str, dict[RowKey, Row]]


class _Absent(enum.Enum):
    """What a column has where its row is absent: not NULL, which a user may have written."""

    ABSENT = enum.auto()


_ABSENT = _Absent.ABSENT
_Standing = Value | Literal[_Absent.ABSENT]


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A document as a look found it: the rows of each side, all tables present; lists by rank."""

    mysql: DocumentRows
    mongo: DocumentRows
    #: Lists of MySQL's that had gaps: table, and key of the row above.
    gaps: frozenset[tuple[str, RowKey]] = frozenset()
    #: MySQL's rows, lists by rank, as of the last decision that reached MongoDB and not MySQL; None: there was none.
    base: DocumentRows | None = None
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
    #: None where neither side's value stands, but what both sides' changes come to: `value`.
    winner: Side | None
    value: Value = None
    #: The policy that was asked, or `A_PERSON`; empty where none had to be.
    policy: str = ""
    #: It went by time, and the clocks cannot tell which was earlier.
    doubtful: bool = False


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
    """What both sides shall hold."""

    rows: DocumentRows
    decided: tuple[Decided, ...] = ()
    losers: tuple[Loser, ...] = ()

    def policy(self, collection: CollectionMapping) -> str:
        """In a word: the one that was asked; the collection's where none was; else `several`."""
        asked = {one.policy for one in self.decided} - {"", A_PERSON} or {str(collection.policy)}
        return min(asked).split()[0] if len(asked) == 1 else "several"


def decide(
    collection: CollectionMapping,
    rule: Rule,
    looked: Looked,
    notes: Mapping[Side, Notes],
    chosen: Side | None = None,
) -> Outcome:
    """The outcome of a look by what users' changes were noted. `chosen`: a person has decided for that side's version.

    `looked` must be a document or absent on each side (`sync.model.fold.broken` says no), or unreadable on the side that was
    not chosen: what stood there is then the loser, as text.
    """
    outcome = _Deciding(collection, rule, looked, notes, chosen).run()
    if not looked.unreadable:
        return outcome
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
    base: DocumentRows | None = None,
) -> Looked:
    """Both sides as a look compares them. None: what stands there cannot be expressed in rows; `unreadable` has it."""
    absent = empty_rows(collection)
    return Looked(
        mysql=absent if mysql is None else ranked(collection, mysql),
        mongo=absent if mongo is None else mongo,
        gaps=frozenset() if mysql is None else gaps(collection, mysql),
        base=base,
        unreadable=unreadable,
    )


def ranked(collection: CollectionMapping, rows: DocumentRows) -> DocumentRows:
    """The rows with each list's positions counted by rank: 0, 1, 2 …, so that a gap can be closed."""
    return {table: _by_rank(of_table) if table in collection.lists else of_table for table, of_table in rows.items()}


def gaps(collection: CollectionMapping, rows: DocumentRows) -> frozenset[tuple[str, RowKey]]:
    """Lists whose positions are not 0, 1, 2 …: table, and key of the row above."""
    counted = ranked(collection, rows)
    return frozenset(
        (table, key[:-1]) for table in collection.lists for key in rows[table].keys() ^ counted[table].keys()
    )


def _by_rank(rows: Mapping[RowKey, Row]) -> dict[RowKey, Row]:
    counts: dict[RowKey, int] = {}
    new: dict[RowKey, Row] = {}
    for key in sorted(rows, key=lambda key: (str(key[:-1]), key[-1])):
        rank = counts.get(key[:-1], 0)
        counts[key[:-1]] = rank + 1
        new[(*key[:-1], rank)] = rows[key]
    return new


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


class _Deciding:
    """One document's decision; walks both versions from the root down."""

    def __init__(
        self,
        collection: CollectionMapping,
        rule: Rule,
        looked: Looked,
        notes: Mapping[Side, Notes],
        chosen: Side | None,
    ) -> None:
        self._collection = collection
        self._rule = rule
        self._looked = looked
        self._notes = notes
        self._chosen = chosen
        self._children = {
            table.name: [child for child in collection.tables if child.parent == table.name]
            for table in collection.tables
        }
        #: Keys of both versions by the key of the row above.
        self._by_parent = {table.name: self._grouped(table.name) for table in collection.tables}
        self._rows: _Rows = empty_rows(collection)
        self._decided: list[Decided] = []
        self._losers: list[Loser] = []

    def run(self) -> Outcome:
        root = self._collection.tables[0]
        for key in self._keys(root, ()):
            self._row(root, key)
        return Outcome(rows=self._rows, decided=tuple(self._decided), losers=tuple(self._losers))

    def _row(self, table: TableMapping, key: RowKey) -> None:
        mine, theirs = (self._looked.of(side)[table.name].get(key) for side in Side)
        if mine is None or theirs is None:
            self._unit({table.name: [key], **self._below(table, key)})
            return
        if self._collection.granularity is Granularity.ROW:
            self._unit({table.name: [key]})
        else:
            self._rows[table.name][key] = self._fields(table, key, mine, theirs)
        for child in self._children[table.name]:
            if child.is_list:
                self._list(child, key)
                continue
            for below in self._keys(child, key):
                self._row(child, below)

    def _fields(self, table: TableMapping, key: RowKey, mine: Row, theirs: Row) -> Row:
        """Of a row that both sides have, one by one."""
        row: dict[str, Value] = {}
        for column in table.columns:
            row[column] = mine[column]
            place = (table.name, key, column)
            counted = self._counted(table, place) if table.policies.get(column) is Combining.DELTA else None
            if counted is not None:
                row[column] = counted
            elif mine[column] != theirs[column]:
                winner = self._pick([place])
                row[column] = mine[column] if winner is Side.MYSQL else theirs[column]
        return row

    def _counted(self, table: TableMapping, place: Place) -> Value:
        """What both sides' changes of a number come to, also where equal values stand: MySQL's value, which holds all that its
        users and all closed conflicts have made of it, and what MongoDB's users were noted to have added since. What stands
        in MongoDB tells nothing: a decision that was cleared may have written there. None: it goes like any other field, for
        not all changes are known, or it would be out of range."""
        of_mysql, of_mongo = (self._note(place, side) for side in Side)
        added = of_mongo.added if of_mongo else 0
        mysql, mongo = self._value(place, Side.MYSQL), self._value(place, Side.MONGO)
        assert isinstance(mysql, int)
        if self._chosen or added is None or self._notes[Side.MONGO].unread or not (of_mysql or of_mongo):
            return None
        try:
            value = table.codecs[place[2]].from_bson(mysql + added)
        except NotCanonical:
            return None
        if value != mysql or value != mongo:
            self._decided.append(
                self._told_of(place, Verdict(winner=Side.MYSQL, policy=str(Combining.DELTA)), value, neither=True)
            )
        return value

    def _list(self, table: TableMapping, above: RowKey) -> None:
        """As one value, where it cannot be put together."""
        keys, losers = self._keys(table, above), len(self._losers)
        elements = self._together(table, above, keys)
        if elements is not None:
            rows = {(*above, place): dict(zip(table.columns, one, strict=True)) for place, one in enumerate(elements)}
            self._rows[table.name].update(rows)
            return
        winner = self._unit({table.name: keys})
        if self._looked.base is not None and keys:
            # What a decision that was cleared had put together stands elsewhere than its note says.
            self._losers[losers:] = self._left_out(table, above, winner)

    def _together(self, table: TableMapping, above: RowKey, keys: list[RowKey]) -> list[_Element] | None:
        """Both sides' versions of a list put together; None where it is not known of what they were made, or both changed the
        same place of it."""
        if self._chosen or any(notes.unread for notes in self._notes.values()):
            return None
        base = self._base(table, above)
        if base is None:
            return None
        mysql, mongo = (self._elements(table, self._looked.of(side), above) for side in Side)
        both = table.policies.get("") is Combining.APPEND
        began = [self._began(table, above, side) // self._rule.resolution for side in Side]
        mysql_first = began[0] < began[1] or (began[0] == began[1] and self._rule.tie is Side.MYSQL)
        elements = together(base, mysql, mongo, both=both, mysql_first=mysql_first)
        if elements is not None:
            verdict = Verdict(
                winner=Side.MYSQL if elements == mysql else Side.MONGO, policy=str(Combining.APPEND) if both else ""
            )
            neither = elements not in (mysql, mongo)
            for place in (place for key in keys for place in self._places(table.name, key)):
                self._decided.append(self._told_of(place, verdict, neither=neither))
        return elements

    def _began(self, table: TableMapping, above: RowKey, side: Side) -> int:
        """When a side's users began to change a list, on one clock with the other side's."""
        notes = self._notes[side].places
        times = [notes[place].began(None) for place in self._noted(table, above, side)]
        return self._rule.clocks.corrected(min(times), side) if times else 0

    def _base(self, table: TableMapping, above: RowKey) -> list[_Element] | None:
        """The list of which both sides' versions were made, as far as that is known."""
        if self._looked.base is not None:
            return self._elements(table, self._looked.base, above)
        mysql, mongo = (self._before(table, above, side) for side in Side)
        return mysql if mysql == mongo else None

    def _before(self, table: TableMapping, above: RowKey, side: Side) -> list[_Element] | None:
        """A side's list without what its users were noted to have made of it; None where that cannot be told."""
        rows = {key: dict(row) for key, row in self._looked.of(side)[table.name].items() if key[:-1] == above}
        noted = [*self._noted(table, above, side)]
        if side is Side.MYSQL and (table.name, above) in self._looked.gaps:
            return None
        if any(self._left(self._notes[side].places[one], one, side) != self._value(one, side) for one in noted):
            return None
        for place in sorted(noted, key=lambda one: one[2]):  # the presence of a row first
            _, key, column = place
            found = self._notes[side].places[place].found
            if not column and found is False:
                rows.pop(key, None)
            elif not column:
                rows[key] = {}
            elif key in rows:
                rows[key][column] = found
        if {key[-1] for key in rows} != set(range(len(rows))):
            return None
        return self._elements(table, {table.name: rows}, above)

    def _noted(self, table: TableMapping, above: RowKey, side: Side) -> Iterator[Place]:
        """Places of a list that a side's users were noted to have changed."""
        return (place for place in self._notes[side].places if place[0] == table.name and place[1][:-1] == above)

    def _elements(self, table: TableMapping, rows: DocumentRows, above: RowKey) -> list[_Element]:
        of_list = {key[-1]: row for key, row in rows[table.name].items() if key[:-1] == above}
        return [tuple(of_list[place][column] for column in table.columns) for place in range(len(of_list))]

    def _left_out(self, table: TableMapping, above: RowKey, winner: Side) -> Iterator[Loser]:
        """Elements of the list that lost which the outcome has not, and which were not there before."""
        assert self._looked.base is not None
        kept = self._elements(table, self._looked.of(winner), above) + self._elements(table, self._looked.base, above)
        side = winner.other
        time = max((self._notes[side].places[place].time for place in self._noted(table, above, side)), default=0)
        for place, element in enumerate(self._elements(table, self._looked.of(side), above)):
            if element in kept:
                kept.remove(element)
                continue
            for column, value in zip(table.columns, element, strict=True):
                yield Loser(place=(table.name, (*above, place), column), value=value, side=side, time=time)

    def _unit(self, keys: Mapping[str, Iterable[RowKey]]) -> Side:
        """Rows of both versions that are decided as one value; the side whose version stands."""
        differing = [
            place for table, of_table in keys.items() for key in of_table for place in self._places(table, key)
        ]
        winner = self._pick(differing) if differing else Side.MYSQL
        version = self._looked.of(winner)
        for table, of_table in keys.items():
            self._rows[table].update({key: version[table][key] for key in of_table if key in version[table]})
        return winner

    def _keys(self, table: TableMapping, above: RowKey) -> list[RowKey]:
        """Keys of the rows below `above` in either version."""
        return list(self._by_parent[table.name].get(above, ()))

    def _grouped(self, table: str) -> dict[RowKey, dict[RowKey, None]]:
        grouped: dict[RowKey, dict[RowKey, None]] = {}
        for side in Side:
            for key in self._looked.of(side)[table]:
                grouped.setdefault(key[:-1], {})[key] = None
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
        for column in mine or theirs or {}:
            if mine is None or theirs is None or mine[column] != theirs[column]:
                yield (table, key, column)

    def _pick(self, places: list[Place]) -> Side:
        """The side whose version of these places, all different, stands; what loses is recorded."""
        saw = {side: all(self._saw(place, side) for place in places) for side in Side}
        verdict = self._verdict(places, saw)
        winner = verdict.winner
        for place in places:
            self._decided.append(self._told_of(place, verdict))
            self._record(place, winner, seen=saw[winner] and not saw[winner.other])
        return winner

    def _verdict(self, places: list[Place], saw: Mapping[Side, bool]) -> Verdict:
        if self._chosen:
            return Verdict(winner=self._chosen, policy=A_PERSON)
        if saw[Side.MYSQL] != saw[Side.MONGO]:
            return Verdict(winner=Side.MYSQL if saw[Side.MYSQL] else Side.MONGO)
        one = places[0] if len(places) == 1 else None
        mysql, mongo = (self._value(one, side) if one else _ABSENT for side in Side)
        contest = Contest(
            mysql=self._joint_claim(places, Side.MYSQL),
            mongo=self._joint_claim(places, Side.MONGO),
            values=None if mysql is _ABSENT or mongo is _ABSENT else (mysql, mongo),
            question=lambda: self._question(places),
        )
        return judged(self._rule, self._policy(places), contest)

    def _policy(self, places: list[Place]) -> FieldPolicy:
        """What decides these places."""
        table, key, column = places[0]
        mapped = next(one for one in self._collection.tables if one.name == table)
        presence = not mapped.is_list and any(key not in self._looked.of(side)[table] for side in Side)
        own = mapped.policies.get("" if presence or mapped.is_list else column)
        kind = ConflictKind.DELETE_DIFFERS if presence else self._kind_of(places[0])
        if own is None or own in (Combining.DELTA, Combining.APPEND):  # what both come to cannot be told
            return self._collection.kinds.get(kind, self._rule.policy)
        return own

    def _kind_of(self, place: Place) -> ConflictKind:
        """Of a place in a row that both sides have: did both insert it?"""
        presence = [self._presence(place, side) for side in Side]
        if all(note and note.found is False for note in presence):
            return ConflictKind.INSERT_EXISTS
        return ConflictKind.UPDATE_DIFFERS

    def _joint_claim(self, places: list[Place], side: Side) -> Claim:
        """The newest of the places' claims; they began with the earliest."""
        claims = [self._claim(place, side) for place in places]
        newest = max(claims, key=lambda one: one.time, default=Claim())
        return Claim(newest.time, newest.side, min((one.began for one in claims if one.time), default=0))

    def _question(self, places: list[Place]) -> Question:
        """What a function of the users' own is told. Of several places that are one value: the rows of each side."""
        table, key, column = places[0]
        base = self._note(places[0], Side.MYSQL) or self._note(places[0], Side.MONGO)
        single = len(places) == 1 and column
        return {
            "collection": self._collection.name,
            **_place_to_json((table, key, column if single else "")),
            "base": to_json(base.found) if single and base else None,
            **{str(side): self._version(places, side) for side in Side},
            **{f"{side}_time": self._joint_claim(places, side).time for side in Side},
        }

    def _version(self, places: list[Place], side: Side) -> object:
        value = self._value(places[0], side)
        if len(places) == 1 and places[0][2] and value is not _ABSENT:
            return to_json(value)
        rows: _Rows = {}
        for table, key, _ in places:
            row = self._looked.of(side)[table].get(key)
            if row is not None:
                rows.setdefault(table, {})[key] = row
        return rows_to_json(rows) or None

    def _told_of(self, place: Place, verdict: Verdict, value: Value = None, *, neither: bool = False) -> Decided:
        """`neither` side's version stands, but what both sides' changes come to; `value`, if it is one."""
        claims = {side: self._claim(place, side) for side in Side}
        base = self._note(place, Side.MYSQL) or self._note(place, Side.MONGO)
        return Decided(
            place=place,
            base=base.found if base else None,
            mysql=_told(self._value(place, Side.MYSQL)),
            mongo=_told(self._value(place, Side.MONGO)),
            mysql_time=claims[Side.MYSQL].time or None,
            mongo_time=claims[Side.MONGO].time or None,
            winner=None if neither else verdict.winner,
            value=value,
            policy=verdict.policy,
            doubtful=verdict.doubtful,
        )

    def _record(self, place: Place, winner: Side, *, seen: bool) -> None:
        """What lost. `seen`: the winner's writer had seen all that stood on the other side."""
        lost, value = self._claim(place, winner.other), self._value(place, winner.other)
        seen = seen or (self._saw(place, winner) and not self._saw(place, winner.other))
        # Of a row that is absent its absence is the loser, not each of its columns.
        if lost.side is not None and value is not _ABSENT and not seen:
            self._losers.append(Loser(place=place, value=value, side=lost.side, time=lost.time))

    def _value(self, place: Place, side: Side) -> _Standing:
        table, key, column = place
        row = self._looked.of(side)[table].get(key)
        if not column:
            return row is not None
        return _ABSENT if row is None else row[column]

    def _note(self, place: Place, side: Side) -> Note | None:
        return self._notes[side].places.get(place)

    def _claim(self, place: Place, side: Side) -> Claim:
        """Who wrote what stands at a place of `side`: its own user, or the other side's whose change was carried here. What
        was written but could not be read counts where no note has the value."""
        table, key, _ = place
        if side is Side.MYSQL and (table, key[:-1]) in self._looked.gaps:
            left = self._gap_claim(table, key[:-1])
            if left:
                return left
        value = self._value(place, side)
        for origin in (side, side.other):
            note = self._note(place, origin)
            if note and self._left(note, place, origin) == value:
                return Claim(note.time, origin, note.began(self._note(place, origin.other)))
        unread = self._notes[side].unread
        return Claim(unread.time, side, unread.time) if unread else Claim()

    def _gap_claim(self, table: str, above: RowKey) -> Claim | None:
        """Who left a gap in a list. Its places were counted anew, so that no note's is the same; but only MySQL's users leave
        gaps, and a list is one value: theirs, as of their newest change of it."""
        times = [
            note.time
            for (of_table, key, _), note in self._notes[Side.MYSQL].places.items()
            if of_table == table and key[:-1] == above
        ]
        return Claim(max(times), Side.MYSQL, min(times)) if times else None

    def _saw(self, place: Place, side: Side) -> bool:
        """Whether the writer of what stands on `side` found there what stands on the other."""
        note = self._note(place, side)
        if note is None or self._left(note, place, side) != self._value(place, side):
            return False
        return self._found(note, place, side) == self._value(place, side.other)

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
            "winner": None if one.winner is None else str(one.winner),
            "value": to_json(one.value),
            "policy": one.policy,
            "doubtful": one.doubtful,
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
