"""What each policy makes of two values that met, on the smallest documents that show it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from itertools import pairwise

import pytest

from sync.errors import PolicyFailed
from sync.model.change import (
    ConflictKind,
    DocumentId,
    DocumentRows,
    Entry,
    Hold,
    Origin,
    Row,
    RowKey,
    Side,
    Value,
)
from sync.model.choice import Choice
from sync.model.clocks import Clocks
from sync.model.fold import fold
from sync.model.lens import difference
from sync.model.mapping import AnyPolicy, CollectionMapping, Custom, Policy
from sync.model.mapping_file import load_mapping
from sync.model.meeting import decide
from sync.model.notes import NONE, Notes
from sync.model.outcome import Looked, Outcome, decided_to_json
from sync.model.policies import Question, Rule
from sync.model.position import BinlogPosition, Position, StreamPosition

MYSQL, MONGO = Side.MYSQL, Side.MONGO
KEY: RowKey = ("k",)
DOCUMENT = DocumentId("things", "k")


def things(fields: str = "", head: str = "", of_set: str = "") -> CollectionMapping:
    """A collection with two numbers, a date and a set. `fields`: options of the first number."""
    return load_mapping(f"""
[collections.things]
table = "thing"
id = {{ column = "id", codec = "string" }}
{head}
[collections.things.fields]
a = {{ column = "a", codec = "int32"{fields} }}
b = {{ column = "b", codec = "int32" }}
at = {{ column = "at", codec = "date", null = "absent", policy = "max" }}
[collections.things.parts.tags]
kind = "set"
table = "tag"
parent = ["thing_id"]
value = {{ column = "tag", codec = "string" }}
{of_set}
""").collections["things"]


def thing(a: Value = 0, b: Value = 0, at: Value = None, tags: str = "") -> DocumentRows:
    root: dict[RowKey, Row] = {KEY: {"a": a, "b": b, "at": at}}
    return {"thing": root, "tag": {("k", tag): {} for tag in tags}}


ABSENT: DocumentRows = {"thing": {}, "tag": {}}
OLD = thing()


def place_of(side: Side, count: int) -> Position:
    if side is MONGO:
        return StreamPosition(time=count, increment=1)
    return BinlogPosition(server="s", file="binlog.000001", offset=count)


def entry(of: CollectionMapping, side: Side, count: int, time: int, found: DocumentRows, left: DocumentRows) -> Entry:
    return Entry(
        document=DOCUMENT,
        changes=difference(of, found, left),
        origin=Origin.USER,
        committed_at=time * 1000,
        position=place_of(side, count),
    )


def noted(of: CollectionMapping, side: Side, *steps: tuple[int, DocumentRows, DocumentRows]) -> Notes:
    """Notes of one side's edits: each (milliseconds, rows found, rows left)."""
    notes = NONE
    for count, (time, found, left) in enumerate(steps, 1):
        notes = notes.add(entry(of, side, count, time, found, left), steps=of.keeps_steps)
    return Notes.from_json(notes.to_json())


def met(
    of: CollectionMapping,
    mysql: DocumentRows,
    mongo: DocumentRows,
    of_mysql: Notes = NONE,
    of_mongo: Notes = NONE,
    rule: Rule | None = None,
    chosen: Side | None = None,
) -> Outcome:
    looked = Looked(mysql=mysql, mongo=mongo)
    choice = Choice(side=chosen)
    return decide(of, rule or Rule(policy=of.policy), looked, {MYSQL: of_mysql, MONGO: of_mongo}, choice)


def once(of: CollectionMapping, mysql: DocumentRows, mongo: DocumentRows, times: tuple[int, int] = (1, 2)) -> Outcome:
    """Each side made one edit of the same document, MySQL's and MongoDB's at these times."""
    return met(of, mysql, mongo, noted(of, MYSQL, (times[0], OLD, mysql)), noted(of, MONGO, (times[1], OLD, mongo)))


def number(outcome: Outcome) -> Value:
    return outcome.rows["thing"][KEY]["a"]


def lost(outcome: Outcome) -> dict[str, Value]:
    return {one.place[2]: one.value for one in outcome.losers}


either_order = pytest.mark.parametrize("times", [(1, 2), (2, 1), (1, 1)])


# The greater, the smaller.


