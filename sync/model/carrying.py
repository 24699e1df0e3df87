"""Rows of MySQL that were given another key: what no column takes of the document goes along to where they stand now.

MongoDB holds such fields only in the document, so nothing but the object that the row had been tells them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple, TypeAlias

from bson import json_util

from sync.model.change import USER, DocumentId, DocumentRows, Entry, RowKey, Transaction, Value
from sync.model.codecs import NotCanonical
from sync.model.mapping import CollectionMapping, FieldMapping, Names, PartKind, PartMapping

#: A table and a row's key.
Place: TypeAlias = tuple[str, RowKey]
_Object: TypeAlias = Mapping[str, object]


class Moves(NamedTuple):
    """Rows that stand under another key than before a batch."""

    #: The key that the row at a place had before; None: another row left that place, and what stands there is new.
    origins: Mapping[Place, RowKey | None]
    #: Of each document with such places: the other documents that rows of it come from.
    sources: Mapping[DocumentId, frozenset[DocumentId]]
    #: Places of which the row has gone to another.
    left: frozenset[Place] = frozenset()


NO_MOVES = Moves({}, {})


def moves(transactions: Iterable[Transaction], contained: Callable[[Entry], bool] = lambda _: False) -> Moves:
    """What several transactions, in the order of their log, come to. Entries that are `contained` in a copy do not count,
    nor do echoes: those write nothing."""
    origins: dict[Place, RowKey | None] = {}
    collections: dict[str, str] = {}
    sources: dict[DocumentId, set[DocumentId]] = {}
    for one in transactions:
        step: dict[Place, RowKey | None] = {}
        for entry in one.entries:
            if entry.moved and entry.origin is USER and not contained(entry):
                sources.setdefault(entry.document, set())
                for (table, key), was in entry.moved.items():
                    step[table, key] = None if was is None else origins.get((table, was), was)
                    collections[table] = entry.document.collection
        origins |= step
    if not origins:
        return NO_MOVES
    left: set[Place] = set()
    for (table, key), was in origins.items():
        if was is not None and was != key:
            left.add((table, was))
            if was[0] != key[0]:
                sources[DocumentId(collections[table], key[0])].add(DocumentId(collections[table], was[0]))
    return Moves(origins, {document: frozenset(of) for document, of in sources.items()}, frozenset(left))


class Carrying:
    """Fills the new objects of one document."""

    def __init__(
        self,
        collection: CollectionMapping,
        moved: Moves,
        stored: Callable[[DocumentId], _Object | None],
        before: DocumentRows,
        after: DocumentRows,
    ) -> None:
        """`stored`: each document as it stands before the batch, None where absent; `before` and `after` are rows of the one
        that is written."""
        self._collection = collection
        self._origins, self._left = moved.origins, moved.left
        self._stored = stored
        self._before, self._after = before, after
        self._tables = {table.name: table for table in collection.tables}
        self._chains = dict(_chains(collection.parts))
        #: Of tables: keys of the rows after, by the key of the row above.
        self._below: dict[str, dict[RowKey, list[RowKey]]] = {}
        #: Stored elements of lists with a key, by table and key of the row above.
        self._elements: dict[Place, Mapping[Value, object]] = {}

    def renews(self, table: str, key: RowKey) -> bool:
        """Whether another row stands there than before, so that nothing of the object that stands there is its own."""
        return self._origins.get((table, key), key) != key

    def document(self, key: Value, new: dict[str, object]) -> None:
        """Of the whole document, which was assembled from the rows after."""
        collection = self._collection
        for was in () if collection.rejects else self._origins_of(collection.table, (key,)):
            old = self._stored(DocumentId(collection.name, was[0]))
            if old is not None:
                if collection.rest:  # what the document itself has beyond its columns is a column's
                    old = {name: value for name, value in old.items() if name in collection.names}
                keep(collection.names, old, new)
        self.parts(collection.parts, (key,), new)

    def entry(self, part: PartMapping, key: RowKey, new: object) -> None:
        """Of the object of one row, with all that is nested in it."""
        assert isinstance(new, dict)  # it was assembled
        for was in () if part.rejects else self._origins_of(part.table, key):
            old = self._find(part.table, was)
            if old is not None:
                keep(part.names, old, new)
        self.parts(part.parts, key, new)

    def parts(self, parts: Iterable[PartMapping], above: RowKey, holder: _Object) -> None:
        """Of parts nested in one object, which were assembled whole."""
        for part in parts:
            value = holder.get(part.name)
            if part.kind is PartKind.OBJECT and value is not None:
                self.entry(part, above, value)
            elif part.kind is PartKind.MAP and isinstance(value, Mapping):
                for key in self._keys_below(part.table, above):
                    self.entry(part, key, value[str(key[-1])])
            elif part.kind is PartKind.KEYED_LIST:
                elements = _by_key(part, value)
                for key in self._keys_below(part.table, above):
                    self.entry(part, key, elements[key[-1]])

    def _origins_of(self, table: str, key: RowKey) -> list[RowKey]:
        """Where the row's object stands; before that the place itself, where it holds one that has not gone elsewhere: its
        row went, and what no column takes stays, as with a row that is deleted and inserted anew."""
        was = self._origin(table, key)
        own = [key] if was != key and (table, key) not in self._left else []
        return own if was is None else [*own, was]

    def _origin(self, table: str, key: RowKey) -> RowKey | None:
        """The key under which the row's object stands. A row that only came anew below one that moved had stood below that."""
        if (table, key) in self._origins:
            return self._origins[table, key]
        mapping = self._tables[table]
        if mapping.parent is None or key in self._before[table]:
            return key
        above = self._origin(mapping.parent, mapping.above(key))
        was = key if above is None else (*above, *key[mapping.inherited :])
        return None if (table, was) in self._origins else was

    def _find(self, table: str, key: RowKey) -> _Object | None:
        """The stored object of a row; None where there is none, or none that can be read."""
        holder: object = self._stored(DocumentId(self._collection.name, key[0]))
        length = 1
        for part in self._chains[table]:
            inner = holder.get(part.name) if isinstance(holder, Mapping) else None
            if part.kind is PartKind.OBJECT:
                holder = inner
                continue
            above, length = key[:length], length + 1
            if part.kind is PartKind.MAP:
                holder = inner.get(str(key[length - 1])) if isinstance(inner, Mapping) else None
            else:
                if (part.table, above) not in self._elements:
                    self._elements[part.table, above] = _by_key(part, inner)
                holder = self._elements[part.table, above].get(key[length - 1])
        return holder if isinstance(holder, Mapping) else None

    def _keys_below(self, table: str, above: RowKey) -> list[RowKey]:
        if table not in self._below:
            groups = self._below[table] = {}
            for key in self._after[table]:
                groups.setdefault(key[:-1], []).append(key)
        return self._below[table].get(above, [])


