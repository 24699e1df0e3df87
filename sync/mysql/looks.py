"""What looks do to conflict rows: begun, decided, met, written, settled (design 2.4, rule 3). Inside somebody's transaction.

The follower and the listener lock the narrow rows first and in the order of their key, as notes do.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sync.conflict_ports import Decision, DueConflict, WrittenConflict
from sync.model.change import Blocker, ConflictKind, DocumentId, DocumentRows, Hold, Side
from sync.model.choice import left_in_question
from sync.model.codecs import NotCanonical
from sync.model.mapping import SyncMapping
from sync.model.notes import Notes
from sync.model.outcome import added_losers, decided_to_json, losers_to_json, rows_from_json
from sync.model.rulings import Ruling, State, heads_from_json, heads_to_json, pending, rulings_from_json
from sync.model.values import blockers_to_json, key_from_text, rows_to_json
from sync.mysql.conflict_keys import open_key
from sync.mysql.packets import send, update_many
from sync.mysql.rulings import Rulings
from sync.mysql.server import Connection, translated

#: Rows of a state that are to be deleted. Those of `settled` are the oldest of all, once the `converged` ones are gone; of
#: `converged` ones only the first are asked, for the index on closed_at would lead past all that are settled and stay.
_CLOSED = {
    "settled": "SELECT d.conflict_id FROM sync_conflict_detail d JOIN sync_conflict c ON c.id = d.conflict_id"
    " WHERE c.state = %s AND d.closed_at < NOW(6) - INTERVAL %s DAY ORDER BY d.closed_at LIMIT %s",
    "converged": "SELECT d.conflict_id FROM"
    " (SELECT id FROM sync_conflict WHERE state = %s ORDER BY id LIMIT 5000) c"
    " JOIN sync_conflict_detail d ON d.conflict_id = c.id"
    " WHERE d.closed_at < NOW(6) - INTERVAL %s DAY LIMIT %s",
}


#: Documents of collections that are paused are not looked at.
_NOT_PAUSED = "collection NOT IN (SELECT name FROM sync_collection WHERE state = 'paused')"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """What stays of a conflict that is closed, or of a look at one."""

    #: JSON: all of them, with those of the look that decided it.
    losers: str
    policy: str
    #: JSON: MySQL's rows that the look was made of.
    base: str | None
    #: The side that a person chose.
    chosen: str | None
    #: People's decisions; requests of those that entered the look.
    rulings: tuple[Ruling, ...]
    entered: frozenset[int]
    #: A policy stood in for a person who did not come.
    overdue: bool

    @property
    def ruling(self) -> Ruling | None:
        """The last one that counted."""
        done = [one for one in self.rulings if one.state is State.DONE or one.request in self.entered]
        return done[-1] if done else None

    @property
    def state(self) -> str:
        """Where nothing lost and nobody decided there is nothing that people need to know."""
        return "settled" if self.chosen or self.ruling or self.overdue or json.loads(self.losers) else "converged"

    @property
    def resolution(self) -> dict[str, object]:
        if self.chosen:
            return {"repaired_from": self.chosen}
        if self.ruling:
            one = self.ruling
            return {"by": "person", "person": one.by, "reason": one.reason, "request": one.request}
        return {"by": "timeout" if self.overdue else "policy", "policy": self.policy}


class Looks:
    """Implements `sync.conflict_ports.LookStore` on a connection with an open transaction; does not commit."""

    def __init__(self, connection: Connection, mapping: SyncMapping) -> None:
        self._connection = connection
        self._mapping = mapping
        self._rulings = Rulings(connection, mapping)

    def clear(self) -> None:
        """See the port. What was decided stays: its second mark may stand in the change stream."""
        self._execute("UPDATE sync_conflict SET look_id = NULL WHERE open_key IS NOT NULL AND look_id IS NOT NULL")

    def due(self, limit: int) -> Sequence[DueConflict]:
        """See the port."""
        hours = self._mapping.undecided and self._mapping.undecided.after_hours
        rows = self._rows(
            "SELECT c.id, c.collection, c.document_id, c.open_key, c.state, d.kind, d.chosen, d.blockers, d.rulings,"
            " d.questions, d.asked_at < NOW(6) - INTERVAL %s HOUR"
            " FROM sync_conflict c JOIN sync_conflict_detail d ON d.conflict_id = c.id"
            " WHERE c.open_key IS NOT NULL AND (c.look_id IS NULL OR c.state = 'waiting')"
            " AND NOT (c.state = 'waiting' AND d.asked_at IS NOT NULL AND NOT d.tried_again"
            " AND (%s IS NULL OR d.asked_at >= NOW(6) - INTERVAL %s HOUR))"
            f" AND c.{_NOT_PAUSED} ORDER BY c.id LIMIT %s",
            (hours, hours, hours, limit),
        )
        return [
            DueConflict(
                conflict=int(number),
                document=self._document(collection, text, key),
                kind=ConflictKind(kind),
                waiting=state == "waiting",
                chosen=Side(chosen) if chosen else None,
                blockers=self._blockers(blockers),
                rulings=pending(rulings_from_json(rulings)),
                asked=None if questions is None else heads_from_json(questions),
                overdue=bool(overdue),
            )
            for number, collection, text, key, state, kind, chosen, blockers, rulings, questions, overdue in rows
        ]

    def begin(self, look: int, conflicts: Collection[int]) -> frozenset[int]:
        """See the port."""
        opened = frozenset(
            number
            for (number,) in self._rows(
                "SELECT id FROM sync_conflict FORCE INDEX (PRIMARY)"
                f" WHERE id IN %s AND open_key IS NOT NULL AND {_NOT_PAUSED} ORDER BY id FOR UPDATE",
                (tuple(conflicts),),
            )
        )
        if opened:
            self._execute("UPDATE sync_conflict SET look_id = %s, met = NULL WHERE id IN %s", look, tuple(opened))
            self._execute(
                "UPDATE sync_conflict_detail SET looks = looks + 1, looked_at = NOW(6) WHERE conflict_id IN %s",
                tuple(opened),
            )
        return opened

    def give_up(self, conflicts: Collection[int], look: int) -> None:
        """See the port."""
        still = self._with_look(look, conflicts)
        if still:
            self._execute("UPDATE sync_conflict SET look_id = NULL WHERE id IN %s", tuple(still))
            self._execute(  # what an earlier look decided stays: its second mark may be on its way
                "UPDATE sync_conflict_detail SET look = NULL, decided_by = NULL WHERE conflict_id IN %s AND decided_by = %s",
                tuple(still),
                look,
            )

    def wait(self, conflict: int, reason: str, refusal: Hold | None = None, *, undecided: bool = False) -> None:
        """See the port. What differed before the start stays so: only a person may decide it."""
        self._execute("UPDATE sync_conflict SET state = 'waiting' WHERE id = %s AND open_key IS NOT NULL", conflict)
        self._execute(
            "UPDATE sync_conflict_detail SET waiting_for = %s, chosen = NULL, tried_again = TRUE, blockers = %s,"
            " asked_at = IF(%s, COALESCE(asked_at, NOW(6)), asked_at) WHERE conflict_id = %s",
            reason,
            blockers_text(refusal.blockers) if refusal else None,
            undecided,
            conflict,
        )
        if refusal:
            self._execute(
                "UPDATE sync_conflict_detail SET kind = %s WHERE conflict_id = %s AND kind <> %s",
                str(refusal.kind),
                conflict,
                str(ConflictKind.SNAPSHOT_DIFFERS),
            )
        self._rulings.refuse([conflict], reason)

    def notes(self, look: int, conflicts: Collection[int]) -> Mapping[int, Mapping[Side, Notes]]:
        """See the port."""
        still = self._with_look(look, conflicts)
        if not still:
            return {}
        rows = self._rows(
            "SELECT conflict_id, mysql_notes, mongo_notes FROM sync_conflict_detail FORCE INDEX (PRIMARY)"
            " WHERE conflict_id IN %s FOR UPDATE",
            (tuple(still),),
        )
        return {
            int(number): {Side.MYSQL: Notes.from_json(mysql), Side.MONGO: Notes.from_json(mongo)}
            for number, mysql, mongo in rows
        }

    def bases(self, conflicts: Collection[int]) -> Mapping[int, DocumentRows]:
        """See the port."""
        rows = self._rows(
            "SELECT d.conflict_id, c.collection, d.base FROM sync_conflict_detail d FORCE INDEX (PRIMARY)"
            " JOIN sync_conflict c ON c.id = d.conflict_id WHERE d.conflict_id IN %s AND d.base IS NOT NULL",
            (tuple(conflicts),),
        )
        return {
            int(number): rows_from_json(self._mapping.collections[name], json.loads(base))
            for number, name, base in rows
        }

    def decided(self, look: int, decisions: Mapping[int, Decision]) -> None:
        """See the port."""
        rows = {
            number: {
                "decided_by": look,
                **_for_people(one),
                "look": _text(
                    {
                        "mysql": None if one.mysql is None else rows_to_json(one.mysql),
                        "outcome": rows_to_json(one.outcome.rows),
                        "losers": losers_to_json(one.outcome.losers),
                        "entered": [ruling.request for ruling in one.judged.entering],
                        "overdue": one.overdue,
                        "asks": _asks(one),
                    }
                ),
            }
            for number, one in decisions.items()
        }
        with translated(), self._connection.cursor() as cursor:
            update_many(cursor, "sync_conflict_detail", "conflict_id", rows)
            for number, one in decisions.items():
                if one.kind:
                    cursor.execute(
                        "UPDATE sync_conflict_detail SET kind = %s WHERE conflict_id = %s", (str(one.kind), number)
                    )
        self._rulings.finish({}, {n: one.judged.refused for n, one in decisions.items() if one.judged.refused})

    def keep(self, conflict: int, decision: Decision) -> None:
        """Of a decision that no look came to: both values and what lost, in a row that is closed."""
        known = self._rows("SELECT losers FROM sync_conflict_detail WHERE conflict_id = %s", (conflict,))
        losers = added_losers(known[0][0], losers_to_json(decision.outcome.losers))
        with translated(), self._connection.cursor() as cursor:
            row = {conflict: {**_for_people(decision), "losers": losers}}
            update_many(cursor, "sync_conflict_detail", "conflict_id", row)

    def met(self, look: int) -> None:
        """See the port."""
        self._execute("UPDATE sync_conflict SET met = %s WHERE open_key IS NOT NULL AND look_id = %s", look, look)

    def written(self, look: int, conflicts: Collection[int]) -> Sequence[WrittenConflict]:
        """See the port."""
        rows = self._rows(
            "SELECT c.id, c.collection, c.document_id, c.open_key, c.look_id, d.look"
            " FROM sync_conflict c FORCE INDEX (PRIMARY)"
            " JOIN sync_conflict_detail d ON d.conflict_id = c.id"
            " WHERE c.id IN %s AND c.open_key IS NOT NULL AND d.decided_by = %s ORDER BY c.id FOR UPDATE",
            (tuple(conflicts), look),
        )
        found: list[WrittenConflict] = []
        for number, collection, text, key, present, stored in rows:
            decision = json.loads(stored)
            document = self._document(collection, text, key)
            if document is None:
                continue
            mapped, looked_at = self._mapping.collections[document.collection], decision["mysql"]
            found.append(
                WrittenConflict(
                    conflict=int(number),
                    document=document,
                    look=present,
                    looked_at=None if looked_at is None else rows_from_json(mapped, looked_at),
                    outcome=rows_from_json(mapped, decision["outcome"]),
                    asks=decision["asks"] is not None,
                )
            )
        return found

    def settled(self, conflicts: Collection[int]) -> None:
        """See the port."""
        kept = self._kept(conflicts)
        states = {number: {"state": one.state} for number, one in kept.items()}
        details = {number: {"losers": one.losers, "resolution": _text(one.resolution)} for number, one in kept.items()}
        with translated(), self._connection.cursor() as cursor:
            update_many(cursor, "sync_conflict", "id", states, also="open_key = NULL, look_id = NULL")
            # Blockers stay, to be read.
            closed = "look = NULL, decided_by = NULL, base = NULL, waiting_for = NULL, closed_at = NOW(6)"
            update_many(cursor, "sync_conflict_detail", "conflict_id", details, also=closed)
        self._carried_out(kept)

    def ask(self, conflicts: Sequence[WrittenConflict]) -> None:
        """See the port."""
        if not conflicts:
            return
        documents = {one.conflict: one for one in conflicts}
        kept = self._kept(documents)
        details: dict[int, dict[str, object]] = {}
        for number, look, *notes in self._rows(
            "SELECT conflict_id, look, mysql_notes, mongo_notes FROM sync_conflict_detail WHERE conflict_id IN %s",
            (tuple(documents),),
        ):
            one, asks = documents[number], json.loads(look)["asks"]
            collection, heads = self._mapping.collections[one.document.collection], heads_from_json(asks["questions"])
            mysql, mongo = (left_in_question(collection, Notes.from_json(text), heads).to_json() for text in notes)
            details[number] = {
                "losers": kept[number].losers,
                "mysql_notes": mysql,
                "mongo_notes": mongo,
                "mysql_value": _text(rows_to_json(one.outcome)),
                "mongo_value": _text(asks["mongo"]),
                "questions": asks["questions"],
                "waiting_for": asks["waiting_for"],
            }
        with translated(), self._connection.cursor() as cursor:
            asked = "look = NULL, decided_by = NULL, base = NULL, asked_at = COALESCE(asked_at, NOW(6)), tried_again = FALSE"
            update_many(cursor, "sync_conflict_detail", "conflict_id", details, also=asked)
        self._execute(
            "UPDATE sync_conflict SET state = 'waiting', look_id = NULL, version = version + 1 WHERE id IN %s",
            tuple(documents),
        )
        self._carried_out(kept)

    def _carried_out(self, kept: Mapping[int, _Kept]) -> None:
        """People's decisions that entered an outcome which both sides have."""
        self._rulings.finish({number: one.entered for number, one in kept.items() if one.entered}, {})

    def keep_losers(self, conflicts: Collection[int], look: int) -> None:
        """See the port. A later look that stands in the row stays."""
        kept = {number: {"losers": one.losers, "base": one.base} for number, one in self._kept(conflicts).items()}
        if not kept:
            return
        with translated(), self._connection.cursor() as cursor:
            update_many(cursor, "sync_conflict_detail", "conflict_id", kept, also="look = NULL, decided_by = NULL")
        self._execute("UPDATE sync_conflict SET look_id = NULL WHERE id IN %s AND look_id = %s", tuple(kept), look)

    def prune(self, state: str, days: int, limit: int) -> int:
        """See the port."""
        found = self._rows(_CLOSED[state], (state, days, limit))
        numbers = tuple(int(number) for (number,) in found)
        if numbers:
            self._execute(
                "DELETE c, d FROM sync_conflict c FORCE INDEX (PRIMARY)"
                " STRAIGHT_JOIN sync_conflict_detail d FORCE INDEX (PRIMARY) ON d.conflict_id = c.id"
                " WHERE c.id IN %s AND c.open_key IS NULL",
                numbers,
            )
        return len(numbers)

    def _kept(self, conflicts: Collection[int]) -> dict[int, _Kept]:
        if not conflicts:
            return {}
        rows = self._rows(
            "SELECT conflict_id, losers, look, policy, chosen, rulings FROM sync_conflict_detail WHERE conflict_id IN %s",
            (tuple(conflicts),),
        )
        kept: dict[int, _Kept] = {}
        for number, losers, look, policy, chosen, rulings in rows:
            decision = json.loads(look) if look else {}
            kept[int(number)] = _Kept(
                losers=added_losers(losers, decision.get("losers", ())),
                policy=str(policy),
                base=None if decision.get("mysql") is None else _text(decision["mysql"]),
                chosen=chosen,
                rulings=rulings_from_json(rulings),
                entered=frozenset(decision.get("entered", ())),
                overdue=bool(decision.get("overdue")),
            )
        return kept

    def _with_look(self, look: int, conflicts: Collection[int]) -> list[int]:
        """Those of the rows that are open and have the look; locked."""
        rows = self._rows(
            "SELECT id FROM sync_conflict FORCE INDEX (PRIMARY)"
            " WHERE id IN %s AND look_id = %s AND open_key IS NOT NULL ORDER BY id FOR UPDATE",
            (tuple(conflicts), look),
        )
        return [int(number) for (number,) in rows]

    def _document(self, collection: str, text: str, key: str) -> DocumentId | None:
        """None where the text is none of the mapping's keys, or one that was too long and stands there cut."""
        mapped = self._mapping.collections.get(collection)
        if mapped is None:
            return None
        try:
            document = DocumentId(collection, key_from_text(mapped, text))
        except NotCanonical:
            return None
        return document if open_key(document) == key else None

    def _blockers(self, text: str | None) -> frozenset[DocumentId]:
        """The documents whose rows are in the way."""
        found: set[DocumentId] = set()
        for one in json.loads(text) if text else ():
            mapped = self._mapping.collections.get(one["collection"])
            try:
                found |= {DocumentId(one["collection"], key_from_text(mapped, one["document"]))} if mapped else set()
            except NotCanonical:
                continue  # its row is named for people
        return frozenset(found)

    def _rows(self, statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        with translated(), self._connection.cursor() as cursor:
            cursor.execute(statement, tuple(values))
            return list(cursor.fetchall())

    def _execute(self, statement: str, *values: object) -> None:
        with translated(), self._connection.cursor() as cursor:
            send(cursor, statement, values)


def _for_people(decision: Decision) -> dict[str, str | None]:
    """What stood on both sides, and what became of it. Of a side that no rows express its loser tells."""
    looked = decision.looked
    values = {
        f"{side}_value": None if side in looked.unreadable else _text(rows_to_json(looked.of(side))) for side in Side
    }
    return {"policy": decision.policy, "fields": _text(decided_to_json(decision.outcome.decided)), **values}


def blockers_text(blockers: Sequence[Blocker]) -> str | None:
    """As it is stored; None: nothing is in the way."""
    return _text(blockers_to_json(blockers)) if blockers else None


def _asks(decision: Decision) -> dict[str, object] | None:
    """What is left to a person, with what MongoDB shall hold meanwhile."""
    outcome = decision.outcome
    if not outcome.questions:
        return None
    return {
        "questions": heads_to_json(outcome.questions),
        "mongo": rows_to_json(outcome.of(Side.MONGO)),
        "waiting_for": decision.waiting_for,
    }


def _text(data: object) -> str:
    return json.dumps(data, ensure_ascii=False)
