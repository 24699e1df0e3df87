"""The connection to the binlog, over mysql-replication, with that library's dangerous silences closed.

Every packet passes a gate before the library sees it: checksums are verified, event types are on a list or raise
`UnknownEvent`, rows whose table is not known raise. The library connects, asks for the log and decodes rows of our
tables; all else is decoded here, in the few fields that are needed. Its types and query text do not leave this module.
Where no source is named, layouts are those of mysql-server, libs/mysql/binlog/event, and MariaDB, sql/log_event.h.
"""

from __future__ import annotations

import contextlib
import secrets
import socket
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias

import pymysql
from pymysql.charset import charset_by_id
from pymysql.connections import Connection
from pymysql.protocol import MysqlPacket
from pymysqlreplication import BinLogStreamReader
from pymysqlreplication.row_event import DeleteRowsEvent, UpdateRowsEvent, WriteRowsEvent

from sync.errors import (
    ConfigError,
    LockstepError,
    MySQLAway,
    PositionPurged,
    RowImageNotFull,
    SourceBehind,
    StatementInBinlog,
    UnknownEvent,
)
from sync.model.position import BinlogPosition
from sync.mysql.gtid import tagged_gtid
from sync.mysql.server import MySQLSettings, translate
from sync.mysql.statements import Statement, classify

#: Seconds between heartbeats of a log in which nothing happens, and without any packet until the connection is dead.
HEARTBEAT, SILENCE = 0.25, 15

