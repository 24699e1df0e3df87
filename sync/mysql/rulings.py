"""What people decided of held documents, as it stands in their conflict rows. Inside somebody's transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from sync.errors import CommandRefused
from sync.model.choice import Taken
from sync.model.mapping import SyncMapping
from sync.model.rulings import Ruling, State, checked, refused, rulings_from_json, rulings_to_json
from sync.mysql.packets import update_many
from sync.mysql.server import Connection, translated

_Change = Callable[[tuple[Ruling, ...]], Iterable[Ruling]]


class Rulings:
    """On a connection with an open transaction; does not commit."""

    def __init__(self, connection: Connection, mapping: SyncMapping) -> None:
        self._connection = connection
        self._mapping = mapping

    def add(self, conflict: int, ruling: Ruling) -> None:
        """One more, and the row is open again without a look. Raises `CommandRefused`."""
        with translated(), self._connection.cursor() as cursor:
            cursor.execute(
                "SELECT collection, open_key FROM sync_conflict WHERE id = %s FOR UPDATE",
                (conflict,),
            )
            row = cursor.fetchone()
            known = self._of([conflict]).get(conflict, ())
            if any(one.request == ruling.request for one in known):
                return  # a follower that died between this and its answer was asked again
            taken = self._allowed(conflict, row, ruling)
            cursor.execute(
                "UPDATE sync_conflict SET state = 'open', look_id = NULL, version = version + 1 WHERE id = %s",
                (conflict,),
            )
        self._store({conflict: (*known, replace(ruling, taken=taken))})

    def finish(self, done: Mapping[int, Collection[int]], gone: Mapping[int, Iterable[Ruling]]) -> None:
        """By conflict: requests that both sides now hold, and those that were refused."""

        def change(conflict: int) -> _Change:
            refusals = {one.request: one for one in gone.get(conflict, ())}
            finished = done.get(conflict, ())
            return lambda known: (
                replace(one, state=State.DONE) if one.request in finished else refusals.get(one.request, one)
                for one in known
            )

        self._change({conflict: change(conflict) for conflict in {*done, *gone}})

    def refuse(self, conflicts: Collection[int], reason: str) -> None:
        """All that are pending there."""

        def change(known: tuple[Ruling, ...]) -> Iterable[Ruling]:
            return (refused([one], reason)[0] if one.state is State.PENDING else one for one in known)

        self._change(dict.fromkeys(conflicts, change))

    def _allowed(self, conflict: int, row: tuple[object, ...] | None, ruling: Ruling) -> tuple[Taken, ...]:
        if row is None:
            raise CommandRefused(f"there is no conflict {conflict}", hint="lockstep conflicts list --state all")
        name, open_key = row
        if open_key is None:
            raise CommandRefused(f"conflict {conflict} is closed", hint=f"lockstep conflicts show {conflict}")
        collection = self._mapping.collections.get(str(name))
        if collection is None:
            raise CommandRefused(f"no collection {name} is mapped", hint="lockstep.toml")
        try:
            return checked(collection, ruling.taken)
        except ValueError as error:
            raise CommandRefused(str(error), hint=f"lockstep conflicts show {conflict}") from None

    def _of(self, conflicts: Collection[int]) -> dict[int, tuple[Ruling, ...]]:
        """Most rows have none."""
        if not conflicts:
            return {}
        with translated(), self._connection.cursor() as cursor:
            cursor.execute(
                "SELECT conflict_id, rulings FROM sync_conflict_detail FORCE INDEX (PRIMARY)"
                " WHERE conflict_id IN %s AND rulings IS NOT NULL FOR UPDATE",
                (tuple(conflicts),),
            )
            return {int(number): rulings_from_json(text) for number, text in cursor.fetchall()}

    def _change(self, changes: Mapping[int, _Change]) -> None:
        now = datetime.now(UTC).isoformat()
        changed: dict[int, tuple[Ruling, ...]] = {}
        for conflict, before in self._of(changes.keys()).items():
            after = tuple(changes[conflict](before))
            if after != before:
                changed[conflict] = tuple(
                    replace(one, finished_at=now) if one.state is not State.PENDING and not one.finished_at else one
                    for one in after
                )
        self._store(changed)

    def _store(self, rulings: Mapping[int, tuple[Ruling, ...]]) -> None:
        with translated(), self._connection.cursor() as cursor:
            rows = {conflict: {"rulings": rulings_to_json(some)} for conflict, some in rulings.items()}
            update_many(cursor, "sync_conflict_detail", "conflict_id", rows)
