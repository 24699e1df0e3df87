"""The gate that each packet of the binlog passes, with recorded packets of both servers and made ones. No connection."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import pytest
from pymysql.cursors import Cursor

from sync.errors import LockstepError, MySQLAway, PositionPurged, Refused, SourceBehind, StatementInBinlog, UnknownEvent
from sync.model.position import BinlogPosition
from sync.mysql import packets
from sync.mysql.binlog_events import Committed, Event, FileBegun, Prepared, Said, Started, Tick
from sync.mysql.binlog_wire import Wire, _Gate
from sync.mysql.rowdecoder import Rows
from sync.mysql.server import MySQLSettings
from sync.mysql.statements import Statement, StatementKind, Table

# Recorded from MySQL 9.7.4 and MariaDB 10.11.19, each packet with the byte that precedes its event.

DATABASE = "l9437beb03a41"
FORMAT = (
    "007907066b0f010000007b0000000000000000000400392e372e342d320000000000000000000000000000000000000000000000000000"
    "00000000000000000000000000000000000000000013000d0008000000000400040000006300041a08000000000000020000000a0a0a2a"
    "2a001234000a28000001407dcd74"
)
GTID = (
    "007907066b21010000004f000000bf0a00000000008e3852e3e85111f1880102fc00000001080000000000000002080000000000000009"
    "0000000000000061bd8dbf0c6106fc750150620100eea3b1da"
)
TAGGED = (
    "007907066b2a010000004e000000341100000000026e00000202390270a48d03a103a222c50321020204f1030000000204080606746167"
    "08380a3c0c7f2cd98dbf0c610610e1021283120bd679a2ce"
)
BEGIN = (
    "007907066b020100000054000000130b000008000b000000000000000d00001d000000000000012000a04500000000060373746404ff00"
    "ff00ff0012ff006c39343337626562303361343100424547494ef55a7b71"
)
TABLE_MAP = (
    "007907066b13010000006f000000820b000000006f000000000001000d6c393433376265623033613431000770726f647563740003fe03"
    "0f04fe18000100010100030441fc3501041c0a6163636f756e745f696408706f736974696f6e0770726f64756374080200010c01e0d9c2"
    "35bc"
)
ROWS = (
    "007907066b1e0100000044000000c60b000000006f00000000001100020003ff0018616161616161616161616161616161616161616161"
    "61616100000000010070b51e9843"
)
XID = "007907066b10010000001f000000e50b000000002e00000000000000d694f559"
HEARTBEAT = "00000000001b0100000024000000ab010000000062696e6c6f672e303030303033d46ef75d"
MARIADB_GTID = "007e07066ba2010000002a0000007b09000008000900000000000000000000000c00000000000066fa1d94"
MARIADB_DDL = "007e07066ba2010000002a000000c80a000008000a0000000000000000000000290000000000008e2d2e82"
MARIADB_XA = "007e07066ba2010000002d000000a50c000008000d00000000000000000000004c0100000001007801ffaad920ab"
PREPARE = "007e07066b2601000000250000002c0e000000000001000000010000000000000078f7771a42"
XA_COMMIT = (
    "007e07066b020100000061000000b80e0000080007000000000000000d00001a0000000000010100001000000000000603737464040800"
    "080008006c63313062663839313735303100584120434f4d4d49542058273738272c5827272c3180802c12"
)
RENAMED = (
    "007907066b020100000086000000690d000000000b000000000000000d0000380000000000000100001000000000000603737464040800"
    "0800ff000c016c3934333762656230336134310011320000000000000012ff0013006c39343337626562303361343100414c5445522054"
    "41424c4520742052454e414d4520606b6f6e74f66038a6dea7"
)
PREVIOUS = (
    "007b07066b230100000074000000f3000000800001020000000000018e3852e3e85111f1880102fc000000010001000000000000000100"
    "0000000000000e000000000000008e3852e3e85111f1880102fc0000000106746167010000000000000001000000000000000400000000"
    "0000003bae844e"
)

RECORDED = {
    "GTID": GTID,
    "TAGGED": TAGGED,
    "BEGIN": BEGIN,
    "TABLE_MAP": TABLE_MAP,
    "ROWS": ROWS,
    "XID": XID,
    "MARIADB_GTID": MARIADB_GTID,
    "MARIADB_DDL": MARIADB_DDL,
    "MARIADB_XA": MARIADB_XA,
    "PREPARE": PREPARE,
    "XA_COMMIT": XA_COMMIT,
    "RENAMED": RENAMED,
    "PREVIOUS": PREVIOUS,
}
FILE = "binlog.000007"


def wire(
    *,
    offset: int = 4,
    mariadb: bool = False,
    database: str = DATABASE,
    table: str = "product",
    ignores_case: bool = False,
) -> Wire:
    """A gate at the beginning of a file that has checksums."""
    settings = MySQLSettings(host="h", port=1, user="u", password="p", database=database)
    position = BinlogPosition(server="s", file=FILE, offset=offset)
    columns = {table: ("product", "account_id", "position")}
    made = Wire(settings, position, columns, mariadb=mariadb, ignores_case=ignores_case)
    assert give(made, FORMAT) == FileBegun()
    return made


def packet(kind: int, body: bytes = b"", *, flags: int = 0, log_pos: int = 0, crc: bool = True) -> bytes:
    """A packet of the log with this event, of second 9."""
    event = struct.pack("<IBIIIH", 9, kind, 1, 19 + len(body) + 4 * crc, log_pos, flags) + body
    return b"\0" + event + (zlib.crc32(event).to_bytes(4, "little") if crc else b"")


def bare_packet(recorded: str) -> bytes:
    """A recorded packet without its checksum."""
    data = bytes.fromhex(recorded)[:-4]
    return data[:10] + struct.pack("<I", len(data) - 1) + data[14:]


def rotate(file: str, offset: int) -> bytes:
    """The body of an event that names the next file."""
    return struct.pack("<Q", offset) + file.encode()


def query(text: bytes, *, database: bytes = b"d", mode: int = 0, charset: int = 255) -> bytes:
    """The body of a query event."""
    status = b"\0" + bytes(4) + b"\1" + struct.pack("<Q", mode) + b"\6\3std" + b"\3" + bytes(4)
    status += b"\4" + struct.pack("<HHH", charset, 8, 8) + b"\x0c\1d\0"
    return struct.pack("<IIBHH", 1, 0, len(database), 0, len(status)) + status + database + b"\0" + text


def give(to: Wire, data: bytes | str) -> Event | None:
    """What is told of a packet."""
    return to.told(bytes.fromhex(data) if isinstance(data, str) else data)


def said(to: Wire, data: bytes | str) -> Said:
    event = give(to, data)
    assert isinstance(event, Said)
    return event


def started(to: Wire, data: bytes | str) -> Started:
    event = give(to, data)
    assert isinstance(event, Started)
    return event


# What a transaction is made of.


def test_a_transaction_of_mysql() -> None:
    """Its GTID and commit time, the beginning, a row with its columns in the order asked for, the end."""
    gate = wire()
    begun = started(gate, GTID)
    assert (begun.source, begun.number, begun.is_group) == ("8e3852e3-e851-11f1-8801-02fc00000001", 8, False)
    assert begun.committed_at // 1_000_000 == struct.unpack_from("<I", bytes.fromhex(GTID), 1)[0]
    assert begun.committed_at % 1_000_000
    assert said(gate, BEGIN).statement.kind is StatementKind.BEGIN
    assert give(gate, TABLE_MAP) is None
    found = give(gate, ROWS)
    assert isinstance(found, Rows)
    assert (found.table, list(found)) == ("product", [(None, ("p", "a" * 24, 0))])
    assert give(gate, XID) == Committed()
    assert gate.offset == int.from_bytes(bytes.fromhex(XID)[14:18], "little")


def test_a_tagged_transaction() -> None:
    """The tag is a part of the source; the commit time is read too."""
    begun = started(wire(), TAGGED)
    assert (begun.source, begun.number) == ("8e3852e3-e851-11f1-8801-02fc00000001:tag", 2)
    assert begun.committed_at // 1_000_000 == struct.unpack_from("<I", bytes.fromhex(TAGGED), 1)[0]


def test_transactions_of_mariadb() -> None:
    """The GTID event says whether rows or one statement follow, and whether XA PREPARE will end them."""
    gate = wire(mariadb=True)
    shapes = [started(gate, one) for one in (MARIADB_GTID, MARIADB_DDL, MARIADB_XA)]
    assert [(one.source, one.number, one.is_group, one.is_xa) for one in shapes] == [
        ("0-1", 9, True, False),
        ("0-1", 10, False, False),
        ("0-1", 13, True, True),
    ]
    assert give(gate, PREPARE) == Prepared(xid=(b"x", b"", 1), one_phase=False)
    assert said(gate, XA_COMMIT).statement.xid == (b"x", b"", 1)


def test_a_commit_time_that_is_not_told() -> None:
    """Servers before MySQL 8.0 leave it out: the event's second counts."""
    body = bytes(17) + struct.pack("<q", 5) + bytes(17)
    assert started(wire(), packet(33, body)).committed_at == 9_000_000
    assert started(wire(), packet(34, body)).source == ""


