"""Walks both sides of a collection in key order, page beside page, and tells of each page which documents stand there.

Both sides read ahead while a page is compared. Pages whose two digests are known to be those of equal documents are not
taken apart.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import chain, islice

from sync.model.change import DocumentId, Value
from sync.model.values import FOREIGN, order_text
from sync.ports import Current, Page, Reader, Reading
from sync.reconcile.ahead import FIRST, size
from sync.reconcile.kept import EqualPage, Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The documents of one page on both sides."""

    mysql: Mapping[DocumentId, Current] = field(default_factory=dict)
    mongo: Mapping[DocumentId, Current] = field(default_factory=dict)
    #: How many of the documents were not taken apart: both digests are those of equal documents.
    unread: int = 0
    #: Where both sides stand afterwards.
    place: Place
    #: The key behind which both sides were read, and what is to be kept if all of these documents are equal; None where
    #: one side holds more in between than the other.
    after: Value = None
    page: EqualPage | None = None

    @property
    def documents(self) -> Iterator[DocumentId]:
        """Each that stands on any side, once."""
        return chain(self.mysql, (one for one in self.mongo if one not in self.mysql))


def pairs(
    collection: str,
    mysql: Reader,
    mongo: Reader,
    start: Place,
    known: Callable[[Value], EqualPage | None],
    few: Callable[[int], int],
) -> Generator[Pair, None, None]:
    """To be closed: the reading threads end with it. `known`: what is known of the page behind a key; `few`: how many
    documents of so many a page may have."""
    with ExitStack() as open_:
        left, right = (_Half(collection, one, open_.enter_context(ThreadPoolExecutor(1))) for one in (mysql, mongo))
        place, limit = start, FIRST
        while True:
            together = place.mysql == place.mongo
            page = known(place.mysql) if together else None
            wanted = page.documents if page else few(limit)
            left.ask(place.mysql, wanted)
            right.ask(place.mongo, wanted)
            here, there = left.answer(), right.answer()
            if here.last is None and there.last is None:
                return
            same_end = together and here.last == there.last
            if same_end:
                following = known(here.last)
                ahead = following.documents if following else few(limit)
                left.ask(here.last, ahead)
                right.ask(here.last, ahead)
            digests = (here.digest, there.digest) if same_end else None
            if page and digests == (page.mysql, page.mongo):
                after, done = place.mysql, place.done + page.documents
                place = replace(place, mysql=here.last, mongo=here.last, done=done)
                yield Pair(unread=page.documents, place=place, after=after, page=page)
                continue
            mysql_documents, mongo_documents = here.documents(), there.documents()
            end = _end(mysql_documents, mongo_documents)
            some, others = _up_to(end, mysql_documents), _up_to(end, mongo_documents)
            done = place.done + len(some.keys() | others.keys())
            after = place.mysql
            place = Place(
                mysql=_stands(place.mysql, some, mysql_documents, end),
                mongo=_stands(place.mongo, others, mongo_documents, end),
                done=done,
            )
            whole = digests and (len(some), len(others)) == (len(mysql_documents), len(mongo_documents))
            kept = EqualPage(documents=len(some), mysql=digests[0], mongo=digests[1]) if digests and whole else None
            yield Pair(mysql=some, mongo=others, place=place, after=after, page=kept)
            if mysql_documents or mongo_documents:
                limit = size(limit, Reading(documents=mysql_documents or mongo_documents, position=None))


class _Half:
    """One side, read in a thread of its own."""

    def __init__(self, collection: str, reader: Reader, thread: ThreadPoolExecutor) -> None:
        self._collection = collection
        self._reader = reader
        self._thread = thread
        self._coming: tuple[Value, Future[Page]] | None = None

    def ask(self, after: Value, limit: int) -> None:
        """Begin to read what follows on a key, unless it is on its way, however much of it."""
        if self._coming is None or self._coming[0] != after:
            self._coming = after, self._thread.submit(self._reader.page, self._collection, after, limit)

    def answer(self) -> Page:
        """What was asked for last."""
        assert self._coming is not None
        (_, coming), self._coming = self._coming, None
        return coming.result()


def _end(mysql: Mapping[DocumentId, Current], mongo: Mapping[DocumentId, Current]) -> Value:
    """The key up to which both sides were read; None where a page holds foreign keys only, which must be passed first."""
    owns = [_own(documents) for documents in (mysql, mongo) if documents]
    if not all(owns):
        return None
    return min((own[-1] for own in owns), key=order_text, default=None)


def _up_to(end: Value, documents: Mapping[DocumentId, Current]) -> Mapping[DocumentId, Current]:
    """Those of a page up to a key. Foreign keys stand before or behind all others, each side's server knows where: with no
    other key in the page they are all taken."""
    keys = list(documents)
    own = [place for place, one in enumerate(keys) if not _is_foreign(one.key)]
    if not own:
        return documents
    taken = [place for place in own if end is not None and order_text(keys[place].key) <= order_text(end)]
    if not taken:
        return {}
    if taken[-1] == len(keys) - 1:
        return documents
    return {one: documents[one] for one in keys[: taken[-1] + 1]}


def _stands(
    before: Value, taken: Mapping[DocumentId, Current], page: Mapping[DocumentId, Current], end: Value
) -> Value:
    """The key behind which a side is read next. Foreign numbers stand among whole ones: none that was left is passed."""
    own = _own(taken)
    if not own:
        return list(taken)[-1].key if taken else before
    left = next(islice(page, len(taken), None), None)
    return own[-1] if left and _is_foreign(left.key) else end


def _own(documents: Mapping[DocumentId, Current]) -> list[Value]:
    return [one.key for one in documents if not _is_foreign(one.key)]


def _is_foreign(key: Value) -> bool:
    return isinstance(key, str) and key.startswith(FOREIGN)