@either_order
@pytest.mark.parametrize(("policy", "wins", "loses"), [("max", 7, 3), ("min", 3, 7)])
@pytest.mark.parametrize("of_mysql", [3, 7])
def test_the_greater_or_smaller_stands(
    policy: str, wins: int, loses: int, of_mysql: int, times: tuple[int, int]
) -> None:
    """Whoever wrote it, and when. The other one is in the report."""
    of = things(f', policy = "{policy}"')
    outcome = once(of, thing(of_mysql), thing(10 - of_mysql), times)
    assert (number(outcome), lost(outcome)) == (wins, {"a": loses})
    (decided,) = outcome.decided
    assert (decided.policy, decided.winner) == (policy, MYSQL if of_mysql == wins else MONGO)


def test_what_a_user_found_may_be_lowered() -> None:
    """Only values that neither writer had seen are compared."""
    of = things(', policy = "max"')
    high, low = thing(9), thing(1)
    outcome = met(of, high, low, noted(of, MYSQL, (1, OLD, high)), noted(of, MONGO, (2, high, low)))
    assert (number(outcome), outcome.losers, outcome.decided[0].policy) == (1, (), "")


def test_dates_have_an_order_and_null_is_less_than_any() -> None:
    """Also where the smaller is asked for: an absent field is no value."""
    of = things()
    early, late = datetime(2020, 1, 1), datetime(2021, 1, 1)  # noqa: DTZ001 - naive UTC
    assert once(of, thing(at=early), thing(at=late)).rows == thing(at=late)
    assert once(of, thing(at=late), thing(at=early)).rows == thing(at=late)
    for policy in ("max", "min"):
        of = things(f', null = "absent", policy = "{policy}"')
        base = thing(5)
        of_mysql, of_mongo = noted(of, MYSQL, (1, base, thing(None))), noted(of, MONGO, (1, base, thing(3)))
        assert number(met(of, thing(None), thing(3), of_mysql, of_mongo)) == 3


# Both changes of a number count.

COUNTED = things(', policy = "delta"')


@either_order
def test_both_changes_count(times: tuple[int, int]) -> None:
    """Nothing lost; the record has the base, both values and what they come to."""
    outcome = once(COUNTED, thing(5), thing(-2), times)
    assert (number(outcome), outcome.losers) == (3, ())
    (decided,) = outcome.decided
    assert (decided.base, decided.mysql, decided.mongo, decided.winner, decided.own) == (0, 5, -2, None, (3,))
    (told,) = decided_to_json(outcome.decided)
    assert (told["winner"], told["own"], told["policy"]) == (None, 3, "delta")


def test_two_equal_changes_from_the_same_number_are_two() -> None:
    """Though equal values stand."""
    assert number(once(COUNTED, thing(1), thing(1))) == 2


def test_a_change_that_finds_its_own_result_is_held() -> None:
    """On the way as well; an echo that finds it is none."""
    one = entry(COUNTED, MYSQL, 1, 1, OLD, thing(1))
    held = fold(COUNTED, thing(1), [one])
    assert isinstance(held, Hold)
    assert held.kind is ConflictKind.UPDATE_DIFFERS
    assert fold(COUNTED, OLD, [one]) == thing(1)
    other_field = entry(COUNTED, MYSQL, 1, 1, OLD, thing(b=4))
    assert fold(COUNTED, thing(b=4), [other_field]) == thing(b=4)


def test_what_a_cleared_decision_wrote_counts_once() -> None:
    """MongoDB's users added 10, the outcome 11 was written there, then they added 100; MySQL's users 1 and 1000."""
    of_mongo = noted(COUNTED, MONGO, (2, OLD, thing(10)), (3, thing(11), thing(111)))
    of_mysql = noted(COUNTED, MYSQL, (1, OLD, thing(1)), (4, thing(1), thing(1001)))
    assert number(met(COUNTED, thing(1001), thing(111), of_mysql, of_mongo)) == 1111


def test_a_broken_chain_of_text_adds_nothing() -> None:
    """Other fields' notes are as ever."""
    chain = noted(COUNTED, MONGO, (1, OLD, thing(at=datetime(2020, 1, 1))), (2, OLD, thing(at=datetime(2021, 1, 1))))  # noqa: DTZ001
    note = chain.places["thing", KEY, "at"]
    assert (note.found, note.added) == (None, None)


@pytest.mark.parametrize("chosen", list(Side))
def test_a_person_takes_a_number_as_it_stands(chosen: Side) -> None:
    """With its side's document."""
    of_mysql, of_mongo = noted(COUNTED, MYSQL, (1, OLD, thing(5))), noted(COUNTED, MONGO, (1, OLD, thing(7)))
    outcome = met(COUNTED, thing(5), thing(7), of_mysql, of_mongo, chosen=chosen)
    assert number(outcome) == (5 if chosen is MYSQL else 7)


