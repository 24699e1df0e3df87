"""The follower's transactions on a real MongoDB: exactly once, fenced, and least updates that leave the rest alone."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import pytest
from bson import Int64, ObjectId
from pymongo.change_stream import ChangeStream

from deploy.local.mongo_server import Document
from deploy.local.users import Role
from sync.conflict_ports import Opening
from sync.errors import ConfigError, Contention, Fenced, LeaseHeld, Refused
from sync.model.change import ConflictKind, DocumentId, DocumentRows, Hold
from sync.model.lens import empty_rows, shred
from sync.model.position import Checkpoint, StreamPosition, reached
from sync.mongo.target import MongoTarget
from sync.ports import Current, DocumentWrite, TargetTransaction
from tests.servers import Servers
from tests.stream_log import A, B, ConflictRows, StreamLog, account

CUSTOMER: dict[str, Any] = {
    "_id": A,
    "username": "u",
    "name": "n",
    "address": "s",
    "birthdate": datetime(1970, 1, 2),  # noqa: DTZ001 - as decoded: naive, UTC
    "email": "e",
    "accounts": [3, 1],
    "tier_and_details": {"t1": {"tier": "Gold", "id": "t1", "active": True, "benefits": ["b", "a"]}},
}


@pytest.fixture
def log(servers: Servers) -> Iterator[StreamLog]:
    with StreamLog(servers) as made:
        made.setup()
        yield made


def rows(log: StreamLog, document: Mapping[str, object], name: str = "accounts") -> DocumentRows:
    return shred(log.mapping.collections[name], document)


def nothing(log: StreamLog, name: str = "accounts") -> DocumentRows:
    return empty_rows(log.mapping.collections[name])


def of(key: ObjectId, name: str = "accounts") -> DocumentId:
    return DocumentId(name, str(key))


def needs(log: StreamLog, *documents: DocumentId) -> dict[DocumentId, frozenset[str]]:
    return {one: frozenset(table.name for table in log.mapping.collections[one.collection].tables) for one in documents}


def put(
    log: StreamLog, transaction: TargetTransaction, key: ObjectId, after: Mapping[str, object], name: str = "accounts"
) -> None:
    """Read a document and write it as `after` shows it."""
    current = transaction.read(needs(log, of(key, name)))[of(key, name)]
    write = DocumentWrite(document=of(key, name), before=current.rows, after=rows(log, after, name))
    transaction.write([write])


def leased(log: StreamLog, conflicts: ConflictRows | None = None) -> tuple[MongoTarget, Checkpoint]:
    target = log.target(conflicts)
    return target, target.take_lease()[0]


def stored(log: StreamLog, name: str = "accounts", key: object = A) -> Mapping[str, object] | None:
    return log.admin[name].find_one({"_id": key})


def test_effects_and_position_commit_together(log: StreamLog) -> None:
    """A transaction that was rolled back leaves neither; one that was committed leaves both."""
    target, first = leased(log)
    position = StreamPosition(time=7, increment=1)
    transaction = target.begin(first.next(position=position))
    put(log, transaction, A, account(A))
    transaction.rollback()
    assert (stored(log), target.checkpoint()) == (None, first)
    transaction = target.begin(first.next(position=position))
    put(log, transaction, A, account(A))
    transaction.commit()
    assert (stored(log), target.checkpoint()) == (account(A), first.next(position=position))


def test_the_same_checkpoint_counts_once(log: StreamLog) -> None:
    """Whoever did not learn that its commit counted cannot apply the batch again."""
    target, first = leased(log)
    target.begin(first.next()).commit()
    with pytest.raises(Fenced):
        target.begin(first.next())
    target.begin(first.next().next()).commit()


def test_a_second_copy_is_kept_out_and_the_first_is_fenced(log: StreamLog) -> None:
    """A lease that runs keeps newcomers away, naming the holder; one taken by force ends the other's writing."""
    old, first = leased(log)
    new = log.target()
    with pytest.raises(LeaseHeld, match=f"process {os.getpid()} on {socket.gethostname()}"):
        new.take_lease()
    after, _ = new.take_lease(force=True)
    assert (after.seq, after.lease != first.lease) == (first.seq + 1, True)
    with pytest.raises(Fenced):
        old.begin(first.next())
    new.begin(after.next()).commit()


