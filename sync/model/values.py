"""Canonical values as JSON, and keys of documents as text, for the engine's tables and the command line."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from math import isfinite

from sync.model.change import Blocker, DocumentRows, Value
from sync.model.codecs import NotCanonical
from sync.model.codecs.numbers import canonical_float
from sync.model.mapping import CollectionMapping

#: Marks the key of a document that rows cannot hold: its `_id` is not of the mapping's type.
FOREIGN = "?"
_WHOLE = re.compile("-?[0-9]{1,20}")
_WHOLE_CODECS = ("int32", "int64", "int", "uint64")
#: Makes every whole number of 64 bits one of at most 20 digits without a sign.
_LIFT = 2**63
#: Whole numbers of JSON that everybody reads exactly (RFC 8259, "Numbers") are smaller than this.
_EXACT = 2**53


def to_json(value: Value) -> object:
    """Dates as {"$date": ISO text, UTC}, bytes as {"$binary": base64}, decimal numbers as {"$decimal": text}, whole numbers
    that not everybody's JSON holds as {"$int": text}; all else stands for itself."""
    if isinstance(value, datetime):
        return {"$date": value.isoformat(timespec="microseconds" if value.microsecond % 1000 else "milliseconds")}
    if isinstance(value, bytes):
        return {"$binary": base64.b64encode(value).decode()}
    if isinstance(value, Decimal):
        return {"$decimal": format(value, "f")}
    if isinstance(value, int) and not -_EXACT < value < _EXACT:
        return {"$int": str(value)}
    return value


def from_json(data: object) -> Value:
    """The inverse of `to_json`. Raises `ValueError`."""
    match data:
        case {"$date": str(text)}:
            return datetime.fromisoformat(text)
        case {"$binary": str(text)}:
            return base64.b64decode(text, validate=True)
        case {"$decimal": str(text)}:
            return _decimal(text)
        case {"$int": str(text)}:
            return int(text)
        case float() if isfinite(data):
            return canonical_float(data)
        case bool() | int() | str() | None:
            return data
    raise ValueError("not a canonical value")


def _decimal(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError("not a decimal number") from None
    if number.is_snan():  # nothing may compare or look it up
        raise ValueError("not a decimal number")
    return number


def rows_to_json(rows: DocumentRows) -> list[dict[str, object]]:
    """Rows as a list of {"table", "key", "row"}, for people to read."""
    return [
        {
            "table": table,
            "key": [to_json(part) for part in key],
            "row": {column: to_json(value) for column, value in row.items()},
        }
        for table, of_table in rows.items()
        for key, row in of_table.items()
    ]


def blockers_to_json(blockers: Iterable[Blocker]) -> list[dict[str, object]]:
    """One object a row that stands in the way: its document, its table and key, and the unique key or index."""
    return [
        {
            "collection": one.document.collection,
            "document": key_text(one.document.key),
            "table": one.table,
            "key": [to_json(part) for part in one.key],
            "under": one.under,
        }
        for one in blockers
    ]


def plain_json(data: object) -> object:
    """Anything nested that holds canonical values (details of a report, say), ready for `json.dumps`."""
    if isinstance(data, Mapping):
        return {str(key): plain_json(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [plain_json(value) for value in data]
    if isinstance(data, datetime | bytes | Decimal):
        return to_json(data)
    return data


def key_text(key: Value) -> str:
    """A document's key as text: for an ObjectId its 24 digits."""
    return str(key)


def key_from_text(collection: CollectionMapping, text: str) -> Value:
    """The key that `key_text` gave. Raises `NotCanonical` for text that can be no key of this collection."""
    if text.startswith(FOREIGN):
        return text
    if collection.id.codec.name in _WHOLE_CODECS:
        if not _WHOLE.fullmatch(text):
            raise NotCanonical("a whole number is allowed")
        return collection.id.codec.from_column(int(text))
    return collection.id.codec.from_column(text)


def order_text(key: Value) -> str:
    """A key as text that stands, by code points, where the key stands among others: numbers by their size."""
    return f"{key + _LIFT:020}" if isinstance(key, int) else str(key)


def key_of_order(collection: CollectionMapping, text: str) -> Value:
    """The key whose `order_text` this is. Raises `NotCanonical`."""
    if collection.id.codec.name in _WHOLE_CODECS and text.isdecimal():
        return collection.id.codec.from_column(int(text) - _LIFT)
    return key_from_text(collection, text)
