"""Rows from a document and a document from rows: two functions that undo each other on canonical values.

`assemble(shred(d)) == d` up to the order of keys and of set members; `shred(assemble(r)) == r`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping

from bson import encode, json_util
from bson.codec_options import DatetimeConversion
from bson.errors import BSONError

from sync.errors import UnmappableDocument
from sync.model.change import DocumentRows, Row, RowChange, RowKey, Value
from sync.model.codecs import NotCanonical
from sync.model.mapping import CollectionMapping, FieldMapping, Names, PartKind, PartMapping
from sync.model.order import sortable
from sync.model.values import FOREIGN

#: Rows of one document that are being collected.
_Rows = dict[str, dict[RowKey, Row]]
_NONE: Mapping[RowKey, Row] = {}
#: Longest text of a foreign key that is kept whole; longer ones are cut and carry a hash.
_LONGEST = 250
#: A name that may stand in a path as it is.
_PLAIN = re.compile(r'[^.\s"]+')
#: Dates outside of what Python holds stay what they are.
_JSON = json_util.JSONOptions(
    json_mode=json_util.JSONMode.CANONICAL, datetime_conversion=DatetimeConversion.DATETIME_AUTO
)


def empty_rows(collection: CollectionMapping, tables: Iterable[str] | None = None) -> _Rows:
    """An absent document: every table of the collection, or those `tables`, no row."""
    return {table.name: {} for table in collection.tables} if tables is None else {table: {} for table in tables}


def document_key(collection: CollectionMapping, bson_id: object) -> Value:
    """The canonical key of an `_id`; text that begins with "?" where the mapping's type does not take it."""
    try:
        return _own_key(collection, bson_id)
    except NotCanonical:
        text = FOREIGN + json_util.dumps(bson_id, json_options=_JSON)
        if len(text) <= _LONGEST:
            return text
        return f"{text[: _LONGEST - 66]}#{hashlib.sha256(text.encode()).hexdigest()}"


def _own_key(collection: CollectionMapping, bson_id: object) -> Value:
    key = collection.id.codec.from_bson(bson_id)
    if isinstance(key, str) and key.startswith(FOREIGN):
        raise NotCanonical('an _id that begins with "?" is not in this version')
    return key


def bson_id(collection: CollectionMapping, key: Value) -> object:
    """The `_id` whose key this is. Raises `UnmappableDocument` where none can be told: a foreign key that was cut, or a
    key in MySQL that no `_id` of the mapping's type has."""
    foreign = isinstance(key, str) and key.startswith(FOREIGN)
    try:
        value = json_util.loads(str(key)[1:], json_options=_JSON) if foreign else collection.id.codec.to_bson(key)
        told = document_key(collection, value) == key
        if foreign:
            encode({"_id": value})  # bytes that are no UTF-8 were read as what cannot be written
    except (ValueError, TypeError, KeyError, ArithmeticError, RecursionError, BSONError):
        told, value = False, None
    if told:
        return value
    if foreign:
        raise UnmappableDocument(
            "_id", "this key is none, or one that was too long to be kept; delete or change the document by hand"
        )
    raise UnmappableDocument("_id", f"this key is none that codec {collection.id.codec.name} allows")


def shred(collection: CollectionMapping, document: Mapping[str, object], tables: frozenset[str] | None = None) -> _Rows:
    """The rows of a document, every table of the collection present; or only those `tables`, with each the ones above it.
    Fields that no column takes are left out, where they are not refused.

    Raises `UnmappableDocument` with the path, the type found and what is allowed, for what is read of the document.
    """
    rows = empty_rows(collection, tables)
    try:
        key = (_own_key(collection, document.get("_id")),)
    except NotCanonical as error:
        raise UnmappableDocument("_id", str(error)) from None
    row = _row(collection.fields, document, "")
    if collection.rejects:
        _refuse_unmapped(collection.names, document, "")
    elif collection.rest:
        row[collection.rest.column] = _decode(collection.rest, unmapped(collection.names, document), "document")
    rows[collection.table][key] = row
    _shred_parts(collection.parts, document, key, "", rows)
    return rows


