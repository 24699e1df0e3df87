"""People's decisions: which count where which values stand, what can be none, and how they are kept."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from sync.errors import MappingError
from sync.model.change import DocumentRows, Side, Value
from sync.model.choice import Head, Taken
from sync.model.mapping_file import load_mapping
from sync.model.rulings import (
    Judged,
    Ruling,
    State,
    checked,
    judged,
    rulings_from_json,
    rulings_to_json,
    taken_from_json,
    taken_to_json,
)
from sync.model.shown import differing, label, request_of, taken_of, token
from sync.model.values import rows_to_json
from tests.unit.test_meeting import MONGO, MYSQL, PEOPLE, person

NAME: Head = ("person", ("ann",), "name")
EMAIL: Head = ("person", ("ann",), "email")
LIST: Head = ("account", ("ann",), "")


def ruling(*taken: Taken, request: int = 1) -> Ruling:
    return Ruling(request=request, by="alice", reason="a call", asked_at="2026-01-01T00:00:00+00:00", taken=taken)


def named(side: Side | None = MYSQL, value: Value = None) -> Taken:
    """Ann or Zoe was shown."""
    return Taken(head=NAME, mysql="Ann", mongo="Zoe", side=side, value=value)


def at(mysql: DocumentRows, mongo: DocumentRows, *rulings: Ruling) -> Judged:
    units = [one.head for one in differing(PEOPLE, rows_to_json(mysql), rows_to_json(mongo))]
    return judged(PEOPLE, mysql, mongo, units, rulings)


def test_a_decision_counts_while_its_values_stand() -> None:
    """Whatever else is edited."""
    found = at(person(name="Ann", email="new@x"), person(name="Zoe", accounts=(1,)), ruling(named()))
    assert (found.taken, found.refused) == ({NAME: named()}, ())


@pytest.mark.parametrize(("mysql", "mongo"), [("Ann", "Zoe Lee"), ("Anna", "Zoe"), ("Zoe", "Ann"), ("Anna", "Anna")])
def test_a_decision_is_refused_with_the_new_values(mysql: str, mongo: str) -> None:
    """On either side, or on both."""
    found = at(person(name=mysql), person(name=mongo), ruling(named()))
    assert found.entering == ()
    (refused,) = found.refused
    assert (refused.state, refused.message) == (State.REFUSED, "other values stand there by now")
    assert [(one.head, one.mysql, one.mongo) for one in refused.changed] == [(NAME, mysql, mongo)]


@pytest.mark.parametrize(
    ("taken", "mysql", "mongo"),
    [
        (named(MYSQL), "Ann", "Ann"),
        (named(MONGO), "Zoe", "Zoe"),
        (named(None, "Lee"), "Ann", "Lee"),
        (named(None, "Lee"), "Lee", "Lee"),
    ],
)
def test_a_decision_that_has_come_half_the_way_still_counts(taken: Taken, mysql: str, mongo: str) -> None:
    """A look may have written one side before something else moved."""
    found = at(person(name=mysql), person(name=mongo), ruling(taken))
    assert (len(found.entering), found.refused) == (1, ())


def test_a_decision_counts_whole_or_not_at_all() -> None:
    """One of its fields has changed."""
    email = Taken(head=EMAIL, mysql="a@x", mongo="b@x", side=MONGO)
    found = at(person(name="Ann", email="a@x"), person(name="Zoe", email="c@x"), ruling(named(), email))
    assert (found.taken, [one.head for one in found.refused[0].changed]) == ({}, [EMAIL])


def test_of_two_that_decide_the_same_the_first_counts() -> None:
    """The second is told so."""
    found = at(person(name="Ann"), person(name="Zoe"), ruling(named()), ruling(named(MONGO), request=2))
    assert [one.request for one in found.entering] == [1]
    assert [(one.request, one.message) for one in found.refused] == [(2, "somebody else has decided it before")]


def test_a_column_whose_row_is_gone_is_told_as_the_row() -> None:
    """As it is on both sides."""
    absent: DocumentRows = {table.name: {} for table in PEOPLE.tables}
    (refused,) = at(absent, person(name="Zoe"), ruling(named())).refused
    (changed,) = refused.changed
    assert (changed.head, changed.mysql) == (("person", ("ann",), ""), [])
    assert changed.mongo == rows_to_json({"person": person(name="Zoe")["person"]})


def test_a_row_that_has_become_two_versions_is_decided_no_more_as_one() -> None:
    """It was on one side only."""
    head: Head = ("tier", ("ann", "gold"), "")
    shown = differing(PEOPLE, rows_to_json(person()), rows_to_json(person(tiers={"gold": "1"})))
    (taken,) = taken_of(PEOPLE, shown, MONGO, {})
    assert taken.head == head
    found = at(person(tiers={"gold": "2"}), person(tiers={"gold": "1"}), ruling(taken))
    assert found.entering == ()


# What can be asked for.


@pytest.mark.parametrize(
    ("taken", "told"),
    [
        (Taken(head=("pets", ("ann",), "name"), mysql=1, mongo=2, side=MYSQL), "pets: no table of people; allowed: "),
        (
            Taken(head=("person", ("ann",), "age"), mysql=1, mongo=2, side=MYSQL),
            "person.age: no mapped column; allowed: name",
        ),
        (Taken(head=("person", (), "name"), mysql=1, mongo=2, side=MYSQL), "person: a key of 1 part(s) is needed"),
        (
            Taken(head=("account", ("ann", 0), ""), mysql=1, mongo=2, side=MYSQL),
            "account: a key of 1 part(s) is needed",
        ),
        (Taken(head=("account", ("ann", 0), "number"), mysql=1, mongo=2, side=MYSQL), "a list is decided as a whole"),
        (Taken(head=LIST, mysql=[], mongo=[], side=None, value=5), "a value of one's own is for a column"),
        (named(None, 5), "person.name: string is allowed, found int"),
        (named(None), "person.name: it may not be null"),
        (Taken(head=("person", ("ann",), "born"), mysql=None, mongo=None, side=None, value="1990"), "person.born: "),
    ],
)
def test_what_can_be_no_decision_says_what_is_allowed(taken: Taken, told: str) -> None:
    """By table and column."""
    with pytest.raises(ValueError, match=re.escape(told)):
        checked(PEOPLE, [taken])


def test_no_unit_is_decided_twice_and_at_least_one_is() -> None:
    """Of one request."""
    for some, told in (([], "nothing is decided"), ([named(), named(MONGO)], "it is decided twice")):
        with pytest.raises(ValueError, match=told):
            checked(PEOPLE, some)
    checked(PEOPLE, [named(None, "Ann Lee"), Taken(head=LIST, mysql=[], mongo=[], side=MONGO)])


@pytest.mark.parametrize(
    "data",
    [
        None,
        [5],
        [{"table": "person", "key": ["ann"], "column": "name", "mysql": 1, "mongo": 2}],
        [{"table": "person", "key": ["ann"], "column": "name", "mysql": 1, "mongo": 2, "take": "both"}],
        [{"table": "person", "key": ["ann"], "column": "name", "mysql": 1, "mongo": 2, "take": "value"}],
        [{"table": "person", "key": ["ann"], "column": "name", "mysql": 1, "mongo": 2, "take": "value", "value": [1]}],
        [{"table": "person", "key": [[]], "column": "name", "mysql": 1, "mongo": 2, "take": "mysql"}],
    ],
)
def test_a_request_of_another_form_is_refused(data: object) -> None:
    """Whatever somebody wrote into the table."""
    with pytest.raises(ValueError, match=r"^fields: |: value: allowed|not a canonical value"):
        taken_from_json(data)


def test_rulings_come_back_as_they_went() -> None:
    """With what they were refused by."""
    (refused,) = at(person(name="Ann"), person(name="Zoe Lee"), ruling(named())).refused
    every = (ruling(named(None, "Lee")), refused)
    assert rulings_from_json(rulings_to_json(every)) == every
    assert taken_from_json(json.loads(json.dumps(taken_to_json([named(MONGO)])))) == (named(MONGO),)
    assert rulings_from_json(None) == ()


# What a person is shown.

SHOWN = differing(
    PEOPLE,
    rows_to_json(person(name="Ann", accounts=(1,), tiers={"gold": "1"})),
    rows_to_json(person(name="Zoe", accounts=(2,), tiers={"gold": "2"})),
)


def test_units_have_names_that_can_be_typed() -> None:
    """A root's column by itself, all else with its table and key."""
    assert [label(one.head) for one in SHOWN] == ["name", "account", 'tier.level["gold"]']


