"""What must be written so that a document shows its new rows: the least, by path, and unmapped fields stay.

A map's keys are data, and a field may have any name: where one cannot stand in a path, the object around it is written whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from sync.model.carrying import Carrying, keep
from sync.model.change import DocumentRows, Row, RowKey, Value
from sync.model.lens import assemble, assemble_part, assemble_row, rest_fields
from sync.model.mapping import CollectionMapping, FieldMapping, PartKind, PartMapping
from sync.model.rest import changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Insert:
    """A new document."""

    document: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Delete:
    """The document goes."""


class Update(NamedTuple):
    """Values to set and paths to unset."""

    set: Mapping[str, object]
    unset: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replace:
    """The whole document anew, unmapped fields included."""

    document: Mapping[str, object]


DocumentPlan: TypeAlias = Insert | Delete | Update | Replace


def plan(
    collection: CollectionMapping,
    key: Value,
    before: DocumentRows,
    after: DocumentRows,
    document: Mapping[str, object] | None,
    carrying: Carrying | None = None,
) -> DocumentPlan | None:
    """How to lead `document`, which shows the rows `before` (of the tables in both), to the rows `after`; None if they are
    the same. Where `document` stands but `before` is empty (it could not be expressed in rows), all that is mapped of it is
    replaced; what else stands in it stays, unless the mapping takes or refuses that.
    `carrying`: where rows of it were given other keys."""
    if (key,) not in after[collection.table]:
        return Delete() if document is not None else None
    renewed = carrying is not None and carrying.renews(collection.table, (key,))
    if document is None or renewed or (key,) not in before[collection.table]:
        new = assemble(collection, key, after)
        assert new is not None  # the root row is there
        if carrying:
            carrying.document(key, new)
        elif document is not None and not (collection.rejects or collection.rest):
            keep(collection.names, document, new)
        return Insert(document=new) if document is None else Replace(document=new)
    changes = _Changes(collection, before, after, carrying)
    changes.fields(collection.fields, before[collection.table][(key,)], after[collection.table][(key,)], document, ())
    if collection.rest:
        changes.rest(collection.rest, before[collection.table][(key,)], after[collection.table][(key,)])
    if changes.below_root:
        for part in collection.parts:
            changes.part(part, (key,), document, ())
    if not (changes.set or changes.unset):
        return None
    return _by_path(changes.set, changes.unset) or _around(document, changes)


def planned_document(
    planned: DocumentPlan | None, document: Mapping[str, object] | None
) -> Mapping[str, object] | None:
    """What stands there once it is carried out over `document`; None: no document."""
    match planned:
        case None:
            return document
        case Delete():
            return None
        case Insert(document=new) | Replace(document=new):
            return new
        case Update():
            assert document is not None  # it was made from it
            return _written(
                document,
                {tuple(path.split(".")): value for path, value in planned.set.items()},
                [tuple(path.split(".")) for path in planned.unset],
            )


_Path: TypeAlias = tuple[str, ...]
#: Rows by the key of the row above.
_Grouped: TypeAlias = dict[RowKey, dict[RowKey, Row]]


class _Changes:
    """Paths with their new values, and paths to take away."""

    def __init__(
        self, collection: CollectionMapping, before: DocumentRows, after: DocumentRows, carrying: Carrying | None
    ) -> None:
        self._carrying = carrying
        self._below = collection.below
        self._before, self._after = before, after
        #: Tables of which something was touched.
        self._touched: set[str] = set()
        if collection.parts:
            self._touched = {table for table in after if before[table] is not after[table]}
        #: Whether some of them are not the root's.
        self.below_root = not self._touched <= {collection.table}
        #: Their rows before and after by the key of the row above.
        self._groups: dict[str, tuple[_Grouped, _Grouped]] = {}
        self.set: dict[_Path, object] = {}
        self.unset: list[_Path] = []

    def fields(
        self, fields: Iterable[FieldMapping], old: Row, new: Row, holder: Mapping[str, object], path: _Path
    ) -> None:
        emptied: dict[_Path, None] = {}
        for field in fields:
            value = new[field.column]
            if old[field.column] == value:
                continue
            if value is None and field.absent_if_null:
                self.unset.append((*path, *field.inside, field.name))
                if field.inside:
                    emptied[field.inside] = None
            else:
                encoded = None if value is None else field.codec.to_bson(value)
                self.set[(*path, *field.inside, field.name)] = encoded
        for inside in emptied:
            self._prune(holder, path, inside)

    def rest(self, rest: FieldMapping, old: Row, new: Row) -> None:
        """Of a document: the fields that stand in a column of JSON."""
        if old[rest.column] == new[rest.column]:
            return
        come, gone = changed(old[rest.column], new[rest.column])
        fields = rest_fields(rest, new[rest.column])
        self.set |= {(name,): fields[name] for name in come}
        self.unset += [(name,) for name in gone]

    def _prune(self, holder: Mapping[str, object], path: _Path, inside: _Path) -> None:
        """An object of a dotted path goes with the last field in it."""
        while inside:
            inner: object = holder
            for name in inside:
                inner = inner.get(name) if isinstance(inner, Mapping) else None
            here = (*path, *inside)
            gone = {one[len(here)] for one in self.unset if one[: len(here)] == here and len(one) == len(here) + 1}
            stays = isinstance(inner, Mapping) and inner.keys() - gone
            if stays or here in self.unset or any(one[: len(here)] == here for one in self.set):
                return
            self.unset = [*(one for one in self.unset if one[: len(here)] != here), here]
            inside = inside[:-1]

    def part(self, part: PartMapping, above: RowKey, holder: Mapping[str, object], path: _Path) -> None:
        if self._touched.isdisjoint(self._below[part.table]):
            return
        here = (*path, part.name)
        if part.kind is PartKind.OBJECT:
            self._object(part, above, holder, here)
            return
        old, new = self._below_row(part.table, above)
        if part.absent_if_empty and not (old and new):  # the field comes or goes
            if old or new:
                self._whole(part, above, here)
        elif part.kind is PartKind.MAP:
            entries = holder[part.name]
            assert isinstance(entries, Mapping)  # `before` was shredded from it
            self._map(part, above, entries, here)
        elif part.kind is PartKind.KEYED_LIST:
            elements = holder[part.name]
            assert isinstance(elements, list)  # as above
            self._keyed_list(part, above, elements, here)
        elif part.kind is PartKind.LIST and old.keys() == new.keys():
            elements = holder[part.name]
            assert isinstance(elements, list)  # as above
            self._elements(part, old, new, elements, here)
        elif old != new:
            value = assemble_part(part, above, self._after)
            self.set[here] = _in_present_order(holder[part.name], value) if part.kind is PartKind.SET else value

    def _whole(self, part: PartMapping, above: RowKey, path: _Path) -> None:
        value = assemble_part(part, above, self._after)
        if value is None:
            self.unset.append(path)
            return
        if self._carrying:
            self._carrying.parts([part], above, {part.name: value})
        self.set[path] = value

    def _object(self, part: PartMapping, key: RowKey, holder: Mapping[str, object], path: _Path) -> None:
        old, new = self._before[part.table].get(key), self._after[part.table].get(key)
        if old is None or new is None or self._renews(part, key):
            if old is not new:
                self._whole(part, key, path)
            return
        there = holder[part.name]
        assert isinstance(there, Mapping)  # `before` was shredded from it
        self._entry(part, key, (old, new), there, path)

    def _entry(
        self, part: PartMapping, key: RowKey, rows: tuple[Row, Row], there: Mapping[str, object], path: _Path
    ) -> None:
        """Of an object that stays where it stands: its row before and after, and what is nested in it."""
        self.fields(part.fields, *rows, there, path)
        for nested in part.parts:
            self.part(nested, key, there, path)

    def _below_row(self, table: str, above: RowKey) -> tuple[Mapping[RowKey, Row], Mapping[RowKey, Row]]:
        """The table's rows below one row, before and after."""
        if len(above) == 1:  # the root's
            return self._before[table], self._after[table]
        groups = self._groups.get(table)
        if groups is None:
            groups = self._groups[table] = _by_parent(self._before[table]), _by_parent(self._after[table])
        old, new = groups
        return old.get(above, {}), new.get(above, {})

    def _elements(
        self,
        part: PartMapping,
        old: Mapping[RowKey, Row],
        new: Mapping[RowKey, Row],
        elements: list[object],
        path: _Path,
    ) -> None:
        """Of a list that keeps its length."""
        for key, row in new.items():
            before = old[key]
            if row is not before and row != before:
                at = key[-1]
                assert isinstance(at, int)
                place = (*path, str(at))
                if part.value:
                    value = row[part.value.column]
                    self.set[place] = None if value is None else part.value.codec.to_bson(value)
                else:
                    element = elements[at]
                    assert isinstance(element, Mapping)  # `before` was shredded from it
                    self.fields(part.fields, before, row, element, place)

    def _map(self, part: PartMapping, above: RowKey, entries: Mapping[str, object], path: _Path) -> None:
        old, new = self._below_row(part.table, above)
        self.unset += [(*path, str(key[-1])) for key in old if key not in new]
        come = {key: None for key in new if key not in old or self._renews(part, key)}
        if come:
            whole = assemble_part(part, above, self._after)
            assert isinstance(whole, Mapping)
            for key in come:
                name = str(key[-1])
                if self._carrying:
                    self._carrying.entry(part, key, whole[name])
                self.set[(*path, name)] = whole[name]
        for key in [key for key in new if key not in come]:
            name = str(key[-1])
            entry = entries[name]
            assert isinstance(entry, Mapping)
            self._entry(part, key, (old[key], new[key]), entry, (*path, name))

    def _keyed_list(self, part: PartMapping, above: RowKey, elements: list[object], path: _Path) -> None:
        """By place where none comes, goes or moves. Else as one value, in which elements that stay keep what no column takes."""
        old, new = self._below_row(part.table, above)
        assert part.position
        position = part.position.column
        places = {key: row[position] for key, row in old.items()}
        moved = places != {key: row[position] for key, row in new.items()}
        whole: dict[RowKey, object] = {}
        for key, row in new.items():
            place = places.get(key)
            if place is None or self._renews(part, key):
                whole[key] = assemble_row(part, key, self._after)
                if self._carrying:
                    self._carrying.entry(part, key, whole[key])
                if not moved:
                    self.set[(*path, str(place))] = whole[key]
                continue
            assert isinstance(place, int)
            element = elements[place]
            assert isinstance(element, Mapping)  # `before` was shredded from it
            if moved:
                whole[key] = self._changed(part, key, (old[key], row), element)
            else:
                self._entry(part, key, (old[key], row), element, (*path, str(place)))
        if moved:
            self.set[path] = [whole[key] for key in sorted(new, key=lambda key: _place(new[key][position]))]

    def _renews(self, part: PartMapping, key: RowKey) -> bool:
        return self._carrying is not None and self._carrying.renews(part.table, key)

    def _changed(
        self, part: PartMapping, key: RowKey, rows: tuple[Row, Row], element: Mapping[str, object]
    ) -> dict[str, object]:
        """An element with its changes made."""
        outside = self.set, self.unset
        self.set, self.unset = {}, []
        self._entry(part, key, rows, element, ())
        made = _written(element, self.set, self.unset)
        self.set, self.unset = outside
        return made