def test_files() -> None:
    """A new file is told, and places count in it from then on."""
    gate = wire()
    assert give(gate, packet(4, rotate("binlog.000008", 4), log_pos=900)) is None
    assert give(gate, packet(4, rotate("binlog.000008", 4), flags=0x20)) is None
    assert give(gate, FORMAT) == FileBegun()
    assert (gate.file, gate.offset) == ("binlog.000008", 4)
    assert give(gate, PREVIOUS) is None


@pytest.mark.parametrize("crc", [True, False])
def test_a_file_is_named_before_it_tells_of_checksums(crc: bool) -> None:
    """What the server makes up may have one or none, whatever the file before had."""
    gate = wire()
    give(gate, packet(4, rotate("other.000009", 77), flags=0x20, crc=crc))
    assert (gate.file, gate.offset) == ("other.000009", 77)


def test_places_past_what_an_event_can_say() -> None:
    """Events count modulo 4 GiB."""
    gate = wire(offset=2**32 - 50)
    for place, expected in ((2**32 - 20, 2**32 - 20), (10, 2**32 + 10), (40, 2**32 + 40)):
        give(gate, packet(16, bytes(8), log_pos=place))
        assert gate.offset == expected


def test_places_in_a_large_file_that_is_read_by_gtid() -> None:
    """The server names the file's beginning and sends what comes after the position."""
    gate = wire(offset=2**32 + 500)
    give(gate, packet(4, rotate(FILE, 4), flags=0x20))
    give(gate, packet(16, bytes(8), log_pos=900))
    assert gate.offset == 2**32 + 900
    give(gate, packet(4, rotate("binlog.000008", 4), flags=0x20))
    assert gate.offset == 4