def test_values_of_one_s_own_go_before_the_winner() -> None:
    """Without a winner the rest is left open."""
    taken = taken_of(PEOPLE, SHOWN, MONGO, {"name": "Lee"})
    assert [(one.head[0], one.side, one.value) for one in taken] == [
        ("person", None, "Lee"),
        ("account", MONGO, None),
        ("tier", MONGO, None),
    ]
    assert [one.head for one in taken_of(PEOPLE, SHOWN, None, {"name": "Lee"})] == [NAME]
    assert taken_from_json(request_of(5, taken, "why")["fields"]) == taken


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"email": "x"}, 'email: it does not differ; allowed: name, account, tier.level["gold"]'),
        ({"name": [1]}, "name: allowed: a JSON text"),
        ({"name": 5}, "person.name: string is allowed, found int"),
        ({}, "nothing is decided"),
    ],
)
def test_a_value_that_cannot_be_meant_is_told(values: dict[str, Any], told: str) -> None:
    """With the field's name and what is allowed."""
    with pytest.raises(ValueError, match=re.escape(told)):
        taken_of(PEOPLE, SHOWN, None, values)


def test_the_token_names_what_was_shown() -> None:
    """Another value, another token."""
    other = differing(PEOPLE, rows_to_json(person(name="Ann")), rows_to_json(person(name="Zoe")))
    assert token(SHOWN) == token(SHOWN) != token(other)
    assert len(token(other)) == 12


