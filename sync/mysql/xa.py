"""XA transactions: their rows stand in the log at XA PREPARE, and count only at XA COMMIT, which may be much later.

Positions move on meanwhile. A worker that starts between the two finds the rows again by reading the log backwards,
file by file, so nothing of a prepared transaction has to be kept outside the log.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sync.errors import PositionPurged
from sync.mysql.binlog_wire import FileBegun, Prepared, RawRow, Rows, Said, Started, Wire, Xid
from sync.mysql.statements import StatementKind


@dataclass(slots=True)
class HeldRows:
    """Rows of an XA transaction, as they stood in the log."""

    #: Table, before, after, bytes.
    rows: list[tuple[str, RawRow | None, RawRow | None, int]] = field(default_factory=list)

    def add(self, rows: Rows) -> None:
        for before, after in rows:
            self.rows.append((rows.table, before, after, rows.size))


def find_prepared(xid: Xid, files: list[str], end: tuple[str, int], open_at: Callable[[str], Wire]) -> HeldRows:
    """The rows of the newest XA PREPARE of this id before `end` (file, offset). `files` are the log's, oldest first;
    `open_at` opens one at its start. Raises `PositionPurged` if the log no longer holds it."""
    until = files.index(end[0]) + 1 if end[0] in files else len(files)
    for file in reversed(files[:until]):
        wire = open_at(file)
        try:
            found = _in_file(wire, xid, file, end)
        finally:
            wire.close()
        if found is not None:
            return found
    raise PositionPurged("an XA transaction was committed whose rows the binlog no longer holds")


def _in_file(wire: Wire, xid: Xid, file: str, end: tuple[str, int]) -> HeldRows | None:
    found: HeldRows | None = None
    held: HeldRows | None = None
    begun = False
    while True:
        event = wire.next()
        begun = begun or isinstance(event, FileBegun)
        if begun and (wire.file != file or (file == end[0] and wire.offset >= end[1])):
            return found
        if isinstance(event, Started):
            held = HeldRows() if event.is_xa else None
        elif isinstance(event, Said) and event.statement.kind is StatementKind.XA_START:
            held = HeldRows()
        elif isinstance(event, Rows) and held is not None:
            held.add(event)
        elif isinstance(event, Prepared) and event.xid == xid:
            found = held
