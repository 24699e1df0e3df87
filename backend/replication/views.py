"""How the synchronisation is, what it holds, and what people decide of that: a request, which the follower carries out."""

from datetime import timedelta
from typing import Any

from django.db import OperationalError, ProgrammingError
from django.db.models import Count, F, Min, QuerySet
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from backend.accounts.models import User
from backend.accounts.permissions import OperatorPermission
from backend.analytics.loading import read_mapping
from backend.config.filters import ExactTextFilter, WholeNumberFilter, YesOrNoFilter, one_of
from backend.replication.deciding import resolve, ruling_state
from backend.replication.models import CollectionStanding, Conflict, Worker
from backend.replication.serializers import (
    KINDS,
    ConflictDetailSerializer,
    ConflictListSerializer,
    ConflictSummarySerializer,
    KindSerializer,
    ResolveSerializer,
    RulingAnswerSerializer,
    SyncStatusSerializer,
)
from backend.replication.set_up import NotSetUp, is_missing
from sync import errors
from sync.model.change import CollectionState
from sync.model.kinds import KINDS as EVERY_KIND
from sync.model.states import STATES, judged
from sync.model.structure import resume_command


class SyncStatusView(APIView):
    """Both workers as they last said, the number of documents that are held, and collections that are not simply carried."""

    permission_classes = [OperatorPermission]

    @extend_schema(responses=SyncStatusSerializer)
    def get(self, request: Request) -> Response:
        """The present state."""
        try:
            workers = [_worker(row) for row in Worker.objects.order_by("name")]
            held = Conflict.objects.filter(open_key__isnull=False).count()
            standing = CollectionStanding.objects.exclude(state=CollectionState.CARRIED).order_by("name")
            collections = [_collection(row) for row in standing]
        except (ProgrammingError, OperationalError) as error:
            if not is_missing(error):
                raise
            nothing = {"open_conflicts": 0, "workers": [], "collections": []}
            return Response({"set_up": False, "healthy": False, **nothing})
        paused = any(one["state"] == CollectionState.PAUSED for one in collections)
        healthy = len(workers) == 2 and all(one["healthy"] for one in workers) and not paused
        answer = {
            "set_up": True,
            "healthy": healthy,
            "open_conflicts": held,
            "workers": workers,
            "collections": collections,
        }
        return Response(SyncStatusSerializer(answer).data)


def _collection(row: CollectionStanding) -> dict[str, Any]:
    state = CollectionState(row.state)
    return {
        "name": row.name,
        "state": row.state,
        "side": row.side,
        "reason": row.reason,
        "hint": resume_command(row.name, state, whole=row.whole),
        "since": row.since,
    }


def _hints(of: type[errors.LockstepError]) -> dict[str, str]:
    found = {of.code: of.default_hint}
    for below in of.__subclasses__():
        found |= {code: hint for code, hint in _hints(below).items() if code not in found}
    return found


#: What helps against each error, by its code.
HINTS = _hints(errors.LockstepError)


def _worker(row: Worker) -> dict[str, Any]:
    state = STATES.get(row.state)
    last_error = str(row.details.get("last_error") or "")
    health = judged(row.state, row.hint, (timezone.now() - row.reported_at).total_seconds())
    silent = state is not None and not state.stopped and not health.running
    return {
        "name": row.name,
        "state": row.state,
        "meaning": state.meaning if state else "",
        "reason": row.reason,
        "hint": health.hint,
        "healthy": health.healthy,
        "silent": silent,
        "since": row.since,
        "reported_at": row.reported_at,
        # What a silent worker said of them holds no more.
        "lag_seconds": None if silent else row.details.get("lag_seconds"),
        "rows_per_second": None if silent else row.details.get("rows_per_second"),
        "last_error": last_error,
        "last_error_hint": HINTS.get(last_error.partition(":")[0], "") if last_error else "",
        "details": row.details,
    }


#: Seconds: a hundred years, far within what dates hold.
LONGEST_AGE = 100 * 365 * 86400


def _mapped_collection(name: str) -> None:
    one_of(read_mapping().collections, name)


