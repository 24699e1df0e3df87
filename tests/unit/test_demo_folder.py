"""Forgetting the demo, which must work where nothing else does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local import demo_folder
from deploy.local.paths import ROOT
from deploy.local.problem import LocalProblem


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "demo"
    made.mkdir()
    (made / "data").write_text("some")
    monkeypatch.setattr(demo_folder, "DEMO", made)
    return made


def test_forgetting_leaves_nothing(folder: Path) -> None:
    """And may be repeated."""
    demo_folder.forget()
    demo_folder.forget()
    assert not folder.exists()


def test_a_running_demo_is_not_forgotten(folder: Path) -> None:
    """It is named, and what helps."""
    with demo_folder.keep(folder), pytest.raises(LocalProblem, match="running already"):
        demo_folder.forget()
    assert (folder / "data").exists()


def test_it_needs_no_environment() -> None:
    """A broken one is what `make clean` is for: only the standard library is there."""
    program = "import sys; sys.path.insert(0, sys.argv[1]); import deploy.local.__main__, deploy.local.demo_folder"
    subprocess.run([sys.executable, "-I", "-S", "-c", program, str(ROOT)], check=True)
