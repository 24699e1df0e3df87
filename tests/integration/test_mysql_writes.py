"""What the listener's statements make of rows: every shape of change, exact values, refusals and contention."""

from __future__ import annotations

from datetime import datetime
from itertools import count

import pytest
from bson import ObjectId

from deploy.local.mysql_binary import Flavour
from sync.errors import Contention, Refused
from sync.model.change import ConflictKind, DocumentId, DocumentRows
from sync.mysql.target import MySQLTarget
from sync.ports import DocumentWrite, TargetTransaction
from tests.mysql_side import A, B, C, InThread, MySQLSide, account, account_rows, wait_for

BIRTH = datetime(1977, 3, 2, 2, 20, 31, 123000)  # noqa: DTZ001 - canonical dates are naive UTC
TIER = {"tier": "Gold", "id": "t", "active": True, "benefits": ["b", "a"]}
#: Texts that an escape, a charset or a comparison could spoil.
TEXTS = ["", " ", "a ", "A", "é", "e\u0301", "😀", "\x00", "\\", "'", '"', "%s %% {}", "\r\n\t", "NULL", "\x1a", "ſ"]


def customer(key: str = A, **fields: object) -> dict[str, object]:
    """A document of `customers`."""
    return {
        "_id": ObjectId(key),
        "username": "u",
        "name": "n",
        "address": "s",
        "birthdate": BIRTH,
        "email": "e",
        "active": True,
        "accounts": [3, 1, 2],
        "tier_and_details": {"t": TIER, "é.$ ": {**TIER, "id": "é.$ ", "benefits": []}},
        **fields,
    }


def of(key: str = A) -> DocumentId:
    return DocumentId("customers", key)


def key(number: int) -> str:
    return f"{number:024x}"


def begun(side: MySQLSide) -> TargetTransaction:
    target, first = side.leased()
    return target.begin(first.next())


def write(side: MySQLSide, after: DocumentRows, before: DocumentRows, document: DocumentId) -> DocumentWrite:
    return DocumentWrite(document=document, before=before, after=after)


def inserted(side: MySQLSide, **limits: int) -> list[DocumentWrite]:
    """New accounts; each name is one digit of a key."""
    return [
        write(side, account_rows(name * 24, account_id=number), side.nothing(), account(name * 24))
        for name, number in limits.items()
    ]


SHAPES: list[dict[str, object]] = [
    {"username": "other"},
    {"username": "", "address": "x" * 70_000, "birthdate": datetime(1000, 1, 1)},  # noqa: DTZ001
    {"birthdate": datetime(9999, 12, 31, 23, 59, 59, 999000), "active": False},  # noqa: DTZ001
    {"accounts": []},
    {"accounts": [1]},
    {"accounts": [9, *range(250)]},
    {"tier_and_details": {}},
    {"tier_and_details": {"t": {**TIER, "benefits": ["c"]}, "T": {**TIER, "id": "T"}, "t ": {**TIER, "id": "t "}}},
    {"tier_and_details": {"": {**TIER, "id": "", "active": False, "benefits": TEXTS}}},
]


def test_every_shape_of_change_arrives(side: MySQLSide) -> None:
    """Insert, each change in turn there and back, a NULL, delete: what stands equals what was to be written."""
    target, checkpoint = side.leased()
    plain = customer()
    without = {name: value for name, value in plain.items() if name != "active"}
    for document in [plain, *(step for shape in SHAPES for step in (plain | shape, plain)), without, plain]:
        rows = side.shredded(document, "customers")
        checkpoint = side.put(target, checkpoint, {of(): rows})
        assert side.stands(of()).rows == rows
    side.put(target, checkpoint, {of(): side.nothing("customers")})
    assert side.stands(of()).rows == side.nothing("customers")


def test_texts_are_exact(side: MySQLSide) -> None:
    """As values and as keys, inserted and updated, many a statement: byte for byte."""
    target, checkpoint = side.leased()
    for offset in (0, 1):
        texts = [*TEXTS[offset:], *TEXTS[:offset]]
        wanted = {
            of(key(place)): side.shredded(
                customer(key(place), username=text, address=text * 3, tier_and_details={text: {**TIER, "id": text}}),
                "customers",
            )
            for place, text in enumerate(texts)
        }
        checkpoint = side.put(target, checkpoint, wanted)
        assert {one: side.stands(one).rows for one in wanted} == wanted


