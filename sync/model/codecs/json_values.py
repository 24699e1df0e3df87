"""JSON columns as values of a document. The canonical value is one text for all that say the same: keys sorted, no blanks,
numbers as few digits as name them. A whole number is int32 or int64 by its size, any other a double, and what neither
holds exactly is Decimal128.
"""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import NoReturn, TypeAlias

from bson import Decimal128, Int64
from bson.dbref import DBRef

from sync.model.change import Value
from sync.model.codecs.base import Column, NotCanonical, Plain, Writer, is_text, refused
from sync.model.codecs.text import character_set

#: Of the canonical text: None, bool, int, float, Decimal, str, lists and dicts of them.
_Node: TypeAlias = object
_INT32, _INT64, _UINT64 = 2**31, 2**63, 2**64


class JsonCodec(Plain):
    """Any JSON: null, bool, number, text, array, object."""

    name = "json"
    serves = ("JSON",)
    bson = "null, bool, int32, int64 (beyond int32), double, string, array, object; Decimal128 for other numbers"
    refuses = (
        "other types of BSON; int64 where int32 would do; NaN, Infinity; keys that come twice; numbers of more than 34 digits;"
        " into MySQL's JSON numbers that it would round"
    )
    tells_apart = False
    takes_null = True

    def check(self, column: Column) -> str | None:
        if column.data_type == "json":
            return None
        if column.data_type == "longtext" and character_set(column) == "utf8mb4":
            return None
        return "JSON (or LONGTEXT in utf8mb4 that holds JSON) is needed"

    def from_column(self, value: object) -> Value:
        if not isinstance(value, str):
            raise refused("JSON", value)
        return _canonical(value)

    def writer(self, column: Column) -> Writer:
        """MySQL reads every number of a text that is no whole one of 64 bits as a double."""
        if column.data_type != "json":
            return self.to_column

        def write(value: Value) -> object:
            assert isinstance(value, str)
            json.loads(value, parse_int=_kept_int, parse_float=_kept_float)
            return value

        return write

    def from_bson(self, value: object) -> Value:
        try:
            return _text(_node(value))
        except RecursionError:
            raise NotCanonical("JSON of fewer levels is allowed") from None

    def to_bson(self, value: Value) -> object:
        return json.loads(str(value), parse_int=_bson_int, parse_float=_bson_float)


def _canonical(text: str) -> str:
    try:
        node = json.loads(text, parse_int=int, parse_float=_number, parse_constant=_constant, object_pairs_hook=_object)
        made = _text(node)
        json.loads(made, parse_int=_bson_int, parse_float=_bson_float)
    except NotCanonical:
        raise
    except (ValueError, RecursionError, ArithmeticError):  # the last: an exponent that no decimal number has
        raise NotCanonical("JSON is allowed") from None
    return made


def _constant(_: str) -> NoReturn:
    raise NotCanonical("JSON without NaN and Infinity is allowed")


def _object(pairs: list[tuple[str, _Node]]) -> dict[str, _Node]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise NotCanonical("JSON whose keys come once is allowed")
    for key in made:
        _key(key)
    return made


def _key(key: object) -> str:
    if type(key) is not str or "\0" in key or not is_text(key):
        raise NotCanonical("keys of text in UTF-8 without a zero byte are allowed")
    return key


def _number(text: str) -> float | Decimal:
    """A double where that is the number; else all its digits."""
    number = Decimal(text)
    double = float(text)
    if isfinite(double) and Decimal(repr(double)) == number:
        return double
    return _short(number)


def _short(number: Decimal) -> Decimal:
    """Without zeros at its end."""
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)  # it is finite
    kept = len(digits)
    while kept > 1 and digits[kept - 1] == 0:
        kept -= 1
    return Decimal((sign, digits[:kept], exponent + len(digits) - kept))


def _text(node: _Node) -> str:
    match node:
        case dict():
            return "{" + ",".join(f"{_quoted(key)}:{_text(node[key])}" for key in sorted(node)) + "}"
        case list():
            return "[" + ",".join(map(_text, node)) + "]"
        case Decimal():
            return str(node)
        case str() if not is_text(node):
            raise NotCanonical("text in UTF-8 is allowed, found other characters")
    return json.dumps(node, ensure_ascii=False)


def _quoted(key: str) -> str:
    return json.dumps(key, ensure_ascii=False)


# Documents.


def _node(value: object) -> _Node:
    """What a value of a document says in JSON."""
    kind = type(value)
    if value is None or kind in (bool, str):
        return value
    if isinstance(value, DBRef):  # what the driver makes of an object with $ref and $id
        return _node(dict(value.as_doc()))
    if kind is dict:
        return {_key(key): _node(inner) for key, inner in value.items()}  # type: ignore[attr-defined]  # a dict
    if kind is list:
        return [_node(inner) for inner in value]  # type: ignore[attr-defined]  # a list
    if isinstance(value, float) and isfinite(value):
        return value
    if isinstance(value, int) and (kind is Int64) != (-_INT32 <= value < _INT32):
        return int(value)
    if isinstance(value, Decimal128):
        return _decimal(value)
    raise refused("null, bool, int32, int64 beyond int32, a finite double, string, array or object", value)


def _decimal(value: Decimal128) -> _Node:
    """Only a number that no other type holds, in the form in which it would come back."""
    number = value.to_decimal()
    if number.is_finite():
        _, _, exponent = number.as_tuple()
        node = int(number) if exponent == 0 else _number(str(number))
        back = _bson_int(str(node)) if isinstance(node, int) else _bson_float(str(node))
        if isinstance(back, Decimal128) and back == value:
            return node
    raise NotCanonical("Decimal128 is allowed for a number that neither int64 nor double holds, in its shortest form")


def _bson_int(text: str) -> object:
    number = int(text)
    if -_INT32 <= number < _INT32:
        return number
    return Int64(number) if -_INT64 <= number < _INT64 else _decimal128(text)


def _bson_float(text: str) -> object:
    number = _number(text)
    return number if isinstance(number, float) else _decimal128(str(number))


def _decimal128(text: str) -> Decimal128:
    try:
        made = Decimal128(text)
    except (InvalidOperation, ValueError, ArithmeticError):
        made = None
    if made is None or made.to_decimal() != Decimal(text):
        raise NotCanonical("numbers that fit int64, double or Decimal128 (34 digits) are allowed")
    return made


# What MySQL makes of the text.


def _kept_int(text: str) -> None:
    if not -_INT64 <= int(text) < _UINT64:
        raise NotCanonical("whole numbers from -2^63 to 2^64-1 are allowed: MySQL's JSON rounds others")


def _kept_float(text: str) -> None:
    if isinstance(_number(text), Decimal):
        raise NotCanonical("numbers that a double holds are allowed: MySQL's JSON rounds others")
