"""The follower's work on collections that were altered as a whole: compares them, holds what differs, carries them again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from sync.conflict_ports import ConflictDatabase, ConflictStore, Opening
from sync.errors import CommandRefused, LockstepError
from sync.meetings.rows import in_rows
from sync.model.change import USER, CollectionState, ConflictKind, Entry, Hold, Side
from sync.model.mapping import SyncMapping
from sync.model.structure import Standing
from sync.structure.comparison import Comparison, Found, Sides

#: Seconds between two questions which collections are to be compared, and documents held in one transaction.
ASK, HELD_AT_ONCE = 0.5, 500


class Comparing:
    """Used between two batches. One collection at a time; what it knows lives in memory, and a follower that starts compares
    anew."""

    def __init__(
        self,
        mapping: SyncMapping,
        conflicts: ConflictDatabase,
        problems: Callable[[], Mapping[str, Sequence[str]]],
        open_sides: Callable[[], Sides],
    ) -> None:
        """`problems`: by collection, why the mapping does not fit."""
        self._mapping = mapping
        self._conflicts = conflicts
        self._problems = problems
        self._open_sides = open_sides
        self._standing: Standing | None = None
        self._running: Comparison | None = None
        self._ask_at = 0.0

    def step(self) -> None:
        """Hold what was found; begin or end a comparison."""
        if self._running is None:
            self._begin()
            return
        assert self._standing is not None
        try:
            done = self._running.done
        except LockstepError as error:
            self.close()
            if not error.retryable:
                raise
            return
        found = self._running.taken(HELD_AT_ONCE)
        if found:
            self._hold(self._standing, found)
        elif done:
            change, version = self._standing.change, self._standing.version
            in_rows(self._conflicts, lambda rows: rows.collections.carried(change.collection, version))
            self.close()
            self._ask_at = 0.0

    def resume(self, collection: str, side: Side | None) -> Mapping[str, object]:
        """A person wants a paused collection carried again; `side` is right where the sides differ. Raises `CommandRefused`."""
        standing = {one.change.collection: one.change for one in self._ask()}
        change = standing.get(collection)
        if change is None or change.state is not CollectionState.PAUSED:
            raise CommandRefused(f"{collection} is not paused", hint="lockstep status")
        problems = self._problems().get(collection, ())
        if problems:
            raise CommandRefused(f"the mapping does not fit: {'; '.join(problems)}", hint="lockstep doctor")
        if change.whole and side is None:
            raise CommandRefused(
                f"{change.reason}: say which side is right where the other has more or less",
                hint=f"lockstep resume --collection {collection} --from mysql|mongo",
            )
        right, whole = side or change.side, side is not None
        in_rows(self._conflicts, lambda rows: rows.collections.compare(collection, right, whole=whole))
        self._ask_at = 0.0
        return {}

    def is_paused(self, collection: str) -> bool:
        """Whether nothing of it is carried."""
        return collection in in_rows(self._conflicts, lambda rows: rows.collections.paused())

    def close(self) -> None:
        """Give up what runs."""
        running, self._running = self._running, None
        self._standing = None
        self._ask_at = time.monotonic() + ASK
        if running is not None:
            running.close()

    def _begin(self) -> None:
        now = time.monotonic()
        if now < self._ask_at:
            return
        self._ask_at = now + ASK
        for one in self._ask():
            mapped = self._mapping.collections.get(one.change.collection)
            if one.change.state is CollectionState.COMPARING and mapped:
                self._standing = one
                self._running = Comparison(mapped, self._open_sides)
                return

    def _ask(self) -> Sequence[Standing]:
        return in_rows(self._conflicts, lambda rows: rows.collections.standing())

    def _hold(self, standing: Standing, found: Sequence[Found]) -> None:
        """The look decides: for the side that was altered, as if somebody had written there what nobody could read. A document
        that only one side has waits for a person, unless one has said which side is right."""
        change = standing.change
        openings = []
        for one in found:
            strange = one.alone and not change.whole
            kind = ConflictKind.SNAPSHOT_DIFFERS if strange else ConflictKind.SCHEMA_MISMATCH
            hold = Hold(kind=kind, reason=f"it differs, and no edit in the logs tells why; before: {change.reason}")
            entry = Entry(
                document=one.document,
                changes=(),
                origin=USER,
                committed_at=change.committed_at,
                position=change.position,
                problem=hold,
            )
            openings.append(Opening(document=one.document, hold=hold, entries=[entry], target=None))

        def hold_them(rows: ConflictStore) -> None:
            rows.open(openings, change.side)

        in_rows(self._conflicts, hold_them)
