"""How a worker says how it is, and finds what operators ask of it: tables sync_worker, sync_timeline, sync_command."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sync.model.values import plain_json
from sync.mysql.server import MySQLSettings, Session, translated
from sync.ports import Command


class MySQLDesk:
    """Implements `sync.ports.WorkerDesk`."""

    def __init__(self, settings: MySQLSettings, worker: str) -> None:
        self._session = Session(settings, autocommit=True)
        self._worker = worker

    def paused(self) -> bool:
        """See the port."""
        with translated(), self._session.get().cursor() as cursor:
            cursor.execute(
                "SELECT kind FROM sync_command WHERE worker = %s AND state = 'done' AND kind IN ('pause', 'resume')"
                " ORDER BY id DESC LIMIT 1",
                (self._worker,),
            )
            return cursor.fetchone() == ("pause",)

    def report(self, state: str, reason: str, hint: str, details: Mapping[str, object]) -> None:
        """See the port."""
        before = self._last_state()
        text = json.dumps(plain_json(details))
        with translated(), self._session.get().cursor() as cursor:
            if before is None:
                cursor.execute(
                    "INSERT INTO sync_worker (name, state, reason, hint, since, reported_at, details)"
                    " VALUES (%s, %s, %s, %s, NOW(6), NOW(6), %s)",
                    (self._worker, state, reason, hint, text),
                )
            else:
                cursor.execute(
                    "UPDATE sync_worker SET since = IF(state = %s, since, NOW(6)), state = %s, reason = %s, hint = %s,"
                    " reported_at = NOW(6), details = %s WHERE name = %s",
                    (state, state, reason, hint, text, self._worker),
                )
            if before != state:
                cursor.execute(
                    "INSERT INTO sync_timeline (worker, at, state, reason) VALUES (%s, NOW(6), %s, %s)",
                    (self._worker, state, reason),
                )

    def next_command(self) -> Command | None:
        """See the port. Only the holder of the worker's lease asks, so nobody else takes it meanwhile."""
        with translated(), self._session.get().cursor() as cursor:
            cursor.execute(
                "SELECT id, kind, arguments, requested_by FROM sync_command"
                " WHERE worker = %s AND state IN ('requested', 'running') ORDER BY id LIMIT 1",
                (self._worker,),
            )
            row = cursor.fetchone()
            if row is None:
                return None
            cursor.execute("UPDATE sync_command SET state = 'running' WHERE id = %s", (row[0],))
        return Command(id=int(row[0]), kind=str(row[1]), arguments=_arguments(str(row[2])), requested_by=str(row[3]))

    def finish(self, command: Command, state: str, result: Mapping[str, object]) -> None:
        """See the port."""
        with translated(), self._session.get().cursor() as cursor:
            cursor.execute(
                "UPDATE sync_command SET state = %s, result = %s, finished_at = NOW(6) WHERE id = %s",
                (state, json.dumps(plain_json(result)), command.id),
            )

    def close(self) -> None:
        """See the port."""
        self._session.drop()

    def _last_state(self) -> str | None:
        with translated(), self._session.get().cursor() as cursor:
            cursor.execute("SELECT state FROM sync_worker WHERE name = %s", (self._worker,))
            row = cursor.fetchone()
        return str(row[0]) if row else None


def _arguments(text: str) -> Mapping[str, object]:
    """None where they are no JSON object: anybody who may ask can write anything there, and the worker refuses it."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}
