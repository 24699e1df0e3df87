"""What the follower remembers of its own writes, to tell which echoes it need not check (design 2.4, rule 1).

Forgetting is safe: what is not remembered counts as written at the floor, and the floor only rises.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from sync.model.change import DocumentId, Entry
from sync.model.position import Position, reached


class OwnWrites:
    """Document -> place, in the target's own log, of this worker's last write to it. Bounded."""

    def __init__(self, floor: Position | None, capacity: int = 100_000) -> None:
        self._floor = floor
        self._capacity = capacity
        self._last: OrderedDict[DocumentId, Position] = OrderedDict()
        #: Of the last write to any document.
        self._newest = floor

    def record(self, documents: Iterable[DocumentId], position: Position) -> None:
        """These documents were written at `position`, which is past all recorded before."""
        for document in documents:
            self._newest = position
            self._last.pop(document, None)
            self._last[document] = position
        while len(self._last) > self._capacity:
            _, dropped = self._last.popitem(last=False)
            if self._floor is None or not reached(self._floor, dropped):
                self._floor = dropped

    def crossed(self, echo: Entry) -> bool:
        """Whether the echo's writer may not have seen this worker's last write to the document: then it is checked."""
        return _before(echo.seen, self._last.get(echo.document, self._floor))

    def all_seen(self, seen: Position | None) -> bool:
        """Whether a writer that had read so far had seen all that this worker wrote: none of its echoes need be checked."""
        return not _before(seen, self._newest)


def _before(seen: Position | None, write: Position | None) -> bool:
    return write is not None and (seen is None or not reached(seen, write))
