"""Merging one change into one row: every line of the table in `sync.model.merge`'s docstring and design."""

from __future__ import annotations

import pytest

from sync.model.change import ConflictKind, Hold, Row, RowChange
from sync.model.merge import merge

ABSENT = None
OLD: Row = {"name": "Ann", "email": "a@x"}
NEW: Row = {"name": "Anna", "email": "a@x"}
OTHER: Row = {"name": "Zoe", "email": "a@x"}


def change(before: Row | None, after: Row | None) -> RowChange:
    return RowChange(table="person", key=("1",), before=before, after=after)


@pytest.mark.parametrize(
    ("current", "before", "after", "result"),
    [
        (ABSENT, ABSENT, NEW, NEW),
        (NEW, ABSENT, NEW, NEW),
        (OLD, OLD, NEW, NEW),
        (NEW, OLD, NEW, NEW),
        (OLD, OLD, ABSENT, ABSENT),
        (ABSENT, OLD, ABSENT, ABSENT),
    ],
)
def test_a_change_that_fits_is_applied_or_stands_already(
    current: Row | None, before: Row | None, after: Row | None, result: Row | None
) -> None:
    """The target's row becomes the change's after-image, also when the change was applied before."""
    assert merge(current, change(before, after)) == result


@pytest.mark.parametrize(
    ("current", "before", "after", "kind"),
    [
        (OTHER, ABSENT, NEW, ConflictKind.INSERT_EXISTS),
        (ABSENT, OLD, NEW, ConflictKind.UPDATE_MISSING),
        (OTHER, OLD, NEW, ConflictKind.UPDATE_DIFFERS),
        (OTHER, OLD, ABSENT, ConflictKind.DELETE_DIFFERS),
    ],
)
def test_a_third_value_is_held_by_name(
    current: Row | None, before: Row | None, after: Row | None, kind: ConflictKind
) -> None:
    """Where the target holds what the change neither found nor wrote, the kind of conflict is told."""
    held = merge(current, change(before, after))
    assert isinstance(held, Hold)
    assert held.kind is kind


def test_edits_of_different_fields_both_survive() -> None:
    """An update writes the fields that it changed, and no others."""
    current: Row = {"name": "Ann", "email": "new@x"}
    assert merge(current, change(OLD, NEW)) == {"name": "Anna", "email": "new@x"}


def test_rows_without_identity_are_compared_whole() -> None:
    """An element of a keyless list is one value: an edit of another of its fields is a conflict."""
    current: Row = {"name": "Ann", "email": "new@x"}
    held = merge(current, change(OLD, NEW), whole=True)
    assert isinstance(held, Hold)
    assert held.kind is ConflictKind.UPDATE_DIFFERS


def test_reasons_never_carry_values() -> None:
    """A hold's reason names tables and columns only."""
    held = merge(OTHER, change(OLD, NEW))
    assert isinstance(held, Hold)
    assert "name" in held.reason
    assert not any(str(value) in held.reason for value in ("Ann", "Anna", "Zoe", "a@x"))
