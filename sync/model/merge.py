"""Rule 1 of the meeting (design 2.2): what a change makes of the row that the target holds, or that it must be held.

The same function for both directions. It decides; it writes nothing.
"""

from __future__ import annotations

from collections.abc import Collection

from sync.model.change import ConflictKind, Hold, Row, RowChange


def merge(
    current: Row | None, change: RowChange, *, whole: bool = False, counted: Collection[str] = ()
) -> Row | Hold | None:
    """The target's row after `change`, given its row now (None: absent); or a `Hold`, and then nothing may be written.

    `whole` compares and writes the row as one value (rows of a keyless list, which have no identity). Of `counted` columns
    a change that finds its own result has not been made here: somebody did as much on this side. "": so does a row's coming.
    """
    if current == change.after and not (counted and _counts(change, counted)):
        return current
    if change.before is None:
        return (
            change.after if current is None else _hold(ConflictKind.INSERT_EXISTS, change, "the row is there already")
        )
    if change.after is None:
        if current == change.before:
            return None
        return _hold(ConflictKind.DELETE_DIFFERS, change, "the row to delete has been changed")
    if current is None:
        return _hold(ConflictKind.UPDATE_MISSING, change, "the row to update is absent")
    if current == change.before:  # as it mostly is
        return change.after
    if whole:
        return _differs(change, sorted(change.after))
    before, new, third = change.before, {**current}, []
    for column, value in change.after.items():
        found = before[column]
        if found != value:
            if current[column] != found and (current[column] != value or column in counted):
                third.append(column)
            new[column] = value
    return _differs(change, third) if third else new


def _counts(change: RowChange, counted: Collection[str]) -> bool:
    """Whether it changes one of the columns, or adds the row where its coming counts ("")."""
    before, after = change.before, change.after
    if before is None:
        return "" in counted
    return after is not None and any(before[column] != after[column] for column in counted if column)


def _differs(change: RowChange, columns: list[str]) -> Hold:
    return _hold(ConflictKind.UPDATE_DIFFERS, change, f"other values stand in {', '.join(columns)}")


def _hold(kind: ConflictKind, change: RowChange, reason: str) -> Hold:
    return Hold(kind=kind, reason=f"{change.table}: {reason}", table=change.table, key=change.key)