def test_many_documents_in_one_transaction(side: MySQLSide) -> None:
    """More than fit one statement, in every table at once: inserts, updates of different columns, deletes."""
    target, checkpoint = side.leased()
    numbers = count()

    def some(place: int) -> DocumentRows:
        return account_rows(key(place), limit=next(numbers), account_id=place % 7, products=["p"] * (next(numbers) % 4))

    wanted = {account(key(place)): some(place) for place in range(1100)}
    checkpoint = side.put(target, checkpoint, wanted)
    wanted = {one: side.nothing() if place % 5 == 0 else some(place) for place, one in enumerate(wanted)}
    checkpoint = side.put(target, checkpoint, wanted)
    found = side.reader().read(list(wanted), exact=False).documents
    assert {one: current.rows for one, current in found.items()} == wanted


def test_two_collections_in_one_transaction(side: MySQLSide) -> None:
    """A batch holds whatever its source transactions held."""
    target, checkpoint = side.leased()
    wanted = {of(): side.shredded(customer(), "customers"), account(): account_rows(products=["x"])}
    checkpoint = side.put(target, checkpoint, wanted)
    assert {one: side.stands(one).rows for one in wanted} == wanted
    gone = {of(): side.nothing("customers"), account(): side.nothing()}
    side.put(target, checkpoint, gone)
    assert {one: side.stands(one).rows for one in gone} == gone


def test_columns_that_no_field_takes_are_left_alone(side: MySQLSide) -> None:
    """An update sets the changed columns only."""
    side.run("ALTER TABLE analytics_account ADD kept VARCHAR(9) DEFAULT 'new'")
    target, checkpoint = side.leased()
    checkpoint = side.put(target, checkpoint, {account(): account_rows()})
    side.run("UPDATE analytics_account SET kept = 'mine'")
    side.put(target, checkpoint, {account(): account_rows(limit=11)})
    assert side.rows("SELECT kept, `limit` FROM analytics_account") == [("mine", 11)]


def test_absent_documents_are_in_the_answer(side: MySQLSide) -> None:
    """With every table that was asked for, and no other."""
    found = begun(side).read({account(): frozenset(["analytics_account"])})
    assert found[account()].rows == {"analytics_account": {}}
    assert found[account()].problem is None


def test_a_row_that_codecs_refuse_is_a_problem_and_can_be_replaced(side: MySQLSide) -> None:
    """A repair writes over it: all its rows go, the new ones come."""
    side.run(
        f"INSERT INTO analytics_customer (id, username, name, address, birthdate, email, active)"
        f" VALUES ('{A}', 'u', 'n', 's', '2000-01-01', 'e', 7)",
        f"INSERT INTO analytics_customeraccount (customer_id, position, account_id) VALUES ('{A}', 0, 1), ('{A}', 5, 1)",
    )
    target, first = side.leased()
    transaction = target.begin(first.next())
    problem = side.read(transaction, of())[of()].problem
    assert problem is not None
    assert problem.kind is ConflictKind.UNMAPPABLE_DOCUMENT
    assert problem.reason == "analytics_customer: column active: 0 or 1 is allowed, found int"
    rows = side.shredded(customer(), "customers")
    transaction.write([write(side, rows, side.nothing("customers"), of())])
    transaction.commit()
    assert side.stands(of()).rows == rows


# Refusals.


def test_a_refused_batch_leaves_nothing(side: MySQLSide) -> None:
    """A unique key of the table's own: the whole transaction is rolled back, the reason names the key and no value."""
    side.run("ALTER TABLE analytics_account ADD UNIQUE one_each (account_id)")
    target, first = side.leased()
    transaction = target.begin(first.next())
    with pytest.raises(Refused) as refused:
        transaction.write(inserted(side, a=717171, b=717171))
    transaction.rollback()
    assert refused.value.kind == "unique_violation"
    assert "one_each" in refused.value.message
    assert "717171" not in refused.value.message
    assert side.stands(account()).rows == side.nothing()
    assert target.checkpoint() == first


