"""What becomes of a document that both sides edited: each rule on the smallest values that show it."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from sync.model.change import ConflictKind, DocumentId, DocumentRows, Entry, Hold, Origin, Row, RowKey, Side, Value
from sync.model.choice import Choice
from sync.model.lens import difference
from sync.model.mapping import Policy
from sync.model.mapping_file import load_mapping
from sync.model.meeting import Answer, as_looked, decide, gaps, look_after_note, on_written, ranked
from sync.model.notes import NONE, Notes
from sync.model.outcome import Looked, Loser, Outcome, added_losers, decided_to_json, losers_to_json, rows_from_json
from sync.model.policies import Rule
from sync.model.position import BinlogPosition, Position, StreamPosition
from sync.model.values import rows_to_json

PEOPLE = load_mapping("""
[collections.people]
table = "person"
id = { column = "id", codec = "string" }
[collections.people.fields]
name = { column = "name", codec = "string" }
email = { column = "email", codec = "string" }
born = { column = "born", codec = "date", null = "absent" }
[collections.people.parts.accounts]
kind = "list"
table = "account"
parent = ["person_id"]
position = "place"
value = { column = "number", codec = "int32" }
[collections.people.parts.tiers]
kind = "map"
table = "tier"
parent = ["person_id"]
key = { column = "name" }
[collections.people.parts.tiers.fields]
level = { column = "level", codec = "string" }
[collections.people.parts.tiers.parts.benefits]
kind = "set"
table = "benefit"
parent = ["person_id", "tier_name"]
value = { column = "benefit", codec = "string" }
""").collections["people"]

MYSQL, MONGO = Side.MYSQL, Side.MONGO
ANN = DocumentId("people", "ann")
every_policy = pytest.mark.parametrize("policy", list(Policy))
#: Those by which nobody need be asked.
by_itself = pytest.mark.parametrize("policy", [one for one in Policy if one is not Policy.MANUAL])


def person(
    name: str = "Ann", email: str = "a@x", accounts: tuple[int, ...] = (), tiers: dict[str, str] | None = None
) -> dict[str, dict[RowKey, Row]]:
    """A person's rows. `tiers`: name of a tier and its level; each has the benefit "lounge"."""
    tiers = tiers or {}
    return {
        "person": {("ann",): {"name": name, "email": email, "born": None}},
        "account": {("ann", place): {"number": number} for place, number in enumerate(accounts)},
        "tier": {("ann", tier): {"level": level} for tier, level in tiers.items()},
        "benefit": {("ann", tier, "lounge"): {} for tier in tiers},
    }


ABSENT: dict[str, dict[RowKey, Row]] = {table.name: {} for table in PEOPLE.tables}
OLD = person()


def place_of(side: Side, count: int) -> Position:
    if side is MONGO:
        return StreamPosition(time=count, increment=1)
    return BinlogPosition(server="s", file="binlog.000001", offset=count)


def noted(side: Side, *steps: tuple[int, DocumentRows, DocumentRows]) -> Notes:
    """Notes of one side's edits: each (milliseconds, rows found, rows left)."""
    notes = NONE
    for count, (time, found, left) in enumerate(steps, 1):
        notes = notes.add(edit(side, count, time, found, left))
    return notes


def edit(
    side: Side,
    count: int,
    time: int,
    found: DocumentRows,
    left: DocumentRows,
    problem: Hold | None = None,
    *,
    correction: bool = False,
) -> Entry:
    return Entry(
        document=ANN,
        changes=difference(PEOPLE, found, left),
        origin=Origin.USER,
        committed_at=time * 1000,
        position=place_of(side, count),
        problem=problem,
        correction=correction,
    )


def met(
    mysql: DocumentRows,
    mongo: DocumentRows,
    of_mysql: Notes = NONE,
    of_mongo: Notes = NONE,
    rule: Rule | None = None,
    chosen: Side | None = None,
) -> Outcome:
    rule = rule or Rule(policy=Policy.LAST_WRITE_WINS)
    return decide(
        PEOPLE, rule, Looked(mysql=mysql, mongo=mongo), {MYSQL: of_mysql, MONGO: of_mongo}, Choice(side=chosen)
    )


def lost(outcome: Outcome) -> dict[str, Value]:
    """Column -> value of its loser."""
    return {loser.place[2]: loser.value for loser in outcome.losers}