#: A decoded row: column name -> the library's value.
RawRow: TypeAlias = dict[str, object]
#: gtrid, bqual, format id.
Xid: TypeAlias = tuple[bytes, bytes, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A GTID event (MySQL without GTIDs: its anonymous form). It opens every transaction, DDL included."""

    #: MySQL "uuid" or "uuid:tag", MariaDB "domain-server"; "" where it is anonymous.
    source: str
    number: int
    #: Microseconds since the epoch. MariaDB tells whole seconds.
    committed_at: int
    #: MariaDB only: one statement and no commit event follow (False), or rows until a commit event (True).
    is_group: bool
    #: MariaDB only: an XA transaction begins, which XA PREPARE will end.
    is_xa: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A query event, without its text."""

    statement: Statement
    #: The session's database.
    database: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """A row event of one of our tables. Rows are decoded as they are asked for."""

    table: str
    #: Bytes of the event.
    size: int
    event: Any

    def __iter__(self) -> Iterator[tuple[RawRow | None, RawRow | None]]:
        """Before and after of each row. Raises `UnknownEvent` for what the library cannot decode."""
        try:
            rows = self.event.rows
        except Exception as error:  # noqa: BLE001 - whatever its decoder stumbles over, rows must not be lost
            raise UnknownEvent(f"rows of {self.table} cannot be decoded ({type(error).__name__})") from None
        for row in rows:
            if isinstance(self.event, WriteRowsEvent):
                yield None, row["values"]
            elif isinstance(self.event, DeleteRowsEvent):
                yield row["values"], None
            else:
                yield row["before_values"], row["after_values"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """A transaction's end (Xid event)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """XA PREPARE, or XA COMMIT ... ONE PHASE."""

    xid: Xid
    one_phase: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FileBegun:
    """The log goes on in a new file: whatever transaction was open there ended with a crash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Nothing to tell; time has passed."""


Event: TypeAlias = Started | Said | Rows | Committed | Prepared | FileBegun | Tick

_QUERY, _ROTATE, _FORMAT, _XID, _TABLE_MAP, _HEARTBEATS = 2, 4, 15, 16, 19, (27, 41)
_PREPARE, _GTID, _ANONYMOUS, _TAGGED, _MARIADB_GTID = 38, 33, 34, 42, 162
#: Write, update, delete; first form (MariaDB) and second.
_ROWS = frozenset({23, 24, 25, 30, 31, 32})
_PARTIAL_JSON = 39
#: Stop, variables before a statement (that itself is judged), row text, previous GTIDs, group replication's own;
#: MariaDB's annotations, checkpoints, GTID lists, start of encryption (the server sends decrypted).
_HARMLESS = frozenset({3, 5, 13, 14, 29, 35, 36, 37, 160, 161, 163, 164})
#: LOAD DATA in statement format.
_LOAD = frozenset({9, 17, 18})
_HINTS = {
    26: ": the server says that events were lost",
    40: ": a compressed transaction; switch binlog_transaction_compression off for every session",
    **dict.fromkeys(range(165, 172), ": compressed events; switch log_bin_compress off"),
}
#: Header flags: made up by the server for this connection; to be ignored by who does not know the type.
_ARTIFICIAL, _IGNORABLE = 0x20, 0x80
#: Their place is none of the log's own when the server repeats them for a reader.
_PLACELESS = frozenset({_ROTATE, _FORMAT, 35, 163, 164, *_HEARTBEATS})
#: MariaDB, sql/log_event.h, flags of a GTID event: a single statement follows; rows up to XA PREPARE follow.
_STANDALONE, _PREPARED_XA = 1, 64
#: Table id of a row event that only ends a statement.
_NO_TABLE = 0xFFFFFF
_COMMIT_TIME = (1 << 55) - 1
#: Status variables of a query event, up to the character set: flags, sql_mode, auto_increment have fixed lengths.
_SQL_MODE, _CHARSET, _CATALOG = 1, 4, 6
_STATUS_LENGTHS = {0: 4, _SQL_MODE: 8, 3: 4}
_NO_BACKSLASH_ESCAPES = 1 << 20
#: Row events of other tables between two ticks.
_PATIENCE = 1000


class _Taken(Exception):
    """An event that the gate decoded; it goes round the library."""

    def __init__(self, event: Event) -> None:
        self.event = event


class Wire:
    """One connection that reads the log from a position and never connects again. One thread, but for `close`."""

    def __init__(
        self,
        settings: MySQLSettings,
        position: BinlogPosition,
        columns: dict[str, frozenset[str]],
        *,
        by_gtid: bool = False,
        mariadb: bool,
        ignores_case: bool = False,
    ) -> None:
        """`columns` are the needed columns of each of our tables. `ignores_case`: the log spells databases and tables as
        the server does, which may be otherwise than settings and mapping. A position's file and offset count by GTID
        too, where they are this server's (a file that is larger than an offset can say)."""
        self.file = position.file
        #: End of the last event in `file`, bytes; may pass 4 GiB, where the log itself counts modulo.
        self.offset = position.offset
        #: Row events of tables that are not ours so far.
        self.elsewhere = 0
        self._settings = settings
        self._columns = columns
        self._mariadb = mariadb
        self._ignores_case = ignores_case
        self._database = self._spelt(settings.database)
        #: As the server may spell it -> as the mapping does.
        self._names = {self._spelt(name): name for name in columns}
        self._began = position
        #: Events of the present file carry a CRC32.
        self._checksums = False
        self._closed = False
        #: Table id -> its TABLE_MAP event as the library has it; None: not ours.
        self._maps: dict[int, bytes | None] = {}
        self._gate: _Gate | None = None
        where: dict[str, Any] = {"log_file": position.file, "log_pos": position.offset, "resume_stream": True}
        if by_gtid:
            where = {"auto_position": position.gtids, "is_mariadb": mariadb}
        self._reader = BinLogStreamReader(
            connection_settings={**settings.arguments(), "read_timeout": SILENCE},
            server_id=secrets.randbelow(2**31) + 2**30,  # a reused id stalls while an old reader drains
            blocking=True,
            only_events=[WriteRowsEvent, UpdateRowsEvent, DeleteRowsEvent],
            slave_heartbeat=HEARTBEAT,
            enable_logging=False,
            pymysql_wrapper=self._connect,
            **where,
        )

    def next(self) -> Event:
        """The next event; a `Tick` at least every few heartbeats. Raises `MySQLAway` and the stops of `sync.errors`."""
        try:
            event = self._reader.fetchone()
        except _Taken as taken:
            return taken.event
        except Exception as error:  # noqa: BLE001 - whatever its decoder stumbles over, rows must not be lost
            raise self._stop(error) from None
        if event is None:
            raise MySQLAway("MySQL ended the binlog connection")
        table = self._names[self._spelt(event.table)]
        self._check_image(table, event)
        return Rows(table=table, size=event.event_size, event=event)

    def close(self) -> None:
        """Give up the connection, from any thread; a blocked `next` ends at once."""
        self._closed = True
        if self._gate is not None:
            self._gate.cut()
        with contextlib.suppress(Exception):  # both ends may be gone, or the other thread be in it
            self._reader.close()

    def _connect(self, **arguments: Any) -> Any:
        """For the library: first the log's connection, then the one that it wants beside it."""
        try:
            if self._gate is not None:
                return pymysql.connect(**arguments)
            arguments["init_command"] = "SET @master_binlog_checksum = 'CRC32'"
            self._gate = _Gate(self._packet, **arguments)
            return self._gate
        except pymysql.err.MySQLError as error:
            raise translate(error) from None

    def _stop(self, error: Exception) -> LockstepError:
        if self._closed:  # under a `next` of another thread, which stumbles over anything
            return MySQLAway("the binlog connection was closed")
        if isinstance(error, LockstepError):
            return error
        if isinstance(error, pymysql.err.MySQLError):
            return self._error(error)
        if isinstance(error, (OSError, EOFError)):
            return MySQLAway("the binlog connection broke")
        return UnknownEvent(f"an event of the binlog cannot be decoded ({type(error).__name__})")

    def _error(self, error: pymysql.err.MySQLError) -> LockstepError:
        code = error.args[0] if error.args else 0
        if code != 1236:  # ER_SOURCE_FATAL_ERROR_READING_BINLOG: only its text tells more, and it holds no user's data
            return translate(error)
        text = str(error.args[1]).lower() if len(error.args) > 1 else ""
        if any(words in text for words in ("purged", "could not find first log", "too old", "missing the gtid")):
            return PositionPurged("MySQL no longer has the binlog from the applied position on (error 1236)")
        if any(words in text for words in ("> file size", "not in the", "more gtids", "impossible position", "ahead")):
            return SourceBehind("MySQL's binlog does not reach the applied position (error 1236)")
        if "checksum" in text or "corrupt" in text or "crc" in text:
            return UnknownEvent("MySQL reports a damaged binlog (error 1236)")
        return UnknownEvent("MySQL cannot read its binlog at the applied position (error 1236)")

    def _spelt(self, name: str) -> str:
        return name.lower() if self._ignores_case else name

    # The gate.

    def _packet(self, packet: MysqlPacket) -> MysqlPacket | None:
        """What the library may see; None: nothing of interest. Raises `_Taken` with an event that goes round it."""
        data: bytes = packet.get_all_data()  # type: ignore[no-untyped-call]  # the stubs leave it untyped
        if data[0] != 0:
            raise MySQLAway("MySQL ended the binlog connection")
        stamp, kind, server, _, log_pos, flags = struct.unpack_from("<IBIIIH", data, 1)
        if kind == _FORMAT:
            self._format(data)
        body = self._body(data, made_up=kind == _ROTATE and bool(flags & _ARTIFICIAL))
        if kind in _HEARTBEATS:
            raise _Taken(Tick())
        if kind == _ROTATE:
            self._rotate(body)
            return None
        if log_pos and kind not in _PLACELESS and not flags & _ARTIFICIAL:
            offset = self.offset - self.offset % 2**32 + log_pos
            self.offset = offset if offset >= self.offset else offset + 2**32
        if kind == _TABLE_MAP:
            return self._table_map(data, body)
        if kind in _ROWS or kind == _PARTIAL_JSON:
            return self._rows(data, body, kind)
        event = _decode(kind, body, stamp, server, mariadb=self._mariadb)
        if event is not None:
            raise _Taken(event)
        if kind in _LOAD:
            raise StatementInBinlog("a LOAD DATA stands in the binlog as a statement, without its rows")
        if kind not in _HARMLESS and not flags & _IGNORABLE:
            raise UnknownEvent(f"event type {kind} in the binlog{_HINTS.get(kind, '')}")
        return None

    def _format(self, data: bytes) -> NoReturn:
        """Each file says whether its events carry a CRC32 (the byte before the event's own)."""
        if data[-5] > 1:
            raise UnknownEvent(f"checksums of an unknown kind ({data[-5]}) in the binlog")
        self._checksums = data[-5] == 1
        self._body(data)
        self._maps.clear()  # a restart may have given the ids to other tables
        raise _Taken(FileBegun())

    def _body(self, data: bytes, *, made_up: bool = False) -> bytes:
        """Without header and checksum. Raises `UnknownEvent` where the checksum is wrong. `made_up`: sent before the
        file has told whether it has checksums."""
        matches = zlib.crc32(data[1:-4]) == int.from_bytes(data[-4:], "little")
        if made_up:
            return data[20:-4] if matches else data[20:]
        if self._checksums and not matches:
            raise UnknownEvent(f"an event of the binlog fails its checksum, after {self.file}:{self.offset}")
        return data[20:-4] if self._checksums else data[20:]

    def _rotate(self, body: bytes) -> None:
        self.offset = int(struct.unpack_from("<Q", body)[0])
        self.file = body[8:].decode()
        if self.file == self._began.file:  # by GTID the server names the file's beginning, and sends what comes after
            self.offset = max(self.offset, self._began.offset)
        self._maps.clear()

    def _table_map(self, data: bytes, body: bytes) -> MysqlPacket | None:
        table_id = int.from_bytes(body[:6], "little")
        if self._maps.get(table_id) == body:
            return None  # the library has it
        at = 9 + body[8]
        database = body[9:at].decode()
        table = body[at + 2 : at + 2 + body[at + 1]].decode()
        ours = self._spelt(database) == self._database and self._spelt(table) in self._names
        self._maps[table_id] = body if ours else None
        return self._for_library(data) if ours else None

    def _rows(self, data: bytes, body: bytes, kind: int) -> MysqlPacket | None:
        table_id = int.from_bytes(body[:6], "little")
        if table_id == _NO_TABLE:
            return None
        if table_id not in self._maps:
            raise UnknownEvent("rows of a table that the binlog has not described")
        if self._maps[table_id] is not None:
            if kind == _PARTIAL_JSON:
                raise UnknownEvent("partial JSON updates of a mapped table: unset binlog_row_value_options")
            return self._for_library(data)
        self.elsewhere += 1
        if self.elsewhere % _PATIENCE == 0:
            raise _Taken(Tick())
        return None

    def _for_library(self, data: bytes) -> MysqlPacket:
        """In the form that the library expects: it takes checksums to be on or off as they were when it connected,
        whatever the file says, and cuts four bytes from a table's metadata in any case."""
        expected = self._reader._BinLogStreamReader__use_checksum
        if not (self._checksums and expected):
            bare = data[:-4] if self._checksums else data
            size = len(bare) - 1 + (4 if expected else 0)
            data = bare[:10] + struct.pack("<I", size) + bare[14:] + bytes(4)
        return MysqlPacket(data, "utf8mb4")

    def _check_image(self, table: str, event: Any) -> None:
        """All needed columns must have names and be in the images: any session may ask for less at any time."""
        names = [column.name for column in event.columns]
        needed = self._columns[table]
        if not all(names):
            hint = "SET GLOBAL binlog_row_metadata = 'FULL', then: lockstep bootstrap --from mysql|mongo"
            raise ConfigError(f"{table}: names of columns are missing from the binlog", hint=hint)
        absent = needed.difference(names)
        if absent:
            raise RowImageNotFull(f"{table}: column {min(absent)} does not stand in the binlog")
        for bitmap in (event.columns_present_bitmap, getattr(event, "columns_present_bitmap2", b"")):
            present = int.from_bytes(bitmap, "little")
            if bitmap and any(not present >> at & 1 for at, name in enumerate(names) if name in needed):
                raise RowImageNotFull(f"a session wrote {table} with binlog_row_image other than FULL")


class _Gate(Connection):
    """A connection that shows each packet of the log to `inspect` before anyone else."""

    def __init__(self, inspect: Callable[[MysqlPacket], MysqlPacket | None], **arguments: Any) -> None:
        self._inspect = inspect
        self._connected = False
        self.streaming = False
        super().__init__(**arguments)
        self._connected = True

    def cut(self) -> None:
        """End a blocked read of another thread."""
        sock = getattr(self, "_sock", None)
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _write_bytes(self, data: bytes) -> None:
        # Byte 4 is the command: COM_BINLOG_DUMP or COM_BINLOG_DUMP_GTID. While it logs in it may be a cipher's.
        self.streaming = self.streaming or (self._connected and data[4] in (0x12, 0x1E))
        super()._write_bytes(data)  # type: ignore[misc]  # private to the driver, which has no other way

    def _read_packet(self, packet_type: Any = MysqlPacket) -> Any:
        if not self.streaming:
            return super()._read_packet(packet_type)  # type: ignore[no-untyped-call]
        while True:
            try:
                packet = super()._read_packet(packet_type)  # type: ignore[no-untyped-call]
            except (pymysql.err.OperationalError, pymysql.err.InterfaceError) as error:
                if error.args and error.args[0] in (2006, 2013, 0):  # the library would connect again by itself
                    raise MySQLAway("the binlog connection broke, or was silent too long") from None
                raise
            seen = self._inspect(packet)
            if seen is not None:
                return seen


def _decode(kind: int, body: bytes, stamp: int, server: int, *, mariadb: bool) -> Event | None:
    if kind == _QUERY:
        return _said(body, mariadb=mariadb)
    if kind == _XID:
        return Committed()
    if kind in (_GTID, _ANONYMOUS):
        return _started(kind, body, stamp)
    if kind == _TAGGED:
        source, number, moment = tagged_gtid(body)
        return Started(source=source, number=number, committed_at=moment or stamp * 1_000_000, is_group=False)
    if kind == _MARIADB_GTID:
        number, domain, flags = struct.unpack_from("<QIB", body)
        return Started(
            source=f"{domain}-{server}",
            number=number,
            committed_at=stamp * 1_000_000,
            is_group=not flags & _STANDALONE,
            is_xa=bool(flags & _PREPARED_XA),
        )
    if kind == _PREPARE:
        one_phase, form, gtrid, bqual = struct.unpack_from("<BIII", body)
        data = body[13 : 13 + gtrid + bqual]
        return Prepared(xid=(data[:gtrid], data[gtrid:], form), one_phase=bool(one_phase))
    return None


def _said(body: bytes, *, mariadb: bool) -> Said:
    _, _, database_length, _, status_length = struct.unpack_from("<IIBHH", body)
    at = 13 + status_length
    backslashes, charset = _session(body[13:at])
    raw = body[at + database_length + 1 :]
    try:
        text = raw.decode(charset, "replace")
    except LookupError:
        text = raw.decode("utf-8", "replace")
    statement = classify(text, mariadb=mariadb, backslashes=backslashes)
    return Said(statement=statement, database=body[at : at + database_length].decode("utf-8", "replace"))


def _session(status: bytes) -> tuple[bool, str]:
    """Of a query event's status variables: whether the session's backslashes escape, and its character set (a codec)."""
    backslashes, at = True, 0
    while at < len(status) and status[at] != _CHARSET:
        if status[at] == _SQL_MODE:
            backslashes = not int.from_bytes(status[at + 1 : at + 9], "little") & _NO_BACKSLASH_ESCAPES
        length = status[at + 1] + 1 if status[at] == _CATALOG else _STATUS_LENGTHS.get(status[at])
        if length is None:
            return backslashes, "utf-8"
        at += 1 + length
    try:
        return backslashes, str(charset_by_id(int.from_bytes(status[at + 1 : at + 3], "little")).encoding)
    except KeyError:  # newer than the driver: a collation of utf8mb4
        return backslashes, "utf-8"


def _started(kind: int, body: bytes, stamp: int) -> Started:
    """The commit time stands in 7 bytes after sequence_number, 55 bits, microseconds; older servers leave it out."""
    digits = body[1:17].hex()
    uuid = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
    moment = int.from_bytes(body[42:49], "little") & _COMMIT_TIME if len(body) >= 49 else 0
    return Started(
        source=uuid if kind == _GTID else "",
        number=struct.unpack_from("<q", body, 17)[0],
        committed_at=moment or stamp * 1_000_000,
        is_group=False,
    )
