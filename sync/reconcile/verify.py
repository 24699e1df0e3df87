"""Compares the documents of both sides, and only reports.

What differs when it is first read may be on its way: `sync.reconcile.rereading` tells what counts. An interrupted run is gone
on with, and pages of which both sides send what they sent when they were equal are not compared value by value.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace

from sync.cycles import seldom_looked_for
from sync.model.change import DocumentId
from sync.model.mapping import CollectionMapping, SyncMapping
from sync.model.report import VerifyReport
from sync.model.values import FOREIGN
from sync.reconcile.differing import differing
from sync.reconcile.kept import Kept, Place
from sync.reconcile.pace import Pace
from sync.reconcile.pages import pairs
from sync.reconcile.progress import Progress
from sync.reconcile.rereading import TOGETHER, VALUES, Found, Rereading, Sides


class Verify:
    """One run over some collections."""

    def __init__(
        self,
        mapping: SyncMapping,
        sides: Sides,
        kept: Kept,
        collections: Sequence[str],
        progress: Progress,
        pace: Pace | None = None,
    ) -> None:
        self._sides = sides
        self._kept = kept
        self._collections = [mapping.collections[name] for name in collections]
        self._progress = progress
        self._pace = pace or Pace()

    def every(self, *, anew: bool = False) -> VerifyReport:
        """Compare every document; go on where a run over the same collections was interrupted. `anew`: nothing that was kept
        counts."""
        resumed = self._kept.begin(" ".join(one.name for one in self._collections), anew=anew)
        counts: dict[str, int] = {}
        unchanged = 0
        for collection in self._collections:
            counts[collection.name], unread = self._walk(collection)
            unchanged += unread
        report = self._report(counts, {one.name: self._kept.suspects(one) for one in self._collections}, complete=True)
        self._kept.end(list(counts))
        return replace(report, unchanged=unchanged, resumed_from=resumed)

    def sample(self, number: int) -> VerifyReport:
        """Compare so many documents of each collection, chosen at random from both sides."""
        counts: dict[str, int] = {}
        suspects: dict[str, list[DocumentId]] = {}
        for collection in self._collections:
            chosen = self._chosen(collection.name, number)
            counts[collection.name] = len(chosen)
            suspects[collection.name] = []
            for start in range(0, len(chosen), TOGETHER):
                some = chosen[start : start + TOGETHER]
                left = self._sides.mysql.read(some, exact=False).documents
                right = self._sides.mongo.read(some, exact=False).documents
                suspects[collection.name] += (one.document for one in differing(collection, some, left, right))
                self._progress(collection.name, start + len(some), len(chosen))
                self._pace.after(len(some))
        return self._report(counts, suspects, complete=False)

    def _chosen(self, collection: str, number: int) -> list[DocumentId]:
        """From both sides, for one may lack what the other has."""
        sides = (self._sides.mysql, self._sides.mongo)
        both = {document for side in sides for document in side.sample(collection, number)}
        return random.sample(sorted(both, key=str), min(number, len(both)))

    def _walk(self, collection: CollectionMapping) -> tuple[int, int]:
        """Compare all of a collection, or what is left of it; suspects are kept. How many documents it has, and of how many
        the digests were enough."""
        name = collection.name
        place, unread = self._kept.place(collection), 0
        if place.finished:
            return place.done, 0
        total = max(self._sides.mysql.count(name), self._sides.mongo.count(name))
        self._progress(name, place.done, max(total, place.done + 1))
        left, right = self._sides.mysql, self._sides.mongo
        walk = pairs(name, left, right, place, lambda key: self._kept.equal_page(name, key), self._pace.few)
        with seldom_looked_for(), closing(walk):
            for pair in walk:
                before, place = place.done, pair.place
                unread += pair.unread
                different = [one.document for one in differing(collection, pair.documents, pair.mysql, pair.mongo)]
                self._kept.suspect(different)
                if pair.page and not different:
                    self._kept.keep_page(name, pair.after, pair.page)
                if not (_is_foreign(place.mysql) or _is_foreign(place.mongo)):
                    self._kept.reached(name, place)
                self._progress(name, place.done, total)
                self._pace.after(place.done - before)
        self._progress(name, place.done, place.done)
        self._kept.reached(name, Place(done=place.done, finished=True))
        return place.done, unread

    def _report(
        self, counts: Mapping[str, int], suspects: Mapping[str, Sequence[DocumentId]], *, complete: bool
    ) -> VerifyReport:
        """What the suspects come to."""
        found: list[Found] = []
        busy: list[DocumentId] = []
        room = VALUES
        for collection in self._collections:
            rereading = Rereading(collection, self._sides, self._pace, room)
            differing, changing = rereading.at(suspects[collection.name])
            room = rereading.room
            found += differing
            busy += changing
        digests = {one.difference.document: one.digest for one in found}
        since = self._kept.differ(digests, complete=list(counts) if complete else ())
        return VerifyReport(
            documents=sum(counts.values()),
            collections=counts,
            differences=tuple(replace(one.difference, first_seen=since[one.difference.document]) for one in found),
            busy=tuple(busy),
        )


def _is_foreign(key: object) -> bool:
    """Such a key may have been cut, and then nothing can be read from it on by another process."""
    return isinstance(key, str) and key.startswith(FOREIGN)
