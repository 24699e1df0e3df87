"""How the synchronisation is, and what it holds. Reading only: what operators ask of workers goes over the command line."""

from typing import Any

from django.db import OperationalError, ProgrammingError
from django.db.models import QuerySet
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import status, viewsets
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from backend.accounts.permissions import OperatorPermission
from backend.config.filters import ExactTextFilter, YesOrNoFilter
from backend.replication.models import Conflict, Worker
from backend.replication.serializers import ConflictDetailSerializer, ConflictListSerializer, SyncStatusSerializer
from sync.model.states import STATES, judged

#: MySQL: no such table; no right to it. Both mean that `lockstep setup` has not been run (again).
NOT_SET_UP = {1146, 1142}


class SyncStatusView(APIView):
    """Both workers as they last said, and the number of documents that are held."""

    permission_classes = [OperatorPermission]

    @extend_schema(responses=SyncStatusSerializer)
    def get(self, request: Request) -> Response:
        """The present state."""
        try:
            workers = [_worker(row) for row in Worker.objects.order_by("name")]
            held = Conflict.objects.filter(open_key__isnull=False).count()
        except (ProgrammingError, OperationalError) as error:
            if not _is_missing(error):
                raise
            return Response({"set_up": False, "healthy": False, "open_conflicts": 0, "workers": []})
        healthy = len(workers) == 2 and all(one["healthy"] for one in workers)
        answer = {"set_up": True, "healthy": healthy, "open_conflicts": held, "workers": workers}
        return Response(SyncStatusSerializer(answer).data)


def _is_missing(error: Exception) -> bool:
    return bool(error.args) and error.args[0] in NOT_SET_UP


class NotSetUp(APIException):
    """The engine's tables are not there."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "not_set_up"
    default_detail = "The synchronisation is not set up here: lockstep setup"


def _worker(row: Worker) -> dict[str, Any]:
    state = STATES.get(row.state)
    health = judged(row.state, row.hint, (timezone.now() - row.reported_at).total_seconds())
    return {
        "name": row.name,
        "state": row.state,
        "meaning": state.meaning if state else "",
        "reason": row.reason,
        "hint": health.hint,
        "healthy": health.healthy,
        "since": row.since,
        "reported_at": row.reported_at,
        "details": row.details,
    }


class ConflictFilter(filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    """By collection, kind and state; `held=true` for all that are not closed."""

    collection = ExactTextFilter()
    state = filters.ChoiceFilter(choices=Conflict.State.choices)
    kind = ExactTextFilter(field_name="detail__kind")
    document = ExactTextFilter(field_name="document_id")
    held = YesOrNoFilter(field_name="open_key", lookup_expr="isnull", exclude=True)


class ConflictViewSet(viewsets.ReadOnlyModelViewSet[Conflict]):
    """Documents that are held, newest first; one of them with both sides' values."""

    permission_classes = [OperatorPermission]
    queryset: QuerySet[Conflict] = Conflict.objects.select_related("detail").order_by("-id")
    filterset_class = ConflictFilter

    def handle_exception(self, exc: Exception) -> Response:
        """Before `lockstep setup` there is nothing to list."""
        missing = isinstance(exc, ProgrammingError | OperationalError) and _is_missing(exc)
        return super().handle_exception(NotSetUp() if missing else exc)

    def get_serializer_class(self) -> type[BaseSerializer[Conflict]]:
        return ConflictDetailSerializer if self.action == "retrieve" else ConflictListSerializer
