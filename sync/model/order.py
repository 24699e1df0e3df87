"""Places in lists: whether they are 0, 1, 2 …, counting them anew, and one order from two.

A keyless list's place is its rows' key; a list with a key has it in a column beside the key. Either way places count by rank.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sync.model.change import Row, RowKey, Value


def first_gap(rows: Iterable[RowKey]) -> RowKey | None:
    """Of a keyless list's rows: the key of the first that does not stand at its rank, None if all do."""
    order = list(rows)
    if _unranked(order) is None:  # as they mostly come
        return None
    return _unranked(sorted(order, key=_by_list))


def first_gap_beside(rows: Mapping[RowKey, Row], position: str) -> RowKey | None:
    """The same of a list with a key."""
    for of_list in _lists(rows, position):
        for rank, key in enumerate(of_list):
            if rows[key][position] != rank:
                return key
    return None


def by_rank(rows: Mapping[RowKey, Row]) -> dict[RowKey, Row]:
    """A keyless list's rows with their places counted by rank."""
    counts: dict[RowKey, int] = {}
    new: dict[RowKey, Row] = {}
    for key in sorted(rows, key=_by_list):
        rank = counts.get(key[:-1], 0)
        counts[key[:-1]] = rank + 1
        new[(*key[:-1], rank)] = rows[key]
    return new


def by_rank_beside(rows: Mapping[RowKey, Row], position: str) -> dict[RowKey, Row]:
    """The same of a list with a key; of two rows in one place that with the lesser key comes first."""
    new = dict(rows)
    for of_list in _lists(rows, position):
        for rank, key in enumerate(of_list):
            if rows[key][position] != rank:
                new[key] = {**rows[key], position: rank}
    return new


def in_order(rows: Mapping[RowKey, Row], keys: Iterable[RowKey], position: str) -> list[RowKey]:
    """These rows' keys by place."""
    return sorted(keys, key=lambda key: (_number(rows[key][position]), *sortable(key[-1])))


def same_order(one: Sequence[RowKey], other: Sequence[RowKey]) -> bool:
    """Whether what is in both stands in the same order in both."""
    here, there = set(one), set(other)
    return [key for key in one if key in there] == [key for key in other if key in here]


def merged_order(first: Sequence[RowKey], second: Sequence[RowKey], stays: Mapping[RowKey, object]) -> list[RowKey]:
    """All that `stays`, in the order of `first`; what only `second` has comes behind what it follows there, in front of
    what only `first` has at that place."""
    known = set(first)
    behind: dict[RowKey | None, list[RowKey]] = {}
    last: RowKey | None = None
    for key in second:
        if key in known:
            last = key
        else:
            behind.setdefault(last, []).append(key)
    order: list[RowKey] = list(behind.get(None, ()))
    for key in first:
        order += [key, *behind.get(key, ())]
    return [key for key in order if key in stays]


def _lists(rows: Mapping[RowKey, Row], position: str) -> list[list[RowKey]]:
    """The keys of each list with a key, by place."""
    lists: dict[RowKey, list[RowKey]] = {}
    for key in rows:
        lists.setdefault(key[:-1], []).append(key)
    return [in_order(rows, keys, position) for keys in lists.values()]


def _unranked(rows: Iterable[RowKey]) -> RowKey | None:
    """The first of these keys whose place is not the number of those of its list that come before it."""
    counts: dict[RowKey, int] = {}
    for key in rows:
        rank = counts.get(key[:-1], 0)
        if key[-1] != rank:
            return key
        counts[key[:-1]] = rank + 1
    return None


def _by_list(key: RowKey) -> tuple[str, int]:
    return str(key[:-1]), _number(key[-1])


def _number(place: Value) -> int:
    assert isinstance(place, int)
    return place


def sortable(value: Value) -> tuple[int, str]:
    """Numbers by size, text by code point."""
    return (value, "") if isinstance(value, int) else (0, str(value))
