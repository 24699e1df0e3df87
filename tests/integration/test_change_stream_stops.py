"""Where the change stream must stop or hold: tags and forgeries, lost images, changed collections, oversize events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from bson import Int64, ObjectId
from pymongo import MongoClient

from deploy.local.mongo_server import Document
from deploy.local.users import Role
from sync.errors import CheckpointWrittenByOther, SchemaChanged, SourceBehind
from sync.model.change import CollectionState, ConflictKind, DocumentId, DocumentRows
from sync.model.lens import empty_rows, shred
from sync.model.position import Checkpoint, Known, Mark, StreamPosition
from sync.mongo.changes import ChangeStreamSource
from sync.mongo.target import MongoTarget
from sync.ports import DocumentWrite
from tests.servers import Servers
from tests.stream_log import A, B, StreamLog, account, entries


@pytest.fixture(params=[False, True], ids=["all", "spared"])
def log(servers: Servers, request: pytest.FixtureRequest) -> Iterator[StreamLog]:
    """Once with all that the follower writes in the stream, once without."""
    with StreamLog(servers) as made:
        made.setup()
        made.spared = bool(request.param)
        yield made


def carry(log: StreamLog, target: MongoTarget, checkpoint: Checkpoint, *keys: ObjectId) -> Checkpoint:
    """The follower carries new documents over; its checkpoint afterwards."""
    collection = log.mapping.collections["accounts"]
    after = checkpoint.next(position=StreamPosition(time=checkpoint.seq, increment=1), mark=checkpoint.mark)
    transaction = target.begin(after)
    documents = [DocumentId("accounts", str(key)) for key in keys]
    found = transaction.read({one: frozenset(table.name for table in collection.tables) for one in documents})
    assert all(one.rows == empty_rows(collection) for one in found.values())
    transaction.write(
        [
            DocumentWrite(document=one, before=found[one].rows, after=shred(collection, account(key)))
            for one, key in zip(documents, keys, strict=True)
        ]
    )
    transaction.commit()
    return after


# The tag.


def test_what_the_follower_writes_is_dropped(log: StreamLog) -> None:
    """Its transactions only move the position and what is known; users' changes between them are told."""
    source = log.source(log.end())
    target = log.target()
    first, _ = target.take_lease()
    second = carry(log, target, first, ObjectId(), ObjectId())
    log.collection().insert_one(account(A))
    third = carry(log, target, second)
    found = log.read(source)
    assert [(one.known.seq, len(one.entries), one.first_user is None) for one in found] == [
        (first.seq, 0, True),
        (second.seq, 0, True),
        (second.seq, 1, False),
        (third.seq, 0, True),
    ]
    assert {one.known.lease for one in found} == {first.lease}


def test_a_spared_source_is_sent_no_echoes(log: StreamLog) -> None:
    """Of a follower's transaction comes its checkpoint alone, the marks and leases with it; of users all comes: plain writes
    and transactions, before, between and after, of the same documents too."""
    source, bare = log.source(log.end(), spared=True), log.source(log.end(), spared=False)
    target, accounts = log.target(), log.collection()
    first, _ = target.take_lease()
    many = [ObjectId() for _ in range(20)]
    marked = carry(log, target, replace(first, mark=Mark(look=5)), A, *many)
    accounts.update_one({"_id": A}, {"$set": {"limit": 11}})
    log.together(
        lambda session: accounts.update_one({"_id": A}, {"$set": {"limit": 12}}, session=session),
        lambda session: accounts.insert_one(account(B), session=session),
    )
    last = carry(log, target, replace(marked, mark=None), ObjectId())
    accounts.delete_one({"_id": A})
    found, whole = log.read(source), log.read(bare)
    for one in (found, whole):
        assert [[entry.document.key for entry in each.entries] for each in one] == [
            [],
            [],
            [str(A)],
            [str(A), str(B)],
            [],
            [str(A)],
        ]
        assert [each.mark for each in one] == [None, Mark(look=5), None, None, None, None]
        assert one[-1].known == Known(seq=last.seq, lease=first.lease)
    assert [one.position for one in found] == [one.position for one in whole]
    assert whole[1].size > found[1].size + 20 * 100


