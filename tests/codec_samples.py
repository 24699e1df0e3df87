"""Values of every codec in every type of column that it serves: as SQL writes them, and as they stand in a document.

`tests/unit/test_codec_samples.py` sees to it that no codec and no type of column is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bson import Binary, Code, Decimal128, Int64, ObjectId, Regex

from deploy.local.mysql_binary import Flavour
from sync.model.codecs import CODECS, Codec, with_options


@dataclass(frozen=True, kw_only=True)
class Case:
    """A codec on a column."""

    codec: str
    #: One of the codec's `serves`.
    column: str
    #: The same datum as an expression of SQL and as a document has it.
    samples: tuple[tuple[str, Any], ...]
    #: What may not enter the column from a document.
    refused: tuple[Any, ...] = ()
    #: What the column can hold and no document may be given.
    unreadable: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    #: Its samples that MySQL does not take back from a document.
    one_way: tuple[Any, ...] = ()
    only: Flavour | None = None
    attributes: str = "NULL"

    @property
    def made(self) -> Codec:
        """With its options."""
        return with_options(self.codec, self.options)

    def __str__(self) -> str:
        options = "".join(f" {name}={value}" for name, value in self.options.items())
        return f"{self.codec}{options} on {self.column}"


def moment(*parts: int) -> datetime:
    """Naive UTC, as pymongo gives it."""
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001


def text(value: str) -> str:
    """In SQL, whatever the session's mode."""
    return f"CONVERT(X'{value.encode().hex()}' USING utf8mb4)" if value else "''"


#: No codec takes these for another type's value. (`Case.refused` has what is peculiar to one.)
STRANGE: tuple[Any, ...] = (
    Code("x"),
    Regex("x"),
    Decimal128("NaN"),
    Decimal128("Infinity"),
    Decimal128("-Infinity"),
    float("nan"),
    float("inf"),
    float("-inf"),
    Binary(b"x", 128),
)
#: Equal numbers of different types, to be told from each other.
FIVES: tuple[Any, ...] = (5, Int64(5), 5.0, Decimal128("5"), "5", True)

_BITS = {"TINYINT": 8, "SMALLINT": 16, "MEDIUMINT": 24, "INT": 32, "BIGINT": 64}


