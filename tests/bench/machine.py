"""What the figures were measured on. No names of hosts or people."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path

from deploy.local.paths import ROOT
from tests.servers import Servers


def described() -> dict[str, str]:
    """The machine and the programs of ours that run on it."""
    return {
        "cpu": _cpu(),
        "cores": str(len(os.sched_getaffinity(0))),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "code": _code(),
        "pymongo": version("pymongo"),
        "pymysql": version("PyMySQL"),
        "settings": "servers on the same machine, data in memory, no flush at commit, images on",
    }


def servers_described(servers: Servers) -> Mapping[str, str]:
    """Versions of those that run."""
    found: dict[str, str] = {}
    for flavour in servers.running:
        with servers.mysql(flavour).admin() as admin, admin.cursor() as cursor:
            cursor.execute("SELECT VERSION()")
            row = cursor.fetchone()
            assert row is not None
            found[flavour.value] = str(row[0])
    with servers.mongo().admin() as client:
        found["mongodb"] = str(client.server_info()["version"])
    return found


@cache
def _code() -> str:
    """The commit that is measured, marked where files differ from it: asked before the first row writes its results."""
    said = ["git", "-C", str(ROOT), "describe", "--always", "--dirty=, changed", "--exclude=*"]
    return subprocess.run(said, capture_output=True, text=True, check=False).stdout.strip() or "unknown"


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
