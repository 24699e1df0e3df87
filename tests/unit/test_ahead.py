"""Reading ahead: how large the next range is, and what becomes of the thread that reads it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from sync.model.change import DocumentId, Row, RowKey
from sync.ports import Current, Reading
from sync.reconcile.ahead import ahead, size


def of(documents: int, *, rows: int = 1, text: str = "") -> Reading:
    """So many documents of so many rows with this text each."""
    table: dict[RowKey, Row] = {(str(place),): {"text": text} for place in range(rows)}
    found = {DocumentId("accounts", str(number)): Current(rows={"account": table}) for number in range(documents)}
    return Reading(documents=found, position=None)


def test_a_range_doubles_up_to_a_bound() -> None:
    """Small documents are read in ever larger ranges."""
    assert [size(500, of(500)), size(1000, of(1000)), size(2000, of(2000))] == [1000, 2000, 2000]


def test_documents_of_many_rows_make_small_ranges() -> None:
    """Three ranges stand in memory."""
    assert size(500, of(100, rows=200)) == 50
    assert size(500, of(1, rows=20_001)) == 1


@pytest.mark.parametrize("documents", [1, 49, 50, 51, 500])
def test_wide_documents_make_small_ranges(documents: int) -> None:
    """So do few rows of much text."""
    assert size(500, of(documents, text="x" * (1 << 20))) == 8


def test_documents_without_rows_do_no_harm() -> None:
    """All of a range may be unmappable."""
    assert size(500, of(500, rows=0)) == 1000


def test_ranges_come_in_order_and_the_thread_ends() -> None:
    """Also where nobody wants the rest."""
    before = threading.active_count()
    with closing(ahead(iter(range(5)))) as ranges:
        assert [next(ranges), next(ranges)] == [0, 1]
    assert threading.active_count() == before
    assert list(ahead(iter(range(5)))) == [0, 1, 2, 3, 4]


def test_an_error_of_reading_is_raised_where_its_range_was_awaited() -> None:
    """What was read before it is worked at first."""

    def failing() -> Iterator[int]:
        yield 1
        raise ConnectionError

    with closing(ahead(failing())) as ranges:
        assert next(ranges) == 1
        with pytest.raises(ConnectionError):
            next(ranges)


def test_leases_are_kept_while_a_range_is_waited_for() -> None:
    """A range may take longer than a lease lasts."""
    called = threading.Event()

    def slow() -> Iterator[bool]:
        yield called.wait(30)

    assert list(ahead(slow(), called.set)) == [True]
