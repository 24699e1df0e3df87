"""Canonical values as JSON, and keys as the text that people type."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest

from sync.model.change import DocumentRows, Value
from sync.model.codecs import NotCanonical
from sync.model.values import from_json, key_from_text, key_text, plain_json, rows_to_json, to_json
from tests.laws.strategies import MAPPING

MOMENT = datetime(1000, 1, 1, 0, 0, 0, 5000)  # noqa: DTZ001 - canonical dates are naive UTC
HEX = "5ca4bbcea2dd94ee58162a68"


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (None, None),
        (True, True),
        (-7, -7),
        ("$date", "$date"),
        (MOMENT, {"$date": "1000-01-01T00:00:00.005"}),
        (b"\0\xff", {"$binary": "AP8="}),
        (1.5, 1.5),
        (Decimal("0.10"), {"$decimal": "0.10"}),
        (2**53 - 1, 2**53 - 1),
        (-(2**53), {"$int": "-9007199254740992"}),
        (MOMENT.replace(microsecond=5001), {"$date": "1000-01-01T00:00:00.005001"}),
    ],
)
def test_values_have_one_json(value: Value, data: object) -> None:
    """Dates, bytes, decimals and what JSON would round carry a tag; all else stands for itself; back again it is the same."""
    assert to_json(value) == data
    assert from_json(data) == value


@pytest.mark.parametrize(
    "data",
    [
        float("inf"),
        [],
        {},
        {"$decimal": "x"},
        {"$decimal": "sNaN"},
        {"$date": 5},
        {"$date": "yesterday"},
        {"$binary": "not base64!"},
    ],
)
def test_other_json_is_refused(data: object) -> None:
    """What `to_json` never gives is no value."""
    with pytest.raises(ValueError, match=r".+"):
        from_json(data)


def test_rows_are_listed_for_people() -> None:
    """Table, key and row of each; tables without rows are left out."""
    rows: DocumentRows = {"a": {("k", 0): {"when": MOMENT, "note": None}}, "b": {}}
    assert rows_to_json(rows) == [
        {"table": "a", "key": ["k", 0], "row": {"when": {"$date": "1000-01-01T00:00:00.005"}, "note": None}}
    ]


def test_details_become_plain_json() -> None:
    """However deep canonical values stand."""
    assert plain_json({"a": (1, [MOMENT])}) == {"a": [1, [{"$date": "1000-01-01T00:00:00.005"}]]}


@pytest.mark.parametrize("key", [HEX, '?{"$numberInt": "5"}'])
def test_keys_are_read_as_they_are_shown(key: str) -> None:
    """An ObjectId's digits, or the text of an `_id` of another type."""
    assert key_from_text(MAPPING.collections["accounts"], key_text(key)) == key


@pytest.mark.parametrize("text", ["", "5", HEX.upper(), f"{HEX} "])
def test_text_that_is_no_key_is_refused(text: str) -> None:
    """A mistyped id is told at once instead of "not found"."""
    with pytest.raises(NotCanonical):
        key_from_text(MAPPING.collections["accounts"], text)
