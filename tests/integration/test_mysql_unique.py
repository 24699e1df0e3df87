"""What MySQL's unique and foreign keys make of a batch: exchanges are carried out, what is truly in the way is named."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import permutations

import pytest
from bson import ObjectId

from sync.model.change import Blocker, ConflictKind, DocumentId, DocumentRows, Hold, Origin
from sync.model.fold import fold
from sync.model.position import Known
from sync.ports import DocumentWrite
from tests.mysql_side import A, B, C, MySQLSide, account, account_rows

D = "d" * 24


def numbered(side: MySQLSide, numbers: dict[str, int]) -> dict[DocumentId, DocumentRows]:
    return {account(key): account_rows(key, account_id=number) for key, number in numbers.items()}


def customer(key: str, **fields: object) -> dict[str, object]:
    return {
        "_id": ObjectId(key),
        "username": "u",
        "name": "n",
        "address": "s",
        "birthdate": datetime(1977, 3, 2, 2, 20, 31, 123000),  # noqa: DTZ001 - canonical dates are naive UTC
        "email": "e",
        "accounts": [],
        "tier_and_details": {},
        **fields,
    }


def of(key: str) -> DocumentId:
    return DocumentId("customers", key)


def tiers(**active: bool) -> dict[str, object]:
    return {name: {"id": name, "tier": "Gold", "active": value, "benefits": ["b"]} for name, value in active.items()}


EXCHANGES = {
    "swap": ({A: 1, B: 2}, {A: 2, B: 1}),
    "chain": ({A: 1, B: 2, C: 3}, {A: 2, B: 3, C: 4}),
    "chain, the other way": ({A: 2, B: 3, C: 4}, {A: 1, B: 2, C: 3}),
    "circle of three": ({A: 1, B: 2, C: 3}, {A: 2, B: 3, C: 1}),
    "circle with a tail": ({A: 1, B: 2, C: 3, D: 4}, {A: 2, B: 1, C: 4, D: 5}),
}


@pytest.mark.parametrize("name", EXCHANGES)
def test_documents_exchange_a_value(side: MySQLSide, name: str) -> None:
    """In whatever order they come; columns that nothing maps stay, and the follower finds nothing that differs."""
    side.run("ALTER TABLE analytics_account ADD UNIQUE one_each (account_id), ADD kept VARCHAR(9) DEFAULT 'new'")
    target, checkpoint = side.leased()
    before, after = EXCHANGES[name]
    checkpoint = side.put(target, checkpoint, numbered(side, before))
    start, known = side.log_end(), checkpoint.seq
    side.run("UPDATE analytics_account SET kept = LEFT(id, 3)")
    for order in permutations(after):
        checkpoint = side.put(target, checkpoint, numbered(side, {key: before[key] for key in reversed(order)}))
        start, known = side.log_end(), checkpoint.seq
        checkpoint = side.put(target, checkpoint, numbered(side, {key: after[key] for key in order}))
        rows = side.rows("SELECT id, account_id, kept FROM analytics_account ORDER BY id")
        assert rows == [(key, after[key], key[:3]) for key in sorted(after)]
    source = side.source(start, Known(seq=known, lease=checkpoint.lease))
    transaction = source.read(20)
    assert transaction is not None
    undecoded = transaction.undecoded
    assert undecoded is not None
    entries = undecoded.decode()
    assert {entry.origin for entry in entries} == {Origin.ECHO}
    wanted = numbered(side, after)
    for entry in entries:
        rows_now = wanted[entry.document]
        collection = side.mapping.collections["accounts"]
        assert fold(collection, rows_now, [entry]) == rows_now


def test_texts_that_a_collation_takes_for_one(side: MySQLSide) -> None:
    """They exchange places though they differ."""
    side.run(
        "ALTER TABLE analytics_customer MODIFY email VARCHAR(20) COLLATE utf8mb4_general_ci NOT NULL, ADD UNIQUE (email)"
    )
    target, checkpoint = side.leased()
    for emails in ({A: "ada", B: "bob"}, {A: "BOB", B: "Ada"}, {A: "ada", B: "bob"}):
        wanted = {of(key): side.shredded(customer(key, email=email), "customers") for key, email in emails.items()}
        checkpoint = side.put(target, checkpoint, wanted)
        assert side.rows("SELECT id, email FROM analytics_customer ORDER BY id") == list(emails.items())


LISTS: list[Sequence[int]] = [[1, 2, 3], [3, 1, 2], [9, 3, 1, 2], [2, 1], [1, 2, 3, 4, 5], [5, 4, 3, 2, 1], [7, 5, 4]]


def test_child_rows_exchange_values_within_a_document(side: MySQLSide) -> None:
    """A list whose elements are unique, however they move."""
    side.run("ALTER TABLE analytics_customeraccount ADD UNIQUE one_each (customer_id, account_id)")
    target, checkpoint = side.leased()
    for numbers in LISTS:
        rows = side.shredded(customer(A, accounts=list(numbers)), "customers")
        checkpoint = side.put(target, checkpoint, {of(A): rows})
        assert side.stands(of(A)).rows == rows


def test_child_rows_exchange_values_between_documents(side: MySQLSide) -> None:
    """Each value once in the whole table."""
    side.run("ALTER TABLE analytics_accountproduct ADD UNIQUE one_each (product)")
    target, checkpoint = side.leased()
    for here, there in ((["x", "y"], ["z"]), (["z", "x"], ["y", "v"]), (["y"], ["x", "z"])):
        wanted = {account(A): account_rows(A, products=here), account(B): account_rows(B, products=there)}
        checkpoint = side.put(target, checkpoint, wanted)
        assert {one: side.stands(one).rows for one in wanted} == wanted


def test_a_column_that_may_be_null_is_null_meanwhile(side: MySQLSide) -> None:
    """Of a type that has no other value to spare."""
    side.run("ALTER TABLE analytics_customer ADD UNIQUE one_each (active)")
    target, checkpoint = side.leased()
    for here in (True, False):
        wanted = {
            of(A): side.shredded(customer(A, active=here), "customers"),
            of(B): side.shredded(customer(B, active=not here), "customers"),
        }
        checkpoint = side.put(target, checkpoint, wanted)
        assert {one: side.stands(one).rows for one in wanted} == wanted


def test_a_row_without_a_value_to_spare_goes_meanwhile(side: MySQLSide) -> None:
    """All its columns are mapped, so that it comes back whole; else it is refused by name."""
    side.run("ALTER TABLE analytics_customertier ADD UNIQUE one_each (customer_id, active)")
    target, checkpoint = side.leased()
    rows = side.shredded(customer(A), "customers")
    for here in (True, False):
        rows = side.shredded(customer(A, tier_and_details=tiers(s=here, t=not here)), "customers")
        checkpoint = side.put(target, checkpoint, {of(A): rows})
        assert side.stands(of(A)).rows == rows
    side.run("ALTER TABLE analytics_customertier ADD kept INT DEFAULT 1")
    swapped = side.shredded(customer(A, tier_and_details=tiers(s=True, t=False)), "customers")
    transaction = target.begin(checkpoint.next())
    side.read(transaction, of(A))
    apart = transaction.write_apart([DocumentWrite(document=of(A), before=rows, after=swapped)])
    transaction.commit()
    hold = apart.holds[of(A)]
    assert (hold.kind, "one_each" in hold.reason) == (ConflictKind.UNIQUE_VIOLATION, True)
    assert side.stands(of(A)).rows == rows


def apart(side: MySQLSide, before: dict[str, int], after: dict[str, int]) -> dict[DocumentId, Hold]:
    """Accounts led from some numbers to others, whatever can be."""
    target, checkpoint = side.leased()
    checkpoint = side.put(target, checkpoint, numbered(side, before))
    transaction = target.begin(checkpoint.next())
    current = side.read(transaction, *numbered(side, after))
    writes = [
        DocumentWrite(document=one, before=current[one].rows, after=rows) for one, rows in numbered(side, after).items()
    ]
    holds = dict(transaction.write_apart(writes).holds)
    transaction.commit()
    return holds


def row(key: str, under: str = "one_each") -> Blocker:
    return Blocker(account(key), "analytics_account", (key,), under)


def test_only_what_is_truly_in_the_way_is_held(side: MySQLSide) -> None:
    """Beside an exchange that works: one that wants what an outsider has, and the one that waits for its value."""
    side.run("ALTER TABLE analytics_account ADD UNIQUE one_each (account_id)")
    e, f = "e" * 24, "f" * 24
    before = {A: 1, B: 2, C: 3, D: 4, e: 5}
    holds = apart(side, before, {A: 2, B: 1, C: 5, D: 3, f: 9})
    assert {one: hold.blockers for one, hold in holds.items()} == {account(C): (row(e),), account(D): (row(C),)}
    assert {hold.kind for hold in holds.values()} == {ConflictKind.UNIQUE_VIOLATION}
    found = dict(side.rows("SELECT id, account_id FROM analytics_account"))
    assert found == {A: 2, B: 1, C: 3, D: 4, e: 5, f: 9}


def test_every_row_in_the_way_is_named(side: MySQLSide) -> None:
    """Of two unique keys, each with its own row; and the one that comes second of two that want the same."""
    side.run("ALTER TABLE analytics_account ADD UNIQUE one_each (account_id), ADD UNIQUE one_limit (`limit`)")
    target, checkpoint = side.leased()
    there = {
        account(A): account_rows(A, account_id=1, limit=10),
        account(B): account_rows(B, account_id=2, limit=20),
    }
    checkpoint = side.put(target, checkpoint, there)
    transaction = target.begin(checkpoint.next())
    side.read(transaction, account(C), account(D))
    writes = [
        DocumentWrite(document=account(C), before=side.nothing(), after=account_rows(C, account_id=1, limit=20)),
        DocumentWrite(document=account(D), before=side.nothing(), after=account_rows(D, account_id=3, limit=30)),
        DocumentWrite(document=account("e" * 24), before=side.nothing(), after=account_rows("e" * 24, account_id=3)),
    ]
    holds = transaction.write_apart(writes).holds
    transaction.commit()
    assert set(holds[account(C)].blockers) == {row(A), row(B, "one_limit")}
    assert set(holds[account("e" * 24)].blockers) == {row(D), row(A, "one_limit")}
    assert "one_each" in holds[account(C)].reason
    assert set(holds) == {account(C), account("e" * 24)}


def test_a_row_comes_behind_the_one_that_it_refers_to(side: MySQLSide) -> None:
    """Between collections, against the mapping's order; deletes the other way round."""
    side.run(
        "ALTER TABLE analytics_customer ADD CONSTRAINT known FOREIGN KEY (id) REFERENCES analytics_account (id)",
    )
    target, checkpoint = side.leased()
    wanted = {of(A): side.shredded(customer(A), "customers"), account(A): account_rows(A)}
    checkpoint = side.put(target, checkpoint, wanted)
    assert {one: side.stands(one).rows for one in wanted} == wanted
    side.put(target, checkpoint, {account(A): side.nothing(), of(A): side.nothing("customers")})
    assert side.stands(account(A)).rows == side.nothing()


def test_what_lacks_a_row_is_tried_behind_the_others(side: MySQLSide) -> None:
    """One by one too; what lacks it for good is held, with the foreign key's name."""
    side.run(
        "ALTER TABLE analytics_account ADD parent INT NULL, ADD UNIQUE one_each (account_id)",
        "ALTER TABLE analytics_account ADD CONSTRAINT known FOREIGN KEY (`limit`) REFERENCES analytics_account (account_id)",
    )
    target, checkpoint = side.leased()
    transaction = target.begin(checkpoint.next())
    chain = {A: (1, 2), B: (2, 3), C: (3, 3), D: (4, 9)}
    writes = [
        DocumentWrite(
            document=account(key), before=side.nothing(), after=account_rows(key, account_id=number, limit=refers)
        )
        for key, (number, refers) in chain.items()
    ]
    side.read(transaction, *map(account, chain))
    holds = transaction.write_apart(writes).holds
    transaction.commit()
    assert {one: (hold.kind, "known" in hold.reason) for one, hold in holds.items()} == {
        account(D): (ConflictKind.FOREIGN_KEY_VIOLATION, True)
    }
    assert side.rows("SELECT account_id FROM analytics_account ORDER BY 1") == [(1,), (2,), (3,)]
