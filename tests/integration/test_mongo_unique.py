"""What MongoDB's unique indexes make of a batch: exchanges are carried out, what is truly in the way is named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import permutations
from typing import Any

import pytest
from bson import ObjectId

from deploy.local.mongo_server import Document
from sync.errors import Refused
from sync.model.change import Blocker, ConflictKind, DocumentId, Hold
from sync.model.lens import empty_rows, shred
from sync.model.position import Checkpoint
from sync.mongo.target import MongoTarget
from sync.ports import DocumentWrite
from tests.servers import Servers
from tests.stream_log import A, B, C, StreamLog, account

D = ObjectId("d" * 24)


@pytest.fixture
def log(servers: Servers) -> Iterator[StreamLog]:
    with StreamLog(servers) as made:
        made.setup()
        yield made


def of(key: ObjectId) -> DocumentId:
    return DocumentId("accounts", str(key))


def row(key: ObjectId, under: str = "one_each") -> Blocker:
    return Blocker(of(key), "analytics_account", (str(key),), under)


class Writing:
    """Writes accounts as the follower does."""

    def __init__(self, log: StreamLog) -> None:
        self.log = log
        self.target: MongoTarget = log.target()
        self.checkpoint: Checkpoint = self.target.take_lease()[0]

    def apart(self, *documents: Document, gone: tuple[ObjectId, ...] = ()) -> Mapping[DocumentId, Hold]:
        """Lead these documents to where they shall be; what is held."""
        collection = self.log.mapping.collections["accounts"]
        tables = frozenset(table.name for table in collection.tables)
        transaction = self.target.begin(self.checkpoint.next())
        wanted = {of(ObjectId(str(one["_id"]))): shred(collection, one) for one in documents}
        wanted |= {of(key): empty_rows(collection) for key in gone}
        current = transaction.read(dict.fromkeys(wanted, tables))
        found = transaction.write_apart(
            [DocumentWrite(document=one, before=current[one].rows, after=rows) for one, rows in wanted.items()]
        )
        assert not found.spoiled
        transaction.commit()
        self.checkpoint = self.checkpoint.next()
        return found.holds


@pytest.fixture
def writing(log: StreamLog) -> Writing:
    return Writing(log)


def stored(log: StreamLog) -> dict[ObjectId, Document]:
    return {ObjectId(str(one["_id"])): one for one in log.collection().find()}


EXCHANGES: dict[str, tuple[dict[ObjectId, int], dict[ObjectId, int]]] = {
    "swap": ({A: 1, B: 2}, {A: 2, B: 1}),
    "chain": ({A: 1, B: 2, C: 3}, {A: 2, B: 3, C: 4}),
    "circle with a tail": ({A: 1, B: 2, C: 3, D: 4}, {A: 2, B: 1, C: 4, D: 5}),
}


@pytest.mark.parametrize("name", EXCHANGES)
def test_documents_exchange_a_value(log: StreamLog, writing: Writing, name: str) -> None:
    """In whatever order they come; a validator sees nothing strange, and fields that no column takes stay in their place."""
    log.admin["accounts"].create_index("account_id", unique=True, name="one_each")
    log.admin.command("collMod", "accounts", validator={"account_id": {"$lt": 100}, "kept": {"$exists": True}})
    before, after = EXCHANGES[name]
    for order in permutations(after):
        log.admin["accounts"].delete_many({})
        there = [{"kept": 1, **account(key, account_id=number), "last": [key]} for key, number in before.items()]
        log.admin["accounts"].insert_many(there)
        assert not writing.apart(*(account(key, account_id=after[key]) for key in order))
        wanted = {key: one | {"account_id": after[key]} for key, one in zip(before, there, strict=True)}
        assert stored(log) == wanted
        in_order = {key: [name for name in one if name != "_id"] for key, one in wanted.items()}
        assert {key: list(one)[1:] for key, one in stored(log).items()} == in_order


def test_an_exchange_in_one_writing_is_refused_and_the_transaction_with_it(log: StreamLog, writing: Writing) -> None:
    """Why it is written apart."""
    log.admin["accounts"].create_index("account_id", unique=True)
    log.admin["accounts"].insert_many([account(A, account_id=1), account(B, account_id=2)])
    collection = log.mapping.collections["accounts"]
    transaction = writing.target.begin(writing.checkpoint.next())
    tables = frozenset(table.name for table in collection.tables)
    current = transaction.read({of(A): tables, of(B): tables})
    swap = [
        DocumentWrite(
            document=of(key), before=current[of(key)].rows, after=shred(collection, account(key, account_id=n))
        )
        for key, n in ((A, 2), (B, 1))
    ]
    with pytest.raises(Refused):
        transaction.write(swap)
    transaction.rollback()


def test_only_what_is_truly_in_the_way_is_held(log: StreamLog, writing: Writing) -> None:
    """Beside an exchange that works, a delete that makes room, and one that waits for what is held."""
    log.admin["accounts"].create_index("account_id", unique=True, name="one_each")
    e, f = ObjectId("e" * 24), ObjectId("f" * 24)
    numbers = {A: 1, B: 2, C: 3, D: 4, e: 5, f: 6}
    log.admin["accounts"].insert_many([account(key, account_id=number) for key, number in numbers.items()])
    new = ObjectId()
    after = {A: 2, B: 1, C: 5, D: 3, new: 6}
    holds = writing.apart(*(account(key, account_id=number) for key, number in after.items()), gone=(f,))
    assert {one: hold.blockers for one, hold in holds.items()} == {of(C): (row(e),), of(D): (row(C),)}
    assert {hold.kind for hold in holds.values()} == {ConflictKind.UNIQUE_VIOLATION}
    assert {key: one["account_id"] for key, one in stored(log).items()} == {A: 2, B: 1, C: 3, D: 4, e: 5, new: 6}


OTHER = ObjectId("1" * 24)
#: Index, its options; what stands there; what is to be written, and whether that is forbidden.
INDEXES: list[tuple[Any, dict[str, Any], dict[str, Any], dict[str, Any], bool]] = [
    ([("limit", 1), ("account_id", 1)], {}, {"account_id": 1}, {"account_id": 1}, True),
    ([("limit", 1), ("account_id", 1)], {}, {"account_id": 1}, {"account_id": 2}, False),
    ("products", {}, {"products": ["x", "y"]}, {"products": ["z", "y"]}, True),
    ("products", {}, {"products": ["x", "y"]}, {"products": ["z"]}, False),
    ("products", {}, {"products": []}, {"products": []}, True),
    ("products", {"collation": {"locale": "en", "strength": 1}}, {"products": ["É"]}, {"products": ["e"]}, True),
    ("products", {"collation": {"locale": "en", "strength": 3}}, {"products": ["É"]}, {"products": ["e"]}, False),
    ("account_id", {}, {"account_id": 7.0}, {"account_id": 7}, True),
    ("kept", {}, {}, {}, True),
    ("kept", {"sparse": True}, {}, {}, False),
    ("kept.inner", {}, {"kept": 5}, {}, True),
    ("account_id", {"partialFilterExpression": {"limit": {"$gt": 5}}}, {"limit": 9}, {"limit": 9}, True),
    ("account_id", {"partialFilterExpression": {"limit": {"$gt": 5}}}, {"limit": 9}, {"limit": 5}, False),
    ("account_id", {"partialFilterExpression": {"limit": {"$gt": 5}}}, {"limit": 5}, {"limit": 9}, False),
    ("account_id", {"partialFilterExpression": {"products": "x"}}, {"products": ["x"]}, {"products": ["y", "x"]}, True),
    ("account_id", {"partialFilterExpression": {"kept": {"$exists": True}}}, {"kept": 1}, {}, False),
]


@pytest.mark.parametrize(("fields", "options", "there", "new", "forbidden"), INDEXES)
def test_every_shape_of_index(
    log: StreamLog,
    writing: Writing,
    fields: Any,
    options: dict[str, Any],
    there: dict[str, Any],
    new: dict[str, Any],
    forbidden: bool,
) -> None:
    """Who is in the way is who the server would refuse it for: told before it is tried."""
    log.admin["accounts"].create_index(fields, unique=True, name="one_each", **options)
    log.admin["accounts"].insert_one(account(OTHER) | there)
    holds = writing.apart(account(A) | new)
    assert {one: hold.blockers for one, hold in holds.items()} == ({of(A): (row(OTHER),)} if forbidden else {})


def test_elements_of_one_array_count_together(log: StreamLog, writing: Writing) -> None:
    """An index over two fields of an array's elements: both of the same element."""
    log.admin["accounts"].create_index([("kept.a", 1), ("kept.b", 1)], unique=True, name="one_each", sparse=True)
    log.admin["accounts"].insert_many(
        [
            account(OTHER, kept=[{"a": 1, "b": 1}, {"a": 2, "b": 2}]),
            account(A, account_id=1, kept=[{"a": 1, "b": 2}]),
        ]
    )
    assert not writing.apart(account(A, account_id=2))
    assert stored(log)[A]["account_id"] == 2


