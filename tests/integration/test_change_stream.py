"""The change stream as a source on a real MongoDB: what becomes of writes, transactions and positions."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import datetime

import bson
import pytest
from bson import ObjectId
from bson.raw_bson import RawBSONDocument

from deploy.local.users import Role
from sync.errors import MongoAway, SourceBehind
from sync.model.change import ConflictKind, DocumentId, Origin, RowChange, Transaction
from sync.model.position import StreamPosition, reached
from tests.servers import Servers
from tests.stream_log import FIRST, A, B, C, StreamLog, account, changes, entries

ROOT, CHILD = "analytics_account", "analytics_accountproduct"


@pytest.fixture
def log(servers: Servers) -> Iterator[StreamLog]:
    with StreamLog(servers) as made:
        made.setup()
        yield made


def keys(transactions: list[Transaction]) -> list[list[object]]:
    """Of each transaction the keys of its entries."""
    return [[entry.document.key for entry in one.entries] for one in transactions]


def test_writes_become_changes_of_rows(log: StreamLog) -> None:
    """Insert, update, replace and delete: the rows that differ, child rows included, and nothing else."""
    source = log.source(log.end())
    accounts = log.collection()
    accounts.insert_one(account(A))
    accounts.update_one({"_id": A}, {"$set": {"limit": 11}, "$push": {"products": "c"}})
    accounts.replace_one({"_id": A}, account(A, limit=11, products=["a"]))
    accounts.delete_one({"_id": A})
    key = str(A)
    old, new = {"account_id": 1, "limit": 10}, {"account_id": 1, "limit": 11}

    def child(position: int, before: str | None, after: str | None) -> RowChange:
        return RowChange(
            table=CHILD,
            key=(key, position),
            before=None if before is None else {"product": before},
            after=None if after is None else {"product": after},
        )

    found = log.read(source)
    assert [list(one.entries[0].changes) for one in found] == [
        [RowChange(table=ROOT, key=(key,), before=None, after=old), child(0, None, "a"), child(1, None, "b")],
        [RowChange(table=ROOT, key=(key,), before=old, after=new), child(2, None, "c")],
        [child(1, "b", None), child(2, "c", None)],
        [child(0, "a", None), RowChange(table=ROOT, key=(key,), before=new, after=None)],
    ]
    assert {entry.document for entry in entries(found)} == {DocumentId("accounts", key)}
    assert {entry.origin for entry in entries(found)} == {Origin.USER}


def test_an_entry_knows_its_place_and_time(log: StreamLog) -> None:
    """Time is the server's, in whole milliseconds; places rise; a plain write is a transaction of its own."""
    source = log.source(log.end())
    before = time.time()
    log.collection().insert_many([account(A), account(B)])
    first, second = log.read(source)
    for one in (first, second):
        (entry,) = one.entries
        assert one.position == entry.position == one.first_user
        assert one.committed_at == entry.committed_at
        assert entry.committed_at % 1000 == 0
        assert before - 1 < entry.committed_at / 1e6 < time.time() + 1
    assert reached(second.position, first.position)
    assert not reached(first.position, second.position)


def test_a_write_of_unmapped_fields_changes_no_row(log: StreamLog) -> None:
    """It is an entry all the same, without changes."""
    source = log.source(log.end())
    log.collection().insert_one(account(A))
    log.collection().update_one({"_id": A}, {"$set": {"note": "x"}})
    _, second = log.read(source)
    assert (second.entries[0].changes, second.entries[0].problem) == ((), None)


def test_places_of_a_list_are_told(log: StreamLog) -> None:
    """Whatever an update does to a list of objects, in whatever form the server tells it: the rows that differ, no others."""
    entry = {
        "date": datetime(2024, 1, 1),  # noqa: DTZ001 - naive, UTC
        "amount": 1,
        "transaction_code": "buy",
        "symbol": "x",
        "price": "1",
        "total": "1",
    }
    bucket = {
        "_id": A,
        "account_id": 1,
        "transaction_count": 12,
        "bucket_start_date": entry["date"],
        "bucket_end_date": entry["date"],
        "transactions": [{**entry, "amount": place} for place in range(12)],
        "transactions.3.amount": "a field of this very name, which no column takes",
    }
    there = log.collection("transactions")
    source = log.source(log.end())
    there.insert_one(bucket)
    name = "transactions"
    # The array's places that change: those set, those that are new, those that are gone, those that move up.
    updates: list[tuple[object, list[int]]] = [
        ({"$set": {f"{name}.3.amount": 100, f"{name}.11.symbol": "y"}}, [3, 11]),
        ({"$push": {name: {**entry, "amount": 12}}}, [12]),
        ({"$pop": {name: 1}}, [12]),
        ({"$push": {name: {"$each": [], "$slice": 10}}}, [10, 11]),
        ({"$pull": {name: {"amount": 8}}}, [8, 9]),
        ({"$set": {f"{name}.0": {**entry, "amount": 7}, "account_id": 2}}, [0]),
        ({"$inc": {f"{name}.$[].amount": 1}}, list(range(9))),
        ({"$push": {name: {"$each": [{**entry, "amount": -1}], "$position": 0}}}, list(range(10))),
        ([{"$set": {name: {"$slice": [f"${name}", 2]}}}], list(range(2, 10))),
        ({"$set": {name: []}}, [0, 1]),
    ]
    for update, _ in updates:
        there.update_one({"_id": A}, update)  # type: ignore[arg-type]
    found = entries(log.read(source))[1:]
    assert [one.problem for one in found] == [None] * len(updates)
    told = [
        sorted(change.key[1] for change in one.changes if change.table == "analytics_transaction")  # type: ignore[type-var]
        for one in found
    ]
    assert told == [places for _, places in updates]