def test_a_position_behind_an_echo_is_behind_all_of_it(log: StreamLog) -> None:
    """Where the listener is spared it no longer (another configuration), the rest of that transaction is none of users."""
    source = log.source(log.end(), spared=True)
    target = log.target()
    checkpoint, _ = target.take_lease()
    carry(log, target, checkpoint, A, B)
    log.collection().insert_one(account(ObjectId("c" * 24)))
    _, echo, user = log.read(source)
    assert isinstance(echo.position, StreamPosition)
    (rest,) = log.read(log.source(echo.position, known=echo.known, spared=False))
    assert (rest.position, rest.known) == (user.position, user.known)


def test_another_accounts_writes_are_never_spared(log: StreamLog) -> None:
    """Not even those of an account of the same name in another database."""
    user = log.settings(Role.FOLLOWER).user
    other: Any = log.admin.client[f"{log.name}_other"]
    other.command("createUser", user, pwd="x", roles=[{"role": "readWrite", "db": log.name}])
    try:
        source = log.source(log.end(), spared=True)
        url = f"mongodb://{user}:x@127.0.0.1:{log.server.port}/{other.name}?replicaSet=rs0"

        with MongoClient[Document](url) as client, client.start_session() as session, session.start_transaction():
            client[log.name]["accounts"].insert_one(account(A), session=session)
        assert [entry.document.key for entry in entries(log.read(source))] == [str(A)]
    finally:
        other.command("dropUser", user)


def test_a_mark_stands_in_one_checkpoint(log: StreamLog) -> None:
    """With the conflict rows whose outcome stands in MongoDB from there on; the next checkpoint has none."""
    source = log.source(log.end())
    target = log.target()
    checkpoint, _ = target.take_lease()
    marks = (Mark(look=11), None, Mark(look=11, written=(4, 5)), Mark(look=12))
    for mark in marks:
        checkpoint = carry(log, target, replace(checkpoint, mark=mark), ObjectId())
    assert [one.mark for one in log.read(source)][1:] == list(marks)


def test_a_successor_and_a_release_are_followed(log: StreamLog) -> None:
    """A lease is taken by a write of one form, released by one like any other."""
    source = log.source(log.end())
    old = log.target()
    first, _ = old.take_lease()
    new = log.target()
    second, _ = new.take_lease(force=True)
    third = carry(log, new, second, A)
    new.release_lease(third.next())
    found = log.read(source)
    assert [one.known for one in found] == [
        Known(seq=1, lease=first.lease),
        Known(seq=2, lease=second.lease),
        Known(seq=3, lease=second.lease),
        Known(seq=4, lease=second.lease),
    ]
    assert entries(found) == []


def test_reading_goes_on_within_the_followers_transactions(log: StreamLog) -> None:
    """From any position, with what was known there."""
    start = log.end()
    source = log.source(start)
    target = log.target()
    checkpoint, _ = target.take_lease()
    for _ in range(3):
        checkpoint = carry(log, target, checkpoint, ObjectId())
        log.collection().insert_one(account(ObjectId()))
    whole = log.read(source)
    assert len(whole) == 7
    for done, one in enumerate(whole):
        assert isinstance(one.position, StreamPosition)
        rest = log.read(log.source(one.position, known=one.known))
        assert [two.known for two in rest] == [two.known for two in whole[done + 1 :]]


Forgery = Callable[[StreamLog], object]


def _checkpoints(log: StreamLog) -> Any:
    return log.admin["sync_checkpoint"]


def _late(log: StreamLog) -> None:
    """A right write, but not in the first place of its transaction."""
    with log.admin.client.start_session() as session, session.start_transaction():
        log.admin["accounts"].insert_one(account(A), session=session)
        _checkpoints(log).update_one({}, {"$inc": {"seq": 1}}, session=session)