def test_a_successor_learns_where_its_predecessor_wrote_last(log: StreamLog) -> None:
    """Not where the lease was taken: what people wrote between the two had seen everything. Effects count, and heartbeats."""
    target, first = leased(log)
    transaction = target.begin(first.next())
    put(log, transaction, A, account(A))
    place = transaction.commit()
    log.admin["accounts"].insert_one(account(B))
    assert log.target().take_lease(force=True)[1] == place
    (_, floor), end = log.target().take_lease(force=True), log.end()
    assert place is not None
    assert floor is not None
    assert reached(floor, place)
    assert not reached(floor, end)


def test_where_the_log_does_not_tell_the_lease_is_the_place(log: StreamLog) -> None:
    """The predecessor's last write is no longer in it: nothing lies behind the new lease."""
    leased(log)
    log.admin["sync_checkpoint"].update_one({}, [{"$set": {"seq": {"$add": ["$seq", 1]}, "renewed_at": "$$NOW"}}])
    log.admin["sync_checkpoint"].delete_one({})  # a new document: no update event tells of its number
    log.setup()
    before = log.end()
    _, floor = log.target().take_lease(force=True)
    assert floor is not None
    assert reached(floor, before)


def test_a_lease_ends_by_the_servers_clock(log: StreamLog) -> None:
    """After six seconds without a write anybody may take it."""
    _, _ = leased(log)
    held = stored(log, "sync_checkpoint", "follower")
    assert held is not None
    assert (held["lease_until"] - held["renewed_at"]).total_seconds() == 6  # type: ignore[operator]
    log.admin["sync_checkpoint"].update_one({}, [{"$set": {"lease_until": "$$NOW"}}])
    log.target().take_lease()


def test_a_released_lease_is_free_at_once(log: StreamLog) -> None:
    """A released lease is a checkpoint write like any other."""
    target, first = leased(log)
    target.release_lease(first.next())
    after, _ = log.target().take_lease()
    assert after.seq == first.seq + 2


def test_a_lost_lease_is_not_released(log: StreamLog) -> None:
    """A worker that was fenced leaves its successor's lease alone."""
    target, first = leased(log)
    successor = log.target()
    after, _ = successor.take_lease(force=True)
    target.release_lease(first.next())
    successor.begin(after.next()).commit()


HOLDER = """
import sys
from sync.mongo.server import MongoSettings
from sync.mongo.target import MongoTarget
from tests.stream_log import ConflictRows, mapping
target = MongoTarget(MongoSettings.from_url(sys.stdin.readline().strip()), mapping(), ConflictRows())
checkpoint, _ = target.take_lease()
target.begin(checkpoint.next())
print("holds", flush=True)
sys.stdin.read()
"""


