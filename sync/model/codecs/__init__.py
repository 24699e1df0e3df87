"""One codec per kind of value: the single owner of how a datum looks in MySQL, in MongoDB and in between.

A canonical value is the same whether it came by SELECT, binlog, find or change stream. Lossless both ways, or refused.
`docs/codecs.md` lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sync.model.codecs.base import Codec, Column, NotCanonical, Writer
from sync.model.codecs.json_values import JsonCodec
from sync.model.codecs.numbers import (
    BitCodec,
    BoolCodec,
    Decimal128Codec,
    DecimalTextCodec,
    DoubleCodec,
    FloatCodec,
    Int32Codec,
    Int64Codec,
    IntCodec,
    UInt64Codec,
    YearCodec,
)
from sync.model.codecs.text import (
    BinaryCodec,
    EnumCodec,
    GeometryCodec,
    InetCodec,
    ObjectIdCodec,
    SetCodec,
    StringCodec,
    UuidCodec,
    VectorCodec,
)
from sync.model.codecs.times import (
    ZERO_DATES,
    DateCodec,
    DateTimeTextCodec,
    DayCodec,
    DayTextCodec,
    TimeCodec,
)

__all__ = ["CODECS", "OPTIONS", "Codec", "Column", "NotCanonical", "Writer", "with_options"]

_EVERY: tuple[Codec, ...] = (
    ObjectIdCodec(),
    StringCodec(),
    Int32Codec(),
    BoolCodec(),
    DateCodec(),
    Int64Codec(),
    IntCodec(),
    UInt64Codec(),
    BitCodec(),
    YearCodec(),
    DoubleCodec(),
    FloatCodec(),
    Decimal128Codec(),
    DecimalTextCodec(),
    DateTimeTextCodec(),
    DayCodec(),
    DayTextCodec(),
    TimeCodec(),
    EnumCodec(),
    SetCodec(),
    BinaryCodec(),
    UuidCodec(),
    InetCodec(),
    JsonCodec(),
    GeometryCodec(),
    VectorCodec(),
)
CODECS: Mapping[str, Codec] = {codec.name: codec for codec in _EVERY}

_DATES: Mapping[str, Callable[[Any], Codec]] = {
    codec.name: codec for codec in (DateCodec, DateTimeTextCodec, DayCodec, DayTextCodec)
}
#: Codec -> option -> what it may be; the first is what counts where none is given.
OPTIONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {name: {"zero_dates": ZERO_DATES} for name in _DATES}


def with_options(name: str, options: Mapping[str, str]) -> Codec:
    """The codec of this name with options that `OPTIONS` allows."""
    return _DATES[name](options["zero_dates"]) if options else CODECS[name]
