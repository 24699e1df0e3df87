"""Table maps and rows as MySQL 9.7.4 and MariaDB 10.11.19 wrote them (recorded_rows.json: events without header and
checksum), and what must not be taken for one."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sync.errors import ConfigError, RowImageNotFull, UnknownEvent
from sync.mysql import image_text
from sync.mysql.binary_json import double_text, json_text
from sync.mysql.binlog_events import Said, event_of
from sync.mysql.character_sets import encoding_of, from_latin1
from sync.mysql.compressed import decompressed, transaction_events
from sync.mysql.decimals import of_decimal
from sync.mysql.image_text import ImageText
from sync.mysql.logged_column import Kind, LoggedColumn
from sync.mysql.rowdecoder import RowDecoder
from sync.mysql.statements import StatementKind
from sync.mysql.table_map import TableMap, named_table, parse_table_map

RECORDED = json.loads(Path(__file__).with_name("recorded_rows.json").read_text())
FAMILIES = ("mysql", "mariadb")
INSERT = {"mysql": 30, "mariadb": 23}

#: What was inserted, by the names of its columns; as a SELECT gives it.
EVERY: dict[str, object] = {
    "id": 2**32 - 1,
    "tiny": -1,
    "small": 65535,
    "medium": -(2**23),
    "big": 2**64 - 1,
    "y": 2155,
    "f": 1.100000023841858,
    "d": -2.5e300,
    "de": Decimal("-12345.67800"),
    "b": b"\x04\x01",
    "e": "é",
    "s": "x,z",
    "c": "é",
    "c2": "é漢",
    "bin": b"a\0\0\0\0",
    "vb": b"\0\xff\0",
    "v": "v",
    "t": "😀",
    "da": date(2020, 2, 29),
    "dt": datetime(1000, 1, 1, 23, 59, 59, 999000),  # noqa: DTZ001 - as the driver gives it
    "ts": datetime(2038, 1, 19, 3, 14, 7, 500000),  # noqa: DTZ001 - as the driver gives it
    "ti": timedelta(seconds=-1.25),
    "g": bytes(4) + bytes.fromhex("0101000000000000000000f03f0000000000000040"),
}
MORE: dict[str, dict[str, object]] = {
    "mysql": {
        "js": '{"a": 12345678901234567890.12, "b": 1.5, "cc": [18446744073709551615, null, "2020-01-02 03:04:05.600000"]}',
        "vec": bytes.fromhex("0000803f00000040"),
    },
    "mariadb": {"u": bytes.fromhex("123e4567e89b12d3a456426655440000")},
}
CHANGED = {
    "medium": None,
    "da": "0000-00-00",
    "dt": "2020-00-10 00:00:00.000",
    "ts": "0000-00-00 00:00:00.000000",
    "e": "",
}


def recorded(family: str, name: str) -> bytes:
    return bytes.fromhex(RECORDED[family][name])


def table(family: str, name: str = "every") -> TableMap:
    return parse_table_map(recorded(family, name), mariadb=family == "mariadb")


def decoder(family: str, wanted: Sequence[str], name: str = "every") -> RowDecoder:
    return RowDecoder(name, table(family, name).columns, wanted)


def rows(family: str, wanted: Sequence[str], event: str, kind: int, name: str = "every") -> list[Any]:
    return list(decoder(family, wanted, name).event(kind, recorded(family, event)))


# Table maps.


@pytest.mark.parametrize("family", FAMILIES)
def test_all_that_a_map_tells(family: str) -> None:
    """Names, types, widths, signs, character sets, members, shapes, the key."""
    body = recorded(family, "every")
    found = table(family)
    by_name = {column.name: column for column in found.columns}
    assert (found.database, found.table) == named_table(body) == ("x", "every")
    assert found.table_id == int.from_bytes(body[:6], "little")
    assert found.primary_key == (0,)
    assert [column.name for column in found.columns if not column.nullable] == ["id", "tiny"]
    signs = {name: column.unsigned for name, column in by_name.items() if column.unsigned is not None}
    assert [name for name, unsigned in signs.items() if unsigned] == ["id", "small", "big", "y"]
    assert [name for name, unsigned in signs.items() if not unsigned][:5] == ["tiny", "medium", "f", "d", "de"]
    assert by_name["e"] == LoggedColumn(
        kind=Kind.ENUM, name="e", nullable=True, size=1, collation=8, members=(b"a", b"\xe9")
    )
    assert by_name["s"].members == (b"x", b"y", b"z")
    assert (by_name["de"].size, by_name["de"].precision, by_name["de"].decimals) == (10, 20, 5)
    assert (by_name["c2"].prefix, by_name["c2"].length, by_name["t"].prefix) == (2, 800, 3)
    texts = {name: encoding_of(by_name[name].collation or 0) for name in ("c", "c2", "v", "t")}
    assert texts == {"c": "utf-8", "c2": "utf-8", "v": "ascii", "t": "utf-16-be"}
    assert by_name["bin"].collation == by_name["vb"].collation == 63
    assert by_name["g"].shape == 0


def test_what_one_family_tells() -> None:
    """Invisible columns and numbers in a vector; compressed columns."""
    by_name = {column.name: column for column in table("mysql").columns}
    assert [name for name, column in by_name.items() if not column.visible] == ["hidden"]
    assert by_name["vec"].shape == 2
    kinds = [column.kind for column in table("mariadb").columns[-2:]]
    assert kinds == [Kind.VARCHAR_COMPRESSED, Kind.BLOB_COMPRESSED]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_map_that_is_cut_off(family: str) -> None:
    """Only between two pieces of its optional metadata it still is one: what it lacks is missed, or not needed."""
    body, wanted = recorded(family, "every"), tuple(EVERY)
    missed = read = 0
    for size in range(len(body)):
        try:
            found = parse_table_map(body[:size], mariadb=family == "mariadb")
        except UnknownEvent:
            continue
        try:
            event = RowDecoder("every", found.columns, wanted).event(INSERT[family], recorded(family, "insert"))
        except (UnknownEvent, ConfigError):
            missed += 1
            continue
        assert list(event) == [(None, tuple(EVERY.values()))]
        read += 1
    assert missed >= 6
    assert read >= 1


@pytest.mark.parametrize("code", [0, 6, 7, 11, 12, 20, 100, 244])
def test_a_type_that_nobody_knows(code: int) -> None:
    """How wide its values are cannot be told."""
    with pytest.raises(UnknownEvent, match=f"type {code}"):
        parse_table_map(bytes(8) + b"\1d\0\1t\0\1" + bytes([code]) + b"\0\0", mariadb=True)


def test_metadata_that_nobody_knows() -> None:
    """It may say that values mean something else."""
    bare = bytes(8) + b"\1d\0\1t\0\1\3\0\0"
    assert parse_table_map(bare, mariadb=False).columns == (LoggedColumn(kind=Kind.LONG, nullable=False, size=4),)
    for more in (b"\x0e\0", b"\1\2\0\0", b"\4\1\5", b"\1", b"\2\3\xff\0\0"):
        with pytest.raises(UnknownEvent):
            parse_table_map(bare + more, mariadb=False)


# Rows.


@pytest.mark.parametrize("family", FAMILIES)
def test_a_row_of_every_type(family: str) -> None:
    """Each value as a SELECT gives it, in the order asked for, in inserts, updates and deletes."""
    before = EVERY | MORE[family]
    after = before | CHANGED
    wanted = tuple(reversed(before))
    old, new = (tuple(image[name] for name in wanted) for image in (before, after))
    assert rows(family, wanted, "insert", INSERT[family]) == [(None, old)]
    assert rows(family, wanted, "update", INSERT[family] + 1) == [(old, new)]
    assert rows(family, wanted, "delete", INSERT[family] + 2) == [(new, None)]


@pytest.mark.parametrize("family", FAMILIES)
def test_each_column_alone(family: str) -> None:
    """Whatever is skipped before and after it."""
    for name, value in (EVERY | MORE[family]).items():
        assert rows(family, (name,), "insert", INSERT[family]) == [(None, (value,))]
    assert rows(family, (), "insert", INSERT[family]) == [(None, ())]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("wanted", [tuple(EVERY), ("id",), ("ti", "id")])
def test_rows_that_are_cut_off(family: str, wanted: tuple[str, ...]) -> None:
    """At any byte, whichever columns are wanted: never a row, never another error."""
    for event, kind in (("insert", INSERT[family]), ("update", INSERT[family] + 1)):
        body = recorded(family, event)
        reads = decoder(family, wanted)
        begin = reads.event(kind, body).at
        for size in range(len(body)):
            if size != begin:
                with pytest.raises(UnknownEvent):
                    list(reads.event(kind, body[:size]))
        for more in (b"\0", b"\xff", body[begin:-1]):
            with pytest.raises(UnknownEvent):
                list(reads.event(kind, body + more))


def test_the_function_that_the_module_shows() -> None:
    """It is the one that is made of that table."""
    columns = [
        LoggedColumn(kind=Kind.STRING, name="id", nullable=False, prefix=1, length=24, collation=65),
        LoggedColumn(kind=Kind.VARCHAR, name="name", nullable=False, prefix=2, length=800, collation=45),
        LoggedColumn(kind=Kind.DATETIME2, name="opened", nullable=True, size=7, decimals=3),
        LoggedColumn(kind=Kind.TINY, name="active", nullable=True, size=1, unsigned=False),
        LoggedColumn(kind=Kind.LONG, name="limit", nullable=False, size=4, unsigned=False),
    ]
    text = ImageText("t", columns, ("id", "opened", "limit")).text()
    lines = [line.partition("  #")[0].rstrip().removeprefix("    ") for line in (image_text.__doc__ or "").splitlines()]
    assert text in "\n".join(lines)


def test_columns_that_are_not_there() -> None:
    """Without names, not in the images, or NULL where that may not be."""
    nameless = [LoggedColumn(kind=Kind.LONG, nullable=False, size=4)]
    with pytest.raises(ConfigError, match="names of columns"):
        RowDecoder("t", nameless, ())
    number = LoggedColumn(kind=Kind.LONG, name="n", nullable=False, size=4, unsigned=False)
    reads = RowDecoder("t", [number, LoggedColumn(kind=Kind.LONG, name="m", nullable=True, size=4)], ("n",))
    head = bytes(8) + b"\2\0\2"
    assert list(reads.event(30, head + b"\3\2" + b"\5\0\0\0")) == [(None, (5,))]
    assert list(reads.event(30, head + b"\1\0" + b"\5\0\0\0")) == [(None, (5,))]
    with pytest.raises(RowImageNotFull, match="binlog_row_image"):
        reads.event(30, head + b"\2\0" + b"\5\0\0\0")
    with pytest.raises(UnknownEvent, match="NULL"):
        list(reads.event(30, head + b"\3\1" + b"\5\0\0\0"))
    with pytest.raises(UnknownEvent, match="number of columns"):
        reads.event(30, bytes(8) + b"\2\0\3\7\0\5\0\0\0")


def test_columns_that_the_table_had_not() -> None:
    """Rows then have the first wanted column, which names the document, or nothing; which were missing is told."""
    number = LoggedColumn(kind=Kind.LONG, name="n", nullable=False, size=4, unsigned=False)
    event = bytes(8) + b"\2\0\1\1\0" + b"\5\0\0\0"
    for wanted, row in ((("n", "gone"), (5,)), (("gone", "n"), ()), (("gone",), ())):
        reads = RowDecoder("t", [number], wanted)
        found = reads.event(30, event)
        assert (found.missing, list(found)) == (("gone",), [(None, row)])


def test_columns_that_nobody_reads() -> None:
    """They may stand beside wanted ones; wanted themselves they are a stop that names them."""
    for name in ("vc", "tc"):
        with pytest.raises(UnknownEvent, match=f"column {name}"):
            rows("mariadb", (name,), "insert", 23)
    for collation, told in ((1, "collation 1"), (None, "does not stand")):
        text = LoggedColumn(kind=Kind.VARCHAR, name="v", nullable=False, prefix=1, length=9, collation=collation)
        with pytest.raises(UnknownEvent, match=told):
            RowDecoder("t", [text], ("v",)).event(30, bytes(8) + b"\2\0\1\1\0\1a")


def test_text_that_is_none() -> None:
    """It is not replaced, and not told."""
    text = LoggedColumn(kind=Kind.VARCHAR, name="v", nullable=False, prefix=1, length=9, collation=45)
    with pytest.raises(UnknownEvent, match="rows of t cannot be read") as stopped:
        list(RowDecoder("t", [text], ("v",)).event(30, bytes(8) + b"\2\0\1\1\0\2a\xff"))
    assert "xff" not in str(stopped.value)


def test_partial_updates() -> None:
    """Differences of JSON are skipped where nobody wants the column, else the whole value is made of them."""
    text = '{{"a": {}, "b": "{}", "c": "{}"}}'
    before = [(1, "t"), (2, None)]
    assert rows("mysql", ("i", "t", "j"), "short insert", 30, "short") == [
        (None, (1, "t", text.format(1, "x", "y" * 60))),
        (None, (2, None, None)),
    ]
    assert rows("mysql", ("i", "t"), "partial", 39, "short") == [(before[0], before[0])]
    assert rows("mysql", ("i", "j"), "partial", 39, "short") == [
        ((1, text.format(1, "x", "y" * 60)), (1, text.format(2, "z", "y" * 60)))
    ]
    body = recorded("mysql", "partial")
    begin = decoder("mysql", ("i",), "short").event(39, body).at
    absent = body[: begin - 1] + b"\xfb" + body[begin:]  # the image after says that it lacks the column
    with pytest.raises(UnknownEvent, match="without all its columns"):
        list(decoder("mysql", ("i",), "short").event(39, absent))
    reads = decoder("mysql", ("i",), "short")
    for size in range(reads.event(39, body).at + 1, len(body)):
        with pytest.raises(UnknownEvent):
            list(reads.event(39, body[:size]))


# Compressed.


def test_a_compressed_transaction() -> None:
    """Its events, one by one; cut off or longer than it says, it is a stop."""
    body = recorded("mysql", "transaction")
    events = list(transaction_events(body))
    assert [event[4] for event in events] == [2, 19, 30, 16]
    assert all(len(event) == int.from_bytes(event[9:13], "little") for event in events)
    reads = RowDecoder("short", parse_table_map(events[1][19:], mariadb=False).columns, ("i", "t"))
    assert list(reads.event(30, events[2][19:])) == [(None, (3, "long " * 100)), (None, (4, "x"))]
    for size in range(len(body)):
        with pytest.raises(UnknownEvent):
            list(transaction_events(body[:size]))
    with pytest.raises(UnknownEvent):
        list(transaction_events(body + b"x"))


def test_a_transaction_that_only_looks_compressed() -> None:
    """MySQL leaves it as it is where that is shorter; other algorithms nobody knows."""
    event = bytes(9) + (21).to_bytes(4, "little") + bytes(6) + b"ab"
    head = b"\2\3\xfc\xff\0\1\1\x15\0"
    assert list(transaction_events(head + event)) == [event]
    for other in (b"\2\1\1\1\1\x15\0", b"\2\1\0\1\1\x15\0", b"\1\1\x15\0", b"\4\1\0\1\1\x15\0"):
        with pytest.raises(UnknownEvent):
            list(transaction_events(other + event))


def test_compressed_events_of_mariadb() -> None:
    """Rows in all three forms, and a statement."""
    one, two = (3, "long " * 100), (4, "x")
    longer = [(number, text + "!") for number, text in (one, two)]
    assert rows("mariadb", ("i", "t"), "compressed insert", 166, "short") == [(None, one), (None, two)]
    changed = rows("mariadb", ("i", "t"), "compressed update", 167, "short")
    assert changed == list(zip((one, two), longer, strict=True))
    assert rows("mariadb", ("i", "t"), "compressed delete", 168, "short") == [(row, None) for row in longer]
    said = event_of(165, recorded("mariadb", "compressed statement"), 1, 1, mariadb=True)
    assert isinstance(said, Said)
    assert (said.statement.kind, [one.name for one, _ in said.statement.alterations]) == (StatementKind.DDL, ["short"])
    body = recorded("mariadb", "compressed insert")
    for size in range(len(body)):
        with pytest.raises(UnknownEvent):
            list(decoder("mariadb", ("i", "t"), "short").event(166, body[:size]))


@pytest.mark.parametrize("data", [b"", b"\x90\1x", b"\x01\1", b"\x81\5" + b"xxxxx", b"\x81"])
def test_what_is_not_compressed_so(data: bytes) -> None:
    """Another algorithm, or damage."""
    with pytest.raises(UnknownEvent):
        decompressed(data)


# Values.


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.5, "1.5"),
        (100.0, "100.0"),
        (123456789012345.0, "123456789012345.0"),
        (1e15, "1e15"),
        (1.5e16, "1.5e16"),
        (1e-15, "0.000000000000001"),
        (1e-16, "1e-16"),
        (-1.25e-20, "-1.25e-20"),
        (5e-324, "5e-324"),
    ],
)
def test_numbers_in_json(value: float, text: str) -> None:
    """As MySQL shows them."""
    assert double_text(value) == text


@pytest.mark.parametrize(
    "data",
    [
        b"\x03",
        b"\x0d\0",
        b"\x04\x05",
        b"\x05\1",
        b"\x0c\5abc",
        b"\x00\1\0\xff\0\0\0",
        b"\x02\1\0\7\0\2\0\0",
        b"\x0c\xff\xff\xff\xff\xff\xff",
    ],
)
def test_json_that_is_none(data: bytes) -> None:
    """Damage is an error and not another document; nothing holds itself."""
    with pytest.raises((ValueError, LookupError, struct.error)):
        json_text(data)


def test_an_empty_json_value() -> None:
    """An error of old servers: it counts as null."""
    assert json_text(b"") == "null"


def test_decimals_with_impossible_digits() -> None:
    """A group of nine digits ends at 999,999,999."""
    read = of_decimal(9, 0)
    assert read((999_999_999 | 1 << 31).to_bytes(4)) == 999_999_999
    with pytest.raises(ValueError, match="group"):
        read((1_000_000_000 | 1 << 31).to_bytes(4))


def test_latin1_is_mysqls() -> None:
    """cp1252, and control characters in its holes: every byte means something, and no two the same."""
    every = from_latin1(bytes(range(256)))
    assert len(set(every)) == 256
    assert (every[0x80], every[0x81], every[0xE9]) == ("€", "\x81", "é")


@pytest.mark.parametrize(
    ("collation", "encoding"),
    [
        *((one, "utf-8") for one in (33, 45, 309, 1070, 2304)),
        *((one, "ascii") for one in (11, 65, 1089)),
        *((one, "latin1") for one in (8, 1071)),
        (35, "utf-16-be"),
        (56, "utf-16-le"),
        (3072, "utf-32-be"),
        *((one, None) for one in (28, 63, 248)),
    ],
)
def test_character_sets(collation: int, encoding: str | None) -> None:
    """By collation, MariaDB's own and those without padding too."""
    assert encoding_of(collation) == encoding
