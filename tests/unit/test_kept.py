"""What verify keeps between two runs."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest

from sync.errors import ConfigError
from sync.model.change import DocumentId
from sync.reconcile.kept import EqualPage, Place, kept_in
from tests.laws.strategies import MAPPING

ACCOUNTS = MAPPING.collections["accounts"]
A, B = "a" * 24, "b" * 24
PAGE = EqualPage(documents=2, mysql=b"1", mongo=b"2")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "verify.db"


def test_an_interrupted_run_is_gone_on_with(file: Path) -> None:
    """With its place, what it must look at again, and when it began; also after an error."""
    place = Place(mysql=A, mongo=A, done=7)

    def interrupted() -> None:
        with kept_in(file, "m") as kept:
            assert kept.begin("accounts") is None
            kept.suspect([DocumentId("accounts", B), DocumentId("accounts", B)])
            kept.reached("accounts", place)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with kept_in(file, "m") as kept:
        assert kept.begin("accounts")
        assert kept.place(ACCOUNTS) == place
        assert kept.suspects(ACCOUNTS) == [DocumentId("accounts", B)]


@pytest.mark.parametrize("other", [("m", "customers", False), ("m", "accounts", True), ("another", "accounts", False)])
def test_another_run_begins_anew(file: Path, other: tuple[str, str, bool]) -> None:
    """Of other collections, with another mapping, or because it is told to."""
    with kept_in(file, "m") as kept:
        kept.begin("accounts")
        kept.suspect([DocumentId("accounts", B)])
        kept.reached("accounts", Place(mysql=A, mongo=A, done=7))
    mapping, selection, anew = other
    with kept_in(file, mapping) as kept:
        assert kept.begin(selection, anew=anew) is None
        assert kept.place(ACCOUNTS) == Place()
        assert kept.suspects(ACCOUNTS) == []


def test_a_run_of_yesterday_is_not_gone_on_with(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it found equal is too long ago."""
    with kept_in(file, "m") as kept:
        kept.begin("accounts")
    monkeypatch.setattr("sync.reconcile.kept._OLD", 0.0)
    with kept_in(file, "m") as kept:
        assert kept.begin("accounts") is None


def test_pages_are_kept_until_a_run_does_not_meet_them(file: Path) -> None:
    """By the key behind which they begin; another mapping's count for nothing."""
    with kept_in(file, "m") as kept:
        kept.begin("accounts")
        kept.keep_page("accounts", None, PAGE)
        kept.keep_page("accounts", "", PAGE)
        kept.end(["accounts"])
    with kept_in(file, "m") as kept:
        assert (kept.equal_page("accounts", None), kept.equal_page("accounts", "")) == (PAGE, PAGE)
        assert kept.equal_page("accounts", A) is None
        kept.begin("accounts")
        kept.keep_page("accounts", None, PAGE)
        kept.end(["accounts"])
        assert (kept.equal_page("accounts", None), kept.equal_page("accounts", "")) == (PAGE, None)
    with kept_in(file, "another") as kept:
        assert kept.equal_page("accounts", None) is None


def test_since_when_a_document_differs(file: Path) -> None:
    """Since the first run that saw just these values; one that differs no longer is forgotten by a whole run, not by a
    sample."""
    a, b = DocumentId("accounts", A), DocumentId("accounts", B)
    with kept_in(file, "m") as kept:
        first = kept.differ({a: b"1", b: b"1"}, complete=["accounts"])
        again = kept.differ({a: b"1"}, complete=[])
        assert (again[a], kept.differences(ACCOUNTS)) == (first[a], [a, b])
        other = kept.differ({a: b"2"}, complete=["accounts"])
        assert other[a] > first[a]
        assert kept.differences(ACCOUNTS) == [a]
        kept.repaired(a)
        assert kept.differences(ACCOUNTS) == []


def test_only_its_owner_may_read_it(file: Path) -> None:
    """Keys of documents stand in it."""
    with kept_in(file, "m"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_one_run_at_a_time(file: Path) -> None:
    """The other is told so."""
    with kept_in(file, "m"), pytest.raises(ConfigError, match="another verify or repair"), kept_in(file, "m"):
        pass


def test_a_file_that_is_none_is_named(file: Path) -> None:
    """With what helps."""
    file.parent.mkdir()
    file.write_text("no database at all, but text of some length" * 20)
    with pytest.raises(ConfigError, match="verify cannot keep") as refused, kept_in(file, "m"):
        pass
    assert "LOCKSTEP_STATE_DIR" in refused.value.hint
    with pytest.raises(ConfigError, match="verify cannot keep"), kept_in(file / "below", "m"):
        pass


def test_one_of_another_version_begins_anew(file: Path) -> None:
    """Whatever stands in it."""
    with kept_in(file, "m") as kept:
        kept.keep_page("accounts", None, PAGE)
    with sqlite3.connect(file) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with kept_in(file, "m") as kept:
        assert kept.equal_page("accounts", None) is None
