"""What a collection's validator says, of the mapping and MySQL's columns."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from bson import Decimal128

from deploy.local.paths import ROOT as PROJECT
from sync.model.codecs import CODECS, Codec, Column
from sync.model.codecs.text import StringCodec
from sync.model.mapping import CollectionMapping, FieldMapping, PartKind, PartMapping
from sync.model.mapping_file import load_mapping
from sync.model.validator import TITLE, is_ours, validator
from tests.unit.test_schema_check import COLUMNS

ACCOUNTS = load_mapping(
    """
    [collections.accounts]
    table = "account"
    id = { column = "id", codec = "string" }
    [collections.accounts.fields]
    limit = { column = "limit", codec = "int32" }
    closed = { column = "closed", codec = "date", null = "absent" }
    """
).collections["accounts"]

_PRODUCT = (PROJECT / "lockstep.toml").read_text()


def column(name: str, data_type: str, column_type: str = "", length: int | None = None) -> Column:
    return Column(
        name=name,
        data_type=data_type,
        column_type=column_type or data_type,
        nullable=False,
        collation=None,
        length=length,
        precision=None,
        extra="",
    )


ROOT = {
    "id": column("id", "varchar", "varchar(40)", 40),
    "limit": column("limit", "int"),
    "closed": column("closed", "datetime"),
}


def test_types_lengths_and_what_is_needed() -> None:
    """A field that NULL leaves out is not needed; others may stand beside; what begins with "?" is no key."""
    found = validator(ACCOUNTS, {"account": ROOT})
    assert found["$jsonSchema"] == {
        "title": TITLE,
        "bsonType": "object",
        "required": ["limit"],
        "properties": {
            "_id": {"bsonType": "string", "maxLength": 40, "not": {"pattern": r"^\?"}},
            "limit": {"bsonType": "int"},
            "closed": {"bsonType": "date"},
        },
    }


def test_dates_that_no_column_holds_are_refused_beside_the_schema() -> None:
    """A JSON schema tells no range of dates."""
    found = validator(ACCOUNTS, {"account": ROOT})
    assert found["$nor"] == [
        {"closed": {"$lt": datetime(1000, 1, 1)}},  # noqa: DTZ001 - canonical dates are naive UTC
        {"closed": {"$gt": datetime(9999, 12, 31, 23, 59, 59, 999000)}},  # noqa: DTZ001 - as above
    ]


def test_whole_numbers_are_bounded_by_their_column() -> None:
    """Where it holds less than the BSON type."""
    for kind, least, most in (
        (("tinyint", "tinyint"), -128, 127),
        (("smallint", "smallint unsigned"), 0, 65_535),
        (("int", "int unsigned"), 0, None),
    ):
        found = validator(ACCOUNTS, {"account": ROOT | {"limit": column("limit", *kind)}})
        wanted = {"bsonType": "int", "minimum": least} | ({"maximum": most} if most else {})
        assert found["$jsonSchema"]["properties"]["limit"] == wanted


def numbers(codec: str, kind: tuple[str, str]) -> dict[str, Any]:
    """What a field of this codec may hold in a column of this type."""
    field = FieldMapping(name="limit", column="limit", codec=CODECS[codec])
    mapped = replace(ACCOUNTS, fields=(field,))
    found = validator(mapped, {"account": ROOT | {"limit": column("limit", *kind)}})
    limit: dict[str, Any] = found["$jsonSchema"]["properties"]["limit"]
    return limit


def test_other_numbers_are_bounded_by_their_column() -> None:
    """Which leaves no NaN and no infinity; of DECIMAL the digits after the point too."""
    for codec, kind, least, most in (
        ("decimal128", ("decimal", "decimal(5,2)"), Decimal128("-999.99"), Decimal128("999.99")),
        ("decimal128", ("decimal", "decimal(34,0) unsigned"), Decimal128("0"), Decimal128("9" * 34)),
        ("double", ("double", "double"), -1.7976931348623157e308, 1.7976931348623157e308),
        ("float", ("float", "float unsigned"), 0, 3.4028235e38),
        ("uint64", ("bigint", "bigint unsigned"), 0, Decimal128("18446744073709551615")),
        ("uint64", ("tinyint", "tinyint unsigned"), 0, 255),
        ("bit", ("bit", "bit(33)"), 0, 2**33 - 1),
        ("year", ("year", "year"), 0, 2155),
    ):
        found = numbers(codec, kind)
        assert (found["minimum"], found["maximum"]) == (least, most), (codec, kind)
    assert numbers("decimal128", ("decimal", "decimal(5,2)"))["multipleOf"] == Decimal128("0.01")
    assert numbers("decimal128", ("decimal", "decimal(65,2)")) == {"bsonType": "decimal"}


def test_a_timestamp_has_a_range_of_its_own() -> None:
    """Which is not the same for both families."""
    for mariadb, first, last in (
        (False, datetime(1970, 1, 1, 0, 0, 1), datetime(2038, 1, 19, 3, 14, 7, 999000)),  # noqa: DTZ001 - as above
        (True, datetime(1970, 1, 1, 0, 0, 0, 1000), datetime(2106, 2, 7, 6, 28, 15, 999000)),  # noqa: DTZ001 - as above
    ):
        stamp = replace(column("closed", "timestamp"), mariadb=mariadb)
        found = validator(ACCOUNTS, {"account": ROOT | {"closed": stamp}})
        assert found["$nor"] == [{"closed": {"$lt": first}}, {"closed": {"$gt": last}}]


def test_a_codec_that_is_not_known_lets_everything_pass() -> None:
    """Rather than refuse what a column holds."""

    class Other(StringCodec):
        name = "of_tomorrow"

    codec: Codec = Other()
    later = CollectionMapping(
        name="accounts",
        table="account",
        id=ACCOUNTS.id,
        fields=(FieldMapping(name="limit", column="limit", codec=codec),),
    )
    schema = validator(later, {"account": ROOT})["$jsonSchema"]
    assert (schema["properties"]["limit"], schema["required"]) == ({}, ["limit"])


def test_parts_become_arrays_and_objects() -> None:
    """A map's keys fit their column and its entries repeat them; a list's elements hold nothing else; sets hold each once."""
    customers = load_mapping(_PRODUCT).collections["customers"]
    properties = validator(customers, COLUMNS)["$jsonSchema"]["properties"]
    assert properties["accounts"] == {"bsonType": "array", "items": {"bsonType": "int"}}
    tiers = properties["tier_and_details"]
    assert tiers["additionalProperties"] is False
    ((pattern, entry),) = tiers["patternProperties"].items()
    assert pattern == r"^[\s\S]{0,255}\z"
    assert entry["required"] == ["id", "tier", "active", "benefits"]
    assert entry["properties"]["benefits"]["uniqueItems"] is True
    transactions = load_mapping(_PRODUCT).collections["transactions"]
    found = validator(transactions, COLUMNS)
    assert found["$jsonSchema"]["properties"]["transactions"]["items"]["additionalProperties"] is False
    assert {"transactions.date": {"$lt": datetime(1000, 1, 1)}} in found["$nor"]  # noqa: DTZ001 - as above


def test_a_list_has_as_many_elements_as_its_positions() -> None:
    """And a map whose keys are TEXT has keys of any length that a pattern could not count."""
    whole, text = ACCOUNTS.fields[0].codec, StringCodec()
    listed = PartMapping(
        name="marks",
        kind=PartKind.LIST,
        table="mark",
        parent=("account",),
        own=FieldMapping(name="", column="position", codec=whole),
        value=FieldMapping(name="", column="mark", codec=whole),
    )
    keyed = PartMapping(
        name="notes",
        kind=PartKind.MAP,
        table="note",
        parent=("account",),
        own=FieldMapping(name="", column="key", codec=text),
    )
    marks = {"position": column("position", "tinyint"), "mark": column("mark", "int")}
    notes = {"key": column("key", "mediumtext", length=2**24 - 1)}
    schema = validator(replace(ACCOUNTS, parts=(listed, keyed)), {"account": ROOT, "mark": marks, "note": notes})
    properties = schema["$jsonSchema"]["properties"]
    assert properties["marks"]["maxItems"] == 128
    assert properties["notes"]["additionalProperties"]["bsonType"] == "object"


def test_ours_is_known_by_its_title() -> None:
    """Also that of another version; nothing else is taken for ours."""
    assert is_ours(validator(ACCOUNTS, {"account": ROOT}))
    assert is_ours({"$jsonSchema": {"title": TITLE, "bsonType": "array"}})
    others: list[object] = [None, {}, {"limit": {"$gt": 1}}, {"$jsonSchema": {"title": "ours"}}, {"$jsonSchema": []}]
    assert not any(map(is_ours, others))
