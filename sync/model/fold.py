"""A batch on one document: which entries count, which rows they need, and what they make of it, in source order.

A fold equals its changes applied one by one; nothing is written here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from dataclasses import replace

from sync.model.change import ECHO, USER, ConflictKind, DocumentRows, Entry, Hold, Places, Row, RowChange, RowKey
from sync.model.mapping import CollectionMapping, TableMapping
from sync.model.merge import merge
from sync.model.order import first_gap, first_gap_beside


def relevant(entries: Iterable[Entry], crossed: Callable[[Entry], bool]) -> tuple[Entry, ...]:
    """The entries to merge (users') or check (echoes), in order.

    An echo need not be checked where `crossed` says that its writer had seen all that this side's worker wrote there.
    Once an entry of the batch is merged or checked, every later echo is checked: what waits in the batch is a later write.
    """
    chosen: list[Entry] = []
    for entry in entries:
        if entry.origin is USER or chosen or crossed(entry):
            chosen.append(entry)
    return tuple(chosen)


def needs(collection: CollectionMapping, entries: Iterable[Entry]) -> frozenset[str]:
    """The tables whose rows of the document must be read to fold `entries`: those touched, the rows above them up to the
    root, and, where a row comes or goes, the rows below it."""
    wanted = collection.above[collection.table]
    if not collection.parts:
        return wanted
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
    collection: CollectionMapping,
    rows: DocumentRows,
    entries: Sequence[Entry],
    partial: Container[str] = (),
    counted: Counter[ConflictKind] | None = None,
) -> DocumentRows | Hold:
    """The document's rows after `entries`, over the same tables as `rows`; or why the whole document must be held. A table
    that no change touches is the same object as before. Of the tables `partial` only the rows at `places` are there.

    Meetings that need nobody are added to `counted`: users' changes merged with another one of the same row
    (`update_disjoint`), and their deletes of rows that are gone already (`delete_missing`)."""
    whole = collection.whole
    document = dict(rows)
    touched: dict[str, dict[RowKey, Row]] = {}
    disjoint = missing = 0
    for entry in entries:
        if entry.problem:
            return entry.problem
        echo = entry.origin is ECHO
        adding: Mapping[str, Collection[str]] = collection.counted if entry.origin is USER else {}
        for change in net(entry.changes) if echo else entry.changes:
            table = touched.get(change.table)
            if table is None:
                table = document[change.table] = touched[change.table] = dict(rows[change.table])
            current = table.get(change.key)
            merged = merge(current, change, whole=change.table in whole, counted=adding.get(change.table, ()))
            if echo and merged != current:
                reason = f"{change.table}: this side has moved away from what the other worker wrote"
                return Hold(kind=ConflictKind.ECHO_DIFFERS, reason=reason, table=change.table, key=change.key)
            if isinstance(merged, Hold):
                return _told(merged, entry, change)
            if merged is None:
                missing += current is None and not echo
                table.pop(change.key, None)
            else:
                if merged is not change.after and merged is not current:
                    disjoint += not echo
                table[change.key] = merged
    found = broken(collection, document, entries, partial)
    if counted is not None and found is None:
        if disjoint:
            counted[ConflictKind.UPDATE_DISJOINT] += disjoint
        if missing:
            counted[ConflictKind.DELETE_MISSING] += missing
    return found or document


def net(changes: Collection[RowChange]) -> Collection[RowChange]:
    """What an echo's transaction made of each row. Only its end was ever to stand here: a row may have had a value for the
    time of the transaction that was to make room for another's (a swap of unique values). Of a user's nothing cancels out."""
    found: dict[tuple[str, RowKey], RowChange] = {}
    for change in changes:
        first = found.setdefault((change.table, change.key), change)
        if first is not change:
            found[change.table, change.key] = change._replace(before=first.before)
    return changes if len(found) == len(changes) else found.values()


def _told(hold: Hold, entry: Entry, change: RowChange) -> Hold:
    """What a change met, by what is known of how it came about."""
    if entry.correction:
        return replace(hold, kind=ConflictKind.CORRECTION)
    if hold.kind is ConflictKind.INSERT_EXISTS and entry.moved.get((change.table, change.key)) is not None:
        return replace(
            hold, kind=ConflictKind.KEY_EXISTS, reason=f"{hold.table}: the key that a row was given is taken"
        )
    return hold


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
            above, inherited = rows[table.parent], table.inherited
            orphan = next((key for key in here if key[:inherited] not in above), None)
            if orphan is not None:
                return _orphan(table, table.parent, orphan, entries)
        gap = None
        if table.is_list and table.name not in partial:
            gap = first_gap(here)
        elif table.position is not None:
            gap = first_gap_beside(here, table.position)
        if gap is not None:
            reason = f"{table.name}: positions of the list are not 0, 1, 2 …"
            return Hold(kind=ConflictKind.LIST_GAP, reason=reason, table=table.name, key=gap)
    return None


def _orphan(table: TableMapping, parent: str, key: RowKey, entries: Sequence[Entry]) -> Hold:
    above = table.above(key)
    deleted = any(c.after is None and c.table == parent and c.key == above for e in entries for c in e.changes)
    if deleted:
        reason = f"{parent}: the row to delete has rows in {table.name} that its writer had not seen"
        return Hold(kind=ConflictKind.DELETE_DIFFERS, reason=reason, table=parent, key=above)
    reason = f"{table.name}: the row above it in {parent} is absent"
    return Hold(kind=ConflictKind.PARENT_MISSING, reason=reason, table=table.name, key=key)