def test_made_up_events_move_nothing() -> None:
    """Heartbeats and what the server repeats for a reader have places that are none."""
    gate = wire(offset=700)
    assert give(gate, HEARTBEAT) == Tick()
    assert give(gate, packet(41, b"x", log_pos=9000)) == Tick()
    assert give(gate, packet(163, bytes(4), log_pos=9000)) is None
    assert give(gate, packet(161, bytes(4), log_pos=9000, flags=0x20)) is None
    assert gate.offset == 700


# Damage, and what nobody knows.


@pytest.mark.parametrize("name", [*RECORDED, "HEARTBEAT"])
def test_any_bit_that_flips_is_a_stop(name: str) -> None:
    """Wherever it is in the event, its header and its checksum."""
    whole = bytes.fromhex(HEARTBEAT if name == "HEARTBEAT" else RECORDED[name])
    gate = wire()
    give(gate, TABLE_MAP)
    for bit in range(8, len(whole) * 8):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(UnknownEvent):
            give(gate, bytes(damaged))


def test_a_file_with_checksums_of_another_kind() -> None:
    """Who cannot verify does not go on."""
    other = bytearray(bytes.fromhex(FORMAT))
    other[-5] = 2
    with pytest.raises(UnknownEvent, match="checksums"):
        give(wire(), bytes(other))


def test_a_file_without_checksums() -> None:
    """Nothing is cut off its events."""
    gate = wire()
    bare = bytearray(bytes.fromhex(FORMAT))
    bare[-5] = 0
    assert give(gate, bytes(bare)) == FileBegun()
    assert give(gate, bare_packet(XID)) == Committed()
    give(gate, bare_packet(TABLE_MAP))
    found = give(gate, bare_packet(ROWS))
    assert isinstance(found, Rows)
    assert list(found) == [(None, ("p", "a" * 24, 0))]


