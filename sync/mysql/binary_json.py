"""MySQL's binary JSON -> the text that a SELECT gives. Nothing is lost on the way: decimals and large numbers keep all
their digits, keys their order.

Layout: mysql-server, sql-common/json_binary.h; text: sql-common/json_dom.cc. (JSON of MariaDB is text already.)
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable, Iterator
from decimal import Decimal

from sync.mysql.decimals import of_decimal

_OBJECTS, _ARRAYS, _LITERAL, _STRING, _OPAQUE = (0, 1), (2, 3), 4, 12, 15
_LITERALS = {0: "null", 1: "true", 2: "false"}
_NUMBERS = {5: struct.Struct("<h"), 6: struct.Struct("<H"), 7: struct.Struct("<i"), 8: struct.Struct("<I")}
_WIDE = {9: struct.Struct("<q"), 10: struct.Struct("<Q")}
_DOUBLE = 11
#: Of values inside an object or array, those that stand in its table of entries; in a large one also 32-bit numbers.
_INLINE = ({_LITERAL, 5, 6}, {_LITERAL, 5, 6, 7, 8})
#: Types of columns that opaque values come from.
_DECIMAL, _TIMESTAMP, _DATE, _TIME, _DATETIME = 246, 7, 10, 11, 12


def json_text(data: bytes) -> str:
    """The whole document. Raises ValueError, IndexError or struct.error for what is no JSON."""
    return _text(data[0], data, 1) if data else "null"  # an empty value counts as null (json_binary.cc, parse_binary)


def _text(kind: int, data: bytes, at: int) -> str:
    """The value of this type that begins here."""
    if kind in _OBJECTS:
        return "{" + ", ".join(f"{_quoted(key)}: {value}" for key, value in _members(data, at, kind)) + "}"
    if kind in _ARRAYS:
        return "[" + ", ".join(_elements(data, at, kind - 2)) + "]"
    if kind == _LITERAL:
        return _LITERALS[data[at]]
    if kind in _NUMBERS:
        return str(_NUMBERS[kind].unpack_from(data, at)[0])
    if kind in _WIDE:
        return str(_WIDE[kind].unpack_from(data, at)[0])
    if kind == _DOUBLE:
        return double_text(struct.unpack_from("<d", data, at)[0])
    if kind == _STRING:
        return _quoted(_sized(data, at))
    if kind == _OPAQUE:
        return _opaque(data[at], _sized(data, at + 1))
    raise ValueError("a type of JSON that is none")


def _members(data: bytes, at: int, large: int) -> Iterator[tuple[bytes, str]]:
    """Keys and values: count, size, entries of the keys (place, length), entries of the values."""
    width = 4 if large else 2
    count = _number(data, at, width)
    keys = at + 2 * width
    values = keys + count * (width + 2)
    for number in range(count):
        entry = keys + number * (width + 2)
        start, length = at + _number(data, entry, width), _number(data, entry + width, 2)
        yield _slice(data, start, length), _entry(data, at, values + number * (1 + width), large)


def _elements(data: bytes, at: int, large: int) -> Iterator[str]:
    width = 4 if large else 2
    for number in range(_number(data, at, width)):
        yield _entry(data, at, at + 2 * width + number * (1 + width), large)


def _entry(data: bytes, begin: int, entry: int, large: int) -> str:
    kind = data[entry]
    if kind in _INLINE[large]:
        return _text(kind, data, entry + 1)
    place = _number(data, entry + 1, 4 if large else 2)
    if not place:
        raise ValueError("a place within JSON that is none")  # nothing may hold itself
    return _text(kind, data, begin + place)


def _number(data: bytes, at: int, width: int) -> int:
    return int.from_bytes(_slice(data, at, width), "little")


def _slice(data: bytes, at: int, length: int) -> bytes:
    if at + length > len(data):
        raise ValueError("JSON that is cut off")
    return data[at : at + length]


def _sized(data: bytes, at: int) -> bytes:
    """Bytes after their length: seven bits of it in each byte, the highest bit says that more follow."""
    length = shift = 0
    while True:
        length |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 128:
            return _slice(data, at, length)
        if shift > 28:
            raise ValueError("a length within JSON that is none")


def _quoted(text: bytes) -> str:
    return json.dumps(text.decode(), ensure_ascii=False)


def double_text(value: float) -> str:
    """The fewest digits that name it; an exponent where the point would stand far away; else a point in any case
    (mysql-server, strings/dtoa.cc, my_gcvt; json_dom.cc, ensure_dec_point)."""
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    if not isinstance(exponent, int):
        raise ValueError("a number of JSON that is none")
    text = "".join(map(str, digits)).rstrip("0") or "0"
    point = len(digits) + exponent if any(digits) else 1
    return "-" * sign + _placed(text, point)


#: DBL_DIG.
_FAR = 15


def _placed(digits: str, point: int) -> str:
    if not -_FAR < point <= _FAR:
        return digits[0] + ("." + digits[1:] if digits[1:] else "") + f"e{point - 1}"
    if point <= 0:
        return "0." + "0" * -point + digits
    return digits[:point].ljust(point, "0") + "." + (digits[point:] or "0")


# Values that JSON has no type for.


def _opaque(kind: int, data: bytes) -> str:
    if kind == _DECIMAL:
        return _decimal(data)
    if kind in _TIMES:
        return f'"{_TIMES[kind](int.from_bytes(data, "little", signed=True))}"'
    return _quoted(f"base64:type{kind}:".encode() + base64.encodebytes(data).rstrip(b"\n"))


def _decimal(data: bytes) -> str:
    return format(of_decimal(data[0], data[1])(data[2:]), "f")


def _moment(packed: int) -> str:
    months, day = packed >> 46, packed >> 41 & 31
    return f"{months // 13:04}-{months % 13:02}-{day:02} {_clock(packed >> 24 & 0x1FFFF, packed)}"


def _day(packed: int) -> str:
    return _moment(packed)[:10]


def _time(packed: int) -> str:
    size = abs(packed)
    return "-" * (packed < 0) + _clock(size >> 24, size)


def _clock(clock: int, packed: int) -> str:
    return f"{clock >> 12:02}:{clock >> 6 & 63:02}:{clock & 63:02}.{packed & 0xFFFFFF:06}"


_TIMES: dict[int, Callable[[int], str]] = {_TIMESTAMP: _moment, _DATETIME: _moment, _DATE: _day, _TIME: _time}