def _lease_with_documents(log: StreamLog) -> None:
    with log.admin.client.start_session() as session, session.start_transaction():
        _checkpoints(log).update_one({}, {"$inc": {"seq": 1}, "$set": {"lease": "x"}}, session=session)
        log.admin["accounts"].insert_one(account(A), session=session)


def _twice(log: StreamLog) -> None:
    with log.admin.client.start_session() as session, session.start_transaction():
        _checkpoints(log).update_one({}, {"$inc": {"seq": 1}}, session=session)
        _checkpoints(log).update_one({}, {"$inc": {"seq": 1}}, session=session)


FORGERIES: dict[str, Forgery] = {
    "seq stays": lambda log: _checkpoints(log).update_one({}, {"$set": {"rows_done": 5}}),
    "seq leaps": lambda log: _checkpoints(log).update_one({}, {"$inc": {"seq": 2}}),
    "seq falls": lambda log: _checkpoints(log).update_one({}, {"$inc": {"seq": -1}}),
    "lease alone": lambda log: _checkpoints(log).update_one({}, {"$set": {"lease": "x"}}),
    "replaced": lambda log: _checkpoints(log).replace_one({}, {"seq": Int64(1)}),
    "deleted": lambda log: _checkpoints(log).delete_one({}),
    "another": lambda log: _checkpoints(log).insert_one({"_id": "other", "seq": 1}),
    "late": _late,
    "lease with documents": _lease_with_documents,
    "twice": _twice,
}


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=list(FORGERIES))
def test_a_checkpoint_that_somebody_else_wrote(log: StreamLog, forgery: Forgery) -> None:
    """The origin of changes can no longer be told: a named stop, after all that came before."""
    source = log.source(log.end())
    log.collection().insert_one(account(B))
    forgery(log)
    before, _ = log.stops(source, CheckpointWrittenByOther)
    assert [entry.document.key for entry in entries(before)] == [str(B)]


def test_a_transaction_that_was_not_the_followers_next(log: StreamLog) -> None:
    """What was known must be followed on: a lost checkpoint write is no tag."""
    start = log.end()
    target = log.target()
    checkpoint, _ = target.take_lease()
    carry(log, target, checkpoint, A)
    log.stops(log.source(start, known=Known(seq=1, lease="x")), CheckpointWrittenByOther)


# Images.


def images(log: StreamLog, enabled: bool, name: str = "accounts") -> None:
    log.admin.command("collMod", name, changeStreamPreAndPostImages={"enabled": enabled})


def test_an_event_without_images_is_held(log: StreamLog) -> None:
    """Images were off for a while and are on again: the documents of that while are held, others go on."""
    source = log.source(log.end())
    log.collection().insert_many([account(A), account(B)])
    images(log, False)
    log.collection().update_one({"_id": A}, {"$set": {"limit": 1}})
    images(log, True)
    log.collection().update_one({"_id": B}, {"$set": {"limit": 1}})
    _, _, blind, seen = entries(log.read(source))
    assert blind.document.key == str(A)
    assert blind.problem is not None
    assert blind.problem.kind is ConflictKind.MISSING_IMAGE
    assert (seen.problem, len(seen.changes)) == (None, 1)


def test_images_switched_off_are_told_of(log: StreamLog) -> None:
    """With the event that lacks them; its document is held, and the worker looks at the collection."""
    source = log.source(log.end())
    log.collection().insert_one(account(A))
    images(log, False)
    log.collection().update_one({"_id": A}, {"$set": {"limit": 1}})
    seen, blind = log.read(source)
    assert (seen.structure, len(seen.entries)) == ((), 1)
    assert blind.entries[0].problem is not None
    assert [(one.collection, one.state) for one in blind.structure] == [("accounts", CollectionState.CARRIED)]


# Collections.

