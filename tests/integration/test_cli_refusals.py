"""Each mistake that operators make: one clear error, a remedy, a non-zero exit, nothing changed, no traceback."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from deploy.local.mysql_binary import Flavour
from deploy.local.paths import ROOT
from deploy.local.processes import free_port
from sync.cli import exit_codes
from tests.site import LOCKSTEP, Site

BOOTSTRAP = ("bootstrap", "--from", "mysql")


@pytest.fixture
def flavour() -> Flavour:
    """One family is enough for how errors are told; which there are is tested on both."""
    return Flavour.MYSQL


def refused(site: Site, *arguments: str, **environ: str) -> list[str]:
    """What is said; the first copy has not been made."""
    done = subprocess.run(
        [str(LOCKSTEP), "--config", str(site.config_path), *arguments],
        env=site.process_environment() | environ,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == exit_codes.ERROR, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert not done.stdout
    with site.mysql("owner").cursor() as cursor:
        if cursor.execute("SHOW TABLES LIKE 'sync_checkpoint'"):
            cursor.execute("SELECT position FROM sync_checkpoint WHERE name = 'listener'")
            assert cursor.fetchall() == ((None,),)
    return done.stderr.splitlines()


def moved(url: str) -> str:
    """The URL with a port where nobody listens."""
    head, tail = url.split("@127.0.0.1:")
    return f"{head}@127.0.0.1:{free_port()}/{tail.split('/', 1)[1]}"


@pytest.mark.parametrize("arguments", [BOOTSTRAP, ("verify",), ("status",), ("conflicts", "list")], ids=" ".join)
def test_before_setup(site: Site, arguments: tuple[str, ...]) -> None:
    """The remedy is setup."""
    error, hint = refused(site, *arguments)
    assert "refuses this user" in error
    assert hint.endswith("privileges: lockstep setup")


def test_a_mapping_to_a_missing_column(site: Site, tmp_path: Path) -> None:
    """Every such problem, before the first row is copied."""
    site.setup()
    text = site.config_path.read_text()
    site.config_path = tmp_path / "lockstep.toml"
    site.config_path.write_text(
        text.replace('column = "email"', 'column = "mail"').replace('column = "limit"', 'column = "most"')
    )
    assert refused(site, *BOOTSTRAP) == [
        "error: analytics_customer: column mail does not exist",
        "error: analytics_account: column most does not exist",
        "hint: mend lockstep.toml, then: lockstep doctor",
    ]


def test_a_collection_without_images(site: Site) -> None:
    """Before the first copy, in either direction: the streams after it would stop."""
    site.setup()
    site.mongo("owner").command("collMod", "accounts", changeStreamPreAndPostImages={"enabled": False})
    for side in ("mysql", "mongo"):
        assert refused(site, "bootstrap", "--from", side) == [
            "error: MongoDB: no pre- and post-images of changes are kept of accounts",
            "hint: lockstep setup",
        ]


def test_a_setting_of_the_binlog(site: Site) -> None:
    """Before the first copy, with the statement that mends it."""
    site.setup()
    with site.mysql("admin").cursor() as cursor:
        cursor.execute("SET GLOBAL binlog_row_image = 'MINIMAL'")
        try:
            said = refused(site, *BOOTSTRAP)
        finally:
            cursor.execute("SET GLOBAL binlog_row_image = 'FULL'")
    assert said == [
        "error: mysql: binlog_row_image: is MINIMAL, FULL is needed",
        "hint: SET GLOBAL binlog_row_image = 'FULL', for every session too",
    ]


@pytest.mark.parametrize("server", ["mysql", "mongo"])
def test_a_wrong_password(site: Site, server: str) -> None:
    """Named by where it is set; never repeated."""
    site.setup()
    url = site.mysql_url("follower") if server == "mysql" else site.mongo_url("follower")
    said = refused(
        site, *BOOTSTRAP, **{f"LOCKSTEP_FOLLOWER_{server.upper()}_URL": url.replace("_follower:", "_follower:not")}
    )
    assert "refuses this user" in said[0]
    assert f"LOCKSTEP_<ROLE>_{server.upper()}_URL" in said[1]
    assert not any(url.split(":")[2].split("@")[0] in line for line in said)


@pytest.mark.parametrize("server", ["mysql", "mongo"])
def test_a_stopped_server(site: Site, server: str) -> None:
    """By its name."""
    site.setup()
    url = site.mysql_url("follower") if server == "mysql" else site.mongo_url("follower")
    error, hint = refused(site, *BOOTSTRAP, **{f"LOCKSTEP_FOLLOWER_{server.upper()}_URL": moved(url)})
    name = {"mysql": "MySQL", "mongo": "MongoDB"}[server]
    assert error.startswith(f"error: {name} cannot be reached")
    assert hint.startswith(f"hint: start {name}")


@pytest.mark.parametrize(
    ("server", "url"), [("mysql", "postgres://user:hush@host/db"), ("mongo", "mongodb://hush"), ("mongo", "hush")]
)
def test_a_connection_that_is_no_url(site: Site, server: str, url: str) -> None:
    """The variable is named, its text is not repeated."""
    name = f"LOCKSTEP_FOLLOWER_{server.upper()}_URL"
    error, hint = refused(site, *BOOTSTRAP, **{name: url})
    assert error.startswith(f"error: {name}: a M")
    assert hint == f"hint: mend {name}, then: lockstep doctor"
    assert "hush" not in error