def test_other_collections_are_not_told(log: StreamLog) -> None:
    """Nor other databases; dropping or renaming them stops nothing."""
    source = log.source(log.end())
    log.admin["other"].insert_one({"a": 1})
    log.admin["other"].rename("another")
    log.admin["another"].drop()
    assert log.read(source) == []


def test_a_transaction_is_one(log: StreamLog) -> None:
    """In order; each write of a document is an entry of its own; neighbours stay apart."""
    source = log.source(log.end())
    accounts = log.collection()
    log.together(
        lambda session: accounts.insert_one(account(A), session=session),
        lambda session: accounts.insert_one(account(B), session=session),
        lambda session: accounts.update_one({"_id": A}, {"$set": {"limit": 1}}, session=session),
    )
    with log.database(Role.APP).client.start_session() as session:
        for key in (C, ObjectId("d" * 24)):
            with session.start_transaction():
                accounts.insert_one(account(key), session=session)
    accounts.delete_one({"_id": B})
    found = log.read(source)
    assert keys(found) == [[str(A), str(B), str(A)], [str(C)], ["d" * 24], [str(B)]]
    places = [entry.position for entry in found[0].entries]
    assert places == sorted(places, key=lambda place: place.order)
    assert found[0].first_user == places[0]
    assert found[0].position == places[-1]


def test_the_end_of_a_lone_transaction_is_not_waited_for(log: StreamLog) -> None:
    """Nothing follows it in the log: the reply that shows its event is the last one that is asked for."""
    source = log.source(log.end())
    shown: list[int] = []
    fetch = source._stream._fetch

    def fetched(milliseconds: int) -> None:
        fetch(milliseconds)
        shown.append(len(source._stream._raw))

    source._stream._fetch = fetched  # type: ignore[method-assign]  # seen, and done
    for _ in range(5):
        log.together(lambda session: log.collection().insert_one(account(ObjectId()), session=session))
        shown.clear()
        found = source.read(10)
        while found and not found.entries:
            found = source.read(10)
        assert found
        assert shown[-1] > 0


def test_a_transaction_larger_than_a_batch_is_one(log: StreamLog) -> None:
    """More events than are asked for at once, and events that fill a reply before."""
    source = log.source(log.end())
    many = [account(ObjectId()) for _ in range(2300)]
    large = [account(ObjectId(), products=["x" * 2_000_000]) for _ in range(12)]
    for batch in (many, large):
        log.together(lambda session, batch=batch: log.collection().insert_many(batch, session=session))  # type: ignore[misc]
    assert [len(one.entries) for one in log.read(source)] == [2300, 12]


def test_reading_goes_on_after_any_position(log: StreamLog) -> None:
    """From each position the rest comes, once each: transactions, plain writes, and an operation time alone."""
    start = log.end()
    source = log.source(start)
    accounts = log.collection()
    log.together(
        lambda session: accounts.insert_one(account(A), session=session),
        lambda session: accounts.insert_one(account(B), session=session),
    )
    accounts.insert_many([account(ObjectId()) for _ in range(3)])
    log.together(
        lambda session: accounts.delete_one({"_id": A}, session=session),
        lambda session: accounts.delete_one({"_id": B}, session=session),
    )
    whole = log.read(source)
    assert len(whole) == 5
    for done, position in enumerate([start, *(one.position for one in whole)]):
        assert isinstance(position, StreamPosition)
        for place in (position, StreamPosition(time=position.time, increment=position.increment)):
            rest = log.read(log.source(place))
            assert keys(rest)[: 5 - done] == keys(whole)[done:]


def test_a_source_can_be_started_again(log: StreamLog) -> None:
    """After an error, from an earlier position too."""
    start = log.end()
    source = log.source(start)
    log.collection().insert_one(account(A))
    assert keys(log.read(source)) == [[str(A)]]
    source.start(start, 0, FIRST)
    assert keys(log.read(source))[0] == [str(A)]


