"""How operators decide conflicts: what they are shown, what they ask of the follower, what became of it. As the `app` user."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from sync.errors import CommandRefused
from sync.model.choice import Shown, Taken
from sync.model.mapping import SyncMapping
from sync.model.shown import differing, request_of
from sync.mysql.operators import Operators

#: Seconds between two questions what became of requests.
PAUSE = 0.05


class Deciding:
    """Over a connection of `Operators`."""

    def __init__(self, operators: Operators, mapping: SyncMapping) -> None:
        self._operators = operators
        self._mapping = mapping

    def shown(self, conflict: Mapping[str, Any]) -> tuple[Shown, ...]:
        """Each unit that differs in a conflict row with its values; none where it is closed, where only `lockstep repair` can
        decide, or before the first look: until then the row has but what was read when the document was held."""
        collection = self._mapping.collections.get(str(conflict["collection"]))
        if collection is None or conflict["closed_at"] or conflict["looked_at"] is None:
            return ()
        return differing(collection, conflict["mysql_value"], conflict["mongo_value"])

    def ask(self, conflict: int, taken: Sequence[Taken], reason: str, by: str) -> int:
        """Leave a decision for the follower; the number of the request."""
        return self._operators.ask("follower", "resolve", request_of(conflict, taken, reason), by)

    def outcomes(self, requests: Mapping[int, int], patience: float) -> dict[int, Mapping[str, object]]:
        """By conflict, what became of its request (given by request): see `Operators.ruled`, or state `pending` where nothing has
        within `patience` seconds."""
        deadline = time.monotonic() + patience
        found = self._operators.ruled(requests)
        while len(found) < len(requests) and time.monotonic() < deadline:
            time.sleep(PAUSE)
            found = self._operators.ruled(requests)
        nothing: Mapping[str, object] = {"state": "pending", "message": "", "changed": []}
        return {conflict: found.get(number, nothing) for number, conflict in requests.items()}

    def collection(self, conflict: Mapping[str, Any]) -> str:
        """Of a conflict that can be decided unit by unit. Raises `CommandRefused` for any other."""
        number = conflict["id"]
        if conflict["closed_at"]:
            raise CommandRefused(f"conflict {number} is closed", hint=f"lockstep conflicts show {number}")
        if self.shown(conflict):
            return str(conflict["collection"])
        if None in (conflict["looked_at"], conflict["mysql_value"], conflict["mongo_value"]):
            message = f"conflict {number} has not been looked at yet, or one side's version cannot be read as rows"
            hint = f"lockstep conflicts show {number}; lockstep repair takes one side's version whole"
            raise CommandRefused(message, hint=hint)
        raise CommandRefused(f"both sides of conflict {number} are equal", hint=f"lockstep conflicts show {number}")
