"""The binlog as a source: row changes by transaction, in order, or a named stop. Nothing in it is skipped silently.

What bites, and how it is answered (each has an integration test):

- the library drops events that it does not know, and with them rows (compressed transactions and rows, partial JSON):
  everything is asked for, and what is not on the list below raises `UnknownEvent`;
- it reconnects by itself, and rows repeat: it may connect once, and is then refused;
- it only logs a checksum that fails: the flag is looked at here;
- `log_pos` moves on every event: positions are made at the ends of transactions only;
- rows of XA transactions stand in the log at XA PREPARE: they wait here for XA COMMIT;
- a session may write partial rows or statements at any time: `RowImageNotFull`, `StatementInBinlog`;
- a half-open connection is silent: heartbeats are asked for, and a read times out.
"""

from __future__ import annotations

import secrets
import time
from collections import deque
from typing import Any

import pymysql
from pymysqlreplication import BinLogStreamReader

from sync.errors import (
    ConfigError,
    MySQLAway,
    PositionPurged,
    RowImageNotFull,
    SchemaChanged,
    SourceBehind,
    StatementInBinlog,
    UnknownEvent,
)
from sync.model.change import Side, Transaction
from sync.model.mapping import SyncMapping
from sync.model.position import BinlogPosition, Known, Position
from sync.mysql.binlog_events import (
    HARMLESS,
    HEARTBEAT_V2,
    ROW_EVENTS,
    WANTED,
    BinLogEvent,
    DeleteRowsEvent,
    HeartbeatLogEvent,
    MariadbGtidEvent,
    NotImplementedEvent,
    PartialUpdateRowsEvent,
    StatementEvent,
    TransactionStart,
    WriteRowsEvent,
    XAPrepareEvent,
    XidEvent,
)
from sync.mysql.gathering import Gathering, RawRow
from sync.mysql.gtid import MariaDBGtids, MySQLGtids
from sync.mysql.server import Connection, Flavour, MySQLSettings, Session, flavour, server_name, translated
from sync.mysql.statements import Statement, StatementKind, Table, classify

#: Seconds between heartbeats of a log in which nothing happens, and without any event before the connection counts as dead.
HEARTBEAT, SILENCE = 0.25, 15
#: A transaction with more mapped rows, or more bytes of events, is delivered in parts.
PART_ROWS, PART_BYTES = 10_000, 32 << 20

