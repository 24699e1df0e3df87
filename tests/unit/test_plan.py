"""Plans for documents that are written out: the least update, and when the whole document must be replaced."""

from __future__ import annotations

import pytest
from bson import ObjectId

from sync.model.lens import document_key, shred
from sync.model.mapping_file import load_mapping
from sync.model.plan import DocumentPlan, Replace, Update, plan
from tests import every_part
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
def test_for_keys_that_cannot_be_paths_the_object_around_is_written(name: str, kind: str) -> None:
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
    assert isinstance(planned, Update)
    assert (list(planned.set), planned.unset) == (["tier_and_details"], ())
    assert shred(CUSTOMERS, {**before, **planned.set}) == shred(CUSTOMERS, after)
    tiers = planned.set["tier_and_details"]
    assert isinstance(tiers, dict)
    assert tiers["k"]["extra"] == 5


def test_an_odd_key_beside_a_change_does_no_harm() -> None:
    """Only paths that are written count."""
    before, after = holding(entry("a.b")), holding(entry("a.b"), name="Anna")
    assert lead(before, after) == Update(set={"name": "Anna"}, unset=())


PEOPLE = load_mapping(every_part.MAPPING).collections["people"]
PERSON: Document = {
    "_id": ObjectId(ID),
    "name": "Ann",
    "work": {"title": None},
    "a.b": None,
    "addresses": [{"_id": 1, "city": "A", "tags": [], "x": 1}, {"_id": 2, "city": "B", "tags": [], "x": 2}],
    "visits": [],
    "odd.name": [],
}


def led(before: Document, after: Document) -> DocumentPlan | None:
    """Of a person."""
    return plan(PEOPLE, ID, shred(PEOPLE, before), shred(PEOPLE, after), before)


def pairs(*changes: tuple[Document, Document, Update]) -> list[tuple[Document, Document, Update]]:
    return [(PERSON | before, PERSON | after, wanted) for before, after, wanted in changes]


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    pairs(
        ({}, {"home": {"town": "T"}}, Update(set={"home.town": "T"}, unset=())),
        ({"home": {"town": "T"}}, {}, Update(set={}, unset=("home",))),
        ({"home": {"town": "T", "x": 1}}, {}, Update(set={}, unset=("home.town",))),
        (
            {"home": {"town": "T", "street": {"number": 1}}},
            {"home": {"town": "T"}},
            Update(set={}, unset=("home.street",)),
        ),
        ({"home": {"street": {"number": 1}}}, {}, Update(set={}, unset=("home",))),
        (
            {"home": {"street": {"number": 1}}},
            {"home": {"street": {"name": "S"}}},
            Update(set={"home.street.name": "S"}, unset=("home.street.number",)),
        ),
        ({}, {"work": {"title": "W"}}, Update(set={"work.title": "W"}, unset=())),
        ({"work": {"title": "W"}}, {}, Update(set={"work.title": None}, unset=())),
        ({}, {"nicknames": [None]}, Update(set={"nicknames": [None]}, unset=())),
        ({"nicknames": ["n"]}, {"nicknames": [None]}, Update(set={"nicknames.0": None}, unset=())),
        ({"nicknames": ["n"]}, {}, Update(set={}, unset=("nicknames",))),
        (
            {"passport": {"number": "1", "stamps": [], "pages": [1], "x": 1}},
            {"passport": {"number": "2", "issued": {"place": "P"}, "stamps": ["s"], "pages": [2]}},
            Update(
                set={
                    "passport.number": "2",
                    "passport.issued.place": "P",
                    "passport.stamps": ["s"],
                    "passport.pages.0": 2,
                },
                unset=(),
            ),
        ),
        ({"passport": {"number": "1", "stamps": [], "pages": []}}, {}, Update(set={}, unset=("passport",))),
        (
            {"visits": [{"day": 1, "where": {"town": "T"}}]},
            {"visits": [{"day": 1}]},
            Update(set={}, unset=("visits.0.where",)),
        ),
    ),
)
def test_each_part_and_option_by_path(before: Document, after: Document, wanted: Update) -> None:
    """An object of a dotted path goes with the last field in it, and stays for one that no column takes."""
    assert led(before, after) == wanted


def test_elements_with_a_key_keep_what_no_column_takes() -> None:
    """By place where none moves; as a whole list, with all that was in them, where some come, go or move."""
    one = {"_id": 1, "city": "A", "tags": []}
    two = {"_id": 2, "city": "B", "tags": []}
    assert led(PERSON, PERSON | {"addresses": [one, two | {"city": "C"}]}) == Update(
        set={"addresses.1.city": "C"}, unset=()
    )
    assert led(PERSON, PERSON | {"addresses": [two, one | {"tags": ["t"]}]}) == Update(
        set={"addresses": [two | {"x": 2}, one | {"tags": ["t"], "x": 1}]}, unset=()
    )
    new = {"_id": 3, "city": "N", "tags": []}
    assert led(PERSON, PERSON | {"addresses": [new, two]}) == Update(set={"addresses": [new, two | {"x": 2}]}, unset=())


def test_a_name_of_the_root_that_cannot_be_a_path_replaces_the_document() -> None:
    """Only there; in an element the element is written."""
    planned = led(PERSON | {"y": 1}, PERSON | {"$rank": 5})
    assert isinstance(planned, Replace)
    assert planned.document == PERSON | {"$rank": 5, "y": 1}
    noted = [{"_id": 1, "city": "A", "tags": [], "$note": "n"}, {"_id": 2, "city": "B", "tags": []}]
    assert led(PERSON, PERSON | {"addresses": noted}) == Update(set={"addresses.0": {**noted[0], "x": 1}}, unset=())
