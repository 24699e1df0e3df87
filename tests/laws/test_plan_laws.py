"""Plans on whatever Hypothesis finds, obeyed by a small applier that treats paths as MongoDB does."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.model.change import DocumentRows
from sync.model.lens import assemble, document_key, empty_rows, shred
from sync.model.mapping import CollectionMapping, Names, PartKind, PartMapping
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
        inner = holder[int(name)] if isinstance(holder, list) else holder.setdefault(name, {})
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


_Path = tuple[object, ...]


def unmapped(
    names: Names, parts: Iterable[PartMapping], holder: Mapping[str, object], path: _Path = ()
) -> tuple[dict[_Path, object], set[_Path]]:
    """What no column takes, by its place; and the places of objects that may hold such: entries, elements found by their
    key, objects."""
    by_name = {part.name: part for part in parts}
    values: dict[_Path, object] = {}
    holders: set[_Path] = set()
    for name, value in holder.items():
        part, here, below = by_name.get(name), (*path, name), names.get(name)
        for key, inner in _objects(part, value) if part else ():
            assert part
            there = (*here, *key)
            holders.add(there)
            found = unmapped(part.names, part.parts, inner, there)
            values, holders = values | found[0], holders | found[1]
        if name not in names:
            values[here] = value
        elif below is not None:
            assert isinstance(value, Mapping)
            values |= unmapped(below, (), value, here)[0]
    return values, holders


def _objects(part: PartMapping, value: object) -> list[tuple[_Path, Mapping[str, object]]]:
    """Those that are found again after an edit."""
    if part.kind is PartKind.OBJECT:
        assert isinstance(value, Mapping)
        return [((), value)]
    if part.kind is PartKind.MAP:
        assert isinstance(value, Mapping)
        return [((key,), entry) for key, entry in value.items()]
    if part.kind is PartKind.KEYED_LIST:
        assert isinstance(value, list)
        assert part.own
        return [((element[part.own.name],), element) for element in value]
    return []


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
    assert _kept(collection, document, new)
    assert (planned is None) == (before == after)


def _kept(collection: CollectionMapping, old: Document, new: Document) -> bool:
    """Unmapped fields are the same, but for those of objects that went; objects that came have none."""
    (values, holders), (now, there) = (unmapped(collection.names, collection.parts, one) for one in (old, new))
    gone = holders - there
    stays = {path: value for path, value in values.items() if not any(path[: len(one)] == one for one in gone)}
    if collection.rest:  # those of the document itself are mapped
        stays, now = ({path: value for path, value in of.items() if len(path) > 1} for of in (stays, now))
    return typed(stays) == typed(now)


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
    """A document that stands without rows becomes what the new rows assemble to, and keeps what no column takes, unless the
    mapping takes or rejects that."""
    document = data.draw(documents(collection))
    key = document_key(collection, document["_id"])
    made = shred(collection, document)
    broken: Document = {"_id": document["_id"], "junk": 1}
    planned = plan(collection, key, empty_rows(collection), made, broken)
    wanted = assemble(collection, key, made)
    assert wanted is not None
    assert obeyed(planned, broken) == wanted | ({} if collection.rejects or collection.rest else {"junk": 1})


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