def test_an_event_that_is_cut_off() -> None:
    """Its length tells, also in a file without checksums and where a whole row is missing."""
    gate = wire()
    bare = bytearray(bytes.fromhex(FORMAT))
    bare[-5] = 0
    give(gate, bytes(bare))
    give(gate, bare_packet(TABLE_MAP))
    whole = bare_packet(ROWS)
    for size in range(20, len(whole)):
        with pytest.raises(UnknownEvent, match="cut off"):
            give(gate, whole[:size])


@pytest.mark.parametrize("kind", [0, 1, 6, 7, 8, 10, 11, 12, 15 + 5, 21, 22, 28, 43, 99, 172, 255])
def test_an_event_that_nobody_knows(kind: int) -> None:
    """Its number is told; only what its writer says may be ignored is."""
    with pytest.raises(UnknownEvent, match=f"event type {kind} "):
        give(wire(), packet(kind, b"secret"))
    assert give(wire(), packet(kind, b"secret", flags=0x80)) is None


def test_events_that_the_server_lost() -> None:
    """An incident is told as such."""
    with pytest.raises(UnknownEvent, match="events were lost"):
        give(wire(), packet(26, b"secret"))


@pytest.mark.parametrize("kind", [9, 17, 18])
def test_events_of_load_data(kind: int) -> None:
    """A file that was loaded as a statement."""
    with pytest.raises(StatementInBinlog):
        give(wire(), packet(kind, b"secret"))


@pytest.mark.parametrize("kind", [3, 5, 13, 14, 29, 35, 36, 37, 160, 161, 163, 164])
def test_events_that_change_no_rows(kind: int) -> None:
    """They pass without a word."""
    assert give(wire(), packet(kind, b"secret")) is None


@pytest.mark.parametrize("kind", [23, 24, 25, 30, 31, 32, 39])
def test_rows_of_no_table(kind: int) -> None:
    """Rows whose map was not seen are never skipped; an event that only ends a statement is."""
    with pytest.raises(UnknownEvent, match="not described"):
        give(wire(), packet(kind, bytes(6)))
    assert give(wire(), packet(kind, b"\xff\xff\xff\0\0\0")) is None


def test_a_new_file_forgets_the_tables() -> None:
    """After a restart the ids belong to others."""
    gate = wire()
    give(gate, TABLE_MAP)
    give(gate, packet(4, rotate("binlog.000008", 4), log_pos=900))
    with pytest.raises(UnknownEvent, match="not described"):
        give(gate, ROWS)
    assert give(gate, TABLE_MAP) is None
    assert isinstance(give(gate, ROWS), Rows)


def test_partial_json_of_ours_and_of_others() -> None:
    """Only that of mapped tables is read; rows elsewhere are counted, with a tick now and then."""
    gate = wire()
    give(gate, TABLE_MAP)
    with pytest.raises(UnknownEvent, match="ends in the middle"):
        give(gate, packet(39, bytes.fromhex(TABLE_MAP)[20:26]))
    other = struct.pack("<IHHB", 5, 0, 0, 1) + b"x\0" + b"\7product\0"
    assert give(gate, packet(19, other)) is None
    found = [give(gate, packet(39, other[:6])) for _ in range(1000)]
    assert found == [None] * 999 + [Tick()]
    assert gate.elsewhere == 1000


@pytest.mark.parametrize("ignores_case", [True, False])
@pytest.mark.parametrize(("database", "table"), [(DATABASE.upper(), "product"), (DATABASE, "Product")])
def test_names_that_the_server_spells_its_own_way(ignores_case: bool, database: str, table: str) -> None:
    """Where case does not tell tables apart, ours are known however they are written."""
    gate = wire(database=database, table=table, ignores_case=ignores_case)
    give(gate, TABLE_MAP)
    assert (give(gate, ROWS) is None) is not ignores_case


def test_a_table_whose_id_becomes_another_ones() -> None:
    """The newest map of an id counts."""
    gate = wire()
    give(gate, TABLE_MAP)
    other = bytes.fromhex(TABLE_MAP)[20:26] + bytes(2) + b"\1x\0" + b"\7product\0"
    assert give(gate, packet(19, other)) is None
    assert give(gate, ROWS) is None
    assert give(gate, TABLE_MAP) is None
    assert isinstance(give(gate, ROWS), Rows)


