"""Makes one document equal on both sides, in the direction that a person chose, and closes its conflict row.

Done by the worker that owns the target, between two batches. What was noted meanwhile makes it begin again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from sync.conflict_ports import ConflictDatabase, ConflictStore, Decision, HeldDocument
from sync.errors import CommandRefused, Contention, Refused
from sync.lease import Lease
from sync.model.change import ConflictKind, DocumentId, Hold, Side
from sync.model.choice import Choice
from sync.model.compare import different_places
from sync.model.fold import broken
from sync.model.lens import empty_rows
from sync.model.mapping import CollectionMapping
from sync.model.meeting import as_looked, decide
from sync.model.policies import Rule
from sync.model.position import CopiedRange
from sync.model.report import RepairReport
from sync.model.values import order_text
from sync.ports import Current, DocumentWrite, Reader

ATTEMPTS = 20


def cannot_be_carried(side: Side, problem: Hold) -> CommandRefused:
    """Of the document that was to be written to the other side."""
    mended = (
        "start both workers: they count its places anew" if problem.kind is ConflictKind.LIST_GAP else "mend it there"
    )
    return CommandRefused(
        f"the document in {side} cannot be carried: {problem.reason}",
        hint=f"{mended}, or: lockstep repair --from {side.other}",
    )


class Repair:
    """Writes `source`'s documents into the target of `lease`."""

    def __init__(
        self,
        lease: Lease,
        source: Reader,
        conflicts: ConflictDatabase,
        problems: Mapping[str, Sequence[str]],
    ) -> None:
        """`conflicts` is a MySQL connection of its own, apart from the target's transactions. `problems`: by collection, why
        the mapping does not fit."""
        self._problems = problems
        self._lease = lease
        self._source = source
        self._conflicts = conflicts

    def run(self, collection: CollectionMapping, document: DocumentId) -> RepairReport:
        """Repair one document. `CommandRefused` if the source's cannot be expressed in rows, if the target refuses it,
        or if it is edited faster than it can be repaired."""
        problems = self._problems.get(document.collection)
        if problems:
            raise CommandRefused(f"the mapping does not fit: {'; '.join(problems)}", hint="lockstep doctor")
        for attempt in range(ATTEMPTS):
            try:
                report = self._attempt(collection, document)
            except Contention:
                report = None
            except Refused as error:
                raise CommandRefused(f"{self._lease.target.side} refuses the document: {error.message}") from None
            if report:
                return report
            time.sleep(min(0.5, 0.01 * 2**attempt) * random.uniform(0.5, 1.5))
            self._lease.beat()
        raise CommandRefused("the document is being edited faster than it can be repaired", hint="try again later")

    def _attempt(self, collection: CollectionMapping, document: DocumentId) -> RepairReport | None:
        held = self._held(document)
        reading = self._source.read([document], exact=True)
        wanted = reading.documents[document]
        problem = wanted.problem or broken(collection, wanted.rows)
        if problem:
            raise cannot_be_carried(self._source.side, problem)
        assert reading.position is not None  # `exact` promises it
        done = CopiedRange(
            collection=document.collection,
            first=order_text(document.key),
            last=order_text(document.key),
            position=reading.position,
        )
        idle = self._lease.idle()
        checkpoint = replace(idle, copied=(*idle.copied, done), seen=reading.position)
        # In MySQL the row closes with the write; for MongoDB after it, or a crash between would close it unrepaired.
        inside = self._lease.target.side is Side.MYSQL
        touched: list[DocumentId] = []
        places: tuple[str, ...] = ()
        with self._lease.transaction(checkpoint, touched) as transaction:
            everything = frozenset(table.name for table in collection.tables)
            now = transaction.read({document: everything})[document]
            before = empty_rows(collection) if now.problem else now.rows
            if now.problem or before != wanted.rows:
                places = different_places(collection, before, wanted.rows)
                transaction.write([DocumentWrite(document=document, before=before, after=wanted.rows)])
                touched.append(document)
            if inside and held and not self._close(transaction.conflicts, collection, held, wanted, now):
                raise Contention("something was noted meanwhile")
        if not inside and held and not self._close_after(collection, held, wanted, now):
            return None
        return RepairReport(
            document=document,
            origin=self._source.side,
            was_equal=not touched,
            places=places,
            conflict=held.conflict if held else None,
        )

    def _held(self, document: DocumentId) -> HeldDocument | None:
        transaction = self._conflicts.begin()
        try:
            return transaction.held([document]).get(document)
        finally:
            transaction.rollback()

    def _close(
        self, rows: ConflictStore, collection: CollectionMapping, held: HeldDocument, wanted: Current, now: Current
    ) -> bool:
        """With what stood on both sides, and what lost."""
        source = self._source.side
        of = {source: wanted, source.other: now}
        sides = {side: None if one.problem else one.rows for side, one in of.items()}
        looked = as_looked(
            collection,
            sides[Side.MYSQL],
            sides[Side.MONGO],
            {side: one.stored for side, one in of.items() if one.problem},
        )
        outcome = decide(collection, Rule(policy=collection.policy), looked, rows.notes(held), Choice(side=source))
        decision = Decision(looked=looked, mysql=sides[Side.MYSQL], policy=outcome.policy(collection), outcome=outcome)
        return rows.close(held, {"repaired_from": str(source)}, decision)

    def _close_after(self, collection: CollectionMapping, held: HeldDocument, wanted: Current, now: Current) -> bool:
        transaction = self._conflicts.begin()
        try:
            closed = self._close(transaction, collection, held, wanted, now)
            transaction.commit()
        except BaseException:
            transaction.rollback()
            raise
        return closed
