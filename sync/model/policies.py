"""Who wins where both sides' users changed the same thing and neither had seen the other's value (design 2.4, rule 3).

`meeting` asks once for each place, or for each group of places that is decided as one value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from sync.errors import PolicyFailed
from sync.model.change import Side, Value
from sync.model.clocks import Clocks
from sync.model.mapping import AnyPolicy, Combining, Custom, FieldPolicy, Policy

#: What a function of the users' own is told: a place, both values, their times and what the first change found, as JSON.
Question: TypeAlias = Mapping[str, object]
#: Answers for a function. Raises `PolicyFailed`.
Ask: TypeAlias = Callable[[Custom, Question], Side]


#: Why a column (table, column) would not take a value that stands on neither side; empty where it would.
Refusal: TypeAlias = Callable[[str, str, Value], str]


def nobody_answers(custom: Custom, _: Question) -> Side:
    """Where no function can be asked."""
    raise PolicyFailed(f"{custom.function} cannot be asked here")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How a collection's documents are decided."""

    policy: AnyPolicy
    #: What decides in place of a person who did not come in time, or of a function that fails.
    instead: Policy | None = None
    #: The side that wins where two times are equal, and where no note tells anything.
    tie: Side = Side.MYSQL
    #: Microseconds: times of the two sides are compared in steps of this, the coarser of their clocks'.
    resolution: int = 1000
    clocks: Clocks = field(default_factory=Clocks)
    ask: Ask = nobody_answers
    refusal: Refusal = lambda _table, _column, _value: ""


@dataclass(frozen=True, slots=True)
class Claim:
    """Who wrote the value that stands at a place, and when: 0 and None where no note tells."""

    time: int = 0
    side: Side | None = None
    #: When the first change was made that led to it and of which the other side's writer did not know.
    began: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """Two values, or versions of several places, of which one can stand."""

    mysql: Claim
    mongo: Claim
    #: Of one column in a row that both sides have.
    values: tuple[Value, Value] | None = None
    #: What a function is told of it.
    question: Callable[[], Question]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Who wins, and why."""

    winner: Side
    #: The policy that was asked; empty where none was: only one side's users wrote, or one had seen the other's value.
    policy: str = ""
    #: It went by time, and the clocks cannot tell which was earlier.
    doubtful: bool = False


def judged(rule: Rule, policy: FieldPolicy, contest: Contest) -> Verdict:
    """By policy, where neither writer had seen the other's value."""
    mysql, mongo = contest.mysql, contest.mongo
    if not mysql.time or not mongo.time:
        if mysql.time == mongo.time:
            return Verdict(winner=rule.tie)
        return Verdict(winner=Side.MYSQL if mysql.time else Side.MONGO)
    if mysql.side is mongo.side:
        return Verdict(winner=Side.MYSQL if mysql.time >= mongo.time else Side.MONGO)
    try:
        wanted, doubtful = _wanted(rule, policy, contest)
    except PolicyFailed:
        if rule.instead is None:
            raise
        policy = rule.instead
        wanted, doubtful = _wanted(rule, policy, contest)
    return Verdict(winner=wanted, policy=str(policy), doubtful=doubtful)


def _wanted(rule: Rule, policy: FieldPolicy, contest: Contest) -> tuple[Side, bool]:
    """The side whose version stands; whether that is doubtful. What is no matter of its policy goes by time."""
    mysql, mongo = contest.mysql, contest.mongo
    match policy:
        case Custom():
            return rule.ask(policy, contest.question()), False
        case Policy.MYSQL_WINS | Policy.MONGO_WINS:
            writer = Side.MYSQL if policy is Policy.MYSQL_WINS else Side.MONGO
            return (Side.MYSQL if mysql.side is writer else Side.MONGO), False
        case Combining.MAX | Combining.MIN if contest.values:
            ordered = _ordered(*contest.values)
            if ordered:
                return ordered[policy is Combining.MAX], False
        case Policy.FIRST_WRITE_WINS:
            later, doubtful = _later(rule, mysql, mongo, mysql.began, mongo.began)
            return (later.other if later else _of_tie(rule, mysql)), doubtful
    later, doubtful = _later(rule, mysql, mongo, mysql.time, mongo.time)
    return (later or _of_tie(rule, mysql)), doubtful


def _of_tie(rule: Rule, mysql: Claim) -> Side:
    """Where two times are equal, by convention the user of the configured side wins."""
    return Side.MYSQL if mysql.side is rule.tie else Side.MONGO


def _later(rule: Rule, mysql: Claim, mongo: Claim, of_mysql: int, of_mongo: int) -> tuple[Side | None, bool]:
    """Where the later of two times stands, None if they are equal; and whether the clocks may be wrong about it."""
    assert mysql.side
    assert mongo.side
    here, there = rule.clocks.corrected(of_mysql, mysql.side), rule.clocks.corrected(of_mongo, mongo.side)
    if here // rule.resolution == there // rule.resolution:
        return None, True
    return (Side.MYSQL if here > there else Side.MONGO), abs(here - there) <= rule.clocks.error


def _ordered(mysql: Value, mongo: Value) -> tuple[Side, Side] | None:
    """Where the lesser and the greater stands. NULL is neither: the value that is there stands. None: they have no order, as
    a date and one that is none."""
    if mysql is None or mongo is None:
        there = Side.MONGO if mysql is None else Side.MYSQL
        return there, there
    match mysql, mongo:
        case (datetime(), datetime()) | (int() | float() | Decimal(), int() | float() | Decimal()):
            greater = mysql > mongo  # type: ignore[operator]  # of one kind
            return (Side.MONGO, Side.MYSQL) if greater else (Side.MYSQL, Side.MONGO)
    return None
