"""The table of kinds, walked whole: whoever shows kinds shows all of them, with what the table says."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner

from backend.replication import serializers
from deploy.local.paths import ROOT
from sync.cli.main import main
from sync.model.change import ConflictKind, DocumentRows, Side
from sync.model.kinds import HELD, KINDS, refined
from sync.model.notes import NONE, Note, Notes, Place
from sync.model.outcome import Looked
from sync.model.position import StreamPosition
from tests.mysql_side import A, account_rows

#: What is only counted has no row in a list of conflicts.
COUNTED = {ConflictKind.UPDATE_DISJOINT, ConflictKind.DELETE_MISSING}


def test_every_kind_has_a_row() -> None:
    """In the order in which the kinds are declared; what is held, and what is only counted."""
    assert list(KINDS) == list(ConflictKind)
    assert set(KINDS) - set(HELD) == COUNTED


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_told_everywhere_alike(kind: ConflictKind) -> None:
    """Command line, API, runbook and pages."""
    row = KINDS[kind]
    assert row.meaning
    assert row.help
    shown = CliRunner().invoke(main, ["conflicts", "kinds", "--json"]).output
    assert f'"{kind}"' in shown
    assert serializers.KindSerializer(row).data == {
        "kind": str(kind),
        "meaning": row.meaning,
        "help": row.help,
        "held": row.held,
    }
    escaped = row.help.replace("|", "\\|")
    assert f"| `{kind}` | {row.meaning} | {escaped} |" in (ROOT / "deploy" / "RUNBOOK.md").read_text()
    listed = CliRunner().invoke(main, ["conflicts", "list", "--help"], env={"COLUMNS": "400"}).output
    words = (ROOT / "frontend" / "src" / "shared" / "conflict" / "words.ts").read_text()
    told = re.findall(r"^  ([a-z_]+): '", words, flags=re.MULTILINE)
    assert (str(kind) in listed, kind in serializers.KINDS, str(kind) in told) == (row.held,) * 3


def looked(mysql: DocumentRows, mongo: DocumentRows) -> Looked:
    return Looked(mysql=mysql, mongo=mongo)


NOTHING: DocumentRows = {"analytics_account": {}, "analytics_accountproduct": {}}


def deleted() -> Notes:
    note = Note(value=False, time=1, found=True, position=StreamPosition(time=1, increment=1))
    return Notes(places={("analytics_account", (A,), ""): note})


@pytest.mark.parametrize("lacks", list(Side))
def test_an_update_of_what_was_deleted(lacks: Side) -> None:
    """The side that lacks the row has noted its delete; without that note it is only missing."""
    sides = {lacks: NOTHING, lacks.other: account_rows()}
    found = looked(sides[Side.MYSQL], sides[Side.MONGO])
    notes = {lacks: deleted(), lacks.other: NONE}
    assert refined(ConflictKind.UPDATE_MISSING, found, notes) is ConflictKind.UPDATE_DELETED
    assert refined(ConflictKind.UPDATE_MISSING, found, dict.fromkeys(Side, NONE)) is ConflictKind.UPDATE_MISSING
    assert refined(ConflictKind.INSERT_EXISTS, found, notes) is ConflictKind.INSERT_EXISTS


@pytest.mark.parametrize(
    "kind", [ConflictKind.UPDATE_DIFFERS, ConflictKind.DELETE_DIFFERS, ConflictKind.CONSTRAINT_VIOLATION]
)
@pytest.mark.parametrize("user", [False, True])
def test_what_met_only_mysqls_own_doing(kind: ConflictKind, user: bool) -> None:
    """Whichever worker was first to find it. A user of MySQL who wrote besides makes it what it was found as."""
    position = StreamPosition(time=1, increment=1)
    made: dict[Place, Note] = {
        ("analytics_account", (A,), column): Note(
            value=2, time=1, found=1, position=position, correction=True, by_itself=True
        )
        for column in ("limit", "account_id")
    }
    written: dict[Place, Note] = {
        ("analytics_account", (A,), "limit"): Note(value=3, time=2, found=1, position=position)
    }
    notes = {Side.MYSQL: Notes(places={**made, **(written if user else {})}), Side.MONGO: deleted()}
    both = looked(account_rows(), account_rows())
    violated = kind is ConflictKind.CONSTRAINT_VIOLATION
    assert refined(kind, both, notes) is (kind if user or violated else ConflictKind.CORRECTION)


def test_a_row_that_came_again_is_not_deleted() -> None:
    """Both sides have it by now."""
    both = looked(account_rows(), account_rows())
    notes = {Side.MYSQL: NONE, Side.MONGO: deleted()}
    assert refined(ConflictKind.UPDATE_MISSING, both, notes) is ConflictKind.UPDATE_MISSING
