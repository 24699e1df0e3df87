"""The codecs on whatever Hypothesis finds: a value crosses unchanged, or it is refused."""

from __future__ import annotations

import json

import pytest
from bson import Decimal128
from hypothesis import given
from hypothesis import strategies as st

from sync.model.codecs import CODECS, Codec, NotCanonical
from sync.model.values import from_json, to_json
from tests.codec_samples import exact
from tests.laws.codec_values import TAKEN, read_again
from tests.laws.strategies import bson_values, typed

every_codec = pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS.keys())


@every_codec
@given(data=st.data())
def test_what_a_codec_takes_crosses_both_databases(codec: Codec, data: st.DataObject) -> None:
    """BSON -> canonical -> column -> canonical -> BSON gives the value back, type included."""
    value = data.draw(TAKEN[codec.name])
    canonical = codec.from_bson(value)
    again = codec.from_column(read_again(codec, canonical))
    assert typed(again) == typed(canonical)
    assert exact(codec.to_bson(again)) == exact(value)


@every_codec
@given(value=bson_values)
def test_a_codec_keeps_a_value_or_refuses_it(codec: Codec, value: object) -> None:
    """Nothing that a codec accepts comes back as something else; int64, double and the like are no int32."""
    try:
        canonical = codec.from_bson(value)
    except NotCanonical:
        return
    kept = codec.to_bson(canonical)
    if codec.name == "decimal128":  # zeros at the end of a fraction are no part of it
        assert isinstance(kept, Decimal128)
        assert isinstance(value, Decimal128)
        assert kept.to_decimal() == value.to_decimal()
    elif codec.name == "set":  # nor is the order of members
        assert isinstance(value, list)
        assert kept == sorted(value)
    else:
        assert exact(kept) == exact(value)


@every_codec
@given(
    value=st.none()
    | st.binary()
    | st.text()
    | st.floats()
    | st.integers()
    | st.datetimes()
    | st.dates()
    | st.timedeltas()
    | st.decimals()
)
def test_what_a_column_gives_is_kept_or_refused(codec: Codec, value: object) -> None:
    """A driver's surprise (bytes, zero dates as text, a number out of range) never becomes another value."""
    try:
        canonical = codec.from_column(value)
    except NotCanonical:
        return
    assert typed(codec.from_column(read_again(codec, canonical))) == typed(canonical)


@every_codec
@given(data=st.data())
def test_equal_canonical_values_are_one_datum(codec: Codec, data: st.DataObject) -> None:
    """Merging compares by `==`, and so do keys of dictionaries."""
    one, other = (data.draw(TAKEN[codec.name]) for _ in range(2))
    here, there = codec.from_bson(one), codec.from_bson(other)
    assert (here == there) == (exact(codec.to_bson(here)) == exact(codec.to_bson(there)))
    assert here != there or hash(here) == hash(there)


@every_codec
@given(data=st.data())
def test_canonical_values_survive_json(codec: Codec, data: st.DataObject) -> None:
    """from_json undoes to_json, through text."""
    canonical = codec.from_bson(data.draw(TAKEN[codec.name]))
    again = from_json(json.loads(json.dumps(to_json(canonical))))
    assert typed(again) == typed(canonical)
    assert repr(again) == repr(canonical)


@given(data=st.binary())
def test_bytes_survive_json(data: bytes) -> None:
    """Bytes are canonical values too."""
    assert from_json(json.loads(json.dumps(to_json(data)))) == data
