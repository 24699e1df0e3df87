"""The conflict rows of held documents, with the pauses between looks at them."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

from sync.conflict_ports import ConflictDatabase, ConflictStore
from sync.meetings.pauses import Pauses
from sync.meetings.rows import in_rows
from sync.model.change import Hold

_Result = TypeVar("_Result")


class Held:
    """What a look came to, where that is not an outcome, is written down here, and nowhere else without its pause."""

    def __init__(self, conflicts: ConflictDatabase) -> None:
        """`conflicts` is a connection apart from the target's transactions."""
        self._conflicts = conflicts
        self.pauses = Pauses()

    def do(self, do: Callable[[ConflictStore], _Result]) -> _Result:
        """What is not done here is nowhere else done before the next start."""
        return in_rows(self._conflicts, do)

    def give_up(self, look: int, conflicts: Collection[int]) -> None:
        """This look came to nothing for these: they are looked at again."""
        if not conflicts:
            return
        self.do(lambda rows: rows.looks.give_up(conflicts, look))
        for number in conflicts:
            self.pauses.cleared(number, time.monotonic())

    def wait(
        self, reasons: Mapping[int, str], refused: Mapping[int, Hold] | None = None, *, undecided: bool = False
    ) -> None:
        """These cannot be settled now, and why; `refused`: what a side says of them. `undecided`: a policy gave nothing."""

        def wait(rows: ConflictStore) -> None:
            for number, reason in reasons.items():
                rows.looks.wait(number, reason, refused[number] if refused else None, undecided=undecided)

        self.do(wait)
        for number in reasons:
            self.pauses.waits(number, time.monotonic())
