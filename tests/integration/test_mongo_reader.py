"""Whole documents read from MongoDB: in key order, all of them, at an exact place in its log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest
from bson import Binary, Int64, ObjectId

from sync.model.change import ConflictKind, DocumentId, Value
from sync.model.lens import empty_rows, shred
from sync.model.position import StreamPosition, reached
from sync.mongo.reader import MongoReader
from sync.ports import Current
from tests.servers import Servers
from tests.stream_log import A, B, C, StreamLog, account, entries

#: One of each type that sorts apart, in the server's order of types.
FOREIGN = [
    5,
    Int64(2**40),
    "text",
    {"a": 1},
    {"long": "x" * 400},
    Binary(b"\x00\x01"),
    A,
    True,
    datetime(2020, 1, 1),  # noqa: DTZ001 - as decoded: naive, UTC
]


@pytest.fixture
def log(servers: Servers) -> Iterator[StreamLog]:
    with StreamLog(servers) as made:
        made.setup()
        yield made


def walk(reader: MongoReader, limit: int, *, exact: bool = False) -> list[DocumentId]:
    """All documents, range by range."""
    found: list[DocumentId] = []
    after: Value = None
    while True:
        reading = reader.range("accounts", after, limit, exact=exact)
        if not reading.documents:
            return found
        assert len(reading.documents) <= limit
        found += reading.documents
        after = found[-1].key


def test_documents_come_as_rows_and_absent_ones_as_none(log: StreamLog) -> None:
    """Every document that was asked for is in the answer."""
    log.collection().insert_one(account(A))
    collection = log.mapping.collections["accounts"]
    here, absent = DocumentId("accounts", str(A)), DocumentId("accounts", str(B))
    found = log.reader().read([here, absent], exact=False)
    assert found.documents == {
        here: Current(rows=shred(collection, account(A))),
        absent: Current(rows=empty_rows(collection)),
    }
    assert found.position is None
    assert log.reader().count("accounts") == 1


@pytest.mark.parametrize("limit", [1, 2, 7, 100])
def test_a_walk_meets_every_document_once(log: StreamLog, limit: int) -> None:
    """Ranges meet without a gap, whatever the types of `_id`s, whatever the size of a range."""
    log.admin["accounts"].insert_many([account(A) | {"_id": one} for one in FOREIGN])
    log.collection().insert_many([account(B), account(C)])
    found = walk(log.reader(), limit)
    assert len(found) == len(set(found)) == len(FOREIGN) + 2
    assert [one.key for one in found if not str(one.key).startswith("?")] == [str(A), str(B), str(C)]


def test_a_document_that_rows_cannot_hold_is_a_problem(log: StreamLog) -> None:
    """It is in the answer, with the reason, and its whole text is there for people."""
    log.collection().insert_many([account(A, limit="x"), account(B)])
    reading = log.reader().range("accounts", None, 10, exact=False)
    bad, good = reading.documents.values()
    assert good.problem is None
    assert bad.problem is not None
    assert bad.problem.kind is ConflictKind.UNMAPPABLE_DOCUMENT
    assert log.reader().stored(DocumentId("accounts", str(A))) == account(A, limit="x")
    assert log.reader().stored(DocumentId("accounts", str(C))) is None


def test_an_exact_reading_stands_between_what_it_shows_and_what_comes(log: StreamLog) -> None:
    """Reading the log from its place tells what it does not show, and nothing that it shows."""
    keys = [ObjectId() for _ in range(2000)]
    log.collection().insert_many([account(key, products=["x" * 9000]) for key in keys])  # more than one reply
    reader = log.reader()
    first = reader.range("accounts", None, 2000, exact=True)
    log.collection().update_one({"_id": keys[0]}, {"$set": {"limit": 1}})
    second = reader.read([DocumentId("accounts", str(keys[0]))], exact=True)
    (seen,) = second.documents.values()
    assert len(first.documents) == 2000
    assert isinstance(first.position, StreamPosition)
    assert isinstance(second.position, StreamPosition)
    assert not reached(first.position, second.position)
    (missed,) = entries(log.read(log.source(first.position)))
    assert missed.document.key == str(keys[0])
    assert seen.rows["analytics_account"][(str(keys[0]),)]["limit"] == 1
    assert log.read(log.source(second.position)) == []
