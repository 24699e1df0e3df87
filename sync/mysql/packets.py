"""Statements of any size: one that the server would hang up on (max_allowed_packet) is refused before it is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from pymysql.cursors import Cursor

from sync.errors import Refused

#: Characters from which on a statement is measured; no server takes less than 1 MB by default, of four bytes a character.
_SMALL = 1 << 18
#: Rows, and characters of their text, in one statement.
_ROWS, _CHARACTERS = 500, 1 << 20
#: Rows of `update_many`: each is compared with all of a statement's.
_CASES = 100
_Item = TypeVar("_Item")


def send(cursor: Cursor, statement: str, values: Sequence[object]) -> None:
    """Run a statement. Raises `Refused` where it is larger than the server takes."""
    query = cursor.mogrify(statement, tuple(values))
    fitting(cursor, query)
    cursor.execute(query)


def fitting(cursor: Cursor, query: str) -> None:
    """Raises `Refused` where a complete statement is larger than the server takes."""
    if len(query) > _SMALL:
        cursor.execute("SELECT @@max_allowed_packet")
        row = cursor.fetchone()
        assert row is not None
        size, most = len(query.encode(errors="surrogateescape")), int(row[0])
        if size + 1 >= most:
            reason = f"a statement of {size:,} bytes is more than MySQL's max_allowed_packet ({most:,})"
            raise Refused(reason, kind="constraint_violation")


def update_many(
    cursor: Cursor, table: str, key: str, rows: Mapping[int, Mapping[str, object]], *, also: str = ""
) -> None:
    """Give each row, named by its number in column `key`, its own values; all the same columns. Names are the engine's own.
    `also` is one more assignment for all of them. Large values go one column a statement. Raises `Refused` where a single
    one is larger than the server takes."""
    items = list(rows.items())
    for some in chunks(items, [tuple(values.values()) for _, values in items], _CASES):
        numbers = tuple(number for number, _ in some)
        first = [also] if also else []
        for columns in _together(some):
            sets, parameters = first, list[object]()
            first = []
            for column in columns:
                sets.append(f"{column} = CASE {key} {' '.join(['WHEN %s THEN %s'] * len(some))} END")
                parameters += [part for number, values in some for part in (number, values[column])]
            statement = f"UPDATE {table} FORCE INDEX (PRIMARY) SET {', '.join(sets)} WHERE {key} IN %s"
            send(cursor, statement, (*parameters, numbers))


def _together(rows: Sequence[tuple[int, Mapping[str, object]]]) -> list[list[str]]:
    """The columns by statement."""
    columns = list(rows[0][1])
    if sum(_length(value) for _, values in rows for value in values.values()) <= _CHARACTERS:
        return [columns]
    return [[column] for column in columns]


#: Types of what may be long.
_LONG = (str, bytes)


def _length(value: object) -> int:
    """Characters in a statement, of what may be long; bytes stand there as digits."""
    if isinstance(value, str):
        return len(value)
    return 2 * len(value) if isinstance(value, bytes) else 0


def chunks(items: Sequence[_Item], values: Sequence[Sequence[object]], rows: int = _ROWS) -> Iterator[Sequence[_Item]]:
    """The items in pieces of at most `rows` that fit a statement; `values` are what each item puts into it."""
    start = text = 0
    for end, of_item in enumerate(values):
        length = 0
        for value in of_item:
            if value.__class__ in _LONG:
                length += _length(value)
        if end > start and (end - start == rows or text + length > _CHARACTERS):
            yield items[start:end]
            start, text = end, 0
        text += length
    if start < len(items):
        yield items[start:]
