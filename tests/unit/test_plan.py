"""Plans for documents that are written out: the least update, and when the whole document must be replaced."""

from __future__ import annotations

import pytest
from bson import ObjectId

from sync.model.lens import document_key, shred
from sync.model.plan import DocumentPlan, Replace, Update, plan
from tests.laws.strategies import MAPPING, Document
from tests.unit.test_lens import ID, bucket, customer

CUSTOMERS, TRANSACTIONS = MAPPING.collections["customers"], MAPPING.collections["transactions"]


def entry(name: str, **changes: object) -> Document:
    return {"tier": "Gold", "benefits": ["b", "a"], "active": True, "id": name} | changes


def lead(before: Document, after: Document) -> DocumentPlan | None:
    key = document_key(CUSTOMERS, before["_id"])
    return plan(CUSTOMERS, key, shred(CUSTOMERS, before), shred(CUSTOMERS, after), before)


def holding(*entries: Document, **changes: object) -> Document:
    return customer(tier_and_details={str(one["id"]): one for one in entries}, **changes)


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        (customer(), customer(name="Anna"), Update(set={"name": "Anna"}, unset=())),
        (customer(), customer(active=False), Update(set={"active": False}, unset=())),
        (customer(active=True), customer(), Update(set={}, unset=("active",))),
        (customer(), customer(accounts=[1]), Update(set={"accounts": [1]}, unset=())),
        (customer(), customer(accounts=[]), Update(set={"accounts": []}, unset=())),
        (
            holding(entry("k"), entry("l")),
            holding(entry("k", tier="Iron"), entry("l")),
            Update(set={"tier_and_details.k.tier": "Iron"}, unset=()),
        ),
        (
            holding(entry("k"), entry("l")),
            holding(entry("l")),
            Update(set={}, unset=("tier_and_details.k",)),
        ),
        (
            holding(),
            holding(entry("0")),
            Update(set={"tier_and_details.0": entry("0", benefits=["a", "b"])}, unset=()),
        ),
        (
            holding(entry("k", benefits=["z", "c", "a"])),
            holding(entry("k", benefits=["a", "b", "d", "z"])),
            Update(set={"tier_and_details.k.benefits": ["z", "a", "b", "d"]}, unset=()),
        ),
    ],
)
def test_only_what_changed_is_touched(before: Document, after: Document, wanted: Update) -> None:
    """Fields and map entries by path; a set as one value, in which staying members keep their order."""
    assert lead(before, after) == wanted


def bought(*changes: Document) -> Document:
    """A bucket with an entry for each of these."""
    entries: list[Document] = []
    for one in changes:
        made = bucket(**one)["transactions"]
        assert isinstance(made, list)
        entries += made
    return bucket() | {"transactions": entries}


def test_of_a_list_that_keeps_its_length_only_what_changed_is_touched() -> None:
    """Fields of its elements by path; one that grows or shrinks is written as one value."""
    before, key = bought({}, {}, {}), document_key(TRANSACTIONS, ObjectId(ID))

    def leading(after: Document) -> DocumentPlan | None:
        return plan(TRANSACTIONS, key, shred(TRANSACTIONS, before), shred(TRANSACTIONS, after), before)

    changed, longer = bought({}, {"amount": -7}, {"symbol": "y"}), bought({}, {}, {}, {})
    assert leading(changed) == Update(set={"transactions.1.amount": -7, "transactions.2.symbol": "y"}, unset=())
    assert leading(longer) == Update(set={"transactions": longer["transactions"]}, unset=())


def test_the_order_in_a_set_is_no_change() -> None:
    """Nothing is written for it."""
    assert lead(holding(entry("k", benefits=["a", "b"])), holding(entry("k", benefits=["b", "a"]))) is None


@pytest.mark.parametrize("name", ["a.b", "$set", "", "."])
@pytest.mark.parametrize("kind", ["come", "go", "change"])
def test_keys_that_cannot_be_paths_replace_the_document(name: str, kind: str) -> None:
    """And what no column takes is still there, also in other entries."""
    more = {"unmapped": [1, {"x": None}], "_id": ObjectId(ID)}
    other = entry("k", extra=5)
    with_it, without = holding(other, entry(name), **more), holding(other, **more)
    before, after = {
        "come": (without, with_it),
        "go": (with_it, without),
        "change": (with_it, holding(other, entry(name, tier="Iron"), **more)),
    }[kind]
    planned = lead(before, after)
    assert isinstance(planned, Replace)
    assert shred(CUSTOMERS, planned.document) == shred(CUSTOMERS, after)
    assert planned.document["unmapped"] == [1, {"x": None}]
    tiers = planned.document["tier_and_details"]
    assert isinstance(tiers, dict)
    assert tiers["k"]["extra"] == 5


def test_an_odd_key_beside_a_change_does_no_harm() -> None:
    """Only paths that are written count."""
    before, after = holding(entry("a.b")), holding(entry("a.b"), name="Anna")
    assert lead(before, after) == Update(set={"name": "Anna"}, unset=())