CHECKPOINT_TABLE = "sync_checkpoint"
_Xid = tuple[bytes, bytes, int]


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
        self._stream: Any = None
        self._gathering: Gathering | None = None
        self._ready: deque[Transaction] = deque()
        #: Rows of XA transactions that are prepared and neither committed nor rolled back.
        self._prepared: dict[_Xid, Gathering] = {}
        #: Inside BEGIN, or inside XA START.
        self._in_transaction = self._xa = False
        #: Rows of the present transaction that parts have delivered.
        self._cut_at = 0

    def start(self, position: Position, rows_done: int, known: Known) -> None:
        """See the port."""
        assert isinstance(position, BinlogPosition)
        self.close()
        session = Session(self._settings, autocommit=True)
        try:
            connection = session.get()
            self._maria = flavour(connection) is Flavour.MARIADB
            self._server = server_name(connection)
            self._check_settings(connection)
            by_gtid = position.server != self._server
            if by_gtid:
                self._validate_gtids(connection, position)
            else:
                self._validate_file(connection, position)
        finally:
            session.drop()
        self._gtids = MariaDBGtids(position.gtids) if self._maria else MySQLGtids(position.gtids)
        self._end = position
        self._known = known
        self._skip = rows_done
        self._gathering = None
        self._prepared.clear()
        self._ready.clear()
        self._in_transaction = self._xa = False
        self._cut_at = 0
        self._open(position, by_gtid=by_gtid)

    def read(self, timeout: float) -> Transaction | None:
        """See the port."""
        deadline = time.monotonic() + timeout
        while not self._ready:
            event = self._next()
            if isinstance(event, HeartbeatLogEvent) or _is_heartbeat(event):
                return None
            self._take(event)
            if not self._ready and time.monotonic() >= deadline:
                return None
        return self._ready.popleft()

    def close(self) -> None:
        """See the port."""
        stream, self._stream = self._stream, None
        if stream is not None:
            try:
                stream.close()
            except (pymysql.MySQLError, OSError):
                return

    # The connection.

    def _open(self, position: BinlogPosition, *, by_gtid: bool) -> None:
        connections = iter(range(2))  # the stream's and the control connection; no more: reconnecting is ours

        def connect_once(**arguments: Any) -> Connection:
            if next(connections, None) is None:
                raise MySQLAway("the binlog connection broke")
            with translated():
                return pymysql.connect(**arguments)

        where: dict[str, Any] = {"log_file": position.file, "log_pos": position.offset, "resume_stream": True}
        if by_gtid:
            where = {"auto_position": position.gtids, "is_mariadb": self._maria}
        self._stream = BinLogStreamReader(
            connection_settings={**self._settings.arguments(), "read_timeout": SILENCE},
            server_id=secrets.randbelow(2**31) + 2**30,  # a reused id stalls while an old reader drains
            blocking=True,
            only_events=WANTED,
            only_schemas=[self._settings.database],
            only_tables=[*self._mapping.tables, CHECKPOINT_TABLE],
            filter_non_implemented_events=False,
            verify_checksum=True,
            slave_heartbeat=HEARTBEAT,
            enable_logging=False,
            pymysql_wrapper=connect_once,
            **where,
        )

    def _next(self) -> BinLogEvent:
        stream = self._stream
        if stream is None:
            raise MySQLAway("the binlog connection is closed")
        try:
            with translated():
                event = stream.fetchone()
        except pymysql.err.Error as error:  # not reached by `translated`: the library's own subclasses
            raise MySQLAway("the binlog connection broke") from error
        except (ValueError, AssertionError, KeyError, IndexError, TypeError, NotImplementedError) as error:
            # struct.error is a ValueError's sibling by behaviour only; the library raises what its decoding meets.
            raise UnknownEvent(f"an event of the binlog cannot be decoded ({type(error).__name__})") from None
        if event is None:
            raise MySQLAway("MySQL ended the binlog connection")
        if event._is_event_valid is False:
            raise UnknownEvent("an event of the binlog fails its checksum")
        return event

    # Events.

    def _take(self, event: BinLogEvent) -> None:
        if isinstance(event, ROW_EVENTS):
            self._rows(event)
        elif isinstance(event, TransactionStart):
            if event.has_gtid and isinstance(self._gtids, MySQLGtids):
                self._gtids.add(event.source, event.number)
            self._begin(event.committed_at)
        elif isinstance(event, MariadbGtidEvent):
            if isinstance(self._gtids, MariaDBGtids):
                self._gtids.add(event.gtid)
            self._begin(event.timestamp * 1_000_000)
        elif isinstance(event, StatementEvent):
            self._statement(classify(event.text), event.database)
        elif isinstance(event, XidEvent):
            self._commit()
        elif isinstance(event, XAPrepareEvent):
            self._xa_prepare(event)
        elif isinstance(event, PartialUpdateRowsEvent):
            raise UnknownEvent("partial JSON updates in the binlog: unset binlog_row_value_options")
        elif isinstance(event, NotImplementedEvent):
            raise UnknownEvent(f"event type {event.event_type} in the binlog{_HINTS.get(event.event_type, '')}")
        elif not isinstance(event, HARMLESS):
            raise UnknownEvent(f"event {type(event).__name__} in the binlog")

    def _begin(self, committed_at: int) -> None:
        """A GTID event (MySQL without GTIDs: its anonymous form) opens every transaction, DDL included."""
        self._gathering = Gathering(self._mapping, self._other, self._known, committed_at, skip=self._skip)
        self._in_transaction = False

    def _rows(self, event: Any) -> None:
        gathering = self._gathering
        if gathering is None:
            raise UnknownEvent("rows outside a transaction in the binlog")
        _check_image(event)
        gathering.size += event.event_size
        checkpoint = event.table == CHECKPOINT_TABLE
        table = None if checkpoint else self._mapping.tables[event.table]
        for row in event.rows:
            before, after = _images(event, row)
            if table is None:
                gathering.checkpoint(before, after)
                continue
            previous = gathering.last
            gathering.row(table, before, after)
            self._cut(gathering, moved_on=gathering.last != previous)

    def _cut(self, gathering: Gathering, *, moved_on: bool) -> None:
        """Deliver a part of an oversize transaction, where the next row belongs to another document if that comes soon."""
        pending = gathering.rows - max(gathering.skip, self._cut_at)
        large = pending >= self._part_rows or gathering.size >= self._part_bytes
        huge = pending >= 2 * self._part_rows or gathering.size >= 2 * self._part_bytes
        if self._xa or not large or not (moved_on or huge) or gathering.empty:
            return
        self._cut_at = gathering.rows
        self._ready.append(gathering.take(end=self._position(), resume=self._end, last=False))

    def _statement(self, statement: Statement, database: str) -> None:
        kind = statement.kind
        if kind in (StatementKind.BEGIN, StatementKind.XA_START_OR_END):
            self._in_transaction = True
            self._xa = self._xa or kind is StatementKind.XA_START_OR_END
        elif kind is StatementKind.COMMIT:
            self._commit()
        elif kind is StatementKind.ROLLBACK:
            if self._gathering and not self._gathering.empty:
                raise UnknownEvent("a rolled back transaction in the binlog holds rows (a table without transactions)")
            self._commit()
        elif kind in (StatementKind.XA_COMMIT, StatementKind.XA_ROLLBACK):
            self._xa_end(statement)
        elif kind is StatementKind.DDL:
            self._ddl(statement, database)
        elif kind is StatementKind.OTHER:
            raise StatementInBinlog(
                f"a {statement.words or 'statement'} stands in the binlog as a statement, without its rows"
            )

    def _ddl(self, statement: Statement, database: str) -> None:
        ours = self._settings.database
        if statement.dropped_database == ours:
            raise SchemaChanged(f"{statement.words}: the database was dropped")
        if statement.unclear and database == ours:
            raise SchemaChanged(f"{statement.words}: the table cannot be told")
        mapped = {name.lower() for name in self._mapping.tables} | {CHECKPOINT_TABLE}
        for table in statement.tables:
            if self._names(table, database) and table.name.lower() in mapped:
                raise SchemaChanged(f"{statement.words} on {table.name}")
        if not self._in_transaction:  # else CREATE TABLE … SELECT: its rows follow
            self._commit()

    def _names(self, table: Table, database: str) -> bool:
        return (table.database or database) == self._settings.database

    # Ends of transactions.

    def _position(self) -> BinlogPosition:
        return BinlogPosition(
            server=self._server, file=self._stream.log_file, offset=self._stream.log_pos, gtids=str(self._gtids)
        )

    def _commit(self) -> None:
        gathering = self._gathering
        if gathering is not None:
            self._deliver(gathering)

    def _deliver(self, gathering: Gathering) -> None:
        end = self._position()
        self._known = gathering.tag
        self._ready.append(gathering.take(end=end, resume=self._end, last=True))
        self._ended(end)

    def _ended(self, end: BinlogPosition) -> None:
        self._end = end
        self._gathering = None
        self._skip = self._cut_at = 0
        self._xa = self._in_transaction = False

    def _xa_prepare(self, event: Any) -> None:
        if event.one_phase:
            self._commit()
            return
        gathering = self._gathering
        if gathering is not None:
            self._prepared[(event.xid_gtrid, event.xid_bqual, event.xid_format_id)] = gathering
        self._nothing()

    def _xa_end(self, statement: Statement) -> None:
        if statement.xid is None:
            raise UnknownEvent(f"{statement.words} without a readable id in the binlog")
        prepared = self._prepared.pop(statement.xid, None)
        if statement.kind is StatementKind.XA_ROLLBACK:
            self._nothing()
            return
        if prepared is None:
            raise UnknownEvent("XA COMMIT of a transaction that was prepared before this worker started reading")
        prepared.known = self._known
        if self._gathering is not None:
            prepared.committed_at = self._gathering.committed_at
        self._deliver(prepared)

    def _nothing(self) -> None:
        """A transaction's end that moves only the position."""
        empty = Gathering(self._mapping, self._other, self._known)
        self._deliver(empty)

    # Validation, before anything is read.

    def _check_settings(self, connection: Connection) -> None:
        with translated(), connection.cursor() as cursor:
            cursor.execute("SELECT @@log_bin, @@global.binlog_row_metadata")
            row = cursor.fetchone()
        assert row is not None
        if not row[0]:
            raise ConfigError("MySQL keeps no binlog", hint="start it with --log-bin, then: lockstep doctor")
        if str(row[1]).upper() != "FULL":
            hint = "SET PERSIST binlog_row_metadata = 'FULL' (MariaDB: SET GLOBAL), then: lockstep doctor"
            raise ConfigError("binlog_row_metadata is not FULL: column names are missing from the binlog", hint=hint)

    def _validate_file(self, connection: Connection, position: BinlogPosition) -> None:
        with translated(), connection.cursor() as cursor:
            cursor.execute("SHOW BINARY LOGS")
            sizes = {str(row[0]): int(row[1]) for row in cursor.fetchall()}
        if position.file not in sizes:
            oldest = min(sizes, default="")
            if oldest and position.file < oldest:
                raise PositionPurged(f"binlog {position.file} has been purged; the oldest is {oldest}")
            raise SourceBehind(f"binlog {position.file} does not exist on this server")
        if position.offset > sizes[position.file]:
            raise SourceBehind(f"binlog {position.file} is shorter than the applied position")
        if position.gtids and not self._maria:
            self._validate_gtids(connection, position)

    def _validate_gtids(self, connection: Connection, position: BinlogPosition) -> None:
        if not position.gtids:
            raise SourceBehind("this is another server, and the position has no GTIDs to find its place there")
        if self._maria:
            return  # the server itself refuses a GTID that it does not have (error 1236)
        with translated(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT GTID_SUBSET(%s, @@global.gtid_executed), GTID_SUBSET(@@global.gtid_purged, %s)",
                (position.gtids, position.gtids),
            )
            row = cursor.fetchone()
        assert row is not None
        if not row[0]:
            raise SourceBehind("the server has not executed all transactions that were applied")
        if not row[1]:
            raise PositionPurged("the server has purged transactions that were not applied")


