"""The compiled shredder on whatever Hypothesis finds: it tells what lens.shred and lens.difference tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.errors import UnmappableDocument
from sync.model.change import RowChange
from sync.model.lens import difference, document_key, empty_rows, shred
from sync.model.mapping import CollectionMapping
from sync.model.shredder import Shredder, Touched, touched
from tests.laws.strategies import COLLECTIONS, Document, bson_values, documents, edits, typed

every_collection = pytest.mark.parametrize("collection", COLLECTIONS, ids=[one.name for one in COLLECTIONS])
SHREDDERS = {one.name: Shredder(one) for one in COLLECTIONS}


def plainly(collection: CollectionMapping, before: Document | None, after: Document | None) -> tuple[RowChange, ...]:
    """Without the shredder."""
    old, new = (empty_rows(collection) if one is None else shred(collection, one) for one in (before, after))
    return difference(collection, old, new)


def paths(before: object, after: object, path: str = "") -> Iterator[str]:
    """Of what differs, as a server tells them: the deepest field or element that both have, or that one has not."""
    if isinstance(before, list) and isinstance(after, list):
        before, after = ({str(at): one for at, one in enumerate(of)} for of in (before, after))
    if not (isinstance(before, Mapping) and isinstance(after, Mapping)):
        if typed(before) != typed(after):
            yield path
        return
    for name in {**before, **after}:
        here = f"{path}.{name}" if path else name
        if name in before and name in after:
            yield from paths(before[name], after[name], here)
        else:
            yield here


@every_collection
@given(data=st.data())
def test_it_tells_the_difference_of_two_images(collection: CollectionMapping, data: st.DataObject) -> None:
    """Of documents that come, change and go; all of them, or what paths say was touched, which is never too little."""
    before, after = data.draw(edits(collection))
    shredder, key = SHREDDERS[collection.name], document_key(collection, before["_id"])
    for one, other in ((before, after), (None, after), (before, None)):
        assert shredder.changes(key, one, other, None) == plainly(collection, one, other)
    assert shredder.changes(key, before, after, touched(collection, paths(before, after))) == plainly(
        collection, before, after
    )


@every_collection
@given(data=st.data())
def test_it_reads_the_rows_that_the_lens_reads(collection: CollectionMapping, data: st.DataObject) -> None:
    """Of all tables, or of some with those above them."""
    document = data.draw(documents(collection))
    shredder, key = SHREDDERS[collection.name], document_key(collection, document["_id"])
    tables = collection.above[data.draw(st.sampled_from(collection.tables)).name]
    assert shredder.rows(key, document, None) == shred(collection, document)
    assert shredder.rows(key, document, Touched(tables=tables, places={})) == shred(collection, document, tables)


@every_collection
@given(data=st.data())
def test_it_refuses_what_the_lens_refuses(collection: CollectionMapping, data: st.DataObject) -> None:
    """With the same words, wherever in a document something stands that no column takes."""
    document = data.draw(documents(collection))
    holder: object = document
    while isinstance(holder, (dict, list)) and holder:
        place = data.draw(st.sampled_from(list(holder) if isinstance(holder, dict) else list(range(len(holder)))))
        if data.draw(st.booleans(), label="here"):
            if isinstance(holder, dict) and data.draw(st.booleans(), label="absent"):
                del holder[place]
            else:
                holder[place] = data.draw(bson_values)
            break
        holder = holder[place]
    wanted: object
    try:
        wanted = plainly(collection, None, document)
    except UnmappableDocument as error:
        wanted = error.message
    found: object
    try:
        found = SHREDDERS[collection.name].changes(document_key(collection, document.get("_id")), None, document, None)
    except UnmappableDocument as error:
        found = error.message
    assert found == wanted