def test_where_a_change_could_not_be_read_a_number_goes_like_any_field() -> None:
    """By the collection's policy, and what loses is told."""
    problem = Hold(kind=ConflictKind.MISSING_IMAGE, reason="no image")
    unread = Entry(
        document=DOCUMENT,
        changes=(),
        origin=Origin.USER,
        committed_at=9000,
        position=place_of(MONGO, 1),
        problem=problem,
    )
    outcome = met(COUNTED, thing(5), thing(7), noted(COUNTED, MYSQL, (1, OLD, thing(5))), NONE.add(unread))
    assert (number(outcome), lost(outcome)) == (7, {"a": 5})
    assert outcome.decided[0].policy == "last_write_wins"


def test_a_sum_out_of_range_goes_like_any_field() -> None:
    """One of both changes is lost, and told."""
    most = thing(2**31 - 1)
    outcome = once(COUNTED, most, thing(1))
    assert (number(outcome), lost(outcome)) == (1, {"a": 2**31 - 1})


def test_numbers_that_nobody_is_known_to_have_changed_go_like_any_field() -> None:
    """As where the sides differed before the start."""
    assert number(met(COUNTED, thing(5), thing(7))) == 5
    assert number(met(COUNTED, thing(5), thing(7), rule=Rule(policy=COUNTED.policy, tie=MONGO))) == 7


# The first write.

FIRST = things(head='policy = "first_write_wins"')


@pytest.mark.parametrize(("times", "wins"), [((1, 2), 5), ((2, 1), 7), ((1, 1), 5)])
def test_the_first_write_stands(times: tuple[int, int], wins: int) -> None:
    """A tie goes to the configured side; the other one is in the report."""
    outcome = once(FIRST, thing(5), thing(7), times)
    assert (number(outcome), lost(outcome)) == (wins, {"a": 12 - wins})
    assert outcome.decided[0].policy == "first_write_wins"


def test_what_its_own_side_made_of_the_first_write_stands() -> None:
    """MySQL's users wrote first, and once more after MongoDB's."""
    of_mysql = noted(FIRST, MYSQL, (1, OLD, thing(5)), (3, thing(5), thing(6)))
    assert number(met(FIRST, thing(6), thing(7), of_mysql, noted(FIRST, MONGO, (2, OLD, thing(7))))) == 6


def test_who_found_the_first_write_begins_there() -> None:
    """MongoDB's user found 5 and wrote before MySQL's user did the same."""
    of_mysql = noted(FIRST, MYSQL, (1, OLD, thing(5)), (4, thing(5), thing(6)))
    of_mongo = noted(FIRST, MONGO, (2, OLD, thing(9)), (3, thing(5), thing(7)))
    assert number(met(FIRST, thing(6), thing(7), of_mysql, of_mongo)) == 7


def test_steps_are_kept_only_where_some_policy_asks() -> None:
    """And not without end: the first is never forgotten."""
    rows = [OLD, *(thing(value) for value in range(1, 300))]
    steps = [(at, *pair) for at, pair in enumerate(pairwise(rows), 1)]
    note = noted(FIRST, MYSQL, *steps).places["thing", KEY, "a"]
    assert (len(note.steps), note.steps[0], note.steps[-1]) == (101, (1, 1000), (299, 299_000))
    assert noted(COUNTED, MYSQL, *steps).places["thing", KEY, "a"].steps == ()


# Clocks.


@pytest.mark.parametrize(
    ("clocks", "wins", "doubtful"),
    [
        (Clocks(), 7, False),
        (Clocks(error=4_999), 7, False),
        (Clocks(error=5_000), 7, True),
        (Clocks(ahead=-60_000, error=900), 5, False),
        (Clocks(ahead=-5_500, error=900), 5, True),
        (Clocks(ahead=60_000, error=900), 7, False),
    ],
)
def test_times_are_compared_on_one_clock(clocks: Clocks, wins: int, *, doubtful: bool) -> None:
    """MongoDB's was written 5 ms later by the clocks as they are; the record says where they cannot tell."""
    of = things()
    notes = noted(of, MYSQL, (100, OLD, thing(5))), noted(of, MONGO, (105, OLD, thing(7)))
    outcome = met(of, thing(5), thing(7), *notes, rule=Rule(policy=of.policy, clocks=clocks))
    assert (number(outcome), outcome.decided[0].doubtful) == (wins, doubtful)


