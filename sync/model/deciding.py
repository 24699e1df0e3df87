"""One document's decision, field by field (design 2.4, rule 3): walks both versions from the root down.

Equal values stand; otherwise each value belongs to the note that has it. A value that the other side's note found there was
seen by its writer and gives way; else the policy picks. Presence of a row, with all rows below it, and a list that cannot be
put together are decided as one value. What only a person may decide stays apart: each side keeps its own there (`choice`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from sync.model.change import ConflictKind, Row, RowKey, Side, Value
from sync.model.choice import Choice, Head, with_units
from sync.model.claims import Claims
from sync.model.codecs import NotCanonical
from sync.model.lens import empty_rows
from sync.model.list_merge import Element, ListMerge
from sync.model.mapping import CollectionMapping, Combining, Custom, FieldPolicy, Granularity, Policy, TableMapping
from sync.model.notes import Notes, Place, plus
from sync.model.order import in_order, merged_order, same_order
from sync.model.outcome import A_PERSON, ABSENT, Decided, Looked, Loser, Outcome, Rows, place_to_json, told
from sync.model.policies import Contest, Question, Rule, Verdict, judged
from sync.model.values import rows_to_json, to_json


class Deciding:
    """Used once."""

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
        self._choice = choice
        self._claims = Claims(collection, looked, notes)
        self._lists = ListMerge(rule, looked, self._claims)
        #: Whether a row is one value; to people its fields are shown one by one.
        persons = choice.taken or choice.instead or choice.asked != frozenset()
        self._by_row = collection.granularity is Granularity.ROW and not persons
        self._tables = {table.name: table for table in collection.tables}
        self._children = {
            table.name: [child for child in collection.tables if child.parent == table.name]
            for table in collection.tables
        }
        #: Keys of both versions by the key of the row above.
        self._by_parent = {table.name: self._grouped(table.name, table.inherited) for table in collection.tables}
        self._rows: Rows = empty_rows(collection)
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

    # The walk.

    def _row(self, table: TableMapping, key: RowKey) -> None:
        mine, theirs = (self._looked.of(side)[table.name].get(key) for side in Side)
        if mine is None or theirs is None:
            self._unit((table.name, key, ""), {table.name: [key], **self._below(table, key)})
            return
        if self._by_row:
            self._unit((table.name, key, ""), {table.name: [key]})
        else:
            self._rows[table.name][key] = self._fields(table, key, mine, theirs)
        for child in self._children[table.name]:
            if child.is_list:
                self._list(child, key)
                continue
            for below in self._keys(child, key):
                self._row(child, below)
            if child.position:
                self._order(child, child.position, key)

    def _fields(self, table: TableMapping, key: RowKey, mine: Row, theirs: Row) -> Row:
        """Of a row that both sides have, one by one."""
        row: dict[str, Value] = {}
        for column in table.columns:
            row[column] = mine[column]
            if column == table.position:
                continue
            head = (table.name, key, column)
            counted = self._counted(table, head) if table.policies.get(column) is Combining.DELTA else None
            if counted is not None:
                row[column] = counted
                if mine[column] != theirs[column]:
                    self._units.append(head)
            elif mine[column] != theirs[column]:
                winner = self._pick(head, [head])
                row[column] = mine[column] if winner is Side.MYSQL else theirs[column]
                own = self._own(head)
                if own:
                    (row[column],) = own
        return row

    def _counted(self, table: TableMapping, head: Head) -> Value:
        """What both sides' changes of a number come to, also where equal values stand: MySQL's value, which holds all that its
        users and all closed conflicts have made of it, and what MongoDB's users were noted to have added since. What stands
        in MongoDB tells nothing: a decision that was cleared may have written there. None: it goes like any other field, for
        a person decides it, not all changes are known, or it would be out of range."""
        of_mysql, of_mongo = (self._claims.note(head, side) for side in Side)
        added = of_mongo.added if of_mongo else 0
        mysql, mongo = (self._claims.value(head, side) for side in Side)
        if self._is_persons(head) or added is None or self._claims.notes[Side.MONGO].unread:
            return None
        if not (of_mysql or of_mongo):
            return None
        codec = table.codecs[head[2]]
        try:
            value = codec.from_bson(codec.to_bson(plus(mysql, added)))
        except (NotCanonical, ArithmeticError, ValueError):
            return None
        if value != mysql and self._rule.refusal(table.name, head[2], value):
            return None
        if value != mysql or value != mongo:
            verdict = Verdict(winner=Side.MYSQL, policy=str(Combining.DELTA))
            self._decided.append(self._as_decided(head, verdict, None, own=(value,)))
        return value

    def _list(self, table: TableMapping, above: RowKey) -> None:
        """As one value, where it cannot be put together."""
        head, keys = (table.name, above, ""), self._keys(table, above)
        elements = None if self._is_persons(head) else self._lists.together(table, above)
        if elements is not None:
            self._put_together(table, head, keys, elements)
            return
        losers = len(self._losers)
        winner = self._unit(head, {table.name: keys})
        if self._looked.base is not None and keys and not self._is_persons(head) and head not in self._questions:
            self._losers[losers:] = self._lists.left_out(table, above, winner)

    def _put_together(self, table: TableMapping, head: Head, keys: Iterable[RowKey], elements: list[Element]) -> None:
        above = head[1]
        self._rows[table.name].update(
            {(*above, place): dict(zip(table.columns, one, strict=True)) for place, one in enumerate(elements)}
        )
        differing = [place for key in keys for place in self._places(table.name, key)]
        if not differing:
            return
        self._units.append(head)
        mysql, mongo = (self._lists.elements(table, self._looked.of(side), above) for side in Side)
        winner = Side.MYSQL if elements == mysql else Side.MONGO if elements == mongo else None
        policy = str(Combining.APPEND) if table.policies.get("") is Combining.APPEND else ""
        verdict = Verdict(winner=winner or Side.MYSQL, policy=policy)
        self._decided += [self._as_decided(place, verdict, winner) for place in differing]

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
            moved = [side for side in Side if self._claims.moved(table.name, position, both, side)]
            if len(moved) == 1 and not self._choice.side:  # the other side's users have let the order be
                (winner,) = moved
            else:
                winner = self._pick_order(
                    [(table.name, k, position) for k in both if here[k][position] != there[k][position]]
                )
        rows = self._rows[table.name]
        for rank, key in enumerate(merged_order(order[winner], order[winner.other], rows)):
            rows[key] = {**rows[key], position: rank}

    def _unit(self, head: Head, keys: Mapping[str, Iterable[RowKey]]) -> Side:
        """Rows of both versions that are decided as one value; the side whose version stands in MySQL."""
        differing = [
            place for table, of_table in keys.items() for key in of_table for place in self._places(table, key)
        ]
        winner = self._pick(head, differing) if differing else Side.MYSQL
        version = self._looked.of(winner)
        for table, of_table in keys.items():
            self._rows[table].update({key: version[table][key] for key in of_table if key in version[table]})
        return winner

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

    # Who wins.

    def _pick(self, head: Head, places: list[Place]) -> Side:
        """The side whose version of these places, all different, stands (in MySQL, where they are in question); what loses is
        recorded."""
        self._units.append(head)
        claims = self._claims
        saw = {side: all(claims.saw(place, side) for place in places) for side in Side}
        if saw[Side.MYSQL] and any(claims.is_correction(place) for place in places):
            # What MySQL made of a value is newer than that value, though it may restore an older one.
            saw[Side.MONGO] = False
        verdict = self._verdict(head, places, saw)
        winner, own = verdict.winner, self._own(head)
        if own:
            losers = [one for side in Side for one in claims.loser(head, side, seen=own[0] == claims.value(head, side))]
        else:
            seen = saw[winner] and not saw[winner.other]
            losers = [one for place in places for one in claims.left_out(place, winner, seen=seen)]
        asked = self._is_asked(head, places, saw, losers)
        if asked:
            verdict = replace(verdict, policy=str(Policy.MANUAL))
            self._questions.append(head)
        else:
            self._losers += losers
        self._decided += [self._as_decided(place, verdict, None if asked or own else winner, own) for place in places]
        return Side.MYSQL if asked else winner

    def _pick_order(self, places: list[Place]) -> Side:
        """The side whose order of a list with a key stands. It is no unit: nobody is asked, no person and no function."""
        saw = {side: all(self._claims.saw(place, side) for place in places) for side in Side}
        if self._choice.side:
            verdict = Verdict(winner=self._choice.side, policy=A_PERSON)
        else:
            policy = self._policy(places)
            verdict = self._judged(places, saw, Policy.LAST_WRITE_WINS if isinstance(policy, Custom) else policy)
        winner = verdict.winner
        for place in places:
            self._losers += self._claims.left_out(place, winner, seen=saw[winner] and not saw[winner.other])
            self._decided.append(self._as_decided(place, verdict, winner))
        return winner

    def _verdict(self, head: Head, places: list[Place], saw: Mapping[Side, bool]) -> Verdict:
        if self._choice.side or head in self._choice.taken:
            taken = self._choice.taken.get(head)
            side = self._choice.side or (taken.side if taken else None)
            return Verdict(winner=side or Side.MYSQL, policy=A_PERSON)
        if head in self._choice.instead:
            return Verdict(winner=self._choice.instead[head], policy=str(self._rule.policy))
        if head in self._choice.asked and saw[Side.MYSQL] == saw[Side.MONGO]:  # no policy is asked beside a person
            return Verdict(winner=Side.MYSQL, policy=str(Policy.MANUAL))
        return self._judged(places, saw, self._policy(places))

    def _judged(self, places: list[Place], saw: Mapping[Side, bool], policy: FieldPolicy) -> Verdict:
        if saw[Side.MYSQL] != saw[Side.MONGO]:
            return Verdict(winner=Side.MYSQL if saw[Side.MYSQL] else Side.MONGO)
        one = places[0] if len(places) == 1 else None
        mysql, mongo = (self._claims.value(one, side) if one else ABSENT for side in Side)
        contest = Contest(
            mysql=self._claims.joint(places, Side.MYSQL),
            mongo=self._claims.joint(places, Side.MONGO),
            values=None if mysql is ABSENT or mongo is ABSENT else (mysql, mongo),
            question=lambda: self._question(places),
        )
        return judged(self._rule, policy, contest)

    def _policy(self, places: list[Place]) -> FieldPolicy:
        """What decides these places."""
        table, key, column = places[0]
        mapped = self._tables[table]
        presence = not mapped.is_list and any(key not in self._looked.of(side)[table] for side in Side)
        policy = mapped.policies.get("" if presence or mapped.is_list else column)
        if policy is None or policy in (Combining.DELTA, Combining.APPEND):  # what both come to cannot be told
            kind = ConflictKind.DELETE_DIFFERS if presence else self._kind_of(places[0])
            policy = self._collection.kinds.get(kind, self._rule.policy)
        return self._rule.instead or policy if policy is Policy.MANUAL else policy

    def _kind_of(self, place: Place) -> ConflictKind:
        """Of a place in a row that both sides have: did both insert it?"""
        presence = [self._claims.presence(place, side) for side in Side]
        if all(note and note.found is False for note in presence):
            return ConflictKind.INSERT_EXISTS
        return ConflictKind.UPDATE_DIFFERS

    # People.

    def _is_persons(self, head: Head) -> bool:
        """Whether a person decides it, or is asked to."""
        return self._is_chosen(head) or head in self._choice.asked

    def _is_chosen(self, head: Head) -> bool:
        """Whether it is decided for one side, or by a person's own value."""
        return bool(self._choice.side) or head in self._choice.taken or head in self._choice.instead

    def _own(self, head: Head) -> tuple[Value] | None:
        """The value that a person has given, which is neither side's."""
        taken = self._choice.taken.get(head)
        return (taken.value,) if taken and taken.side is None and not self._choice.side else None

    def _is_asked(self, head: Head, places: list[Place], saw: Mapping[Side, bool], losers: Iterable[Loser]) -> bool:
        """Whether this is left to a person: under `manual` what would make a value lose that somebody wrote."""
        if self._is_chosen(head) or saw[Side.MYSQL] != saw[Side.MONGO]:
            return False
        return head in self._choice.asked or (self._policy(places) is Policy.MANUAL and any(losers))

    # What is told.

    def _as_decided(
        self, place: Place, verdict: Verdict, winner: Side | None, own: tuple[Value] | None = None
    ) -> Decided:
        """`winner`: None where neither side's version stands."""
        claims = self._claims
        times = {side: claims.claim(place, side).time or None for side in Side}
        base = claims.note(place, Side.MYSQL) or claims.note(place, Side.MONGO)
        return Decided(
            place=place,
            base=base.found if base else None,
            mysql=told(claims.value(place, Side.MYSQL)),
            mongo=told(claims.value(place, Side.MONGO)),
            mysql_time=times[Side.MYSQL],
            mongo_time=times[Side.MONGO],
            winner=winner,
            own=own,
            policy=verdict.policy,
            doubtful=verdict.doubtful,
        )

    def _question(self, places: list[Place]) -> Question:
        """What a function of the users' own is told. Of several places that are one value: the rows of each side."""
        table, key, column = places[0]
        claims = self._claims
        base = claims.note(places[0], Side.MYSQL) or claims.note(places[0], Side.MONGO)
        single = len(places) == 1 and column
        return {
            "collection": self._collection.name,
            **place_to_json((table, key, column if single else "")),
            "base": to_json(base.found) if single and base else None,
            **{str(side): self._version(places, side) for side in Side},
            **{f"{side}_time": claims.joint(places, side).time for side in Side},
        }

    def _version(self, places: list[Place], side: Side) -> object:
        value = self._claims.value(places[0], side)
        if len(places) == 1 and places[0][2] and value is not ABSENT:
            return to_json(value)
        rows: Rows = {}
        for table, key, _ in places:
            row = self._looked.of(side)[table].get(key)
            if row is not None:
                rows.setdefault(table, {})[key] = row
        return rows_to_json(rows) or None
