"""The whole product as one command: servers, users, data, first copy, web application, workers, one edit each way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local import mysql_binary
from deploy.local.mysql_binary import Flavour
from deploy.local.paths import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


def _named_program(flavour: Flavour) -> dict[str, str]:
    """MySQL is found as on any machine; MariaDB is asked for by its path."""
    return {} if flavour is Flavour.MYSQL else {"LOCKSTEP_MYSQLD": mysql_binary.mariadb().command[0]}


def test_one_edit_each_way_crosses_and_both_sides_are_equal(flavour: Flavour, tmp_path: Path) -> None:
    """`demo --once --json` without a terminal prints one JSON object and leaves nothing behind."""
    done = subprocess.run(
        [sys.executable, "-m", "deploy.local", "demo", "--once", "--json", "--customers", "40"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path), **_named_program(flavour)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert {"mysql_to_mongo_ms", "mongo_to_mysql_ms", "documents", "rows", "verify", "server"} <= result.keys()
    assert (result["verify"]["different"], result["verify"]["missing"]) == (0, 0)
    assert flavour.value in result["server"]
    assert result["documents"] > 40
    assert result["rows"] > result["documents"]
    assert list(tmp_path.iterdir()) == []
