"""mysql-replication's decoder with its dangerous silences closed (see `BinlogSource` for those that it cannot close).

Its types leave `sync.mysql.binlog*` nowhere. Two event types get decoders of our own, entered into the library's table:

- query events, of which we need only database and text: the library's decoder fails on status variables that it does not
  know, and would turn any new server version's DDL into an error;
- GTID events, of which the library leaves out the commit time (MySQL: 7 bytes after sequence_number, 55 bits, in
  microseconds; mysql-server, libs/mysql/binlog/event/control_events.h), also the untagged form without GTIDs (type 34).
"""

from __future__ import annotations

import struct
from typing import Any

from pymysqlreplication import constants
from pymysqlreplication.event import (
    BinLogEvent,
    FormatDescriptionEvent,
    HeartbeatLogEvent,
    MariadbAnnotateRowsEvent,
    MariadbBinLogCheckPointEvent,
    MariadbGtidEvent,
    MariadbGtidListEvent,
    NotImplementedEvent,
    RotateEvent,
    RowsQueryLogEvent,
    StopEvent,
    XAPrepareEvent,
    XidEvent,
)
from pymysqlreplication.packet import BinLogPacketWrapper
from pymysqlreplication.row_event import (
    DeleteRowsEvent,
    PartialUpdateRowsEvent,
    TableMapEvent,
    UpdateRowsEvent,
    WriteRowsEvent,
)

#: Bytes of an event's header, with the packet's OK byte.
_HEADER = 20
_COMMIT_TIME = (1 << 55) - 1
#: A heartbeat of its second form (MySQL >= 8.0.26).
HEARTBEAT_V2 = 41


class StatementEvent(BinLogEvent):  # type: ignore[misc]  # the library has no types
    """A query event: default database and text, the status variables between them skipped by their length."""

    def __init__(self, from_packet: Any, event_size: int, table_map: Any, ctl_connection: Any, **options: Any) -> None:
        super().__init__(from_packet, event_size, table_map, ctl_connection, **options)
        _, _, database_length, _, status_length = struct.unpack("<IIBHH", self.packet.read(13))
        self._advance_to_payload(13)
        self.packet.advance(status_length)
        self.database = self.packet.read(database_length).decode("utf-8", errors="replace")
        self.packet.advance(1)
        left = event_size - self.packet.read_bytes
        self.text = self.packet.read(left).decode("utf-8", errors="replace")


class TransactionStart(BinLogEvent):  # type: ignore[misc]  # the library has no types
    """A GTID event of MySQL, or its form without GTIDs: who committed what number, and when."""

    def __init__(self, from_packet: Any, event_size: int, table_map: Any, ctl_connection: Any, **options: Any) -> None:
        super().__init__(from_packet, event_size, table_map, ctl_connection, **options)
        body = self.packet.read(event_size)
        digits = body[1:17].hex()
        self.source = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
        self.number = struct.unpack("<Q", body[17:25])[0]
        self.has_gtid = self.event_type == constants.GTID_LOG_EVENT
        moment = int.from_bytes(body[42:49], "little") & _COMMIT_TIME if len(body) >= 49 else 0
        #: Microseconds since the epoch.
        self.committed_at = moment or self.timestamp * 1_000_000


_decoders = BinLogPacketWrapper._BinLogPacketWrapper__event_map
_decoders[constants.QUERY_EVENT] = StatementEvent
_decoders[constants.GTID_LOG_EVENT] = TransactionStart
_decoders[constants.ANONYMOUS_GTID_LOG_EVENT] = TransactionStart

ROW_EVENTS = (WriteRowsEvent, UpdateRowsEvent, DeleteRowsEvent)
#: Events without effect on rows.
HARMLESS = (
    RotateEvent,
    FormatDescriptionEvent,
    StopEvent,
    TableMapEvent,
    RowsQueryLogEvent,
    MariadbAnnotateRowsEvent,
    MariadbBinLogCheckPointEvent,
    MariadbGtidListEvent,
)
#: All that the reader wants to see. `NotImplementedEvent` stands for every type that the library does not know.
WANTED = (
    *HARMLESS,
    *ROW_EVENTS,
    PartialUpdateRowsEvent,
    StatementEvent,
    TransactionStart,
    MariadbGtidEvent,
    XidEvent,
    XAPrepareEvent,
    HeartbeatLogEvent,
    NotImplementedEvent,
)

__all__ = [
    "HARMLESS",
    "HEARTBEAT_V2",
    "ROW_EVENTS",
    "WANTED",
    "BinLogEvent",
    "DeleteRowsEvent",
    "HeartbeatLogEvent",
    "MariadbGtidEvent",
    "NotImplementedEvent",
    "PartialUpdateRowsEvent",
    "RotateEvent",
    "StatementEvent",
    "TransactionStart",
    "UpdateRowsEvent",
    "WriteRowsEvent",
    "XAPrepareEvent",
    "XidEvent",
]
