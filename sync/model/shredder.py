"""The row changes between two images of a document, by functions that are compiled once for a collection.

Equal to `lens.difference` of both images' `lens.shred`, which is asked wherever an image is not as the mapping has it: it
says what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

from sync.model.change import DocumentRows, Places, Row, RowChange, RowKey, Value
from sync.model.codecs import NotCanonical
from sync.model.lens import difference, empty_rows, shred
from sync.model.mapping import CollectionMapping, FieldMapping, PartKind, PartMapping, SyncMapping
from sync.model.values import FOREIGN

Image: TypeAlias = Mapping[str, object]
#: Adds the rows of a part's value, below the row of a key, to the tables that are read; of a list only certain positions.
_Reads: TypeAlias = Callable[[object, RowKey, dict[str, dict[RowKey, Row]], Collection[int] | None], None]
#: Digits of a position; an object's key may be any text.
_LONGEST = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """What is read of a document: what a change may have touched, for the rest is the same before and after."""

    #: Tables, with each the ones above it.
    tables: frozenset[str]
    #: Of lists that are not there: all.
    places: Places


class Shredder:
    """Of one collection."""

    def __init__(self, collection: CollectionMapping) -> None:
        self.collection = collection
        self._root = _compiled(collection.fields)
        self._parts = tuple((part.table, part.name, _reads(part)) for part in collection.parts)

    def changes(
        self, key: Value, before: Image | None, after: Image | None, touched: Touched | None
    ) -> tuple[RowChange, ...]:
        """From one image to the other (None: the document is not there); `key` is that of both images' `_id`
        (`lens.document_key`); `touched` None: all may have changed. Raises `UnmappableDocument` for what is read of either."""
        collection = self.collection
        tables = touched.tables if touched else None
        try:
            _check(key)
            old, new = self._rows((key,), before, touched), self._rows((key,), after, touched)
        except (NotCanonical, KeyError):
            old, new = (
                empty_rows(collection) if one is None else shred(collection, one, tables) for one in (before, after)
            )
        return difference(collection, old, new)

    def rows(self, key: Value, image: Image, wanted: Touched | None) -> DocumentRows:
        """What `lens.shred` makes of a document, where `key` is that of its `_id`; all, or what is wanted of it. Raises
        `UnmappableDocument` for what is read of it."""
        try:
            _check(key)
            return self._rows((key,), image, wanted)
        except (NotCanonical, KeyError):
            return shred(self.collection, image, wanted.tables if wanted else None)

    def _rows(self, key: RowKey, image: Image | None, touched: Touched | None) -> dict[str, dict[RowKey, Row]]:
        """Of what is touched. Raises `NotCanonical` or `KeyError` for an image that is not as the mapping has it."""
        collection = self.collection
        rows = empty_rows(collection, touched.tables if touched else None)
        if image is None:
            return rows
        rows[collection.table][key] = self._root(image)
        places = touched.places if touched else {}
        for table, name, reads in self._parts:
            if table in rows:
                reads(image[name], key, rows, places.get(table))
        return rows


def touched(collection: CollectionMapping, paths: Iterable[str], whole: Iterable[str] = ()) -> Touched:
    """By the paths of what changed, as a change stream tells them: "limit", "transactions.17.amount"; of the fields `whole`
    all."""
    parts = {part.name: part for part in collection.parts}
    tables = collection.above[collection.table]
    places: dict[str, set[int]] = {}
    everything = set(whole)
    for path in paths:
        name, _, rest = path.partition(".")
        if name in parts:
            place = rest.partition(".")[0]
            if parts[name].kind is PartKind.LIST and place.isdecimal() and len(place) < _LONGEST:
                places.setdefault(name, set()).add(int(place))
            else:
                everything.add(name)
    for name in (*everything, *places):
        if name in parts:
            tables |= collection.below[parts[name].table]
    told = {parts[name].table: of for name, of in places.items() if name not in everything}
    return Touched(tables=tables, places=told)


def shredders(mapping: SyncMapping) -> dict[str, Shredder]:
    """Of each collection. Compiled, so made once by who reads again and again."""
    return {name: Shredder(collection) for name, collection in mapping.collections.items()}


def _check(key: Value) -> None:
    """A foreign key is none that the mapping takes."""
    if isinstance(key, str) and key.startswith(FOREIGN):
        raise NotCanonical


# Compiled.


def _compiled(fields: Sequence[FieldMapping]) -> Callable[[Image], Row]:
    """One function for a row's fields. Of `name` and, which may be absent, `active` it is

    def row(holder):
        return {c0: t0(holder[n0]), c1: t1(holder[n1]) if n1 in holder else None, }
    """
    names: dict[str, object] = {}
    text = ""
    for at, field in enumerate(fields):
        names |= {f"c{at}": field.column, f"n{at}": field.name, f"t{at}": field.codec.from_bson}
        absent = f" if n{at} in holder else None" if field.absent_if_null else ""
        text += f"c{at}: t{at}(holder[n{at}]){absent}, "
    exec(compile(f"def row(holder):\n    return {{{text}}}", "<shred>", "exec"), names)  # noqa: S102 - made of numbers only
    return cast("Callable[[Image], Row]", names["row"])


def _reads(part: PartMapping) -> _Reads:
    if part.kind is PartKind.MAP:
        return _map(part)
    return _set(part) if part.kind is PartKind.SET else _list(part)


def _list(part: PartMapping) -> _Reads:
    table, take = part.table, _element(part)

    def reads(value: object, above: RowKey, rows: dict[str, dict[RowKey, Row]], places: Collection[int] | None) -> None:
        if type(value) is not list:
            raise NotCanonical
        here = rows[table]
        for position in range(len(value)) if places is None else sorted(places):
            if position < len(value):
                here[(*above, position)] = take(value[position])

    return reads


def _element(part: PartMapping) -> Callable[[object], Row]:
    """Of a list: a scalar, or an object without further fields."""
    if part.value:
        column, scalar = part.value.column, part.value.codec.from_bson
        return lambda element: {column: scalar(element)}
    row, allowed = _compiled(part.fields), frozenset(field.name for field in part.fields)

    def take(element: object) -> Row:
        if type(element) is not dict or not element.keys() <= allowed:
            raise NotCanonical
        return row(element)

    return take


def _set(part: PartMapping) -> _Reads:
    table, take = part.table, part.own.codec.from_bson

    def reads(value: object, above: RowKey, rows: dict[str, dict[RowKey, Row]], _: Collection[int] | None) -> None:
        if type(value) is not list:
            raise NotCanonical
        here = rows[table]
        members = len(here) + len(value)
        for element in value:
            here[(*above, take(element))] = {}
        if len(here) != members:
            raise NotCanonical

    return reads


def _map(part: PartMapping) -> _Reads:
    table, own, row, repeated = part.table, part.own.codec.from_bson, _compiled(part.fields), part.repeats_key_in
    parts = tuple((nested.table, nested.name, _reads(nested)) for nested in part.parts)

    def reads(value: object, above: RowKey, rows: dict[str, dict[RowKey, Row]], _: Collection[int] | None) -> None:
        if type(value) is not dict:
            raise NotCanonical
        here = rows[table]
        for name, entry in value.items():
            if type(entry) is not dict or (repeated and entry.get(repeated) != name):
                raise NotCanonical
            key = (*above, own(name))
            here[key] = row(entry)
            for nested, field, reads_nested in parts:
                if nested in rows:
                    reads_nested(entry[field], key, rows, None)

    return reads
