"""The lens on whatever Hypothesis finds: taking apart and putting together undo each other."""

from __future__ import annotations

import os
from pathlib import Path

import bson
import pytest
from bson import json_util
from hypothesis import given
from hypothesis import strategies as st

from sync.errors import UnmappableDocument
from sync.model.change import RowKey, Value
from sync.model.lens import assemble, bson_id, difference, document_key, empty_rows, shred
from sync.model.mapping import CollectionMapping
from sync.model.values import key_from_text, key_text
from tests.laws.strategies import COLLECTIONS, MAPPING, bson_values, documents, edits, rows, sets_sorted, typed

every_collection = pytest.mark.parametrize("collection", COLLECTIONS, ids=[one.name for one in COLLECTIONS])


def as_bson(value: object) -> object:
    """Equal only for the same BSON; -0.0 and 0.0 differ."""
    return bson.encode({"": value})


@every_collection
@given(data=st.data())
def test_a_document_comes_back_from_its_rows(collection: CollectionMapping, data: st.DataObject) -> None:
    """assemble(shred(d)) == d, types included, but for the order of keys and of set members."""
    document = data.draw(documents(collection))
    key = document_key(collection, document["_id"])
    assert typed(assemble(collection, key, shred(collection, document))) == typed(sets_sorted(collection, document))


@every_collection
@given(data=st.data())
def test_rows_come_back_from_their_document(collection: CollectionMapping, data: st.DataObject) -> None:
    """shred(assemble(r)) == r."""
    made = data.draw(rows(collection))
    (key,) = next(iter(made[collection.table]))
    document = assemble(collection, key, made)
    assert document is not None
    assert shred(collection, document) == made


@every_collection
@given(data=st.data())
def test_the_same_rows_always_give_the_same_document(collection: CollectionMapping, data: st.DataObject) -> None:
    """The order in which rows were read makes no difference, not even to the order of keys."""
    made = data.draw(rows(collection))
    (key,) = next(iter(made[collection.table]))
    turned = {table: dict(reversed(of_table.items())) for table, of_table in made.items()}
    one, other = assemble(collection, key, made), assemble(collection, key, turned)
    assert one is not None
    assert other is not None
    assert bson.encode(one) == bson.encode(other)


@every_collection
@given(data=st.data())
def test_storing_a_document_changes_no_row(collection: CollectionMapping, data: st.DataObject) -> None:
    """What MongoDB keeps and gives back has the rows that were written."""
    document = data.draw(documents(collection))
    assert shred(collection, bson.decode(bson.encode(document))) == shred(collection, document)


@every_collection
@given(data=st.data())
def test_unmapped_fields_are_no_part_of_the_rows(collection: CollectionMapping, data: st.DataObject) -> None:
    """A document's rows stay the same whatever stands in fields that no column takes."""
    document = data.draw(documents(collection, unmapped=True))
    made = shred(collection, document)
    plain = assemble(collection, document_key(collection, document["_id"]), made)
    assert plain is not None
    assert shred(collection, plain) == made


@every_collection
@given(data=st.data())
def test_a_difference_leads_from_one_to_the_other(collection: CollectionMapping, data: st.DataObject) -> None:
    """Its changes, one by one in their order, make the one the other, and no row is ever without the row above it."""
    before, after = (shred(collection, document) for document in data.draw(edits(collection)))
    if data.draw(st.booleans(), label="from nothing"):
        before = empty_rows(collection)
    if data.draw(st.booleans(), label="to nothing"):
        after = empty_rows(collection)
    now = {table: dict(of_table) for table, of_table in before.items()}
    tables = {table.name: table for table in collection.tables}
    above = {table.name: table.parent for table in collection.tables}
    for change in difference(collection, before, after):
        assert now[change.table].get(change.key) == change.before
        assert change.before != change.after
        if change.after is None:
            del now[change.table][change.key]
        else:
            now[change.table][change.key] = change.after
        for table, keys in now.items():
            parent = above[table]
            assert parent is None or all(tables[table].above(key) in now[parent] for key in keys)
    assert now == after


@pytest.mark.real_data
@pytest.mark.skipif("LOCKSTEP_REAL_DATA" not in os.environ, reason="LOCKSTEP_REAL_DATA names no folder")
@pytest.mark.parametrize("collection", MAPPING.collections.values(), ids=MAPPING.collections.keys())
def test_real_documents_come_back_from_their_rows(collection: CollectionMapping) -> None:
    """Every document of the exports, with all that people left in them."""
    options = json_util.JSONOptions(tz_aware=False)
    file = Path(os.environ["LOCKSTEP_REAL_DATA"], f"{collection.name}.json")
    lines = file.read_text(encoding="utf-8").splitlines()
    assert lines
    for line in lines:
        document = json_util.loads(line, json_options=options)
        key = document_key(collection, document["_id"])
        assert typed(assemble(collection, key, shred(collection, document))) == typed(sets_sorted(collection, document))


@every_collection
@given(one=bson_values, other=bson_values)
def test_a_key_stands_for_one_id(collection: CollectionMapping, one: object, other: object) -> None:
    """Any `_id` has a key of at most 250 characters, which no other `_id` has, and from which it comes back or is refused;
    as text the key survives too."""
    key = document_key(collection, one)
    assert len(str(key)) <= 250
    assert key_from_text(collection, key_text(key)) == key
    assert (document_key(collection, other) == key) == (as_bson(one) == as_bson(other))
    try:
        assert as_bson(bson_id(collection, key)) == as_bson(one)
    except UnmappableDocument:
        assert len(bson.encode({"": one})) > 50


@every_collection
@given(data=st.data())
def test_lists_go_by_rank(collection: CollectionMapping, data: st.DataObject) -> None:
    """Rows of a list with gaps between their positions assemble to the document of the dense ones."""
    made = data.draw(rows(collection))
    (key,) = next(iter(made[collection.table]))
    lists = {table.name for table in collection.tables if table.is_list}

    def spread(row_key: RowKey) -> RowKey:
        return (*row_key[:-1], _far(row_key[-1]))

    gaps = {
        table: {spread(row_key) if table in lists else row_key: row for row_key, row in of_table.items()}
        for table, of_table in made.items()
    }
    for table, position in collection.positions.items():
        gaps[table] = {row_key: {**row, position: _far(row[position])} for row_key, row in gaps[table].items()}
    assert assemble(collection, key, gaps) == assemble(collection, key, made)


def _far(place: Value) -> int:
    assert isinstance(place, int)
    return place * 11 + 2
