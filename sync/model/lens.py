"""Rows from a document and a document from rows: two functions that undo each other on canonical values.

`assemble(shred(d)) == d` up to the order of keys and of set members; `shred(assemble(r)) == r`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping

from bson import json_util
from bson.codec_options import DatetimeConversion
from bson.errors import BSONError

from sync.errors import UnmappableDocument
from sync.model.change import DocumentRows, Row, RowChange, RowKey, Value
from sync.model.codecs import NotCanonical
from sync.model.mapping import CollectionMapping, FieldMapping, PartKind, PartMapping
from sync.model.values import FOREIGN

#: Rows of one document that are being collected.
_Rows = dict[str, dict[RowKey, Row]]
_NONE: Mapping[RowKey, Row] = {}
#: Longest text of a foreign key that is kept whole; longer ones are cut and carry a hash.
_LONGEST = 250
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
    Fields that no column takes are left out.

    Raises `UnmappableDocument` with the path, the type found and what is allowed, for what is read of the document.
    """
    rows = empty_rows(collection, tables)
    try:
        key = (_own_key(collection, document.get("_id")),)
    except NotCanonical as error:
        raise UnmappableDocument("_id", str(error)) from None
    rows[collection.table][key] = _row(collection.fields, document, "")
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
    for part in collection.parts:
        document[part.name] = assemble_part(part, (key,), rows)
    return document


def assemble_part(part: PartMapping, above: RowKey, rows: DocumentRows) -> object:
    """One nested part below the row with key `above`."""
    return _assemble_part(part, above, {part.table: _by_parent(rows[part.table])}, rows)


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
        here = f"{path}{part.name}"
        if part.name not in holder:
            raise UnmappableDocument(here, f"{_wanted(part)} is needed, the field is absent")
        table = rows[part.table]
        for own, row, entry, where in _elements(part, holder[part.name], here):
            key = (*above, own)
            if key in table:
                raise UnmappableDocument(where, "a set may hold a member once")
            table[key] = row
            if part.parts:
                _shred_parts(part.parts, entry, key, f"{where}.", rows)


def _elements(part: PartMapping, value: object, path: str) -> Iterator[tuple[Value, Row, Mapping[str, object], str]]:
    """Own key column, row, entry (for nested parts) and path of each element."""
    if part.kind is PartKind.MAP:
        for name, entry in _mapping(value, path, _wanted(part)).items():
            where = f"{path}[…]"
            fields = _mapping(entry, where, "an object")
            if part.repeats_key_in and fields.get(part.repeats_key_in) != name:
                raise UnmappableDocument(f"{where}.{part.repeats_key_in}", "the entry's own key is allowed")
            yield _decode(part.own, name, where), _row(part.fields, fields, f"{where}."), fields, where
        return
    if not isinstance(value, list):
        raise UnmappableDocument(path, f"{_wanted(part)} is needed, found {type(value).__name__}")
    for position, element in enumerate(value):
        where = f"{path}.{position}"
        if part.kind is PartKind.SET:
            yield _decode(part.own, element, where), {}, {}, where
        elif part.value:
            yield position, {part.value.column: _decode(part.value, element, where)}, {}, where
        else:
            fields = _mapping(element, where, "an object")
            extra = fields.keys() - {field.name for field in part.fields}
            if extra:
                raise UnmappableDocument(
                    where, f"{len(extra)} field(s) that no column takes; none is allowed in a list"
                )
            yield position, _row(part.fields, fields, f"{where}."), {}, where


def _wanted(part: PartMapping) -> str:
    return "an object" if part.kind is PartKind.MAP else "an array"


def _mapping(value: object, path: str, wanted: str) -> Mapping[str, object]:
    if isinstance(value, Mapping):
        return value
    raise UnmappableDocument(path, f"{wanted} is needed, found {type(value).__name__}")


def _row(fields: Iterable[FieldMapping], holder: Mapping[str, object], path: str) -> Row:
    row: dict[str, Value] = {}
    for field in fields:
        where = f"{path}{field.name}"
        if field.name in holder:
            row[field.column] = _decode(field, holder[field.name], where)
        elif field.absent_if_null:
            row[field.column] = None
        else:
            raise UnmappableDocument(where, f"{field.codec.name} is needed, the field is absent")
    return row


def _decode(field: FieldMapping, value: object, path: str) -> Value:
    try:
        return field.codec.from_bson(value)
    except NotCanonical as error:
        raise UnmappableDocument(path, str(error)) from None


# From rows.


def _fields(fields: Iterable[FieldMapping], row: Row) -> dict[str, object]:
    return {
        field.name: field.codec.to_bson(row[field.column])
        for field in fields
        if not (field.absent_if_null and row[field.column] is None)
    }


_Grouped = dict[str, dict[RowKey, list[tuple[Value, Row]]]]


def _by_parent(rows: Mapping[RowKey, Row]) -> dict[RowKey, list[tuple[Value, Row]]]:
    grouped: dict[RowKey, list[tuple[Value, Row]]] = {}
    for key, row in rows.items():
        grouped.setdefault(key[:-1], []).append((key[-1], row))
    return grouped


def _assemble_part(part: PartMapping, above: RowKey, grouped: _Grouped, rows: DocumentRows) -> object:
    if part.table not in grouped:
        grouped[part.table] = _by_parent(rows[part.table])
    elements = sorted(grouped[part.table].get(above, ()), key=lambda element: _sortable(element[0]))
    if part.kind is PartKind.SET:
        return [part.own.codec.to_bson(own) for own, _ in elements]
    if part.kind is PartKind.MAP:
        return {str(own): _entry(part, (*above, own), row, grouped, rows) for own, row in elements}
    if part.value:
        return [part.value.codec.to_bson(row[part.value.column]) for _, row in elements]
    return [_fields(part.fields, row) for _, row in elements]


def _entry(part: PartMapping, key: RowKey, row: Row, grouped: _Grouped, rows: DocumentRows) -> dict[str, object]:
    entry = _fields(part.fields, row)
    if part.repeats_key_in:
        entry[part.repeats_key_in] = part.own.codec.to_bson(key[-1])
    for nested in part.parts:
        entry[nested.name] = _assemble_part(nested, key, grouped, rows)
    return entry


def _sortable(value: Value) -> tuple[int, str]:
    """Numbers by size, text by code point."""
    if isinstance(value, int):
        return (value, "")
    return (0, str(value))
