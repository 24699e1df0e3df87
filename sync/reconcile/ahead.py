"""Ranges that are read while the one before is worked at."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

from sync.model.change import DocumentRows, Value
from sync.ports import Reading

#: Seconds between two calls of `meanwhile`.
BEAT = 0.5
#: Rows, and characters of text, of which ranges are made, and documents in one at first and at most: three stand in memory.
_ROWS, _CHARACTERS, FIRST, _MOST = 10_000, 8 << 20, 500, 2_000
#: Documents whose text is counted, spread over a range.
_SAMPLE = 50
_Range = TypeVar("_Range")


def ahead(ranges: Iterator[_Range], meanwhile: Callable[[], None] = lambda: None) -> Generator[_Range, None, None]:
    """The same ranges, each taken in a thread while the one before is worked at; `meanwhile` is called as long as one is
    waited for. To be closed: the thread ends with it."""
    with ThreadPoolExecutor(1, thread_name_prefix="range") as thread:
        end = object()
        coming = thread.submit(next, ranges, end)
        while True:
            while not wait([coming], timeout=BEAT).done:
                meanwhile()
            found = coming.result()
            if found is end:
                return
            coming = thread.submit(next, ranges, end)
            yield found  # type: ignore[misc]  # it is no end


def ranges(read: Callable[[Value, int], Reading], after: Value = None) -> Iterator[tuple[Value, Reading]]:
    """All that follows `after`, range by range, each with the key behind which it was read. `read` is told that key and how
    many documents to read; it finds none at the end."""
    limit = FIRST
    while (reading := read(after, limit)).documents:
        yield after, reading
        after, limit = list(reading.documents)[-1].key, size(limit, reading)


def size(before: int, reading: Reading) -> int:
    """How many documents to ask for next, where `before` were asked for last."""
    found = [one.rows for one in reading.documents.values()]
    rows = sum(len(of_table) for one in found for of_table in one.values())
    sample = found[:: len(found) // _SAMPLE + 1]
    characters = sum(map(_characters, sample)) * len(found) // len(sample)
    fitting = min(len(found) * _ROWS // max(rows, 1), len(found) * _CHARACTERS // max(characters, 1))
    return max(1, min(fitting, 2 * before, _MOST))


def _characters(document: DocumentRows) -> int:
    values = (value for of_table in document.values() for row in of_table.values() for value in row.values())
    return sum(len(value) for value in values if isinstance(value, (str, bytes)))
