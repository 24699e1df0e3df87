"""All documents of one collection compared while it is carried, in a thread of its own: which differ without being on the way.

It reads only. What it finds is held by the follower.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import NamedTuple

from sync.conflict_ports import ConflictDatabase
from sync.model.change import DocumentId
from sync.model.mapping import CollectionMapping
from sync.model.report import Presence
from sync.ports import LogEnd, Reader, Target
from sync.reconcile.differing import differing
from sync.reconcile.kept import Place
from sync.reconcile.pages import pairs
from sync.reconcile.passing import Direction, Passing

#: Documents that are looked at again together, and how often one must differ, with both logs passed before each time.
SLICE, LOOKS = 10_000, 3


class Found(NamedTuple):
    """A document that differs, and whether only one side has it."""

    document: DocumentId
    alone: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """What a comparison reads, on connections of its own."""

    mysql: Reader
    mongo: Reader
    conflicts: ConflictDatabase
    #: Each worker's log and where its checkpoint stands.
    logs: Sequence[tuple[str, LogEnd, Target]]

    def close(self) -> None:
        for part in (self.mysql, self.mongo, self.conflicts):
            part.close()
        for _, end, target in self.logs:
            end.close()
            target.close()


class Comparison:
    """Starts at once."""

    def __init__(self, collection: CollectionMapping, open_sides: Callable[[], Sides]) -> None:
        self._collection = collection
        self._open = open_sides
        self._found: deque[Found] = deque()
        self._stopping = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="comparison", daemon=True)
        self._thread.start()

    def taken(self, limit: int) -> list[Found]:
        """Some of what was found, each once."""
        return [self._found.popleft() for _ in range(min(limit, len(self._found)))]

    @property
    def done(self) -> bool:
        """Whether all was compared; raises what ended it. What it found may still be to be taken."""
        if self._thread.is_alive():
            return False
        if self._error:
            raise self._error
        return True

    def close(self) -> None:
        """Give it up."""
        self._stopping.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        try:
            sides = self._open()
            try:
                self._compare(sides)
            finally:
                sides.close()
        except Exception as error:  # noqa: BLE001 - handed to the applying thread, which raises it
            self._error = error

    def _compare(self, sides: Sides) -> None:
        passing = Passing(
            [
                Direction(worker=worker, end=end, target=target, carries=lambda: not self._stopping.is_set())
                for worker, end, target in sides.logs
            ],
            patience=float("inf"),
        )
        passing()  # what is on its way is most of what would differ
        place: Place | None = Place()
        while place is not None:
            place, suspects = self._walk(sides, place)
            self._found.extend(self._again(sides, suspects, passing))

    def _walk(self, sides: Sides, start: Place) -> tuple[Place | None, list[DocumentId]]:
        """Documents that differ when they are read, and where to go on: both sides' readers are needed for looking at these
        again. None at the end."""
        suspects: list[DocumentId] = []
        name = self._collection.name
        walk = pairs(name, sides.mysql, sides.mongo, start, known=lambda _: None, few=lambda limit: limit)
        with closing(walk):
            for pair in walk:
                different = differing(self._collection, pair.documents, pair.mysql, pair.mongo)
                suspects += (one.document for one in different)
                if self._stopping.is_set():
                    return None, []
                if len(suspects) >= SLICE:
                    return pair.place, suspects
        return None, suspects

    def _again(self, sides: Sides, suspects: Sequence[DocumentId], passing: Callable[[], bool]) -> list[Found]:
        """Those that still differ once all that stood in the logs has been applied, or is held."""
        found: list[Found] = []
        for _ in range(LOOKS):
            if not suspects or self._stopping.is_set():
                return []
            passing()
            found = [one for some in _pieces(suspects) for one in self._read(sides, some)]
            suspects = [one.document for one in found]
        return found

    def _read(self, sides: Sides, documents: Sequence[DocumentId]) -> Iterator[Found]:
        rows = sides.conflicts.begin()
        try:
            held = rows.held(documents)
        finally:
            rows.rollback()
        free = [one for one in documents if one not in held]
        here, there = sides.mysql.read(free, exact=False).documents, sides.mongo.read(free, exact=False).documents
        for difference in differing(self._collection, free, here, there):
            alone = difference.presence in (Presence.MISSING_IN_MONGO, Presence.MISSING_IN_MYSQL)
            yield Found(difference.document, alone)


def _pieces(documents: Sequence[DocumentId], size: int = 1000) -> Iterator[Sequence[DocumentId]]:
    return (documents[start : start + size] for start in range(0, len(documents), size))