def test_a_tie_is_doubtful() -> None:
    """The configured side wins by convention, not because it was later."""
    outcome = once(things(), thing(5), thing(7), (1, 1))
    assert (number(outcome), outcome.decided[0].doubtful) == (5, True)


# Members of a set.


@pytest.mark.parametrize("policy", ["", 'policy = "union"'])
@pytest.mark.parametrize("side", list(Side))
def test_members_of_a_set_come_and_go_one_by_one(side: Side, policy: str) -> None:
    """What either side added stays, what one side removed goes."""
    of = things(of_set=policy)
    base, left, other = thing(tags="xy"), thing(tags="ya"), thing(tags="xyb")
    of_side = {side: noted(of, side, (1, base, left)), side.other: noted(of, side.other, (2, base, other))}
    standing = {side: left, side.other: other}
    outcome = met(of, standing[MYSQL], standing[MONGO], of_side[MYSQL], of_side[MONGO])
    assert (outcome.rows, outcome.losers) == (thing(tags="yab"), ())


# Kinds, rows, functions.


@pytest.mark.parametrize("policy", [Policy.MYSQL_WINS, Policy.MONGO_WINS])
def test_each_kind_may_have_its_own_policy(policy: Policy) -> None:
    """Told by what was found at the decision: both inserted, both updated, or one deleted."""
    of = things(head=f'policies = {{ insert_exists = "{policy}" }}')
    mysql, mongo = thing(5), thing(7)
    inserted = noted(of, MYSQL, (1, ABSENT, mysql)), noted(of, MONGO, (2, ABSENT, mongo))
    outcome = met(of, mysql, mongo, *inserted)
    assert number(outcome) == (5 if policy is Policy.MYSQL_WINS else 7)
    assert outcome.decided[0].policy == str(policy)
    assert (number(once(of, mysql, mongo)), number(once(of, mysql, mongo, (2, 1)))) == (7, 5)
    of = things(head=f'policies = {{ delete_differs = "{policy}", update_differs = "mongo_wins" }}')
    for times in ((1, 2), (2, 1)):
        assert once(of, mysql, ABSENT, times).rows == (mysql if policy is Policy.MYSQL_WINS else ABSENT)
        assert number(once(of, mysql, mongo, times)) == 7


def rows_as_one() -> CollectionMapping:
    return load_mapping("""
[collections.things]
table = "thing"
granularity = "row"
id = { column = "id", codec = "string" }
[collections.things.fields]
a = { column = "a", codec = "int32" }
b = { column = "b", codec = "int32" }
""").collections["things"]


@pytest.mark.parametrize("times", [(1, 2), (2, 1)])
def test_a_row_may_be_decided_as_one_value(times: tuple[int, int]) -> None:
    """Edits of different fields meet then, and what the other side wrote is in the report."""
    of = rows_as_one()
    mysql, mongo = {"thing": {KEY: {"a": 1, "b": 0}}}, {"thing": {KEY: {"a": 0, "b": 2}}}
    old = {"thing": {KEY: {"a": 0, "b": 0}}}
    held = fold(of, mongo, [entry(of, MYSQL, 1, 1, old, mysql)])
    assert isinstance(held, Hold)
    of_mysql, of_mongo = noted(of, MYSQL, (times[0], old, mysql)), noted(of, MONGO, (times[1], old, mongo))
    outcome = met(of, mysql, mongo, of_mysql, of_mongo)
    assert outcome.rows == (mongo if times == (1, 2) else mysql)
    assert lost(outcome) == ({"a": 1} if times == (1, 2) else {"b": 2})


CUSTOM = things(', policy = { function = "shop.rules.pick" }')


@pytest.mark.parametrize("answer", list(Side))
def test_a_function_picks_the_side(answer: Side) -> None:
    """It is told the place, both values with their times, and the base."""
    asked: list[tuple[AnyPolicy, Question]] = []

    def ask(custom: Custom, question: Question) -> Side:
        asked.append((custom, question))
        return answer

    notes = noted(CUSTOM, MYSQL, (1, OLD, thing(5))), noted(CUSTOM, MONGO, (2, OLD, thing(7)))
    outcome = met(CUSTOM, thing(5), thing(7), *notes, rule=Rule(policy=CUSTOM.policy, ask=ask))
    assert (number(outcome), lost(outcome)) == ((5, {"a": 7}) if answer is MYSQL else (7, {"a": 5}))
    ((custom, question),) = asked
    assert question == {
        "collection": "things",
        "table": "thing",
        "key": ["k"],
        "column": "a",
        "base": 0,
        "mysql": 5,
        "mongo": 7,
        "mysql_time": 1000,
        "mongo_time": 2000,
    }
    assert (outcome.decided[0].policy, outcome.policy(CUSTOM)) == (str(custom), "custom")


