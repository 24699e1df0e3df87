"""Who am I, and who would like to be more."""

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.generics import RetrieveAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import ScopedRateThrottle

from backend.accounts.granting import DecisionRefused, decide
from backend.accounts.models import RoleRequest, User
from backend.accounts.permissions import ManagementPermission
from backend.accounts.serializers import MeSerializer, RoleRequestSerializer


class MeView(RetrieveAPIView[User]):
    """Who is logged in, and with which role."""

    serializer_class = MeSerializer

    def get_object(self) -> User:
        user = self.request.user
        assert isinstance(user, User)  # IsAuthenticated is the default permission
        return user


class RoleRequestFilter(filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    """By status and role."""

    status = filters.ChoiceFilter(field_name="state", choices=RoleRequest.State.choices)

    class Meta:
        model = RoleRequest
        fields = ("role",)


class RoleRequestViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[RoleRequest]):
    """Requests for a role, newest first. Senior management grants or refuses; each decision is recorded."""

    serializer_class = RoleRequestSerializer
    permission_classes = [ManagementPermission]
    throttle_scope = "role_decisions"
    filterset_class = RoleRequestFilter
    queryset: QuerySet[RoleRequest] = RoleRequest.objects.select_related("user", "decided_by").order_by("-id")

    def get_throttles(self) -> list[ScopedRateThrottle]:  # type: ignore[override]  # the stubs fix the base class's list
        return [ScopedRateThrottle()] if self.action in ("grant", "refuse") else []

    @extend_schema(request=None, responses={200: RoleRequestSerializer, 409: OpenApiResponse(description="refused")})
    @action(detail=True, methods=["post"])
    def grant(self, request: Request, pk: str) -> Response:
        """Give the role that was asked for."""
        return self._decide(request, grant=True)

    @extend_schema(request=None, responses={200: RoleRequestSerializer, 409: OpenApiResponse(description="refused")})
    @action(detail=True, methods=["post"])
    def refuse(self, request: Request, pk: str) -> Response:
        """Leave the role as it is."""
        return self._decide(request, grant=False)

    def _decide(self, request: Request, *, grant: bool) -> Response:
        asked = self.get_object()
        assert isinstance(request.user, User)  # ManagementPermission
        try:
            decided = decide(asked.pk, request.user, grant=grant)
        except DecisionRefused as refused:
            return Response({"detail": str(refused)}, status=status.HTTP_409_CONFLICT)
        return Response(self.get_serializer(decided).data)
