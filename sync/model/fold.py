"""A batch on one document: which entries count, which rows they need, and what they make of it, in source order.

A fold equals its changes applied one by one; nothing is written here.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence

from sync.model.change import ConflictKind, DocumentRows, Entry, Hold, Origin, Places, Row, RowKey
from sync.model.mapping import CollectionMapping
from sync.model.merge import merge


def relevant(entries: Iterable[Entry], crossed: Callable[[Entry], bool]) -> tuple[Entry, ...]:
    """The entries to merge (users') or check (echoes), in order.

    An echo need not be checked where `crossed` says that its writer had seen all that this side's worker wrote there.
    Once an entry of the batch is merged or checked, every later echo is checked: what waits in the batch is a later write.
    """
    chosen: list[Entry] = []
    for entry in entries:
        if entry.origin is Origin.USER or chosen or crossed(entry):
            chosen.append(entry)
    return tuple(chosen)


def needs(collection: CollectionMapping, entries: Iterable[Entry]) -> frozenset[str]:
    """The tables whose rows of the document must be read to fold `entries`: those touched, the rows above them up to the
    root, and, where a row comes or goes, the rows below it."""
    wanted = collection.above[collection.table]
    for entry in entries:
        for change in entry.changes:
            if change.table not in wanted:
                wanted |= collection.above[change.table]
            if change.before is None or change.after is None:
                wanted |= collection.below[change.table]
    return wanted


def places(collection: CollectionMapping, entries: Iterable[Entry]) -> Places:
    """Of the root's lists that `entries` do nothing to but update rows: the positions of those, which are all that a fold
    uses of them."""
    if not collection.lists:
        return {}
    found: dict[str, set[int]] = {}
    whole: set[str] = set()
    for entry in entries:
        for change in entry.changes:
            if change.before is None or change.after is None:
                whole |= collection.below[change.table]
            elif change.table in collection.lists and len(change.key) == 2:
                position = change.key[1]
                assert isinstance(position, int)
                found.setdefault(change.table, set()).add(position)
    return {table: of for table, of in found.items() if table not in whole}


def fold(
    collection: CollectionMapping, rows: DocumentRows, entries: Sequence[Entry], partial: Container[str] = ()
) -> DocumentRows | Hold:
    """The document's rows after `entries`, over the same tables as `rows`; or why the whole document must be held. A table
    that no change touches is the same object as before. Of the tables `partial` only the rows at `places` are there."""
    whole, counted = collection.whole, collection.counted
    document = dict(rows)
    touched: dict[str, dict[RowKey, Row]] = {}
    for entry in entries:
        if entry.problem:
            return entry.problem
        for change in entry.changes:
            table = touched.get(change.table)
            if table is None:
                table = document[change.table] = touched[change.table] = dict(rows[change.table])
            current = table.get(change.key)
            if counted and entry.origin is Origin.USER:
                merged = merge(current, change, whole=change.table in whole, counted=counted.get(change.table, ()))
            else:
                merged = merge(current, change, whole=change.table in whole)
            if entry.origin is Origin.ECHO and merged != current:
                reason = f"{change.table}: this side has moved away from what the other worker wrote"
                return Hold(kind=ConflictKind.ECHO_DIFFERS, reason=reason, table=change.table, key=change.key)
            if isinstance(merged, Hold):
                return merged
            if merged is None:
                table.pop(change.key, None)
            else:
                table[change.key] = merged
    return broken(collection, document, entries, partial) or document


def broken(
    collection: CollectionMapping, rows: DocumentRows, entries: Sequence[Entry] = (), partial: Container[str] = ()
) -> Hold | None:
    """Why these rows are no document: a row without the row above it, or a list whose positions are not 0, 1, 2 … (which a
    `partial` one cannot tell).

    `entries` are what led there, for the kind: a root that was deleted over rows that its writer had not seen.
    """
    for table in collection.tables:
        here = rows.get(table.name)
        if not here or table.parent is None:
            continue
        if table.parent in rows:
            orphan = next((key for key in here if key[:-1] not in rows[table.parent]), None)
            if orphan is not None:
                return _orphan(table.name, table.parent, orphan, entries)
        if table.is_list and table.name not in partial:
            gap = _gap(here)
            if gap is not None:
                reason = f"{table.name}: positions of the list are not 0, 1, 2 …"
                return Hold(kind=ConflictKind.LIST_GAP, reason=reason, table=table.name, key=gap)
    return None


def _orphan(table: str, parent: str, key: RowKey, entries: Sequence[Entry]) -> Hold:
    deleted = any(c.after is None and c.table == parent and c.key == key[:-1] for e in entries for c in e.changes)
    if deleted:
        reason = f"{parent}: the row to delete has rows in {table} that its writer had not seen"
        return Hold(kind=ConflictKind.DELETE_DIFFERS, reason=reason, table=parent, key=key[:-1])
    reason = f"{table}: the row above it in {parent} is absent"
    return Hold(kind=ConflictKind.PARENT_MISSING, reason=reason, table=table, key=key)


def _gap(rows: Iterable[RowKey]) -> RowKey | None:
    """The key of the first row that does not stand at its rank, None if all do."""
    order = list(rows)
    if _unranked(order) is None:  # as they mostly come
        return None
    return _unranked(sorted(order, key=lambda key: (str(key[:-1]), key[-1])))


def _unranked(rows: Iterable[RowKey]) -> RowKey | None:
    """The first of these keys whose place is not the number of those of its list that come before it."""
    counts: dict[RowKey, int] = {}
    for key in rows:
        rank = counts.get(key[:-1], 0)
        if key[-1] != rank:
            return key
        counts[key[:-1]] = rank + 1
    return None
