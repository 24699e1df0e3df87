"""The single-page application as Django serves it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

pytestmark = pytest.mark.django_db


@pytest.fixture
def built(settings: Settings, tmp_path: Path) -> None:
    """A page as Vite leaves it."""
    (tmp_path / "index.html").write_text('<meta name="csp-nonce" content="__CSP_NONCE__"><div id="root">')
    settings.FRONTEND = tmp_path


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("path", ["/app/", "/app/conflicts", "/app/crossing/5ca4bbcea2dd94ee58162a68"])
def test_every_address_below_app_is_the_page(client: Client, path: str) -> None:
    """A link into the application may be opened, sent and loaded anew."""
    answer = client.get(path)
    assert (answer.status_code, b'id="root"' in answer.content) == (200, True)
    assert "csrftoken" in answer.cookies


@pytest.mark.usefixtures("built")
def test_the_page_may_run_scripts_from_here_alone(client: Client) -> None:
    """Styles that scripts write need the nonce, which is another one each time and not kept."""
    nonces = set()
    for _ in range(2):
        answer = client.get("/app/")
        policy = answer["Content-Security-Policy"]
        found = re.search(r"style-src 'self' 'nonce-([\w-]{20,})'", policy)
        assert found
        assert f'content="{found.group(1)}"' in answer.content.decode()
        assert "default-src 'none'; script-src 'self';" in policy
        assert "unsafe" not in policy
        assert answer["Cache-Control"] == "no-store"
        nonces.add(found.group(1))
    assert len(nonces) == 2


def test_pages_that_were_not_built_say_how(client: Client, settings: Settings, tmp_path: Path) -> None:
    """Not a blank page."""
    settings.FRONTEND = tmp_path / "none"
    answer = client.get("/app/")
    assert (answer.status_code, b"make setup" in answer.content) == (503, True)


def test_the_front_door_leads_there(client: Client) -> None:
    """For everybody."""
    assert b'href="/app/"' in client.get("/").content