def assemble(collection: CollectionMapping, key: Value, rows: DocumentRows) -> dict[str, object] | None:
    """The document of these rows; None without a root row. Lists go by the rank of their positions, sets and maps by the
    order of their members, so that the same rows always give the same document."""
    root = rows[collection.table].get((key,))
    if root is None:
        return None
    document: dict[str, object] = {"_id": bson_id(collection, key)}
    document.update(_fields(collection.fields, root))
    if collection.rest:
        document.update(rest_fields(collection.rest, root[collection.rest.column]))
    _put_parts(document, collection.parts, (key,), {}, rows)
    return document


def assemble_part(part: PartMapping, above: RowKey, rows: DocumentRows) -> object | None:
    """One nested part below the row with key `above`; None where the field is absent."""
    return _assemble_part(part, above, {}, rows)


def assemble_row(part: PartMapping, key: RowKey, rows: DocumentRows) -> dict[str, object]:
    """The object of one row of a part: the entry, the element of a list with a key, or the object itself."""
    return _entry(part, key, rows[part.table][key], {}, rows)


def unmapped(names: Names, document: Mapping[str, object]) -> dict[str, object]:
    """The fields of an object that have none of these names."""
    return {name: value for name, value in document.items() if name not in names}


def rest_fields(rest: FieldMapping, value: Value) -> Mapping[str, object]:
    """The fields that stand in a column of JSON."""
    fields = rest.codec.to_bson(value)
    assert isinstance(fields, Mapping)
    return fields


def path_text(path: Iterable[str]) -> str:
    """A path for people; a name that could be taken for more than one is quoted."""
    return ".".join(name if _PLAIN.fullmatch(name) else json.dumps(name, ensure_ascii=False) for name in path)


def difference(collection: CollectionMapping, before: DocumentRows, after: DocumentRows) -> tuple[RowChange, ...]:
    """The row changes that lead from one to the other: deletes children first, then the rest parents first."""
    deletes: list[RowChange] = []
    writes: list[RowChange] = []
    for table in collection.tables:
        name = table.name
        old, new = before.get(name, _NONE), after.get(name, _NONE)
        if old is new or not (old or new):
            continue
        if old.keys() != new.keys():
            gone = [RowChange(table=name, key=key, before=old[key], after=None) for key in old if key not in new]
            deletes = gone + deletes
        for key, row in new.items():
            there = old.get(key)
            if there != row:
                writes.append(RowChange(table=name, key=key, before=there, after=row))
    return (*deletes, *writes)


# From a document.


def _shred_parts(
    parts: Iterable[PartMapping], holder: Mapping[str, object], above: RowKey, path: str, rows: _Rows
) -> None:
    for part in parts:
        if part.table not in rows:
            continue
        here = f"{path}{path_text([part.name])}"
        if part.name not in holder:
            if part.absent_if_empty:
                continue
            raise UnmappableDocument(here, f"{_wanted(part)} is needed, the field is absent")
        _shred_part(part, holder[part.name], above, here, rows)


def _shred_part(part: PartMapping, value: object, above: RowKey, path: str, rows: _Rows) -> None:
    table = rows[part.table]
    empty = part.absent_if_empty and part.kind is not PartKind.OBJECT
    for own, row, entry, where in _elements(part, value, path):
        empty = False
        key = (*above, *own)
        if key in table:
            what = "a member" if part.kind is PartKind.SET else "an element of this key"
            raise UnmappableDocument(where, f"it may hold {what} once")
        table[key] = row
        _shred_parts(part.parts, entry, key, f"{where}.", rows)
    if empty:
        raise UnmappableDocument(path, f'{_wanted(part)} with something in it is allowed, for empty = "absent"')


