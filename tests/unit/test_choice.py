"""What is left to a person and what they say to it: each rule on the smallest values that show it."""

from __future__ import annotations

import pytest

from sync.model.change import DocumentRows, Side
from sync.model.choice import EVERYWHERE, Choice, Head, Taken, left_in_question, unit_value
from sync.model.mapping import Policy
from sync.model.meeting import decide
from sync.model.notes import NONE, Notes
from sync.model.outcome import Looked, Outcome, decided_to_json
from sync.model.policies import Rule
from tests.unit.test_meeting import ABSENT, MONGO, MYSQL, OLD, PEOPLE, lost, noted, person

NAME: Head = ("person", ("ann",), "name")
MANUAL = Rule(policy=Policy.MANUAL)


def met(
    mysql: DocumentRows,
    mongo: DocumentRows,
    of_mysql: Notes = NONE,
    of_mongo: Notes = NONE,
    choice: Choice | None = None,
    rule: Rule = MANUAL,
) -> Outcome:
    looked = Looked(mysql=mysql, mongo=mongo)
    return decide(PEOPLE, rule, looked, {MYSQL: of_mysql, MONGO: of_mongo}, choice or Choice())


def meeting(mysql: DocumentRows, mongo: DocumentRows, choice: Choice | None = None) -> Outcome:
    """Each side's user made its version of what stood, and neither saw the other's."""
    return met(mysql, mongo, noted(MYSQL, (1, OLD, mysql)), noted(MONGO, (2, OLD, mongo)), choice)


def taken(side: Side | None, mysql: object = "Anna", mongo: object = "Zoe", value: str = "") -> Choice:
    one = Taken(head=NAME, mysql=mysql, mongo=mongo, side=side, value=None if side else value)
    return Choice(taken={NAME: one})


# Left to a person.


def test_only_what_is_in_question_stays_apart() -> None:
    """The other fields are carried, both ways."""
    outcome = meeting(person(name="Anna", email="new@x"), person(name="Zoe", accounts=(7,)))
    assert outcome.questions == (NAME,)
    assert outcome.of(MYSQL) == person(name="Anna", email="new@x", accounts=(7,))
    assert outcome.of(MONGO) == person(name="Zoe", email="new@x", accounts=(7,))
    assert outcome.losers == ()
    winners = {one["column"]: one["winner"] for one in decided_to_json(outcome.decided)}
    assert (winners["name"], winners["email"]) == (None, "mysql")


def test_what_the_other_s_writer_had_seen_is_no_question() -> None:
    """It gives way, as under every policy."""
    first = person(name="Anna")
    outcome = met(
        first, person(name="Zoe"), noted(MYSQL, (1, OLD, first)), noted(MONGO, (2, first, person(name="Zoe")))
    )
    assert (outcome.questions, outcome.rows) == ((), person(name="Zoe"))


def test_a_value_that_nobody_claims_is_no_question() -> None:
    """One side's user alone wrote something."""
    outcome = met(person(name="Anna"), OLD, noted(MYSQL, (1, OLD, person(name="Anna"))))
    assert (outcome.questions, outcome.rows, outcome.apart) == ((), person(name="Anna"), None)


def test_a_row_and_a_list_are_asked_about_whole() -> None:
    """A deleted entry against an edited one; two versions of a list."""
    before = person(accounts=(1,), tiers={"gold": "1"})
    mysql, mongo = person(accounts=(2,)), person(accounts=(3, 4), tiers={"gold": "2"})
    outcome = met(mysql, mongo, noted(MYSQL, (1, before, mysql)), noted(MONGO, (1, before, mongo)))
    assert outcome.questions == (("account", ("ann",), ""), ("tier", ("ann", "gold"), ""))
    assert (outcome.of(MYSQL), outcome.of(MONGO)) == (mysql, mongo)


def test_a_deleted_document_against_an_edited_one_is_one_question() -> None:
    """Neither side changes."""
    outcome = met(
        ABSENT, person(name="Zoe"), noted(MYSQL, (1, OLD, ABSENT)), noted(MONGO, (1, OLD, person(name="Zoe")))
    )
    assert outcome.questions == (("person", ("ann",), ""),)
    assert (outcome.of(MYSQL), outcome.of(MONGO)) == (ABSENT, person(name="Zoe"))


def test_what_was_asked_stays_in_question() -> None:
    """Though no note tells of it any more."""
    asked = Choice(asked=frozenset({NAME}))
    assert met(person(name="Anna"), OLD, choice=asked).questions == (NAME,)


def test_where_nobody_knows_which_side_is_newer_all_that_differs_is_asked() -> None:
    """Under any policy: as after a first copy of two sides that differed."""
    choice = Choice(asked=EVERYWHERE)
    outcome = met(
        person(name="Anna", accounts=(1,)), person(name="Zoe"), choice=choice, rule=Rule(policy=Policy.MYSQL_WINS)
    )
    assert outcome.questions == (NAME, ("account", ("ann",), ""))


def test_the_notes_of_what_is_in_question_stay() -> None:
    """All else is the same on both sides by then: what was noted of it is settled."""
    notes = noted(MYSQL, (1, OLD, person(name="Anna", email="new@x", accounts=(1,), tiers={"gold": "1"})))
    assert left_in_question(PEOPLE, notes, [NAME]).places.keys() == {NAME}
    of_list = left_in_question(PEOPLE, notes, [("account", ("ann",), "")]).places
    assert {place[0] for place in of_list} == {"account"}
    of_row = left_in_question(PEOPLE, notes, [("tier", ("ann", "gold"), "")]).places
    assert {place[0] for place in of_row} == {"tier", "benefit"}


# What they say.


@pytest.mark.parametrize("side", list(Side))
def test_a_side_that_a_person_takes_stands(side: Side) -> None:
    """In that unit alone; what loses is recorded."""
    outcome = meeting(person(name="Anna", email="new@x"), person(name="Zoe"), taken(side))
    assert outcome.questions == ()
    assert outcome.of(MONGO) == person(name="Anna" if side is MYSQL else "Zoe", email="new@x")
    assert lost(outcome) == {"name": "Zoe" if side is MYSQL else "Anna"}


def test_a_value_of_their_own_stands_on_both_sides() -> None:
    """Both others lose."""
    outcome = meeting(person(name="Anna"), person(name="Zoe"), taken(None, value="Ann Lee"))
    assert (outcome.rows, outcome.apart) == (person(name="Ann Lee"), None)
    assert {one.value for one in outcome.losers} == {"Anna", "Zoe"}
    (decided,) = decided_to_json(outcome.decided)
    assert (decided["winner"], decided["own"]) == (None, "Ann Lee")


def test_a_repair_takes_the_document_whole() -> None:
    """Whatever was asked or said of its parts."""
    choice = Choice(side=MONGO, taken=taken(MYSQL).taken, asked=EVERYWHERE)
    assert meeting(person(name="Anna"), person(name="Zoe"), choice).of(MYSQL) == person(name="Zoe")


def test_the_value_of_a_unit_is_told_in_one_order() -> None:
    """Whatever the order of reading."""
    rows = person(accounts=tuple(range(12)))
    backwards = {**rows, "account": dict(reversed(rows["account"].items()))}
    head: Head = ("account", ("ann",), "")
    assert unit_value(PEOPLE, rows, head) == unit_value(PEOPLE, backwards, head)
    assert unit_value(PEOPLE, rows, NAME) == "Ann"
