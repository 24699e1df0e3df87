"""Numbers. A number of another type of BSON is another value, also where both are equal: what was 5 must not become 5.0."""

from __future__ import annotations

import re
import struct
from decimal import Context, Decimal
from math import copysign, isfinite
from typing import ClassVar, TypeGuard

from bson import Decimal128, Int64

from sync.model.change import Value
from sync.model.codecs.base import (
    Column,
    NotCanonical,
    Plain,
    Writer,
    decimal_digits,
    numbers_of,
    refused,
    whole_range,
)

_SIGNED = ("TINYINT", "SMALLINT", "MEDIUMINT", "INT", "BIGINT")
_UNSIGNED = ("TINYINT UNSIGNED", "SMALLINT UNSIGNED", "MEDIUMINT UNSIGNED", "INT UNSIGNED", "BIGINT UNSIGNED")
_INT32, _INT64, _UINT64 = (-(2**31), 2**31), (-(2**63), 2**63), (0, 2**64)


def _within(column: Column, least: int, end: int) -> bool:
    held = whole_range(column)
    return held is not None and least <= held[0] and held[1] <= end


def _whole_writer(column: Column, least: int, end: int) -> Writer:
    """Of a column that may hold less than the codec: what it would refuse is told beforehand."""
    low, high = whole_range(column) or (least, end)
    if low <= least and end <= high:
        return lambda value: value

    def write(value: Value) -> object:
        assert isinstance(value, int)
        if low <= value < high:
            return value
        raise NotCanonical(f"{low} to {high - 1} is allowed")

    return write


class Int32Codec(Plain):
    """A whole number of 32 bits; int64 and double are other types in BSON and are refused."""

    name = "int32"
    serves = (*_SIGNED[:4], *_UNSIGNED[:3])
    bson = "int32"

    def check(self, column: Column) -> str | None:
        return None if _within(column, *_INT32) else "INT (signed) or a smaller one is needed"

    def writer(self, column: Column) -> Writer:
        return _whole_writer(column, *_INT32)

    def from_column(self, value: object) -> Value:
        return self._in_range(value)

    def from_bson(self, value: object) -> Value:
        return self._in_range(value)

    def _in_range(self, value: object) -> int:
        if type(value) is int and -(2**31) <= value < 2**31:
            return value
        raise refused("int32", value)


def _is_long(value: object) -> TypeGuard[Int64]:
    """Whether BSON can hold it as int64: the driver's class takes any number."""
    return type(value) is Int64 and _INT64[0] <= value < _INT64[1]


class Int64Codec(Plain):
    """A whole number of 64 bits, also where 32 would do."""

    name = "int64"
    serves = (*_SIGNED, *_UNSIGNED[:4])
    bson = "int64"

    def check(self, column: Column) -> str | None:
        return None if _within(column, *_INT64) else "a whole number of at most 64 bits, not BIGINT UNSIGNED, is needed"

    def writer(self, column: Column) -> Writer:
        return _whole_writer(column, *_INT64)

    def from_column(self, value: object) -> Value:
        return _whole(value, *_INT64)

    def from_bson(self, value: object) -> Value:
        if _is_long(value):
            return int(value)
        raise refused("int64", value)

    def to_bson(self, value: Value) -> object:
        return Int64(value)  # type: ignore[arg-type]  # an int


class IntCodec(Plain):
    """A whole number as most drivers write it: int32 where it fits, else int64."""

    name = "int"
    serves = (*_SIGNED, *_UNSIGNED[:4])
    bson = "int32 where it fits, else int64"
    refuses = "int64 where int32 would do"

    def check(self, column: Column) -> str | None:
        return None if _within(column, *_INT64) else "a whole number of at most 64 bits, not BIGINT UNSIGNED, is needed"

    def writer(self, column: Column) -> Writer:
        return _whole_writer(column, *_INT64)

    def from_column(self, value: object) -> Value:
        return _whole(value, *_INT64)

    def from_bson(self, value: object) -> Value:
        if type(value) is int and -(2**31) <= value < 2**31:
            return value
        if _is_long(value) and not -(2**31) <= value < 2**31:
            return int(value)
        raise refused("int32, or int64 where 32 bits are too few,", value)

    def to_bson(self, value: Value) -> object:
        return value if -(2**31) <= value < 2**31 else Int64(value)  # type: ignore[operator,arg-type]  # an int