STRUCTURE: dict[str, Callable[[StreamLog], object]] = {
    "drop": lambda log: log.admin["accounts"].drop(),
    "rename": lambda log: log.admin["accounts"].rename("elsewhere"),
    "rename onto": lambda log: (
        log.admin["elsewhere"].insert_one({"a": 1}),
        log.admin["elsewhere"].rename("accounts", dropTarget=True),
    ),
}
GONE: dict[str, Callable[[StreamLog], object]] = {
    "database": lambda log: log.admin.client.drop_database(log.name),
    "checkpoint": lambda log: log.admin["sync_checkpoint"].drop(),
}


@pytest.mark.parametrize("change", STRUCTURE.values(), ids=list(STRUCTURE))
def test_a_mapped_collection_that_was_dropped_or_renamed(log: StreamLog, change: Callable[[StreamLog], object]) -> None:
    """It is to be paused, after all that users wrote before; the stream goes on."""
    source = log.source(log.end())
    log.together(lambda session: log.collection().insert_one(account(A), session=session))
    change(log)
    found = [source.read(20), source.read(20)]
    assert [entry.document.key for one in found if one for entry in one.entries] == [str(A)]
    told = [(one.collection, one.state, one.whole) for of in found if of for one in of.structure]
    assert told == [("accounts", CollectionState.PAUSED, True)]


@pytest.mark.parametrize("change", GONE.values(), ids=list(GONE))
def test_without_a_checkpoint_nothing_goes_on(log: StreamLog, change: Callable[[StreamLog], object]) -> None:
    """A named stop, after all that users wrote before."""
    source = log.source(log.end())
    log.together(lambda session: log.collection().insert_one(account(A), session=session))
    change(log)
    before, _ = log.stops(source, SchemaChanged)
    assert [entry.document.key for entry in entries(before)][:1] == [str(A)]


def test_a_restored_server_is_told(log: StreamLog) -> None:
    """By the follower's checkpoint, and by the event that was applied last."""
    start = log.end()
    with pytest.raises(SourceBehind, match="checkpoint"):
        log.source(start, known=Known(seq=9, lease="L"))
    source = log.source(start)
    log.collection().insert_one(account(A))
    (one,) = log.read(source)
    assert isinstance(one.position, StreamPosition)
    log.source(one.position)  # what is there is found
    token = one.position.token
    earlier = f"{token[:10]}{int(token[10:18], 16) - 1:08X}{token[18:]}"  # of no event, with one behind it
    with pytest.raises(SourceBehind, match="event"):
        log.source(one.position._replace(increment=one.position.increment - 1, token=earlier))


# Parts.


def parts(log: StreamLog, source: ChangeStreamSource) -> list[tuple[int, int]]:
    """Of each transaction or part: entries, and rows done."""
    return [(len(one.entries), one.rows_done) for one in log.read(source)]


def in_one(log: StreamLog, count: int, *, size: int = 1) -> None:
    documents = [account(ObjectId(), products=["x" * size]) for _ in range(count)]
    log.together(lambda session: log.collection().insert_many(documents, session=session))


@pytest.mark.parametrize(
    ("count", "expected"),
    [(2, [(2, 0)]), (3, [(3, 3), (0, 0)]), (6, [(3, 3), (3, 6), (0, 0)]), (7, [(3, 3), (3, 6), (1, 0)])],
)
def test_an_oversize_transaction_comes_in_parts(log: StreamLog, count: int, expected: list[tuple[int, int]]) -> None:
    """Each but the last resumes before the transaction and tells how many of its events are done."""
    start = log.end()
    in_one(log, count)
    source = log.source(start, part_events=3)
    found = log.read(source)
    assert [(len(one.entries), one.rows_done) for one in found] == expected
    assert [one.position == start for one in found] == [one.rows_done > 0 for one in found]
    assert len({one.first_user for one in found}) == 1
    documents = [entry.document for entry in entries(found)]
    for done, one in enumerate(found):
        assert isinstance(one.position, StreamPosition)
        again = log.source(one.position, rows_done=one.rows_done, part_events=3)
        rest = entries(log.read(again))
        assert [entry.document for entry in rest] == documents[sum(len(two.entries) for two in found[: done + 1]) :]


