"""The connection to the binlog, over mysql-replication, with that library's dangerous silences closed.

The library connects and asks for the log; its types do not leave this module. Every packet is judged here: checksums are
verified, event types are on a list or raise `UnknownEvent`, rows whose table is not known raise. What events tell is
decoded in `binlog_events`, rows of our tables in `rowdecoder`.
Where no source is named, layouts are those of mysql-server, libs/mysql/binlog/event, and MariaDB, sql/log_event.h.
"""

from __future__ import annotations

import contextlib
import secrets
import socket
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pymysql
from pymysql.protocol import MysqlPacket
from pymysqlreplication import BinLogStreamReader

from sync.errors import LockstepError, MySQLAway, PositionPurged, SourceBehind, StatementInBinlog, UnknownEvent
from sync.model.position import BinlogPosition
from sync.mysql.binlog_events import Event, FileBegun, Tick, event_of
from sync.mysql.compressed import transaction_events
from sync.mysql.result import RowsConnection
from sync.mysql.rowdecoder import ROWS, RowDecoder
from sync.mysql.server import MySQLSettings, translate
from sync.mysql.table_map import named_table, parse_table_map

#: Seconds between heartbeats of a log in which nothing happens, and without any packet until the connection is dead.
HEARTBEAT, SILENCE = 0.25, 15

_ROTATE, _FORMAT, _TABLE_MAP, _HEARTBEATS = 4, 15, 19, (27, 41)
#: Stop, variables before a statement (that itself is judged), row text, group replication's own; MariaDB's annotations
#: and checkpoints.
_HARMLESS = frozenset({3, 5, 13, 14, 29, 36, 37, 160, 161})
#: LOAD DATA in statement format.
_LOAD = frozenset({9, 17, 18})
_INCIDENT, _TRANSACTION = 26, 40
#: Header flags: made up by the server for this connection; to be ignored by who does not know the type.
_ARTIFICIAL, _IGNORABLE = 0x20, 0x80
#: Their place is none of the log's own when the server repeats them for a reader. Among them: previous GTIDs; MariaDB's
#: GTID lists, start of encryption (the server sends decrypted).
_PLACELESS = frozenset({_ROTATE, _FORMAT, 35, 163, 164, *_HEARTBEATS})
#: Table id of a row event that only ends a statement.
_NO_TABLE = 0xFFFFFF
#: Row events of other tables between two ticks.
_PATIENCE = 1000
#: Decoders that are kept for the maps of tables that are met again, in later files too.
_DECODERS = 1000
#: Bytes of one call of `zlib.crc32` (CPython, Modules/zlibmodule.c).
_CRC_PIECE = 5 * 1024
#: Bytes that are read from the socket at once, where so many are there.
_BUFFER = 1 << 18
#: Second, type, server id, size, place of the end, flags.
_HEADER = struct.Struct("<IBIIIH")