class BinlogEnd:
    """Implements `sync.ports.LogEnd`."""

    def __init__(self, settings: MySQLSettings) -> None:
        self._session = Session(settings, autocommit=True)

    def end(self) -> BinlogPosition:
        """See the port. Raises `ConfigError` where no binlog is kept."""
        connection = self._session.get()
        try:
            return log_end(connection)
        except MySQLAway:
            self._session.drop()
            raise

    def close(self) -> None:
        self._session.drop()


def log_end(connection: Connection) -> BinlogPosition:
    """The end of the binlog as the server tells it now."""
    with translated(), connection.cursor() as cursor:
        if flavour(connection) is Flavour.MARIADB:
            cursor.execute("SHOW MASTER STATUS")
            row = cursor.fetchone()
            cursor.execute("SELECT @@global.gtid_binlog_pos")
            found = cursor.fetchone()
            gtids = str(found[0]) if found else ""
        else:
            cursor.execute("SHOW BINARY LOG STATUS")
            row = cursor.fetchone()
            gtids = str(row[4]).replace("\n", "") if row else ""
    if row is None:
        raise ConfigError("MySQL keeps no binlog", hint="start it with --log-bin, then: lockstep doctor")
    return BinlogPosition(server=server_name(connection), file=str(row[0]), offset=int(row[1]), gtids=gtids)


_HINTS = {
    40: ": a compressed transaction; switch binlog_transaction_compression off for every session",
    42: ": a tagged GTID, which this version cannot read",
    **dict.fromkeys(range(165, 172), ": compressed rows; switch log_bin_compress off"),
}


def _is_heartbeat(event: BinLogEvent) -> bool:
    return isinstance(event, NotImplementedEvent) and event.event_type == HEARTBEAT_V2


def _check_image(event: Any) -> None:
    """Every column must be there: a session may ask for less at any time."""
    bitmaps = [event.columns_present_bitmap]
    if hasattr(event, "columns_present_bitmap2"):
        bitmaps.append(event.columns_present_bitmap2)
    for bitmap in bitmaps:
        if sum(byte.bit_count() for byte in bitmap) < event.number_of_columns:
            raise RowImageNotFull(f"a session wrote {event.table} with binlog_row_image other than FULL")


def _images(event: Any, row: Any) -> tuple[RawRow | None, RawRow | None]:
    if isinstance(event, WriteRowsEvent):
        return None, row["values"]
    if isinstance(event, DeleteRowsEvent):
        return row["values"], None
    return row["before_values"], row["after_values"]
