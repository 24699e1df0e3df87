"""The command line without a database: help, parsing, errors, exit codes."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from deploy.local.paths import ROOT
from sync.cli import exit_codes, main
from sync.cli.context import command
from sync.cli.durations import Duration, span
from sync.cli.output import answer, progress
from sync.model.change import DocumentId
from sync.model.report import VerifyReport
from sync.wiring import Wiring

CONFIG = str(ROOT / "lockstep.toml")
DOCUMENT = ("--collection", "customers", "--id", "5ca4bbcea2dd94ee58162a68")


def commands(group: click.Group = main, *above: str) -> Iterator[tuple[str, ...]]:
    """Every command by its words."""
    for name, one in group.commands.items():
        if isinstance(one, click.Group):
            yield from commands(one, *above, name)
        else:
            yield (*above, name)


COMMANDS = sorted(commands())
in_each = pytest.mark.parametrize("words", COMMANDS, ids=" ".join)


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection of ours reaches the commands."""
    for role in ("OWNER", "APP", "FOLLOWER", "LISTENER"):
        for server in ("MYSQL", "MONGO"):
            monkeypatch.delenv(f"LOCKSTEP_{role}_{server}_URL", raising=False)
            monkeypatch.delenv(f"LOCKSTEP_{role}_{server}_URL_FILE", raising=False)
    for name in ("LOCKSTEP_CONFIG", "LOCKSTEP_DEBUG"):
        monkeypatch.delenv(name, raising=False)


def lockstep(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, prog_name="lockstep")


def spoken(result: Result) -> str:
    """What was said for people, with line ends that wrapping made taken out."""
    return " ".join(result.stderr.split())


def test_the_commands_are_these() -> None:
    """What operators and runbooks rely on."""
    assert {" ".join(words) for words in COMMANDS} == {
        *("doctor", "setup", "teardown", "bootstrap", "follow", "listen", "run", "status", "pause", "resume"),
        *("verify", "repair", "explain", "conflicts list", "conflicts show", "conflicts kinds"),
        "conflicts resolve",
    }


@in_each
def test_help_has_an_example_and_the_exit_codes(words: tuple[str, ...]) -> None:
    """Of each command, and it is short enough to be read."""
    help_text = " ".join(lockstep(*words, "--help").stdout.split())
    assert f"Example: lockstep {' '.join(words)}" in help_text
    assert exit_codes.HELP in help_text


@in_each
def test_the_example_of_each_help_can_be_typed(words: tuple[str, ...]) -> None:
    """It parses."""
    found = re.search(r"Example: lockstep (.*?) Exit codes:", " ".join(lockstep(*words, "--help").stdout.split()))
    assert found
    arguments = shlex.split(found[1])
    group: click.Command = main
    for word in words:
        assert isinstance(group, click.Group)
        group = group.commands[word]
    group.make_context(words[-1], arguments[len(words) :])