class ConflictFilter(filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    """By collection, kind, status and age; `held=true` for all that are not closed."""

    collection = ExactTextFilter(validators=[_mapped_collection])
    status = filters.MultipleChoiceFilter(field_name="state", choices=Conflict.State.choices)
    kind = filters.ChoiceFilter(
        field_name="detail__kind",
        choices=[(kind, kind) for kind in KINDS],
        error_messages={"invalid_choice": f"There is no such kind. There are: {', '.join(KINDS)}."},
    )
    document = ExactTextFilter(field_name="document_id")
    held = YesOrNoFilter(field_name="open_key", lookup_expr="isnull", exclude=True)
    older_than = WholeNumberFilter(
        method="by_age", min_value=0, max_value=LONGEST_AGE, label="Opened so many seconds ago"
    )
    newer_than = WholeNumberFilter(method="by_age", min_value=0, max_value=LONGEST_AGE, label="Opened within seconds")

    def by_age(self, rows: QuerySet[Conflict], name: str, seconds: int) -> QuerySet[Conflict]:
        """Seconds since it was opened, by this host's clock."""
        then = timezone.now() - timedelta(seconds=seconds)
        return rows.filter(**{f"detail__opened_at__{'lte' if name == 'older_than' else 'gt'}": then})


class ConflictViewSet(viewsets.ReadOnlyModelViewSet[Conflict]):
    """Documents that are or were held, newest first; one of them with both sides' values."""

    permission_classes = [OperatorPermission]
    queryset: QuerySet[Conflict] = Conflict.objects.select_related("detail").order_by("-id")
    filterset_class = ConflictFilter

    def handle_exception(self, exc: Exception) -> Response:
        """Before `lockstep setup` there is nothing to list."""
        missing = isinstance(exc, ProgrammingError | OperationalError) and is_missing(exc)
        return super().handle_exception(NotSetUp() if missing else exc)

    def get_serializer_class(self) -> type[BaseSerializer[Conflict]]:
        return ConflictDetailSerializer if self.action == "retrieve" else ConflictListSerializer

    @extend_schema(filters=False, responses=KindSerializer(many=True))
    @action(detail=False, pagination_class=None, filterset_class=None)
    def kinds(self, request: Request) -> Response:
        """What each kind means, and what a person can do about it; those too that are only counted."""
        return Response(KindSerializer(list(EVERY_KIND.values()), many=True).data)

    @extend_schema(
        request=ResolveSerializer,
        responses={202: RulingAnswerSerializer, 409: OpenApiResponse(description="the conflict is closed")},
    )
    @action(detail=True, methods=["post"])
    def resolve(self, request: Request, pk: str) -> Response:
        """Decide a held document, field by field. It is recorded who did, and why; what comes of it stands at rulings/."""
        conflict = self.get_object()
        asked = ResolveSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        assert isinstance(request.user, User)  # OperatorPermission
        number = resolve(conflict, asked.validated_data, request.user.email)
        answer = {"request": number, "state": "requested", "message": "", "changed": []}
        return Response(RulingAnswerSerializer(answer).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(
        parameters=[OpenApiParameter("request_number", int, OpenApiParameter.PATH)], responses=RulingAnswerSerializer
    )
    @action(detail=True, url_path="rulings/(?P<request_number>[0-9]{1,18})")
    def ruling(self, request: Request, pk: str, request_number: str) -> Response:
        """How far a decision has come."""
        return Response(RulingAnswerSerializer(ruling_state(self.get_object(), int(request_number))).data)

    @extend_schema(filters=False, responses=ConflictSummarySerializer)
    @action(detail=False, pagination_class=None, filterset_class=None)
    def summary(self, request: Request) -> Response:
        """How many in which state; of those that are held: of which collection, why, and how old the oldest is."""
        every = Conflict.objects.order_by()
        counted = dict(every.values_list("state").annotate(Count("id")))
        held = every.filter(open_key__isnull=False)
        groups = held.values("collection", kind=F("detail__kind")).annotate(count=Count("id"))
        oldest = held.aggregate(oldest=Min("detail__opened_at"))["oldest"]
        answer = {
            "states": {state: counted.get(state, 0) for state in Conflict.State.values},
            "held": list(groups.order_by("-count", "collection", "kind")),
            "oldest_held_seconds": max(0.0, (timezone.now() - oldest).total_seconds()) if oldest else None,
        }
        return Response(ConflictSummarySerializer(answer).data)
