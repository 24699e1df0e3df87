"""Before `lockstep setup`: the engine's tables are not there."""

from __future__ import annotations

import pytest
from django.db import OperationalError, connection
from rest_framework.test import APIClient

pytestmark = pytest.mark.django_db


def test_the_status_says_that_nothing_is_set_up(tess: APIClient) -> None:
    """An answer, not an error: operators look here first."""
    answer = tess.get("/api/v1/sync/status/")
    assert answer.status_code == 200
    assert answer.json() == {
        "set_up": False,
        "healthy": False,
        "open_conflicts": 0,
        "workers": [],
        "collections": [],
    }


@pytest.mark.parametrize("path", ["", "1/", "?held=true", "summary/"])
def test_conflicts_name_the_command_that_helps(tess: APIClient, path: str) -> None:
    """There is no empty list of what nobody looks for."""
    answer = tess.get(f"/api/v1/conflicts/{path}")
    assert answer.status_code == 503
    assert "lockstep setup" in answer.json()["detail"]


def test_other_errors_of_the_database_are_not_taken_for_that(tess: APIClient) -> None:
    """A table of another shape fails loudly."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE sync_worker (name INT)")
        try:
            with pytest.raises(OperationalError):
                tess.get("/api/v1/sync/status/")
        finally:
            cursor.execute("DROP TEMPORARY TABLE sync_worker")