def _elements(part: PartMapping, value: object, path: str) -> Iterator[tuple[RowKey, Row, Mapping[str, object], str]]:
    """What a row's key has beyond that of the row above, row, entry (for nested parts) and path of each element."""
    if part.kind is PartKind.MAP:
        yield from _entries(part, value, path)
    elif part.kind is PartKind.OBJECT:
        entry = _mapping(value, path, _wanted(part))
        yield (), _object(part, entry, path), entry, path
    elif not isinstance(value, list):
        raise UnmappableDocument(path, f"{_wanted(part)} is needed, found {type(value).__name__}")
    elif part.kind is PartKind.KEYED_LIST:
        yield from _keyed(part, value, path)
    else:
        yield from _places(part, value, path)


def _entries(part: PartMapping, value: object, path: str) -> Iterator[tuple[RowKey, Row, Mapping[str, object], str]]:
    """Of a map. Its keys are data and are not told."""
    assert part.own
    where = f"{path}[…]"
    for name, entry in _mapping(value, path, _wanted(part)).items():
        fields = _mapping(entry, where, "an object")
        if part.repeats_key_in is not None and fields.get(part.repeats_key_in) != name:
            raise UnmappableDocument(f"{where}.{path_text([part.repeats_key_in])}", "the entry's own key is allowed")
        yield (_decode(part.own, name, where),), _object(part, fields, where), fields, where


def _keyed(
    part: PartMapping, value: list[object], path: str
) -> Iterator[tuple[RowKey, Row, Mapping[str, object], str]]:
    """Of a list with a key."""
    assert part.own
    assert part.position
    for place, element in enumerate(value):
        where = f"{path}.{place}"
        fields = _mapping(element, where, "an object")
        key, of_key = part.own.name, f"{where}.{path_text([part.own.name])}"
        if key not in fields:
            raise UnmappableDocument(of_key, f"{part.own.codec.name} is needed, the field is absent")
        own = _decode(part.own, fields[key], of_key)
        yield (own,), {part.position.column: place, **_object(part, fields, where)}, fields, where


def _places(
    part: PartMapping, value: list[object], path: str
) -> Iterator[tuple[RowKey, Row, Mapping[str, object], str]]:
    """Of a set or a keyless list."""
    assert part.own
    for place, element in enumerate(value):
        where = f"{path}.{place}"
        if part.kind is PartKind.SET:
            yield (_decode(part.own, element, where),), {}, {}, where
        elif part.value:
            yield (place,), {part.value.column: _decode(part.value, element, where)}, {}, where
        else:
            yield (place,), _object(part, _mapping(element, where, "an object"), where), {}, where


def _object(part: PartMapping, holder: Mapping[str, object], path: str) -> Row:
    """The row of an entry, an element or an object."""
    row = _row(part.fields, holder, f"{path}.")
    if part.rejects:
        _refuse_unmapped(part.names, holder, path, in_list=part.kind is PartKind.LIST)
    return row


def _refuse_unmapped(names: Names, holder: Mapping[str, object], path: str, *, in_list: bool = False) -> None:
    extra = holder.keys() - names.keys()
    if extra:
        why = "none is allowed in a list" if in_list else 'unmapped = "reject" allows none'
        raise UnmappableDocument(path or "document", f"{len(extra)} field(s) that no column takes; {why}")
    for name, below in names.items():
        if below is not None and name in holder:
            inner, where = holder[name], ".".join(filter(None, (path, path_text([name]))))
            assert isinstance(inner, Mapping)  # its fields were read
            if not inner:
                raise UnmappableDocument(
                    where, "an object with a field in it is allowed, for no column tells of an empty one"
                )
            _refuse_unmapped(below, inner, where, in_list=in_list)


def _wanted(part: PartMapping) -> str:
    return "an object" if part.kind in (PartKind.MAP, PartKind.OBJECT) else "an array"


def _mapping(value: object, path: str, wanted: str) -> Mapping[str, object]:
    if isinstance(value, Mapping):
        return value
    raise UnmappableDocument(path, f"{wanted} is needed, found {type(value).__name__}")