def test_a_function_is_told_the_rows_of_what_is_one_value() -> None:
    """None where the side has none."""
    of = things(head='policies = { delete_differs = { function = "shop.rules.pick" } }')
    asked: list[Question] = []

    def ask(custom: Custom, question: Question) -> Side:
        asked.append(question)
        return MYSQL

    mysql = thing(5, tags="x")
    notes = noted(of, MYSQL, (1, OLD, mysql)), noted(of, MONGO, (2, OLD, ABSENT))
    assert met(of, mysql, ABSENT, *notes, rule=Rule(policy=of.policy, ask=ask)).rows == mysql
    (question,) = asked
    assert (question["column"], question["base"], question["mongo"]) == ("", None, None)
    rows = question["mysql"]
    assert isinstance(rows, list)
    assert [one["table"] for one in rows] == ["thing", "tag"]


def test_a_function_is_asked_only_where_a_policy_is() -> None:
    """Not where one side alone wrote, nor where one had seen the other's value; and its failure is nobody's decision."""
    first, then = thing(5), thing(6)
    one_side = noted(CUSTOM, MYSQL, (1, OLD, first))
    assert number(met(CUSTOM, first, OLD, one_side)) == 5
    assert number(met(CUSTOM, first, then, one_side, noted(CUSTOM, MONGO, (1, first, then)))) == 6
    with pytest.raises(PolicyFailed):
        once(CUSTOM, thing(5), thing(7))


def test_a_rule_stands_in_for_a_function_that_fails() -> None:
    """Where it has waited for long enough; one that answers is heard."""
    mysql, mongo = thing(5), thing(7)
    notes = noted(CUSTOM, MYSQL, (1, OLD, mysql)), noted(CUSTOM, MONGO, (2, OLD, mongo))
    late = Rule(policy=CUSTOM.policy, instead=Policy.MYSQL_WINS)
    assert number(met(CUSTOM, mysql, mongo, *notes, rule=late)) == 5
    assert number(met(CUSTOM, mysql, mongo, *notes, rule=replace(late, ask=lambda *_: MONGO))) == 7


def test_the_report_names_one_policy_or_says_several() -> None:
    """In a word, for lists."""
    of = things(', policy = "max"')
    assert once(of, thing(5), thing(7)).policy(of) == "max"
    assert once(of, thing(5, 1), thing(7, 2)).policy(of) == "several"
    assert met(of, OLD, OLD).policy(of) == "last_write_wins"


# Lists.


def listed(policy: str = "") -> CollectionMapping:
    return load_mapping(f"""
[collections.things]
table = "thing"
id = {{ column = "id", codec = "string" }}
[collections.things.fields]
a = {{ column = "a", codec = "int32" }}
[collections.things.parts.items]
kind = "list"
table = "item"
parent = ["thing_id"]
position = "place"
value = {{ column = "v", codec = "int32" }}
{policy}
""").collections["things"]


def with_items(*items: int) -> DocumentRows:
    return {"thing": {KEY: {"a": 0}}, "item": {("k", place): {"v": value} for place, value in enumerate(items)}}


def items(outcome: Outcome) -> list[Value]:
    return [row["v"] for row in outcome.rows["item"].values()]


LIST, APPEND = listed(), listed('policy = "append"')
BASE = with_items(1, 2, 3)


def of_lists(
    of: CollectionMapping, mysql: DocumentRows, mongo: DocumentRows, times: tuple[int, int] = (1, 2)
) -> Outcome:
    """Each side made one edit of `BASE`."""
    return met(of, mysql, mongo, noted(of, MYSQL, (times[0], BASE, mysql)), noted(of, MONGO, (times[1], BASE, mongo)))


