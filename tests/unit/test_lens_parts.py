"""The lens on every part and option, written out: what rows a document has, and why some have none."""

from __future__ import annotations

import pytest
from bson import Int64, ObjectId

from sync.errors import UnmappableDocument
from sync.model.codecs import NotCanonical
from sync.model.lens import assemble, shred
from sync.model.mapping_file import load_mapping
from tests import every_part
from tests.laws.strategies import Document

PEOPLE, THINGS, NOTES = load_mapping(every_part.MAPPING).collections.values()
ID = "5ca4bbcea2dd94ee58162a68"


def person(**changes: object) -> Document:
    """With all that must be there, and nothing that need not."""
    least: Document = {
        "name": "Ann",
        "work": {"title": None},
        "a.b": None,
        "addresses": [],
        "visits": [],
        "odd.name": [],
    }
    return {"_id": ObjectId(ID), **least, **changes}


def thing(**changes: object) -> Document:
    return {"_id": ObjectId(ID), "label": "x", **changes}


def address(key: object = 1, **changes: object) -> Document:
    return {"_id": key, "city": "A", "tags": [], **changes}


def test_paths_names_and_null() -> None:
    """A field inside objects is a column of the root; its name may be any text; NULL is absence or null, as is said."""
    full = {"town": "T", "street": {"number": 1, "name": "S"}}
    row = shred(PEOPLE, person(**{"home": full, "$rank": 5, "a.b": "d", "": False, "work": {"title": "W"}}))["person"]
    assert row == {
        (ID,): {
            "name": "Ann",
            "home_town": "T",
            "street_number": 1,
            "street_name": "S",
            "work_title": "W",
            "rank_": 5,
            "dotted": "d",
            "nameless": False,
        }
    }
    least = shred(PEOPLE, person())["person"][(ID,)]
    assert {column: value for column, value in least.items() if value is not None} == {"name": "Ann"}
    assert assemble(PEOPLE, ID, shred(PEOPLE, person())) == person()


def test_an_object_is_one_row_or_none() -> None:
    """With its key the root's, and what is nested in it below."""
    passport = {"number": "1", "issued": {"place": "P"}, "stamps": ["b", "a"], "pages": [3, 4]}
    rows = shred(PEOPLE, person(passport=passport))
    assert rows["person_passport"] == {(ID,): {"number": "1", "issued_place": "P"}}
    assert rows["person_page"] == {(ID, 0): {"page": 3}, (ID, 1): {"page": 4}}
    assert shred(PEOPLE, person())["person_passport"] == {}
    assert shred(THINGS, thing(box={}))["thing_box"] == {(ID,): {"wide": None}}
    assert assemble(THINGS, ID, shred(THINGS, thing(box={}))) == thing(box={})


def test_elements_with_a_key_have_their_place_in_a_column() -> None:
    """Found by the key wherever they stand."""
    rows = shred(PEOPLE, person(addresses=[address(7, tags=["t"]), address(3)]))
    assert {key: row["position"] for key, row in rows["person_address"].items()} == {(ID, 7): 0, (ID, 3): 1}
    assert rows["person_address_tag"] == {(ID, 7, "t"): {}}


