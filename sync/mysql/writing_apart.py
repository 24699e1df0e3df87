"""Documents of one transaction, of which MySQL refuses some: those are found, and undone alone.

What another row is in the way of is told before it is tried, so that each such row can be named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from sync.errors import Refused
from sync.model.change import Blocker, ConflictKind, DocumentId, Hold, RowChange
from sync.model.lens import difference
from sync.model.mapping import SyncMapping
from sync.model.unique import Move, blocked, groups
from sync.mysql.rows import CanonicalRows
from sync.mysql.server import Connection, translated
from sync.mysql.unique import Uniques
from sync.ports import Apart, DocumentWrite

_Group = list[DocumentWrite]


class WritingApart:
    """See `sync.ports.TargetTransaction.write_apart`."""

    def __init__(
        self,
        connection: Connection,
        mapping: SyncMapping,
        tables: Mapping[str, CanonicalRows],
        uniques: Uniques,
        write: Callable[[Iterable[DocumentWrite]], None],
    ) -> None:
        """`write` writes documents together, and raises `Refused`."""
        self._connection = connection
        self._mapping = mapping
        self._tables = tables
        self._uniques = uniques
        self._write = write

    def run(self, writes: Sequence[DocumentWrite]) -> Apart:
        """Write them."""
        changes = {write.document: self._moving(write) for write in writes}
        moves = {document: self._move(of) for document, of in changes.items()}
        every = [change for of in changes.values() for change in of]
        outside = self._uniques.in_the_way(self._connection, self._tables, every) if every else {}
        holds = {one: _in_the_way(rows) for one, rows in blocked(moves, outside).items()}
        by_document = {write.document: write for write in writes if write.document not in holds}
        together = groups({document: moves[document] for document in by_document})
        holds |= self._try([[by_document[one] for one in group] for group in together])
        return Apart(holds=holds)

    def _moving(self, write: DocumentWrite) -> list[RowChange]:
        """Its changes that touch unique keys."""
        collection = self._mapping.collections[write.document.collection]
        return [
            change
            for change in difference(collection, write.before, write.after)
            if self._uniques.touches(self._mapping.tables[change.table], change)
        ]

    def _move(self, changes: Iterable[RowChange]) -> Move:
        whole = Move(holds={}, takes={})
        for change in changes:
            one = self._uniques.move(self._mapping.tables[change.table], change)
            whole = Move(holds={**whole.holds, **one.holds}, takes={**whole.takes, **one.takes})
        return whole

    def _try(self, todo: list[_Group]) -> dict[DocumentId, Hold]:
        """Each group by itself; of one that is refused its documents. A reference to what is written after it is tried again."""
        holds: dict[DocumentId, Hold] = {}
        while todo:
            refused = [(group, hold) for group in todo if (hold := self._refusal(group))]
            parts = [[write] for group, _ in refused if len(group) > 1 for write in group]
            alone = [(group, hold) for group, hold in refused if len(group) == 1]
            progress = bool(parts) or len(refused) < len(todo)
            todo = parts
            for group, hold in alone:
                if progress and hold.kind is ConflictKind.FOREIGN_KEY_VIOLATION:
                    todo.append(group)
                else:
                    holds[group[0].document] = hold
        return holds

    def _refusal(self, group: _Group) -> Hold | None:
        """Why these cannot be written; None: they are."""
        with translated(), self._connection.cursor() as cursor:
            cursor.execute("SAVEPOINT document")
        try:
            self._write(group)
        except Refused as error:
            with translated(), self._connection.cursor() as cursor:
                cursor.execute("ROLLBACK TO SAVEPOINT document")
            hold = Hold(kind=ConflictKind(error.kind), reason=error.message)
            if len(group) == 1 and hold.kind is ConflictKind.UNIQUE_VIOLATION:
                rows = self._uniques.in_the_way(self._connection, self._tables, self._moving(group[0]))
                hold = replace(hold, blockers=tuple(rows.get(group[0].document, ())))
            return hold
        return None


def _in_the_way(rows: Sequence[Blocker]) -> Hold:
    names = ", ".join(sorted({row.under for row in rows}))
    return Hold(
        kind=ConflictKind.UNIQUE_VIOLATION,
        reason=f"MySQL: other rows have what the unique key {names} allows once",
        blockers=tuple(rows),
    )
