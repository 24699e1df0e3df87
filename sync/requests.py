"""What operators ask of the follower about documents and collections: carried out, or refused with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from sync.errors import CommandRefused, LockstepError, StopError
from sync.meetings.looking import Looking
from sync.model.change import DocumentId, Side
from sync.model.codecs import NotCanonical
from sync.model.mapping import SyncMapping
from sync.model.rulings import Ruling, taken_from_json
from sync.model.values import key_from_text
from sync.ports import Command
from sync.structure.comparing import Comparing


class Requests:
    """For one session of the follower."""

    def __init__(self, mapping: SyncMapping, looking: Looking, comparing: Comparing | None) -> None:
        self._mapping = mapping
        self._looking = looking
        self._comparing = comparing

    def carry_out(self, command: Command) -> Mapping[str, object] | None:
        """What it came to; None: no request of a known form. Raises `CommandRefused`, and `UnmappableDocument`."""
        match command.kind, command.arguments:
            case "repair", {"collection": str(name), "id": str(text), "from": ("mysql" | "mongo") as side}:
                return {"conflict": self._looking.choose(self._document(name, text), Side(side))}
            case "resolve", {"conflict": int(number), "fields": fields, "reason": str(reason)}:
                self._looking.rule(number, _ruling(command, fields, reason))
                return {"conflict": number}
            case "resume_collection", {"collection": str(name), "from": ("" | "mysql" | "mongo") as side} if (
                self._comparing
            ):
                return self._comparing.resume(name, Side(side) if side else None)
        return None

    def _document(self, name: str, text: str) -> DocumentId:
        collection = self._mapping.collections.get(name)
        if collection is None:
            raise CommandRefused(f"no collection {name} is mapped")
        if self._comparing and self._comparing.is_paused(name):
            raise CommandRefused(f"{name} is paused", hint="lockstep status")
        try:
            return DocumentId(name, key_from_text(collection, text))
        except NotCanonical:
            raise CommandRefused(f"{name} has no _id of this form") from None


def asked_again(error: Exception) -> bool:
    """Whether a request that ended so stays for the next session, or for another worker. Given again after any other error,
    it would end every start."""
    return isinstance(error, StopError) or (isinstance(error, LockstepError) and error.retryable)


def _ruling(command: Command, fields: object, reason: str) -> Ruling:
    """As a person asked for it. Raises `CommandRefused`."""
    try:
        taken = taken_from_json(fields)
    except ValueError as error:
        raise CommandRefused(str(error), hint="lockstep conflicts resolve --help") from None
    if not reason.strip():
        raise CommandRefused("a reason is needed", hint="lockstep conflicts resolve --help")
    now = datetime.now(UTC).isoformat()
    return Ruling(request=command.id, by=command.requested_by, reason=reason, asked_at=now, taken=taken)