def first_and_later(first: DocumentRows, later: DocumentRows, of_mysql: int, of_mongo: int) -> tuple[Notes, Notes]:
    """MySQL's user made `first` of what stood, MongoDB's `later`, at these times."""
    return noted(MYSQL, (of_mysql, OLD, first)), noted(MONGO, (of_mongo, OLD, later))


# Fields.


@every_policy
def test_edits_of_different_fields_both_survive(policy: Policy) -> None:
    """Each value belongs to the one note that has it; nothing is lost."""
    mysql, mongo = person(name="Anna"), person(email="new@x")
    outcome = met(mysql, mongo, *first_and_later(mysql, mongo, 1, 2), Rule(policy=policy))
    assert outcome.rows == person(name="Anna", email="new@x")
    assert outcome.losers == ()


@pytest.mark.parametrize(
    ("policy", "of_mysql", "of_mongo", "winner"),
    [
        (Policy.LAST_WRITE_WINS, 1, 2, MONGO),
        (Policy.LAST_WRITE_WINS, 2, 1, MYSQL),
        (Policy.FIRST_WRITE_WINS, 1, 2, MYSQL),
        (Policy.FIRST_WRITE_WINS, 2, 1, MONGO),
        (Policy.MYSQL_WINS, 1, 2, MYSQL),
        (Policy.MONGO_WINS, 2, 1, MONGO),
    ],
)
def test_edits_of_one_field_are_decided_by_policy(policy: Policy, of_mysql: int, of_mongo: int, winner: Side) -> None:
    """One value stands on both sides; the other is a recorded loser with its side and time."""
    mysql, mongo = person(name="Anna"), person(name="Zoe")
    outcome = met(mysql, mongo, *first_and_later(mysql, mongo, of_mysql, of_mongo), Rule(policy=policy))
    assert outcome.rows == (mysql if winner is MYSQL else mongo)
    (loser,) = outcome.losers
    assert loser.place == ("person", ("ann",), "name")
    assert (loser.value, loser.side) == ("Zoe" if winner is MYSQL else "Anna", winner.other)
    assert loser.time == 1000 * (of_mongo if winner is MYSQL else of_mysql)
    (decided,) = outcome.decided
    assert (decided.base, decided.mysql, decided.mongo, decided.winner) == ("Ann", "Anna", "Zoe", winner)
    assert (decided.mysql_time, decided.mongo_time) == (1000 * of_mysql, 1000 * of_mongo)


@every_policy
def test_what_a_user_found_and_overwrote_gives_way(policy: Policy) -> None:
    """Under every policy, also where its clock says later; it is no loser."""
    mysql, mongo = person(name="Anna"), person(name="Annabel")
    outcome = met(
        mysql, mongo, noted(MYSQL, (9, OLD, mysql)), noted(MONGO, (1, mysql, mongo)), Rule(policy=policy, tie=MYSQL)
    )
    assert outcome.rows == mongo
    assert outcome.losers == ()


def test_a_chain_counts_with_what_its_first_change_found() -> None:
    """MongoDB's user made two edits on top of MySQL's value."""
    mysql, between, mongo = person(name="Anna"), person(name="Anni"), person(name="Annabel")
    outcome = met(mysql, mongo, noted(MYSQL, (9, OLD, mysql)), noted(MONGO, (1, mysql, between), (2, between, mongo)))
    assert outcome.rows == mongo
    assert outcome.losers == ()


def test_a_value_belongs_to_the_user_who_wrote_it_wherever_it_stands() -> None:
    """MongoDB's value was carried to MySQL; then MongoDB's user wrote a newer one: of two values of one side the newer."""
    mysql, mongo = person(name="Zoe"), person(name="Zora")
    notes = noted(MONGO, (1, OLD, mysql), (2, OLD, mongo))
    outcome = met(mysql, mongo, of_mongo=notes, rule=Rule(policy=Policy.MYSQL_WINS))
    assert outcome.rows == mongo


@pytest.mark.parametrize(("tie", "winner"), [(MYSQL, "Anna"), (MONGO, "Zoe")])
def test_ties_at_the_coarser_resolution_go_to_the_configured_side(tie: Side, winner: str) -> None:
    """Within one second of MariaDB's clock nobody was later."""
    mysql, mongo = person(name="Anna"), person(name="Zoe")
    for times in ((1001, 1999), (1999, 1001)):
        rule = Rule(policy=Policy.LAST_WRITE_WINS, tie=tie, resolution=1_000_000)
        outcome = met(mysql, mongo, *first_and_later(mysql, mongo, *times), rule)
        assert outcome.rows == person(name=winner)
        assert lost(outcome) == {"name": "Zoe" if winner == "Anna" else "Anna"}


