"""What looks do to conflict rows, on real servers: begun, noted away, decided, met, written, settled, waiting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from deploy.local.users import Role
from sync.conflict_ports import Decision, HeldDocument
from sync.errors import CommandRefused, ConfigError
from sync.model.change import ConflictKind, DocumentRows, Hold, Side
from sync.model.choice import Taken
from sync.model.mapping import Policy
from sync.model.outcome import Decided, Looked, Loser, Outcome
from sync.model.rulings import Judged, Ruling
from sync.mysql.conflicts import ConflictTransaction
from tests.mysql_side import A, B, MySQLSide, account, account_rows, edited, opening

HOLD = Hold(kind=ConflictKind.UPDATE_DIFFERS, reason="analytics_account: other values stand in limit")
PLACE = ("analytics_account", (A,), "limit")


@contextmanager
def rows(side: MySQLSide, role: Role = Role.FOLLOWER) -> Iterator[ConflictTransaction]:
    """A worker's transaction, committed at the end."""
    transaction = side.conflicts(role).begin()
    yield transaction
    transaction.commit()


def opened(side: MySQLSide, key: str = A, kind: ConflictKind = ConflictKind.UPDATE_DIFFERS) -> int:
    with rows(side) as transaction:
        transaction.open(opening(account(key), Hold(kind=kind, reason=HOLD.reason), [edited((1, 2), 5)]), Side.MYSQL)
    return held(side, key).conflict


def held(side: MySQLSide, key: str = A) -> HeldDocument:
    with rows(side) as transaction:
        return transaction.held([account(key)])[account(key)]


def look_of(side: MySQLSide) -> int | None:
    """The look in the row of the first document."""
    look = shown(side, held(side).conflict)["look_id"]
    assert look is None or isinstance(look, int)
    return look


def decision(losing: int | None = 2) -> Decision:
    """MongoDB's value won; MySQL's may be a loser."""
    mysql, mongo = account_rows(limit=2), account_rows(limit=7)
    decided = Decided(place=PLACE, base=1, mysql=2, mongo=7, mysql_time=5, mongo_time=6, winner=Side.MONGO)
    losers = (Loser(place=PLACE, value=losing, side=Side.MYSQL, time=5),) if losing is not None else ()
    outcome = Outcome(rows=mongo, decided=(decided,), losers=losers)
    return Decision(
        looked=Looked(mysql=mysql, mongo=mongo), mysql=mysql, policy=Policy.LAST_WRITE_WINS, outcome=outcome
    )


def begun(side: MySQLSide, look: int, *conflicts: int) -> None:
    with rows(side) as transaction:
        assert transaction.looks.begin(look, conflicts) == set(conflicts)


def decided(side: MySQLSide, look: int, decisions: Mapping[int, Decision]) -> None:
    with rows(side) as transaction:
        assert transaction.looks.notes(look, decisions.keys()).keys() == decisions.keys()
        transaction.looks.decided(look, decisions)


def shown(side: MySQLSide, conflict: int) -> dict[str, Any]:
    return side.operators().conflict(conflict)


def stored(side: MySQLSide, column: str) -> list[object]:
    return [value for (value,) in side.rows(f"SELECT {column} FROM sync_conflict_detail ORDER BY conflict_id")]


def noted(side: MySQLSide, of: Side, ahead: frozenset[int] | None) -> int | None:
    """The look that is left once another edit was noted."""
    with rows(side) as transaction:
        transaction.note({held(side): [edited((2, 3), 9)]}, of, ahead)
    return look_of(side)


def test_what_is_open_and_has_no_look_is_due(side: MySQLSide) -> None:
    """Oldest first, as many as asked for; what has a look, or is closed, is not."""
    first, second = opened(side), opened(side, B)
    with rows(side) as transaction:
        due = transaction.looks.due(10)
        assert [(one.conflict, one.document, one.waiting) for one in due] == [
            (first, account(A), False),
            (second, account(B), False),
        ]
        assert [one.conflict for one in transaction.looks.due(1)] == [first]
    begun(side, 11, first)
    with rows(side) as transaction:
        assert [one.conflict for one in transaction.looks.due(10)] == [second]
        assert transaction.close(held(side, B), {})
    with rows(side) as transaction:
        assert transaction.looks.due(10) == []


def test_a_key_that_stands_there_cut_names_no_document(side: MySQLSide) -> None:
    """Its row is due without a document: nobody may look at another one in its place."""
    with rows(side) as transaction:
        transaction.open(opening(account("?" + "k" * 5000), HOLD, []), Side.MONGO)
        (due,) = transaction.looks.due(10)
    assert due.document is None


