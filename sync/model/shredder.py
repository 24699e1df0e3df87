"""The row changes between two images of a document, by functions that are compiled once for a collection.

Equal to `lens.difference` of both images' `lens.shred`, which is asked wherever an image is not as the mapping has it: it
says what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias, cast

from sync.model.change import DocumentRows, Places, Row, RowChange, RowKey, Value
from sync.model.codecs import NotCanonical
from sync.model.lens import difference, empty_rows, shred, unmapped
from sync.model.mapping import CollectionMapping, FieldMapping, Names, PartKind, PartMapping, SyncMapping
from sync.model.values import FOREIGN

Image: TypeAlias = Mapping[str, object]
#: Adds the rows of a part's value, below the row of a key, to the tables that are read; of a list only certain positions.
_Reads: TypeAlias = Callable[[object, RowKey, dict[str, dict[RowKey, Row]], Collection[int] | None], None]
#: Of parts: table, name, function.
_Parts: TypeAlias = tuple[tuple[str, str, _Reads], ...]
#: Digits of a position; an object's key may be any text.
_LONGEST = 10


class Touched(NamedTuple):
    """What is read of a document: what a change may have touched, for the rest is the same before and after."""

    #: Tables, with each the ones above it.
    tables: frozenset[str]
    #: Of lists that are not there: all.
    places: Places


class Shredder:
    """Of one collection."""

    def __init__(self, collection: CollectionMapping) -> None:
        self.collection = collection
        self._root = _compiled(collection.fields, collection.names if collection.rejects else None)
        if collection.rest:
            self._root = _with_rest(self._root, collection.rest, collection.names)
        self._parts, self._optional = _compiled_parts(collection.parts)
        #: Whether a document is one row.
        self._flat = not collection.parts

    def changes(
        self, key: Value, before: Image | None, after: Image | None, touched: Touched | None
    ) -> tuple[RowChange, ...]:
        """From one image to the other (None: the document is not there); `key` is that of both images' `_id`
        (`lens.document_key`); `touched` None: all may have changed. Raises `UnmappableDocument` for what is read of either."""
        collection = self.collection
        tables = touched.tables if touched else None
        try:
            _check(key)
            if self._flat and before is not None and after is not None:
                row, other = self._root(before), self._root(after)
                return () if row == other else (RowChange(collection.table, (key,), row, other),)
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
        for table, name, reads in self._optional:
            if table in rows and name in image:
                reads(image[name], key, rows, places.get(table))
        return rows


def touched(collection: CollectionMapping, paths: Iterable[str], whole: Iterable[str] = ()) -> Touched:
    """By the paths of what changed, as a change stream tells them: "limit", "transactions.17.amount"; of what stands at the
    paths `whole` all. A path does not tell a dot in a name from one between two: what may have been meant counts."""
    parts = {part.name: part for part in collection.parts}
    tables = collection.above[collection.table]
    places: dict[str, set[int]] = {}
    everything: set[str] = set()
    for path in whole:
        everything |= {path.partition(".")[0], *_dotted(collection, path)}
    for path in paths:
        if collection.dotted:
            everything.update(_dotted(collection, path))
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


def _dotted(collection: CollectionMapping, path: str) -> list[str]:
    """Parts with a dot in their name that a path may be in."""
    return [name for name in collection.dotted if f"{path}.".startswith(f"{name}.")]


def shredders(mapping: SyncMapping) -> dict[str, Shredder]:
    """Of each collection. Compiled, so made once by who reads again and again."""
    return {name: Shredder(collection) for name, collection in mapping.collections.items()}


def _check(key: Value) -> None:
    """A foreign key is none that the mapping takes."""
    if isinstance(key, str) and key.startswith(FOREIGN):
        raise NotCanonical


# Compiled.


def _compiled(fields: Sequence[FieldMapping], names: Names | None = None) -> Callable[[object], Row]:
    """One function for a row's fields. Of `name`, `active`, which may be absent, and the path `home.town`, which may be null,
    it is

    def row(holder):
        h1 = holder.get(i1, nothing)
        if type(h1) is not dict: raise refused
        return {c0: t0(holder[n0]), c1: t1(holder[n1]) if n1 in holder else None,
            c2: None if h1[n2] is None else t2(h1[n2]), }

    With the `names` that an object may hold it also looks whether there are others.
    """
    known: dict[str, object] = {"nothing": {}, "refused": NotCanonical}
    holders: dict[tuple[str, ...], str] = {(): "holder"}
    lines = "" if names is None else _only(known, names, "holder", "")
    row = ""
    for at, field in enumerate(fields):
        for depth in range(len(field.inside)):
            lines += _opened(known, holders, field.inside[: depth + 1], names)
        known |= {f"c{at}": field.column, f"n{at}": field.name, f"t{at}": field.codec.from_bson}
        holder = holders[field.inside]
        null = f"None if {holder}[n{at}] is None else " if field.null_if_null else ""
        absent = f" if n{at} in {holder} else None" if field.absent_if_null else ""
        row += f"c{at}: {null}t{at}({holder}[n{at}]){absent}, "
    text = f"def row(holder):\n{lines}    return {{{row}}}"
    exec(compile(text, "<shred>", "exec"), known)  # noqa: S102 - made of numbers only
    return cast("Callable[[object], Row]", known["row"])


def _with_rest(root: Callable[[object], Row], rest: FieldMapping, names: Names) -> Callable[[object], Row]:
    column, take = rest.column, rest.codec.from_bson

    def row(image: object) -> Row:
        if type(image) is not dict:
            raise NotCanonical
        return {**root(image), column: take(unmapped(names, image))}

    return row


def _opened(
    known: dict[str, object], holders: dict[tuple[str, ...], str], path: tuple[str, ...], names: Names | None
) -> str:
    """Lines that take the object at a path out of the one that holds it; none where an earlier field has done so."""
    if path in holders:
        return ""
    number = len(holders)
    holder, above = f"h{number}", holders[path[:-1]]
    holders[path], known[f"i{number}"] = holder, path[-1]
    lines = f"    {holder} = {above}.get(i{number}, nothing)\n    if type({holder}) is not dict: raise refused\n"
    for name in path:
        names = names[name] if names is not None else None
    if names is None:
        return lines
    return lines + _only(known, names, holder, f" or (not {holder} and i{number} in {above})")


def _only(known: dict[str, object], names: Names, holder: str, more: str) -> str:
    """A line that refuses an object with other names in it."""
    known[f"of_{holder}"] = frozenset(names)
    return f"    if type({holder}) is not dict or not {holder}.keys() <= of_{holder}{more}: raise refused\n"


def _compiled_parts(parts: Iterable[PartMapping]) -> tuple[_Parts, _Parts]:
    """Table, name and function of each part that must be there, and of each that may be absent."""
    required = tuple((part.table, part.name, _reads(part)) for part in parts if not part.absent_if_empty)
    return required, tuple((part.table, part.name, _present(part)) for part in parts if part.absent_if_empty)


def _present(part: PartMapping) -> _Reads:
    """Of a part that is absent where it has no rows."""
    reads = _reads(part)
    if part.kind is PartKind.OBJECT:
        return reads

    def reads_some(
        value: object, above: RowKey, rows: dict[str, dict[RowKey, Row]], places: Collection[int] | None
    ) -> None:
        if not value:
            raise NotCanonical
        reads(value, above, rows, places)

    return reads_some


def _reads(part: PartMapping) -> _Reads:
    return _BY_KIND[part.kind](part)


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
    if part.value is None:
        return _compiled(part.fields, part.names)
    column, scalar = part.value.column, part.value.codec.from_bson
    if part.value.null_if_null:
        return lambda element: {column: None if element is None else scalar(element)}
    return lambda element: {column: scalar(element)}


def _set(part: PartMapping) -> _Reads:
    assert part.own
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
    assert part.own
    table, own, row, repeated = part.table, part.own.codec.from_bson, _row_of(part), part.repeats_key_in
    repeats = repeated is not None
    required, optional = _compiled_parts(part.parts)

    def reads(value: object, above: RowKey, rows: dict[str, dict[RowKey, Row]], _: Collection[int] | None) -> None:
        if type(value) is not dict:
            raise NotCanonical
        here = rows[table]
        for name, entry in value.items():
            if type(entry) is not dict or (repeats and entry.get(repeated) != name):
                raise NotCanonical
            key = (*above, own(name))
            here[key] = row(entry)
            for nested, field, reads_nested in required:
                if nested in rows:
                    reads_nested(entry[field], key, rows, None)
            for nested, field, reads_nested in optional:
                if nested in rows and field in entry:
                    reads_nested(entry[field], key, rows, None)

    return reads


def _keyed_list(part: PartMapping) -> _Reads:
    assert part.own
    assert part.position
    table, own, name, row = part.table, part.own.codec.from_bson, part.own.name, _row_of(part)
    position = part.position.column
    required, optional = _compiled_parts(part.parts)

    def reads(value: object, above: RowKey, rows: dict[str, dict[RowKey, Row]], _: Collection[int] | None) -> None:
        if type(value) is not list:
            raise NotCanonical
        here = rows[table]
        elements = len(here) + len(value)
        for place, element in enumerate(value):
            if type(element) is not dict:
                raise NotCanonical
            key = (*above, own(element[name]))
            here[key] = {position: place, **row(element)}
            for nested, field, reads_nested in required:
                if nested in rows:
                    reads_nested(element[field], key, rows, None)
            for nested, field, reads_nested in optional:
                if nested in rows and field in element:
                    reads_nested(element[field], key, rows, None)
        if len(here) != elements:
            raise NotCanonical

    return reads


def _object(part: PartMapping) -> _Reads:
    table, row = part.table, _row_of(part)
    required, optional = _compiled_parts(part.parts)

    def reads(value: object, above: RowKey, rows: dict[str, dict[RowKey, Row]], _: Collection[int] | None) -> None:
        if type(value) is not dict:
            raise NotCanonical
        rows[table][above] = row(value)
        for nested, field, reads_nested in required:
            if nested in rows:
                reads_nested(value[field], above, rows, None)
        for nested, field, reads_nested in optional:
            if nested in rows and field in value:
                reads_nested(value[field], above, rows, None)

    return reads


def _row_of(part: PartMapping) -> Callable[[object], Row]:
    return _compiled(part.fields, part.names if part.rejects else None)


_BY_KIND: Mapping[PartKind, Callable[[PartMapping], _Reads]] = {
    PartKind.MAP: _map,
    PartKind.LIST: _list,
    PartKind.KEYED_LIST: _keyed_list,
    PartKind.SET: _set,
    PartKind.OBJECT: _object,
}
