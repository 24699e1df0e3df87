"""Functions of the users' own: what they answer, and that nothing they do holds anybody up."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.errors import ConfigError, NotAsked, PolicyFailed
from sync.meetings.custom import Functions
from sync.model.change import Side
from sync.model.mapping import Custom

RULES = """
import os, sys, time
from datetime import datetime

def greater(question):
    print("nobody reads this", question)
    return "mysql" if question["mysql"] > question["mongo"] else "mongo"

def newest_date(question):
    assert isinstance(question["mysql"], datetime)
    return greater(question)

def fails(question):
    raise ValueError("holds a value: %s" % question["mysql"])

def strange(question):
    return "both"

def endless(question):
    with open(os.environ["CALLS"], "a") as calls:
        calls.write("x")
    while True:
        pass

def dies(question):
    os._exit(3)

def reads(question):
    return "mysql" if sys.stdin.read() == "" else "mongo"

def secrets(question):
    return "mongo" if any(name.startswith("LOCKSTEP_") for name in os.environ) else "mysql"

number = 5
"""

QUESTION = {"collection": "c", "table": "t", "key": ["k"], "column": "a", "base": 1, "mysql": 2, "mongo": 7}


@pytest.fixture
def functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Functions]:
    """With the module above to be found as `shop_rules`."""
    (tmp_path / "shop_rules.py").write_text(RULES)
    path = os.pathsep.join([str(tmp_path), *(one for one in sys.path if one)])
    monkeypatch.setenv("PYTHONPATH", path)
    monkeypatch.setenv("LOCKSTEP_FOLLOWER_MYSQL_URL", "mysql://u:secret@h/d")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    made = Functions()
    yield made
    made.close()


def custom(name: str, seconds: float = 5.0) -> Custom:
    return Custom(function=f"shop_rules.{name}", seconds=seconds)


def test_an_answer_is_a_side(functions: Functions) -> None:
    """By what stands on both; what is printed disturbs nothing."""
    assert functions.ask(custom("greater"), QUESTION) is Side.MONGO
    assert functions.ask(custom("greater"), QUESTION | {"mysql": 9}) is Side.MYSQL
    dates = {"base": None, "mysql": {"$date": "2026-01-02T00:00:00.000"}, "mongo": {"$date": "2026-01-01T00:00:00.000"}}
    assert functions.ask(custom("newest_date"), QUESTION | dates) is Side.MYSQL


def test_what_was_answered_is_known_until_it_is_forgotten(functions: Functions) -> None:
    """A new question is none that was answered."""
    functions.ask(custom("greater"), QUESTION)
    assert functions.answered(custom("greater"), dict(QUESTION)) is Side.MONGO
    with pytest.raises(NotAsked, match="has not been asked this"):
        functions.answered(custom("greater"), QUESTION | {"mysql": 3})
    functions.forget()
    with pytest.raises(NotAsked):
        functions.answered(custom("greater"), QUESTION)


def test_new_questions_are_asked_only_while_there_is_time(functions: Functions) -> None:
    """One in any case; what is known is no question, and is kept for what was left unfinished. A failure is not."""
    functions.allow(0)
    assert functions.ask(custom("greater"), QUESTION) is Side.MONGO
    with pytest.raises(NotAsked, match="there was no time"):
        functions.ask(custom("greater"), QUESTION | {"mysql": 9})
    functions.forget(unfinished=True)
    functions.allow(0)
    assert functions.ask(custom("greater"), QUESTION) is Side.MONGO
    for _ in range(2):
        with pytest.raises(PolicyFailed):
            functions.ask(custom("fails"), QUESTION)
    with pytest.raises(PolicyFailed):
        functions.answered(custom("fails"), QUESTION)
    functions.forget(unfinished=True)
    with pytest.raises(NotAsked):
        functions.answered(custom("fails"), QUESTION)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("fails", "shop_rules.fails: ValueError"),
        ("strange", 'shop_rules.strange: it gave neither "mysql" nor "mongo"'),
        ("dies", "shop_rules.dies ended its process"),
    ],
)
def test_a_failure_is_told_without_values_and_others_go_on(functions: Functions, name: str, told: str) -> None:
    """The exception's text is left out: it may quote a row."""
    with pytest.raises(PolicyFailed) as failure:
        functions.ask(custom(name), QUESTION)
    assert failure.value.message == told
    assert functions.ask(custom("greater"), QUESTION) is Side.MONGO


def test_one_that_takes_too_long_is_ended(functions: Functions, tmp_path: Path) -> None:
    """And not asked again before the next look; others are."""
    functions.check([custom("endless")])
    slow = custom("endless", 1.0)
    for number in range(10):
        with pytest.raises(PolicyFailed, match="was not done within 1 s"):
            functions.ask(slow, QUESTION | {"mysql": number})
    assert (tmp_path / "calls").read_text() == "x"
    assert functions.ask(custom("greater"), QUESTION) is Side.MONGO


@pytest.mark.parametrize("name", ["reads", "secrets"])
def test_it_gets_nothing_but_the_question(functions: Functions, name: str) -> None:
    """Neither the requests nor the engine's connections."""
    assert functions.ask(custom(name), QUESTION) is Side.MYSQL


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("shop_rules.absent", "shop_rules has no function absent"),
        ("shop_rules.number", "shop_rules has no function number"),
        ("shop_nothing.pick", "No module named 'shop_nothing'"),
    ],
)
def test_what_cannot_be_called_is_told_at_the_start(functions: Functions, name: str, told: str) -> None:
    """Before anything is decided."""
    with pytest.raises(ConfigError, match=told):
        functions.check([Custom(function=name, seconds=1.0)])