class Wire:
    """One connection that reads the log from a position and never connects again. One thread, but for `close`."""

    def __init__(
        self,
        settings: MySQLSettings,
        position: BinlogPosition,
        columns: Mapping[str, Sequence[str]],
        *,
        by_gtid: bool = False,
        mariadb: bool,
        ignores_case: bool = False,
    ) -> None:
        """`columns` are the wanted columns of each of our tables, in the order of `Rows`. `ignores_case`: the log spells
        databases and tables as the server does, which may be otherwise than settings and mapping. A position's file and
        offset count by GTID too, where they are this server's (a file that is larger than an offset can say)."""
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
        #: Table id -> its TABLE_MAP event, and its decoder; None: not ours.
        self._maps: dict[int, tuple[bytes, RowDecoder | None]] = {}
        #: What a TABLE_MAP event says besides the id -> decoder.
        self._decoders: dict[bytes, RowDecoder] = {}
        #: Events of a compressed transaction that were not told yet.
        self._within: Iterator[bytes] | None = None
        #: The connection, for who closes it; the same once it was asked for the log.
        self._gate: _Gate | None = None
        self._asked: _Gate | None = None
        where: dict[str, Any] = {"log_file": position.file, "log_pos": position.offset, "resume_stream": True}
        if by_gtid:
            where = {"auto_position": position.gtids, "is_mariadb": mariadb}
        self._reader = BinLogStreamReader(
            connection_settings={**settings.arguments(), "read_timeout": SILENCE},
            server_id=secrets.randbelow(2**31) + 2**30,  # a reused id stalls while an old reader drains
            blocking=True,
            slave_heartbeat=HEARTBEAT,
            enable_logging=False,
            pymysql_wrapper=self._connect,
            **where,
        )

    def next(self) -> Event:
        """The next event; a `Tick` at least every few heartbeats. Raises `MySQLAway` and the stops of `sync.errors`."""
        try:
            gate = self._asked or self._ask()
            while True:
                event = self._told_within() if self._within is not None else self.told(gate.packet())
                if event is not None:
                    return event
        except Exception as error:  # noqa: BLE001 - whatever is stumbled over, rows must not be lost
            raise self._stop(error) from None

    def close(self) -> None:
        """Give up the connection, from any thread; a blocked `next` ends at once."""
        self._closed = True
        if self._gate is not None:
            self._gate.cut()
        with contextlib.suppress(Exception):  # both ends may be gone, or the other thread be in it
            self._reader.close()

    def _ask(self) -> _Gate:
        """Connect and ask for the log. (The library's own way to its events would open a second connection.)"""
        self._reader._BinLogStreamReader__connect_to_stream()
        assert self._gate is not None
        self._gate.settimeout(SILENCE)
        self._asked = self._gate
        return self._asked

    def _connect(self, **arguments: Any) -> Any:
        """For the library."""
        try:
            arguments["init_command"] = "SET @master_binlog_checksum = 'CRC32'"
            self._gate = _Gate(**arguments)
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

    # Packets.

    def told(self, data: bytes) -> Event | None:
        """What a packet tells; None: nothing of interest."""
        if data[0] != 0:
            raise MySQLAway("MySQL ended the binlog connection")
        stamp, kind, server, size, log_pos, flags = _HEADER.unpack_from(data, 1)
        if size != len(data) - 1:
            raise UnknownEvent(f"an event of the binlog is cut off, after {self.file}:{self.offset}")
        if kind in _PLACELESS:
            return self._placeless(kind, data, flags)
        body = self._body(data)
        if log_pos and not flags & _ARTIFICIAL:
            offset = (self.offset >> 32 << 32) + log_pos
            self.offset = offset if offset >= self.offset else offset + 2**32
        if kind == _TRANSACTION:
            self._within = transaction_events(body)
            return None
        return self._event(kind, body, stamp, server, flags)

    def _told_within(self) -> Event | None:
        """Of a compressed transaction. Its place is its end, for all its events."""
        assert self._within is not None
        for data in self._within:
            stamp, kind, server, _, _, flags = _HEADER.unpack_from(data)
            event = self._event(kind, data[_HEADER.size :], stamp, server, flags)
            if event is not None:
                return event
        self._within = None
        return None

    def _placeless(self, kind: int, data: bytes, flags: int) -> Event | None:
        if kind == _FORMAT:
            return self._format(data)
        body = self._body(data, made_up=kind == _ROTATE and bool(flags & _ARTIFICIAL))
        if kind == _ROTATE:
            return self._rotate(body)
        return Tick() if kind in _HEARTBEATS else None

    def _event(self, kind: int, body: bytes, stamp: int, server: int, flags: int) -> Event | None:
        if kind == _TABLE_MAP:
            return self._table_map(body)
        if kind in ROWS:
            return self._rows(kind, body)
        event = event_of(kind, body, stamp, server, mariadb=self._mariadb)
        if event is not None:
            return event
        if kind in _LOAD:
            raise StatementInBinlog("a LOAD DATA stands in the binlog as a statement, without its rows")
        if kind not in _HARMLESS and not flags & _IGNORABLE:
            lost = ": the server says that events were lost" if kind == _INCIDENT else ""
            raise UnknownEvent(f"event type {kind} in the binlog{lost}")
        return None

    def _format(self, data: bytes) -> Event:
        """Each file says whether its events carry a CRC32 (the byte before the event's own)."""
        if data[-5] > 1:
            raise UnknownEvent(f"checksums of an unknown kind ({data[-5]}) in the binlog")
        self._checksums = data[-5] == 1
        self._body(data)
        self._maps.clear()  # a restart may have given the ids to other tables
        return FileBegun()

    def _body(self, data: bytes, *, made_up: bool = False) -> bytes:
        """Without header and checksum. Raises `UnknownEvent` where the checksum is wrong. `made_up`: sent before the
        file has told whether it has checksums."""
        if not self._checksums and not made_up:
            return data[20:]
        event = data[1:-4]
        crc = zlib.crc32(event) if len(event) <= _CRC_PIECE else _crc32(event)
        if crc == int.from_bytes(data[-4:], "little"):
            return data[20:-4]
        if made_up:
            return data[20:]
        raise UnknownEvent(f"an event of the binlog fails its checksum, after {self.file}:{self.offset}")

    def _rotate(self, body: bytes) -> Event | None:
        self.offset = int(struct.unpack_from("<Q", body)[0])
        self.file = body[8:].decode()
        if self.file == self._began.file:  # by GTID the server names the file's beginning, and sends what comes after
            self.offset = max(self.offset, self._began.offset)
        self._maps.clear()
        return None

    def _table_map(self, body: bytes) -> Event | None:
        table_id = int.from_bytes(body[:6], "little")
        if table_id not in self._maps or self._maps[table_id][0] != body:
            database, table = named_table(body)
            ours = self._spelt(database) == self._database and self._spelt(table) in self._names
            self._maps[table_id] = body, self._decoder(self._names[self._spelt(table)], body) if ours else None
        return None

    def _decoder(self, table: str, body: bytes) -> RowDecoder:
        """Table ids change with every file; what a map says seldom does."""
        if body[6:] not in self._decoders:
            if len(self._decoders) >= _DECODERS:
                self._decoders.clear()
            columns = parse_table_map(body, mariadb=self._mariadb).columns
            self._decoders[body[6:]] = RowDecoder(table, columns, self._columns[table])
        return self._decoders[body[6:]]

    def _rows(self, kind: int, body: bytes) -> Event | None:
        table_id = int.from_bytes(body[:6], "little")
        if table_id == _NO_TABLE:
            return None
        if table_id not in self._maps:
            raise UnknownEvent("rows of a table that the binlog has not described")
        _, decoder = self._maps[table_id]
        if decoder is not None:
            return decoder.event(kind, body)
        self.elsewhere += 1
        return Tick() if self.elsewhere % _PATIENCE == 0 else None


def _crc32(data: bytes) -> int:
    """Over more than 5 KiB at once `zlib.crc32` lets other threads run, which costs milliseconds where they compute."""
    crc = 0
    for start in range(0, len(data), _CRC_PIECE):
        crc = zlib.crc32(data[start : start + _CRC_PIECE], crc)
    return crc


class _Gate(RowsConnection):
    """The log's connection: packets for us, and an end to a blocked read of another thread."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._sock: socket.socket
        # With each read from the socket another thread may take its turn, which lasts milliseconds where it computes.
        self._rfile = self._sock.makefile("rb", _BUFFER)
        self._log = self.packets()

    def settimeout(self, seconds: float) -> None:
        """Without any packet so long, the connection is dead."""
        self._sock.settimeout(seconds)

    def packet(self) -> bytes:
        """The next packet of the log."""
        try:
            data = next(self._log)
        except pymysql.MySQLError:
            raise MySQLAway("the binlog connection broke, was silent too long, or lost a packet") from None
        if data.startswith(b"\xff"):
            MysqlPacket(data, self.encoding).raise_for_error()
        return data

    def cut(self) -> None:
        """End a blocked read of another thread."""
        sock = getattr(self, "_sock", None)
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
