"""Both sides of a collection, page beside page: every document once, whichever side holds more, and where."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from sync.model.change import DocumentId, DocumentRows, Side, Value
from sync.ports import Current, Reading
from sync.reconcile.kept import EqualPage, Place
from sync.reconcile.pages import Pair, pairs


@dataclass
class Shelf:
    """Documents in an order of its own: keys of other types, "?…", stand before or behind all others."""

    side: Side
    keys: list[str]
    text: str = ""
    asked: int = 0

    def page(self, collection: str, after: Value, limit: int) -> Shelved:
        self.asked += 1
        start = 0 if after is None else self._behind(str(after))
        return Shelved(collection, self.keys[start : start + limit], self.text)

    def _behind(self, after: str) -> int:
        if after in self.keys:
            return self.keys.index(after) + 1
        return next(
            (at for at, key in enumerate(self.keys) if (not key.startswith("?") and key > after) or key > "?z"),
            len(self.keys),
        )

    def range(self, collection: str, after: Value, limit: int, *, exact: bool) -> Reading:
        raise NotImplementedError

    def read(self, documents: Sequence[DocumentId], *, exact: bool) -> Reading:
        raise NotImplementedError

    def sample(self, collection: str, number: int) -> Sequence[DocumentId]:
        raise NotImplementedError

    def count(self, collection: str) -> int:
        return len(self.keys)

    def close(self) -> None:
        """Nothing is open."""


class Shelved:
    """One page of it."""

    def __init__(self, collection: str, keys: list[str], text: str) -> None:
        self._collection = collection
        self._keys = keys
        self._text = text
        self.last: Value = keys[-1] if keys else None

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(repr((self._keys, self._text)).encode()).digest()

    def documents(self) -> Mapping[DocumentId, Current]:
        rows: DocumentRows = {"account": {}}
        return {DocumentId(self._collection, key): Current(rows=rows) for key in self._keys}


def shelf(side: Side, own: set[int], low: int, high: int) -> Shelf:
    before, behind = [f"?{number}" for number in range(low)], [f"?z{number}" for number in range(high)]
    return Shelf(side, [*before, *sorted(f"{number:03}" for number in own), *behind])


def walked(
    left: Shelf,
    right: Shelf,
    known: dict[Value, EqualPage],
    start: Place = Place(),  # noqa: B008 - frozen
    most: int = 500,
) -> list[Pair]:
    with closing(pairs("accounts", left, right, start, known.get, lambda number: min(number, most))) as walk:
        return list(walk)


def met(found: list[Pair], side: str) -> list[Value]:
    return [one.key for pair in found for one in getattr(pair, side)]


OWN = st.sets(st.integers(0, 60), max_size=40)
FEW = st.integers(0, 4)


@given(own=st.tuples(OWN, OWN), mysql=st.tuples(FEW, FEW), mongo=st.tuples(FEW, FEW), limit=st.integers(1, 7))
def test_every_document_of_both_sides_is_met_once(
    own: tuple[set[int], set[int]], mysql: tuple[int, int], mongo: tuple[int, int], limit: int
) -> None:
    """And equal keys in one page; foreign keys of both ends too."""
    left, right = shelf(Side.MYSQL, own[0], *mysql), shelf(Side.MONGO, own[1], *mongo)
    found = walked(left, right, {}, most=limit)
    assert met(found, "mysql") == left.keys
    assert met(found, "mongo") == right.keys
    of_both = {DocumentId("accounts", key) for key in {*left.keys} & {*right.keys} if not key.startswith("?")}
    for pair in found:
        together = (pair.mysql.keys() | pair.mongo.keys()) & of_both
        assert together <= pair.mysql.keys() & pair.mongo.keys()


def test_a_page_of_two_known_digests_is_not_taken_apart() -> None:
    """And one whose digest is another on either side is."""
    left, right = shelf(Side.MYSQL, set(range(900)), 0, 0), shelf(Side.MONGO, set(range(900)), 0, 0)
    first = walked(left, right, {})
    kept = {pair.after: pair.page for pair in first if pair.page}
    assert len(kept) == len(first) == 2
    assert [pair.unread for pair in walked(left, right, kept)] == [500, 400]
    right.text = "another"
    again = walked(left, right, kept)
    assert [pair.unread for pair in again] == [0, 0]
    assert len(met(again, "mongo")) == 900
    right.text = ""
    right.keys.remove("450")
    assert next(pair.unread for pair in walked(left, right, kept)) == 0


def test_a_walk_goes_on_where_it_was() -> None:
    """From the place of any page."""
    left, right = shelf(Side.MYSQL, set(range(1200)), 0, 0), shelf(Side.MONGO, set(range(1200)), 0, 2)
    whole = walked(left, right, {})
    rest = walked(left, right, {}, whole[0].place)
    assert met(whole[:1], "mongo") + met(rest, "mongo") == right.keys
    assert rest[-1].place.done == whole[-1].place.done


def test_both_sides_read_ahead() -> None:
    """One page each is on its way while another is compared; none is asked for twice."""
    left, right = shelf(Side.MYSQL, set(range(900)), 0, 0), shelf(Side.MONGO, set(range(900)), 0, 0)
    found = walked(left, right, {})
    assert left.asked == right.asked == len(found) + 1
