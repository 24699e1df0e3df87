"""The compiled assembler on whatever Hypothesis finds: it makes what lens.assemble makes."""

from __future__ import annotations

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.model.assembler import Assembler
from sync.model.lens import assemble, empty_rows
from sync.model.mapping import CollectionMapping
from tests.laws.strategies import COLLECTIONS, rows

every_collection = pytest.mark.parametrize("collection", COLLECTIONS, ids=[one.name for one in COLLECTIONS])
ASSEMBLERS = {one.name: Assembler(one) for one in COLLECTIONS}


@every_collection
@given(data=st.data())
def test_it_makes_the_document_that_the_lens_makes(collection: CollectionMapping, data: st.DataObject) -> None:
    """To the byte, in whatever order the rows were read, and where places of lists have gaps."""
    made = data.draw(rows(collection))
    (key,) = next(iter(made[collection.table]))
    turned = {table: dict(reversed(of_table.items())) for table, of_table in made.items()}
    gaps = {table: dict(list(of_table.items())[table in collection.lists :]) for table, of_table in made.items()}
    for one in (made, turned, gaps):
        wanted = assemble(collection, key, one)
        assert wanted is not None
        document = ASSEMBLERS[collection.name].document(key, one)
        assert document is not None
        assert bson.encode(document) == bson.encode(wanted)


@every_collection
def test_without_a_root_row_there_is_none(collection: CollectionMapping) -> None:
    """As with the lens."""
    assert ASSEMBLERS[collection.name].document("0" * 24, empty_rows(collection)) is None
