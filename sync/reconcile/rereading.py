"""Looks again at documents that differed when they were first read, until it is known of each what it comes to.

A difference counts if a document stayed as it was from one look to the third, and was not written in MongoDB all the time:
before the second look both workers had passed all that led to the first, so that the listener has nothing of this document
left to carry; before the third, all of MySQL that led to the second, so that the follower has neither. Had either carried
anything, MongoDB would have been written, or the document be held. Equal values alone would not tell: a flag that flips
comes back to them while its changes are on their way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from sync.model.change import DocumentId, DocumentRows, Hold
from sync.model.compare import different_fields
from sync.model.lens import empty_rows
from sync.model.mapping import CollectionMapping
from sync.model.position import Position
from sync.model.report import Difference, DifferentField
from sync.ports import Current, Reader, Witness
from sync.reconcile.differing import as_read, differing
from sync.reconcile.pace import Pace

#: Documents that are read together.
TOGETHER = 500
#: How often documents are looked at again, and for how many looks in a row they must stay as they were.
LOOKS, SAME = 6, 3
#: Values of which differences tell in one run; of the others only where they are.
VALUES = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """What verify asks."""

    mysql: Reader
    mongo: Reader
    witness: Witness
    #: Which of some documents have an open conflict now.
    held: Callable[[Sequence[DocumentId]], frozenset[DocumentId]]
    #: See `sync.reconcile.passing`, whose errors it raises.
    passing: Callable[[], bool]


class Found(NamedTuple):
    """A difference that counts, and a digest of both values."""

    difference: Difference
    digest: bytes


class _Seen(NamedTuple):
    """How a document differed, and since when and how many looks just so."""

    digest: bytes
    since: Position
    looks: int


class _Look(NamedTuple):
    difference: Difference
    digest: bytes
    mysql: Current | None
    mongo: Current | None


class Rereading:
    """Of one collection."""

    def __init__(self, collection: CollectionMapping, sides: Sides, pace: Pace, room: int) -> None:
        """`room`: of how many values differences may tell."""
        self._collection = collection
        self._sides = sides
        self._pace = pace
        self._absent: DocumentRows = empty_rows(collection)
        self.room = room

    def at(self, suspects: Sequence[DocumentId]) -> tuple[list[Found], list[DocumentId]]:
        """The differences, and the documents that were other ones each time."""
        found: list[Found] = []
        pending: dict[DocumentId, _Seen] = {}
        if not suspects:
            return found, []
        began = self._sides.witness.now()
        for look in self._looks(suspects):
            if look.difference.held:
                found.append(self._told(look))
            else:
                pending[look.difference.document] = _Seen(look.digest, began, 1)
        for _ in range(LOOKS):
            if not pending:
                break
            some_carry = self._sides.passing()
            before, pending = pending, {}
            began = self._sides.witness.now()
            stayed: list[tuple[Found, Position]] = []
            for look in self._looks(before):
                document = look.difference.document
                seen = _Seen(look.digest, began, 1)
                if look.digest == before[document].digest:
                    seen = before[document]._replace(looks=before[document].looks + 1)
                if look.difference.held or not some_carry:
                    found.append(self._told(look))
                elif seen.looks < SAME:
                    pending[document] = seen
                else:
                    stayed.append((self._told(look), seen.since))
            counted, moved = self._unwritten(stayed)
            found += counted
            pending |= {one.difference.document: _Seen(one.digest, began, 1) for one in moved}
        return found, list(pending)

    def _unwritten(self, stayed: Sequence[tuple[Found, Position]]) -> tuple[list[Found], list[Found]]:
        """Those whose document was not written in MongoDB since, and the others."""
        if not stayed:
            return [], []
        since = min((position for _, position in stayed), key=lambda position: position.order)
        written = self._sides.witness.written(self._collection.name, since)
        counted = [one for one, _ in stayed if one.difference.document not in written]
        return counted, [one for one, _ in stayed if one.difference.document in written]

    def _looks(self, documents: Collection[DocumentId]) -> Iterator[_Look]:
        """At those that differ now. Of many the values would fill the memory: they are gone with the next.
        What is held is asked before what stands there: a difference that a meeting ends meanwhile shows as none."""
        every = list(documents)
        held = self._sides.held(every) if every else frozenset()
        for start in range(0, len(every), TOGETHER):
            some = every[start : start + TOGETHER]
            left: Mapping[DocumentId, Current] = self._sides.mysql.read(some, exact=False).documents
            right: Mapping[DocumentId, Current] = self._sides.mongo.read(some, exact=False).documents
            for difference in differing(self._collection, some, left, right, held):
                mysql, mongo = left.get(difference.document), right.get(difference.document)
                digest = b"".join(_digest(as_read(current, self._absent)) for current in (mysql, mongo))
                yield _Look(difference, digest, mysql, mongo)
            self._pace.after(len(some))

    def _told(self, look: _Look) -> Found:
        """With both values of each place, as long as there is room for them."""
        fields = self._fields(look)
        if len(fields) > self.room:
            return Found(look.difference, look.digest)
        self.room -= len(fields)
        return Found(replace(look.difference, fields=fields), look.digest)

    def _fields(self, look: _Look) -> tuple[DifferentField, ...]:
        here, there = as_read(look.mysql, self._absent), as_read(look.mongo, self._absent)
        if not isinstance(here, Hold) and not isinstance(there, Hold):
            return different_fields(self._collection, here, there)
        table, key = self._collection.table, (look.difference.document.key,)
        mysql, mongo = (
            one.stored if one and one.problem else (one.rows[table].get(key) if one else None)
            for one in (look.mysql, look.mongo)
        )
        return (DifferentField(table=table, key=key, column=None, mysql=mysql, mongo=mongo),)


def _digest(found: DocumentRows | Hold) -> bytes:
    """Equal for equal readings, whatever the order of rows and columns."""
    if isinstance(found, Hold):
        return hashlib.sha256(f"{found.kind} {found.reason}".encode()).digest()
    rows = sorted(
        repr((table, key, sorted(row.items()))) for table, of_table in found.items() for key, row in of_table.items()
    )
    return hashlib.sha256("\n".join(rows).encode(errors="surrogatepass")).digest()
