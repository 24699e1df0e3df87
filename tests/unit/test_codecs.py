"""Each codec: what it takes from either database, what it refuses, and which columns can hold it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from bson import Binary, Code, Decimal128, Int64, ObjectId
from bson.datetime_ms import DatetimeMS

from sync.model.codecs import CODECS, Column, NotCanonical, with_options
from sync.model.codecs.numbers import MINUS_ZERO

HEX = "5ca4bbcea2dd94ee58162a68"
MOMENT = datetime(1977, 3, 2, 2, 20, 31, 123000)  # noqa: DTZ001 - canonical dates are naive UTC
MICRO = datetime(2024, 2, 29, 1, 2, 3, 1)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("codec", "bson", "canonical", "column"),
    [
        ("objectid", ObjectId(HEX), HEX, HEX),
        ("string", "a\0é\U0001f4b6 ", "a\0é\U0001f4b6 ", "a\0é\U0001f4b6 "),
        ("string", "", "", ""),
        ("int32", -(2**31), -(2**31), -(2**31)),
        ("int32", 2**31 - 1, 2**31 - 1, 2**31 - 1),
        ("bool", True, True, 1),
        ("bool", False, False, 0),
        ("date", MOMENT, MOMENT, MOMENT),
        ("int64", Int64(5), 5, 5),
        ("int", 5, 5, 5),
        ("int", Int64(2**31), 2**31, 2**31),
        ("uint64", Int64(2**63 - 1), 2**63 - 1, 2**63 - 1),
        ("uint64", Decimal128(str(2**63)), 2**63, 2**63),
        ("year", 2155, 2155, 2155),
        ("double", 1.0, 1.0, 1.0),
        ("float", 1.1, 1.1, 1.100000023841858),
        ("decimal128", Decimal128("1.5"), Decimal("1.5"), Decimal("1.5")),
        ("decimal_text", "-0.25", Decimal("-0.25"), Decimal("-0.25")),
        ("datetime_text", "2024-02-29T01:02:03.000001", MICRO, MICRO),
        ("day", datetime(2024, 2, 29), datetime(2024, 2, 29), date(2024, 2, 29)),  # noqa: DTZ001
        ("enum", "a", "a", "a"),
        ("set", ["a", "b"], "a,b", "a,b"),
        ("binary", b"\0\xff", b"\0\xff", b"\0\xff"),
        (
            "uuid",
            Binary(bytes(15) + b"\1", 4),
            f"{'0' * 8}-0000-0000-0000-{'1':0>12}",
            f"{'0' * 8}-0000-0000-0000-{'1':0>12}",
        ),
        ("inet", "fe80::1", "fe80::1", "fe80::1"),
        ("json", {"a": [1, 1.0]}, '{"a":[1,1.0]}', '{"a":[1,1.0]}'),
    ],
)
def test_the_three_faces_of_a_value(codec: str, bson: object, canonical: object, column: object) -> None:
    """One canonical value, told from either side; types count."""
    one = CODECS[codec]
    for found, wanted in (
        (one.from_bson(bson), canonical),
        (one.from_column(column), canonical),
        (one.to_bson(one.from_column(column)), bson),
        (one.to_column(one.from_bson(bson)), column),
    ):
        assert found == wanted
        assert type(found) is type(wanted)


@pytest.mark.parametrize(
    ("codec", "value"),
    [
        ("objectid", HEX),
        ("objectid", None),
        ("string", b"bytes"),
        ("string", Code("x")),
        ("string", None),
        ("string", "half a pair \ud83d"),
        ("int32", True),
        ("int32", Int64(1)),
        ("int32", 1.0),
        ("int32", 2**31),
        ("int32", -(2**31) - 1),
        ("int32", Decimal128("1")),
        ("int32", "1"),
        ("int64", Int64(2**63)),
        ("int", Int64(2**63)),
        ("uint64", Int64(2**63)),
        ("bool", 1),
        ("bool", 0),
        ("bool", None),
        ("date", "1977-03-02"),
        ("date", DatetimeMS(2**60)),
        ("date", datetime(999, 12, 31, 23, 59, 59, 999000)),  # noqa: DTZ001
        ("date", datetime(2000, 1, 1, 0, 0, 0, 1)),  # noqa: DTZ001
        ("date", datetime(2000, 1, 1, tzinfo=UTC)),
    ],
)
def test_bson_of_another_type_is_refused(codec: str, value: object) -> None:
    """Nothing is converted silently."""
    with pytest.raises(NotCanonical):
        CODECS[codec].from_bson(value)


@pytest.mark.parametrize(
    ("codec", "value"),
    [
        ("objectid", HEX.upper()),
        ("objectid", HEX[:-1]),
        ("objectid", HEX + "\n"),
        ("objectid", HEX.encode()),
        ("string", b"bytes"),
        ("int32", "1"),
        ("int32", 2**31),
        ("bool", 2),
        ("bool", "1"),
        ("date", "0000-00-00 00:00:00"),
        ("date", datetime(2000, 1, 1, 0, 0, 0, 1)),  # noqa: DTZ001
        ("int32", None),
    ],
)
def test_surprises_of_a_driver_are_refused(codec: str, value: object) -> None:
    """What a column of the right type cannot give is no value."""
    with pytest.raises(NotCanonical):
        CODECS[codec].from_column(value)


def test_a_refusal_names_types_and_never_the_value() -> None:
    """The text says what is allowed and what type was found."""
    with pytest.raises(NotCanonical) as caught:
        CODECS["int32"].from_bson("secret")
    assert str(caught.value) == "int32 is allowed, found str"


TEXT = Column(
    name="c",
    data_type="varchar",
    column_type="varchar(20)",
    nullable=False,
    collation="utf8mb4_0900_bin",
    length=20,
    precision=None,
    extra="",
)
HEX_TEXT = replace(TEXT, data_type="char", column_type="char(24)", collation="ascii_bin", length=24)
NUMBER = replace(TEXT, data_type="int", column_type="int", collation=None, length=None)
CHOICE = replace(TEXT, data_type="enum", column_type="enum('a','b')", members=("a", "b"))
FLAG = replace(NUMBER, data_type="tinyint", column_type="tinyint(1)")
MOMENTS = replace(NUMBER, data_type="datetime", column_type="datetime(3)", precision=3)


@pytest.mark.parametrize(
    ("codec", "column", "fits"),
    [
        ("objectid", HEX_TEXT, True),
        ("objectid", replace(HEX_TEXT, length=23), False),
        ("objectid", replace(HEX_TEXT, collation="ascii_general_ci"), False),
        ("objectid", NUMBER, False),
        ("string", TEXT, True),
        ("string", replace(TEXT, collation="utf8mb4_nopad_bin"), True),
        ("string", replace(TEXT, data_type="longtext", column_type="longtext"), True),
        ("string", replace(TEXT, collation="utf8mb4_0900_ai_ci"), True),
        ("string", replace(TEXT, collation="latin1_swedish_ci"), True),
        ("string", replace(TEXT, collation="gbk_chinese_ci"), False),
        ("string", replace(TEXT, data_type="char"), True),
        ("string", replace(TEXT, column_type="varchar(20) /*m!100301 compressed*/"), False),
        ("string", replace(TEXT, data_type="varbinary", collation=None), False),
        ("int32", NUMBER, True),
        ("int32", replace(NUMBER, column_type="int(11)"), True),
        ("int32", replace(NUMBER, column_type="int unsigned"), False),
        ("int32", replace(NUMBER, data_type="bigint", column_type="bigint"), False),
        ("int32", replace(NUMBER, data_type="smallint", column_type="smallint(5) unsigned zerofill"), True),
        ("int64", replace(NUMBER, data_type="bigint", column_type="bigint(20)"), True),
        ("int64", replace(NUMBER, data_type="bigint", column_type="bigint unsigned"), False),
        ("uint64", replace(NUMBER, data_type="bigint", column_type="bigint unsigned"), True),
        ("uint64", NUMBER, False),
        ("double", replace(NUMBER, data_type="double", column_type="double"), True),
        ("double", replace(NUMBER, data_type="double", column_type="double(10,2)"), False),
        ("float", replace(NUMBER, data_type="float", column_type="float(7,4)"), False),
        ("decimal128", replace(NUMBER, data_type="decimal", column_type="decimal(34,30)"), True),
        ("decimal128", replace(NUMBER, data_type="decimal", column_type="decimal(35,0)"), False),
        ("decimal_text", replace(NUMBER, data_type="decimal", column_type="decimal(65,30)"), True),
        ("decimal_text", NUMBER, False),
        ("datetime_text", replace(MOMENTS, precision=6), True),
        ("datetime_text", NUMBER, False),
        ("day", replace(NUMBER, data_type="date", column_type="date"), True),
        ("day", MOMENTS, False),
        ("time", MOMENTS, False),
        ("enum", CHOICE, True),
        ("enum", replace(CHOICE, members=("a", "")), False),
        ("enum", replace(CHOICE, members=("a\\b",)), False),
        ("enum", replace(CHOICE, collation="gbk_bin"), False),
        ("set", CHOICE, False),
        ("set", replace(CHOICE, data_type="set"), True),
        ("bit", replace(NUMBER, data_type="bit", column_type="bit(64)"), True),
        ("year", NUMBER, False),
        ("binary", TEXT, False),
        ("binary", replace(TEXT, data_type="longblob", column_type="longblob", collation=None), True),
        ("binary", replace(TEXT, data_type="blob", column_type="blob /*!100301 compressed*/", collation=None), False),
        ("uuid", replace(HEX_TEXT, column_type="char(36)", length=36), True),
        ("uuid", HEX_TEXT, False),
        ("inet", TEXT, False),
        ("json", replace(NUMBER, data_type="json", column_type="json"), True),
        ("json", replace(TEXT, data_type="longtext", column_type="longtext"), True),
        ("json", replace(TEXT, data_type="longtext", column_type="longtext", collation="latin1_bin"), False),
        ("geometry", replace(NUMBER, data_type="point", column_type="point"), True),
        ("geometry", NUMBER, False),
        ("vector", NUMBER, False),
        ("bool", FLAG, True),
        ("bool", replace(FLAG, column_type="tinyint"), False),
        ("date", MOMENTS, True),
        ("date", replace(MOMENTS, precision=6), False),
        ("date", replace(MOMENTS, data_type="timestamp"), True),
        ("date", replace(MOMENTS, data_type="time"), False),
    ],
)
def test_only_columns_that_hold_every_value_exactly_serve(codec: str, column: Column, fits: bool) -> None:
    """A column that pads, folds case, rounds or has another range is refused with what is needed."""
    reason = CODECS[codec].check(column)
    assert (reason is None) == fits
    assert fits or "needed" in str(reason)


@pytest.mark.parametrize(
    ("codec", "column", "fits"),
    [
        ("string", TEXT, True),
        ("string", replace(TEXT, collation="utf8mb4_0900_ai_ci"), False),
        ("string", replace(TEXT, collation="utf8mb4_bin"), False),
        ("string", replace(TEXT, data_type="char"), False),
        ("bool", FLAG, True),
        ("bool", replace(FLAG, data_type="bit", column_type="bit(1)"), False),
        ("binary", replace(TEXT, data_type="varbinary", collation=None), True),
        ("binary", replace(TEXT, data_type="blob", collation=None), False),
        ("uuid", replace(HEX_TEXT, column_type="char(36)"), True),
        ("uuid", replace(TEXT, data_type="uuid", column_type="uuid"), False),
        ("int64", NUMBER, True),
    ],
)
def test_rows_are_found_only_by_columns_that_compare_exactly(codec: str, column: Column, fits: bool) -> None:
    """A collation by which 'a' is 'A' would make one row of two members."""
    assert CODECS[codec].check(column) is None
    reason = CODECS[codec].check_key(column)
    assert (reason is None) == fits
    assert fits or "key" in str(reason) or "needed" in str(reason)


DECIMAL = replace(NUMBER, data_type="decimal", column_type="decimal(10,2)")
BYTES = replace(TEXT, data_type="binary", column_type="binary(3)", collation=None, length=3)


@pytest.mark.parametrize(
    ("codec", "column", "kept", "lost"),
    [
        ("string", TEXT, "x" * 20, "x" * 20 + " "),
        ("string", replace(TEXT, data_type="char"), "a", "a "),
        ("string", replace(TEXT, data_type="tinytext", length=255), "\u00e9" * 127, "\u00e9" * 127 + "  "),
        ("int32", replace(NUMBER, data_type="smallint", column_type="smallint(6)"), -32768, 32768),
        ("int64", replace(NUMBER, data_type="int", column_type="int unsigned"), 2**32 - 1, -1),
        ("decimal128", DECIMAL, Decimal("0.01"), Decimal("0.001")),
        ("decimal128", DECIMAL, Decimal("-99999999.99"), Decimal("1E+8")),
        ("decimal_text", replace(DECIMAL, column_type="decimal(10,0)"), Decimal(1), Decimal("0.1")),
        ("date", replace(MOMENTS, precision=2), MOMENT.replace(microsecond=120000), MOMENT),
        ("datetime_text", replace(MOMENTS, precision=0), MICRO.replace(microsecond=0), MICRO),
        ("time", replace(MOMENTS, data_type="time", precision=1), "00:00:00.500000", "00:00:00.510000"),
        ("enum", CHOICE, "b", "B"),
        ("enum", CHOICE, "b", "1"),
        ("set", CHOICE, "a,b", "a,A"),
        ("binary", BYTES, b"abc", b"ab"),
        ("inet", replace(TEXT, data_type="inet4"), "1.2.3.4", "::1"),
        ("json", replace(NUMBER, data_type="json", column_type="json"), "1e+300", "12345678901234567890.12"),
    ],
)
def test_what_a_column_would_change_is_refused(codec: str, column: Column, kept: object, lost: object) -> None:
    """Rounded, cut, filled up or taken for something else: MySQL would say nothing."""
    write = CODECS[codec].writer(column)
    assert write(kept) == kept  # type: ignore[arg-type]
    with pytest.raises(NotCanonical) as caught:
        write(lost)  # type: ignore[arg-type]
    assert "allowed" in str(caught.value)


def test_minus_zero_is_not_zero() -> None:
    """But it counts as one in sums and comparisons of size."""
    double = CODECS["double"]
    assert double.from_bson(-0.0) is MINUS_ZERO
    assert double.from_column(0.0) != MINUS_ZERO
    assert {MINUS_ZERO, 0.0} == {0.0, MINUS_ZERO}
    assert len({MINUS_ZERO, 0.0}) == 2
    assert repr(double.to_bson(MINUS_ZERO)) == "-0.0"
    assert MINUS_ZERO + 1.5 == 1.5
    assert MINUS_ZERO < 1.0


def test_the_form_of_a_decimal_is_no_part_of_it() -> None:
    """1.5 and 1.50 are one value, shown in one way."""
    decimal = CODECS["decimal128"]
    forms = [decimal.from_bson(Decimal128(one)) for one in ("1.5", "1.50")] + [decimal.from_column(Decimal("1.500"))]
    assert {repr(one) for one in forms} == {"Decimal('1.5')"}
    assert repr(decimal.from_bson(Decimal128("1E+2"))) == "Decimal('100')"


@pytest.mark.parametrize(
    ("zero_dates", "shown", "canonical"),
    [
        ("null", "0000-00-00 00:00:00.000", None),
        ("text", "0000-00-00 00:00:00.000", "0000-00-00 00:00:00"),
        ("text", "2020-00-10 01:02:03.500", "2020-00-10 01:02:03.5"),
    ],
)
def test_dates_that_are_none(zero_dates: str, shown: str, canonical: object) -> None:
    """Are carried as the mapping says."""
    codec = with_options("date", {"zero_dates": zero_dates})
    assert codec.from_column(shown) == canonical
    if canonical is not None:
        assert codec.from_bson(canonical) == codec.to_column(canonical) == codec.to_bson(canonical) == canonical  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("codec", "options", "shown"),
    [
        ("date", {}, "0000-00-00 00:00:00.000"),
        ("date", {"zero_dates": "null"}, "2020-00-10 00:00:00"),
        ("date", {"zero_dates": "text"}, "2020-01-10 00:00:00"),
        ("date", {"zero_dates": "text"}, "soon"),
        ("day", {}, "0000-00-00"),
        ("day_text", {"zero_dates": "null"}, "2020-00-00"),
        ("datetime_text", {}, "0000-00-00 00:00:00"),
    ],
)
def test_dates_that_are_none_are_refused_else(codec: str, options: dict[str, str], shown: str) -> None:
    """A zero date in place of a date would be a guess."""
    with pytest.raises(NotCanonical):
        with_options(codec, options).from_column(shown)


@pytest.mark.parametrize(
    ("time", "shown"),
    [
        (timedelta(seconds=-1.25), "-00:00:01.250000"),
        (timedelta(hours=-838, minutes=-59, seconds=-59), "-838:59:59"),
        (timedelta(0), "00:00:00"),
        (timedelta(days=4, microseconds=1), "96:00:00.000001"),
    ],
)
def test_times_are_text(time: timedelta, shown: str) -> None:
    """Negative, over a day, with a fraction."""
    assert CODECS["time"].from_column(time) == CODECS["time"].from_bson(shown) == shown


@pytest.mark.parametrize(
    ("found", "canonical"),
    [
        (b"\1\0", 256),
        (b"", 0),
    ],
)
def test_bits_are_a_number(found: bytes, canonical: int) -> None:
    """As the driver gives them: bytes, the highest first."""
    assert CODECS["bit"].from_column(found) == canonical


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"b": 1, "a": [1.0, 1e1]}', '{"a":[1.0,10.0],"b":1}'),
        ("1.10", "1.1"),
        ("100000000000000000000", "100000000000000000000"),
        ("12345678901234567890.120", "12345678901234567890.12"),
    ],
)
def test_json_that_says_the_same_is_the_same(one: str, other: str) -> None:
    """Whatever its blanks, the order of its keys and the zeros of its numbers."""
    assert CODECS["json"].from_column(one) == other


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":2}',
        "NaN",
        '"\\ud800"',
        '{"\\u0000":1}',
        "{",
        "",
        "1" * 40,
        "0." + "1234567890" * 4,
        "[" * 3000 + "]" * 3000,
    ],
)
def test_json_that_a_document_cannot_hold_is_refused(text: str) -> None:
    """Keys that come twice, halves of characters, more digits than Decimal128 has."""
    with pytest.raises(NotCanonical):
        CODECS["json"].from_column(text)
