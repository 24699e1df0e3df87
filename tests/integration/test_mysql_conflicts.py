"""Conflict rows on real servers: one open row for each document, joined, noted where open, closed at the version read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from deploy.local.users import Role
from sync.conflict_ports import HeldDocument
from sync.errors import CommandRefused, ConfigError, Contention, MySQLAway
from sync.model.change import ConflictKind, DocumentId, DocumentRows, Entry, Hold, Origin, RowChange, Side
from sync.model.notes import Notes
from sync.mysql.conflicts import ConflictTransaction, MySQLConflicts
from sync.mysql.deciding import Deciding
from tests.mysql_side import A, B, InThread, MySQLSide, account, account_rows, edited, opening, wait_for

HOLD = Hold(kind=ConflictKind.UPDATE_DIFFERS, reason="analytics_account: other values stand in limit")


def opened(
    side: MySQLSide,
    document: DocumentId | None = None,
    entries: Sequence[Entry] = (),
    target: DocumentRows | None = None,
    of: Side = Side.MYSQL,
) -> HeldDocument:
    """A conflict, opened and committed by the follower."""
    document = document or account()
    transaction = side.conflicts().begin()
    transaction.open(opening(document, HOLD, entries, target), of)
    transaction.commit()
    return held(side, document)


def held(side: MySQLSide, document: DocumentId) -> HeldDocument:
    """As anybody finds it now."""
    transaction = side.conflicts().begin()
    found = transaction.held([document])[document]
    transaction.rollback()
    return found


def detail(side: MySQLSide) -> dict[str, Any]:
    """The only conflict, as the command line shows it; but for its age, which grows."""
    (listed,) = side.operators().conflicts({}, 10)
    number = listed["id"]
    assert isinstance(number, int)
    return {name: value for name, value in side.operators().conflict(number).items() if name != "age_seconds"}


def noted(side: MySQLSide, of: Side = Side.MYSQL) -> list[tuple[object, object]]:
    """Value and what was found there, of each note of one side."""
    notes = Notes.from_json(json.dumps(detail(side)[f"{of}_notes"]))
    return [(note.value, note.found) for note in notes.places.values()]


def test_an_open_row_tells_what_people_and_the_decision_need(side: MySQLSide) -> None:
    """Kind, side, reason, what the changes wrote, what stands on the other side, and the notes."""
    opened(side, entries=[edited((1, 2), 5), edited((2, 3), 6)], target=account_rows(limit=9, products=["x"]))
    found = detail(side)
    assert (found["collection"], found["document"], found["state"]) == ("accounts", A, "open")
    assert (found["kind"], found["side"], found["reason"]) == ("update_differs", "mysql", HOLD.reason)
    assert found["mysql_value"] == [{"table": "analytics_account", "key": [A], "row": {"account_id": 1, "limit": 3}}]
    assert [one["table"] for one in found["mongo_value"]] == ["analytics_account", "analytics_accountproduct"]
    assert noted(side) == [(3, 1)]
    assert (found["mongo_notes"], found["resolution"], found["closed_at"]) == (None, None, None)
    assert found["opened_at"] == found["noted_at"]


def test_a_deleted_row_is_shown_as_such(side: MySQLSide) -> None:
    """Its key, and no row."""
    gone = RowChange(table="analytics_account", key=(A,), before={"account_id": 1, "limit": 3}, after=None)
    opened(side, entries=[edited((1, 2), 5)._replace(changes=(gone,))])
    assert detail(side)["mysql_value"] == [{"table": "analytics_account", "key": [A], "row": None}]


def test_a_change_that_could_not_be_read_is_not_shown_as_a_deleted_document(side: MySQLSide) -> None:
    """No value is known of its side; and nothing can be decided before a look has read both."""
    unread = Hold(kind=ConflictKind.UNMAPPABLE_DOCUMENT, reason="limit: int32 is allowed, found str")
    entries = [edited((1, 2), 5)._replace(changes=(), problem=unread)]
    opened(side, entries=entries, target=account_rows(limit=9), of=Side.MONGO)
    found = detail(side)
    assert found["mongo_value"] is None
    assert found["mysql_value"]
    deciding = Deciding(side.operators(), side.mapping)
    assert deciding.shown(found) == ()
    assert deciding.shown({**found, "mongo_value": []}) == ()
    assert deciding.shown({**found, "mongo_value": [], "looked_at": found["opened_at"]})
    with pytest.raises(CommandRefused, match="has not been looked at yet"):
        deciding.collection(found)


def test_held_finds_open_rows_only(side: MySQLSide) -> None:
    """Among many documents, in pieces."""
    first = opened(side)
    many = [account(f"{number:024x}") for number in range(2500)]
    transaction = side.conflicts().begin()
    assert transaction.held([*many, account()]) == {account(): first}
    assert transaction.close(first, {})
    assert transaction.held([account()]) == {}
    assert transaction.held([]) == {}
    transaction.rollback()
    assert held(side, account()) == first


def test_who_comes_second_joins(side: MySQLSide) -> None:
    """One open row for a document, with the notes of both sides; the first one's reason stays."""
    opened(side, entries=[edited((1, 2), 5)])
    transaction = side.conflicts(Role.LISTENER).begin()
    other = Hold(kind=ConflictKind.INSERT_EXISTS, reason="another")
    transaction.open(opening(account(), other, [edited((1, 7), 6)]), Side.MONGO)
    transaction.commit()
    assert detail(side)["kind"] == "update_differs"
    assert (noted(side, Side.MYSQL), noted(side, Side.MONGO)) == ([(2, 1)], [(7, 1)])


