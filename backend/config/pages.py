"""The few pages and answers that belong to no application: the front door and a refused form."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.views.csrf import csrf_failure as html_failure

JSON_PREFIXES = ("/api/", "/_allauth/")


def home(request: HttpRequest) -> HttpResponse:
    """The front door: where to log in, where the API and its description are."""
    return render(request, "lockstep/home.html")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponseBase:
    """Django's page for people; for programs the error shape of django-allauth's headless API."""
    if not request.path.startswith(JSON_PREFIXES):
        return html_failure(request, reason=reason)
    message = f"CSRF check failed: {reason} Read the csrftoken cookie and send it as the X-CSRFToken header."
    return JsonResponse({"status": 403, "errors": [{"code": "csrf_failed", "message": message}]}, status=403)
