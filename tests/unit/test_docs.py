"""What the papers say of commands, states and variables is what the program has."""

from __future__ import annotations

import re

import pytest

from deploy.local.paths import ROOT
from sync.cli.main import main
from sync.config import Role, variable
from sync.model.codecs import CODECS, OPTIONS
from sync.model.states import STATES

README = (ROOT / "README.md").read_text()
RUNBOOK = (ROOT / "deploy" / "RUNBOOK.md").read_text()
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text()


def test_the_runbook_has_every_state() -> None:
    """One line each, and no other."""
    section = RUNBOOK.partition("## When a worker stops")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `([a-z_]+)` \|", section, flags=re.MULTILINE) == list(STATES)


@pytest.mark.parametrize("name", sorted(main.commands))
def test_every_command_is_told_of(name: str) -> None:
    """In README or runbook."""
    assert re.search(rf"`?lockstep {name}\b|`{name}`", README + RUNBOOK)


@pytest.mark.parametrize("text", [README, RUNBOOK, ARCHITECTURE], ids=["README", "RUNBOOK", "ARCHITECTURE"])
def test_no_paper_names_a_command_that_is_none(text: str) -> None:
    """As `lockstep something`."""
    told = set(re.findall(r"`lockstep ([a-z]+)", text)) | set(re.findall(r"^\$ lockstep (\w+)", text, re.MULTILINE))
    assert told <= set(main.commands)


def test_every_connection_is_told_of() -> None:
    """By its variable, in the README's table."""
    for role in Role:
        for server in ("mysql", "mongo"):
            assert f"`{variable(role, server)}`" in README


def test_every_variable_of_the_web_application_is_told_of() -> None:
    """In the runbook's table."""
    sources = (ROOT / "backend" / "config" / "settings.py").read_text()
    for name in set(re.findall(r'"(LOCKSTEP_[A-Z_]+)"', sources)):
        assert f"`{name}`" in RUNBOOK, name


def test_links_lead_somewhere() -> None:
    """Files that README and ARCHITECTURE link to exist."""
    for text in (README, ARCHITECTURE):
        for path in re.findall(r"\]\(([\w./-]+)\)", text):
            assert (ROOT / path).exists(), path


def test_the_table_of_codecs() -> None:
    """Is the code's."""
    page = (ROOT / "docs" / "codecs.md").read_text()
    told = page.split("<!-- begin of the codecs -->\n")[1].split("<!-- end of the codecs -->")[0]
    rows = [
        f"| `{name}` | {', '.join(codec.serves)} | {codec.bson} | {codec.refuses} |\n" for name, codec in CODECS.items()
    ]
    assert told == "".join(rows)


def test_every_option_of_a_codec_is_told_of() -> None:
    """With all that it may be."""
    page = (ROOT / "docs" / "codecs.md").read_text()
    for options in OPTIONS.values():
        for name, allowed in options.items():
            assert f"`{name}`" in page
            assert all(f'| `"{one}"`' in page for one in allowed)
