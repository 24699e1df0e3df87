"""How collections are carried: table sync_collection. Always inside somebody's transaction; a collection without a row is
carried."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sync.model.change import CollectionState, Side, StructureChange
from sync.model.position import position_from_json
from sync.model.structure import Standing, joined
from sync.mysql.server import Connection, translated

#: The names of those that are paused, as (name, NULL, NULL): part of another question.
PAUSED = "SELECT name, NULL, NULL FROM sync_collection WHERE state = 'paused'"
_COLUMNS = "name, state, side, reason, whole, committed_at, position, version"


class MySQLCollectionStates:
    """Implements `sync.conflict_ports.CollectionStates`; does not commit."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def paused(self) -> frozenset[str]:
        """See the port."""
        return frozenset(str(name) for name, *_ in self._rows(PAUSED))

    def standing(self) -> Sequence[Standing]:
        """See the port."""
        rows = self._rows(
            f"SELECT {_COLUMNS} FROM sync_collection WHERE state <> %s ORDER BY name", str(CollectionState.CARRIED)
        )
        return [_standing(row) for row in rows]

    def changed(self, changes: Sequence[StructureChange]) -> None:
        """See the port."""
        for change in changes:
            rows = self._rows(f"SELECT {_COLUMNS} FROM sync_collection WHERE name = %s FOR UPDATE", change.collection)
            known = _standing(rows[0]).change if rows else None
            carried = known is None or known.state is CollectionState.CARRIED
            now = change if known is None or carried else joined(known, change)
            self._store(now, known=known is not None)
            if now.state is CollectionState.PAUSED:
                self._execute(
                    "UPDATE sync_conflict SET look_id = NULL"
                    " WHERE collection = %s AND open_key IS NOT NULL AND look_id IS NOT NULL",
                    now.collection,
                )

    def compare(self, collection: str, side: Side, *, whole: bool) -> None:
        """See the port."""
        self._execute(
            "UPDATE sync_collection SET state = %s, side = %s, whole = %s, version = version + 1, since = NOW(6)"
            " WHERE name = %s",
            *(str(CollectionState.COMPARING), str(side), int(whole), collection),
        )

    def carried(self, collection: str, version: int | None = None) -> bool:
        """See the port."""
        where, values = ("", ()) if version is None else (" AND state = %s AND version = %s", ("comparing", version))
        with translated(), self._connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE sync_collection SET state = %s, version = version + 1, since = NOW(6) WHERE name = %s{where}",
                (str(CollectionState.CARRIED), collection, *values),
            )
            return cursor.rowcount == 1

    def _store(self, change: StructureChange, *, known: bool) -> None:
        """A row of its own, or the one that is there; `since` tells of the state."""
        values = {
            "state": str(change.state),
            "side": str(change.side),
            "reason": change.reason,
            "whole": int(change.whole),
            "committed_at": change.committed_at,
            "position": json.dumps(change.position.to_json()),
        }
        if known:
            sets = ", ".join(f"{name} = %s" for name in values)
            self._execute(
                "UPDATE sync_collection SET since = IF(state = %s, since, NOW(6)), version = version + 1,"
                f" {sets} WHERE name = %s",
                *(str(change.state), *values.values(), change.collection),
            )
        else:
            self._execute(
                f"INSERT INTO sync_collection (name, version, since, {', '.join(values)})"
                f" VALUES (%s, 1, NOW(6), {', '.join(['%s'] * len(values))})",
                *(change.collection, *values.values()),
            )

    def _rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with translated(), self._connection.cursor() as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall())

    def _execute(self, statement: str, *values: object) -> None:
        with translated(), self._connection.cursor() as cursor:
            cursor.execute(statement, values)


def _standing(row: tuple[Any, ...]) -> Standing:
    name, state, side, reason, whole, committed_at, position, version = row
    change = StructureChange(
        collection=str(name),
        state=CollectionState(state),
        side=Side(side),
        reason=str(reason),
        whole=bool(whole),
        committed_at=int(committed_at),
        position=position_from_json(json.loads(position)),
    )
    return Standing(change=change, version=int(version))
