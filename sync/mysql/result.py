"""Rows of a SELECT with the values that pymysql gives, taken apart by one function for a result instead of several calls for
each value: a worker reads every row that it is about to write.

Packets, errors and column types stay the library's matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast

import pymysql
from pymysql.connections import MAX_PACKET_LEN, Connection, MySQLResult
from pymysql.constants import COMMAND, CR, FIELD_TYPE
from pymysql.converters import conversions, convert_datetime
from pymysql.cursors import Cursor
from pymysql.protocol import MysqlPacket

if TYPE_CHECKING:
    _Library = Connection[Cursor]
else:
    _Library = Connection  # generic to the stubs only
#: A value of what stands in a packet.
_Take: TypeAlias = Callable[[bytes], object]
#: First bytes that are no length (MySQL internals manual, "Length-Encoded Integers").
_NULL, _WIDE = 0xFB, {0xFC: 2, 0xFD: 3, 0xFE: 8}
#: CR_MALFORMED_PACKET.
_MALFORMED = 2027
#: First bytes of packets from which on they may end a result or tell an error, instead of being a row.
_NO_ROW = b"\xfe"


class UnreadRows(NamedTuple):
    """The rows of a SELECT as they came."""

    packets: Sequence[bytes]
    #: Takes one apart.
    take: Callable[[bytes], Sequence[object]]
    #: The columns' types: equal packets under equal types are equal rows.
    types: str


class RowsConnection(_Library):
    """pymysql's connection."""

    if TYPE_CHECKING:  # the stubs leave it out
        _execute_command: Callable[[int, bytes], None]
        _force_close: Callable[[], None]

    #: Of connections without settings for TLS: nothing is verified, and reading the system's authorities takes 30 ms.
    _unverified: Any = None

    def _create_ssl_ctx(self, sslp: Mapping[str, object]) -> object:
        make: Callable[[Mapping[str, object]], object] = super()._create_ssl_ctx  # type: ignore[misc]  # the stubs leave it out
        if sslp:
            return make(sslp)
        if RowsConnection._unverified is None:
            RowsConnection._unverified = make(sslp)
        return RowsConnection._unverified

    #: Rows stay the packets in which they came.
    _leaves_unread = False

    def unread(self, statement: str, values: Sequence[object]) -> UnreadRows:
        """The rows of a SELECT, not yet taken apart."""
        self._leaves_unread = True
        try:
            with self.cursor() as cursor:
                cursor.execute(statement, values)
                result = self._result
                packets = cast("Sequence[bytes]", cursor.fetchall())
        finally:
            self._leaves_unread = False
        types = repr([(f.name, f.type_code, f.charsetnr, f.flags, f.length, f.scale) for f in result.fields])
        return UnreadRows(packets=packets, take=result.take, types=types)

    def ask(self, statement: str) -> None:
        """Send a complete statement; `answered` must follow before anything else is asked."""
        self._execute_command(COMMAND.COM_QUERY, statement.encode())

    def answered(self) -> int:
        """What became of it: how many rows it touched. Raises the library's errors."""
        return int(cast("int", self._read_query_result()))

    def packets(self) -> Iterator[bytes]:
        """What stands in the packets that the server sends, for as long as they are asked for: as the library's
        `_read_packet`, without an object and several calls for each. Raises the library's errors, but not those that a
        packet tells."""
        library: Any = self
        read, number = library._rfile.read, library._next_seq_id
        try:
            while True:
                data = b""
                length = MAX_PACKET_LEN
                while length == MAX_PACKET_LEN:
                    head = read(4)
                    length = int.from_bytes(head[:3], "little")
                    if len(head) < 4 or head[3] != number:
                        raise self._broken(head)
                    number = library._next_seq_id = (number + 1) % 256
                    part = read(length)
                    if len(part) < length:
                        raise self._broken(b"")
                    data = data + part if data else part
                yield data
        except OSError:
            raise self._broken(b"") from None

    def _broken(self, head: bytes) -> pymysql.MySQLError:
        """The library's error for a packet that is not the next one, or none (MariaDB sends one with number 0 as it shuts
        down); the connection is given up."""
        self._force_close()
        if len(head) < 4 or not head[3]:
            return pymysql.OperationalError(CR.CR_SERVER_LOST, "Lost connection to MySQL server during query")
        return pymysql.InternalError("Packet sequence number wrong")

    def _read_query_result(self, unbuffered: bool = False) -> object:
        """As the library has it, with another class of results."""
        self._result: Any = None
        result: Any = _Result(self)
        if unbuffered:
            result.init_unbuffered_query()
        else:
            result.read()
        self._result = result
        if result.server_status is not None:
            self.server_status: Any = result.server_status
        return result.affected_rows


