"""Plans on whatever Hypothesis finds, obeyed by a small applier that treats paths as MongoDB does."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.model.change import DocumentRows
from sync.model.lens import assemble, document_key, empty_rows, shred
from sync.model.mapping import CollectionMapping, FieldMapping, PartKind, PartMapping
from sync.model.plan import Delete, DocumentPlan, Insert, Replace, Update, plan
from tests.laws.strategies import COLLECTIONS, Document, documents, edits, typed

every_collection = pytest.mark.parametrize("collection", COLLECTIONS, ids=[one.name for one in COLLECTIONS])


def obeyed(planned: DocumentPlan | None, document: Document | None) -> Document | None:
    """The document after the plan; raises where MongoDB would."""
    match planned:
        case None:
            return document
        case Delete():
            assert document is not None
            return None
        case Insert(document=new):
            assert document is None
            return dict(new)
        case Replace(document=new):
            assert document is not None
            assert new["_id"] == document["_id"]
            return dict(new)
        case Update(set=values, unset=paths):
            assert document is not None
            new = copy.deepcopy(document)
            _refuse_overlaps([*values, *paths])
            for path in paths:
                holder, name = _place(new, path)
                assert isinstance(holder, dict), "in an array MongoDB would leave a null"
                del holder[name]
            for path, value in values.items():
                holder, name = _place(new, path)
                if isinstance(holder, list):
                    holder[int(name)] = value
                else:
                    holder[name] = value
            return new


def _place(document: Document, path: str) -> tuple[Document | list[object], str]:
    *above, last = path.split(".")
    holder: Document | list[object] = document
    for name in above:
        inner = holder[int(name)] if isinstance(holder, list) else holder[name]
        assert isinstance(inner, (dict, list))
        holder = inner
    assert last
    assert not last.startswith("$")
    return holder, last


def _refuse_overlaps(paths: list[str]) -> None:
    """MongoDB refuses an update with a path that begins with another one."""
    assert len(set(paths)) == len(paths)
    for one in paths:
        assert not any(other.startswith(f"{one}.") for other in paths)


def unmapped(
    fields: Iterable[FieldMapping], parts: Iterable[PartMapping], holder: Mapping[str, object], also: str | None = None
) -> Document:
    """What no column takes: at the document's level, and per map entry."""
    parts = tuple(parts)
    taken = {
        "_id",
        also,
        *(field.name for field in fields),
        *(part.name for part in parts if part.kind is not PartKind.MAP),
    }
    kept: Document = {}
    for name, value in holder.items():
        part = next((part for part in parts if part.name == name), None)
        if part is not None and part.kind is PartKind.MAP:
            assert isinstance(value, dict)
            kept[name] = {
                key: unmapped(part.fields, part.parts, entry, part.repeats_key_in) for key, entry in value.items()
            }
        elif name not in taken:
            kept[name] = value
    return kept


@every_collection
@given(data=st.data())
def test_an_obeyed_plan_shows_the_new_rows(collection: CollectionMapping, data: st.DataObject) -> None:
    """plan(before, after, d) applied to d gives a document of the rows `after`, whose unmapped fields are those of d."""
    document, wanted = data.draw(edits(collection))
    pristine = copy.deepcopy(document)
    key = document_key(collection, document["_id"])
    before, after = shred(collection, document), shred(collection, wanted)
    planned = plan(collection, key, before, after, document)
    assert typed(document) == typed(pristine), "a plan must not touch what it was given"
    new = obeyed(planned, document)
    assert new is not None
    assert shred(collection, new) == after
    assert _kept(unmapped(collection.fields, collection.parts, document), new, collection)
    assert (planned is None) == (before == after)


def _kept(old: Document, new: Document, collection: CollectionMapping) -> bool:
    """Unmapped fields are the same, but for those of map entries that went; entries that came have none."""
    now = unmapped(collection.fields, collection.parts, new)
    for part in collection.parts:
        if part.kind is PartKind.MAP:
            was, entries = old.pop(part.name), now.pop(part.name)
            assert isinstance(was, dict)
            assert isinstance(entries, dict)
            for name, entry in entries.items():
                assert typed(entry) == typed(was.get(name, {}))
    return typed(old) == typed(now)


@every_collection
@given(data=st.data())
def test_an_absent_document_is_inserted_and_goes_again(collection: CollectionMapping, data: st.DataObject) -> None:
    """From no rows to rows is an insert of what they assemble to; back is a delete; nothing to nothing is no plan."""
    document = data.draw(documents(collection))
    key = document_key(collection, document["_id"])
    none, made = empty_rows(collection), shred(collection, document)
    assert obeyed(plan(collection, key, none, made, None), None) == assemble(collection, key, made)
    assert obeyed(plan(collection, key, made, none, document), document) is None
    assert plan(collection, key, none, none, None) is None


@every_collection
@given(data=st.data())
def test_an_unmappable_document_is_replaced(collection: CollectionMapping, data: st.DataObject) -> None:
    """A document that stands without rows becomes what the new rows assemble to, and keeps what no column takes."""
    document = data.draw(documents(collection))
    key = document_key(collection, document["_id"])
    made = shred(collection, document)
    broken: Document = {"_id": document["_id"], "junk": 1}
    planned = plan(collection, key, empty_rows(collection), made, broken)
    wanted = assemble(collection, key, made)
    assert wanted is not None
    assert obeyed(planned, broken) == wanted | {"junk": 1}


@every_collection
@given(data=st.data())
def test_tables_that_were_not_read_are_not_touched(collection: CollectionMapping, data: st.DataObject) -> None:
    """With the root's rows alone, the plan changes the root's fields and leaves every part as it stands."""
    document, wanted = data.draw(edits(collection))
    key = document_key(collection, document["_id"])
    before, after = shred(collection, document), shred(collection, wanted)
    new = obeyed(plan(collection, key, _root(collection, before), _root(collection, after), document), document)
    assert new is not None
    assert shred(collection, new) == {**before, collection.table: after[collection.table]}


def _root(collection: CollectionMapping, rows: DocumentRows) -> DocumentRows:
    return {collection.table: rows[collection.table]}