def test_many_are_opened_together_and_one_of_them_joins(side: MySQLSide) -> None:
    """Each has its row; what was open already keeps its own, with the notes of both."""
    first = opened(side, entries=[edited((1, 2), 5)])
    transaction = side.conflicts(Role.LISTENER).begin()
    many = [account(), account(B), account("c" * 24)]
    transaction.open([one for document in many for one in opening(document, HOLD, [edited((1, 7), 6)])], Side.MONGO)
    transaction.commit()
    assert held(side, account()).conflict == first.conflict
    assert len({held(side, document).conflict for document in many}) == 3
    found = side.operators().conflict(first.conflict)
    assert (found["side"], [bool(found[f"{of}_notes"]) for of in Side]) == ("mysql", [True, True])


def test_who_opens_at_the_same_moment_waits_and_joins(side: MySQLSide) -> None:
    """The unique key makes the second wait for the first's commit."""
    first = side.conflicts().begin()
    first.open(opening(account(), HOLD, [edited((1, 2), 5)]), Side.MYSQL)
    second = side.conflicts(Role.LISTENER).begin()
    joining = InThread(lambda: second.open(opening(account(), HOLD, [edited((1, 7), 6)]), Side.MONGO))
    wait_for(lambda: side.rows("SELECT 1 FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT'"))
    first.commit()
    joining.result()
    second.commit()
    assert (noted(side, Side.MYSQL), noted(side, Side.MONGO)) == ([(2, 1)], [(7, 1)])


def test_who_waits_for_an_opening_too_long_gives_way(side: MySQLSide) -> None:
    """It is contention; the transaction is begun again."""
    first = side.conflicts().begin()
    first.open(opening(account(), HOLD, []), Side.MYSQL)
    second = side.conflicts(Role.LISTENER).begin()
    with pytest.raises(Contention):
        second.open(opening(account(), HOLD, []), Side.MONGO)
    second.rollback()
    first.rollback()
    assert side.operators().conflicts({}, 10) == []


