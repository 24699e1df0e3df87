"""What became different on a side between two looks at it: a list of places with their new values. Pure."""

from collections.abc import Iterator
from typing import TypedDict

from sync.model.change import DocumentRows, RowKey
from sync.model.values import to_json


class Change(TypedDict):
    """One place that changed. `column` is "" where a row as a whole came (`value` true) or went (`value` null)."""

    table: str
    key: list[object]
    column: str
    value: object


def changes(before: DocumentRows, after: DocumentRows) -> list[Change]:
    """In the order of tables, keys and columns as they stand."""
    return [
        change
        for table in {**before, **after}
        for key in {**before.get(table, {}), **after.get(table, {})}
        for change in _of_row(table, key, before, after)
    ]


def _of_row(table: str, key: RowKey, before: DocumentRows, after: DocumentRows) -> Iterator[Change]:
    old, new = before.get(table, {}).get(key), after.get(table, {}).get(key)
    where = [to_json(part) for part in key]
    if new is None:
        yield Change(table=table, key=where, column="", value=None)
        return
    if old is None:
        yield Change(table=table, key=where, column="", value=True)
    for column, value in new.items():
        if old is None or old[column] != value:
            yield Change(table=table, key=where, column=column, value=to_json(value))
