"""All documents of one collection compared while it is carried, in a thread of its own: which differ without being on the way.

It reads only. What it finds is held by the follower.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from sync.model.change import DocumentId
from sync.model.compare import compare
from sync.model.mapping import CollectionMapping
from sync.model.report import Presence
from sync.ports import ConflictDatabase, Current, LogEnd, Reader, Target
from sync.reconcile.ahead import ranges
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
        suspects: list[DocumentId] = []
        for document in self._differing(sides):
            suspects.append(document)
            if len(suspects) >= SLICE:
                self._found.extend(self._again(sides, suspects, passing))
                suspects = []
        self._found.extend(self._again(sides, suspects, passing))

    def _differing(self, sides: Sides) -> Iterator[DocumentId]:
        """Documents that differ when they are read: those that MySQL has, then those that only MongoDB has."""
        name = self._collection.name
        for _, reading in ranges(partial(sides.mysql.range, name, exact=False)):
            there = sides.mongo.read(list(reading.documents), exact=False).documents
            for document, here in reading.documents.items():
                if self._differs(document, here, there[document]):
                    yield document
            if self._stopping.is_set():
                return
        for _, reading in ranges(partial(sides.mongo.range, name, exact=False)):
            here_too = sides.mysql.read(list(reading.documents), exact=False).documents
            yield from (one for one, current in here_too.items() if _absent(current))
            if self._stopping.is_set():
                return

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
        for document in free:
            presence = self._differs(document, here[document], there[document])
            if presence:
                alone = presence in (Presence.MISSING_IN_MONGO, Presence.MISSING_IN_MYSQL)
                yield Found(document, alone)

    def _differs(self, document: DocumentId, here: Current, there: Current) -> Presence | None:
        difference = compare(
            self._collection, document, here.problem or here.rows, there.problem or there.rows, held=False
        )
        return difference.presence if difference else None


def _absent(current: Current) -> bool:
    return current.problem is None and not any(current.rows.values())


def _pieces(documents: Sequence[DocumentId], size: int = 1000) -> Iterator[Sequence[DocumentId]]:
    return (documents[start : start + size] for start in range(0, len(documents), size))