def asked(side: MySQLSide, look: int, *, entering: tuple[Ruling, ...] = ()) -> int:
    """The first document's conflict, after a look that left the limit to a person."""
    conflict = opened(side)
    ask(side, look, conflict, entering=entering)
    return conflict


def ask(side: MySQLSide, look: int, conflict: int, *, entering: tuple[Ruling, ...] = ()) -> None:
    """A look leaves the limit to a person."""
    begun(side, look, conflict)
    question = decision(losing=None)
    outcome = replace(
        question.outcome, rows=account_rows(limit=2), apart=account_rows(limit=7), units=(PLACE,), questions=(PLACE,)
    )
    left = replace(question, outcome=outcome, judged=Judged(entering=entering), waiting_for="a person: limit")
    decided(side, look, {conflict: left})
    with rows(side, Role.LISTENER) as transaction:
        found = transaction.looks.written(look, [conflict])
        assert [one.asks for one in found] == [True]
        transaction.looks.ask(found)


def ruling(request: int = 3) -> Ruling:
    return Ruling(
        request=request,
        by="alice",
        reason="a call",
        asked_at="2026-01-01T00:00:00+00:00",
        taken=(Taken(head=PLACE, mysql=2, mongo=7, side=Side.MONGO),),
    )


def test_what_waits_for_a_person_is_not_due(side: MySQLSide) -> None:
    """It has what both sides hold, its notes, and no look; a newer note makes it due, with what was asked."""
    conflict, later = asked(side, 11), opened(side, B)
    with rows(side) as transaction:
        assert [one.conflict for one in transaction.looks.due(1)] == [later]
    row = shown(side, conflict)
    assert (row["state"], row["waiting_for"], row["look_id"]) == ("waiting", "a person: limit", None)
    assert [row[f"{one}_value"][0]["row"]["limit"] for one in Side] == [2, 7]
    assert row["asked_at"] is not None
    assert noted(side, Side.MYSQL, frozenset()) is None
    with rows(side) as transaction:
        (due, _) = transaction.looks.due(10)
    assert (due.conflict, due.asked, due.overdue, due.waiting) == (conflict, frozenset({PLACE}), False, False)


def test_what_waits_since_then_is_tried_again(side: MySQLSide) -> None:
    """A refusal, or a function that fails, leaves the time as it was first set; what is asked after it is not due any more."""
    conflict, other = asked(side, 11), opened(side, B)
    since = shown(side, conflict)["asked_at"]
    with rows(side) as transaction:
        transaction.looks.wait(conflict, "MySQL refuses the outcome")
        transaction.looks.wait(other, "MySQL refuses the outcome")
    assert [shown(side, one)["asked_at"] for one in (conflict, other)] == [since, None]
    with rows(side) as transaction:
        transaction.looks.wait(conflict, "a function fails", undecided=True)
        transaction.looks.wait(other, "a function fails", undecided=True)
    assert shown(side, conflict)["asked_at"] == since
    assert shown(side, other)["asked_at"] is not None
    with rows(side) as transaction:
        assert [(one.conflict, one.waiting) for one in transaction.looks.due(10)] == [(conflict, True), (other, True)]
        transaction.looks.wait(other, "MySQL refuses the outcome")
    ask(side, 12, conflict)
    with rows(side) as transaction:
        assert [one.conflict for one in transaction.looks.due(10)] == [other]
    assert shown(side, conflict)["asked_at"] == since


def test_a_ruling_makes_a_row_due_and_is_taken_once(side: MySQLSide) -> None:
    """However often its request is given; it is done when both sides have the outcome, refused where that cannot be."""
    conflict = asked(side, 11)
    for _ in range(2):
        with rows(side) as transaction:
            transaction.rule(conflict, ruling())
    with rows(side) as transaction:
        (due,) = transaction.looks.due(10)
    assert (due.rulings, due.waiting) == ((ruling(),), False)
    begun(side, 12, conflict)
    decided(side, 12, {conflict: replace(decision(), judged=Judged(entering=(ruling(),)))})
    with rows(side, Role.LISTENER) as transaction:
        transaction.looks.settled([one.conflict for one in transaction.looks.written(12, [conflict])])
    row = shown(side, conflict)
    assert [(one["state"], one["finished_at"] is not None) for one in row["rulings"]] == [("done", True)]
    assert (row["state"], row["resolution"]["by"], row["resolution"]["person"]) == ("settled", "person", "alice")
    with rows(side) as transaction, pytest.raises(CommandRefused, match=f"conflict {conflict} is closed"):
        transaction.rule(conflict, ruling(4))