def test_parts_are_bounded_in_bytes_too(log: StreamLog) -> None:
    """Memory stays bounded whatever the documents weigh."""
    start = log.end()
    in_one(log, 5, size=1_000_000)
    in_one(log, 2)
    assert parts(log, log.source(start, part_bytes=2_000_000)) == [(2, 2), (2, 4), (1, 0), (2, 0)]


def test_events_done_are_left_out_of_one_transaction_only(log: StreamLog) -> None:
    """The next one is read whole, and limits of parts may have changed meanwhile."""
    start = log.end()
    in_one(log, 5)
    in_one(log, 2)
    assert parts(log, log.source(start, rows_done=4)) == [(1, 0), (2, 0)]
    assert parts(log, log.source(start, rows_done=5)) == [(0, 0), (2, 0)]


def test_an_oversize_transaction_of_the_follower(log: StreamLog) -> None:
    """It keeps its tag through all parts, and again when one starts in the middle."""
    start = log.end()
    target = log.target()
    checkpoint, _ = target.take_lease()
    carry(log, target, checkpoint, *(ObjectId() for _ in range(7)))
    for done in (0, 3):
        source = log.source(start, part_events=3)
        (lease, *found) = log.read(source)
        assert entries(found) == []
        assert {one.known.seq for one in found[:-1]} <= {lease.known.seq}
        assert found[-1].known == Known(seq=2, lease=checkpoint.lease)
        assert isinstance(lease.position, StreamPosition)
        again = log.source(lease.position, rows_done=done, known=lease.known, part_events=3)
        assert log.read(again)[-1].known == found[-1].known


# Large events.


def test_an_event_that_fits_no_reply_is_carried(log: StreamLog) -> None:
    """Both images together are over 16 MB: they are read apart, and all other events come once, before and after."""
    start = log.end()
    source = log.source(start)
    large = "x" * 9_000_000
    log.collection().insert_one(account(A, products=[large]))
    log.collection().insert_one(account(B))
    for limit in (1, 2):
        log.collection().update_one({"_id": A}, {"$set": {"limit": limit}})
        log.collection().update_one({"_id": B}, {"$set": {"limit": limit}})
    for one in (source, log.source(start)):
        found = entries(log.read(one))
        assert [entry.document.key for entry in found] == [str(A), str(B)] * 3
        assert [entry.problem for entry in found] == [None] * 6
        edits = [
            [(one.table, one.before and one.before["limit"], one.after and one.after["limit"]) for one in entry.changes]
            for entry in found[2:]
        ]
        root = "analytics_account"
        assert edits == [[(root, 10, 1)], [(root, 10, 1)], [(root, 1, 2)], [(root, 1, 2)]]


def test_all_of_a_large_document_changes(log: StreamLog) -> None:
    """Each image and what the server tells of the update come near to 16 MB."""
    log.collection().insert_one(account(A, products=["x" * 16_000_000]))
    source = log.source(log.end())
    log.collection().update_one({"_id": A}, {"$set": {"products": ["y" * 16_000_000]}})
    log.collection().replace_one({"_id": A}, account(A, products=["z" * 16_000_000]))
    log.collection().delete_one({"_id": A})
    found = entries(log.read(source))
    assert [entry.problem for entry in found] == [None] * 3
    shown = [
        [
            [row and str(row["product"])[0] for row in (one.before, one.after)]
            for one in entry.changes
            if one.table == "analytics_accountproduct"
        ]
        for entry in found
    ]
    assert shown == [[["x", "y"]], [["y", "z"]], [["z", None]]]


