"""The lens on documents that are written out: what rows they have, and why some have none."""

from __future__ import annotations

from datetime import datetime

import pytest
from bson import Int64, ObjectId
from bson.datetime_ms import DatetimeMS

from sync.errors import UnmappableDocument
from sync.model.lens import assemble, bson_id, difference, document_key, empty_rows, shred
from sync.model.mapping_file import load_mapping
from tests.laws.strategies import MAPPING, Document

CUSTOMERS, ACCOUNTS = MAPPING.collections["customers"], MAPPING.collections["accounts"]
TRANSACTIONS = MAPPING.collections["transactions"]
ID = "5ca4bbcea2dd94ee58162a68"
BORN = datetime(1969, 12, 31, 23, 59, 59, 999000)  # noqa: DTZ001 - canonical dates are naive UTC


def customer(**changes: object) -> Document:
    return {
        "_id": ObjectId(ID),
        "username": "ann",
        "name": "Ann",
        "address": "1 Street\nTown",
        "birthdate": BORN,
        "email": "ann@example.com",
        "accounts": [371138, 324287, 371138],
        "tier_and_details": {
            "t.1": {"tier": "Gold", "benefits": ["sports", "24 hour"], "active": True, "id": "t.1"},
            "": {"tier": "Iron", "benefits": [], "active": False, "id": ""},
        },
    } | changes


def bucket(**changes: object) -> Document:
    return {
        "_id": ObjectId(ID),
        "account_id": 1,
        "transaction_count": 1,
        "bucket_start_date": BORN,
        "bucket_end_date": BORN,
        "transactions": [
            {"date": BORN, "amount": 1, "transaction_code": "buy", "symbol": "x", "price": "1.0", "total": "1"}
            | changes
        ],
    }


def test_every_row_names_its_place() -> None:
    """Keys of children begin with the keys above them; an absent field is NULL; an element may recur in a list."""
    assert shred(CUSTOMERS, customer()) == {
        "analytics_customer": {
            (ID,): {
                "username": "ann",
                "name": "Ann",
                "address": "1 Street\nTown",
                "birthdate": BORN,
                "email": "ann@example.com",
                "active": None,
            }
        },
        "analytics_customeraccount": {
            (ID, 0): {"account_id": 371138},
            (ID, 1): {"account_id": 324287},
            (ID, 2): {"account_id": 371138},
        },
        "analytics_customertier": {
            (ID, "t.1"): {"tier": "Gold", "active": True},
            (ID, ""): {"tier": "Iron", "active": False},
        },
        "analytics_customerbenefit": {(ID, "t.1", "sports"): {}, (ID, "t.1", "24 hour"): {}},
    }


def test_empty_parts_have_no_rows() -> None:
    """And are there again, empty, when the document is put together."""
    rows = shred(CUSTOMERS, customer(accounts=[], tier_and_details={}))
    assert {table: len(of_table) for table, of_table in rows.items()} == {
        "analytics_customer": 1,
        "analytics_customeraccount": 0,
        "analytics_customertier": 0,
        "analytics_customerbenefit": 0,
    }
    document = assemble(CUSTOMERS, ID, rows)
    assert document is not None
    assert (document["accounts"], document["tier_and_details"]) == ([], {})
    assert "active" not in document


def test_no_root_row_is_no_document() -> None:
    """Whatever else is there."""
    rows = empty_rows(ACCOUNTS)
    assert assemble(ACCOUNTS, ID, rows) is None
    rows["analytics_accountproduct"][(ID, 0)] = {"product": "x"}
    assert assemble(ACCOUNTS, ID, rows) is None


def without(name: str) -> Document:
    document = customer()
    del document[name]
    return document


def tiers(**changes: object) -> Document:
    return {"tier_and_details": {"k": {"tier": "Gold", "benefits": [], "active": True, "id": "k"} | changes}}


