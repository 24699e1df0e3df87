"""Compares every document of both sides, and only reports.

A difference counts if both values are still those once the workers have passed all that stood in the logs when it was read:
what is on its way does not count. Where no worker runs, nothing is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial

from sync.cycles import seldom_looked_for
from sync.model.change import DocumentId, DocumentRows, Hold
from sync.model.compare import compare
from sync.model.lens import empty_rows
from sync.model.mapping import CollectionMapping, SyncMapping
from sync.model.report import Difference, VerifyReport
from sync.model.values import key_text
from sync.ports import Current, Reader, Reading
from sync.reconcile.ahead import ahead, ranges
from sync.reconcile.progress import Progress

#: Documents that are looked at again together, and after how many of them it is said how far the comparing is.
RANGE = 500
#: How often a difference whose values have changed is looked at again.
LOOKS = 5


def verify(
    mapping: SyncMapping,
    mysql: Reader,
    mongo: Reader,
    held: Callable[[Sequence[DocumentId]], frozenset[DocumentId]],
    passing: Callable[[], bool],
    collections: Sequence[str],
    progress: Progress,
) -> VerifyReport:
    """Compare the named collections. `held` tells which of some documents have an open conflict now; `passing`: see
    `sync.reconcile.passing`, whose errors it raises."""
    counts: dict[str, int] = {}
    differences: list[Difference] = []
    busy: list[DocumentId] = []
    for name in collections:
        collection = mapping.collections[name]
        total = max(mysql.count(name), mongo.count(name))
        suspects: list[DocumentId] = []
        done = 0
        with (
            seldom_looked_for(),
            closing(ahead(_ranges(name, mysql))) as left,
            closing(ahead(_ranges(name, mongo))) as right,
        ):
            for document, here, there in _both(collection, left, right):
                done += 1
                if compare(collection, document, here, there, held=False):
                    suspects.append(document)
                if done % RANGE == 0:
                    progress(name, done, total)
        progress(name, done, done)
        counts[name] = done
        found, changing = _Rereading(collection, mysql, mongo, held, passing).at(suspects)
        differences += found
        busy += changing
    return VerifyReport(
        documents=sum(counts.values()), collections=counts, differences=tuple(differences), busy=tuple(busy)
    )


def reading(current: Current | None, absent: DocumentRows) -> DocumentRows | Hold:
    """What `compare` takes of a reading."""
    if current is None:
        return absent
    return current.problem or current.rows


def _both(
    collection: CollectionMapping, mysql: Iterator[Reading], mongo: Iterator[Reading]
) -> Iterator[tuple[DocumentId, DocumentRows | Hold, DocumentRows | Hold]]:
    """Every document that stands on either side, with both readings. Keys are ordered by their text, as on both servers;
    keys that only MongoDB can hold come as they stand there."""
    absent: DocumentRows = empty_rows(collection)
    left, right = _walk(mysql), _walk(mongo)
    here, there = next(left, None), next(right, None)
    while here or there:
        if there and key_text(there[0].key).startswith("?"):
            yield there[0], absent, reading(there[1], absent)
            there = next(right, None)
        elif here and there and here[0] == there[0]:
            yield here[0], reading(here[1], absent), reading(there[1], absent)
            here, there = next(left, None), next(right, None)
        elif here and (not there or key_text(here[0].key) < key_text(there[0].key)):
            yield here[0], reading(here[1], absent), absent
            here = next(left, None)
        elif there:
            yield there[0], absent, reading(there[1], absent)
            there = next(right, None)


def _walk(ranges: Iterator[Reading]) -> Iterator[tuple[DocumentId, Current]]:
    return (document for reading in ranges for document in reading.documents.items())


def _ranges(collection: str, reader: Reader) -> Iterator[Reading]:
    read = partial(reader.range, collection, exact=False)
    return (reading for _, reading in ranges(read))


class _Rereading:
    """Looks at documents that differed when they were first read, until it is known of each what it comes to."""

    def __init__(
        self,
        collection: CollectionMapping,
        mysql: Reader,
        mongo: Reader,
        held: Callable[[Sequence[DocumentId]], frozenset[DocumentId]],
        passing: Callable[[], bool],
    ) -> None:
        self._collection = collection
        self._mysql = mysql
        self._mongo = mongo
        self._held = held
        self._passing = passing

    def at(self, suspects: Sequence[DocumentId]) -> tuple[list[Difference], list[DocumentId]]:
        """The differences, and the documents that were other ones each time."""
        found: list[Difference] = []
        pending: dict[DocumentId, bytes] = {}
        for difference, values in self._read(suspects):
            if difference.held:
                found.append(difference)
            else:
                pending[difference.document] = values
        for _ in range(LOOKS):
            if not pending:
                break
            some_carry = self._passing()
            before, pending = pending, {}
            for difference, values in self._read(before):
                if difference.held or not some_carry or values == before[difference.document]:
                    found.append(difference)
                else:
                    pending[difference.document] = values
        return found, list(pending)

    def _read(self, documents: Collection[DocumentId]) -> Iterator[tuple[Difference, bytes]]:
        """Those that differ now, each with a digest of both values: of many differences the values would fill the memory.
        What is held is asked before what stands there: a difference that a meeting ends meanwhile shows as none."""
        every = list(documents)
        held = self._held(every) if every else frozenset()
        absent: DocumentRows = empty_rows(self._collection)
        for start in range(0, len(every), RANGE):
            some = every[start : start + RANGE]
            left: Mapping[DocumentId, Current] = self._mysql.read(some, exact=False).documents
            right: Mapping[DocumentId, Current] = self._mongo.read(some, exact=False).documents
            for one in some:
                here, there = reading(left.get(one), absent), reading(right.get(one), absent)
                difference = compare(self._collection, one, here, there, held=one in held)
                if difference:
                    yield difference, _digest(here) + _digest(there)


def _digest(found: DocumentRows | Hold) -> bytes:
    """Equal for equal readings, whatever the order of rows and columns."""
    if isinstance(found, Hold):
        return hashlib.sha256(f"{found.kind} {found.reason}".encode()).digest()
    rows = sorted(
        repr((table, key, sorted(row.items()))) for table, of_table in found.items() for key, row in of_table.items()
    )
    return hashlib.sha256("\n".join(rows).encode(errors="surrogatepass")).digest()
