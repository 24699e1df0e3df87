"""The few pages and answers that belong to no application: the front door and a refused form."""

from allauth.account.models import EmailAddress
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.csrf import csrf_failure as html_failure

from backend.accounts.models import Role, User

JSON_PREFIXES = ("/api/", "/_allauth/")
NOTHING = "There is nothing at this address."
FAILED = "The server failed. The error stands in its log."


def home(request: HttpRequest) -> HttpResponse:
    """The front door: where to log in, where the API and its description are."""
    user = request.user
    unverified = (
        isinstance(user, User)
        and user.role == Role.CUSTOMER
        and not EmailAddress.objects.filter(user=user, verified=True).exists()
    )
    return render(request, "lockstep/home.html", {"unverified": unverified})


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponseBase:
    """Django's page for people; for programs the error shape of django-allauth's headless API."""
    if not request.path.startswith(JSON_PREFIXES):
        return html_failure(request, reason=reason)
    message = f"CSRF check failed: {reason} Read the csrftoken cookie and send it as the X-CSRFToken header."
    return JsonResponse({"status": 403, "errors": [{"code": "csrf_failed", "message": message}]}, status=403)


def health(_request: HttpRequest) -> HttpResponse:
    """Whether this process serves; says nothing of databases or workers (see /api/v1/sync/status/)."""
    return HttpResponse("ok\n", content_type="text/plain")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django names it
    """A page for people, JSON for programs."""
    if request.path.startswith(JSON_PREFIXES):
        return JsonResponse({"detail": NOTHING}, status=404)
    return render(request, "lockstep/error.html", {"title": "Not found", "text": NOTHING}, status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """As above; the error itself stands in the log. Asks nothing of the database, which may be what failed."""
    if request.path.startswith(JSON_PREFIXES):
        return JsonResponse({"detail": FAILED}, status=500)
    page = render_to_string("lockstep/error.html", {"title": "Something went wrong", "text": FAILED})
    return HttpResponse(page, status=500)
