"""One document under a look, and what reads both sides of it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sync.conflict_ports import DueConflict
from sync.model.change import DocumentId, DocumentRows
from sync.model.fold import broken
from sync.model.mapping import CollectionMapping, SyncMapping
from sync.model.meeting import ranked
from sync.model.outcome import Looked
from sync.model.values import rows_to_json
from sync.ports import Current, Reader, TargetTransaction


class Unreadable(NamedTuple):
    """MySQL's rows that cannot be carried: why, and what stands there as text."""

    reason: str
    stored: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One document under a look."""

    document: DocumentId
    #: As each side has them; `looked` has lists by rank. None: it cannot be carried, and a person chose the other side's.
    mysql: DocumentRows | None
    mongo: DocumentRows | None
    looked: Looked
    #: As it was due: with what people said of it.
    due: DueConflict


class Sides:
    """Reads documents as each side has them now."""

    def __init__(self, mapping: SyncMapping, mysql: Reader) -> None:
        self._mapping = mapping
        self._reader = mysql

    def collection(self, document: DocumentId) -> CollectionMapping:
        """The one that it is of."""
        return self._mapping.collections[document.collection]

    def in_mysql(self, documents: Mapping[int, DocumentId]) -> tuple[dict[int, DocumentRows], dict[int, Unreadable]]:
        """Each document's rows; and why some are none."""
        readings = self._reader.read(list(documents.values()), exact=False).documents
        rows: dict[int, DocumentRows] = {}
        problems: dict[int, Unreadable] = {}
        for number, document in documents.items():
            current = readings[document]
            problem = current.problem or broken(
                self.collection(document), ranked(self.collection(document), current.rows)
            )
            if problem:
                stored = current.stored or json.dumps(rows_to_json(current.rows), ensure_ascii=False)
                problems[number] = Unreadable(problem.reason, stored)
            else:
                rows[number] = current.rows
        return rows, problems

    def in_mongo(
        self, transaction: TargetTransaction, documents: Collection[DocumentId]
    ) -> Mapping[DocumentId, Current]:
        """Each document, under the transaction's locks."""
        return transaction.read(
            {one: frozenset(table.name for table in self.collection(one).tables) for one in documents}
        )
