"""One customer on both sides: as it is, as it changes, and edits on the side that one names."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from backend.accounts.permissions import DomainPermission, OperatorPermission
from backend.crossing.conflicts import newest_conflict
from backend.crossing.edits import checked, write
from backend.crossing.serializers import (
    BOTH,
    ChangeEventSerializer,
    CrossingSerializer,
    EditSerializer,
    WrittenSerializer,
)
from backend.crossing.showing import shown
from backend.crossing.sides import in_mongo, in_mysql
from backend.crossing.watching import EventStream
from sync.model.change import Side
from sync.model.values import to_json

ID = OpenApiParameter("id", str, OpenApiParameter.PATH, pattern="^[0-9a-f]{24}$")
EVENTS = """Server-Sent Events: `snapshot` (as the customer's own address answers), then `change` (as described here) for
each change of either side, `conflict` (as it now is), `problem` (`detail` says what to do). Ends after a minute; ask again."""


class JSONWhateverIsAsked(BaseContentNegotiation):
    """A browser's EventSource takes events alone; a refusal is told in JSON all the same."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return JSONRenderer(), JSONRenderer.media_type


class CrossingViewSet(viewsets.GenericViewSet[Any]):
    """A customer as rows and as document. Operators read; technical workers write."""

    permission_classes = [OperatorPermission, DomainPermission]
    serializer_class = CrossingSerializer
    lookup_field = "id"
    lookup_value_regex = "[0-9a-f]{24}"
    pagination_class = None
    filter_backends = ()

    @extend_schema(parameters=[ID], responses=CrossingSerializer)
    def retrieve(self, request: Request, id: str) -> Response:  # noqa: A002 - the router's name for it
        """Both sides as they are now."""
        mysql, mongo = in_mysql(id), in_mongo(id)
        if not (mysql.present or mongo.present):
            raise NotFound
        return Response(shown(mysql, mongo, newest_conflict(id)))

    @extend_schema(
        parameters=[ID],
        request=EditSerializer,
        responses={200: WrittenSerializer, 409: OpenApiResponse(description="that side does not hold the customer")},
    )
    @action(detail=True, methods=["post"])
    def edits(self, request: Request, id: str) -> Response:  # noqa: A002 - as above
        """Write one field on one side, or on both at once."""
        asked = EditSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        values = _values(asked.validated_data)
        written = write(id, asked.validated_data["field"], values)
        return Response({side.value: _told(values[side], written[side]) if side in written else None for side in Side})

    @extend_schema(
        parameters=[ID],
        description=EVENTS,
        responses={
            (200, "text/event-stream"): ChangeEventSerializer,
            503: OpenApiResponse(description="too many watch"),
        },
    )
    @action(detail=True, methods=["get"], content_negotiation_class=JSONWhateverIsAsked)
    def events(self, request: Request, id: str) -> StreamingHttpResponse:  # noqa: A002 - as above
        """Both sides as they change."""
        stream = EventStream(id)
        response = StreamingHttpResponse(stream, content_type="text/event-stream; charset=utf-8")
        response["Cache-Control"] = "no-store"
        response["X-Accel-Buffering"] = "no"  # a proxy that waits for more would hold changes back
        return response


def _told(value: Any, at: float) -> dict[str, object]:
    # As rows hold it, so that a page can tell this value from others.
    held = value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value
    return {"at": at, "value": to_json(held)}


def _values(edit: Mapping[str, Any]) -> dict[Side, Any]:
    field = edit["field"]
    if edit["side"] == BOTH:
        return {side: checked(field, edit[f"{side}_value"], f"{side}_value") for side in Side}
    return {Side(edit["side"]): checked(field, edit["value"], "value")}
