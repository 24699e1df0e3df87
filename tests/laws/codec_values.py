"""BSON values for Hypothesis that a codec takes, for every codec; and what a driver gives back of what was written."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from bson import Binary, Decimal128, Int64
from hypothesis import strategies as st

from sync.model.change import Value
from sync.model.codecs import CODECS, Codec
from tests.laws.strategies import BY_CODEC, map_keys, texts

_FIRST = datetime(1000, 1, 1)  # noqa: DTZ001 - canonical dates are naive UTC


def _given(name: str, columns: st.SearchStrategy[Any]) -> st.SearchStrategy[object]:
    """What a document has for values of a column."""
    codec = CODECS[name]
    return columns.map(lambda value: codec.to_bson(codec.from_column(value)))


def _decimals(digits: int) -> st.SearchStrategy[Decimal]:
    return st.builds(
        lambda whole, after: Decimal((int(whole < 0), tuple(map(int, str(abs(whole)))), -after)),
        st.integers(-(10**digits) + 1, 10**digits - 1),
        st.integers(0, 30),
    )


int64s = st.integers(-(2**63), 2**63 - 1)
_bits = st.integers(0, 2**64 - 1) | st.integers(2**63 - 1, 2**63)
_json_numbers = (
    st.integers(-(2**31), 2**31 - 1)
    | int64s.filter(lambda one: not -(2**31) <= one < 2**31).map(Int64)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(2**63, 2**64 - 1).map(lambda one: Decimal128(str(one)))
)
json_values: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | texts | _json_numbers,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(map_keys, inner, max_size=3),
    max_leaves=6,
)

TAKEN: Mapping[str, st.SearchStrategy[object]] = {
    **BY_CODEC,
    "int64": int64s.map(Int64),
    "int": _given("int", int64s | st.integers(-(2**31) - 1, 2**31)),
    "uint64": _given("uint64", _bits),
    "bit": _given("bit", _bits.map(lambda one: one.to_bytes(8))),
    "year": st.sampled_from((0, 1901, 2155)) | st.integers(1901, 2155),
    "double": st.floats(allow_nan=False, allow_infinity=False),
    "float": _given("float", st.floats(allow_nan=False, allow_infinity=False, width=32)),
    "decimal128": _given("decimal128", _decimals(34).filter(lambda one: len(one.normalize().as_tuple().digits) <= 34)),
    "decimal_text": _given("decimal_text", _decimals(65)),
    "datetime_text": st.datetimes(min_value=_FIRST).map(datetime.isoformat),
    "day": _given("day", st.dates(min_value=_FIRST.date())),
    "day_text": st.dates(min_value=_FIRST.date()).map(date.isoformat),
    "time": _given("time", st.timedeltas(-timedelta(hours=838), timedelta(hours=838))),
    "enum": texts,
    "set": st.lists(texts.filter(lambda one: one and "," not in one), max_size=4, unique=True).map(sorted),
    "binary": st.binary(),
    "uuid": st.binary(min_size=16, max_size=16).map(lambda data: Binary(data, 4)),
    "inet": st.ip_addresses().map(lambda one: str(ipaddress.ip_address(one.packed))),
    "json": json_values,
    "geometry": st.binary(),
    "vector": st.binary(),
}


def _timed(value: object) -> timedelta:
    sign, text = (-1, str(value)[1:]) if str(value).startswith("-") else (1, str(value))
    hours, minutes, seconds = text.split(":")
    whole, _, micro = seconds.partition(".")
    return sign * timedelta(hours=int(hours), minutes=int(minutes), seconds=int(whole), microseconds=int(micro or 0))


_READ: Mapping[str, Callable[[Any], object]] = {
    "time": _timed,
    "bit": lambda number: number.to_bytes(8),
    "day_text": date.fromisoformat,
}


def read_again(codec: Codec, canonical: Value) -> object:
    """What the driver gives of a value that was written."""
    written = codec.to_column(canonical)
    return _READ[codec.name](written) if codec.name in _READ else written