# Statements.


def named(statement: Statement) -> tuple[Table, ...]:
    """The tables that it changes, each once."""
    return tuple(dict.fromkeys(table for table, _ in statement.alterations))


def test_a_statement_is_told_without_its_text() -> None:
    """Kind, object and the session's database leave; the rest stays."""
    told = said(wire(), packet(2, query(b"ALTER TABLE t COMMENT 'secret'", database="ö".encode())))
    assert (named(told.statement), told.database) == ((Table(database=None, name="t"),), "ö")
    assert "secret" not in repr(told)


def test_names_in_the_sessions_character_set() -> None:
    """As a latin1 session really wrote it, and in others; where the set is not known it is taken for UTF-8."""
    renamed = (Table(database=None, name="t"), Table(database=None, name="kontö"))
    assert named(said(wire(), RENAMED).statement) == renamed
    for charset, text in (
        (8, b"DROP TABLE t, kont\xf6"),
        (255, "DROP TABLE t, kontö".encode()),
        (2000, "drop table t,kontö".encode()),
    ):
        assert named(said(wire(), packet(2, query(text, charset=charset))).statement) == renamed
    gbk = said(wire(), packet(2, query("DROP TABLE `嘸`, `t`".encode("gbk"), charset=28)))
    assert named(gbk.statement) == (Table(database=None, name="嘸"), Table(database=None, name="t"))


@pytest.mark.parametrize(("mode", "second"), [(0, ()), (1 << 20, (Table(database=None, name="t"),))])
def test_backslashes_as_the_session_has_them(mode: int, second: tuple[Table, ...]) -> None:
    """Whether one before a quotation mark keeps the text open is for sql_mode to say."""
    text = rb"ALTER TABLE u COMMENT '\', RENAME t, COMMENT 'x'"
    assert named(said(wire(), packet(2, query(text, mode=mode))).statement)[1:] == second


@pytest.mark.parametrize("mariadb", [True, False])
def test_comments_that_one_family_runs(mariadb: bool) -> None:
    """/*M! */ is a comment to MySQL, and to MariaDB a part of the statement."""
    told = said(wire(mariadb=mariadb), packet(2, query(b"/*M!100000 CREATE USER u */ DELETE FROM product")))
    assert told.statement.kind is (StatementKind.DDL if mariadb else StatementKind.OTHER)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (b"SET STATEMENT a = 1 FOR DELETE FROM t", StatementKind.OTHER),
        (
            b"SET STATEMENT a = (SELECT SUBSTRING('x' FROM 1 FOR 1)), b = 'FOR' FOR UPDATE t SET a = 1",
            StatementKind.OTHER,
        ),
        (b"SET STATEMENT a = 1", StatementKind.OTHER),
        (b"SET STATEMENT a = 1 FOR CREATE USER u", StatementKind.DDL),
        (b"SET PASSWORD FOR u = 'secret'", StatementKind.DDL),
        (b"ANALYZE UPDATE t SET a = 1", StatementKind.OTHER),
        (b"ANALYZE TABLE t", StatementKind.DDL),
        (b"ROLLBACK WORK TO SAVEPOINT s", StatementKind.ROLLBACK_TO),
        (b"/* " + b"x" * 5000 + b" */ BEGIN", StatementKind.OTHER),
    ],
)
def test_statements_in_disguise(text: bytes, kind: StatementKind) -> None:
    """What is said to be upkeep is not always."""
    assert said(wire(mariadb=True), packet(2, query(text))).statement.kind is kind


# Errors.


def framed(data: bytes, number: int = 0) -> bytes:
    """As it is sent."""
    return len(data).to_bytes(3, "little") + bytes([number]) + data


def refusal(code: int, text: str) -> bytes:
    """An error packet (MySQL protocol, ERR_Packet)."""
    return framed(b"\xff" + code.to_bytes(2, "little") + b"#HY000" + text.encode())


class Sent(io.BytesIO):
    """What a server sends before the connection breaks, or fails."""

    def __init__(self, sent: bytes | Exception) -> None:
        super().__init__(sent if isinstance(sent, bytes) else b"")
        self._error = sent if isinstance(sent, Exception) else None

    def read(self, size: int | None = -1) -> bytes:
        if self._error:
            raise self._error
        return super().read(size)