@pytest.mark.parametrize(
    ("mysql", "mongo", "wanted"),
    [
        ((9, 1, 2, 3), (1, 2, 3, 8), [9, 1, 2, 3, 8]),
        ((2, 3), (1, 2, 3, 8), [2, 3, 8]),
        ((1, 7, 3), (1, 2, 3, 8), [1, 7, 3, 8]),
        ((1, 2), (2, 3), [2]),
    ],
)
def test_changes_of_different_places_of_a_list_are_put_together(
    mysql: tuple[int, ...], mongo: tuple[int, ...], wanted: list[int]
) -> None:
    """Before any policy is asked, and nothing is lost."""
    for of in (LIST, APPEND):
        outcome = of_lists(of, with_items(*mysql), with_items(*mongo))
        assert (items(outcome), outcome.losers) == (wanted, ())
        assert {one.winner for one in outcome.decided} == {None}
    assert {one.policy for one in of_lists(LIST, with_items(*mysql), with_items(*mongo)).decided} == {""}


def test_two_changes_of_the_same_place_of_a_list_go_by_policy() -> None:
    """As one value; what the other one put there is told."""
    outcome = of_lists(LIST, with_items(1, 2, 3, 9), with_items(1, 2, 3, 8))
    assert (items(outcome), lost(outcome)) == ([1, 2, 3, 8], {"v": 9})
    assert {one.policy for one in outcome.decided} == {"last_write_wins"}
    outcome = of_lists(APPEND, with_items(1, 7, 3), with_items(1, 8, 3))
    assert (items(outcome), lost(outcome)) == ([1, 8, 3], {"v": 7})


@pytest.mark.parametrize(("times", "wanted"), [((1, 2), [9, 8]), ((2, 1), [8, 9]), ((1, 1), [9, 8])])
def test_append_keeps_what_both_put_into_one_place(times: tuple[int, int], wanted: list[int]) -> None:
    """First what was written first; of equal times that of the configured side."""
    outcome = of_lists(APPEND, with_items(1, 2, 3, 9), with_items(1, 2, 3, 8), times)
    assert (items(outcome), outcome.losers) == ([1, 2, 3, *wanted], ())
    assert {(one.policy, one.winner) for one in outcome.decided} == {("append", None)}


def test_equal_elements_that_both_appended_are_two() -> None:
    """On the way the second one is held, for it finds its own result."""
    both = with_items(1, 2, 3, 9)
    assert items(of_lists(APPEND, both, both)) == [1, 2, 3, 9, 9]
    held = fold(APPEND, both, [entry(APPEND, MYSQL, 1, 1, BASE, both)])
    assert isinstance(held, Hold)
    assert fold(LIST, both, [entry(LIST, MYSQL, 1, 1, BASE, both)]) == both


def test_what_a_cleared_decision_put_together_counts_once() -> None:
    """8 and 9 were appended and put together in MongoDB; then MySQL's users appended 10, and the look was cleared."""
    mysql, mongo = with_items(1, 2, 3, 9, 10), with_items(1, 2, 3, 9, 8)
    first = with_items(1, 2, 3, 9)
    of_mysql = noted(APPEND, MYSQL, (1, BASE, first), (3, first, mysql))
    of_mongo = noted(APPEND, MONGO, (2, BASE, with_items(1, 2, 3, 8)))
    looked = Looked(mysql=mysql, mongo=mongo, base=first)
    outcome = decide(APPEND, Rule(policy=APPEND.policy), looked, {MYSQL: of_mysql, MONGO: of_mongo})
    assert (sorted(map(str, items(outcome))), outcome.losers) == (sorted(["1", "2", "3", "8", "9", "10"]), ())


def test_elements_that_are_left_out_are_told_wherever_they_stand() -> None:
    """Where both changed the same place after all, what a cleared decision had put together is no secret."""
    mysql, mongo = with_items(1, 2, 7), with_items(1, 2, 6, 8)
    looked = Looked(mysql=mysql, mongo=mongo, base=with_items(1, 2, 3))
    notes = {MYSQL: noted(LIST, MYSQL, (9, BASE, mysql)), MONGO: noted(LIST, MONGO, (2, BASE, with_items(1, 2, 8)))}
    outcome = decide(LIST, Rule(policy=LIST.policy), looked, notes)
    assert items(outcome) == [1, 2, 7]
    assert [(one.value, one.side) for one in outcome.losers] == [(6, MONGO), (8, MONGO)]


def test_a_list_of_which_not_all_is_known_is_one_value() -> None:
    """A change that could not be read may have been anywhere in it; so may those of a side of which nothing was noted."""
    mysql, mongo = with_items(9, 1, 2, 3), with_items(1, 2, 3, 8)
    assert items(met(LIST, mysql, mongo, noted(LIST, MYSQL, (1, BASE, mysql)))) == [9, 1, 2, 3]
