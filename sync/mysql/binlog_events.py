"""What the binlog tells, as values, and how all but rows is decoded: bytes in, values out. Query text does not leave this
module.

Where no source is named, layouts are those of mysql-server, libs/mysql/binlog/event, and MariaDB, sql/log_event.h.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from pymysql.charset import charset_by_id

from sync.mysql.compressed import decompressed
from sync.mysql.gtid import tagged_gtid
from sync.mysql.rowdecoder import Rows
from sync.mysql.statements import Statement, classify

#: gtrid, bqual, format id.
Xid: TypeAlias = tuple[bytes, bytes, int]


class Started(NamedTuple):
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

_QUERY, _XID, _PREPARE, _GTID, _ANONYMOUS, _TAGGED, _MARIADB_GTID = 2, 16, 38, 33, 34, 42, 162
_QUERY_COMPRESSED = 165
#: MariaDB, sql/log_event.h, flags of a GTID event: a single statement follows; rows up to XA PREPARE follow.
_STANDALONE, _PREPARED_XA = 1, 64
_COMMIT_TIME = (1 << 55) - 1
#: Status variables of a query event, up to the character set: flags, sql_mode, auto_increment have fixed lengths.
_SQL_MODE, _CHARSET, _CATALOG = 1, 4, 6
_STATUS_LENGTHS = {0: 4, _SQL_MODE: 8, 3: 4}
_NO_BACKSLASH_ESCAPES = 1 << 20
_COMMITTED = Committed()
#: What most transactions begin with, in whatever database.
_BEGIN = Said(statement=classify("BEGIN"), database="")
_QUERY_HEADER, _MARIADB_BEGIN = struct.Struct("<IIBHH"), struct.Struct("<QIB")


def event_of(kind: int, body: bytes, stamp: int, server: int, *, mariadb: bool) -> Event | None:
    """The event of this type; None for those of which nothing is told here. `stamp` is its second, `server` its writer."""
    if kind == _QUERY:
        return _said(body, mariadb=mariadb)
    if kind == _QUERY_COMPRESSED:
        return _said(body, mariadb=mariadb, compressed=True)
    if kind == _XID:
        return _COMMITTED
    if kind in (_GTID, _ANONYMOUS):
        return _started(kind, body, stamp)
    if kind == _TAGGED:
        source, number, moment = tagged_gtid(body)
        return Started(source=source, number=number, committed_at=moment or stamp * 1_000_000, is_group=False)
    if kind == _MARIADB_GTID:
        number, domain, flags = _MARIADB_BEGIN.unpack_from(body)
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


def _said(body: bytes, *, mariadb: bool, compressed: bool = False) -> Said:
    _, _, database_length, _, status_length = _QUERY_HEADER.unpack_from(body)
    at = 13 + status_length
    raw = body[at + database_length + 1 :]
    if compressed:
        raw = decompressed(raw)
    if raw == b"BEGIN":
        return _BEGIN
    database = body[at : at + database_length].decode("utf-8", "replace")
    backslashes, charset = _session(body[13:at])
    try:
        text = raw.decode(charset, "replace")
    except LookupError:
        text = raw.decode("utf-8", "replace")
    statement = classify(text, mariadb=mariadb, backslashes=backslashes)
    return Said(statement=statement, database=database)


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
    moment = int.from_bytes(body[42:49], "little") & _COMMIT_TIME if len(body) >= 49 else 0
    return Started(
        source=_uuid(body[1:17]) if kind == _GTID else "",
        number=int.from_bytes(body[17:25], "little"),
        committed_at=moment or stamp * 1_000_000,
        is_group=False,
    )


@lru_cache(maxsize=100)
def _uuid(data: bytes) -> str:
    digits = data.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
