"""Documents and rows for Hypothesis, made from a mapping: what the mapping allows and people rarely think of.

Texts stay within 32 characters and map keys within 40, so that everything also fits the domain's columns.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from bson import Binary, Decimal128, Int64, ObjectId
from hypothesis import strategies as st

from sync.model.change import Row, RowKey, Value
from sync.model.codecs import NotCanonical
from sync.model.lens import shred
from sync.model.mapping import CollectionMapping, FieldMapping, Names, Null, PartKind, PartMapping, SyncMapping
from sync.model.mapping_file import load_mapping
from tests import every_part

Document = dict[str, object]
Rows = dict[str, dict[RowKey, Row]]

#: The product's own mapping.
MAPPING: SyncMapping = load_mapping((Path(__file__).parents[2] / "lockstep.toml").read_text(encoding="utf-8"))
#: Its collections, and those that have every kind of part and every option.
COLLECTIONS = (
    *MAPPING.collections.values(),
    *load_mapping(every_part.MAPPING).collections.values(),
)

# Pairs that a careless collation or normal form would take for one; what a path cannot hold; what looks like a place.
_KEYS = (
    "",
    ".",
    "a.b",
    "$",
    "$set",
    "a$",
    "0",
    "1",
    "a",
    "A",
    "a ",
    "á",
    "a\u0301",
    "ß",
    "ss",
    "id",
    "\U0001f4b6",
    "_id",
)
_TEXTS = (*_KEYS, " ", "\n", "\0", "'", '"', "\\", "%s", "null", "\ufeff", "\u202e", "\U0010ffff")

texts = st.sampled_from(_TEXTS) | st.text(max_size=32)
#: BSON's names end at a zero byte.
map_keys = st.sampled_from(_KEYS) | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
int32s = st.integers(-(2**31), 2**31 - 1) | st.sampled_from((-(2**31), -1, 0, 1, 2**31 - 1))
_FIRST, _LAST = datetime(1000, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999000)  # noqa: DTZ001 - naive UTC
dates = st.sampled_from((_FIRST, _LAST, datetime(1969, 12, 31, 23, 59, 59, 999000))) | st.integers(  # noqa: DTZ001
    0, (_LAST - _FIRST) // timedelta(milliseconds=1)
).map(lambda milliseconds: _FIRST + timedelta(milliseconds=milliseconds))
object_ids = st.binary(min_size=12, max_size=12).map(ObjectId)

#: BSON values by the name of the codec that takes them.
BY_CODEC: Mapping[str, st.SearchStrategy[object]] = {
    "objectid": object_ids,
    "string": texts,
    "int32": int32s,
    "bool": st.booleans(),
    "date": dates,
}
#: Anything that a field may hold, mapped types and others.
bson_scalars: st.SearchStrategy[object] = st.one_of(
    *BY_CODEC.values(),
    st.none(),
    st.floats(allow_nan=False),
    st.integers(-(2**63), 2**63 - 1).map(Int64),
    st.integers(-(10**9), 10**9).map(lambda whole: Decimal128(f"{whole}E-3")),
    st.binary(max_size=8).map(lambda data: Binary(data, 128)),
)
bson_values = st.recursive(
    bson_scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(map_keys, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def documents(draw: st.DrawFn, collection: CollectionMapping, *, unmapped: bool = False) -> Document:
    """A canonical document; with `unmapped` also fields that no column takes, where they are allowed."""
    document: Document = {"_id": draw(BY_CODEC[collection.id.codec.name])}
    more = collection.names if unmapped and not (collection.rejects or collection.rest) else None
    document |= draw(_content(collection.fields, collection.parts, more))
    return document | draw(_rest(collection))


@st.composite
def _rest(draw: st.DrawFn, collection: CollectionMapping) -> Document:
    """Fields for a column of JSON: what JSON can tell."""
    rest = collection.rest
    if rest is None:
        return {}
    names = map_keys.filter(lambda name: name not in collection.names)
    return draw(st.dictionaries(names, bson_values, max_size=2).filter(lambda fields: _is_canonical(rest, fields)))


def _is_canonical(field: FieldMapping, value: object) -> bool:
    try:
        field.codec.from_bson(value)
    except NotCanonical:
        return False
    return True


@st.composite
def edits(draw: st.DrawFn, collection: CollectionMapping) -> tuple[Document, Document]:
    """Two states of one document that have much in common. The first one also has unmapped fields."""
    before = draw(documents(collection, unmapped=True))
    other = draw(documents(collection))
    after: Document = {"_id": before["_id"]}
    after |= draw(_mixed_document(collection, before, other))
    return before, after


@st.composite
def histories(draw: st.DrawFn, collection: CollectionMapping) -> list[Rows]:
    """Rows of one document as they follow each other; neighbours have much in common, and it may be absent at times."""
    states = [draw(documents(collection))]
    other = draw(documents(collection))
    for _ in range(draw(st.integers(1, 3))):
        after: Document = {"_id": states[0]["_id"]}
        states.append(after | draw(_mixed_document(collection, states[-1], other)))
        other = draw(st.sampled_from((other, states[0])))
    absent = draw(st.lists(st.booleans() | st.just(value=False), min_size=len(states), max_size=len(states)))
    return [
        {table.name: {} for table in collection.tables} if gone else shred(collection, state)
        for state, gone in zip(states, absent, strict=True)
    ]


@st.composite
def rows(draw: st.DrawFn, collection: CollectionMapping) -> Rows:
    """The canonical rows of one document, made without the lens: positions are 0, 1, 2 …, every row has its parent."""
    made: Rows = {table.name: {} for table in collection.tables}
    key: RowKey = (canonical(collection.id, draw(BY_CODEC[collection.id.codec.name])),)
    made[collection.table][key] = draw(_row(collection.fields))
    if collection.rest:
        rest = canonical(collection.rest, draw(_rest(collection)))
        made[collection.table][key] = {**made[collection.table][key], collection.rest.column: rest}
    for part in collection.parts:
        draw(_part_rows(part, key, made))
    return made


def canonical(field: FieldMapping, value: object) -> Value:
    """What stands in a row for a BSON value."""
    return field.codec.from_bson(value)


def typed(value: object) -> object:
    """A value that is equal to another's only if all the types in it are the same too (1, True and 1.0 are not)."""
    if isinstance(value, Mapping):
        return {name: typed(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [typed(inner) for inner in value]
    return type(value).__name__, value


def sets_sorted(collection: CollectionMapping, document: Mapping[str, object]) -> Document:
    """The document with the members of its sets in order: that order is no part of what it means."""
    return _sorted_parts(collection.parts, document)


def _sorted_parts(parts: Iterable[PartMapping], holder: Mapping[str, object]) -> Document:
    made = dict(copy.deepcopy(dict(holder)))
    for part in parts:
        value = made.get(part.name)
        if value is None:
            continue
        if part.kind is PartKind.SET:
            assert isinstance(value, list)
            made[part.name] = sorted(value)
        elif part.kind is PartKind.MAP:
            assert isinstance(value, dict)
            made[part.name] = {name: _sorted_parts(part.parts, entry) for name, entry in value.items()}
        elif part.kind is PartKind.OBJECT:
            assert isinstance(value, dict)
            made[part.name] = _sorted_parts(part.parts, value)
        elif part.kind is PartKind.KEYED_LIST:
            assert isinstance(value, list)
            made[part.name] = [_sorted_parts(part.parts, element) for element in value]
    return made


# Documents.


@st.composite
def _content(
    draw: st.DrawFn, fields: tuple[FieldMapping, ...], parts: tuple[PartMapping, ...], more: Names | None
) -> Document:
    """`more`: the names that are mapped, where others may stand beside them."""
    made: Document = {}
    for field in fields:
        if not (field.absent_if_null and draw(st.booleans())):
            _put(made, field.path, draw(_value(field)))
    for part in parts:
        if not (part.absent_if_empty and draw(st.booleans())):
            made[part.name] = draw(_part(part, unmapped=more is not None))
    if more is not None:
        draw(_unmapped(more, made))
    return made


@st.composite
def _unmapped(draw: st.DrawFn, names: Names, made: Document) -> None:
    """Fields that no column takes, put into an object and into those that dotted paths name, which may come by that."""
    made |= draw(st.dictionaries(map_keys.filter(lambda name: name not in names), bson_values, max_size=2))
    for name, below in names.items():
        if below is not None and (name in made or draw(st.booleans())):
            inner = made.setdefault(name, {})
            assert isinstance(inner, dict)
            draw(_unmapped(below, inner))


def _value(field: FieldMapping) -> st.SearchStrategy[object]:
    values = BY_CODEC[field.codec.name]
    return st.none() | values if field.null_if_null else values


def _put(made: Document, path: tuple[str, ...], value: object) -> None:
    *inside, last = path
    for name in inside:
        inner = made.setdefault(name, {})
        assert isinstance(inner, dict)
        made = inner
    made[last] = value


def _found(holder: Mapping[str, object], path: tuple[str, ...]) -> list[object]:
    """What stands at a path: one value or none."""
    value: object = holder
    for name in path:
        if not isinstance(value, Mapping) or name not in value:
            return []
        value = value[name]
    return [value]


@st.composite
def _part(draw: st.DrawFn, part: PartMapping, *, unmapped: bool) -> object:
    """With something in it, where an empty one is absent."""
    least = 1 if part.absent_if_empty else 0
    more = part.names if unmapped and not part.rejects else None
    if part.kind is PartKind.OBJECT:
        return draw(_content(part.fields, part.parts, more))
    assert part.own
    if part.kind is PartKind.SET:
        return draw(st.lists(BY_CODEC[part.own.codec.name], min_size=least, max_size=4, unique=True))
    if part.kind is PartKind.LIST:
        if part.value:
            return draw(st.lists(_value(part.value), min_size=least, max_size=4))
        return draw(st.lists(_content(part.fields, (), None), min_size=least, max_size=3))
    if part.kind is PartKind.KEYED_LIST:
        keys = draw(st.lists(BY_CODEC[part.own.codec.name], min_size=least, max_size=3, unique=True))
        return [{part.own.name: key} | draw(_content(part.fields, part.parts, more)) for key in keys]
    entries = {}
    for name in draw(st.lists(map_keys, min_size=least, max_size=3, unique=True)):
        entries[name] = draw(_content(part.fields, part.parts, more))
        if part.repeats_key_in is not None:
            entries[name][part.repeats_key_in] = name
    return entries


@st.composite
def _mixed_document(draw: st.DrawFn, collection: CollectionMapping, one: Document, other: Document) -> Document:
    made: Document = draw(_mixed(collection.fields, collection.parts, one, other))
    if collection.rest:
        for source in (one, other):
            made |= {
                name: value for name, value in source.items() if name not in collection.names and draw(st.booleans())
            }
    return made


@st.composite
def _mixed(
    draw: st.DrawFn,
    fields: tuple[FieldMapping, ...],
    parts: tuple[PartMapping, ...],
    one: Mapping[str, object],
    other: Mapping[str, object],
) -> Document:
    """Each mapped field and part from the one or the other; what has identity is mixed piece by piece."""
    made: Document = {}
    for field in fields:
        for value in _found(draw(st.sampled_from((one, one, other))), field.path):
            _put(made, field.path, value)
    for part in parts:
        here, there = one.get(part.name), other.get(part.name)
        if part.absent_if_empty and draw(st.sampled_from((here, here, there))) is None:
            continue
        here, there = here if here is not None else there, there if there is not None else here
        value = draw(_mixed_part(part, here, there))
        if value or not part.absent_if_empty or part.kind is PartKind.OBJECT:
            made[part.name] = value
    return made


@st.composite
def _mixed_part(draw: st.DrawFn, part: PartMapping, here: object, there: object) -> object:
    if isinstance(here, dict) and isinstance(there, dict):
        if part.kind is PartKind.OBJECT:
            return draw(_mixed(part.fields, part.parts, here, there))
        return draw(_mixed_map(part, here, there))
    assert isinstance(here, list)
    assert isinstance(there, list)
    if part.kind is PartKind.KEYED_LIST:
        assert part.own
        name = part.own.name
        mixed: Document = draw(_mixed_map(part, *({one[name]: one for one in of_side} for of_side in (here, there))))
        elements = []
        for key, element in mixed.items():
            assert isinstance(element, dict)
            elements.append({name: key} | element)
        return draw(st.permutations(elements)) if draw(st.booleans()) else elements
    if part.kind is PartKind.SET:
        every = [*here, *(member for member in there if member not in here)]
        return [member for member in draw(st.permutations(every)) if draw(st.booleans())]
    return draw(st.sampled_from((here, here, there)))


@st.composite
def _mixed_map(draw: st.DrawFn, part: PartMapping, here: Document, there: Document) -> Document:
    entries: Document = {}
    for name in {**here, **there}:
        one, other = here.get(name, there.get(name)), draw(st.sampled_from((there, here))).get(name)
        if other is None and draw(st.booleans()):
            continue
        other = draw(_content(part.fields, part.parts, None)) if draw(st.booleans()) else (other or one)
        assert isinstance(one, dict)
        assert isinstance(other, dict)
        entry = draw(_mixed(part.fields, part.parts, one, other))
        if part.repeats_key_in is not None:
            entry[part.repeats_key_in] = name
        entries[name] = entry
    return entries


# Rows.


@st.composite
def _row(draw: st.DrawFn, fields: tuple[FieldMapping, ...]) -> dict[str, Value]:
    return {
        field.column: None
        if field.null is not Null.REFUSED and draw(st.booleans())
        else canonical(field, draw(BY_CODEC[field.codec.name]))
        for field in fields
    }


@st.composite
def _part_rows(draw: st.DrawFn, part: PartMapping, above: RowKey, made: Rows) -> None:
    fields = (part.value,) if part.value else part.fields
    keys: list[RowKey] = [(place,) for place in range(draw(st.integers(0, 4)))]
    if part.kind is PartKind.OBJECT:
        keys = [()] if draw(st.booleans()) else []
    elif part.own and part.kind is not PartKind.LIST:
        names = map_keys if part.kind is PartKind.MAP else BY_CODEC[part.own.codec.name]
        keys = [(canonical(part.own, own),) for own in draw(st.lists(names, max_size=3, unique=True))]
    for place, own in enumerate(draw(st.permutations(keys)) if part.position else keys):
        key = (*above, *own)
        made[part.table][key] = draw(_row(fields))
        if part.position:
            made[part.table][key] = {part.position.column: place, **made[part.table][key]}
        for nested in part.parts:
            draw(_part_rows(nested, key, made))