class UInt64Codec(Plain):
    """A whole number of 64 bits without a sign: int64 up to its end, Decimal128 beyond."""

    name = "uint64"
    serves: ClassVar[tuple[str, ...]] = ("BIGINT UNSIGNED", "INT UNSIGNED")
    bson = "int64 up to 2^63-1, Decimal128 beyond"
    refuses = "less than 0; Decimal128 where int64 would do"

    def check(self, column: Column) -> str | None:
        return None if _within(column, *_UINT64) else "a whole number UNSIGNED is needed"

    def from_column(self, value: object) -> Value:
        return _whole(value, *_UINT64)

    def writer(self, column: Column) -> Writer:
        return _whole_writer(column, *_UINT64)

    def from_bson(self, value: object) -> Value:
        if _is_long(value) and value >= 0:
            return int(value)
        if isinstance(value, Decimal128):
            number = value.to_decimal()
            if number.is_finite() and number.as_tuple().exponent == 0 and 2**63 <= number < 2**64:
                return int(number)
        raise refused("int64 from 0 on, or Decimal128 from 2^63 to 2^64-1,", value)

    def to_bson(self, value: Value) -> object:
        return Int64(value) if value < 2**63 else Decimal128(str(value))  # type: ignore[operator,arg-type]  # an int


class BitCodec(UInt64Codec):
    """Bits as the number that they are."""

    name = "bit"
    serves = ("BIT(1)", "BIT(8)", "BIT(33)", "BIT(64)")
    tells_apart = False  # a driver gives bytes, and a statement has a number

    def check(self, column: Column) -> str | None:
        return None if column.data_type == "bit" else "BIT is needed"

    def from_column(self, value: object) -> Value:
        if type(value) is bytes and len(value) <= 8:
            return int.from_bytes(value)
        raise refused("BIT of up to 64 bits", value)


def _whole(value: object, least: int, end: int) -> int:
    if type(value) is int and least <= value < end:
        return value
    raise refused(f"a whole number of {'64 bits' if least else '64 bits without a sign'}", value)


class BoolCodec(Plain):
    """True or false; 1 or 0 in MySQL."""

    name = "bool"
    serves = ("TINYINT(1)", "BIT(1)")
    bson = "bool"

    def check(self, column: Column) -> str | None:
        return None if column.column_type in ("tinyint(1)", "bit(1)") else "BOOL (TINYINT(1)) or BIT(1) is needed"

    def check_key(self, column: Column) -> str | None:
        return None if column.data_type == "tinyint" else "BOOL (TINYINT(1)) is needed"

    def from_column(self, value: object) -> Value:
        if type(value) is int and value in (0, 1):
            return value == 1
        if type(value) is bytes and value in (b"\0", b"\1"):
            return value == b"\1"
        raise refused("0 or 1", value)

    def to_column(self, value: Value) -> object:
        return 1 if value else 0

    def from_bson(self, value: object) -> Value:
        if type(value) is bool:
            return value
        raise refused("bool", value)


class YearCodec(Plain):
    """A year of four digits, or none at all (0)."""

    name = "year"
    serves = ("YEAR",)
    bson = "int32"
    refuses = "all but 0 and 1901 to 2155"

    def check(self, column: Column) -> str | None:
        return None if column.data_type == "year" else "YEAR is needed"

    def from_column(self, value: object) -> Value:
        return self._year(value)

    def from_bson(self, value: object) -> Value:
        return self._year(value)

    def _year(self, value: object) -> int:
        if type(value) is int and (value == 0 or 1901 <= value <= 2155):
            return value
        raise refused("a year (int32) from 1901 to 2155, or 0,", value)