def _place(position: Value) -> int:
    assert isinstance(position, int)
    return position


def _by_parent(rows: Mapping[RowKey, Row]) -> _Grouped:
    groups: _Grouped = {}
    for key, row in rows.items():
        groups.setdefault(key[:-1], {})[key] = row
    return groups


def _in_present_order(present: object, members: object) -> list[object]:
    """A set's members: those that stay keep their order, new ones follow."""
    assert isinstance(present, list)
    assert isinstance(members, list)
    wanted, there = set(members), set(present)
    return [one for one in present if one in wanted] + [one for one in members if one not in there]


@lru_cache(maxsize=10_000)
def _dotted(path: _Path) -> str | None:
    """As MongoDB writes it; None where a name cannot stand in a path."""
    fits = all(name and not name.startswith("$") and "." not in name and "\0" not in name for name in path)
    return ".".join(path) if fits else None


def _by_path(values: Mapping[_Path, object], gone: Iterable[_Path]) -> Update | None:
    """None where a name cannot stand in a path."""
    paths = (*values, *gone)
    names = [name for path in paths if (name := _dotted(path)) is not None]
    if len(names) < len(paths):
        return None
    return Update(dict(zip(names, values.values(), strict=False)), tuple(names[len(values) :]))


def _around(document: Mapping[str, object], changes: _Changes) -> Update | Replace:
    """Where names cannot stand in a path: the objects around them whole, or the document."""
    wholes = {_path_of(path) for path in (*changes.set, *changes.unset) if _dotted(path) is None}
    new = _written(document, changes.set, changes.unset)
    if () in wholes:
        return Replace(document=new)
    outermost = {one for one in wholes if not any(one[:depth] in wholes for depth in range(1, len(one)))}

    def apart(path: _Path) -> bool:
        return not any(path[: len(one)] == one for one in outermost)

    values = {path: value for path, value in changes.set.items() if apart(path)}
    values |= {path: _at(new, path) for path in sorted(outermost)}
    made = _by_path(values, filter(apart, changes.unset))
    assert made is not None  # what could not stand in a path is in one of the wholes
    return made