def test_nothing_is_shown_where_a_side_was_not_read_or_another_mapping_made_it() -> None:
    """Then only a repair can decide."""
    rows = rows_to_json(person())
    assert differing(PEOPLE, None, rows) == ()
    assert differing(PEOPLE, [{"table": "pets", "key": ["ann"], "row": {}}], rows) == ()
    assert differing(PEOPLE, [{"name": "Ann"}], rows) == ()


# Nobody decides.


def mapping(settings: str) -> str:
    return f"""
[lockstep]
{settings}
[collections.people]
table = "person"
id = {{ column = "id", codec = "string" }}
policy = "manual"
"""


def test_a_rule_may_stand_in_for_a_person() -> None:
    """After so many hours; without the settings nothing does."""
    read = load_mapping(mapping('undecided_after_hours = 72\nundecided = "mongo_wins"')).undecided
    assert read is not None
    assert (read.policy.value, read.after_hours) == ("mongo_wins", 72)
    assert load_mapping(mapping("")).undecided is None


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (
            "undecided_after_hours = 72",
            "lockstep.undecided: needed beside undecided_after_hours; allowed: last_write_wins",
        ),
        ('undecided = "mysql_wins"', "lockstep.undecided_after_hours: a whole number of hours is needed"),
        ('undecided_after_hours = 0\nundecided = "mysql_wins"', "a whole number of hours is needed, 1 to"),
        ('undecided_after_hours = 1.5\nundecided = "mysql_wins"', "a whole number of hours is needed, 1 to"),
        ('undecided_after_hours = 1\nundecided = "manual"', "allowed: last_write_wins, mysql_wins, mongo_wins"),
    ],
)
def test_half_a_fallback_is_refused(settings: str, told: str) -> None:
    """By its name, with what is allowed."""
    with pytest.raises(MappingError) as error:
        load_mapping(mapping(settings))
    assert any(told in problem for problem in error.value.problems)
