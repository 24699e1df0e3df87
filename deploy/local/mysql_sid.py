"""Fetches MySQL from Debian's development suite into the user's cache, without touching the system.

Debian's releases carry no MySQL. A private apt root resolves the whole closure, down to libc, from the machine's own
mirror, with signatures checked as ever; the packages are unpacked side by side and run through their own loader.
"""

import fcntl
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from deploy.local.paths import cache
from deploy.local.problem import LocalProblem

PACKAGE = "mysql-server-core"
KEYRINGS = ("/usr/share/keyrings/debian-archive-keyring.gpg", "/usr/share/keyrings/debian-archive-keyring.pgp")
OTHER_WAY = "set LOCKSTEP_MYSQLD to a mysqld (or mariadbd) that you have"


def unpacked() -> Path:
    """The folder with MySQL's packages, fetched on first use; raises LocalProblem where it cannot be had."""
    folder = cache() / "mysql"
    if (folder / "usr/sbin/mysqld").exists():
        return folder
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / "mysql.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "usr/sbin/mysqld").exists():
            _fetch(folder)
    return folder


def _fetch(folder: Path) -> None:
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        raise LocalProblem("MySQL is fetched from Debian, and this is no Debian machine", OTHER_WAY)
    print("fetching MySQL from Debian sid (58 MB, once)", file=sys.stderr)
    packages = _download(cache() / "apt")
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="mysql-") as half:
        for package in packages:
            _run(["dpkg", "-x", str(package), half])
        if not (Path(half) / "usr/sbin/mysqld").exists():
            raise LocalProblem(f"{PACKAGE} of sid holds no mysqld", OTHER_WAY)
        shutil.rmtree(folder, ignore_errors=True)
        whole = Path(half) / "whole"
        whole.mkdir()
        for part in list(Path(half).iterdir()):
            if part != whole:
                part.rename(whole / part.name)
        whole.rename(folder)  # other processes see all of it or nothing


def _download(root: Path) -> list[Path]:
    for part in ("lists/partial", "cache/archives/partial", "etc"):
        (root / part).mkdir(parents=True, exist_ok=True)
    (root / "status").write_text("")  # empty: nothing counts as installed, so the closure is whole
    mirror, keyring = _mirror()
    (root / "etc/sources.list").write_text(f"deb [signed-by={keyring}] {mirror} sid main\n")
    options = {
        "Dir::State::lists": root / "lists",
        "Dir::State::status": root / "status",
        "Dir::Cache": root / "cache",
        "Dir::Etc::sourcelist": root / "etc/sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "APT::Sandbox::User": "root",
    }
    apt = ["apt-get", *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]
    _run([*apt, "update", "-qq"])
    for old in (root / "cache/archives").glob("*.deb"):
        old.unlink()  # the suite moves: what an earlier try left may not fit together
    _run([*apt, "install", "-y", "-qq", "--download-only", "--no-install-recommends", PACKAGE])
    return sorted((root / "cache/archives").glob("*.deb"))


def _mirror() -> tuple[str, str]:
    """The machine's own Debian mirror and the keyring that signs it."""
    texts = [path.read_text() for path in sorted(Path("/etc/apt/sources.list.d").glob("*")) if path.is_file()]
    if (plain := Path("/etc/apt/sources.list")).exists():
        texts.append(plain.read_text())
    pattern = r"(?m)^(?:URIs:|deb (?:\[[^]]*\] )?)\s*(\S+)"
    uris = [uri for text in texts for uri in re.findall(pattern, text)]
    fitting = [uri for uri in uris if "security" not in uri]
    fitting.sort(key=lambda uri: not uri.rstrip("/").endswith("/debian"))  # the likeliest first
    keyring = next((path for path in KEYRINGS if Path(path).exists()), None)
    if not fitting or keyring is None:
        raise LocalProblem("MySQL is fetched from Debian, and no Debian mirror stands in the apt sources", OTHER_WAY)
    return fitting[0], keyring


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no message"]
        raise LocalProblem(f"MySQL could not be fetched: {command[0]} says: {lines[-1]}", OTHER_WAY)