def test_a_ruling_that_cannot_be_carried_out_is_withdrawn(side: MySQLSide) -> None:
    """With the reason; a repair that comes first takes it away, too."""
    conflict = asked(side, 11)
    with rows(side) as transaction:
        transaction.rule(conflict, ruling())
        transaction.looks.wait(conflict, "MySQL refuses the outcome")
        transaction.rule(conflict, ruling(4))
        assert [one.rulings for one in transaction.looks.due(10)] == [(ruling(4),)]
    with rows(side) as transaction:
        assert transaction.close(held(side), {"repaired_from": "mysql"})
    assert [(one["state"], one["message"]) for one in shown(side, conflict)["rulings"]] == [
        ("refused", "MySQL refuses the outcome"),
        ("refused", "the document was repaired meanwhile"),
    ]


@pytest.mark.parametrize("there", [True, False])
def test_a_persons_choice_makes_a_row_due(side: MySQLSide, *, there: bool) -> None:
    """The one that is open, with its look taken away, or a new one."""
    before = opened(side, kind=ConflictKind.SNAPSHOT_DIFFERS) if there else 0
    if there:
        begun(side, 11, before)
    with rows(side) as transaction:
        conflict = transaction.choose(account(A), Side.MONGO)
        (due,) = transaction.looks.due(10)
    assert (due.conflict, due.document, due.chosen, due.waiting) == (conflict, account(A), Side.MONGO, False)
    assert conflict == before or not there


def test_a_choice_that_was_refused_is_withdrawn(side: MySQLSide) -> None:
    """It was made for what stood there then."""
    opened(side)
    with rows(side) as transaction:
        conflict = transaction.choose(account(A), Side.MYSQL)
        transaction.looks.wait(conflict, "MySQL refuses the outcome")
        (due,) = transaction.looks.due(10)
    assert (due.chosen, due.waiting) == (None, True)


def test_what_a_person_chose_is_settled_by_that_person(side: MySQLSide) -> None:
    """Kept as a conflict, whether a value lost or not."""
    opened(side)
    with rows(side) as transaction:
        conflict = transaction.choose(account(A), Side.MONGO)
    begun(side, 11, conflict)
    decided(side, 11, {conflict: decision(losing=None)})
    with rows(side, Role.LISTENER) as transaction:
        transaction.looks.settled([conflict])
    found = shown(side, conflict)
    assert (found["state"], found["resolution"]) == ("settled", {"repaired_from": "mongo"})


def test_a_closed_row_gets_no_look(side: MySQLSide) -> None:
    """Whoever closed it was faster."""
    conflict = opened(side)
    with rows(side) as transaction:
        assert transaction.close(held(side), {})
        assert transaction.looks.begin(11, [conflict]) == frozenset()


@pytest.mark.parametrize(("ahead", "left"), [(frozenset({11}), 11), (frozenset(), None)])
def test_a_followers_note_clears_the_look_whose_mark_it_has_passed(
    side: MySQLSide, ahead: frozenset[int], left: int | None
) -> None:
    """Not one whose mark is still to come: what is noted is older than the look."""
    begun(side, 11, opened(side))
    assert noted(side, Side.MYSQL, ahead) == left


@pytest.mark.parametrize(("met", "left"), [(None, 11), (11, None)])
def test_a_listeners_note_clears_the_look_that_it_has_met(side: MySQLSide, met: int | None, left: int | None) -> None:
    """As the row itself tells."""
    begun(side, 11, opened(side))
    if met:
        with rows(side, Role.LISTENER) as transaction:
            transaction.looks.met(met)
    assert noted(side, Side.MONGO, None) == left


def test_both_sides_notes_are_given_for_what_still_has_the_look(side: MySQLSide) -> None:
    """What was cleared, or has another look, is left out."""
    first, second = opened(side), opened(side, B)
    begun(side, 11, first)
    begun(side, 12, second)
    with rows(side) as transaction:
        found = transaction.looks.notes(11, [first, second])
    assert found.keys() == {first}
    assert [note.value for note in found[first][Side.MYSQL].places.values()] == [2]
    assert found[first][Side.MONGO].places == {}


