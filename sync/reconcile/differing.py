"""Which of some documents differ, as they were read on both sides."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping

from sync.model.change import DocumentId, DocumentRows, Hold
from sync.model.compare import compare
from sync.model.lens import empty_rows
from sync.model.mapping import CollectionMapping
from sync.model.report import Difference
from sync.ports import Current


def differing(
    collection: CollectionMapping,
    documents: Iterable[DocumentId],
    mysql: Mapping[DocumentId, Current],
    mongo: Mapping[DocumentId, Current],
    held: Container[DocumentId] = (),
) -> Iterator[Difference]:
    """Of those of the documents that are not equal. What was not found on a side is absent there; `held` is told on."""
    absent: DocumentRows = empty_rows(collection)
    for one in documents:
        here, there = as_read(mysql.get(one), absent), as_read(mongo.get(one), absent)
        difference = compare(collection, one, here, there, held=one in held)
        if difference:
            yield difference


def as_read(current: Current | None, absent: DocumentRows) -> DocumentRows | Hold:
    """What `compare` takes of a reading."""
    if current is None:
        return absent
    return current.problem or current.rows
