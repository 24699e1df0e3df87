"""When a held document may be looked at again. Times are the test's own."""

from __future__ import annotations

import pytest

from sync.meetings.pauses import FIRST, FIRST_WAIT, LAST, LAST_WAIT, Pauses


def until_over(pauses: Pauses, now: float, *, waiting: bool = False) -> float:
    """How long conflict 1 must rest from `now` on."""
    assert not pauses.over(1, now, waiting=waiting)
    due = pauses.next_due()
    assert not pauses.over(1, due - 0.001, waiting=waiting)
    assert pauses.over(1, due, waiting=waiting)
    return due - now


def test_a_new_document_is_looked_at_at_once() -> None:
    """Nothing was said of it."""
    pauses = Pauses()
    assert pauses.over(1, 5.0, waiting=False)
    assert pauses.next_due() == float("inf")


def test_a_cleared_look_makes_each_pause_twice_as_long() -> None:
    """Up to the longest."""
    pauses, now, found = Pauses(), 100.0, list[float]()
    for _ in range(7):
        pauses.cleared(1, now)
        found.append(until_over(pauses, now))
        now += 1
    assert found == pytest.approx([min(LAST, FIRST * 2**step) for step in range(7)])


def test_a_pause_that_is_over_holds_nothing_back() -> None:
    """A document that was decided, and whose other side has moved on since, is looked at at once."""
    pauses = Pauses()
    pauses.cleared(1, 0.0)
    assert pauses.over(1, 1.0, waiting=False)
    assert pauses.next_due() == float("inf")
    assert pauses.over(1, 1.1, waiting=False)


def test_what_waits_is_looked_at_by_the_clock() -> None:
    """Again and again, ever more rarely, though nobody says that a look has failed."""
    pauses, now, found = Pauses(), 100.0, list[float]()
    assert not pauses.over(1, now, waiting=True)  # the listener left it so
    for _ in range(8):
        due = pauses.next_due()
        found.append(due - now)
        now = due
        assert pauses.over(1, now, waiting=True)
    assert found == pytest.approx([min(LAST_WAIT, FIRST_WAIT * 2**step) for step in range(8)])


def test_a_newer_note_ends_the_waiting() -> None:
    """At once: the row is open again."""
    pauses = Pauses()
    pauses.waits(1, 5.0)
    assert pauses.over(1, 5.1, waiting=False)


def test_the_closing_of_another_cuts_a_long_wait() -> None:
    """It may be what was waited for."""
    pauses, now = Pauses(), 0.0
    for _ in range(6):
        pauses.waits(1, now)
    assert not pauses.over(1, now + FIRST_WAIT, waiting=True)
    pauses.something_closed()
    assert pauses.over(1, now + FIRST_WAIT, waiting=True)


def test_closed_rows_are_forgotten() -> None:
    """Only the named ones stay."""
    pauses = Pauses()
    for conflict in (1, 2, 3):
        pauses.cleared(conflict, 0.0)
    pauses.keep_only({2})
    assert len(pauses) == 1


def test_asked_ones_are_looked_at_together() -> None:
    """In steps of the clock, each time anew; and not sooner because another document was closed."""
    pauses = Pauses()
    assert not pauses.asked(1, 10.1)
    assert not pauses.asked(2, 11.9)
    pauses.something_closed()
    assert pauses.next_due() == pytest.approx(14.0)
    assert not pauses.asked(1, 13.9)
    assert pauses.asked(1, 14.0)
    assert pauses.asked(2, 14.0)
    assert not pauses.asked(1, 14.1)


def test_an_answer_ends_the_rest_of_one_that_was_asked() -> None:
    """A decision is met at once."""
    pauses = Pauses()
    assert not pauses.asked(1, 10.0)
    assert pauses.over(1, 10.1, waiting=False)