def test_a_settled_conflict_keeps_what_lost(side: MySQLSide) -> None:
    """With both values, times, the winner and the policy; and it can conflict anew."""
    conflict = opened(side)
    begun(side, 11, conflict)
    decided(side, 11, {conflict: decision()})
    with rows(side, Role.LISTENER) as transaction:
        (found,) = transaction.looks.written(11, [conflict])
        assert (found.document, found.look) == (account(), 11)
        assert (found.looked_at, found.outcome) == (account_rows(limit=2), account_rows(limit=7))
        transaction.looks.settled([conflict])
    row = shown(side, conflict)
    assert (row["state"], row["resolution"]) == ("settled", {"by": "policy", "policy": "last_write_wins"})
    assert row["closed_at"] is not None
    place = f'"table": "analytics_account", "key": ["{A}"], "column": "limit"'
    assert stored(side, "losers") == [f'[{{{place}, "value": 2, "side": "mysql", "time": 5}}]']
    values = '"base": 1, "mysql": 2, "mongo": 7, "mysql_time": 5, "mongo_time": 6, "winner": "mongo"'
    why = '"policy": "", "doubtful": false'
    assert stored(side, "fields") == [f"[{{{place}, {values}, {why}}}]"]
    assert stored(side, "looks") == [1]
    assert opened(side) != conflict


def test_without_a_loser_it_has_converged(side: MySQLSide) -> None:
    """Counted apart: nothing for people."""
    conflict = opened(side)
    begun(side, 11, conflict)
    decided(side, 11, {conflict: decision(None)})
    with rows(side, Role.LISTENER) as transaction:
        transaction.looks.settled([conflict])
    assert shown(side, conflict)["state"] == "converged"


def test_losers_of_a_cleared_look_are_kept_once_its_mark_is_met(side: MySQLSide) -> None:
    """MongoDB's value is gone. Later looks add to them; the later look stays."""
    conflict = opened(side)
    begun(side, 11, conflict)
    decided(side, 11, {conflict: decision(2)})
    with rows(side) as transaction:
        transaction.looks.clear()  # a new follower
    begun(side, 12, conflict)
    with rows(side, Role.LISTENER) as transaction:
        (found,) = transaction.looks.written(11, [conflict])
        assert found.look == 12
        transaction.looks.keep_losers([conflict], 11)
    assert look_of(side) == 12
    decided(side, 12, {conflict: decision(3)})
    with rows(side, Role.LISTENER) as transaction:
        transaction.looks.settled([conflict])
    (losers,) = stored(side, "losers")
    assert [f'"value": {value},' in str(losers) for value in (2, 3)] == [True, True]


def test_losers_of_a_decision_that_never_reached_mongo_are_dropped(side: MySQLSide) -> None:
    """The next decision takes their place."""
    conflict = opened(side)
    begun(side, 11, conflict)
    decided(side, 11, {conflict: decision(2)})
    with rows(side) as transaction:
        transaction.looks.give_up([conflict], 11)
    assert (look_of(side), stored(side, "decided_by")) == (None, [None])
    begun(side, 12, conflict)
    decided(side, 12, {conflict: decision(None)})
    with rows(side, Role.LISTENER) as transaction:
        transaction.looks.settled([conflict])
    assert (shown(side, conflict)["state"], stored(side, "losers")) == ("converged", ["[]"])


def test_giving_up_a_look_leaves_what_an_earlier_one_decided(side: MySQLSide) -> None:
    """Its second mark may be on its way."""
    conflict = opened(side)
    begun(side, 11, conflict)
    decided(side, 11, {conflict: decision()})
    with rows(side) as transaction:
        transaction.looks.clear()
    begun(side, 12, conflict)
    with rows(side) as transaction:
        transaction.looks.give_up([conflict], 12)
    with rows(side, Role.LISTENER) as transaction:
        assert [one.conflict for one in transaction.looks.written(11, [conflict])] == [conflict]


def test_giving_up_another_look_changes_nothing(side: MySQLSide) -> None:
    """It has been replaced meanwhile."""
    conflict = opened(side)
    begun(side, 12, conflict)
    with rows(side) as transaction:
        transaction.looks.give_up([conflict], 11)
    assert look_of(side) == 12


def test_what_waits_says_for_what_until_something_is_noted(side: MySQLSide) -> None:
    """It keeps its look and is due again; a newer note opens it."""
    conflict = opened(side)
    begun(side, 11, conflict)
    with rows(side, Role.LISTENER) as transaction:
        transaction.looks.met(11)
        transaction.looks.wait(conflict, "MySQL error 1062: duplicate in unique key")
    assert (shown(side, conflict)["state"], look_of(side)) == ("waiting", 11)
    assert stored(side, "waiting_for") == ["MySQL error 1062: duplicate in unique key"]
    with rows(side) as transaction:
        (due,) = transaction.looks.due(10)
    assert (due.conflict, due.waiting) == (conflict, True)
    assert noted(side, Side.MONGO, None) is None
    assert shown(side, conflict)["state"] == "open"


