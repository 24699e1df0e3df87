"""Unmapped fields as JSON in a column, on whatever Hypothesis finds: they come back, or they are refused."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from sync.model.codecs import NotCanonical
from sync.model.rest import RestCodec, changed
from tests.laws.strategies import bson_values, map_keys, typed

CODEC = RestCodec(taken=frozenset({"_id", "title"}))
#: Also such that look like types in extended JSON.
names = map_keys.filter(lambda name: name not in CODEC.taken) | st.sampled_from(
    ("$oid", "$date", "$numberInt", "$binary")
)
values = bson_values | st.dictionaries(names, bson_values, max_size=2)
fields = st.dictionaries(names, values, max_size=3)


@given(fields)
def test_fields_come_back_from_their_text_or_are_refused(given_fields: dict[str, object]) -> None:
    """Types included; and the text is the one form of these fields."""
    try:
        text = CODEC.from_bson(given_fields)
    except NotCanonical:
        return
    assert typed(CODEC.to_bson(text)) == typed(given_fields)
    assert text is None or CODEC.from_column(text) == text
    assert CODEC.from_bson(dict(reversed(given_fields.items()))) == text


@given(
    st.text()
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
        max_leaves=6,
    ).map(json.dumps)
)
def test_whatever_people_write_has_one_form_or_is_refused(text: str) -> None:
    """Which is no other value than the one that stands there."""
    try:
        canonical = CODEC.from_column(text)
    except NotCanonical:
        return
    assert CODEC.from_bson(CODEC.to_bson(canonical)) == canonical


@given(fields, fields)
def test_a_change_is_told_by_name(one: dict[str, object], other: dict[str, object]) -> None:
    """What comes, changes or goes, and nothing else."""
    try:
        before, after = CODEC.from_bson(one), CODEC.from_bson(one | other)
    except NotCanonical:
        return
    come, gone = changed(before, after)
    assert {*come} <= other.keys()
    assert gone == []
    assert {*changed(after, before)[1]} == other.keys() - one.keys()
    assert {**CODEC.to_bson(before), **{name: CODEC.to_bson(after)[name] for name in come}} == CODEC.to_bson(after)
