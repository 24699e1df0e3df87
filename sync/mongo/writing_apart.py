"""Documents of one transaction, of which MongoDB refuses some. A refusal ends the transaction, so what a unique index forbids
is found before it is tried, and every document in the way is named.

Where documents exchange unique values, one of them is deleted and inserted again, whole, inside the transaction: no value
that could stand there meanwhile suits every index and validator.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from pymongo import DeleteOne, InsertOne, ReplaceOne, UpdateOne
from pymongo.client_session import ClientSession
from pymongo.database import Database

from sync.errors import Contention, Refused
from sync.model.change import Blocker, ConflictKind, DocumentId, Hold
from sync.model.mapping import SyncMapping
from sync.model.plan import Delete, DocumentPlan, Insert, Replace, Update, planned_document
from sync.model.unique import Move, Step, arranged, blocked
from sync.mongo.server import Document, translated
from sync.mongo.unique import UniqueIndex, claims, in_the_way, unique_indexes
from sync.ports import Apart

Operation = Any  # one of pymongo's operation classes


class Planned(NamedTuple):
    """One document's writing: what is to be done, over what stands there, and the filter that finds it."""

    plan: DocumentPlan | None
    stored: Document | None
    where: Document


def operation(planned: DocumentPlan | None, where: Document) -> tuple[int, Operation | None]:
    """Its kind and itself: deletes are 0, updates 1, inserts 2."""
    match planned:
        case Update():
            return 1, UpdateOne(where, _as_update(planned))
        case None:
            return 1, None
        case Delete():
            return 0, DeleteOne(where)
        case Insert(document=document):
            return 2, InsertOne(dict(document))
        case Replace(document=document) if any(name.startswith("$") for name in document):
            # A replacement may hold no such names, a pipeline's literal may.
            return 1, UpdateOne(where, [{"$replaceWith": {"$literal": dict(document)}}])
        case Replace(document=document):
            return 1, ReplaceOne(where, dict(document))


class WritingApart:
    """See `sync.ports.TargetTransaction.write_apart`."""

    def __init__(self, database: Database[Document], mapping: SyncMapping, session: ClientSession) -> None:
        """`session` has the open transaction."""
        self._database = database
        self._mapping = mapping
        self._session = session

    def run(self, planned: Mapping[DocumentId, Planned]) -> Apart:
        """Write them."""
        names = {document.collection for document in planned}
        indexes = {name: unique_indexes(self._database[name]) for name in names}
        after = {document: planned_document(one.plan, one.stored) for document, one in planned.items()}
        moves = {
            document: Move(
                holds=claims(self._mapping.collections[document.collection], indexes[document.collection], one.stored),
                takes=claims(
                    self._mapping.collections[document.collection], indexes[document.collection], after[document]
                ),
            )
            for document, one in planned.items()
        }
        outside = {
            document: self._outside(document, indexes[document.collection], new, planned)
            for document, new in after.items()
            if new is not None and moves[document].takes.keys() - moves[document].holds.keys()
        }
        holds = {document: _in_the_way(rows) for document, rows in blocked(moves, outside).items()}
        free = [document for document in planned if document not in holds]
        for step in _deletes_first(arranged([moves[document] for document in free]), [after[one] for one in free]):
            document = free[step.at]
            try:
                self._write(document, planned[document], after[document], parks=step.parks)
            except Refused as error:
                return Apart(
                    holds={**holds, document: Hold(kind=ConflictKind(error.kind), reason=error.message)}, spoiled=True
                )
            if step.parks:
                planned = {**planned, document: Planned(Insert(document=after[document] or {}), None, {})}
        return Apart(holds=holds)

    def _outside(
        self,
        document: DocumentId,
        indexes: tuple[UniqueIndex, ...],
        after: Mapping[str, object],
        planned: Mapping[DocumentId, Planned],
    ) -> list[Blocker]:
        """Those in the way that are not written here. Of the others their own claims tell."""
        return in_the_way(
            self._database[document.collection],
            self._mapping.collections[document.collection],
            indexes,
            after,
            planned,
            self._session,
        )

    def _write(
        self, document: DocumentId, planned: Planned, after: Mapping[str, object] | None, *, parks: bool
    ) -> None:
        kind, one = (0, DeleteOne(planned.where)) if parks else operation(planned.plan, planned.where)
        if one is None:
            return
        with translated(writes_documents=True):
            done = self._database[document.collection].bulk_write([one], session=self._session)
        if (done.deleted_count, done.matched_count, done.inserted_count)[kind] != 1:
            raise Contention("documents changed between reading and writing them")


def _deletes_first(steps: tuple[Step, ...], after: list[Mapping[str, object] | None]) -> list[Step]:
    """Documents that go give up what they have before anybody takes it."""
    return sorted(steps, key=lambda step: after[step.at] is not None)


def _in_the_way(rows: tuple[Blocker, ...]) -> Hold:
    names = ", ".join(sorted({row.under for row in rows}))
    return Hold(
        kind=ConflictKind.UNIQUE_VIOLATION,
        reason=f"MongoDB: other documents have what the unique index {names} allows once",
        blockers=rows,
    )


def _as_update(planned: Update) -> Document:
    change: Document = {}
    if planned.set:
        change["$set"] = planned.set
    if planned.unset:
        change["$unset"] = dict.fromkeys(planned.unset, "")
    return change
