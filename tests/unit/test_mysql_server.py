"""Settings and the one table of errors."""

from __future__ import annotations

import pymysql
import pytest

from sync.errors import ConfigError, Contention, LockstepError, MySQLAway, Refused, StructureMismatch
from sync.mysql.server import MySQLSettings, translate


def test_a_url_is_read() -> None:
    """User, password and database may hold escaped characters; the port may be left out."""
    settings = MySQLSettings.from_url("mysql://a%40b:p%2Fw@db.example/lockstep?ssl-ca=/ca.pem")
    assert (settings.host, settings.port, settings.user, settings.password) == ("db.example", 3306, "a@b", "p/w")
    assert settings.tls == {"ssl_ca": "/ca.pem", "ssl_verify_cert": True, "ssl_verify_identity": True}


@pytest.mark.parametrize(
    "url",
    [
        "postgres://u:secret@h/d",
        "mysql://u:secret@h",
        "mysql://u:secret@h:x/d",
        "mysql://u:secret@h/d?ssl=1",
        "mysql://u:secret@h/d?ssl-mode=maybe",
        "mysql://u:secret@h/d?ssl-mode=verify_ca",
    ],
)
def test_a_bad_url_is_refused_without_quoting_it(url: str) -> None:
    """The message tells what is allowed, never the password."""
    with pytest.raises(ConfigError) as refused:
        MySQLSettings.from_url(url)
    assert "secret" not in str(refused.value)


def test_no_repr_shows_the_password() -> None:
    """Settings may end up in a log."""
    assert "secret" not in repr(MySQLSettings.from_url("mysql://u:secret@h/d"))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        *((code, Contention) for code in (1205, 1213, 3572, 1020)),
        *((code, Refused) for code in (1062, 1451, 1452, 1406, 1264, 1366, 3819, 4025, 1048, 1364)),
        *((code, MySQLAway) for code in (2002, 2003, 2006, 2013, 1040, 1053, 1290)),
        *((code, ConfigError) for code in (1045, 1044, 1142, 1227, 1049, 1698)),
        *((code, StructureMismatch) for code in (1146, 1054, 1176)),
    ],
)
def test_errors_are_told_apart(code: int, expected: type[LockstepError]) -> None:
    """Try again, hold the document, wait for the server, or ask a person."""
    assert type(translate(pymysql.err.OperationalError(code, "text"))) is expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (30001, Refused),
        (3643, Refused),
        (1213, Contention),
        (2013, MySQLAway),
        (1030, LockstepError),
        (1064, LockstepError),
    ],
)
def test_an_unknown_error_about_a_row_refuses_that(code: int, expected: type[LockstepError]) -> None:
    """But not one of the storage engine, or of a statement that is wrong in itself; and elsewhere it stops the worker."""
    error = pymysql.err.OperationalError(code, "text")
    assert type(translate(error, writes_rows=True)) is expected
    if code == 30001:
        assert type(translate(error)) is LockstepError


def test_the_engines_own_tables_are_told_apart() -> None:
    """Without them nothing can be done: `lockstep setup`."""
    text = "Table 'd.sync_conflict' doesn't exist"
    assert type(translate(pymysql.err.ProgrammingError(1146, text))) is ConfigError


@pytest.mark.parametrize(
    ("code", "kind"),
    [(1062, "unique_violation"), (1452, "foreign_key_violation"), (3819, "constraint_violation")],
)
def test_refusals_name_their_kind(code: int, kind: str) -> None:
    """What the conflict row will say."""
    error = translate(pymysql.err.IntegrityError(code, "text"))
    assert isinstance(error, Refused)
    assert error.kind == kind


@pytest.mark.parametrize(
    ("code", "text", "shown"),
    [
        (1062, "Duplicate entry 'secret' for key 't.PRIMARY'", "t.PRIMARY"),
        (1062, "Duplicate entry 'x' for key 'secret'' for key 't.name'", "t.name"),
        (1406, "Data too long for column 'name' at row 1", "name"),
        (1366, "Incorrect integer value: 'secret' for column 'a' at row 1", "1366"),
        (
            1452,
            "a foreign key constraint fails (`d`.`t`, CONSTRAINT `known` FOREIGN KEY (`a`) REFERENCES `b`)",
            "known",
        ),
        (4025, "CONSTRAINT `positive` failed for `d`.`t`", "positive"),
        (9999, "secret", "9999"),
    ],
)
def test_texts_carry_no_values(code: int, text: str, shown: str) -> None:
    """Names of keys and columns help; what stood in the row stays there."""
    message = str(translate(pymysql.err.IntegrityError(code, text)))
    assert shown in message
    assert "secret" not in message
