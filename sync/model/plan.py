"""What must be written so that a document shows its new rows: the least, by path, and unmapped fields stay.

A map's keys are data: where one cannot stand in a path, the whole document is replaced.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from sync.model.change import DocumentRows, Row, RowKey, Value
from sync.model.lens import assemble, assemble_part
from sync.model.mapping import CollectionMapping, FieldMapping, PartKind, PartMapping


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
) -> DocumentPlan | None:
    """How to lead `document`, which shows the rows `before` (of the tables in both), to the rows `after`; None if they are
    the same. Where `document` stands but `before` is empty (it could not be expressed in rows), all that is mapped of it is
    replaced; its other top-level fields stay."""
    if (key,) not in after[collection.table]:
        return Delete() if document is not None else None
    if document is None or (key,) not in before[collection.table]:
        new = assemble(collection, key, after)
        assert new is not None  # the root row is there
        mapped = {"_id", *(field.name for field in collection.fields), *(part.name for part in collection.parts)}
        new.update({name: value for name, value in (document or {}).items() if name not in mapped})
        return Insert(document=new) if document is None else Replace(document=new)
    changes = _Changes(collection, before, after)
    changes.fields(collection.fields, before[collection.table][(key,)], after[collection.table][(key,)], ())
    if changes.below_root:
        for part in collection.parts:
            changes.part(part, (key,), document, ())
    if not (changes.set or changes.unset):
        return None
    for path in (*changes.set, *changes.unset):
        if not _is_path(path):
            return Replace(document=_written(document, changes.set, changes.unset))
    return Update(
        set={".".join(path): value for path, value in changes.set.items()},
        unset=tuple(map(".".join, changes.unset)),
    )


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

    def __init__(self, collection: CollectionMapping, before: DocumentRows, after: DocumentRows) -> None:
        self._below = collection.below
        self._before, self._after = before, after
        #: Tables of which something was touched.
        self._touched = {table for table in after if before[table] is not after[table]}
        #: Whether some of them are not the root's.
        self.below_root = len(self._touched) > 1 or collection.table not in self._touched
        #: Their rows before and after by the key of the row above.
        self._groups: dict[str, tuple[_Grouped, _Grouped]] = {}
        self.set: dict[_Path, object] = {}
        self.unset: list[_Path] = []

    def fields(self, fields: Iterable[FieldMapping], old: Row, new: Row, path: _Path) -> None:
        for field in fields:
            value = new[field.column]
            if old[field.column] == value:
                continue
            if value is None and field.absent_if_null:
                self.unset.append((*path, field.name))
            else:
                self.set[(*path, field.name)] = field.codec.to_bson(value)

    def part(self, part: PartMapping, above: RowKey, holder: Mapping[str, object], path: _Path) -> None:
        if self._touched.isdisjoint(self._below[part.table]):
            return
        here = (*path, part.name)
        old, new = self._below_row(part.table, above)
        if part.kind is PartKind.MAP:
            entries = holder[part.name]
            assert isinstance(entries, Mapping)  # `before` was shredded from it
            self._map(part, above, entries, here)
        elif part.kind is PartKind.LIST and old.keys() == new.keys():
            self._elements(part, old, new, here)
        elif old != new:
            value = assemble_part(part, above, self._after)
            self.set[here] = _in_present_order(holder[part.name], value) if part.kind is PartKind.SET else value

    def _below_row(self, table: str, above: RowKey) -> tuple[Mapping[RowKey, Row], Mapping[RowKey, Row]]:
        """The table's rows below one row, before and after."""
        if len(above) == 1:  # the root's
            return self._before[table], self._after[table]
        groups = self._groups.get(table)
        if groups is None:
            groups = self._groups[table] = _by_parent(self._before[table]), _by_parent(self._after[table])
        old, new = groups
        return old.get(above, {}), new.get(above, {})

    def _elements(self, part: PartMapping, old: Mapping[RowKey, Row], new: Mapping[RowKey, Row], path: _Path) -> None:
        """Of a list that keeps its length."""
        for key, row in new.items():
            before = old[key]
            if row is not before and row != before:
                place = (*path, str(key[-1]))
                if part.value:
                    self.set[place] = part.value.codec.to_bson(row[part.value.column])
                else:
                    self.fields(part.fields, before, row, place)

    def _map(self, part: PartMapping, above: RowKey, entries: Mapping[str, object], path: _Path) -> None:
        old, new = self._below_row(part.table, above)
        self.unset += [(*path, str(key[-1])) for key in old if key not in new]
        if new.keys() - old.keys():
            whole = assemble_part(part, above, self._after)
            assert isinstance(whole, Mapping)
            self.set |= {(*path, str(key[-1])): whole[str(key[-1])] for key in new if key not in old}
        for key in [key for key in new if key in old]:
            name = str(key[-1])
            entry = entries[name]
            assert isinstance(entry, Mapping)
            self.fields(part.fields, old[key], new[key], (*path, name))
            for nested in part.parts:
                self.part(nested, key, entry, (*path, name))


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
def _is_path(path: _Path) -> bool:
    return all(name and not name.startswith("$") and "." not in name and "\0" not in name for name in path)


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
    holder: dict[str, object] | list[object] = document
    for name in path[:-1]:
        inner = holder[int(name)] if isinstance(holder, list) else holder[name]
        assert isinstance(inner, (dict, list))
        holder = inner
    return holder


def _copied(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _copied(inner) for name, inner in value.items()}
    return [_copied(inner) for inner in value] if isinstance(value, list) else value
