"""The codecs on whatever Hypothesis finds: a value crosses unchanged, or it is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.model.codecs import CODECS, Codec, NotCanonical
from sync.model.values import from_json, to_json
from tests.laws.strategies import BY_CODEC, bson_values, typed

every_codec = pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS.keys())


@every_codec
@given(data=st.data())
def test_what_a_codec_takes_crosses_both_databases(codec: Codec, data: st.DataObject) -> None:
    """BSON -> canonical -> column -> canonical -> BSON gives the value back, type included."""
    value = data.draw(BY_CODEC[codec.name])
    canonical = codec.from_bson(value)
    again = codec.from_column(codec.to_column(canonical))
    assert typed(again) == typed(canonical)
    assert typed(codec.to_bson(again)) == typed(value)


@every_codec
@given(value=bson_values)
def test_a_codec_keeps_a_value_or_refuses_it(codec: Codec, value: object) -> None:
    """Nothing that a codec accepts comes back as something else; int64, double and the like are no int32."""
    try:
        canonical = codec.from_bson(value)
    except NotCanonical:
        return
    assert typed(codec.to_bson(canonical)) == typed(value)


@every_codec
@given(value=st.none() | st.binary() | st.text() | st.floats() | st.integers() | st.datetimes() | st.timedeltas())
def test_what_a_column_gives_is_kept_or_refused(codec: Codec, value: object) -> None:
    """A driver's surprise (bytes, zero dates as text, a number out of range) never becomes another value."""
    try:
        canonical = codec.from_column(value)
    except NotCanonical:
        return
    assert typed(codec.to_column(canonical)) == typed(value)


@every_codec
@given(data=st.data())
def test_canonical_values_survive_json(codec: Codec, data: st.DataObject) -> None:
    """from_json undoes to_json, through text."""
    canonical = codec.from_bson(data.draw(BY_CODEC[codec.name]))
    assert typed(from_json(json.loads(json.dumps(to_json(canonical))))) == typed(canonical)


@given(data=st.binary())
def test_bytes_survive_json(data: bytes) -> None:
    """Bytes are canonical values too."""
    assert from_json(json.loads(json.dumps(to_json(data)))) == data