def _range(column: str) -> tuple[int, int]:
    name, _, unsigned = column.partition(" ")
    bits = _BITS[name]
    return (0, 2**bits - 1) if unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _whole(codec: str, columns: Iterable[str], others: tuple[Any, ...]) -> Iterator[Case]:
    made: Any = {
        "int32": int,
        "int64": Int64,
        "int": lambda value: value if -(2**31) <= value < 2**31 else Int64(value),
        "uint64": lambda value: Int64(value) if value < 2**63 else Decimal128(str(value)),
    }[codec]
    for column in columns:
        least, most = _range(column)
        values = sorted({least, most, 0, 1, most // 2 + 1, least + 1})
        outside = [
            one for one in (least - 1, most + 1) if -(2**63) <= one < 2**64 and (codec != "int32" or abs(one) < 2**31)
        ]
        yield Case(
            codec=codec,
            column=column,
            samples=tuple((str(value), made(value)) for value in values),
            refused=(*others, *(made(one) for one in outside if codec == "uint64" or one < 2**63)),
        )


def _numbers() -> Iterator[Case]:
    yield from _whole("int32", CODECS["int32"].serves, FIVES[1:])
    yield from _whole("int64", CODECS["int64"].serves, (*FIVES[:1], *FIVES[2:]))
    yield from _whole("int", CODECS["int"].serves, FIVES[1:])
    yield from _whole("uint64", CODECS["uint64"].serves, (*FIVES[:1], *FIVES[2:], Int64(-1), Decimal128("-1")))
    for bits in (1, 8, 33, 64):
        fields = sorted({0, 1, 2**bits - 1, 2 ** (bits - 1)})
        yield Case(
            codec="bit",
            column=f"BIT({bits})",
            samples=tuple((f"b'{one:b}'", Int64(one) if one < 2**63 else Decimal128(str(one))) for one in fields),
            refused=(*FIVES[:1], *FIVES[2:], Int64(-1), *([Int64(2**bits)] if bits < 63 else [])),
        )
    for column in CODECS["bool"].serves:
        yield Case(
            codec="bool",
            column=column,
            samples=(("1", True), ("0", False)),
            refused=(*FIVES[:5], 0, 1),
            unreadable=("2",) if column == "TINYINT(1)" else (),
        )
    yield Case(
        codec="year",
        column="YEAR",
        samples=(("0", 0), ("1901", 1901), ("2155", 2155), ("2024", 2024)),
        refused=(1, 24, 1900, 2156, Int64(2024), "2024"),
    )
    doubles: tuple[float, ...] = (
        0.0,
        -0.0,
        1.1,
        -2.5,
        1e300,
        5e-324,
        1.7976931348623157e308,
        -1.7976931348623157e308,
        0.1 + 0.2,
        2.0**53 + 2,
        3.0,
    )
    singles: tuple[float, ...] = (
        0.0,
        -0.0,
        1.1,
        -2.5,
        16777216.0,
        1.6777216e8,
        3.4028235e38,
        -3.4028235e38,
        1e-38,
        1e-45,
        0.33333334,
    )
    for codec, numbers, others in (
        ("double", doubles, (5, Int64(5), Decimal128("5"), "5", True)),
        ("float", singles, (5, 1.100000023841858, 0.1 + 0.2, 1e39, -1e39, 1e-50)),
    ):
        for family in Flavour:  # MariaDB makes 0.0 of -0.0
            kept = [one for one in numbers if family is Flavour.MYSQL or repr(one) != "-0.0"]
            yield Case(
                codec=codec,
                column=codec.upper(),
                samples=tuple((_double(one), one) for one in kept),
                refused=(*others, *([-0.0] if family is Flavour.MARIADB else [])),
                only=family,
            )
    decimals = ("0", "-1.5", "99999999.99", "-99999999.99", "0.01", "100")
    scaled = Decimal128("0.001"), Decimal128("123456789"), Decimal128("-0"), Decimal128("1E+40"), Decimal128("1E-40")
    yield Case(
        codec="decimal128",
        column="DECIMAL(10,2)",
        samples=tuple((one, Decimal128(one)) for one in decimals),
        refused=(*scaled, *FIVES[:3], "5"),
    )
    yield Case(
        codec="decimal128",
        column="DECIMAL(34,0)",
        samples=tuple((one, Decimal128(one)) for one in ("9" * 34, "-" + "9" * 34, "1" + "0" * 33)),
        refused=(Decimal128("0.5"), Decimal128("1E+34")),
    )
    yield Case(
        codec="decimal128",
        column="DECIMAL(34,30)",
        samples=tuple((one, Decimal128(one)) for one in ("9999." + "9" * 30, "-0." + "0" * 29 + "1", "0.1")),
        refused=(Decimal128("10000"),),
    )
    yield Case(
        codec="decimal128",
        column="DECIMAL(9,0) UNSIGNED",
        samples=(("0", Decimal128("0")), ("999999999", Decimal128("999999999"))),
        refused=(Decimal128("-1"), Decimal128("1E+9"), Decimal128("0.1")),
    )
    bad = (
        "1.50",
        "01",
        "+1",
        "1e2",
        "-0",
        "1.",
        ".5",
        " 1",
        "1 ",
        "",
        "x",
        "NaN",
        "１",
        "9" * 200,
        5,
        Decimal128("5"),
        5.0,
    )
    yield Case(
        codec="decimal_text",
        column="DECIMAL(65,30)",
        samples=tuple(
            (one, one) for one in ("0", "9" * 35 + "." + "9" * 30, "-" + "9" * 35, "0." + "0" * 29 + "1", "1.5")
        ),
        refused=(*bad, "1" + "0" * 35, "0." + "0" * 30 + "1"),
    )
    yield Case(
        codec="decimal_text",
        column="DECIMAL(65,0)",
        samples=tuple((one, one) for one in ("9" * 65, "-" + "9" * 65, "1" + "0" * 64)),
        refused=("0.5", "1" + "0" * 65),
    )
    yield Case(
        codec="decimal_text",
        column="DECIMAL(10,2)",
        samples=(("1.50", "1.5"), ("-0.25", "-0.25")),
        refused=("0.125", "100000000"),
    )


def _double(value: float) -> str:
    shown = repr(value)
    return shown if "e" in shown else f"{shown}e0"


_LATIN = ("", "a", "é€ÿ", "a b", "\\'\"\n\0", "\x81")
_WIDE = ("", "a", "A", "é", "e\u0301", "漢字 😀", "\\'\"\n\r\0\x1a", "%s", "\ufeff", "\U0010ffff", "null")


def _texts() -> Iterator[Case]:
    yield Case(
        codec="objectid",
        column="CHAR(24) CHARACTER SET ascii COLLATE ascii_bin",
        samples=tuple((f"'{one}'", ObjectId(one)) for one in ("5ca4bbcea2dd94ee58162a68", "0" * 24, "f" * 24)),
        refused=("5ca4bbcea2dd94ee58162a68", b"x" * 12),
        unreadable=("'5CA4BBCEA2DD94EE58162A68'", "'5ca4'"),
    )


def _strings() -> Iterator[Case]:
    for column in CODECS["string"].serves:
        latin, char = "latin1" in column, column.startswith("CHAR")
        values = [one for one in (_LATIN if latin else _WIDE) if not (char and one.endswith(" "))]
        if not char:
            values.append("blanks  ")
        if "(20)" in column:
            values.append("x" * 20)
        elif "(300)" in column:
            values.append("é" * 300)
        elif column.startswith("TINY"):
            values.append("é" * 127)
        elif not latin:
            values.append("漢" * 20_000)
        refused: list[Any] = [5, b"bytes", Binary(b"x", 5), *_too_long(column)]
        if latin:
            refused += ["漢", "😀"]
        yield Case(
            codec="string",
            column=column,
            samples=tuple((text(one), one) for one in values),
            refused=tuple(refused),
            attributes="NULL INVISIBLE" if "300" in column else "NULL",
        )


def _too_long(column: str) -> list[str]:
    """And what CHAR would cut."""
    if column.startswith("CHAR"):
        return ["a ", "x" * 21]
    if "(20)" in column:
        return ["x" * 21, "x" * 20 + " "]
    if "(300)" in column:
        return ["é" * 301, "é" * 300 + " "]
    if column.startswith("TINY"):
        return ["é" * 128, "x" * 255 + " "]
    return ["x" * 65_536, "x" * 65_535 + " "] if column.startswith("TEXT") else []


def _choices() -> Iterator[Case]:
    members = ("a", "B", "é c", "2", "1")
    yield Case(
        codec="enum",
        column=CODECS["enum"].serves[0],
        samples=(*((text(one), one) for one in members), ("'none'", "")),
        refused=("A", "b", "a ", "3", "none", "é  c", 1, Int64(1)),
        one_way=("",),
    )
    for column in CODECS["enum"].serves[1:]:
        yield Case(
            codec="enum",
            column=column,
            samples=((text("a"), "a"), (text("é"), "é"), ("''", "")),
            refused=("e", "É", "1"),
            one_way=("",),
        )
    yield Case(
        codec="set",
        column=CODECS["set"].serves[0],
        samples=(("''", []), (text("d,a"), ["a", "d"]), (text("é c"), ["é c"]), ("15", ["B", "a", "d", "é c"])),
        refused=(["A"], ["a", "a"], ["a,B"], [""], ["none"], ["1"], "a", [1], [["a"]]),
    )
    yield Case(
        codec="set",
        column=CODECS["set"].serves[1],
        samples=((text("é,a"), ["a", "é"]), ("'none'", [])),
        refused=(["e"], ["É"]),
    )


def _bytes() -> Iterator[Case]:
    others = (Binary(b"x", 5), "x", Binary(b"x" * 16, 4))
    every = bytes(range(256))
    for column in CODECS["binary"].serves:
        if column == "BINARY(5)":
            yield Case(
                codec="binary",
                column=column,
                samples=(("X'0001FF0000'", b"\0\1\xff\0\0"), ("X'2020202020'", b"     "), ("X'61'", b"a\0\0\0\0")),
                refused=(*others, b"a", b"", b"abcdef", b"abcd"),
            )
            continue
        values = [b"", b"\0", b"a\0\0", b"  ", b"\xff'\\\"\n", every[:30] if "(30)" in column else every[:255]]
        if "TINY" not in column and "(30)" not in column:
            values.append(every * 200)
        yield Case(
            codec="binary",
            column=column,
            samples=tuple((f"X'{one.hex()}'", one) for one in values),
            refused=(*others, *([b"x" * 31] if "(30)" in column else [b"x" * 256] if "TINY" in column else [])),
        )
    known = "123e4567-e89b-12d3-a456-426655440000"
    for column in CODECS["uuid"].serves:
        known_ones = [known, "f" * 8 + "-" + "f" * 4 + "-1fff-8fff-" + "f" * 12]
        yield Case(
            codec="uuid",
            column=column,
            samples=tuple(
                (f"X'{one.replace('-', '')}'" if column == "BINARY(16)" else f"'{one}'", _uuid(one))
                for one in known_ones
            ),
            refused=(known, Binary(b"x" * 16, 3), b"x" * 16),
            unreadable=(f"'{known.upper()}'",) if "CHAR" in column else (),
            only=Flavour.MARIADB if column == "UUID" else None,
        )
    yield Case(
        codec="inet",
        column="INET4",
        samples=(("'1.2.3.0'", "1.2.3.0"), ("'0.0.0.0'", "0.0.0.0"), ("'255.255.255.255'", "255.255.255.255")),
        refused=("::1", "1.2.3", "01.2.3.4", "", 5),
        only=Flavour.MARIADB,
    )
    yield Case(
        codec="inet",
        column="INET6",
        samples=(
            *(("'::'", "::"), ("'fe80::1:0'", "fe80::1:0"), ("'FE80:0:0:0:0:0:0:1'", "fe80::1")),
            *(("'::ffff:1.2.3.4'", "::ffff:102:304"), ("'2001:db8:0:1:1:1:1:1'", "2001:db8:0:1:1:1:1:1")),
        ),
        refused=("1.2.3.4", "FE80::1", "fe80:0:0:0:0:0:0:1", "fe80::1%eth0", "x"),
        only=Flavour.MARIADB,
    )
    point = bytes(4) + bytes.fromhex("0101000000000000000000f03f0000000000000040")
    line = bytes(4) + bytes.fromhex(
        "010200000002000000000000000000f03f000000000000004000000000000008400000000000001040"
    )
    for column in CODECS["geometry"].serves:
        samples = [("ST_GeomFromText('POINT(1 2)')", point)]
        if column == "GEOMETRY":
            samples.append(("ST_GeomFromText('LINESTRING(1 2,3 4)')", line))
        yield Case(
            codec="geometry",
            column=column,
            samples=tuple(samples),
            refused=(b"", b"no shape", point[:-1], "POINT(1 2)", *([line] if column == "POINT" else [])),
        )
    yield Case(
        codec="vector",
        column="VECTOR(3)",
        samples=(
            ("STRING_TO_VECTOR('[1,2.5,-3]')", bytes.fromhex("0000803f00002040000040c0")),
            ("STRING_TO_VECTOR('[0]')", bytes(4)),
        ),
        refused=(b"abc", bytes(16), "x", [1.0]),
        only=Flavour.MYSQL,
    )


def _uuid(value: str) -> Binary:
    return Binary(bytes.fromhex(value.replace("-", "")), 4)


def _stamp(value: str) -> str:
    """A moment in UTC, whatever the session's zone."""
    return f"CONVERT_TZ('{value}', '+00:00', @@session.time_zone)"


def _times() -> Iterator[Case]:
    aware = datetime(2024, 2, 29, tzinfo=UTC)
    for column in CODECS["date"].serves:
        digits = int(column[-2]) if column.endswith(")") else 0
        micro = 123000 // 10 ** (6 - digits) * 10 ** (6 - digits)
        stamp = column.startswith("TIMESTAMP")
        moments = [moment(2024, 2, 29, 23, 59, 59, micro), moment(2038, 1, 19, 3, 14, 7)]
        moments += [moment(2038, 1, 19, 3, 14, 7, 999000)] if digits == 3 else []
        moments += (
            [moment(1970, 1, 1, 0, 0, 1)] if stamp else [moment(1000, 1, 1), moment(9999, 12, 31, 23, 59, 59, micro)]
        )
        refused: list[Any] = ["2024-02-29", "2024-02-29T00:00:00", Int64(0), moment(999, 12, 31)]
        refused += [moment(2024, 1, 1, 0, 0, 0, 1000)] if digits < 3 else []
        refused += [moment(1970, 1, 1), moment(2110, 1, 1)] if stamp else []
        yield Case(
            codec="date",
            column=column,
            samples=tuple((_stamp(str(one)) if stamp else f"'{one}'", one) for one in moments),
            refused=tuple(refused),
            unreadable=("'0000-00-00 00:00:00'", *(() if stamp else ("'2020-00-10 00:00:00'", "'0999-01-01'"))),
        )
    assert aware.tzinfo is UTC
    for options, zero, refused_zero in (("text", "0000-00-00 00:00:00", ()), ("null", None, ("0000-00-00 00:00:00",))):
        yield Case(
            codec="date",
            column="DATETIME(3)",
            options={"zero_dates": options},
            samples=(
                ("'2024-02-29 01:02:03'", moment(2024, 2, 29, 1, 2, 3)),
                *([("'0000-00-00'", zero), ("'2020-00-10 01:02:03.5'", "2020-00-10 01:02:03.5")] if zero else []),
            ),
            refused=(*refused_zero, "0000-00-00", "2024-02-29 01:02:03", "0000-00-00 00:00:00.000"),
            unreadable=("'2020-00-10'",) if options == "null" else (),
        )
    for column in CODECS["datetime_text"].serves:
        digits = int(column[-2]) if column.endswith(")") else 0
        micro = 123456 // 10 ** (6 - digits) * 10 ** (6 - digits)
        stamp = column.startswith("TIMESTAMP")
        moments = [moment(2024, 2, 29, 1, 2, 3, micro), moment(2001, 1, 1), moment(2000, 6, 1, 12, 0, 0, micro)]
        yield Case(
            codec="datetime_text",
            column=column,
            samples=tuple((_stamp(str(one)) if stamp else f"'{one}'", one.isoformat()) for one in moments),
            refused=(
                *("2024-02-29 01:02:03", "2024-02-29T01:02", "2024-02-30T01:02:03", "2024-02-29T01:02:03.5"),
                *("2024-02-29T01:02:03Z", "0999-01-01T00:00:00", moment(2024, 1, 1)),
                *(["2024-02-29T01:02:03.123456"] if digits < 6 else []),
            ),
            unreadable=("'0000-00-00 00:00:00'",),
        )
    yield Case(
        codec="datetime_text",
        column="DATETIME(6)",
        options={"zero_dates": "text"},
        samples=(
            ("'0000-00-00'", "0000-00-00 00:00:00"),
            ("'2024-02-29 01:02:03.000001'", "2024-02-29T01:02:03.000001"),
        ),
        refused=("0000-00-00T00:00:00",),
    )
    days = ("1000-01-01", "2024-02-29", "9999-12-31")
    yield Case(
        codec="day",
        column="DATE",
        samples=tuple((f"'{one}'", datetime.fromisoformat(one)) for one in days),
        refused=(moment(2024, 1, 1, 0, 0, 0, 1000), moment(2024, 1, 1, 12), "2024-01-01", moment(999, 1, 1)),
        unreadable=("'0000-00-00'", "'2020-00-10'"),
    )
    yield Case(
        codec="day",
        column="DATE",
        options={"zero_dates": "text"},
        samples=(("'0000-00-00'", "0000-00-00"), ("'2020-01-00'", "2020-01-00"), ("'2020-01-01'", moment(2020, 1, 1))),
        refused=("2020-01-01", "0000-00-00 00:00:00"),
    )
    yield Case(
        codec="day_text",
        column="DATE",
        samples=tuple((f"'{one}'", one) for one in days),
        refused=("2024-02-30", "20240229", "2024-2-9", "0999-01-01", moment(2024, 1, 1)),
        unreadable=("'0000-00-00'",),
    )
    yield Case(
        codec="day_text",
        column="DATE",
        options={"zero_dates": "text"},
        samples=(("'0000-00-00'", "0000-00-00"), ("'2020-00-00'", "2020-00-00")),
        refused=("0000-00-00 00:00:00",),
    )
    for column in CODECS["time"].serves:
        digits = int(column[-2]) if column.endswith(")") else 0
        fraction = f".{'250000'[:digits]:0<6}" if digits else ""
        times = ["00:00:00", "-838:59:59", "838:59:59", f"-00:00:01{fraction}", f"23:59:59{fraction}", "100:00:00"]
        yield Case(
            codec="time",
            column=column,
            samples=tuple((f"'{one}'", one) for one in times),
            refused=(
                *(
                    "1:00:00",
                    "-00:00:00",
                    "24:00",
                    "839:00:00",
                    "838:59:59.000001",
                    "01:60:00",
                    "001:00:00",
                    "01:00:00.5",
                    5,
                ),
                *(["00:00:00.123456"] if digits < 6 else []),
            ),
        )


def _json() -> Iterator[Case]:
    nested: Any = {"a": [1, 1.5, None, True, {"": [[], {}]}], "$x.y": 'é😀\\"', "b": {"c": Int64(2**40)}}
    samples: list[tuple[str, Any]] = [
        (text('{"b": {"c": 1099511627776}, "a": [1, 1.5, null, true, {"": [[], {}]}], "$x.y": "é😀\\\\\\""}'), nested),
        ("'5'", 5),
        ("'5.0'", 5.0),
        ("'-0.0'", -0.0),
        ("'9223372036854775807'", Int64(2**63 - 1)),
        ("'18446744073709551615'", Decimal128("18446744073709551615")),
        ("'1e100'", 1e100),
        ("'0.1'", 0.1),
        ("'2.2250738585072014e-308'", 2.2250738585072014e-308),
        ("'null'", None),
        ("'true'", True),
        ("'\"text\"'", "text"),
        ("'[]'", []),
        ("'{}'", {}),
        ("""'{"a": [1, 2]}'""", {"a": [1, 2]}),
    ]
    refused: tuple[Any, ...] = (
        *(Int64(5), ObjectId("0" * 24), moment(2024, 1, 1), b"x", Decimal128("5"), Decimal128("1.5")),
        *([Int64(5)], {"a": [ObjectId("0" * 24)]}, {"a": float("nan")}),
    )
    big, exact = Decimal128("12345678901234567890.12"), Decimal128("18446744073709551616")
    yield Case(
        codec="json",
        column="JSON",
        samples=(*samples, ("""JSON_OBJECT('d', CAST('12345678901234567890.12' AS DECIMAL(30,2)))""", {"d": big})),
        refused=(*refused, exact),
        one_way=({"d": big},),
        only=Flavour.MYSQL,
    )
    yield Case(
        codec="json",
        column="JSON",
        samples=(*samples, ("'{\"d\":12345678901234567890.12}'", {"d": big}), ("'18446744073709551616'", exact)),
        refused=refused,
        unreadable=("""'{"a": 1, "a": 2}'""",),
        only=Flavour.MARIADB,
    )


CASES: tuple[Case, ...] = (*_numbers(), *_texts(), *_strings(), *_choices(), *_bytes(), *_times(), *_json())


def cases(flavour: Flavour) -> tuple[Case, ...]:
    """Those that a server of this family can have."""
    return tuple(case for case in CASES if case.only in (None, flavour))


def exact(value: object) -> object:
    """Equal for equal values of equal types only; -0.0 is not 0.0."""
    if isinstance(value, dict):
        return {name: exact(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [exact(inner) for inner in value]
    return type(value).__name__, repr(value)