@every_policy
def test_a_value_without_a_note_loses(policy: Policy) -> None:
    """And is no loser, for nobody is known to have written it."""
    mysql, mongo = person(name="Anna"), person(name="Zoe")
    assert met(mysql, mongo, of_mongo=noted(MONGO, (1, OLD, mongo)), rule=Rule(policy=policy)).rows == mongo
    outcome = met(mysql, mongo, of_mysql=noted(MYSQL, (1, OLD, mysql)), rule=Rule(policy=policy))
    assert outcome.rows == mysql
    assert outcome.losers == ()


@pytest.mark.parametrize("tie", list(Side))
def test_without_any_note_the_configured_side_stands(tie: Side) -> None:
    """As where the sides differed before the start."""
    mysql, mongo = person(name="Anna"), person(name="Zoe")
    outcome = met(mysql, mongo, rule=Rule(policy=Policy.LAST_WRITE_WINS, tie=tie))
    assert outcome.rows == (mysql if tie is MYSQL else mongo)
    assert outcome.losers == ()


def test_equal_sides_stand() -> None:
    """Nothing is decided."""
    assert met(OLD, OLD) == Outcome(rows=OLD)


# Presence.


@pytest.mark.parametrize("deleter", list(Side))
@every_policy
def test_a_delete_of_exactly_what_stands_on_the_other_side_stays(policy: Policy, deleter: Side) -> None:
    """Its writer saw it."""
    edited = person(name="Anna", tiers={"gold": "1"})
    there = noted(deleter.other, (9, OLD, edited))
    here = noted(deleter, (1, edited, ABSENT))
    if deleter is MYSQL:
        outcome = met(ABSENT, edited, here, there, Rule(policy=policy))
    else:
        outcome = met(edited, ABSENT, there, here, Rule(policy=policy))
    assert outcome.rows == ABSENT
    assert outcome.losers == ()


@pytest.mark.parametrize(("updated", "deleted", "stays"), [(1, 2, False), (2, 1, True)])
def test_an_update_against_a_delete_is_decided_whole(updated: int, deleted: int, stays: bool) -> None:
    """By the newest notes. Where the delete wins, the value that it had not seen is a loser."""
    mysql = person(name="Anna")
    outcome = met(mysql, ABSENT, noted(MYSQL, (updated, OLD, mysql)), noted(MONGO, (deleted, OLD, ABSENT)))
    if stays:
        assert outcome.rows == mysql
        assert "name" not in lost(outcome)
    else:
        assert outcome.rows == ABSENT
        assert lost(outcome) == {"name": "Anna"}


def test_null_is_not_what_a_delete_leaves() -> None:
    """An older edit to NULL loses against a later delete as any other, and a later one wins."""
    born = person()
    born["person"]["ann",] = {"name": "Ann", "email": "a@x", "born": datetime(1990, 5, 1)}  # noqa: DTZ001 - naive UTC
    for of_mysql, of_mongo, wanted in ((1, 2, ABSENT), (2, 1, OLD)):
        outcome = met(OLD, ABSENT, noted(MYSQL, (of_mysql, born, OLD)), noted(MONGO, (of_mongo, born, ABSENT)))
        assert outcome.rows == wanted
        assert lost(outcome) == ({"born": None} if wanted is ABSENT else {"": False})


def test_where_a_document_stays_it_is_that_sides_version_whole() -> None:
    """Two inserts have a row each; update against delete has all rows or none."""
    mysql = person(name="Anna", accounts=(1,), tiers={"gold": "1"})
    outcome = met(mysql, ABSENT, noted(MYSQL, (2, OLD, mysql)), noted(MONGO, (1, OLD, ABSENT)))
    assert outcome.rows == mysql


@pytest.mark.parametrize(("inserted", "deleted"), [(1, 2), (2, 1)])
def test_a_child_row_is_decided_on_its_own(inserted: int, deleted: int) -> None:
    """Another tier that only one side has does not depend on the tier that met."""
    before = person(tiers={"gold": "1"})
    mysql, mongo = person(tiers={"gold": "2"}), person(tiers={"silver": "1"})
    outcome = met(mysql, mongo, noted(MYSQL, (inserted, before, mysql)), noted(MONGO, (deleted, before, mongo)))
    gold = {"gold": "2"} if inserted > deleted else {}
    assert outcome.rows == person(tiers={**gold, "silver": "1"})
    assert ("level" in lost(outcome)) == (not gold)


