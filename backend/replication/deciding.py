"""A person's decision of a held document: checked here, left as a request, carried out by the follower."""

from collections.abc import Mapping
from typing import Any

from rest_framework import status
from rest_framework.exceptions import APIException, NotFound, ValidationError

from backend.analytics.loading import read_mapping
from backend.replication.models import Command, Conflict
from sync.model.choice import Shown
from sync.model.rulings import checked, taken_from_json
from sync.model.shown import differing, request_of


class Closed(APIException):
    """The conflict has ended."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "closed"
    default_detail = "This conflict is closed: there is nothing left to decide."


def to_decide(conflict: Conflict) -> tuple[Shown, ...]:
    """What differs in a held document, unit by unit; none where only `lockstep repair` can decide, or before the first look:
    until then only what was read when the document was held is known."""
    if conflict.open_key is None or conflict.detail.looked_at is None:
        return ()
    collection = read_mapping().collections.get(conflict.collection)
    if collection is None:
        return ()
    return differing(collection, conflict.detail.mysql_value, conflict.detail.mongo_value)


def resolve(conflict: Conflict, asked: Mapping[str, Any], who: str) -> int:
    """Leave the decision for the follower; the number of the request. Raises `ValidationError` and `Closed`."""
    if conflict.open_key is None:
        raise Closed
    collection = read_mapping().collections.get(conflict.collection)
    if collection is None:
        raise ValidationError({"fields": [f"No collection {conflict.collection} is mapped."]})
    try:
        taken = taken_from_json(asked["fields"])
        taken = checked(collection, taken)
    except ValueError as error:
        raise ValidationError({"fields": [str(error)]}) from None
    return Command.ask("follower", "resolve", request_of(conflict.pk, taken, asked["reason"]), who)


def ruling_state(conflict: Conflict, request: int) -> dict[str, object]:
    """How far a decision has come. Raises `NotFound` for a request that is none of this conflict's."""
    for ruling in conflict.detail.rulings or ():
        if ruling["request"] == request:
            return {name: ruling[name] for name in ("request", "state", "message", "changed")}
    command = Command.objects.filter(pk=request, kind="resolve").first()
    if command is None or command.arguments.get("conflict") != conflict.pk:
        raise NotFound
    refused = command.state in ("refused", "failed")
    message = str((command.result or {}).get("message", "")) if refused else ""
    return {"request": request, "state": "refused" if refused else "requested", "message": message, "changed": []}