def test_every_document_in_the_way_is_named(log: StreamLog, writing: Writing) -> None:
    """Under every index, and of every element."""
    log.admin["accounts"].create_index("account_id", unique=True, name="one_each")
    log.admin["accounts"].create_index("products", unique=True, name="products_once")
    log.admin["accounts"].insert_many(
        [
            account(B, account_id=1, products=["b"]),
            account(C, account_id=2, products=["c"]),
            account(D, account_id=3, products=["d"]),
        ]
    )
    holds = writing.apart(account(A, account_id=1, products=["c", "d", "free"]))
    assert set(holds[of(A)].blockers) == {row(B), row(C, "products_once"), row(D, "products_once")}


def test_a_document_that_an_update_makes_too_large(log: StreamLog, writing: Writing) -> None:
    """Told apart from what a rule forbids."""
    log.admin["accounts"].insert_one(account(A, kept="k" * (15 << 20)))
    collection = log.mapping.collections["accounts"]
    transaction = writing.target.begin(writing.checkpoint.next())
    before = transaction.read({of(A): frozenset(table.name for table in collection.tables)})[of(A)].rows
    after = shred(collection, account(A, products=["p" * (2 << 20)]))
    found = transaction.write_apart([DocumentWrite(document=of(A), before=before, after=after)])
    transaction.rollback()
    assert (found.spoiled, found.holds[of(A)].kind) == (True, ConflictKind.UNMAPPABLE_DOCUMENT)