@pytest.mark.parametrize("place", ["group", "command", "variable"])
def test_the_mapping_file_can_be_named_in_three_ways(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """--config before or after the command, or LOCKSTEP_CONFIG."""
    if place == "variable":
        monkeypatch.setenv("LOCKSTEP_CONFIG", "elsewhere.toml")
    arguments = {"group": ["--config", "elsewhere.toml", "verify"], "command": ["verify", "--config", "elsewhere.toml"]}
    result = lockstep(*arguments.get(place, ["verify"]))
    assert result.exit_code == exit_codes.ERROR
    assert "error: elsewhere.toml does not exist" in spoken(result)


def test_the_command_s_own_config_counts() -> None:
    """Over the group's."""
    result = lockstep("--config", "group.toml", "verify", "--config", "own.toml")
    assert "own.toml does not exist" in spoken(result)


@pytest.mark.parametrize(
    "arguments",
    [
        ["fly"],
        ["doctor", "--fast"],
        ["bootstrap"],
        ["bootstrap", "--from", "oracle"],
        ["repair", *DOCUMENT],
        ["explain", "--collection", "customers"],
        ["pause", "both"],
        ["conflicts", "show", "first"],
        ["conflicts", "list", "--limit", "0"],
        ["conflicts", "resolve", "1", "--winner", "mysql"],
        ["conflicts", "resolve", "1", "--reason", "why"],
        ["conflicts", "resolve", "--winner", "mysql", "--reason", "why"],
        ["conflicts", "resolve", "1", "--all", "--winner", "mysql", "--reason", "why"],
        ["conflicts", "resolve", "1", "--winner", "both", "--reason", "why"],
        ["conflicts", "resolve", "1", "--winner", "mysql", "--reason", " "],
        ["conflicts", "resolve", "1", "--winner", "mysql", "--reason", "why", "--collection", "accounts"],
        ["conflicts", "resolve", "1", "--value", "limit=five", "--reason", "why"],
        ["conflicts", "resolve", "--all", "--value", "limit=5", "--reason", "why"],
    ],
    ids=" ".join,
)
def test_bad_usage_has_an_exit_code_of_its_own(arguments: list[str]) -> None:
    """And says what is allowed."""
    result = lockstep("--config", CONFIG, *arguments)
    assert result.exit_code == exit_codes.USAGE
    assert "Error:" in result.stderr


#: What each command needs besides its words.
NEEDS = {
    "bootstrap": ["--from", "mysql"],
    "repair": [*DOCUMENT, "--from", "mongo"],
    "explain": [*DOCUMENT],
    "conflicts show": ["1"],
    "conflicts resolve": ["1", "--winner", "mysql", "--reason", "why"],
    "teardown": ["--yes"],
}


def with_needs(words: tuple[str, ...]) -> list[str]:
    return [*words, *NEEDS.get(" ".join(words), [])]


#: It needs neither mapping nor servers.
TELLS_ITSELF = ("conflicts", "kinds")


@pytest.mark.parametrize("words", [one for one in COMMANDS if one != TELLS_ITSELF], ids=" ".join)
def test_every_problem_of_the_mapping_is_a_line(words: tuple[str, ...], tmp_path: Path) -> None:
    """By every command, with a remedy, and without a traceback."""
    path = tmp_path / "lockstep.toml"
    path.write_text((ROOT / "lockstep.toml").read_text().replace("tie =", "pace = 1\nspeed = 2\ntie ="))
    result = lockstep("--config", str(path), *with_needs(words))
    assert result.exit_code == exit_codes.ERROR
    assert [line.split(": ")[1:4] for line in result.stderr.splitlines() if line.startswith("error")] == [
        ["lockstep.toml:5", "lockstep.pace", "unknown key; allowed"],
        ["lockstep.toml:6", "lockstep.speed", "unknown key; allowed"],
    ]
    assert "hint: mend lockstep.toml" in spoken(result)
    assert not result.stdout


#: A worker says the same as its state: tests/integration/test_cli_workers.py.
WORKERS = {("follow",), ("listen",), ("run",)}


@pytest.mark.parametrize("words", [one for one in COMMANDS if one not in WORKERS | {TELLS_ITSELF}], ids=" ".join)
def test_a_missing_connection_is_named(words: tuple[str, ...]) -> None:
    """By its variable, with a remedy and without a traceback."""
    result = lockstep("--config", CONFIG, *with_needs(words))
    assert result.exit_code == exit_codes.ERROR
    assert re.match(r"error: LOCKSTEP_[A-Z]+_(MYSQL|MONGO)_URL is not set hint: set it", spoken(result))
    assert not result.stdout


@pytest.mark.parametrize("name", ["explain", "repair"])
def test_an_unknown_collection_lists_the_known_ones(name: str) -> None:
    """Before anything is connected."""
    direction = ["--from", "mysql"] if name == "repair" else []
    result = lockstep("--config", CONFIG, name, "--collection", "clients", "--id", "1", *direction)
    assert result.exit_code == exit_codes.ERROR
    assert "no collection clients is mapped" in spoken(result)
    assert "hint: one of: customers, accounts, transactions" in spoken(result)


@pytest.mark.parametrize("text", ["7", "5CA4BBCEA2DD94EE58162A68", "5ca4bbcea2dd94ee58162a6", "", "ObjectId"])
def test_an_impossible_id_says_what_is_allowed(text: str) -> None:
    """Before anything is connected."""
    result = lockstep("--config", CONFIG, "explain", "--collection", "customers", "--id", text)
    assert result.exit_code == exit_codes.ERROR
    assert "error: --id: customers has 24 lower-case hexadecimal digits for an _id" in spoken(result)


@command()
def broken() -> None:
    raise ZeroDivisionError("a value of somebody's row")


def test_the_unexpected_is_one_line_without_values() -> None:
    """Its text may hold values of rows."""
    result = CliRunner().invoke(broken)
    assert result.exit_code == exit_codes.ERROR
    assert spoken(result) == (
        "error: unexpected ZeroDivisionError hint: set LOCKSTEP_DEBUG=1 to see where, and report it"
    )


def test_the_traceback_can_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    """LOCKSTEP_DEBUG shows it."""
    monkeypatch.setenv("LOCKSTEP_DEBUG", "1")
    assert isinstance(CliRunner().invoke(broken).exception, ZeroDivisionError)


@click.command()
def working() -> None:
    with progress("copying") as report:
        report("customers", 1, 2)
        report("customers", 2, 2)
    answer({"name": "[bold]Ünal[/bold]", "count": 2})


def test_an_answer_stands_alone_on_stdout() -> None:
    """Progress goes to stderr, as lines where there is no terminal."""
    result = CliRunner().invoke(working)
    assert json.loads(result.stdout) == {"name": "[bold]Ünal[/bold]", "count": 2}
    assert "copying customers: 2 of 2" in result.stderr


@pytest.mark.parametrize(("typed", "seconds"), [("10m", 600), ("2h", 7200), ("3d", 259_200), ("1s", 1)])
def test_spans_of_time_are_typed_with_their_unit(typed: str, seconds: int) -> None:
    """And shown in the largest that they fill."""
    assert Duration().convert(typed, None, None) == seconds
    assert span(seconds) == typed


@pytest.mark.parametrize("typed", ["", "10", "m", "-1m", "0s", "1.5h", "10 m", "10M", "36501d", "9" * 30 + "d", "१d"])
def test_a_span_that_is_none_says_what_is_allowed(typed: str) -> None:
    """With the option's name."""
    result = lockstep("--config", CONFIG, "conflicts", "list", "--older-than", typed)
    assert result.exit_code == exit_codes.USAGE
    assert "--older-than" in spoken(result)
    assert "for example 10m, 2h or 3d" in spoken(result)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--older-than", "3d", "--newer-than", "3d"], "--older-than must be less than --newer-than"),
        (["--kind", "quarrel"], "update_differs"),
        (["--state", "lost"], "'settled'"),
    ],
    ids=" ".join,
)
def test_a_filter_that_cannot_be_meant_is_refused(arguments: list[str], told: str) -> None:
    """Before anything is connected."""
    result = lockstep("--config", CONFIG, "conflicts", "list", *arguments)
    assert result.exit_code == exit_codes.USAGE
    assert told in spoken(result)


def test_busy_documents_are_named_and_are_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """The exit code stays; the text says that nobody knows whether they are equal."""
    report = VerifyReport(documents=3, collections={"accounts": 3}, busy=(DocumentId("accounts", "a" * 24),))
    monkeypatch.setattr(Wiring, "verify", lambda *_, **__: report)
    result = lockstep("--config", CONFIG, "verify")
    assert result.exit_code == exit_codes.OK
    assert f"accounts {'a' * 24}: busy" in result.stdout
    assert "3 documents compared: 0 different, 0 missing, 0 unmappable, 0 held, 1 busy" in result.stdout
    assert "whether they are equal is not known" in result.stdout
    told = json.loads(lockstep("--config", CONFIG, "verify", "--json").stdout)
    assert (told["equal"], told["busy"]) == (True, 1)
    assert told["busy_documents"] == [{"collection": "accounts", "id": "a" * 24}]