class _Result(MySQLResult):
    connection: Any
    if TYPE_CHECKING:  # the stubs leave it out
        _check_packet_is_eof: Callable[[object], bool]
    converters: Sequence[tuple[str | None, Callable[[str], object] | None]]
    #: Takes a row's packet apart.
    take: Callable[[bytes], tuple[object, ...]]

    def _read_rowdata_packet(self) -> None:
        takes = [_take(encoding, converter) for encoding, converter in self.converters]
        self.take = _factory(len(takes))(_wide, *takes)
        row: Callable[[bytes], object] = bytes if self.connection._leaves_unread else self.take
        rows = []
        for data in self.connection.packets():
            if data[:1] >= _NO_ROW and self._ends(data):
                break
            rows.append(row(data))
        self.connection = None
        self.affected_rows = len(rows)
        self.rows = tuple(rows)

    def _ends(self, data: bytes) -> bool:
        packet: Any = MysqlPacket(data, self.connection.encoding)
        if packet.is_error_packet():
            packet.raise_for_error()
        return self._check_packet_is_eof(packet)


def moment(text: str) -> object:
    """A DATETIME or TIMESTAMP as the library gives it: no moment that Python holds stays text."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return cast("object", convert_datetime(text))


#: pymysql's table, for its argument `conv`.
CONVERSIONS: dict[Any, Any] = {**conversions, FIELD_TYPE.DATETIME: moment, FIELD_TYPE.TIMESTAMP: moment}


def _take(encoding: str | None, converter: Callable[[str], object] | None) -> _Take:
    if converter is None:
        if encoding is None:
            return bytes
        return bytes.decode if encoding == "utf8" else partial(_text, encoding)
    if converter is int:
        return int
    if encoding is None:
        return cast("_Take", converter)
    return lambda data: converter(data.decode(encoding))


def _text(encoding: str, data: bytes) -> str:
    return data.decode(encoding)


@cache
def _factory(columns: int) -> Callable[..., Callable[[bytes], tuple[object, ...]]]:
    """For results of so many columns. Of one it is

    def made(wide, t0):
        def row(data):
            at = 0
            n = data[at]
            if n < 251: end = at + 1 + n; v0 = t0(data[at + 1:end]); at = end
            else: v0, at = wide(t0, data, at)
            if at != len(data): wide(None, data, at)
            return v0,
        return row
    """
    body = "".join(
        f"        n = data[at]\n"
        f"        if n < 251: end = at + 1 + n; v{one} = t{one}(data[at + 1:end]); at = end\n"
        f"        else: v{one}, at = wide(t{one}, data, at)\n"
        for one in range(columns)
    )
    takes = "".join(f", t{one}" for one in range(columns))
    values = "".join(f"v{one}, " for one in range(columns))
    text = (
        f"def made(wide{takes}):\n    def row(data):\n        at = 0\n{body}"
        f"        if at != len(data): wide(None, data, at)\n        return ({values})\n    return row"
    )
    names: dict[str, Any] = {}
    exec(compile(text, "<result>", "exec"), names)  # noqa: S102 - made of numbers only
    return cast("Callable[..., Callable[[bytes], tuple[object, ...]]]", names["made"])


def _wide(take: _Take | None, data: bytes, at: int) -> tuple[object, int]:
    """A value that is NULL or longer than 250 bytes, and where the next one begins."""
    if take is None:
        raise pymysql.InterfaceError(_MALFORMED, "a row's packet has another length than its values")
    if data[at] == _NULL:
        return None, at + 1
    begin = at + 1 + _WIDE[data[at]]
    end = begin + int.from_bytes(data[at + 1 : begin], "little")
    return take(data[begin:end]), end
