"""The binlog as a source: row changes by transaction, in order, or a named stop. Nothing in it is skipped silently.

What bites, and who answers it (each has an integration test):

- events that nobody decodes, failed checksums, partial images, a silent or half-open connection: `binlog_wire`;
- positions that the log no longer holds or does not reach yet: `binlog_position`;
- rows of XA transactions, which stand in the log before anybody committed them: `xa`;
- tables that are altered while it is read: rows are decoded as the log describes their table at that place, and
  `structure` says what DDL comes to for a collection;
- here: positions move at the ends of transactions only; statements without rows stop; rows that were rolled back, to a
  savepoint or with the whole transaction, or cut off by a crash, do not count; a transaction larger than memory allows
  is delivered in parts.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence

from sync.errors import CheckpointWrittenByOther, MySQLAway, RowImageNotFull, UnknownEvent
from sync.model.change import Side, Transaction
from sync.model.mapping import SyncMapping
from sync.model.position import BinlogPosition, Known, Position
from sync.mysql.binlog_events import Committed, Event, FileBegun, Prepared, Said, Started, Tick, Xid
from sync.mysql.binlog_position import BinlogEnd, Way, binlog_files, check_known, find_way, log_end
from sync.mysql.binlog_wire import Wire
from sync.mysql.cascades import unlogged
from sync.mysql.gathering import Gathering
from sync.mysql.gtid import Gtids, MariaDBGtids, MySQLGtids
from sync.mysql.image_text import RawRow
from sync.mysql.rowdecoder import Rows
from sync.mysql.rows import CanonicalRows, canonical_rows
from sync.mysql.server import MySQLSettings, Session
from sync.mysql.statements import Statement, StatementKind
from sync.mysql.structure import Structure
from sync.mysql.xa import HeldRows, find_prepared, rolled_back_to_savepoint, without_rows

__all__ = ["BinlogEnd", "BinlogSource", "log_end"]

#: A transaction with more mapped rows, or more bytes of row events, is delivered in parts.
PART_ROWS, PART_BYTES = 10_000, 8 << 20
#: An echo larger than this part of such a part is decoded at once: all of it may have to be, in one piece.
_KEPT = 8

CHECKPOINT_TABLE = "sync_checkpoint"
CONFLICT_TABLE = "sync_conflict"
INTENDED_TABLE = "sync_intended"
_ENGINE_COLUMNS = {
    CHECKPOINT_TABLE: ("name", "seq", "lease", "seen"),
    CONFLICT_TABLE: ("look_id", "met", "open_key"),
    INTENDED_TABLE: ("told",),
}


class BinlogSource:
    """Implements `sync.ports.Source` for MySQL and MariaDB."""

    side = Side.MYSQL

    def __init__(
        self,
        settings: MySQLSettings,
        mapping: SyncMapping,
        *,
        other: str = "listener",
        part_rows: int = PART_ROWS,
        part_bytes: int = PART_BYTES,
    ) -> None:
        """`other` is the worker whose checkpoint stands in MySQL."""
        self._settings = settings
        self._mapping = mapping
        self._other = other
        self._part_rows, self._part_bytes = part_rows, part_bytes
        self._tables = canonical_rows(mapping)
        self._columns = {name: table.names for name, table in self._tables.items()} | _ENGINE_COLUMNS
        self._structure = Structure(mapping, settings.database, frozenset(_ENGINE_COLUMNS))
        self._wire: Wire | None = None
        self._closed = False

    def start(self, position: Position, rows_done: int, known: Known) -> None:
        """See the port."""
        assert isinstance(position, BinlogPosition)
        self.close()
        self._closed = False
        self._way = self._find_way(position, known)
        self._gtids: Gtids = MariaDBGtids(position.gtids) if self._way.mariadb else MySQLGtids(position.gtids)
        #: End of the last whole transaction.
        self._end = position
        self._known = known
        self._skip = rows_done
        self._ready: deque[Transaction] = deque()
        #: Rows of XA transactions that are prepared and neither committed nor rolled back.
        self._prepared: dict[Xid, HeldRows] = {}
        elsewhere = position.server != self._way.server
        self._wire = self._open(
            position._replace(file="", offset=0) if elsewhere else position, by_gtid=self._way.by_gtid
        )
        self._reset()

    def read(self, timeout: float) -> Transaction | None:
        """See the port."""
        deadline = time.monotonic() + timeout
        while not self._ready:
            self._take(self._log.next())
            if not self._ready and time.monotonic() >= deadline:
                return None
        return self._ready.popleft()

    @property
    def resolution(self) -> int:
        """See the port."""
        return 1_000_000 if self._way.mariadb else 1

    def close(self) -> None:
        """See the port."""
        self._closed = True
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()

    @property
    def _log(self) -> Wire:
        wire = self._wire
        if wire is None or self._closed:
            raise MySQLAway("the binlog connection is closed")
        return wire

    def _find_way(self, position: BinlogPosition, known: Known) -> Way:
        session = Session(self._settings, autocommit=True)
        try:
            way = find_way(session.get(), position)
            check_known(session.get(), self._other, known)
            self._cascades = unlogged(session.get(), self._mapping)
            return way
        finally:
            session.drop()

    def _see_cascades(self) -> None:
        """A table was altered, perhaps in its foreign keys."""
        session = Session(self._settings, autocommit=True)
        try:
            self._cascades = unlogged(session.get(), self._mapping)
        finally:
            session.drop()

    def _open(self, position: BinlogPosition, *, by_gtid: bool) -> Wire:
        return Wire(
            self._settings,
            position,
            self._columns,
            by_gtid=by_gtid,
            mariadb=self._way.mariadb,
            ignores_case=self._way.ignores_case,
        )

    # Events.

    def _take(self, event: Event) -> None:
        match event:
            case Rows():
                self._rows(event)
            case Started():
                self._start_transaction(event)
            case Said():
                self._said(event.statement, event.database)
            case Committed():
                self._commit()
            case Prepared():
                self._prepare(event)
            case FileBegun():
                self._abandon()
            case Tick():
                pass

    def _reset(self) -> None:
        """Between two transactions."""
        self._started: Started | None = None
        self._gathering: Gathering | None = None
        #: Rows until a commit event follow; else one statement is all.
        self._group = False
        self._xa: HeldRows | None = None
        #: Savepoint -> mapped rows that came before it.
        self._savepoints: dict[str, int] = {}
        self._elsewhere = self._log.elsewhere if self._wire else 0

    def _start_transaction(self, event: Started) -> None:
        self._abandon()
        self._started = event
        self._group = event.is_group
        self._xa = HeldRows() if event.is_xa else None
        self._gathering = self._gather(event.committed_at)

    def _gather(self, committed_at: int) -> Gathering:
        return Gathering(
            other=self._other, known=self._known, committed_at=committed_at, cascades=self._cascades, skip=self._skip
        )

    @property
    def _open_transaction(self) -> Gathering:
        if self._gathering is None:
            raise UnknownEvent("rows outside of a transaction in the binlog")
        return self._gathering

    def _rows(self, event: Rows) -> None:
        gathering = self._open_transaction
        if self._xa is not None:
            self._xa.add(event)
            return
        if event.table != CHECKPOINT_TABLE:
            gathering.other_rows()
        table = self._tables.get(event.table)
        if table is not None and gathering.keep(table, event, self._part_bytes // _KEPT):
            return
        if event.missing:
            for before, after in event:
                self._unread(gathering, event.table, before, after, event.missing)
            return
        size = event.size
        for before, after in event:
            if table is None:
                self._engine_row(gathering, event.table, before, after)
            else:
                self._row(gathering, table, before, after, size)
            size = 0

    def _unread(
        self, gathering: Gathering, name: str, before: RawRow | None, after: RawRow | None, missing: Sequence[str]
    ) -> None:
        """A row without all wanted columns."""
        table = self._tables.get(name)
        if table is None:
            raise RowImageNotFull(f"{name}: column {missing[0]} does not stand in the binlog")
        gathering.unread(table, before, after, missing)

    def _engine_row(self, gathering: Gathering, name: str, before: RawRow | None, after: RawRow | None) -> None:
        if name == CHECKPOINT_TABLE:
            first = gathering.rows == 0 and gathering.tag == self._known and self._log.elsewhere == self._elsewhere
            gathering.checkpoint(_named(name, before), _named(name, after), first=first)
        elif name == CONFLICT_TABLE:
            gathering.conflict(_named(name, before), _named(name, after))
        elif after is not None:  # else what was intended is deleted in the same transaction
            gathering.told(after[0], self._tables)

    def _row(
        self, gathering: Gathering, table: CanonicalRows, before: RawRow | None, after: RawRow | None, size: int
    ) -> None:
        if self._is_large(gathering, 1) and (
            gathering.document(table, before, after) != gathering.last or self._is_large(gathering, 2)
        ):
            self._ready.append(gathering.part(end=self._position(), resume=self._end))
        gathering.size += size
        gathering.row(table, before, after)

    def _is_large(self, gathering: Gathering, times: int) -> bool:
        """Whether a part is due."""
        return gathering.pending >= times * self._part_rows or gathering.size >= times * self._part_bytes

    def _said(self, statement: Statement, database: str) -> None:
        match statement.kind:
            case StatementKind.BEGIN:
                self._group = True
            case StatementKind.COMMIT:
                self._commit()
            case StatementKind.ROLLBACK:
                self._roll_back()
            case StatementKind.SAVEPOINT | StatementKind.ROLLBACK_TO if self._xa is not None:
                self._xa.said(statement)
                if self._xa.stop:
                    raise self._xa.stop
            case StatementKind.SAVEPOINT:
                self._savepoints[statement.savepoint] = self._gathering.met if self._gathering else 0
            case StatementKind.ROLLBACK_TO:
                self._roll_back_to(statement.savepoint)
            case StatementKind.XA_START:
                self._group, self._xa = True, HeldRows()
            case StatementKind.XA_COMMIT | StatementKind.XA_ROLLBACK:
                self._end_prepared(statement)
            case StatementKind.DDL:
                self._ddl(statement, database)
            case StatementKind.OTHER:
                raise without_rows(statement)

    def _ddl(self, statement: Statement, database: str) -> None:
        self._open_transaction.structure += self._structure.judged(statement, database)
        if self._structure.names(statement, database):
            self._see_cascades()
        if not self._group:  # else CREATE TABLE ... SELECT, and its rows follow
            self._commit()

    # Ends of transactions.

    def _position(self) -> BinlogPosition:
        """The end of the last event. A place to resume only at a transaction's end."""
        return BinlogPosition(
            server=self._way.server, file=self._log.file, offset=self._log.offset, gtids=str(self._gtids)
        )

    def _commit(self) -> None:
        gathering = self._open_transaction
        if self._xa is not None and self._xa.rows:
            raise UnknownEvent("an XA transaction in the binlog was committed without XA PREPARE")
        if self._log.elsewhere != self._elsewhere:
            gathering.other_rows()
        self._finish(gathering)

    def _finish(self, gathering: Gathering) -> None:
        if self._started is not None and self._started.source:
            self._gtids.add(self._started.source, self._started.number)
        self._end = self._position()
        self._known = gathering.tag
        self._skip = 0
        self._ready.append(gathering.whole(self._end))
        self._reset()

    def _abandon(self) -> None:
        """What is open now never commits: the server crashed while it was written."""
        if self._gathering is not None and self._gathering.delivered > self._skip:
            raise UnknownEvent("a transaction in the binlog has no end, and a part of it was delivered")
        if self._gathering is not None or self._group or self._xa is not None:
            self._reset()

    def _roll_back(self) -> None:
        """A whole transaction in the log that does not count (tables without transactions took part in it)."""
        committed_at = self._open_transaction.committed_at
        if self._open_transaction.delivered > self._skip:
            raise UnknownEvent("a transaction in the binlog was rolled back, and a part of it was delivered")
        self._finish(self._gather(committed_at))

    def _roll_back_to(self, savepoint: str) -> None:
        """Rows since the savepoint stand in the log only where tables without transactions took part in it."""
        if self._gathering and self._gathering.met > self._savepoints.get(savepoint, 0):
            raise rolled_back_to_savepoint()

    def _prepare(self, event: Prepared) -> None:
        gathering, held = self._open_transaction, self._xa
        if held is None:
            raise UnknownEvent("XA PREPARE outside of an XA transaction in the binlog")
        if event.one_phase:
            self._replay(gathering, held)
        else:
            self._prepared[event.xid] = held
            self._finish(self._gather(gathering.committed_at))

    def _end_prepared(self, statement: Statement) -> None:
        gathering = self._open_transaction
        if statement.xid is None:
            raise UnknownEvent(f"{statement.words} without a readable id in the binlog")
        held = self._prepared.pop(statement.xid, None)
        if statement.kind is StatementKind.XA_ROLLBACK:
            self._finish(gathering)
            return
        self._replay(gathering, held or self._look_back(statement.xid))

    def _replay(self, gathering: Gathering, held: HeldRows) -> None:
        for name, before, after, size, missing in held.rows:
            if name == CHECKPOINT_TABLE:
                raise CheckpointWrittenByOther("sync_checkpoint was written in an XA transaction")
            table = self._tables.get(name)
            if missing:
                self._unread(gathering, name, before, after, missing)
            elif table is None:
                self._engine_row(gathering, name, before, after)
            else:
                self._row(gathering, table, before, after, size)
        self._finish(gathering)

    def _look_back(self, xid: Xid) -> HeldRows:
        session = Session(self._settings, autocommit=True)
        try:
            files = list(binlog_files(session.get()))
        finally:
            session.drop()
        return find_prepared(xid, files, (self._log.file, self._log.offset), self._open_file)

    def _open_file(self, file: str) -> Wire:
        return self._open(BinlogPosition(server=self._way.server, file=file, offset=4), by_gtid=False)


def _named(table: str, row: RawRow | None) -> dict[str, object] | None:
    """A row of one of the engine's tables by the names of its columns."""
    return None if row is None else dict(zip(_ENGINE_COLUMNS[table], row, strict=True))