@pytest.mark.parametrize(
    ("document", "path", "told"),
    [
        (without("_id"), "_id", "ObjectId is allowed, found NoneType"),
        (customer(_id="x"), "_id", "ObjectId is allowed, found str"),
        (without("name"), "name", "string is needed, the field is absent"),
        (customer(name=None), "name", "string is allowed, found NoneType"),
        (customer(active=None), "active", "bool is allowed, found NoneType"),
        (customer(birthdate=DatetimeMS(2**60)), "birthdate", "found DatetimeMS"),
        (without("accounts"), "accounts", "an array is needed, the field is absent"),
        (customer(accounts=None), "accounts", "an array is needed, found NoneType"),
        (customer(accounts={}), "accounts", "an array is needed, found dict"),
        (customer(accounts=[1, Int64(2)]), "accounts.1", "int32 is allowed, found Int64"),
        (customer(tier_and_details=[]), "tier_and_details", "an object is needed, found list"),
        (customer(tier_and_details={"k": 5}), "tier_and_details[…]", "an object is needed, found int"),
        (customer(**tiers(id="other")), "tier_and_details[…].id", "the entry's own key is allowed"),
        (customer(**tiers(id=None)), "tier_and_details[…].id", "the entry's own key is allowed"),
        (customer(**tiers(active=1)), "tier_and_details[…].active", "bool is allowed, found int"),
        (customer(**tiers(benefits=None)), "tier_and_details[…].benefits", "an array is needed, found NoneType"),
        (customer(**tiers(benefits=["a", "b", "a"])), "tier_and_details[…].benefits.2", "a member once"),
    ],
)
def test_what_rows_cannot_hold_is_told(document: Document, path: str, told: str) -> None:
    """The place, what was found and what is allowed. Keys of maps are data and are not told."""
    with pytest.raises(UnmappableDocument) as caught:
        shred(CUSTOMERS, document)
    assert caught.value.path == path
    assert told in caught.value.message


def test_elements_of_a_list_have_no_room_for_more() -> None:
    """An unknown field there cannot be kept, for elements have no identity; elsewhere it stays in MongoDB."""
    with pytest.raises(UnmappableDocument) as caught:
        shred(TRANSACTIONS, bucket(secret="value"))
    assert caught.value.path == "transactions.0"
    assert "secret" not in str(caught.value)
    with_more = customer(more={"a": 1}, **tiers(more=[1]))
    assert shred(CUSTOMERS, with_more) == shred(CUSTOMERS, customer(**tiers()))


def test_refusals_never_carry_values() -> None:
    """Neither a value nor a map's key stands in the text."""
    with pytest.raises(UnmappableDocument) as caught:
        shred(CUSTOMERS, customer(tier_and_details={"private": {"tier": 12345, "benefits": [], "id": "private"}}))
    assert "private" not in str(caught.value)
    assert "12345" not in str(caught.value)


def test_deletes_go_children_first_and_the_rest_parents_first() -> None:
    """So that no foreign key inside the document is ever broken."""
    rows = shred(CUSTOMERS, customer())
    tables = [table.name for table in CUSTOMERS.tables]
    inserts = [change.table for change in difference(CUSTOMERS, empty_rows(CUSTOMERS), rows)]
    deletes = [change.table for change in difference(CUSTOMERS, rows, empty_rows(CUSTOMERS))]
    assert inserts == sorted(inserts, key=tables.index)
    assert deletes == sorted(deletes, key=tables.index, reverse=True)


@pytest.mark.parametrize(
    "foreign", [5, Int64(5), 5.0, "text", ID, "?", None, True, BORN, DatetimeMS(-(2**60)), {"a": [1, {"b": None}]}]
)
def test_ids_of_other_types_have_keys_too(foreign: object) -> None:
    """Text that begins with "?", from which the `_id` comes back in its own type."""
    key = document_key(ACCOUNTS, foreign)
    assert isinstance(key, str)
    assert key.startswith("?")
    again = bson_id(ACCOUNTS, key)
    assert again == foreign
    assert type(again) is type(foreign)


def test_long_foreign_ids_are_cut_and_stay_apart() -> None:
    """250 characters at most, with a hash; the `_id` cannot be told from it and that is said."""
    one, other = document_key(ACCOUNTS, "x" * 300 + "1"), document_key(ACCOUNTS, "x" * 300 + "2")
    assert one != other
    assert len(str(one)) <= 250
    with pytest.raises(UnmappableDocument, match="too long"):
        bson_id(ACCOUNTS, one)


@pytest.mark.parametrize(
    "key",
    [
        *(ID.upper(), "x", "", None, 7),
        *("?", "?{", '?{"$numberDecimal": "x"}', '?{"$oid": "x"}', "?" + "[" * 5000),
        *(f'?{{"$oid": "{ID}"}}', '?{"$numberInt":"5"}'),
    ],
)
def test_a_key_that_no_id_has_is_refused(key: int | str | None) -> None:
    """Above all one that would lead to another document's `_id`: upper-case digits in MySQL, another spelling."""
    with pytest.raises(UnmappableDocument):
        bson_id(ACCOUNTS, key)


def test_text_ids_cannot_be_taken_for_foreign_ones() -> None:
    """Where the mapping's `_id` is text, one that begins with the mark is itself foreign, and unmappable."""
    text = '[collections.c]\ntable = "c"\nid = { column = "id", codec = "string" }'
    collection = load_mapping(text).collections["c"]
    assert document_key(collection, "?5") == '?"?5"'
    assert bson_id(collection, '?"?5"') == "?5"
    assert document_key(collection, "5?") == "5?"
    with pytest.raises(UnmappableDocument):
        shred(collection, {"_id": "?5"})