def test_a_closed_document_can_conflict_anew(side: MySQLSide) -> None:
    """In a row of its own; the old one stays as history."""
    transaction = side.conflicts().begin()
    assert transaction.close(opened(side), {"repaired_from": "mysql"})
    transaction.commit()
    again = opened(side)
    newest, oldest = side.operators().conflicts({}, 10)
    assert (newest["id"], newest["state"], oldest["state"]) == (again.conflict, "open", "settled")
    assert side.operators().conflict(int(str(oldest["id"])))["resolution"] == {"repaired_from": "mysql"}


def test_notes_are_added_where_open(side: MySQLSide) -> None:
    """Users' changes only; each raises the version; a closed row says no and nothing changes."""
    first = opened(side, entries=[edited((1, 2), 5)])
    transaction = side.conflicts().begin()
    echo = edited((2, 99), 8, origin=Origin.ECHO)
    assert transaction.note({first: [edited((2, 4), 7), echo]}, Side.MYSQL) == {first}
    assert transaction.note({first: [edited((1, 6), 7)]}, Side.MONGO) == {first}
    transaction.commit()
    assert (noted(side, Side.MYSQL), noted(side, Side.MONGO)) == ([(4, 1)], [(6, 1)])
    newer = held(side, account())
    assert newer.version == first.version + 2
    transaction = side.conflicts().begin()
    assert transaction.close(newer, {})
    transaction.commit()
    assert transaction.note({newer: [edited((4, 5), 9)]}, Side.MYSQL) == frozenset()
    transaction.commit()
    assert noted(side) == [(4, 1)]


def test_many_are_noted_at_once(side: MySQLSide) -> None:
    """Small and large, changed and not: each row gets its own; those that are closed are told apart."""
    documents = [account(f"{number:024x}") for number in range(1200)]
    transaction = side.conflicts().begin()
    for document in documents:
        transaction.open(opening(document, HOLD, []), Side.MYSQL)
    transaction.commit()
    found = transaction.held(documents)
    gone = found[documents[7]]
    assert transaction.close(gone, {})
    transaction.commit()
    wanted = {}
    for number, document in enumerate(documents):
        entry = edited((1, number + 2), 7)
        if number % 400 == 3:
            change = entry.changes[0]._replace(after={"account_id": 1, "limit": "x" * 600_000})
            entry = entry._replace(changes=(change,))
        wanted[found[document]] = [entry]
    assert transaction.note(wanted, Side.MONGO) == wanted.keys() - {gone}
    transaction.commit()
    ((count,),) = side.rows("SELECT COUNT(*) FROM sync_conflict WHERE version = 2")
    assert count == 1199
    for number in (0, 3, 6, 1199):
        shown = side.operators().conflict(found[documents[number]].conflict)
        (note,) = Notes.from_json(json.dumps(shown["mongo_notes"])).places.values()
        assert note.value == ("x" * 600_000 if number == 3 else number + 2)


def test_noting_the_same_twice_changes_nothing(side: MySQLSide) -> None:
    """After a crash the same batch comes again: no other version, no event in the log."""
    first = opened(side, entries=[edited((1, 2), 5)])
    before, end = detail(side), side.log_end()
    transaction = side.conflicts().begin()
    assert transaction.note({first: [edited((1, 2), 5)]}, Side.MYSQL) == {first}
    transaction.open(opening(account(), HOLD, [edited((1, 2), 5)]), Side.MYSQL)
    transaction.commit()
    assert (detail(side), held(side, account())) == (before, first)
    assert side.log_end() == end


def test_closing_counts_at_the_version_that_was_read(side: MySQLSide) -> None:
    """What was noted meanwhile keeps the row open."""
    first = opened(side)
    transaction = side.conflicts(Role.LISTENER).begin()
    transaction.note({first: [edited((1, 2), 5)]}, Side.MONGO)
    transaction.commit()
    assert not transaction.close(first, {})
    transaction.rollback()
    assert transaction.close(held(side, account()), {})
    transaction.commit()
    assert detail(side)["state"] == "settled"
    assert not transaction.close(first, {})


