"""Serves the single-page application: one HTML file for every address below /app/, with a strict policy for what it may do."""

import secrets

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

#: What Vite leaves in index.html for the server to fill in.
NONCE = "__CSP_NONCE__"
NOT_BUILT = "The pages have not been built. On the server, in the project's folder: make setup"


@require_safe
@ensure_csrf_cookie
def application(request: HttpRequest, path: str = "") -> HttpResponse:  # noqa: ARG001 - the page's own matter
    """The page. It asks the API with the session's cookie, so the CSRF cookie comes along."""
    try:
        page = (settings.FRONTEND / "index.html").read_text(encoding="utf-8")
    except FileNotFoundError:
        return render(request, "lockstep/error.html", {"title": "Not built yet", "text": NOT_BUILT}, status=503)
    nonce = secrets.token_urlsafe(16)
    response = HttpResponse(page.replace(NONCE, nonce))
    response["Content-Security-Policy"] = _policy(nonce)
    response["Cache-Control"] = "no-store"  # a nonce is good once
    return response


def _policy(nonce: str) -> str:
    """Scripts and styles from here alone; styles that scripts write carry the nonce."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            f"style-src 'self' 'nonce-{nonce}'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )
