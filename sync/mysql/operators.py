"""What operators see of the engine's tables, and how they ask something of a worker. As the `app` user: no right to more."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from sync.errors import CommandRefused
from sync.model.change import DocumentId
from sync.model.report import CONFLICT_STATES, ConflictCounts
from sync.mysql.collection_states import MySQLCollectionStates
from sync.mysql.conflict_keys import document_text, kept_text, open_key
from sync.mysql.server import MySQLSettings, Session, translated

#: What the list shows of a conflict, and where it stands; moments come as text.
_SHOWN = {
    "id": "c.id",
    "collection": "c.collection",
    "document": "c.document_id",
    "state": "c.state",
    "kind": "d.kind",
    "side": "d.side",
    "reason": "d.reason",
    "policy": "d.policy",
    "looks": "d.looks",
    "waiting_for": "d.waiting_for",
    "age_seconds": "TIMESTAMPDIFF(MICROSECOND, d.opened_at, NOW(6)) / 1e6",
    "opened_at": "d.opened_at",
    "noted_at": "d.noted_at",
    "looked_at": "d.looked_at",
    "asked_at": "d.asked_at",
    "closed_at": "d.closed_at",
}
#: How far a look has come, and what a person decided before it.
_LOOK = {"look_id": "c.look_id", "met": "c.met", "chosen": "d.chosen"}
#: JSON.
_NOTES = {"mysql_notes": "d.mysql_notes", "mongo_notes": "d.mongo_notes"}
_VALUES = {
    "mysql_value": "d.mysql_value",
    "mongo_value": "d.mongo_value",
    "fields": "d.fields",
    "losers": "d.losers",
    "blockers": "d.blockers",
    "rulings": "d.rulings",
    **_NOTES,
    "resolution": "d.resolution",
}
_ROWS = "sync_conflict c JOIN sync_conflict_detail d ON d.conflict_id = c.id"
_FILTERS = {"collection": "c.collection", "document": "c.document_id", "state": "c.state", "kind": "d.kind"}


class Operators:
    """Reads status and conflicts; inserts commands."""

    def __init__(self, settings: MySQLSettings) -> None:
        self._session = Session(settings, autocommit=True)

    def workers(self) -> list[dict[str, object]]:
        """What each worker last said: name, state, reason, hint, since, reported_at, age_seconds (of the report), details;
        and `held`, the number of open conflicts."""
        held = self._rows("SELECT COUNT(*) FROM sync_conflict WHERE open_key IS NOT NULL")[0][0]
        rows = self._rows(
            "SELECT name, state, reason, hint, since, reported_at,"
            " TIMESTAMPDIFF(MICROSECOND, reported_at, NOW(6)) / 1e6, details FROM sync_worker ORDER BY name"
        )
        return [
            {
                "name": name,
                "state": state,
                "reason": reason,
                "hint": hint,
                "since": _iso(since),
                "reported_at": _iso(reported),
                "age_seconds": float(str(age)),
                "held": held,
                "details": json.loads(str(details)),
            }
            for name, state, reason, hint, since, reported, age, details in rows
        ]

    def collections(self) -> list[dict[str, object]]:
        """Collections that are not simply carried: name, state, side, reason, hint, since, age_seconds."""
        states = MySQLCollectionStates(self._session.get()).standing()
        rows = self._rows("SELECT name, since, TIMESTAMPDIFF(MICROSECOND, since, NOW(6)) / 1e6 FROM sync_collection")
        moments = {str(name): (since, float(str(age))) for name, since, age in rows}
        return [
            {
                "name": one.change.collection,
                "state": str(one.change.state),
                "side": str(one.change.side),
                "reason": one.change.reason,
                "hint": one.hint,
                "since": _iso(moments[one.change.collection][0]),
                "age_seconds": moments[one.change.collection][1],
            }
            for one in states
        ]

    def counts(self) -> ConflictCounts:
        """Conflict rows by their state, and how long the oldest has been held."""
        found = {
            str(state): number
            for state, number in self._rows("SELECT state, COUNT(*) FROM sync_conflict GROUP BY state")
        }
        opened = "TIMESTAMPDIFF(MICROSECOND, MIN(d.opened_at), NOW(6)) / 1e6"
        ((oldest,),) = self._rows(f"SELECT {opened} FROM {_ROWS} WHERE c.open_key IS NOT NULL")
        return ConflictCounts(
            states={state: int(str(found.get(state, 0))) for state in CONFLICT_STATES},
            oldest_held_seconds=None if oldest is None else float(str(oldest)),
        )

    def conflicts(
        self, filters: Mapping[str, str], limit: int, *, older: float | None = None, newer: float | None = None
    ) -> list[dict[str, object]]:
        """Conflict rows, newest first. `filters`: collection, document, kind, state (`held` for all that are not closed);
        `older` and `newer`: opened more, or less, than so many seconds ago."""
        conditions, values = ["TRUE"], list[object]()
        for name, value in filters.items():
            if name == "state" and value == "held":
                conditions.append("c.open_key IS NOT NULL")
                continue
            if name not in _FILTERS:
                raise CommandRefused(f"no filter {name}; allowed: {', '.join(_FILTERS)}")
            conditions.append(f"{_FILTERS[name]} = %s")
            values.append(kept_text(value) if name == "document" else value)
        for sign, seconds in (("<", older), (">", newer)):
            if seconds is not None:
                conditions.append(f"d.opened_at {sign} NOW(6) - INTERVAL %s SECOND")
                values.append(seconds)
        return self._shown(_SHOWN, f"{' AND '.join(conditions)} ORDER BY c.id DESC LIMIT %s", *values, limit)

    def conflict(self, number: int) -> dict[str, object]:
        """One conflict with its look, both values, fields, losers and notes. `CommandRefused` if there is none of this number."""
        rows = self._shown({**_SHOWN, **_LOOK, **_VALUES}, "c.id = %s", number)
        if not rows:
            raise CommandRefused(f"there is no conflict {number}", hint="lockstep conflicts list --state all")
        return rows[0]

    def open_conflict(self, document: DocumentId) -> dict[str, object] | None:
        """The open conflict of a document, with its look and both sides' notes."""
        rows = self._shown({**_SHOWN, **_LOOK, **_NOTES}, "c.open_key = %s", open_key(document))
        return rows[0] if rows else None

    def held_texts(self) -> set[tuple[str, str]]:
        """Collection and key (as text) of every document with an open conflict."""
        rows = self._rows("SELECT collection, document_id FROM sync_conflict WHERE open_key IS NOT NULL")
        return {(str(collection), str(key)) for collection, key in rows}

    def ask(self, worker: str, kind: str, arguments: Mapping[str, object], requested_by: str) -> int:
        """Leave a request for a worker; its number."""
        with translated(), self._session.get().cursor() as cursor:
            cursor.execute(
                "INSERT INTO sync_command (worker, kind, arguments, requested_by, requested_at, state)"
                " VALUES (%s, %s, %s, %s, NOW(6), 'requested')",
                (worker, kind, json.dumps(dict(arguments)), requested_by),
            )
            return int(cursor.lastrowid)

    def answer(self, number: int) -> Mapping[str, object] | None:
        """What became of a request; None while it is not done. Raises `CommandRefused` where the worker refused it."""
        state, result = self._rows("SELECT state, result FROM sync_command WHERE id = %s", number)[0]
        if state in ("requested", "running"):
            return None
        data = json.loads(str(result)) if result else {}
        if state != "done":
            raise CommandRefused(str(data.get("message", state)), hint=data.get("hint"))
        return {"state": state, **data}

    def ruled(self, requests: Mapping[int, int]) -> dict[int, Mapping[str, object]]:
        """What became of people's decisions, by request (given with the conflict that each is of): state `done` or `refused`,
        message, changed. Those on their way are left out."""
        if not requests:
            return {}
        found: dict[int, Mapping[str, object]] = {}
        for number, result in self._rows(
            "SELECT id, result FROM sync_command WHERE id IN %s AND state IN ('refused', 'failed')", tuple(requests)
        ):
            message = json.loads(str(result)).get("message", "") if result else ""
            found[int(str(number))] = {"state": "refused", "message": message, "changed": []}
        for (text,) in self._rows(
            "SELECT rulings FROM sync_conflict_detail WHERE conflict_id IN %s AND rulings IS NOT NULL",
            tuple(set(requests.values())),
        ):
            for one in json.loads(str(text)):
                if one["request"] in requests and one["state"] != "pending":
                    found[one["request"]] = {name: one[name] for name in ("state", "message", "changed")}
        return found

    def close(self) -> None:
        """Give the connection back."""
        self._session.drop()

    def _shown(self, columns: Mapping[str, str], where: str, *values: object) -> list[dict[str, object]]:
        rows = self._rows(f"SELECT {', '.join(columns.values())} FROM {_ROWS} WHERE {where}", *values)
        return [{name: _told(name, value) for name, value in zip(columns, row, strict=True)} for row in rows]

    def _rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        with translated(), self._session.get().cursor() as cursor:
            cursor.execute(query, values)
            return list(cursor.fetchall())


def held_among(texts: set[tuple[str, str]], document: DocumentId) -> bool:
    """Whether a document is among those of `held_texts`."""
    return (document.collection, document_text(document)) in texts


def _told(name: str, value: object) -> object:
    """A column as it is shown."""
    if value is None:
        return None
    if name in _VALUES:
        return json.loads(str(value))
    if name == "age_seconds":
        return float(str(value))
    return _iso(value) if name.endswith("_at") else value


def _iso(moment: object) -> str | None:
    """The engine's sessions are in UTC."""
    return moment.replace(tzinfo=UTC).isoformat() if isinstance(moment, datetime) else None