def test_a_killed_holder_is_succeeded_at_once(log: StreamLog) -> None:
    """Its open transaction would keep the checkpoint locked for a minute: the successor ends its session first."""
    dead = subprocess.Popen([sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with dead:
        assert dead.stdin is not None
        assert dead.stdout is not None
        dead.stdin.write(log.settings(Role.FOLLOWER).url + "\n")
        dead.stdin.flush()
        assert dead.stdout.readline() == "holds\n"
        with pytest.raises(LeaseHeld):
            log.target().take_lease()
        dead.kill()
    began = time.monotonic()
    target, checkpoint = leased(log)
    target.begin(checkpoint.next()).commit()
    assert time.monotonic() - began < 5


def test_two_who_take_the_lease_at_once(log: StreamLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second finds that the checkpoint has moved since it looked."""
    slow, quick = log.target(), log.target()

    def meanwhile(holder: Mapping[str, object]) -> None:
        monkeypatch.undo()
        quick.take_lease()

    monkeypatch.setattr(slow, "_end_dead", meanwhile)
    with pytest.raises(LeaseHeld):
        slow.take_lease()


def test_without_a_checkpoint_setup_is_named(log: StreamLog) -> None:
    """The hint is the command that helps."""
    log.admin["sync_checkpoint"].delete_many({})
    with pytest.raises(ConfigError) as refused:
        log.target().checkpoint()
    assert refused.value.hint == "lockstep setup"


def test_a_place_is_that_of_the_write_in_the_log(log: StreamLog) -> None:
    """Events of this transaction stand exactly there, whatever others write meanwhile."""
    target, checkpoint = leased(log)
    with log.admin.watch() as stream:
        checkpoint = checkpoint.next()
        transaction = target.begin(checkpoint)
        put(log, transaction, A, account(A))
        log.collection().insert_one(account(B))
        place = transaction.commit()
        log.collection().delete_one({"_id": B})
        times = {(one["clusterTime"].time, one["clusterTime"].inc) for one in stream_until(stream) if "lsid" in one}
    assert isinstance(place, StreamPosition)
    assert times == {(place.time, place.increment)}


def test_a_range_is_filled_in_bulk(log: StreamLog) -> None:
    """Only where nothing stands from the first to the last document; what stands beside them does no harm."""
    target, checkpoint = leased(log)
    first, last = ObjectId("0" * 23 + "2"), ObjectId("f" * 24)
    log.collection().insert_one({"_id": ObjectId("0" * 23 + "1")})
    log.collection().insert_one({"_id": "a text"})
    new = {of(key): rows(log, account(key)) for key in (first, A, last)}
    transaction = target.begin(checkpoint := checkpoint.next())
    assert transaction.fill("accounts", new)
    transaction.commit()
    assert [stored(log, key=key) for key in (first, A, last)] == [account(key) for key in (first, A, last)]
    log.admin["accounts"].delete_many({"_id": {"$in": [first, last]}})
    transaction = target.begin(checkpoint.next())
    assert not transaction.fill("accounts", {of(key): rows(log, account(key)) for key in (first, last)})
    transaction.commit()
    assert [stored(log, key=key) for key in (first, A, last)] == [None, account(A), None]


def test_a_key_that_no_id_can_be_keeps_a_range_from_being_filled(log: StreamLog) -> None:
    """Its document must be held, which is not told here."""
    target, checkpoint = leased(log)
    row = rows(log, account(A))
    odd = DocumentId("accounts", "?zz")
    moved = {table: {("?zz", *key[1:]): one for key, one in of_table.items()} for table, of_table in row.items()}
    transaction = target.begin(checkpoint.next())
    assert not transaction.fill("accounts", {of(A): row, odd: moved})
    transaction.commit()
    assert stored(log) is None


def stream_until(stream: ChangeStream[Document]) -> Iterator[dict[str, Any]]:
    """Events up to the first delete."""
    for event in stream:
        yield event
        if event["operationType"] == "delete":
            return


def test_what_others_write_meanwhile_is_contention(log: StreamLog) -> None:
    """A document that changed after the snapshot, or a key that appeared after it: roll back and read again."""
    log.collection().insert_one(account(A))
    target, checkpoint = leased(log)
    changed = target.begin(checkpoint.next())
    current = changed.read(needs(log, of(A)))[of(A)]
    log.collection().update_one({"_id": A}, {"$set": {"limit": 11}})
    after = rows(log, account(A, limit=12))
    with pytest.raises(Contention):
        changed.write([DocumentWrite(document=of(A), before=current.rows, after=after)])
    changed.rollback()
    appeared = target.begin(checkpoint.next())
    appeared.read(needs(log, of(B)))
    log.collection().insert_one(account(B, limit=11))
    with pytest.raises(Contention):
        appeared.write([DocumentWrite(document=of(B), before=nothing(log), after=rows(log, account(B)))])
    appeared.rollback()
    target.begin(checkpoint.next()).commit()


def test_constraints_refuse_and_name_their_kind(log: StreamLog) -> None:
    """A unique index, a validator, the size of a document: the transaction is gone, the worker can go on."""
    log.admin["accounts"].create_index("account_id", unique=True)
    log.admin.command("collMod", "accounts", validator={"limit": {"$lt": 100}})
    log.collection().insert_one(account(A))
    target, checkpoint = leased(log)
    too_large = account(B, account_id=2, products=["x" * (1 << 20)] * 17)
    for document, kind in (
        (account(B), "unique_violation"),
        (account(B, account_id=2, limit=100), "constraint_violation"),
        (too_large, "unmappable_document"),
    ):
        write = DocumentWrite(document=of(B), before=nothing(log), after=rows(log, document))
        transaction = target.begin(checkpoint.next())
        transaction.read(needs(log, of(B)))
        with pytest.raises(Refused) as refused:
            transaction.write([write])
        transaction.rollback()
        transaction = target.begin(checkpoint.next())
        transaction.read(needs(log, of(B)))
        apart = transaction.write_apart([write])
        transaction.rollback()
        assert (refused.value.kind, str(apart.holds[of(B)].kind)) == (kind, kind)
        assert apart.spoiled is (kind != "unique_violation")
    checkpoint = checkpoint.next()
    transaction = target.begin(checkpoint)
    put(log, transaction, B, account(B, account_id=2))
    transaction.commit()
    assert stored(log, key=B) == account(B, account_id=2)


def test_conflict_rows_commit_first(log: StreamLog) -> None:
    """A crash between the two commits leaves a document held, never one that is lost."""
    conflicts = ConflictRows()
    target, first = leased(log, conflicts)
    conflicts.done.clear()  # taking the lease has opened the connection
    transaction = target.begin(first.next())
    hold = Hold(kind=ConflictKind.UPDATE_DIFFERS, reason="r")
    transaction.conflicts.open([Opening(document=of(A), hold=hold, entries=(), target=None)], target.side)
    seen: list[int] = []
    conflicts.at_commit = lambda: seen.append(log.target().checkpoint().seq)
    transaction.commit()
    assert (conflicts.done, seen) == (["begin", "open", "commit"], [first.seq])
    assert target.checkpoint().seq == first.seq + 1


def test_conflict_rows_are_undone_with_the_transaction(log: StreamLog) -> None:
    """They are begun only when they are needed."""
    conflicts = ConflictRows()
    target, first = leased(log, conflicts)
    conflicts.done.clear()  # taking the lease has opened the connection
    target.begin(first.next()).rollback()
    assert conflicts.done == []
    transaction = target.begin(first.next())
    assert transaction.conflicts.held([]) == {}
    transaction.rollback()
    assert conflicts.done == ["begin", "rollback"]


def test_inserts_updates_and_deletes_in_one_transaction(log: StreamLog) -> None:
    """Over two collections."""
    log.collection().insert_one(account(B))
    log.collection("customers").insert_one(CUSTOMER)
    target, checkpoint = leased(log)
    transaction = target.begin(checkpoint.next())
    found = transaction.read(needs(log, of(A), of(B), of(A, "customers")))
    assert found == {
        of(A): Current(rows=nothing(log)),
        of(B): Current(rows=rows(log, account(B))),
        of(A, "customers"): Current(rows=rows(log, CUSTOMER, "customers")),
    }
    changed = CUSTOMER | {"name": "m"}
    transaction.write(
        [
            DocumentWrite(document=of(A), before=found[of(A)].rows, after=rows(log, account(A))),
            DocumentWrite(document=of(B), before=found[of(B)].rows, after=nothing(log)),
            DocumentWrite(
                document=of(A, "customers"),
                before=found[of(A, "customers")].rows,
                after=rows(log, changed, "customers"),
            ),
        ]
    )
    transaction.commit()
    assert (stored(log), stored(log, key=B), stored(log, "customers")) == (account(A), None, changed)


MANY = [ObjectId() for _ in range(1100)]


def limits(log: StreamLog, transaction: TargetTransaction, limit: int) -> Iterator[DocumentWrite]:
    """A write of each of many accounts, made when it is asked for."""
    for part in transaction.read_in_parts(needs(log, of(A, "customers"), *map(of, MANY)), {}):
        for document, current in part.items():
            if document.collection == "accounts":
                after = rows(log, account(ObjectId(str(document.key)), limit=limit))
                yield DocumentWrite(document=document, before=current.rows, after=after)
            else:
                assert current == Current(rows=nothing(log, "customers"))


def test_a_large_batch_is_read_in_parts_while_it_is_written(log: StreamLog) -> None:
    """Each document once, in its order; those that were absent are inserted, the others updated."""
    log.collection().insert_many([account(key) for key in MANY[::2]])
    target, checkpoint = leased(log)
    transaction = target.begin(checkpoint := checkpoint.next())
    transaction.write(limits(log, transaction, 50))
    transaction.commit()
    assert {one["_id"]: one for one in log.admin["accounts"].find()} == {key: account(key, limit=50) for key in MANY}
    transaction = target.begin(checkpoint.next())
    parts = list(transaction.read_in_parts(needs(log, *map(of, MANY)), {}))
    transaction.rollback()
    assert len(parts) > 1
    assert [one for part in parts for one in part] == [of(key) for key in MANY]


@pytest.mark.parametrize("at", [0, 600, 1099])
def test_contention_anywhere_in_a_large_batch(log: StreamLog, at: int) -> None:
    """All is undone, what was on its way too; the same session goes on at once."""
    log.collection().insert_many([account(key) for key in MANY])
    target, checkpoint = leased(log)
    transaction = target.begin(checkpoint.next())
    transaction.read(needs(log, of(A)))  # the snapshot
    log.collection().update_one({"_id": MANY[at]}, {"$set": {"limit": 7}})
    with pytest.raises(Contention):
        transaction.write(limits(log, transaction, 50))
    transaction.rollback()
    assert log.collection().count_documents({"limit": 50}) == 0
    transaction = target.begin(checkpoint.next())
    transaction.write(limits(log, transaction, 50))
    transaction.commit()
    assert log.collection().count_documents({"limit": 50}) == len(MANY)


def test_a_refusal_in_a_large_batch_is_told(log: StreamLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends the transaction while the next part is looked for: what is told is why, and not that the transaction is gone."""
    monkeypatch.setattr("sync.mongo.transaction._PART", 250)
    log.admin["accounts"].create_index("account_id", unique=True, partialFilterExpression={"account_id": {"$gt": 1}})
    log.collection().insert_many([account(B, account_id=2), *(account(key) for key in MANY)])
    target, checkpoint = leased(log)
    transaction = target.begin(checkpoint.next())

    def some() -> Iterator[DocumentWrite]:
        """All of the first part, one that is refused among them; few of those that follow."""
        for number, write in enumerate(limits(log, transaction, 50)):
            if number == 100:
                taken = rows(log, account(MANY[100], account_id=2))
                yield write._replace(after=taken)
            elif number < 250 or number % 10 == 0:
                yield write

    with pytest.raises(Refused) as refused:
        transaction.write(some())
    transaction.rollback()
    assert refused.value.kind == "unique_violation"
    assert log.collection().count_documents({"limit": 50}) == 0


def test_a_large_batch_that_is_given_up_in_the_middle(log: StreamLog) -> None:
    """While MongoDB looks for a part that nobody will take: nothing of it is at work any more once all is undone."""

    def helpers() -> int:
        return sum(one.name.startswith("ThreadPoolExecutor") for one in threading.enumerate())

    log.collection().insert_many([account(key) for key in MANY])
    target, checkpoint = leased(log)
    transaction = target.begin(checkpoint.next())
    next(iter(transaction.read_in_parts(needs(log, *map(of, MANY)), {})))
    assert helpers() == 1
    transaction.rollback()
    assert helpers() == 0
    transaction = target.begin(checkpoint.next())
    put(log, transaction, MANY[0], account(MANY[0], limit=50))
    transaction.commit()
    assert log.collection().count_documents({"limit": 50}) == 1


def test_only_the_tables_asked_for_are_read_and_written(log: StreamLog) -> None:
    """A change of a child row leaves what it did not read as it stands."""
    log.collection().insert_one(account(A))
    target, checkpoint = leased(log)
    transaction = target.begin(checkpoint.next())
    current = transaction.read({of(A): frozenset({"analytics_account"})})[of(A)]
    assert set(current.rows) == {"analytics_account"}
    after: DocumentRows = {"analytics_account": {(str(A),): {"account_id": 1, "limit": 99}}}
    transaction.write([DocumentWrite(document=of(A), before=current.rows, after=after)])
    transaction.commit()
    assert stored(log) == account(A, limit=99)


def test_unmapped_fields_stay(log: StreamLog) -> None:
    """At the document and in a map's entry; a set keeps the order of members that stay; other paths are not touched."""
    entry = {"tier": "Gold", "id": "t1", "active": True, "benefits": ["b", "a"], "since": 5}
    document = CUSTOMER | {"nickname": "x", "tier_and_details": {"t1": entry}}
    log.collection("customers").insert_one(document)
    target, checkpoint = leased(log)
    new_entry = {"tier": "Silver", "id": "t1", "active": True, "benefits": ["b", "a", "c"]}
    with log.admin["customers"].watch() as stream:
        transaction = target.begin(checkpoint.next())
        put(log, transaction, A, CUSTOMER | {"tier_and_details": {"t1": new_entry}}, "customers")
        transaction.commit()
        event: dict[str, Any] = next(stream)
    assert stored(log, "customers") == document | {"tier_and_details": {"t1": {**new_entry, "since": 5}}}
    assert set(event["updateDescription"]["updatedFields"]) == {
        "tier_and_details.t1.tier",
        "tier_and_details.t1.benefits",
    }


@pytest.mark.parametrize("name", ["a.b", "$a", "", "a.0.$[]", "é\\ \"'"])
def test_a_maps_keys_are_data(log: StreamLog, name: str) -> None:
    """No key of a map reaches MongoDB as a path or an operator."""
    log.collection("customers").insert_one(CUSTOMER | {"nickname": "x"})
    target, checkpoint = leased(log)
    entry = {"tier": "t", "id": name, "active": False, "benefits": []}
    wanted = CUSTOMER | {"tier_and_details": {**CUSTOMER["tier_and_details"], name: entry}}
    for after in (wanted, CUSTOMER):
        checkpoint = checkpoint.next()
        transaction = target.begin(checkpoint)
        put(log, transaction, A, after, "customers")
        transaction.commit()
        assert stored(log, "customers") == after | {"nickname": "x"}


@pytest.mark.parametrize("text", ["$limit", "$$NOW", "$$ROOT"])
def test_text_in_a_checkpoint_is_no_expression(log: StreamLog, text: str) -> None:
    """The update that moves it is a pipeline, in which such text would be a path."""
    target, first = leased(log)
    position = StreamPosition(time=1, increment=1, token=text)
    target.begin(first.next(position=position)).commit()
    assert target.checkpoint().position == position


def test_a_document_that_rows_cannot_hold_is_a_problem(log: StreamLog) -> None:
    """It is held, with a reason that quotes no value; where a repair writes it, what no column takes stays."""
    log.collection().insert_one(account(A, limit="secret") | {"unmapped": [1]})
    target, checkpoint = leased(log)
    checkpoint = checkpoint.next()
    transaction = target.begin(checkpoint)
    current = transaction.read(needs(log, of(A)))[of(A)]
    assert current.rows == nothing(log)
    assert current.problem is not None
    assert current.problem.kind is ConflictKind.UNMAPPABLE_DOCUMENT
    assert "secret" not in current.problem.reason
    transaction.write([DocumentWrite(document=of(A), before=current.rows, after=rows(log, account(A)))])
    transaction.commit()
    assert stored(log) == account(A) | {"unmapped": [1]}


@pytest.mark.parametrize("foreign", [5, "text", {"a": Int64(1)}])
def test_a_foreign_id_is_found_again(log: StreamLog, foreign: object) -> None:
    """An `_id` of another type has a key of its own, by which the document is read and deleted."""
    log.admin["accounts"].insert_one(account(A) | {"_id": foreign})
    (document,) = log.reader().range("accounts", None, 10, exact=False).documents
    target, checkpoint = leased(log)
    transaction = target.begin(checkpoint.next())
    current = transaction.read(needs(log, document))[document]
    assert current.problem is not None
    transaction.write([DocumentWrite(document=document, before=current.rows, after=nothing(log))])
    transaction.commit()
    assert stored(log, key=foreign) is None


@pytest.mark.parametrize("key", ["?secret", '?{"$oid": 1}', '?{"$oid": "x"}', '?{"$date": {}}'])
def test_a_key_that_no_id_can_be_is_a_problem(log: StreamLog, key: str) -> None:
    """MySQL takes any text as a key: its document is held, and the others of the batch go on."""
    log.collection().insert_one(account(A))
    target, checkpoint = leased(log)
    transaction = target.begin(checkpoint.next())
    odd = DocumentId("accounts", key)
    found = transaction.read(needs(log, odd, of(A)))
    transaction.rollback()
    assert found[of(A)].problem is None
    problem = found[odd].problem
    assert problem is not None
    assert problem.kind is ConflictKind.UNMAPPABLE_DOCUMENT
    assert "secret" not in problem.reason
    assert log.reader().read([odd, of(A)], exact=False).documents == found


def test_a_batch_of_a_thousand(log: StreamLog) -> None:
    """A full batch fits one transaction."""
    keys = [ObjectId() for _ in range(1000)]
    log.collection().insert_many([account(key) for key in keys])
    target, checkpoint = leased(log)
    transaction = target.begin(checkpoint.next())
    found = transaction.read(needs(log, *(of(key) for key in keys)))
    writes = [
        DocumentWrite(document=of(key), before=found[of(key)].rows, after=rows(log, account(key, limit=77)))
        for key in keys
    ]
    transaction.write(writes)
    transaction.commit()
    assert log.admin["accounts"].count_documents({"limit": 77}) == 1000


def test_a_transaction_that_the_server_ended_is_contention(log: StreamLog) -> None:
    """After its longest time a transaction is gone; the batch is merged again."""
    target, checkpoint = leased(log)
    transaction = target.begin(checkpoint.next())
    holder = stored(log, "sync_checkpoint", "follower")
    assert holder is not None
    target._end_dead(holder["holder"])  # type: ignore[arg-type]
    with pytest.raises(Contention):
        put(log, transaction, A, account(A))
    transaction.rollback()
    target.begin(checkpoint.next()).commit()
