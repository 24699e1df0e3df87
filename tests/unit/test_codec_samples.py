"""The samples that the differential tests are made of leave out no codec and no type of column."""

from __future__ import annotations

from typing import Any

import pytest

from sync.model.codecs import CODECS, NotCanonical
from tests.codec_samples import CASES, STRANGE, Case, exact

every_case = pytest.mark.parametrize("case", CASES, ids=str)


def test_every_codec_is_sampled_on_every_column_that_it_serves() -> None:
    """So that a codec cannot be untested."""
    assert {(case.codec, case.column) for case in CASES} == {
        (name, column) for name, codec in CODECS.items() for column in codec.serves
    }


@every_case
def test_samples_are_taken_and_given_back(case: Case) -> None:
    """Type included; what a case says to be refused is not among them."""
    codec = case.made
    assert case.samples
    for _, value in case.samples:
        if value is not None or case.codec == "json":
            assert exact(codec.to_bson(codec.from_bson(value))) == exact(value)
    taken = [exact(value) for _, value in case.samples]
    assert not [value for value in case.refused if exact(value) in taken]


@every_case
@pytest.mark.parametrize("value", STRANGE, ids=repr)
def test_values_that_no_column_holds_are_refused(case: Case, value: Any) -> None:
    """NaN, infinite numbers, and types of BSON that stand for no datum."""
    with pytest.raises(NotCanonical):
        case.made.from_bson(value)