def test_a_quiet_stream_still_moves(log: StreamLog) -> None:
    """Writes elsewhere move its position, so that it never falls out of the log."""
    source = log.source(log.end())
    log.admin["other"].insert_one({"a": 1})
    end = log.end()
    until = time.monotonic() + 20
    transaction = None
    while transaction is None or not reached(transaction.position, end):
        assert time.monotonic() < until, "the position did not move"
        transaction = source.read(0.1)
    assert transaction.entries == ()
    log.collection().insert_one(account(A))
    assert isinstance(transaction.position, StreamPosition)
    assert keys(log.read(log.source(transaction.position))) == [[str(A)]]


def test_a_position_that_the_server_has_not_reached(log: StreamLog) -> None:
    """An older backup, or another server."""
    with pytest.raises(SourceBehind):
        log.source(StreamPosition(time=int(time.time()) + 3600, increment=1))


def test_a_cursor_that_the_server_has_forgotten(log: StreamLog) -> None:
    """As after a restart or on another primary: the source is to be started again, which loses nothing."""
    start = log.end()
    source = log.source(start)
    assert source.read(0) is None
    log.admin.command("killCursors", "$cmd.aggregate", cursors=[source._stream._cursor])
    log.collection().insert_one(account(A))
    with pytest.raises(MongoAway):
        source.read(5)
    source.start(start, 0, FIRST)
    assert keys(log.read(source)) == [[str(A)]]


def test_closing_ends_a_reading(log: StreamLog) -> None:
    """From another thread, within seconds, and with a named error."""
    source = log.source(log.end())
    ended: list[BaseException] = []

    def read() -> None:
        try:
            source.read(60)
        except MongoAway as error:
            ended.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    source.close()
    reader.join(10)
    assert len(ended) == 1
    source.close()


def test_dates_keep_their_milliseconds_and_nulls_their_absence(log: StreamLog) -> None:
    """Values are the same as a reader of the collection finds."""
    source = log.source(log.end())
    customer = {
        "_id": A,
        "username": "é😀",
        "name": "",
        "address": "a\nb",
        "birthdate": datetime(1901, 2, 3, 4, 5, 6, 789000),  # noqa: DTZ001 - naive, UTC
        "email": "e ",
        "accounts": [],
        "tier_and_details": {},
    }
    log.collection("customers").insert_one(customer)
    (change,) = changes(log.read(source))
    assert change.after == {
        "username": "é😀",
        "name": "",
        "address": "a\nb",
        "birthdate": customer["birthdate"],
        "email": "e ",
        "active": None,
    }


@pytest.mark.parametrize(
    "field",
    [
        {"limit": "secret"},
        {"limit": None},
        {"products": "secret"},
        {"products": [{"secret": 1}]},
        {"account_id": 2**40},
    ],
)
def test_a_document_that_rows_cannot_hold_is_held(log: StreamLog, field: dict[str, object]) -> None:
    """Its entry tells so, without its values; when it is mended that is told as well; others go on."""
    source = log.source(log.end())
    log.collection().insert_one(account(A, **field))
    log.collection().replace_one({"_id": A}, account(A))
    log.collection().insert_one(account(B))
    bad, mended, good = entries(log.read(source))
    for one in (bad, mended):
        assert one.problem is not None
        assert one.problem.kind is ConflictKind.UNMAPPABLE_DOCUMENT
        assert "secret" not in one.problem.reason
        assert one.document == DocumentId("accounts", str(A))
    assert good.problem is None


def test_bytes_that_are_no_text_are_held(log: StreamLog) -> None:
    """Some drivers store strings that are not UTF-8; one such document stops nothing."""
    source = log.source(log.end())
    raw = bson.encode(account(A, products=["XX"])).replace(b"XX\0", b"\xff\xfe\0")
    log.collection().insert_one(RawBSONDocument(raw))
    log.collection().insert_one(account(B))
    bad, good = entries(log.read(source))
    assert bad.problem is not None
    assert bad.problem.kind is ConflictKind.UNMAPPABLE_DOCUMENT
    assert good.problem is None


def test_a_foreign_id_is_held_under_a_key_of_its_own(log: StreamLog) -> None:
    """An `_id` of another type than the mapping's."""
    source = log.source(log.end())
    log.collection().insert_one(account(A) | {"_id": 5})
    log.collection().delete_one({"_id": 5})
    made, gone = entries(log.read(source))
    assert made.document == gone.document == DocumentId("accounts", '?{"$numberInt": "5"}')
    assert made.problem is not None
    assert made.problem.kind is ConflictKind.UNMAPPABLE_DOCUMENT