class Gate(_Gate):
    """A connection to no server."""

    encoding = "utf8mb4"

    def __init__(self, sent: bytes | Exception) -> None:
        self._rfile = Sent(sent)
        self._next_seq_id = 0
        self._sock = None  # type: ignore[assignment]
        self._log = self.packets()

    def cut(self) -> None:
        pass


def test_packets() -> None:
    """A packet of the greatest length goes on in the next; the numbers of packets count on, modulo 256."""
    longest = b"\0" * 0xFFFFFF
    gate = Gate(framed(longest, 255) + framed(b"end") + framed(b"", 1) + framed(longest, 2) + framed(b"", 3))
    gate._next_seq_id = 255
    assert [gate.packet(), gate.packet(), gate.packet()] == [longest + b"end", b"", longest]


def raised(sent: bytes | Exception, *, closed: bool = False) -> LockstepError:
    """What `next` makes of it."""
    gate = wire()
    gate._gate = gate._asked = Gate(sent)
    if closed:
        gate.close()
    with pytest.raises(LockstepError) as stopped:
        gate.next()
    assert "secret" not in str(stopped.value)
    return stopped.value


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (framed(b"\xfe\0\0\0\0"), MySQLAway),
        (b"", MySQLAway),
        (framed(b"\0secret")[:-1], MySQLAway),
        (framed(b"\0secret", 1), MySQLAway),
        (ConnectionResetError("secret"), MySQLAway),
        (refusal(1317, "secret"), MySQLAway),
        (struct.error("secret"), UnknownEvent),
        (KeyError("secret"), UnknownEvent),
        (refusal(1236, "secret: the master has purged required binary logs"), PositionPurged),
        (refusal(1236, "Could not find first log file name secret"), PositionPurged),
        (refusal(1236, "secret which is not in the master's binlog"), SourceBehind),
        (refusal(1236, "Client requested position > file size, secret"), SourceBehind),
        (refusal(1236, "event read from binlog did not pass crc check secret"), UnknownEvent),
        (refusal(1236, "secret"), UnknownEvent),
    ],
)
def test_errors_have_names(sent: bytes | Exception, expected: type[LockstepError]) -> None:
    """Whatever fails below becomes an error of the engine, without the text."""
    assert type(raised(sent)) is expected


@pytest.mark.parametrize("error", [AttributeError("secret"), ValueError("secret"), struct.error("secret"), OSError(9)])
def test_who_is_closed_is_away(error: Exception) -> None:
    """The reading thread stumbles over anything when another one closes: that is no unknown event."""
    assert type(raised(error, closed=True)) is MySQLAway


# Statements of bounded size.


def test_pieces_of_a_statement() -> None:
    """Cut at a number of rows and at an amount of text, in order; one that is large alone stands alone."""
    assert list(packets.chunks([1, 2, 3, 4, 5], [[1]] * 5, rows=2)) == [[1, 2], [3, 4], [5]]
    large = "x" * (1 << 20)
    assert list(packets.chunks("abcde", [["x"], [large], [1, large], ["x"], ["x"]])) == ["a", "b", "c", "de"]
    assert list(packets.chunks([], [])) == []


class Server(Cursor):
    """As much of a cursor as is asked."""

    def __init__(self, most: int) -> None:
        self.most, self.sent = most, [""]

    def mogrify(self, query: str, args: object = None) -> str:
        return query % args if args else query

    def execute(self, query: str, args: object = None) -> int:
        self.sent.append(query)
        return 0

    def fetchone(self) -> tuple[Any, ...] | None:
        return (self.most,)


def test_a_statement_that_the_server_would_hang_up_on() -> None:
    """It is refused before it is sent, by its bytes and not by its characters; small ones are not measured."""
    server = Server(1 << 20)
    packets.send(server, "%s", ["x" * 1000])
    packets.send(server, "%s", ["x" * ((1 << 20) - 2)])
    assert [len(one) for one in server.sent[1:]] == [1000, len("SELECT @@max_allowed_packet"), (1 << 20) - 2]
    for text in ("x" * ((1 << 20) - 1), "ö" * (1 << 19)):
        with pytest.raises(Refused, match="max_allowed_packet"):
            packets.send(server, "%s", [text])
