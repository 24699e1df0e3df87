"""A browser's session with the web application, as the single-page client has it: cookies, CSRF, JSON."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.cookiejar import CookieJar

from deploy.local.problem import LocalProblem

Answer = dict[str, object]


class WebSession:
    """Talks to one address; raises LocalProblem with what was refused."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._cookies = CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._cookies))

    def log_in(self, email: str, password: str) -> None:
        """Log in as the page's own client does (allauth's headless API)."""
        self._send("GET", "/_allauth/browser/v1/config", None)
        self._send("POST", "/_allauth/browser/v1/auth/login", {"email": email, "password": password})

    def get(self, path: str) -> Answer:
        """Read a resource."""
        return self._send("GET", path, None)

    def patch(self, path: str, changes: Mapping[str, object]) -> Answer:
        """Change fields of a resource; returns it."""
        return self._send("PATCH", path, changes)

    def _send(self, method: str, path: str, body: Mapping[str, object] | None) -> Answer:
        headers = {"Accept": "application/json", "Content-Type": "application/json", "Referer": self._address}
        if token := next((cookie.value for cookie in self._cookies if cookie.name == "csrftoken"), None):
            headers["X-CSRFToken"] = token
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._address + path, data=data, headers=headers, method=method)
        try:
            with self._opener.open(request, timeout=30) as response:
                answer = json.load(response)
        except urllib.error.HTTPError as error:
            raise LocalProblem(f"{method} {path}: {error.code} {error.reason}") from None
        except (OSError, ValueError) as error:
            raise LocalProblem(f"{method} {path}: {type(error).__name__}") from None
        if not isinstance(answer, dict):
            raise LocalProblem(f"{method} {path}: no JSON object")
        return answer
