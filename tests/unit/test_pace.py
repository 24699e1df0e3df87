"""Not faster than asked for."""

from __future__ import annotations

import time

import pytest

from sync.reconcile.pace import Pace


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that only sleeping moves."""
    naps: list[float] = []
    monkeypatch.setattr(time, "sleep", naps.append)
    monkeypatch.setattr(time, "monotonic", lambda: 100.0 + sum(naps))
    return naps


def test_work_takes_as_long_as_its_rate_says(slept: list[float]) -> None:
    """Ten a second."""
    pace = Pace(10)
    for documents in (5, 20, 1):
        pace.after(documents)
    assert slept == pytest.approx([0.5, 2.0, 0.1])


def test_time_in_which_nothing_was_done_is_not_made_up_for(slept: list[float]) -> None:
    """Else a burst would follow a wait."""
    pace = Pace(10)
    pace.after(10)
    slept.append(60.0)
    pace.after(10)
    assert slept[-1] == pytest.approx(1.0)


def test_without_a_rate_nothing_waits(slept: list[float]) -> None:
    """And nothing is made smaller."""
    Pace().after(1_000_000)
    assert slept == []
    assert (Pace().few(500), Pace(20).few(500), Pace(20).few(5)) == (500, 20, 5)
