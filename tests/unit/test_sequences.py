"""Two versions of a list put together."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sync.model.sequences import together

lists = st.lists(st.integers(0, 3), max_size=6)


@given(lists, lists)
def test_where_one_side_changed_nothing_the_other_stands(base: list[int], version: list[int]) -> None:
    """Whole, on either side, with equal elements too."""
    for both in (False, True):
        assert together(base, version, base, both=both, mysql_first=True) == version
        assert together(base, base, version, both=both, mysql_first=True) == version


@given(lists, lists, lists)
def test_sides_may_change_places(base: list[int], mysql: list[int], mongo: list[int]) -> None:
    """What comes of it is the same."""
    for both in (False, True):
        one = together(base, mysql, mongo, both=both, mysql_first=True)
        assert one == together(base, mongo, mysql, both=both, mysql_first=False)


@given(lists, lists, lists)
def test_what_both_append_is_all_there(base: list[int], mysql: list[int], mongo: list[int]) -> None:
    """Equal elements are as many as were appended; without `both` it is no clean merge."""
    found = together(base, [*base, *mysql], [*base, *mongo], both=True, mysql_first=False)
    assert found is not None
    assert sorted(found) == sorted([*base, *mysql, *mongo])
    if mysql and mongo and mysql != mongo:
        assert together([], mysql, mongo, both=False, mysql_first=True) is None
