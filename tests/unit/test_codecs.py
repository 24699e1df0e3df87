"""Each codec: what it takes from either database, what it refuses, and which columns can hold it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from bson import Code, Decimal128, Int64, ObjectId
from bson.datetime_ms import DatetimeMS

from sync.model.codecs import CODECS, Column, NotCanonical

HEX = "5ca4bbcea2dd94ee58162a68"
MOMENT = datetime(1977, 3, 2, 2, 20, 31, 123000)  # noqa: DTZ001 - canonical dates are naive UTC


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
        ("string", replace(TEXT, collation="utf8mb4_0900_ai_ci"), False),
        ("string", replace(TEXT, collation="utf8mb4_bin"), False),
        ("string", replace(TEXT, data_type="char"), False),
        ("string", replace(TEXT, data_type="varbinary", collation=None), False),
        ("int32", NUMBER, True),
        ("int32", replace(NUMBER, column_type="int(11)"), True),
        ("int32", replace(NUMBER, column_type="int unsigned"), False),
        ("int32", replace(NUMBER, data_type="bigint", column_type="bigint"), False),
        ("bool", FLAG, True),
        ("bool", replace(FLAG, column_type="tinyint"), False),
        ("date", MOMENTS, True),
        ("date", replace(MOMENTS, precision=6), False),
        ("date", replace(MOMENTS, data_type="timestamp"), False),
    ],
)
def test_only_columns_that_hold_every_value_exactly_serve(codec: str, column: Column, fits: bool) -> None:
    """A column that pads, folds case, rounds or has another range is refused with what is needed."""
    reason = CODECS[codec].check(column)
    assert (reason is None) == fits
    assert fits or "needed" in str(reason)
