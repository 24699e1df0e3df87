"""What the web application takes from its environment: names in errors, never values."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend.config import environment as env

SECRET = "hush"


def test_a_value_or_the_file_that_is_named(tmp_path: Path) -> None:
    """Stripped; empty counts as not set; both at once is a mistake."""
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    assert env.value("NAME", {"NAME": SECRET}) == SECRET
    assert env.value("NAME", {"NAME_FILE": str(file)}) == SECRET
    assert env.value("NAME", {"NAME": ""}) is None
    with pytest.raises(env.EnvironmentProblem, match="both set"):
        env.value("NAME", {"NAME": SECRET, "NAME_FILE": str(file)})
    with pytest.raises(env.EnvironmentProblem, match="NAME_FILE: cannot be read"):
        env.value("NAME", {"NAME_FILE": str(tmp_path / "none")})


@pytest.mark.parametrize(("text", "wanted"), [("1", True), ("Yes", True), ("off", False), ("0", False), ("", True)])
def test_a_flag(text: str, wanted: bool) -> None:
    """In the words that people use."""
    assert env.flag("NAME", True, {"NAME": text}) is wanted


def test_what_is_no_flag_and_no_number() -> None:
    """Named, with what is allowed."""
    with pytest.raises(env.EnvironmentProblem, match="NAME: 1 or 0 is allowed"):
        env.flag("NAME", True, {"NAME": "perhaps"})
    with pytest.raises(env.EnvironmentProblem, match="NAME: a whole number is allowed"):
        env.number("NAME", 1, {"NAME": "-1"})
    assert env.number("NAME", 7, {}) == 7
    assert env.words("NAME", "", {"NAME": " a, b,,"}) == ["a", "b"]


def test_a_mysql_url() -> None:
    """Escaped parts are read; TLS options are passed on, a CA with a check of the host's name."""
    found = env.mysql_settings("mysql://us%40er:p%2Fw@host:3307/data?ssl-ca=/ca.pem", "NAME")
    assert (found["USER"], found["PASSWORD"], found["HOST"], found["PORT"], found["NAME"]) == (
        "us@er",
        "p/w",
        "host",
        "3307",
        "data",
    )
    options = found["OPTIONS"]
    assert isinstance(options, dict)
    assert (options["ssl"], options["ssl_mode"]) == ({"ca": "/ca.pem"}, "VERIFY_IDENTITY")


@pytest.mark.parametrize(
    "url",
    [
        f"postgres://user:{SECRET}@host/data",
        f"mysql://user:{SECRET}@host",
        f"mysql://user:{SECRET}@host/a/b",
        f"mysql://user:{SECRET}@host:port/data",
        f"mysql://user:{SECRET}@host/data?tls=1",
        SECRET,
    ],
)
def test_what_is_no_mysql_url(url: str) -> None:
    """The variable is named, its text is not repeated."""
    with pytest.raises(env.EnvironmentProblem, match="NAME: ") as refused:
        env.mysql_settings(url, "NAME")
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("smtp://user:p%2Fw@mail", env.MailServer(host="mail", user="user", password="p/w", starttls=True)),
        ("smtp://localhost:25", env.MailServer(host="localhost", port=25)),
        ("smtps://user:pw@mail", env.MailServer(host="mail", port=465, user="user", password="pw", tls_at_once=True)),
    ],
)
def test_a_mail_server(url: str, wanted: env.MailServer) -> None:
    """A password is never sent in clear."""
    found = env.mail_server(url, "NAME")
    assert found == wanted
    assert not found.user or found.tls_at_once or found.starttls


@pytest.mark.parametrize("url", [f"http://user:{SECRET}@mail", f"smtp://user:{SECRET}@mail:port", "smtp://", SECRET])
def test_what_is_no_mail_server(url: str) -> None:
    """As above."""
    with pytest.raises(env.EnvironmentProblem, match="NAME: ") as refused:
        env.mail_server(url, "NAME")
    assert SECRET not in str(refused.value)