def test_many_at_once(side: MySQLSide) -> None:
    """A thousand documents under one look, each with its own outcome."""
    keys = [f"{number:024x}" for number in range(1000)]
    with rows(side) as transaction:
        for key in keys:
            transaction.open(opening(account(key), HOLD, [edited((1, 2), 5)]), Side.MYSQL)
        found = transaction.held([account(key) for key in keys])
    conflicts = {held.conflict: held.document for held in found.values()}
    begun(side, 11, *conflicts)

    def outcome(key: object) -> DocumentRows:
        return {"analytics_account": {(str(key),): {"account_id": 1, "limit": 9}}, "analytics_accountproduct": {}}

    base = decision()
    decided(
        side,
        11,
        {
            number: Decision(
                looked=base.looked,
                mysql=base.mysql,
                policy=base.policy,
                outcome=Outcome(rows=outcome(document.key), losers=base.outcome.losers),
            )
            for number, document in conflicts.items()
        },
    )
    with rows(side, Role.LISTENER) as transaction:
        written = transaction.looks.written(11, list(conflicts))
        assert {one.conflict: one.outcome for one in written} == {
            number: outcome(document.key) for number, document in conflicts.items()
        }
        transaction.looks.settled(list(conflicts))
    assert side.rows("SELECT state, COUNT(*) FROM sync_conflict GROUP BY state") == [("settled", 1000)]


def closed(side: MySQLSide, count: int, state: str, days: float) -> list[int]:
    """Conflicts that were closed so long ago."""
    start = side.rows("SELECT COALESCE(MAX(id), 0) FROM sync_conflict")[0][0] + 1
    numbers = list(range(start, start + count))
    for number in numbers:
        side.rows(
            "INSERT INTO sync_conflict (id, collection, document_id, state, version) VALUES (%s, 'accounts', %s, %s, 1)",
            number,
            f"{number:024x}",
            state,
        )
        side.rows(
            "INSERT INTO sync_conflict_detail (conflict_id, kind, side, reason, opened_at, noted_at, closed_at)"
            " VALUES (%s, 'update_differs', 'mysql', '', '2020-01-01', '2020-01-01', NOW(6) - INTERVAL %s HOUR)",
            number,
            days * 24,
        )
    return numbers


def pruned(side: MySQLSide, state: str, days: int, limit: int = 500) -> int:
    with rows(side) as transaction:
        return transaction.looks.prune(state, days, limit)


def left(side: MySQLSide) -> list[int]:
    """Both tables hold the same conflicts."""
    narrow = side.rows("SELECT id FROM sync_conflict ORDER BY id")
    assert narrow == side.rows("SELECT conflict_id FROM sync_conflict_detail ORDER BY conflict_id")
    return [number for (number,) in narrow]


@pytest.mark.parametrize("state", ["settled", "converged"])
def test_closed_rows_are_deleted_when_their_days_are_over(side: MySQLSide, state: str) -> None:
    """Only those of the state that is named; what is open stays however old it is."""
    other = "converged" if state == "settled" else "settled"
    kept = closed(side, 1, other, 9)
    old, young = closed(side, 2, state, 2.5), closed(side, 1, state, 1.5)
    still = opened(side)
    side.rows("UPDATE sync_conflict_detail SET opened_at = '2020-01-01' WHERE conflict_id = %s", still)
    assert pruned(side, state, 2) == len(old)
    assert left(side) == [*kept, *young, still]
    assert pruned(side, state, 2) == 0


@pytest.mark.parametrize("state", ["settled", "converged"])
def test_not_more_rows_are_deleted_than_asked_for(side: MySQLSide, state: str) -> None:
    """The oldest first; none where none is asked for."""
    oldest = closed(side, 3, state, 9)
    others = closed(side, 2, state, 8)
    assert pruned(side, state, 1, limit=0) == 0
    assert pruned(side, state, 1, limit=3) == len(oldest)
    assert left(side) == others


def test_deleting_waits_for_nobody_s_open_rows(side: MySQLSide) -> None:
    """A worker has them locked."""
    number = opened(side)
    gone = closed(side, 2, "settled", 9)
    with side.holding(f"SELECT 1 FROM sync_conflict WHERE id = {number} FOR UPDATE"):
        assert pruned(side, "settled", 1) == len(gone)


def test_only_the_follower_may_delete(side: MySQLSide) -> None:
    """The listener writes conflicts, and has no right to more."""
    closed(side, 1, "settled", 9)
    transaction = side.conflicts(Role.LISTENER).begin()
    with pytest.raises(ConfigError):
        transaction.looks.prune("settled", 1, 1)
    transaction.rollback()
    assert len(left(side)) == 1