def test_a_map_entry_goes_with_its_set() -> None:
    """What stands below a row that goes, goes too; what stands below one that stays, stays."""
    mysql = person(tiers={"gold": "1"})
    mysql["benefit"]["ann", "gold", "dinner"] = {}
    before = person(tiers={"gold": "1"})
    of_mysql = noted(MYSQL, (1, before, mysql))
    assert met(mysql, OLD, of_mysql, noted(MONGO, (2, before, OLD))).rows == OLD
    later = noted(MYSQL, (3, before, mysql))
    assert met(mysql, OLD, later, noted(MONGO, (2, before, OLD))).rows == mysql


def test_members_of_a_set_are_rows_of_their_own() -> None:
    """Both sides' members stay."""
    before, mysql, mongo = (person(tiers={"gold": "1"}) for _ in range(3))
    mysql["benefit"]["ann", "gold", "dinner"] = {}
    mongo["benefit"]["ann", "gold", "spa"] = {}
    outcome = met(mysql, mongo, noted(MYSQL, (1, before, mysql)), noted(MONGO, (2, before, mongo)))
    assert {key[-1] for key in outcome.rows["benefit"]} == {"lounge", "dinner", "spa"}
    assert outcome.losers == ()


# Lists.


@pytest.mark.parametrize(("of_mysql", "of_mongo"), [(1, 2), (2, 1)])
def test_a_list_is_decided_as_one_value(of_mysql: int, of_mongo: int) -> None:
    """Never a mixture of two lists; elements that are left out are losers."""
    mysql, mongo = person(accounts=(1, 2, 3)), person(accounts=(9, 2))
    outcome = met(mysql, mongo, *first_and_later(mysql, mongo, of_mysql, of_mongo))
    assert outcome.rows == (mysql if of_mysql > of_mongo else mongo)
    assert [one.value for one in outcome.losers if one.place[2]] == ([9, 2][:1] if of_mysql > of_mongo else [1, 3])


def test_ranks_close_gaps() -> None:
    """A list's rows are counted anew in their order; other rows stay."""
    rows = person(accounts=(1, 2, 3), tiers={"gold": "1"})
    rows["account"] = {("ann", 12): {"number": 3}, ("ann", 9): {"number": 2}, ("ann", 4): {"number": 1}}
    assert ranked(PEOPLE, rows) == person(accounts=(1, 2, 3), tiers={"gold": "1"})


def with_a_gap(rows: DocumentRows, place: int) -> dict[str, dict[RowKey, Row]]:
    """As MySQL's users leave them: one element deleted, the others where they were."""
    left = {table: dict(of_table) for table, of_table in rows.items()}
    del left["account"]["ann", place]
    return left


def met_with_a_gap(mysql: DocumentRows, mongo: DocumentRows, of_mysql: Notes, of_mongo: Notes, rule: Rule) -> Outcome:
    looked = Looked(mysql=ranked(PEOPLE, mysql), mongo=mongo, gaps=gaps(PEOPLE, mysql))
    return decide(PEOPLE, rule, looked, {MYSQL: of_mysql, MONGO: of_mongo})


def numbers(outcome: Outcome) -> list[Value]:
    return [row["number"] for row in outcome.rows["account"].values()]


def test_gaps_are_told() -> None:
    """By list: of this person's, only where positions are not 0, 1, 2."""
    whole = person(accounts=(1, 2, 3))
    assert gaps(PEOPLE, whole) == frozenset()
    assert gaps(PEOPLE, with_a_gap(whole, 2)) == frozenset()  # the last one leaves none
    assert gaps(PEOPLE, with_a_gap(whole, 1)) == {("account", ("ann",))}


@every_policy
@pytest.mark.parametrize("tie", list(Side))
def test_a_gap_that_nobody_contests_stands(policy: Policy, tie: Side) -> None:
    """Its positions are counted anew, so that no note's place is the same: it is MySQL's users' all the same."""
    before = person(accounts=(1, 2, 3))
    mysql = with_a_gap(before, 1)
    outcome = met_with_a_gap(mysql, before, noted(MYSQL, (9, before, mysql)), NONE, Rule(policy=policy, tie=tie))
    assert (numbers(outcome), outcome.losers) == ([1, 3], ())


