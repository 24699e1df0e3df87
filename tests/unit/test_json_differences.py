"""Differences of a JSON column: what each operation does, and what does not fit the value before."""

from __future__ import annotations

import json

import pytest

from sync.mysql.json_differences import applied

#: Binary JSON of 5, "x", null.
FIVE, X, NULL = b"\5\5\0", b"\x0c\1x", b"\4\0"
BEFORE = '{"a": [1, 2.50, {"b c": null}], "n": 12345678901234567890, "": {"é": true}}'


def difference(operation: int, path: str, value: bytes = b"") -> bytes:
    """As the log has it."""
    named = path.encode()
    return bytes([operation, len(named)]) + named + (bytes([len(value)]) + value if operation != 2 else b"")


@pytest.mark.parametrize(
    ("differences", "after"),
    [
        ([(0, "$.a[0]", FIVE)], '{"": {"é": true}, "a": [5, 2.50, {"b c": null}], "n": 12345678901234567890}'),
        ([(1, "$.a[3]", X)], '{"": {"é": true}, "a": [1, 2.50, {"b c": null}, "x"], "n": 12345678901234567890}'),
        ([(1, "$.a[9]", X)], '{"": {"é": true}, "a": [1, 2.50, {"b c": null}, "x"], "n": 12345678901234567890}'),
        ([(1, "$.a[0]", X)], '{"": {"é": true}, "a": ["x", 1, 2.50, {"b c": null}], "n": 12345678901234567890}'),
        ([(2, "$.a[1]")], '{"": {"é": true}, "a": [1, {"b c": null}], "n": 12345678901234567890}'),
        ([(0, '$.a[2]."b c"', FIVE), (2, "$.n")], '{"": {"é": true}, "a": [1, 2.50, {"b c": 5}]}'),
        ([(2, '$.""."é"'), (2, "$.a")], '{"": {}, "n": 12345678901234567890}'),
        ([(1, '$."q\\"]"', NULL), (2, "$.a"), (2, "$.n")], '{"": {"é": true}, "q\\"]": null}'),
        ([(0, "$.a[last]", FIVE)], '{"": {"é": true}, "a": [1, 2.50, 5], "n": 12345678901234567890}'),
        ([(2, "$.a[last-1]")], '{"": {"é": true}, "a": [1, {"b c": null}], "n": 12345678901234567890}'),
        ([(0, "$.n[0]", FIVE), (2, "$.a")], '{"": {"é": true}, "n": 5}'),
        ([(0, "$", FIVE)], "5"),
        ([], '{"": {"é": true}, "a": [1, 2.50, {"b c": null}], "n": 12345678901234567890}'),
    ],
)
def test_what_differences_make(differences: list[tuple[int, str, bytes]], after: str) -> None:
    """Numbers keep their digits; members come as the server orders them."""
    assert applied(BEFORE, b"".join(difference(*one) for one in differences)) == after


@pytest.mark.parametrize(
    "one",
    [
        difference(0, "$.z", FIVE),
        difference(2, "$.z"),
        difference(1, "$.a", FIVE),
        difference(0, "$.a[9]", FIVE),
        difference(0, "$.a.b", FIVE),
        difference(0, "$.n[1]", FIVE),
        difference(0, "$.a[last-9]", FIVE),
        difference(0, "$.a[ 1]", FIVE),
        difference(0, "a", FIVE),
        difference(1, "$", FIVE),
        difference(3, "$.a", FIVE),
    ],
)
def test_what_does_not_fit_is_refused(one: bytes) -> None:
    """Nothing is guessed."""
    with pytest.raises((ValueError, LookupError)):
        applied(json.dumps(json.loads(BEFORE)), one)