def _row(fields: Iterable[FieldMapping], holder: Mapping[str, object], path: str) -> dict[str, Value]:
    row: dict[str, Value] = {}
    for field in fields:
        inner = holder
        for depth, name in enumerate(field.inside, 1):
            where = f"{path}{path_text(field.inside[:depth])}"
            inner = _mapping(inner[name], where, "an object") if name in inner else {}
        if field.name in inner:
            row[field.column] = _decode(field, inner[field.name], f"{path}{path_text(field.path)}")
        elif field.absent_if_null:
            row[field.column] = None
        else:
            where = f"{path}{path_text(field.path)}"
            raise UnmappableDocument(where, f"{field.codec.name} is needed, the field is absent")
    return row


def _decode(field: FieldMapping, value: object, path: str) -> Value:
    if value is None and field.null_if_null:
        return None
    try:
        return field.codec.from_bson(value)
    except NotCanonical as error:
        raise UnmappableDocument(path, str(error)) from None


# From rows.


def _fields(fields: Iterable[FieldMapping], row: Row) -> dict[str, object]:
    made: dict[str, object] = {}
    for field in fields:
        value = row[field.column]
        if value is None and field.absent_if_null:
            continue
        holder = _holder(made, field.inside) if field.inside else made
        holder[field.name] = None if value is None else field.codec.to_bson(value)
    return made


def _holder(made: dict[str, object], inside: Iterable[str]) -> dict[str, object]:
    for name in inside:
        inner = made.setdefault(name, {})
        assert isinstance(inner, dict)
        made = inner
    return made


#: Of each table: by the key of the row above, own key columns and row.
_Grouped = dict[str, dict[RowKey, list[tuple[Value, Row]]]]


def _by_parent(rows: Mapping[RowKey, Row]) -> dict[RowKey, list[tuple[Value, Row]]]:
    grouped: dict[RowKey, list[tuple[Value, Row]]] = {}
    for key, row in rows.items():
        grouped.setdefault(key[:-1], []).append((key[-1], row))
    return grouped


def _put_parts(
    holder: dict[str, object], parts: Iterable[PartMapping], above: RowKey, grouped: _Grouped, rows: DocumentRows
) -> None:
    for part in parts:
        value = _assemble_part(part, above, grouped, rows)
        if value is not None:
            holder[part.name] = value


def _assemble_part(part: PartMapping, above: RowKey, grouped: _Grouped, rows: DocumentRows) -> object | None:
    if part.kind is PartKind.OBJECT:
        found = rows[part.table].get(above)
        return None if found is None else _entry(part, above, found, grouped, rows)
    if part.table not in grouped:
        grouped[part.table] = _by_parent(rows[part.table])
    elements = grouped[part.table].get(above, [])
    if not elements and part.absent_if_empty:
        return None
    position = part.position.column if part.position else None
    elements = sorted(elements, key=lambda element: sortable(element[0]))
    if position is not None:
        elements = sorted(elements, key=lambda element: sortable(element[1][position]))
    assert part.own
    if part.kind is PartKind.SET:
        return [part.own.codec.to_bson(own) for own, _ in elements]
    if part.kind is PartKind.MAP:
        return {str(own): _entry(part, (*above, own), row, grouped, rows) for own, row in elements}
    if part.kind is PartKind.KEYED_LIST:
        return [_entry(part, (*above, own), row, grouped, rows) for own, row in elements]
    if part.value:
        column, scalar = part.value.column, part.value.codec.to_bson
        return [None if row[column] is None else scalar(row[column]) for _, row in elements]
    return [_fields(part.fields, row) for _, row in elements]


def _entry(part: PartMapping, key: RowKey, row: Row, grouped: _Grouped, rows: DocumentRows) -> dict[str, object]:
    entry = _fields(part.fields, row)
    if part.own and part.repeats_key_in is not None:
        entry[part.repeats_key_in] = part.own.codec.to_bson(key[-1])
    elif part.own and part.kind is PartKind.KEYED_LIST:
        entry = {part.own.name: part.own.codec.to_bson(key[-1]), **entry}
    if part.parts:
        _put_parts(entry, part.parts, key, grouped, rows)
    return entry