@by_itself
@pytest.mark.parametrize("tie", list(Side))
@pytest.mark.parametrize("later", list(Side))
def test_a_gap_against_an_edit(policy: Policy, tie: Side, later: Side) -> None:
    """Goes as the policy says, and what loses is told; not the 1, which the 9 found there."""
    before = person(accounts=(1, 2, 3))
    mysql, mongo = with_a_gap(before, 1), person(accounts=(9, 2, 3))
    times = {later: 5, later.other: 1}
    outcome = met_with_a_gap(
        mysql,
        mongo,
        noted(MYSQL, (times[MYSQL], before, mysql)),
        noted(MONGO, (times[MONGO], before, mongo)),
        Rule(policy=policy, tie=tie),
    )
    by_time = {Policy.LAST_WRITE_WINS: later, Policy.FIRST_WRITE_WINS: later.other}
    winner = {**by_time, Policy.MYSQL_WINS: MYSQL, Policy.MONGO_WINS: MONGO}[policy]
    assert numbers(outcome) == ([1, 3] if winner is MYSQL else [9, 2, 3])
    assert {one.side for one in outcome.losers} == {winner.other}
    lost = {one.value for one in outcome.losers if one.place[2]}
    assert lost == ({9} if winner is MYSQL else {3})


# What could not be read, and persons.


@by_itself
def test_unread_changes_count_for_their_side(policy: Policy) -> None:
    """Somebody wrote what stands there, though no note has the value."""
    mysql, mongo = person(name="Anna"), person(name="Zoe")
    problem = Hold(kind=ConflictKind.MISSING_IMAGE, reason="no image")
    unread = NONE.add(edit(MONGO, 1, 2, OLD, OLD, problem))
    rule = Rule(policy=policy, tie=MYSQL)
    assert met(mysql, mongo, of_mongo=unread, rule=rule).rows == mongo
    outcome = met(mysql, mongo, noted(MYSQL, (1, OLD, mysql)), unread, rule)
    wanted = mysql if policy in (Policy.MYSQL_WINS, Policy.FIRST_WRITE_WINS) else mongo
    assert outcome.rows == wanted
    assert lost(outcome) == {"name": "Zoe" if wanted is mysql else "Anna"}


@pytest.mark.parametrize("chosen", list(Side))
def test_what_no_rows_express_is_the_loser_as_text(chosen: Side) -> None:
    """A person decided for the other side: nothing of it is told as absent."""
    of_side = {chosen: person(tiers={"gold": "1"})}
    problem = Hold(kind=ConflictKind.UNMAPPABLE_DOCUMENT, reason="name: text is allowed")
    unread = NONE.add(edit(chosen.other, 1, 7, OLD, OLD, problem))
    looked = as_looked(PEOPLE, of_side.get(MYSQL), of_side.get(MONGO), {chosen.other: "what stands there"})
    notes = {chosen: NONE, chosen.other: unread}
    outcome = decide(PEOPLE, Rule(policy=Policy.LAST_WRITE_WINS), looked, notes, Choice(side=chosen))
    assert (outcome.rows, outcome.decided) == (of_side[chosen], ())
    lost = Loser(place=("person", ("ann",), ""), value="what stands there", side=chosen.other, time=7000)
    assert outcome.losers == (lost,)


@pytest.mark.parametrize("chosen", list(Side))
def test_a_persons_choice_stands(chosen: Side) -> None:
    """Against policy and times, for the whole document; what it leaves out is recorded."""
    mysql, mongo = person(name="Anna"), person(name="Zoe", email="new@x")
    outcome = met(mysql, mongo, *first_and_later(mysql, mongo, 1, 2), chosen=chosen)
    assert outcome.rows == (mysql if chosen is MYSQL else mongo)
    assert lost(outcome) == ({"name": "Zoe", "email": "new@x"} if chosen is MYSQL else {"name": "Anna"})


# The steps of a look.


def test_a_note_behind_the_mark_clears_the_look() -> None:
    """One before it is part of what was looked at."""
    assert look_after_note(7, mark_passed=True) is None
    assert look_after_note(7, mark_passed=False) == 7
    assert look_after_note(None, mark_passed=True) is None


def test_at_the_second_mark_mysql_is_written_only_as_it_was_looked_at() -> None:
    """A look that is cleared, or another's, only keeps its losers."""
    moved = person(name="Anna")
    assert on_written(7, 7, OLD, person()) is Answer.WRITE
    assert on_written(7, 7, OLD, moved) is Answer.MOVED
    assert on_written(None, 7, OLD, OLD) is Answer.KEEP
    assert on_written(8, 7, OLD, OLD) is Answer.KEEP


# JSON.


# What MySQL made by itself.


