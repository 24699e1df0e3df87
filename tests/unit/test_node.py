"""The Node that builds the pages: the machine's where it fits, else the one that the environment brings."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from deploy.local import node


@pytest.mark.parametrize(
    ("version", "fitting"),
    [("v20.19.0", True), ("v20.18.9", False), ("v22.11.0", False), ("v22.12.0", True), ("v18.0.0", False), ("", False)],
)
def test_versions_that_fit(version: str, fitting: bool) -> None:
    """Those that Vite runs on."""
    assert node.fits(version) == fitting


def test_the_environments_own_node_and_npm_run(tmp_path: Path) -> None:
    """Where the machine's is too old."""
    for name in ("node", "npm"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\necho v18.0.0\n")
        program.chmod(0o755)
    environ = node.environment({**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"})
    assert node.fits(node.version(environ))
    for name in ("npm", "npx"):
        done = subprocess.run([name, "--version"], env=environ, capture_output=True, text=True, check=True)
        assert int(done.stdout.split(".")[0]) >= 10
