"""The fields of a document that no column takes, as JSON in one column: the codec of `unmapped = "json:<column>"`.

Extended JSON (v2, canonical), so that every type of BSON comes back; what would not is refused. The order of keys is lost.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import ClassVar

import bson
from bson import json_util
from bson.codec_options import DatetimeConversion
from bson.errors import BSONError

from sync.model.change import Value
from sync.model.codecs import CODECS, Column, NotCanonical
from sync.model.codecs.base import Plain

_JSON = json_util.JSONOptions(
    json_mode=json_util.JSONMode.CANONICAL, datetime_conversion=DatetimeConversion.DATETIME_AUTO
)
_ALLOWED = "an object in extended JSON, of fields that are not mapped, is allowed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestCodec(Plain):
    """Of a mapping of names to values; none of them is NULL. No field names it."""

    name: ClassVar[str] = "json of unmapped fields"
    serves: ClassVar[tuple[str, ...]] = ()
    bson: ClassVar[str] = "fields of any type"
    tells_apart: ClassVar[bool] = False

    #: Names that other columns and tables take.
    taken: Collection[str]

    def check(self, column: Column) -> str | None:
        return CODECS["string"].check(column)

    def from_column(self, value: object) -> Value:
        try:
            fields = json.loads(value, object_pairs_hook=_object) if isinstance(value, str) else None
        except (ValueError, TypeError, KeyError, ArithmeticError, RecursionError, BSONError):
            fields = None
        if not isinstance(fields, dict) or not fields.keys().isdisjoint(self.taken):
            raise NotCanonical(_ALLOWED)
        return self.from_bson(fields)

    def from_bson(self, value: object) -> Value:
        if not value:
            return None
        try:
            text = json_util.dumps(value, json_options=_JSON, sort_keys=True, ensure_ascii=False)
            if text.isascii() or text.encode():
                again = json.loads(text, object_pairs_hook=_object)
                if _same(value, again):
                    return text
        except (ValueError, TypeError, KeyError, ArithmeticError, RecursionError, BSONError):
            pass
        raise NotCanonical("an unmapped field holds what JSON cannot tell")

    def to_bson(self, value: Value) -> Mapping[str, object]:
        if value is None:
            return {}
        fields = json.loads(str(value), object_pairs_hook=_object)
        assert isinstance(fields, dict)
        return fields


def changed(before: Value, after: Value) -> tuple[list[str], list[str]]:
    """Names of fields that come or change, and of those that go, between two values of such a column."""
    old, new = ({} if text is None else json.loads(str(text)) for text in (before, after))
    return [name for name in new if name not in old or old[name] != new[name]], [
        name for name in old if name not in new
    ]


def _object(pairs: list[tuple[str, object]]) -> object:
    made = dict(pairs)
    if len(made) < len(pairs) or any("\0" in name for name in made):
        raise ValueError("a name stands there twice, or cannot be one")
    return json_util.object_hook(made, _JSON)


def _same(one: object, other: object) -> bool:
    """As BSON, but for the order of keys."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bson.encode({"": one}) == bson.encode({"": other})
