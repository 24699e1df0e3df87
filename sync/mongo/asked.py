"""A question to the server that is on its way while its asker works on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

_Answer = TypeVar("_Answer")


class Asked(Generic[_Answer]):
    """Asks at once, in a thread of its own, which keeps no process from ending."""

    def __init__(self, ask: Callable[[], _Answer]) -> None:
        self._ask = ask
        self._given: list[_Answer] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="asking", daemon=True)
        self._thread.start()

    def answer(self) -> _Answer:
        """Waits for it. Raises what the question raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._given[0]

    def _run(self) -> None:
        try:
            self._given.append(self._ask())
        except BaseException as error:  # noqa: BLE001 - raised where the answer is asked for
            self._error = error