class _MinusZero(float):
    """-0.0, which is not 0.0: else an edit from one to the other would be none."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _MinusZero)

    def __ne__(self, other: object) -> bool:
        return not isinstance(other, _MinusZero)

    def __hash__(self) -> int:
        return hash("-0.0")


#: The canonical -0.0.
MINUS_ZERO = _MinusZero(-0.0)


def canonical_float(value: float) -> float:
    """As canonical values have it. It must be finite."""
    return MINUS_ZERO if value == 0 and copysign(1, value) < 0 else float(value)


class DoubleCodec(Plain):
    """Every finite number of 64 bits; -0.0 too, where the server keeps it."""

    name = "double"
    serves = ("DOUBLE",)
    bson = "double"
    refuses = "NaN, Infinity; -0.0 for MariaDB, which makes 0.0 of it; columns DOUBLE(M,D), which round"
    tells_apart = False

    def check(self, column: Column) -> str | None:
        return None if column.column_type in ("double", "double unsigned") else "DOUBLE without digits is needed"

    def from_column(self, value: object) -> Value:
        return self._finite(value)

    def to_column(self, value: Value) -> object:
        return float(value)  # type: ignore[arg-type]  # a float

    def writer(self, column: Column) -> Writer:
        return self._without_minus_zero if column.mariadb else self.to_column

    def _without_minus_zero(self, value: Value) -> object:
        if value == MINUS_ZERO:
            raise NotCanonical("0.0 is allowed: MariaDB has no -0.0")
        return self.to_column(value)

    def from_bson(self, value: object) -> Value:
        return self._finite(value)

    def to_bson(self, value: Value) -> object:
        return float(value)  # type: ignore[arg-type]  # a float

    def _finite(self, value: object) -> float:
        if type(value) is float and isfinite(value):
            return value or canonical_float(value)
        raise refused("a finite double", value)


_SINGLE = struct.Struct("<f")
#: From here on every number of six digits is told from the next one.
_NORMAL = 2.0**-126


def _single(value: float) -> float | None:
    """The nearest number of 32 bits; None beyond them."""
    try:
        return float(_SINGLE.unpack(_SINGLE.pack(value))[0])
    except OverflowError:
        return None


def _shortest(value: float) -> float:
    """Of a number of 32 bits: the double of the fewest digits that name it."""
    for digits in range(6 if abs(value) >= _NORMAL else 1, 9):
        found = float(f"{value:.{digits}g}")
        if _single(found) == value:
            return found
    return float(f"{value:.9g}")


class FloatCodec(DoubleCodec):
    """A number of 32 bits as the double with the fewest digits that name it: 1.1 is 1.1 on both sides. A SELECT shows six
    digits of FLOAT, which is too few, so it asks for a DOUBLE."""

    name = "float"
    serves = ("FLOAT",)
    refuses = (
        "NaN, Infinity, more digits than FLOAT keeps; -0.0 for MariaDB, which makes 0.0 of it;"
        " columns FLOAT(M,D), which round"
    )
    selected = "CAST({} AS DOUBLE)"

    def check(self, column: Column) -> str | None:
        return None if column.column_type in ("float", "float unsigned") else "FLOAT without digits is needed"

    def from_column(self, value: object) -> Value:
        found = self._finite(value)
        if not found:
            return found
        if _single(found) != found:
            raise refused("a number of 32 bits", value)
        return _shortest(found)

    def to_column(self, value: Value) -> object:
        return _single(value)  # type: ignore[arg-type]  # a float

    def from_bson(self, value: object) -> Value:
        found = self._finite(value)
        single = _single(found)
        if found and (single is None or _shortest(single) != found):
            raise NotCanonical("a double of no more digits than FLOAT keeps is allowed")
        return found


#: Enough for all digits of a DECIMAL(65,30) and of a Decimal128.
_CONTEXT = Context(prec=110)
_ZERO, _ONE = Decimal(0), Decimal(1)
_DIGITS, _AFTER, _BSON_DIGITS = 65, 30, 34


def _normal(value: Decimal) -> Decimal | None:
    """Without zeros at the end of the fraction, and without an exponent; None where no DECIMAL holds it."""
    if not value.is_finite() or (value and not -_AFTER <= value.adjusted() < _DIGITS):
        return None
    if not value:
        return _ZERO
    found = value.normalize(_CONTEXT)
    exponent = found.as_tuple().exponent
    assert isinstance(exponent, int)  # it is finite
    if exponent > 0:
        return found.quantize(_ONE, context=_CONTEXT)
    return found if exponent >= -_AFTER else None


def _digits(value: Decimal) -> tuple[int, int]:
    """Of a normal one: before and after the point."""
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    return max(0, len(digits) + exponent), -exponent


class _Decimals(Plain):
    tells_apart = False

    def from_column(self, value: object) -> Value:
        found = _normal(value) if isinstance(value, Decimal) else None
        if found is None:
            raise refused("a decimal number", value)
        return found

    def writer(self, column: Column) -> Writer:
        """MySQL rounds to the digits after the point, with a note at most; what has too many before it, it refuses."""
        digits, most = decimal_digits(column)
        before = digits - most

        def write(value: Value) -> object:
            assert isinstance(value, Decimal)
            if _digits(value)[1] > most:
                raise NotCanonical(f"at most {most} digits after the point are allowed")
            if value and value.adjusted() >= before:
                raise NotCanonical(f"at most {before} digits before the point are allowed")
            return value

        return write


class Decimal128Codec(_Decimals):
    """A decimal number; how many zeros end its fraction is no part of it (MongoDB too takes 1.5 and 1.50 for equal)."""

    name = "decimal128"
    serves = ("DECIMAL(10,2)", "DECIMAL(34,0)", "DECIMAL(34,30)", "DECIMAL(9,0) UNSIGNED")
    bson = "Decimal128"
    refuses = "NaN, Infinity, -0, more digits than DECIMAL(65,30) has; columns of more than 34 digits"

    def check(self, column: Column) -> str | None:
        if column.data_type == "decimal" and numbers_of(column)[:1] <= (_BSON_DIGITS,):
            return None
        return "DECIMAL of at most 34 digits is needed (beyond that: codec decimal_text)"

    def from_bson(self, value: object) -> Value:
        if not isinstance(value, Decimal128):
            raise refused("Decimal128", value)
        number = value.to_decimal()
        found = _normal(number)
        if found is None or (not number and number.is_signed()):
            raise NotCanonical(
                f"Decimal128 of at most {_DIGITS} digits before and {_AFTER} after the point, not -0, is allowed"
            )
        return found

    def to_bson(self, value: Value) -> object:
        return Decimal128(value)  # type: ignore[arg-type]  # a Decimal


_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]*[1-9])?")


class DecimalTextCodec(_Decimals):
    """A decimal number as text, for more digits than Decimal128 has."""

    name = "decimal_text"
    serves = ("DECIMAL(65,30)", "DECIMAL(65,0)", "DECIMAL(10,2)")
    bson = "string"
    refuses = "any text but the number's shortest: no zeros at the end of a fraction, no exponent, no plus, no -0"

    def check(self, column: Column) -> str | None:
        return None if column.data_type == "decimal" else "DECIMAL is needed"

    def from_bson(self, value: object) -> Value:
        if type(value) is not str:
            raise refused("a decimal number as text", value)
        found = _normal(Decimal(value)) if len(value) <= 99 and _DECIMAL.fullmatch(value) else None
        if found is None or value == "-0":
            raise NotCanonical(
                "a decimal number as text, in its shortest form (no zeros at the end of the fraction, no exponent), is allowed"
            )
        return found

    def to_bson(self, value: Value) -> object:
        return format(value, "f")
