"""Compares every document of both sides, and only reports.

A difference counts if it is still there when both sides are read again a few times: what is on its way does not count.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from sync.model.change import DocumentId, DocumentRows, Hold, Value
from sync.model.compare import compare
from sync.model.mapping import CollectionMapping, SyncMapping
from sync.model.report import Difference, VerifyReport
from sync.model.values import key_text
from sync.ports import Current, Reader
from sync.reconcile.progress import Progress

RANGE = 500
#: How often a difference is read again before it counts, and the seconds between.
LOOKS, PAUSE = 6, 0.5


def verify(
    mapping: SyncMapping,
    mysql: Reader,
    mongo: Reader,
    held: Callable[[Sequence[DocumentId]], frozenset[DocumentId]],
    collections: Sequence[str],
    progress: Progress,
) -> VerifyReport:
    """Compare the named collections. `held` tells which of some documents have an open conflict now."""
    counts: dict[str, int] = {}
    differences: list[Difference] = []
    for name in collections:
        collection = mapping.collections[name]
        total = max(mysql.count(name), mongo.count(name))
        suspects: list[DocumentId] = []
        done = 0
        for document, left, right in _both(collection, mysql, mongo):
            done += 1
            if compare(collection, document, left, right, held=False):
                suspects.append(document)
            if done % RANGE == 0:
                progress(name, done, total)
        progress(name, done, done)
        counts[name] = done
        differences += _look_again(collection, mysql, mongo, held, suspects)
    return VerifyReport(documents=sum(counts.values()), collections=counts, differences=tuple(differences))


def reading(current: Current | None, absent: DocumentRows) -> DocumentRows | Hold:
    """What `compare` takes of a reading."""
    if current is None:
        return absent
    return current.problem or current.rows


def _both(
    collection: CollectionMapping, mysql: Reader, mongo: Reader
) -> Iterator[tuple[DocumentId, DocumentRows | Hold, DocumentRows | Hold]]:
    """Every document that stands on either side, with both readings. Keys are ordered by their text, as on both servers;
    keys that only MongoDB can hold come as they stand there."""
    absent: DocumentRows = {table.name: {} for table in collection.tables}
    left, right = _walk(collection.name, mysql), _walk(collection.name, mongo)
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


def _walk(collection: str, reader: Reader) -> Iterator[tuple[DocumentId, Current]]:
    after: Value = None
    while True:
        documents = reader.range(collection, after, RANGE, exact=False).documents
        if not documents:
            return
        yield from documents.items()
        after = list(documents)[-1].key


def _look_again(
    collection: CollectionMapping,
    mysql: Reader,
    mongo: Reader,
    held: Callable[[Sequence[DocumentId]], frozenset[DocumentId]],
    suspects: Sequence[DocumentId],
) -> list[Difference]:
    found: list[Difference] = []
    for look in range(LOOKS):
        if not suspects:
            return []
        if look:
            time.sleep(PAUSE)
        found = []
        open_now = held(suspects)
        for start in range(0, len(suspects), RANGE):
            some = list(suspects[start : start + RANGE])
            found += _differences(collection, mysql, mongo, some, open_now)
        suspects = [one.document for one in found]
        if all(one.held for one in found):
            break
    return found


def _differences(
    collection: CollectionMapping,
    mysql: Reader,
    mongo: Reader,
    documents: Sequence[DocumentId],
    held: frozenset[DocumentId],
) -> list[Difference]:
    left: Mapping[DocumentId, Current] = mysql.read(documents, exact=False).documents
    right: Mapping[DocumentId, Current] = mongo.read(documents, exact=False).documents
    absent: DocumentRows = {table.name: {} for table in collection.tables}
    compared = (
        compare(
            collection,
            one,
            reading(left.get(one), absent),
            reading(right.get(one), absent),
            held=one in held,
        )
        for one in documents
    )
    return [one for one in compared if one]
