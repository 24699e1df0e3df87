"""Reads settings from the environment, or from files that the environment names (`NAME_FILE`).

Knows nothing of Django. Errors name the variable, never its value: values are secrets.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

DatabaseSettings = dict[str, object]

#: URL option -> name in mysqlclient's `ssl` argument
TLS_OPTIONS = {"ssl-ca": "ca", "ssl-cert": "cert", "ssl-key": "key"}
STRICT = "SET SESSION sql_mode = 'TRADITIONAL'"


class EnvironmentProblem(ValueError):
    """A variable is missing or unusable; the message names it and says what is allowed."""


def value(name: str, environ: Mapping[str, str] = os.environ) -> str | None:
    """The variable `name`, or the content of the file that `name`_FILE names; None where neither is set."""
    direct, path = environ.get(name), environ.get(f"{name}_FILE")
    if direct and path:
        raise EnvironmentProblem(f"{name} and {name}_FILE are both set: keep one")
    if path:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise EnvironmentProblem(f"{name}_FILE: cannot be read ({error.strerror})") from None
    return direct or None


def flag(name: str, default: bool, environ: Mapping[str, str] = os.environ) -> bool:
    """A yes-or-no variable."""
    text = (value(name, environ) or "").lower()
    if text in ("1", "true", "yes", "on"):
        return True
    if text in ("0", "false", "no", "off"):
        return False
    if not text:
        return default
    raise EnvironmentProblem(f"{name}: 1 or 0 is allowed")


def number(name: str, default: int, environ: Mapping[str, str] = os.environ) -> int:
    """A whole number, not negative."""
    text = value(name, environ)
    if text is None:
        return default
    if not text.isdecimal():
        raise EnvironmentProblem(f"{name}: a whole number is allowed")
    return int(text)


def words(name: str, default: str, environ: Mapping[str, str] = os.environ) -> list[str]:
    """A list separated by commas."""
    return [word.strip() for word in (value(name, environ) or default).split(",") if word.strip()]


def mysql_settings(url: str, name: str) -> DatabaseSettings:
    """Django's settings of the database at `mysql://user:password@host:port/database?ssl-ca=...`.

    `name` is the variable the URL came from, for messages.
    """
    parts = urlsplit(url)
    database = unquote(parts.path.removeprefix("/"))
    if parts.scheme != "mysql" or not parts.hostname or not parts.username or not database or "/" in database:
        raise EnvironmentProblem(f"{name}: mysql://user:password@host:port/database is allowed")
    try:
        port = parts.port or 3306
    except ValueError:
        raise EnvironmentProblem(f"{name}: the port is not a number") from None
    return {
        "ENGINE": "django.db.backends.mysql",
        "NAME": database,
        "USER": unquote(parts.username),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname,
        "PORT": str(port),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "charset": "utf8mb4",
            "isolation_level": "read committed",
            "init_command": STRICT,
            "connect_timeout": 10,
            **_tls(parts.query, name),
        },
        "TEST": {"CHARSET": "utf8mb4"},
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where mail is handed in."""

    host: str = "localhost"
    port: int = 587
    user: str = ""
    password: str = field(default="", repr=False)
    #: TLS from the first byte, or after STARTTLS; neither for a relay on this host that wants no log-in.
    tls_at_once: bool = False
    starttls: bool = False


def mail_server(url: str, name: str) -> MailServer:
    """The server at `smtp://user:password@host:port` (STARTTLS where it has a user) or `smtps://…` (TLS at once)."""
    parts = urlsplit(url)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path.strip("/") or parts.query:
        raise EnvironmentProblem(f"{name}: smtp://user:password@host:port or smtps://… is allowed")
    tls_at_once = parts.scheme == "smtps"
    try:
        port = parts.port or (465 if tls_at_once else 587)
    except ValueError:
        raise EnvironmentProblem(f"{name}: the port is not a number") from None
    return MailServer(
        host=parts.hostname,
        port=port,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        tls_at_once=tls_at_once,
        starttls=not tls_at_once and bool(parts.username),
    )


def _tls(query: str, name: str) -> dict[str, object]:
    """mysqlclient's arguments for the URL's TLS options; a CA without a check of the host's name proves nothing."""
    options = dict(parse_qsl(query, keep_blank_values=True))
    unknown = sorted(set(options) - set(TLS_OPTIONS))
    if unknown:
        raise EnvironmentProblem(f"{name}: unknown option {unknown[0]} (allowed: {', '.join(TLS_OPTIONS)})")
    if not options:
        return {}
    files = {TLS_OPTIONS[option]: path for option, path in options.items()}
    return {"ssl": files, "ssl_mode": "VERIFY_IDENTITY" if "ca" in files else "REQUIRED"}
