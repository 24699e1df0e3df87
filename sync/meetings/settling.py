"""The listener's half of a look: what is done in the transaction that passes one of its marks in the change stream."""

from __future__ import annotations

from sync.conflict_ports import WrittenConflict
from sync.model.change import DocumentId, Hold
from sync.model.lens import empty_rows
from sync.model.mapping import SyncMapping
from sync.model.meeting import Answer, on_written
from sync.model.position import Mark
from sync.ports import Current, DocumentWrite, TargetTransaction


class Settling:
    """Everything before the mark has been applied; what follows is newer than the look."""

    def __init__(self, mapping: SyncMapping) -> None:
        self._mapping = mapping

    def __call__(self, transaction: TargetTransaction, mark: Mark, *, alone: bool) -> int:
        """Meet the mark; returns how many documents were written. With `alone`, one that MySQL refuses waits, and the rest is
        done; else `Refused` is raised, and the transaction must be rolled back."""
        looks = transaction.conflicts.looks
        if not mark.written:
            looks.met(mark.look)
            return 0
        found = looks.written(mark.look, mark.written)
        now = self._read(transaction, [one.document for one in found if one.look == mark.look])
        answers = {one.conflict: _answer(one, mark.look, now.get(one.document)) for one in found}
        agreed = [one for one in found if answers[one.conflict] is Answer.WRITE]
        looks.keep_losers([one.conflict for one in found if answers[one.conflict] is not Answer.WRITE], mark.look)
        writes = {one.conflict: self._write(one) for one in agreed if one.looked_at != one.outcome}
        refused: dict[int, Hold] = {}
        if alone:
            refused = _written_apart(transaction, writes)
            looks.keep_losers(refused.keys(), mark.look)  # MongoDB has the outcome
            for conflict, hold in refused.items():
                looks.wait(conflict, hold.reason, hold)
        else:
            transaction.write(list(writes.values()))
        done = [one for one in agreed if one.conflict not in refused]
        looks.settled([one.conflict for one in done if not one.asks])
        looks.ask([one for one in done if one.asks])
        return len(writes) - len(refused)

    def _write(self, one: WrittenConflict) -> DocumentWrite:
        before = (
            empty_rows(self._mapping.collections[one.document.collection]) if one.looked_at is None else one.looked_at
        )
        return DocumentWrite(document=one.document, before=before, after=one.outcome)

    def _read(self, transaction: TargetTransaction, documents: list[DocumentId]) -> dict[DocumentId, Current]:
        tables = {
            name: frozenset(table.name for table in one.tables) for name, one in self._mapping.collections.items()
        }
        return dict(transaction.read({document: tables[document.collection] for document in documents}))


def _answer(one: WrittenConflict, written: int, now: Current | None) -> Answer:
    if now is None:
        return Answer.KEEP
    return on_written(one.look, written, one.looked_at, None if now.problem else now.rows)


def _written_apart(transaction: TargetTransaction, writes: dict[int, DocumentWrite]) -> dict[int, Hold]:
    """Those that can be written; returns what MySQL refuses."""
    holds = transaction.write_apart(list(writes.values())).holds
    return {conflict: holds[write.document] for conflict, write in writes.items() if write.document in holds}