@pytest.mark.parametrize(
    ("ddl", "kind"),
    [
        ("ADD UNIQUE one_each (account_id)", ConflictKind.UNIQUE_VIOLATION),
        ("ADD CONSTRAINT small CHECK (account_id < 8)", ConflictKind.CONSTRAINT_VIOLATION),
        (
            "ADD CONSTRAINT known FOREIGN KEY (account_id) REFERENCES elsewhere (id)",
            ConflictKind.FOREIGN_KEY_VIOLATION,
        ),
    ],
)
def test_a_document_refused_alone_does_not_hinder_the_others(side: MySQLSide, ddl: str, kind: ConflictKind) -> None:
    """Its own writes are undone, the kind and the server's reason are told, the rest commits with the checkpoint."""
    side.run("CREATE TABLE elsewhere (id INT PRIMARY KEY)", "INSERT INTO elsewhere VALUES (7)")
    side.run(f"ALTER TABLE analytics_account {ddl}")
    target, first = side.leased()
    transaction = target.begin(first.next())
    good, bad, later = inserted(side, a=7, b=9 if "UNIQUE" not in ddl else 7, c=7 if "UNIQUE" not in ddl else 8)
    holds = transaction.write_apart([good, bad, later]).holds
    transaction.commit()
    assert {document: hold.kind for document, hold in holds.items()} == {bad.document: kind}
    assert [row[0] for row in side.rows("SELECT id FROM analytics_account ORDER BY id")] == [A, C]
    assert target.checkpoint() == first.next()


def test_what_a_column_cannot_hold_is_refused(side: MySQLSide) -> None:
    """Never cut: text that is too long, in an insert and in an update."""
    target, first = side.leased()
    long = side.shredded(customer(username="x" * 151), "customers")
    good = side.shredded(customer(), "customers")
    transaction = target.begin(first.next())
    hold = transaction.write_apart([write(side, long, side.nothing("customers"), of())]).holds[of()]
    assert (hold.kind, "username" in hold.reason) == (ConflictKind.CONSTRAINT_VIOLATION, True)
    assert not transaction.write_apart([write(side, good, side.nothing("customers"), of())]).holds
    assert transaction.write_apart([write(side, long, good, of())]).holds
    transaction.commit()
    assert side.stands(of()).rows == good


def test_a_unique_value_that_moves_in_one_batch(side: MySQLSide) -> None:
    """Deletes come before inserts: what the one gives up the other may take."""
    side.run("ALTER TABLE analytics_account ADD UNIQUE one_each (account_id)")
    target, checkpoint = side.leased()
    checkpoint = side.put(target, checkpoint, {account(A): account_rows(A, account_id=5)})
    side.put(target, checkpoint, {account(B): account_rows(B, account_id=5), account(A): side.nothing()})
    assert side.rows("SELECT id, account_id FROM analytics_account") == [(B, 5)]