def keep(names: Names, old: _Object, new: dict[str, object]) -> None:
    """Put into `new` what no column takes of an object and of the objects in it that dotted paths name."""
    for name, value in old.items():
        below = names.get(name)
        if name not in names:
            new[name] = value
        elif below is not None and isinstance(value, Mapping):
            inner = new.get(name, {})
            assert isinstance(inner, dict)
            keep(below, value, inner)
            if inner:
                new[name] = inner


def unmapped_fields(collection: CollectionMapping, document: _Object) -> dict[Place, str]:
    """What no column takes of a document that can be expressed in rows, as text for people, by the row whose object has it."""
    key: RowKey = (collection.id.codec.from_bson(document["_id"]),)
    found: dict[Place, str] = {}
    fields: dict[str, object] = {}
    keep(collection.names, document, fields)
    if collection.rest:
        fields = {name: value for name, value in fields.items() if name in collection.names}
    _add(found, (collection.table, key), fields)
    _unmapped_below(collection.parts, key, document, found)
    return found


def _unmapped_below(parts: Iterable[PartMapping], above: RowKey, holder: _Object, found: dict[Place, str]) -> None:
    for part in parts:
        value = holder.get(part.name)
        entries: dict[RowKey, object] = {}
        if part.kind is PartKind.OBJECT:
            entries = {above: value}
        elif part.kind is PartKind.KEYED_LIST:
            entries = {(*above, own): element for own, element in _by_key(part, value).items()}
        elif part.kind is PartKind.MAP and isinstance(value, Mapping):
            assert part.own
            entries = {(*above, own): entry for own, entry in _by_name(part.own, value).items()}
        for key, entry in entries.items():
            if isinstance(entry, Mapping):
                fields: dict[str, object] = {}
                keep(part.names, entry, fields)
                _add(found, (part.table, key), fields)
                _unmapped_below(part.parts, key, entry, found)


def _add(found: dict[Place, str], place: Place, fields: Mapping[str, object]) -> None:
    if fields:
        found[place] = json_util.dumps(fields)


def _by_name(own: FieldMapping, entries: _Object) -> dict[Value, object]:
    """The entries of a map, without those whose name is no key."""
    found: dict[Value, object] = {}
    for name, entry in entries.items():
        with suppress(NotCanonical):
            found[own.codec.from_bson(name)] = entry
    return found


def _by_key(part: PartMapping, elements: object) -> dict[Value, object]:
    """The elements of a list with a key, without those that have none."""
    assert part.own
    found: dict[Value, object] = {}
    for element in elements if isinstance(elements, list) else ():
        if isinstance(element, Mapping) and part.own.name in element:
            with suppress(NotCanonical):
                found[part.own.codec.from_bson(element[part.own.name])] = element
    return found


def _chains(
    parts: Iterable[PartMapping], above: tuple[PartMapping, ...] = ()
) -> Iterable[tuple[str, tuple[PartMapping, ...]]]:
    """Each part's table, and the parts from the document to it."""
    for part in parts:
        here = (*above, part)
        yield part.table, here
        yield from _chains(part.parts, here)
