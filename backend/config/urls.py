"""Every address of the application."""

from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework.routers import APIRootView, DefaultRouter

from backend.accounts.views import MeView, RoleRequestViewSet
from backend.analytics.views import AccountViewSet, CustomerViewSet, TransactionViewSet
from backend.config.pages import health, home
from backend.config.spa import application
from backend.crossing.views import CrossingViewSet
from backend.replication.views import ConflictViewSet, SyncStatusView


class Root(APIRootView):
    """Where everything is. Who is logged in stands at me/, how the workers are at sync/status/."""

    name = "API"


class Router(DefaultRouter):
    """With a root that describes itself."""

    APIRootView = Root


router = Router()
router.register("customers", CustomerViewSet, basename="customer")
router.register("accounts", AccountViewSet, basename="account")
router.register("transactions", TransactionViewSet, basename="transaction")
router.register("conflicts", ConflictViewSet, basename="conflict")
router.register("crossing/customers", CrossingViewSet, basename="crossing")
router.register("role-requests", RoleRequestViewSet, basename="role-request")

api: list[URLPattern | URLResolver] = [
    path("me/", MeView.as_view(), name="me"),
    path("sync/status/", SyncStatusView.as_view(), name="sync-status"),
    path("", include(router.urls)),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home, name="home"),
    path("app/", application, name="app"),
    path("app/<path:path>", application),
    path("healthz", health, name="health"),
    path("api/v1/", include(api)),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
    path("accounts/", include("allauth.urls")),
    path("_allauth/", include("allauth.headless.urls")),
]

handler404 = "backend.config.pages.not_found"
handler500 = "backend.config.pages.server_error"
