"""What of a document a change may have touched, told by paths; and that the rest is not looked at."""

from __future__ import annotations

import pytest

from sync.errors import UnmappableDocument
from sync.model.mapping_file import load_mapping
from sync.model.shredder import Shredder, touched
from tests import every_part
from tests.unit.test_lens import ACCOUNTS, BORN, CUSTOMERS, TRANSACTIONS, bucket, customer
from tests.unit.test_lens import ID as KEY

ENTRY = "analytics_transaction"
ENTRY_OF = {"date": BORN, "amount": 1, "transaction_code": "buy", "symbol": "x", "price": "1.0", "total": "1"}


@pytest.mark.parametrize(
    ("paths", "whole", "places"),
    [
        (["transactions.3.amount", "transactions.12"], [], {ENTRY: {3, 12}}),
        (["transactions"], [], {}),
        (["transactions.3.amount", "transactions"], [], {}),
        (["transactions.3.amount"], ["transactions"], {}),
        (["transactions.x.amount"], [], {}),
        ([f"transactions.{'9' * 5000}"], [], {}),
    ],
)
def test_places_of_a_list(paths: list[str], whole: list[str], places: dict[str, set[int]]) -> None:
    """Those that are named, as long as nothing says that all of it may have changed."""
    told = touched(TRANSACTIONS, paths, whole)
    assert told.places == places
    assert told.tables == {"analytics_bucket", ENTRY}


def test_maps_and_sets_are_touched_whole() -> None:
    """A key may be any text, and the place of a set's member says nothing."""
    told = touched(CUSTOMERS, ["tier_and_details.3.active", "name"])
    assert told.places == {}
    assert told.tables == {"analytics_customer", "analytics_customertier", "analytics_customerbenefit"}
    assert touched(ACCOUNTS, ["limit", "note.1"]).tables == {"analytics_account"}


@pytest.mark.parametrize("path", ["odd.name", "odd.name.3"])
def test_a_dot_in_a_name_is_none_between_two(path: str) -> None:
    """A path does not tell them apart: whatever may be meant is read."""
    people = load_mapping(every_part.MAPPING).collections["people"]
    assert touched(people, [path]).tables == {"person", "person_odd"}
    assert touched(people, [], [path]).tables == {"person", "person_odd"}
    assert touched(people, ["odd.names", "odd"]).tables == {"person"}


def test_what_was_not_touched_is_not_looked_at() -> None:
    """Nor refused: that was told when it was written."""
    shredder, before, after = Shredder(TRANSACTIONS), bucket(), bucket()
    for one, amount in ((before, 1), (after, 2)):
        one |= {"transactions": [{**ENTRY_OF, "amount": amount}, {**ENTRY_OF, "amount": "bad"}]}
    (change,) = shredder.changes(KEY, before, after, touched(TRANSACTIONS, ["transactions.0.amount"]))
    assert (change.table, change.key[1:]) == (ENTRY, (0,))
    with pytest.raises(UnmappableDocument):
        shredder.changes(KEY, before, after, None)


def test_a_member_twice_in_one_of_several_sets() -> None:
    """Is refused wherever it stands; equal members of different sets are not."""
    shredder = Shredder(CUSTOMERS)

    def tiers(*benefits: list[str]) -> dict[str, object]:
        return {
            name: {"tier": "Gold", "benefits": of, "active": True, "id": name}
            for name, of in zip("abc", benefits, strict=False)
        }

    shredder.changes(KEY, None, customer(tier_and_details=tiers(["x"], ["x"])), None)
    for of in ((["x"], ["y", "y"]), (["y", "y"], ["x"]), (["x"], ["x", "x"], ["x"])):
        with pytest.raises(UnmappableDocument):
            shredder.changes(KEY, None, customer(tier_and_details=tiers(*of)), None)
