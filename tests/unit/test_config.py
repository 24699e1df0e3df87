"""Where the configuration comes from, and what is said when it is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.local.paths import ROOT
from sync.config import Config, Role, load_config
from sync.errors import ConfigError, MappingError

SECRET = "mysql://u:hush@127.0.0.1:3306/lockstep"
NAME = "LOCKSTEP_FOLLOWER_MYSQL_URL"


def config(**environ: str) -> Config:
    return load_config(ROOT / "lockstep.toml", environ)


def test_a_url_comes_from_its_variable() -> None:
    """One variable a role and server."""
    assert config(**{NAME: SECRET}).url(Role.FOLLOWER, "mysql") == SECRET


def test_a_url_comes_from_the_file_that_is_named(tmp_path: Path) -> None:
    """As secrets are mounted: the file's end of line is no part of the URL."""
    file = tmp_path / "url"
    file.write_text(f"{SECRET}\n")
    assert config(**{f"{NAME}_FILE": str(file)}).url(Role.FOLLOWER, "mysql") == SECRET


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({}, f"{NAME} is not set"),
        ({NAME: ""}, f"{NAME} is not set"),
        ({NAME: SECRET, f"{NAME}_FILE": "/run/url"}, f"{NAME} and {NAME}_FILE are both set"),
        ({f"{NAME}_FILE": "/nowhere/url"}, f"the file that {NAME}_FILE names cannot be read"),
    ],
)
def test_a_missing_url_is_said_by_its_variable(environ: dict[str, str], message: str) -> None:
    """An operator is told which variable; never a value."""
    with pytest.raises(ConfigError, match="LOCKSTEP_FOLLOWER_MYSQL_URL") as caught:
        config(**environ).url(Role.FOLLOWER, "mysql")
    assert caught.value.message == message
    assert "hush" not in f"{caught.value} {caught.value.hint}"


def test_connections_are_not_shown() -> None:
    """Not in a traceback or a debugger's line either."""
    assert "hush" not in repr(config(**{NAME: SECRET}))


@pytest.mark.parametrize("kind", ["missing", "folder", "bytes"])
def test_a_file_that_cannot_be_read_is_one_clear_error(tmp_path: Path, kind: str) -> None:
    """With the option that names another."""
    path = tmp_path / "lockstep.toml"
    if kind == "folder":
        path.mkdir()
    elif kind == "bytes":
        path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"lockstep\.toml") as caught:
        load_config(path, {})
    assert "--config" in caught.value.hint


def test_every_problem_of_the_mapping_is_told_with_its_line(tmp_path: Path) -> None:
    """All at once, as `file:line: key: what is allowed`."""
    path = tmp_path / "other.toml"
    text = (ROOT / "lockstep.toml").read_text()
    path.write_text(
        text.replace('tie = "mysql"', 'tie = "mysql"\npace = 3').replace('codec = "date"', 'codec = "moment"', 1)
    )
    with pytest.raises(MappingError) as caught:
        load_config(path, {})
    unknown, codec = sorted(caught.value.problems, key=lambda one: "codec" in one)
    assert unknown.startswith("other.toml:6: lockstep.pace: unknown key")
    assert codec.startswith("other.toml:")
    assert "collections.customers.fields.birthdate" in codec