def test_an_event_that_fits_no_reply_within_a_transaction(log: StreamLog) -> None:
    """The transaction stays one, with its tag where it has one; reading goes on after it."""
    start = log.end()
    log.collection().insert_one(account(A, products=["x" * 9_000_000]))
    key = ObjectId()
    log.together(
        lambda session: log.collection().insert_one(account(B), session=session),
        lambda session: log.collection().update_one({"_id": A}, {"$set": {"limit": 1}}, session=session),
        lambda session: log.collection().insert_one(account(key), session=session),
    )
    _, transaction = log.read(log.source(start))
    assert [entry.document.key for entry in transaction.entries] == [str(B), str(A), str(key)]
    assert isinstance(transaction.position, StreamPosition)
    log.collection().delete_one({"_id": B})
    (rest,) = log.read(log.source(transaction.position))
    assert [entry.document.key for entry in rest.entries] == [str(B)]


def test_a_checkpoint_keeps_its_tag_beside_large_events(log: StreamLog) -> None:
    """The follower's own write of a large document is dropped like any other."""
    target = log.target()
    checkpoint, _ = target.take_lease()
    log.collection().insert_one(account(A, products=["x" * 9_000_000]))
    start, known = log.end(), Known(seq=checkpoint.seq, lease=checkpoint.lease)
    after = checkpoint.next()
    transaction = target.begin(after)
    document, names = DocumentId("accounts", str(A)), frozenset({"analytics_account"})
    current = transaction.read({document: names})[document]
    changed: DocumentRows = {"analytics_account": {(str(A),): {"account_id": 1, "limit": 5}}}
    transaction.write([DocumentWrite(document=document, before=current.rows, after=changed)])
    transaction.commit()
    (found,) = log.read(log.source(start, known=known))
    assert (found.entries, found.known.seq) == ((), after.seq)


@pytest.mark.parametrize("sizes", [(9_000_000, 9_000_000), (200_000, 16_700_000)])
def test_a_reply_ends_within_a_transaction(log: StreamLog, sizes: tuple[int, int]) -> None:
    """The next event does not fit into it. What the follower wrote stays its own, and nothing of a user's is left out."""
    target = log.target()
    checkpoint, _ = target.take_lease()
    start, known = log.end(), Known(seq=checkpoint.seq, lease=checkpoint.lease)
    after = checkpoint.next()
    transaction = target.begin(after)
    names = ["analytics_account", "analytics_accountproduct"]
    for key, size in zip((A, B), sizes, strict=True):
        document = DocumentId("accounts", str(key))
        current = transaction.read({document: frozenset(names)})[document]
        rows: DocumentRows = {
            "analytics_account": {(str(key),): {"account_id": 1, "limit": 5}},
            "analytics_accountproduct": {(str(key), 0): {"product": "x" * size}},
        }
        transaction.write([DocumentWrite(document=document, before=current.rows, after=rows)])
    transaction.commit()
    users = [ObjectId(), ObjectId()]
    log.together(
        *(
            lambda session, key=key, size=size: log.collection().insert_one(
                account(key, products=["y" * size]), session=session
            )
            for key, size in zip(users, sizes, strict=True)
        )
    )
    found = log.read(log.source(start, known=known))
    assert [entry.document.key for one in found for entry in one.entries] == [str(key) for key in users]
    assert {one.known.seq for one in found} == {after.seq}


def test_many_transactions_beside_each_other(log: StreamLog) -> None:
    """Written at the same time by several sessions, each comes whole and once."""
    start = log.end()
    wanted = []
    for _ in range(20):
        with (
            log.database(Role.APP).client.start_session() as one,
            log.database(Role.APP).client.start_session() as two,
        ):
            pairs = [(session, [ObjectId() for _ in range(3)]) for session in (one, two)]
            for session, _ in pairs:
                session.start_transaction()
            for number in range(3):
                for session, keys in pairs:
                    log.collection().insert_one(account(keys[number]), session=session)
            for session, keys in pairs:
                session.commit_transaction()
                wanted.append([str(key) for key in keys])
    found = log.read(log.source(start))
    assert [[entry.document.key for entry in one.entries] for one in found] == wanted