def corrected(time: int, found: DocumentRows, left: DocumentRows) -> Notes:
    """MySQL made `left` of what the listener wrote."""
    return NONE.add(edit(MYSQL, 1, time, found, left, correction=True))


@every_policy
def test_no_policy_overrules_a_correction_of_what_stands_there(policy: Policy) -> None:
    """Also where it restored what the other side's user had found, and nobody loses by it."""
    written = person(name="ann")
    for made in (person(name="ANN"), OLD):
        of_mongo = noted(MONGO, (9, OLD, written))
        outcome = met(made, written, corrected(5, written, made), of_mongo, Rule(policy=policy))
        assert (outcome.rows["person"], outcome.losers) == (made["person"], ())


@every_policy
def test_a_user_who_had_not_seen_a_correction_stands(policy: Policy) -> None:
    """Whenever he wrote: nobody wrote the correction, so it is no loser."""
    written, made, later = person(name="ann"), person(name="ANN"), person(name="bob")
    for time in (1, 9):
        outcome = met(
            made, later, corrected(5, written, made), noted(MONGO, (time, written, later)), Rule(policy=policy)
        )
        assert (outcome.rows["person"], outcome.losers) == (later["person"], ())


@every_policy
def test_a_delete_that_had_not_seen_a_correction_stands(policy: Policy) -> None:
    """MySQL's own doing keeps no document that its user deleted."""
    written, made = person(name="ann"), person(name="ANN")
    outcome = met(made, ABSENT, corrected(5, written, made), noted(MONGO, (1, written, ABSENT)), Rule(policy=policy))
    assert (outcome.rows, outcome.losers) == (ABSENT, ())


def test_a_users_change_of_what_mysql_made_is_a_users() -> None:
    """It found what MySQL had made, and counts by its time."""
    written, made, mine, theirs = (person(name=name) for name in ("ann", "ANN", "mine", "theirs"))
    of_mysql = corrected(5, written, made).add(edit(MYSQL, 2, 7, made, mine))
    outcome = met(mine, theirs, of_mysql, noted(MONGO, (6, written, theirs)))
    assert (outcome.rows["person"], lost(outcome)) == (mine["person"], {"name": "theirs"})
    note = of_mysql.places["person", ("ann",), "name"]
    assert (note.found, note.correction) == ("ann", False)


def test_notes_of_corrections_come_back_from_json() -> None:
    """Told apart from users'."""
    notes = corrected(5, OLD, person(name="ANN")).add(edit(MYSQL, 2, 7, OLD, person(email="b@x")))
    assert Notes.from_json(notes.to_json()) == notes
    assert [note.correction for note in notes.places.values()] == [True, False]


def test_rows_come_back_from_json() -> None:
    """Dates too; tables without rows are there again."""
    rows = person(accounts=(1, 2), tiers={"gold": "1"})
    rows["person"]["ann",] = {"name": "Ann", "email": "a@x", "born": datetime(1990, 5, 1)}  # noqa: DTZ001 - naive UTC
    for one in (rows, ABSENT):
        assert rows_from_json(PEOPLE, json.loads(json.dumps(rows_to_json(one)))) == one


def test_json_that_is_no_row_is_refused() -> None:
    """Rather than read by half."""
    with pytest.raises(ValueError, match="not a row"):
        rows_from_json(PEOPLE, [{"table": "person", "key": ["ann"]}])


def test_decisions_and_losers_are_told_as_json() -> None:
    """With place, values, times and sides."""
    mysql, mongo = person(name="Anna"), person(name="Zoe")
    outcome = met(mysql, mongo, *first_and_later(mysql, mongo, 1, 2))
    place = {"table": "person", "key": ["ann"], "column": "name"}
    values = {"base": "Ann", "mysql": "Anna", "mongo": "Zoe"}
    times = {"mysql_time": 1000, "mongo_time": 2000}
    why = {"winner": "mongo", "policy": "last_write_wins", "doubtful": False}
    assert decided_to_json(outcome.decided) == [{**place, **values, **times, **why}]
    assert losers_to_json(outcome.losers) == [{**place, "value": "Anna", "side": "mysql", "time": 1000}]


def test_kept_losers_are_kept_once() -> None:
    """A look that is told twice adds nothing; another one adds its own."""
    one, two = {"column": "a", "value": 1}, {"column": "a", "value": 2}
    once = added_losers(None, [one])
    assert added_losers(once, [one]) == once
    assert json.loads(added_losers(once, [two])) == [one, two]
