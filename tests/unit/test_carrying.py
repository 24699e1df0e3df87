"""Rows under other keys: what several transactions come to, and what goes along with them in documents that are written out."""

from __future__ import annotations

from bson import ObjectId

from sync.model.carrying import NO_MOVES, Carrying, Moves, moves, unmapped_fields
from sync.model.change import DocumentId, DocumentRows, Entry, Origin, RowKey, Transaction, Value
from sync.model.lens import document_key, empty_rows, shred
from sync.model.mapping import CollectionMapping
from sync.model.mapping_file import load_mapping
from sync.model.plan import plan, planned_document
from sync.model.position import Known, StreamPosition
from tests import every_part
from tests.laws.strategies import Document
from tests.unit.test_plan import PEOPLE, PERSON

NOTES = load_mapping(every_part.MAPPING).collections["notes"]
AT = StreamPosition(time=1, increment=1)
A, B, C = (ObjectId(letter * 24) for letter in "abc")


def transaction(**places: dict[str, str | None]) -> Transaction:
    """Root rows of documents that were given other keys: document -> key -> key before."""
    entries = tuple(
        Entry(
            document=DocumentId("people", document),
            changes=(),
            origin=Origin.USER,
            committed_at=0,
            position=AT,
            moved={("person", (key,)): None if was is None else (was,) for key, was in of.items()},
        )
        for document, of in places.items()
    )
    return Transaction(entries=entries, position=AT, known=Known(seq=0, lease=""))


def root(moved: Moves) -> dict[Value, Value]:
    return {key[0]: None if was is None else was[0] for (_, key), was in moved.origins.items()}


def test_transactions_one_after_another() -> None:
    """Each starts from what those before it have left."""
    assert moves([transaction()]) == NO_MOVES
    first = transaction(a={"a": None}, b={"b": "a"})
    second = transaction(b={"b": None}, c={"c": "b"})
    both = moves([first, second])
    assert root(both) == {"a": None, "b": None, "c": "a"}
    assert both.sources[DocumentId("people", "c")] == {DocumentId("people", "a")}
    assert both.left == {("person", ("a",))}
    back = moves([first, transaction(b={"b": None}, a={"a": "b"})])
    assert root(back) == {"a": "a", "b": None}
    assert back.sources[DocumentId("people", "a")] == frozenset()
    assert not back.left
    assert (
        root(moves([first, transaction(a={"a": None}, c={"c": "a"})]))["c"] is None
    )  # it came after the first had gone


def test_entries_that_do_not_count() -> None:
    """Those that a copy contains: what moved in them has moved in it. Of a row that moves on, nothing is left on its way."""
    first, second = transaction(a={"a": None}, b={"b": "a"}), transaction(b={"b": None}, c={"c": "b"})
    assert moves([first, second], lambda entry: entry in first.entries) == moves([second])
    assert moves([first], lambda _: True) == NO_MOVES
    assert moves([first, second]).sources[DocumentId("people", "b")] == frozenset()
    echoes = tuple(entry._replace(origin=Origin.ECHO) for entry in first.entries)
    assert moves([first._replace(entries=echoes)]) == NO_MOVES


def led(
    collection: CollectionMapping,
    document: Document | None,
    wanted: Document,
    moved: Moves,
    *others: Document,
) -> Document | None:
    """What comes of a document that is led to the rows of another version, with other documents beside it."""
    key = document_key(collection, wanted["_id"])
    before: DocumentRows = empty_rows(collection) if document is None else shred(collection, document)
    after = shred(collection, wanted)
    beside = others if document is None else (document, *others)
    stored = {DocumentId(collection.name, document_key(collection, one["_id"])): one for one in beside}
    carrying = Carrying(collection, moved, stored.get, before, after)
    new = planned_document(plan(collection, key, before, after, document, carrying), document)
    return None if new is None else dict(new)


def moved_rows(*rows: tuple[str, RowKey, RowKey | None]) -> Moves:
    """Table, key, key before."""
    origins = {(table, key): was for table, key, was in rows}
    left = {(table, was) for table, key, was in rows if was is not None and was != key}
    return Moves(origins, {}, frozenset(left))


def test_a_document_under_another_key() -> None:
    """Objects of dotted paths too; rows below it that only came anew had stood below the old one."""
    old = PERSON | {"_id": A, "home": {"town": "T", "x": 1}, "more": 1}
    wanted = {name: value for name, value in old.items() if name != "more"} | {"_id": B, "home": {"town": "U"}}
    moved = moved_rows(("person", (str(B),), (str(A),)), ("person", (str(A),), None))
    assert led(PEOPLE, None, wanted, moved, old) == old | {"_id": B, "home": {"town": "U", "x": 1}}
    own = PERSON | {"_id": B, "own": 2}
    assert led(PEOPLE, own, wanted, moved, old) == old | {"_id": B, "home": {"town": "U", "x": 1}, "own": 2}


def test_entries_that_change_places() -> None:
    """Elements of a list by place, where their order stays; one that comes where another has left has nothing more."""
    mine = (document_key(PEOPLE, PERSON["_id"]),)
    bare_one: Document = {"_id": 1, "city": "A", "tags": []}
    bare_two: Document = {"_id": 2, "city": "B", "tags": []}
    table = "person_address"
    swapped = moved_rows((table, (*mine, 1), (*mine, 2)), (table, (*mine, 2), (*mine, 1)))
    assert led(PEOPLE, PERSON, PERSON | {"addresses": [bare_one, bare_two]}, swapped) == PERSON | {
        "addresses": [bare_one | {"x": 2}, bare_two | {"x": 1}]
    }
    gone = moved_rows((table, (*mine, 3), (*mine, 1)), (table, (*mine, 1), None))
    after = [bare_one, bare_two, bare_one | {"_id": 3}]
    assert led(PEOPLE, PERSON, PERSON | {"addresses": after}, gone) == PERSON | {
        "addresses": [bare_one, bare_two | {"x": 2}, bare_one | {"_id": 3, "x": 1}]
    }


def test_what_a_column_takes_as_json_goes_with_its_row() -> None:
    """Not a second time with the document."""
    old = {"_id": A, "title": "t", "more": 1}
    moved = moved_rows(("note", (str(B),), (str(A),)), ("note", (str(A),), None))
    assert led(NOTES, None, {"_id": B, "title": "t", "less": 2}, moved, old) == {"_id": B, "title": "t", "less": 2}


def test_what_no_column_takes_is_told_by_row() -> None:
    document = PERSON | {"home": {"x": {"y": 1}}, "pets": {"Rex": {"$name": "Rex", "kind.of": "dog", "z": None}}}
    mine = document_key(PEOPLE, PERSON["_id"])
    assert unmapped_fields(PEOPLE, document) == {
        ("person", (mine,)): '{"home": {"x": {"y": 1}}}',
        ("person_address", (mine, 1)): '{"x": 1}',
        ("person_address", (mine, 2)): '{"x": 2}',
        ("person_pet", (mine, "Rex")): '{"z": null}',
    }
    assert unmapped_fields(NOTES, {"_id": A, "title": "t", "more": 1}) == {}