def _path_of(path: _Path) -> _Path:
    """As much of it as can stand in a path."""
    return next(path[:length] for length in range(len(path) - 1, -1, -1) if _dotted(path[:length]) is not None)


def _at(document: Mapping[str, object], path: _Path) -> object:
    value: object = document
    for name in path:
        value = value[int(name)] if isinstance(value, list) else value[name] if isinstance(value, Mapping) else None
    return value


def _written(document: Mapping[str, object], set_: Mapping[_Path, object], unset: Iterable[_Path]) -> dict[str, object]:
    new = {name: _copied(value) for name, value in document.items()}
    for path in unset:
        holder = _holder(new, path)
        assert isinstance(holder, dict)  # an element of a list never goes by itself
        holder.pop(path[-1], None)
    for path, value in set_.items():
        holder = _holder(new, path)
        if isinstance(holder, list):
            holder[int(path[-1])] = value
        else:
            holder[path[-1]] = value
    return new


def _holder(document: dict[str, object], path: _Path) -> dict[str, object] | list[object]:
    """What holds the last name of the path; objects that are not there come, as with MongoDB's $set."""
    holder: dict[str, object] | list[object] = document
    for name in path[:-1]:
        inner = holder[int(name)] if isinstance(holder, list) else holder.setdefault(name, {})
        assert isinstance(inner, (dict, list))
        holder = inner
    return holder


def _copied(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _copied(inner) for name, inner in value.items()}
    return [_copied(inner) for inner in value] if isinstance(value, list) else value
