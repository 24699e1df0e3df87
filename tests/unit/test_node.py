"""Which Node the pages are built with: the machine's own where it fits, else the wheel's."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from deploy.local import node


@pytest.mark.parametrize(
    ("version", "fits"),
    [
        *(("v20.19.0", True), ("v20.20.2", True), ("v22.12.0", True), ("v24.1.0", True), ("v26.0.0-rc.1", True)),
        *(("v18.19.0", False), ("v20.18.9", False), ("v21.7.3", False), ("v22.11.0", False), ("", False), ("x", False)),
    ],
)
def test_versions_that_vite_runs_on(version: str, fits: bool) -> None:
    """As its package.json says."""
    assert node.fits(version) is fits


def program(path: Path, says: str) -> None:
    """Something that answers --version."""
    path.write_text(f"#!/bin/sh\necho {says}\n")
    path.chmod(0o755)


def test_the_machines_own_is_taken_where_it_fits(tmp_path: Path) -> None:
    """With the npm beside it."""
    program(tmp_path / "node", "v99.0.0")
    program(tmp_path / "npm", "99.0.0")
    assert node.environment({"PATH": str(tmp_path)})["PATH"].split(os.pathsep)[0] == str(tmp_path)


@pytest.mark.parametrize("found", ["v18.19.0", "v99.0.0"])
def test_else_the_wheels_node_and_npm_work(tmp_path: Path, found: str) -> None:
    """Where the machine's is too old, or has no npm."""
    program(tmp_path / "node", found)
    environ = node.environment({**os.environ, "PATH": f"{tmp_path}{os.pathsep}/usr/bin-that-is-not"})
    assert node.fits(node.version(environ))
    for name in ("npm", "npx"):
        done = subprocess.run([name, "--version"], env=environ, capture_output=True, text=True, check=True)
        assert done.stdout[:1].isdecimal()