def test_rolled_back_is_never_seen(side: MySQLSide) -> None:
    """The follower's MongoDB transaction failed: its conflict rows go with it."""
    transaction = side.conflicts().begin()
    transaction.open(opening(account(), HOLD, []), Side.MYSQL)
    transaction.rollback()
    assert side.operators().conflicts({}, 10) == []


def test_the_listeners_rows_commit_with_its_checkpoint(side: MySQLSide) -> None:
    """Same connection, same transaction."""
    target, first = side.leased()
    transaction = target.begin(first.next())
    transaction.conflicts.open(opening(account(), HOLD, [edited((1, 2), 5)], account_rows()), Side.MONGO)
    assert side.operators().conflicts({}, 10) == []
    transaction.commit()
    assert detail(side)["side"] == "mongo"
    assert [one["row"]["limit"] for one in detail(side)["mysql_value"]] == [10]


def test_a_lost_connection_is_opened_anew(side: MySQLSide) -> None:
    """At the next beginning."""
    conflicts = side.conflicts()
    transaction = conflicts.begin()
    side.run(f"KILL {_number(conflicts, side)}")
    with pytest.raises(MySQLAway):
        transaction.open(opening(account(), HOLD, []), Side.MYSQL)
    transaction.rollback()
    transaction = conflicts.begin()
    transaction.open(opening(account(), HOLD, []), Side.MYSQL)
    transaction.commit()
    assert detail(side)["state"] == "open"


def _number(conflicts: MySQLConflicts, side: MySQLSide) -> int:
    transaction = conflicts.begin()
    assert isinstance(transaction, ConflictTransaction)
    user = side.settings(Role.FOLLOWER).user
    ((number,),) = side.rows(
        "SELECT id FROM information_schema.PROCESSLIST WHERE user = %s AND db = %s", user, side.name
    )
    return int(number)


@pytest.mark.parametrize("length", [768, 769, 5000])
def test_a_document_with_a_long_key_can_be_held(side: MySQLSide, length: int) -> None:
    """Its text is cut where it is too long, and stays one document's."""
    first, second = account("é" * length), account("é" * length + "!")
    one, two = opened(side, first), opened(side, second)
    assert one.conflict != two.conflict
    shown = [str(listed["document"]) for listed in side.operators().conflicts({}, 10)]
    assert len(set(shown)) == 2
    assert all(len(text) <= 768 for text in shown)
    assert side.operators().held_texts() == {("accounts", text) for text in shown}
    for document in (first, second):  # found by the whole key, as people know it
        (found,) = side.operators().conflicts({"document": str(document.key)}, 10)
        assert found["id"] == (one if document is first else two).conflict


def test_what_is_too_large_for_one_statement_goes_in_more(side: MySQLSide) -> None:
    """Values and notes of a large document are kept whole."""
    ((most,),) = side.rows("SELECT @@max_allowed_packet")
    text = "x" * (most // 3)
    entry = edited((1, 2), 5)
    wide = entry._replace(changes=(entry.changes[0]._replace(before=None, after={"account_id": 1, "limit": text}),))
    opened(side, entries=[wide], target={"analytics_account": {(A,): {"account_id": 1, "limit": text}}})
    found = detail(side)
    assert found["mysql_value"][0]["row"]["limit"] == found["mongo_value"][0]["row"]["limit"] == text


def test_what_cannot_be_stored_at_all_is_said(side: MySQLSide) -> None:
    """With the setting that helps; nothing is left out silently."""
    ((most,),) = side.rows("SELECT @@max_allowed_packet")
    entry = edited((1, 2), 5)
    change = entry.changes[0]._replace(after={"account_id": 1, "limit": "x" * most})
    transaction = side.conflicts().begin()
    with pytest.raises(ConfigError) as refused:
        transaction.open(opening(account(B), HOLD, [entry._replace(changes=(change,))]), Side.MYSQL)
    assert "max_allowed_packet" in str(refused.value.hint)
    transaction.rollback()
    assert side.operators().conflicts({}, 10) == []
