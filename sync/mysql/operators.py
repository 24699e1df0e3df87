"""What operators see of the engine's tables, and how they ask something of a worker. As the `app` user: no right to more."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from sync.errors import CommandRefused
from sync.model.change import DocumentId
from sync.mysql.conflict_keys import document_text, open_key
from sync.mysql.server import MySQLSettings, Session, translated

_LISTED = (
    "SELECT c.id, c.collection, c.document_id, c.state, d.kind, d.side, d.reason, d.opened_at, d.noted_at, d.closed_at"
    " FROM sync_conflict c JOIN sync_conflict_detail d ON d.conflict_id = c.id"
)
_FILTERS = {"collection": "c.collection", "document": "c.document_id", "state": "c.state", "kind": "d.kind"}


class Operators:
    """Reads status and conflicts; inserts commands."""

    def __init__(self, settings: MySQLSettings) -> None:
        self._session = Session(settings, autocommit=True)

    def workers(self) -> list[dict[str, object]]:
        """What each worker last said: name, state, reason, hint, since, reported_at, age_seconds (of the report), details;
        and `held`, the number of open conflicts."""
        held = self._rows("SELECT COUNT(*) FROM sync_conflict WHERE open_key IS NOT NULL", ())[0][0]
        rows = self._rows(
            "SELECT name, state, reason, hint, since, reported_at,"
            " TIMESTAMPDIFF(MICROSECOND, reported_at, NOW(6)) / 1e6, details FROM sync_worker ORDER BY name",
            (),
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

    def conflicts(self, filters: Mapping[str, str], limit: int) -> list[dict[str, object]]:
        """Conflict rows, newest first. `filters`: collection, document, kind, state (`held` for all that are not closed)."""
        conditions, values = ["TRUE"], []
        for name, value in filters.items():
            if name == "state" and value == "held":
                conditions.append("c.open_key IS NOT NULL")
                continue
            if name not in _FILTERS:
                raise CommandRefused(f"no filter {name}; allowed: {', '.join(_FILTERS)}")
            conditions.append(f"{_FILTERS[name]} = %s")
            values.append(value)
        query = f"{_LISTED} WHERE {' AND '.join(conditions)} ORDER BY c.id DESC LIMIT %s"
        return [_listed(row) for row in self._rows(query, (*values, limit))]

    def conflict(self, number: int) -> dict[str, object]:
        """One conflict with both values and notes. `CommandRefused` if there is none of this number."""
        rows = self._rows(f"{_LISTED} WHERE c.id = %s", (number,))
        if not rows:
            raise CommandRefused(f"there is no conflict {number}")
        details = self._rows(
            "SELECT mysql_value, mongo_value, mysql_notes, mongo_notes, resolution"
            " FROM sync_conflict_detail WHERE conflict_id = %s",
            (number,),
        )[0]
        names = ("mysql_value", "mongo_value", "mysql_notes", "mongo_notes", "resolution")
        return _listed(rows[0]) | {
            name: None if text is None else json.loads(str(text)) for name, text in zip(names, details, strict=True)
        }

    def open_conflict(self, document: DocumentId) -> dict[str, object] | None:
        """The open conflict of a document, without its values."""
        rows = self._rows(f"{_LISTED} WHERE c.open_key = %s", (open_key(document),))
        return _listed(rows[0]) if rows else None

    def held_texts(self) -> set[tuple[str, str]]:
        """Collection and key (as text) of every document with an open conflict."""
        rows = self._rows("SELECT collection, document_id FROM sync_conflict WHERE open_key IS NOT NULL", ())
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
        state, result = self._rows("SELECT state, result FROM sync_command WHERE id = %s", (number,))[0]
        if state in ("requested", "running"):
            return None
        data = json.loads(str(result)) if result else {}
        if state != "done":
            raise CommandRefused(str(data.get("message", state)), hint=data.get("hint"))
        return {"state": state, **data}

    def close(self) -> None:
        """Give the connection back."""
        self._session.drop()

    def _rows(self, query: str, values: Sequence[object]) -> list[tuple[object, ...]]:
        with translated(), self._session.get().cursor() as cursor:
            cursor.execute(query, tuple(values))
            return list(cursor.fetchall())


def held_among(texts: set[tuple[str, str]], document: DocumentId) -> bool:
    """Whether a document is among those of `held_texts`."""
    return (document.collection, document_text(document)) in texts


def _listed(row: tuple[object, ...]) -> dict[str, object]:
    number, collection, document, state, kind, side, reason, opened, noted, closed = row
    return {
        "id": number,
        "collection": collection,
        "document": document,
        "state": state,
        "kind": kind,
        "side": side,
        "reason": reason,
        "opened_at": _iso(opened),
        "noted_at": _iso(noted),
        "closed_at": _iso(closed),
    }


def _iso(moment: object) -> str | None:
    """The engine's sessions are in UTC."""
    return moment.replace(tzinfo=UTC).isoformat() if isinstance(moment, datetime) else None