@pytest.mark.parametrize(
    ("document", "path", "told"),
    [
        (person(home=None), "home", "an object is needed, found NoneType"),
        (person(home={"street": [1]}), "home.street", "an object is needed, found list"),
        (person(home={"street": {"number": "1"}}), "home.street.number", "int32 is allowed, found str"),
        (person(work={}), "work.title", "string is needed, the field is absent"),
        (person(work={"title": 1}), "work.title", "string is allowed, found int"),
        (person(**{"a.b": 1}), '"a.b"', "string is allowed, found int"),
        (person(**{"$rank": None}), "$rank", "int32 is allowed, found NoneType"),
        (person(**{"": 1}), '""', "bool is allowed, found int"),
        (person(passport=None), "passport", "an object is needed, found NoneType"),
        (person(passport={"number": "1", "stamps": []}), "passport.pages", "an array is needed, the field is absent"),
        (person(nicknames=[]), "nicknames", 'an array with something in it is allowed, for empty = "absent"'),
        (person(nicknames=["a", ["b"]]), "nicknames.1", "string is allowed, found list"),
        (person(pets={}), "pets", 'an object with something in it is allowed, for empty = "absent"'),
        (person(pets={"p": {"kind.of": "dog"}}), "pets[…].$name", "the entry's own key is allowed"),
        (person(pets={"p": {"$name": "p"}}), 'pets[…]."kind.of"', "string is needed, the field is absent"),
        (person(addresses=[5]), "addresses.0", "an object is needed, found int"),
        (person(addresses=[[address()]]), "addresses.0", "an object is needed, found list"),
        (person(addresses=[{"city": "A", "tags": []}]), "addresses.0._id", "int32 is needed, the field is absent"),
        (person(addresses=[address(Int64(1))]), "addresses.0._id", "int32 is allowed, found Int64"),
        (person(addresses=[address(1), address(2), address(1)]), "addresses.2", "an element of this key once"),
        (person(addresses=[address(geo={"lat": 1.5})]), "addresses.0.geo.lat", "int32 is allowed, found float"),
        (person(visits=[{"day": 1, "x": 1}]), "visits.0", "1 field(s) that no column takes; none is allowed in a list"),
        (person(visits=[{"day": 1, "where": {"x": 1}}]), "visits.0.where", "1 field(s) that no column takes"),
        (person(visits=[{"day": 1, "where": {}}]), "visits.0.where", "no column tells of an empty one"),
        (thing(x=1, y=2), "document", '2 field(s) that no column takes; unmapped = "reject" allows none'),
        (thing(size={"width": 1, "x": 1}), "size", '1 field(s) that no column takes; unmapped = "reject"'),
        (thing(size={}), "size", "no column tells of an empty one"),
        (thing(box={"x": 1}), "box", '1 field(s) that no column takes; unmapped = "reject"'),
        (
            thing(pieces=[{"sku": "s", "qty": 1, "x": 1}]),
            "pieces.0",
            '1 field(s) that no column takes; unmapped = "rej',
        ),
    ],
)
def test_what_rows_cannot_hold_is_told(document: Document, path: str, told: str) -> None:
    """The place, with odd names quoted, what was found and what is allowed."""
    with pytest.raises(UnmappableDocument) as caught:
        shred(THINGS if "label" in document else PEOPLE, document)
    assert caught.value.path == path
    assert told in caught.value.message


def test_what_no_column_takes_is_no_part_of_the_rows() -> None:
    """Where it may stay: in the document, in objects of dotted paths, entries, elements with a key."""
    more = person(
        x=1,
        home={"x": 1, "street": {"x": 1}},
        passport={"number": "1", "stamps": [], "pages": [], "x": 1},
        addresses=[address(geo={"x": 1}, x=1)],
        pets={"p": {"$name": "p", "kind.of": "dog", "x": 1}},
    )
    less = person(
        passport={"number": "1", "stamps": [], "pages": []},
        addresses=[address()],
        pets={"p": {"$name": "p", "kind.of": "dog"}},
    )
    assert shred(PEOPLE, more) == shred(PEOPLE, less)
    assert assemble(PEOPLE, ID, shred(PEOPLE, more)) == less


def test_no_message_tells_a_name_that_is_data() -> None:
    """Neither of a field that no column takes nor of a map's key."""
    with pytest.raises(UnmappableDocument) as caught:
        shred(THINGS, thing(secret=1))
    assert "secret" not in str(caught.value)


def note(**changes: object) -> Document:
    return {"_id": ObjectId(ID), "title": "t", **changes}


def test_what_no_column_takes_may_stand_in_one_as_json() -> None:
    """In extended JSON that tells all types, always the same for the same fields; without any it is NULL."""
    more = {"b": Int64(1), "a": {"y": 1.0, "x": None}, "$d": [ObjectId(ID)]}
    (row,) = shred(NOTES, note(**more))["note"].values()
    text = f'{{"$d": [{{"$oid": "{ID}"}}], "a": {{"x": null, "y": {{"$numberDouble": "1.0"}}}}, "b": {{"$numberLong": "1"}}}}'
    assert row == {"title": "t", "more": text}
    assert assemble(NOTES, ID, shred(NOTES, note(**more))) == note(**more)
    assert shred(NOTES, note())["note"] == {(ID,): {"title": "t", "more": None}}


@pytest.mark.parametrize("more", [{"$oid": ID}, {"a": {"$date": 5}}, [{"$numberInt": "1"}], "\udc80"])
def test_what_json_cannot_tell_is_refused(more: object) -> None:
    """Above all an object that looks like a type."""
    with pytest.raises(UnmappableDocument, match="what JSON cannot tell"):
        shred(NOTES, note(more=more))


def test_json_that_people_write_in_the_column() -> None:
    """Any spelling of an object; names that are mapped, or twice, are refused."""
    assert NOTES.rest
    codec = NOTES.rest.codec
    assert codec.from_column(' {"a":1,"b":2.5} ') == codec.from_bson({"b": 2.5, "a": 1})
    assert codec.from_column("{}") is None
    for text in (
        "",
        "x",
        "[]",
        "5",
        "null",
        '{"_id": 1}',
        '{"title": 1}',
        '{"a": 1, "a": 1}',
        '{"\\u0000": 1}',
        5,
        '{"a": NaN',
    ):
        with pytest.raises(NotCanonical):
            codec.from_column(text)
    with pytest.raises(NotCanonical):
        codec.from_column(f'{{"a": {2**63}}}')
