"""XA transactions: their rows stand in the log at XA PREPARE, and count only at XA COMMIT, which may be much later.

Positions move on meanwhile. A worker that starts between the two finds the rows again by reading the log backwards,
file by file, so nothing of a prepared transaction has to be kept outside the log.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sync.errors import PositionPurged, RowImageNotFull, StatementInBinlog, StopError, UnknownEvent
from sync.mysql.binlog_events import FileBegun, Prepared, Said, Started, Xid
from sync.mysql.binlog_wire import Wire
from sync.mysql.image_text import RawRow
from sync.mysql.rowdecoder import Rows
from sync.mysql.statements import Statement, StatementKind


@dataclass(slots=True)
class HeldRows:
    """Rows of an XA transaction, as they stood in the log."""

    #: Table, before, after, bytes, and `RowDecoder.missing`.
    rows: list[tuple[str, RawRow | None, RawRow | None, int, tuple[str, ...]]] = field(default_factory=list)
    #: Savepoint -> rows that came before it.
    savepoints: dict[str, int] = field(default_factory=dict)
    #: Why its rows cannot be told, if so.
    stop: StopError | None = None

    def add(self, rows: Rows) -> None:
        for before, after in rows:
            self.rows.append((rows.table, before, after, rows.size, rows.missing))

    def said(self, statement: Statement) -> None:
        """A statement among the rows."""
        if statement.kind is StatementKind.SAVEPOINT:
            self.savepoints[statement.savepoint] = len(self.rows)
        elif statement.kind is StatementKind.OTHER:
            self.stop = without_rows(statement)
        kept = self.savepoints.get(statement.savepoint, 0)
        if statement.kind is StatementKind.ROLLBACK_TO and len(self.rows) > kept:
            self.stop = rolled_back_to_savepoint()


def without_rows(statement: Statement) -> StatementInBinlog:
    """Whatever it changed cannot be told."""
    return StatementInBinlog(f"{statement.words or 'a statement'} stands in the binlog without its rows")


def rolled_back_to_savepoint() -> UnknownEvent:
    """Rows since a savepoint stand in the log only where tables without transactions took part."""
    return UnknownEvent("rows in the binlog were rolled back to a savepoint (a table without transactions)")


def find_prepared(xid: Xid, files: list[str], end: tuple[str, int], open_at: Callable[[str], Wire]) -> HeldRows:
    """The rows of the newest XA PREPARE of this id before `end` (file, offset). `files` are the log's, oldest first;
    `open_at` opens one at its start. Raises `PositionPurged` if the log no longer holds it. What other transactions did
    without rows or whole images has been passed, or stood before the first copy."""
    until = files.index(end[0]) + 1 if end[0] in files else len(files)
    for file in reversed(files[:until]):
        wire = open_at(file)
        try:
            found = _in_file(wire, xid, file, end)
        finally:
            wire.close()
        if found is not None:
            if found.stop:
                raise found.stop
            return found
    raise PositionPurged("an XA transaction was committed whose rows the binlog no longer holds")


def _in_file(wire: Wire, xid: Xid, file: str, end: tuple[str, int]) -> HeldRows | None:
    found: HeldRows | None = None
    held: HeldRows | None = None
    begun = False
    while True:
        try:
            event = wire.next()
        except (StatementInBinlog, RowImageNotFull) as stop:
            if held is not None:
                held.stop = stop
            continue
        begun = begun or isinstance(event, FileBegun)
        if begun and (wire.file != file or (file == end[0] and wire.offset >= end[1])):
            return found
        if isinstance(event, Started):
            held = HeldRows() if event.is_xa else None
        elif isinstance(event, Said) and event.statement.kind is StatementKind.XA_START:
            held = HeldRows()
        elif isinstance(event, Said) and held is not None:
            held.said(event.statement)
        elif isinstance(event, Rows) and held is not None:
            held.add(event)
        elif isinstance(event, Prepared) and event.xid == xid:
            found = held