def test_rows_of_any_size(side: MySQLSide) -> None:
    """Many large rows go in more statements; one that the server would hang up on is refused and nothing breaks."""
    ((most,),) = side.rows("SELECT @@max_allowed_packet")
    target, checkpoint = side.leased()
    large = {
        of(key(place)): side.shredded(customer(key(place), address="'" * 700_000), "customers") for place in range(30)
    }
    checkpoint = side.put(target, checkpoint, large)
    assert side.rows("SELECT COUNT(*), MIN(LENGTH(address)) FROM analytics_customer") == [(30, 700_000)]
    transaction = target.begin(checkpoint.next())
    huge = side.shredded(customer(address="'" * (most // 2)), "customers")
    hold = transaction.write_apart([write(side, huge, side.nothing("customers"), of())]).holds[of()]
    transaction.commit()
    assert (hold.kind, "max_allowed_packet" in hold.reason) == (ConflictKind.CONSTRAINT_VIOLATION, True)


# Others at work.


def test_a_locked_row_is_not_waited_for(side: MySQLSide) -> None:
    """A worker gives way to an application at once; what it had locked is free again."""
    target, first = side.leased()
    checkpoint = side.put(target, first, {account(one): account_rows(one) for one in (A, B)})
    with side.holding(f"UPDATE analytics_account SET `limit` = 0 WHERE id = '{B}'"):
        transaction = target.begin(checkpoint.next())
        with pytest.raises(Contention):
            side.read(transaction, account(A), account(B))
        transaction.rollback()
        side.run(f"SELECT 1 FROM analytics_account WHERE id = '{A}' FOR UPDATE NOWAIT")


def test_locks_on_other_rows_do_not_matter(side: MySQLSide) -> None:
    """However few rows the table has: neither reading nor updating nor deleting one row meets those of others."""
    target, first = side.leased()
    every = [account(key(place)) for place in range(40)]
    checkpoint = side.put(target, first, {one: account_rows(str(one.key), products=["x", "y"]) for one in every})
    side.run("ANALYZE TABLE analytics_account", "ANALYZE TABLE analytics_accountproduct")
    busy = str(every[0].key)
    with side.holding(
        f"UPDATE analytics_account SET `limit` = 0 WHERE id = '{busy}'",
        f"UPDATE analytics_accountproduct SET product = '' WHERE account_oid = '{busy}'",
    ):
        rest = {one: account_rows(str(one.key), limit=1, products=["y", "z"]) for one in every[1:]}
        checkpoint = side.put(target, checkpoint, rest)
        shorter = account_rows(str(every[5].key), products=["y"])
        checkpoint = side.put(target, checkpoint, {every[5]: shorter})
        checkpoint = side.put(target, checkpoint, {every[5]: side.nothing()})
    assert side.stands(every[6]).rows == rest[every[6]]
    assert side.stands(every[5]).rows == side.nothing()


@pytest.mark.parametrize("products", [1, 2, 30])
def test_rows_are_found_by_their_key(side: MySQLSide, products: int) -> None:
    """Deleting or updating one child row, or some, of a large table examines these rows only."""
    target, checkpoint = side.leased()
    every = {account(key(place)): account_rows(key(place), products=["x"] * 30) for place in range(300)}
    checkpoint = side.put(target, checkpoint, every)
    side.run("ANALYZE TABLE analytics_accountproduct")
    chosen = account(key(7))
    kept = ["x"] * (30 - products)
    for after in (account_rows(key(7), products=["new"] * products + kept), account_rows(key(7), products=kept)):
        transaction = target.begin(checkpoint.next())
        checkpoint = checkpoint.next()
        before = side.read(transaction, chosen)[chosen].rows
        examined = _examined(side, target)
        transaction.write([write(side, after, before, chosen)])
        assert _examined(side, target) - examined < 200
        transaction.commit()


@pytest.mark.parametrize("positions", [[7], [0, 7, 29, 30]])
def test_positions_of_a_list_are_read_alone(side: MySQLSide, positions: list[int]) -> None:
    """Of a large table only these rows are examined and locked: what an application does to others is in nobody's way."""
    target, checkpoint = side.leased()
    every = {account(key(place)): account_rows(key(place), products=["x"] * 30) for place in range(300)}
    checkpoint = side.put(target, checkpoint, every)
    side.run("ANALYZE TABLE analytics_accountproduct")
    table, busy = "analytics_accountproduct", key(5)
    with side.holding(f"UPDATE {table} SET product = '' WHERE account_oid = '{busy}' AND position IN (6, 8, 28)"):
        transaction = target.begin(checkpoint.next())
        examined = _examined(side, target)
        chosen = dict.fromkeys([account(busy), account(key(9))], frozenset([table]))
        read = transaction.read(chosen, {one: {table: positions} for one in chosen})
        assert _examined(side, target) - examined < 60
        for document, found in read.items():
            there = every[document][table]
            assert found.rows == {
                table: {(document.key, one): there[document.key, one] for one in positions if one < 30}
            }
            assert found.partial == {table}
        transaction.rollback()


def test_of_other_documents_the_whole_list_is_read(side: MySQLSide) -> None:
    target, checkpoint = side.leased()
    every = {account(one): account_rows(one, products=["x"] * 3) for one in (A, B)}
    checkpoint = side.put(target, checkpoint, every)
    table = "analytics_accountproduct"
    transaction = target.begin(checkpoint.next())
    read = transaction.read(dict.fromkeys(every, frozenset([table])), {account(A): {table: [1]}})
    assert read[account(A)].rows == {table: {(A, 1): {"product": "x"}}}
    assert read[account(B)].rows == {table: every[account(B)][table]}
    assert read[account(B)].partial == frozenset()


def _examined(side: MySQLSide, target: MySQLTarget) -> int:
    """Rows that the target's connection has read so far."""
    session = target._session.get()
    with session.cursor() as cursor:
        cursor.execute("SHOW SESSION STATUS LIKE 'Handler_read%'")
        return sum(int(row[1]) for row in cursor.fetchall())


def test_an_insert_that_comes_between_is_met(side: MySQLSide) -> None:
    """An absent row cannot be locked: a user's insert of the same key makes a refusal, never an overwritten row."""
    target, first = side.leased()
    transaction = target.begin(first.next())
    side.read(transaction, account())
    side.run(f"INSERT INTO analytics_account (id, account_id, `limit`) VALUES ('{A}', 9, 9)")
    with pytest.raises(Refused):
        transaction.write([write(side, account_rows(), side.nothing(), account())])
    transaction.rollback()
    assert side.rows("SELECT account_id FROM analytics_account") == [(9,)]


def test_rows_that_are_not_as_they_were_read_are_contention(side: MySQLSide) -> None:
    """Whoever writes what was not locked finds out, and nothing is committed."""
    transaction = begun(side)
    for before, after in [
        (account_rows(), account_rows(limit=11)),
        (account_rows(), side.nothing()),
    ]:
        with pytest.raises(Contention):
            transaction.write([write(side, after, before, account())])
    transaction.rollback()


def test_a_deadlock_is_contention(side: MySQLSide) -> None:
    """Its transaction is gone whole; the next one starts clean."""
    target, first = side.leased()
    checkpoint = side.put(target, first, {account(one): account_rows(one) for one in (A, B)})
    transaction = target.begin(checkpoint.next())
    side.read(transaction, account(A))
    heavy = [
        f"INSERT INTO analytics_account (id, account_id, `limit`) VALUES ('{key(place)}', 1, 1)" for place in range(50)
    ]
    lock = "UPDATE analytics_account SET `limit` = 0 WHERE id = '{}'"
    with side.holding(*heavy, lock.format(B)) as other, other.cursor() as cursor:
        waiting = InThread(lambda: cursor.execute(lock.format(A)))
        wait_for(lambda: _waits(side))
        with pytest.raises(Contention):
            transaction.write([write(side, account_rows(B, limit=2), account_rows(B), account(B))])
        waiting.result()
        transaction.rollback()
    side.put(target, checkpoint, {account(A): account_rows(A, limit=3)})


def _waits(side: MySQLSide) -> bool:
    """Whether somebody waits for a row's lock."""
    if side.flavour is Flavour.MARIADB:
        return bool(side.rows("SELECT 1 FROM information_schema.INNODB_LOCK_WAITS"))
    return bool(side.rows("SELECT 1 FROM performance_schema.data_lock_waits"))


def test_a_range_is_filled_in_bulk(side: MySQLSide) -> None:
    """More rows than fit one statement, exact values; only where nothing stands from the first to the last document."""
    target, first = side.leased()
    wanted = {
        of(key(place)): side.shredded(
            customer(key(place), username=text[:10], address=text * 3, accounts=[*range(100)]), "customers"
        )
        for place, text in enumerate([*TEXTS, "'" * 30_000, "x" * 100_000])
    }
    inside = {of(key(3)): wanted.pop(of(key(3)))}
    transaction = target.begin(first.next())
    assert transaction.fill("customers", wanted)
    transaction.commit()
    assert {one: side.stands(one).rows for one in wanted} == wanted
    transaction = target.begin(first.next().next())
    around = {of(key(2)): wanted[of(key(2))], **inside, of(key(4)): wanted[of(key(4))]}
    assert not transaction.fill("customers", around)
    assert transaction.fill("customers", inside)
    transaction.rollback()
    assert side.stands(of(key(3))).rows == side.nothing("customers")


def test_a_row_without_a_root_keeps_a_range_from_being_filled(side: MySQLSide) -> None:
    """It stands in the table of a part, and its document must be merged."""
    side.run(
        "SET FOREIGN_KEY_CHECKS = 0",
        f"INSERT INTO analytics_accountproduct (account_oid, position, product) VALUES ('{B}', 0, 'x')",
    )
    assert not begun(side).fill("accounts", {account(name): account_rows(name) for name in (A, B, C)})
