"""The pages in a real browser over the whole product: who uses them sees each edit cross, and each conflict settled."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local import frontend, node
from deploy.local.demo import Demo
from deploy.local.installation import Installation
from deploy.local.paths import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Demo]:
    """Servers, data, web application and both workers, as `make demo` starts them."""
    demo = Demo(Installation(tmp_path / "demo"), customers=40, quiet=True)
    try:
        demo.start()
        yield demo
    finally:
        assert demo.stop() == []


def test_people_see_edits_cross_and_conflicts_settled(product: Demo, tmp_path: Path) -> None:
    """Everything in `frontend/e2e`, at 375 and 1440 px, light and dark; axe finds nothing serious."""
    frontend.build()
    chromium = shutil.which("chromium")
    assert chromium, "make setup installs Chromium"
    done = subprocess.run(
        ["npx", "--no-install", "playwright", "test", f"--output={tmp_path / 'results'}"],
        cwd=frontend.FRONTEND,
        env={
            **node.environment(),
            "LOCKSTEP_ADDRESS": product.address,
            "LOCKSTEP_CHROMIUM": chromium,
            "LOCKSTEP_DEMO_PASSWORD_FILE": str(product.installation.demo_password_file),
            "LOCKSTEP_SESSIONS": str(tmp_path / "sessions"),
            "LOCKSTEP_ROOT": str(ROOT),
            "LOCKSTEP_MONGO_EDIT": f"{sys.executable} -m tests.e2e.hold {product.installation.home}",
            "CI": os.environ.get("CI", ""),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
