"""Settings and the one table of errors."""

from __future__ import annotations

import pytest
from bson.errors import InvalidDocument
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    DocumentTooLarge,
    InvalidOperation,
    NetworkTimeout,
    NotPrimaryError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)

from sync.errors import (
    CommitUnknown,
    ConfigError,
    Contention,
    LockstepError,
    MongoAway,
    PositionPurged,
    Refused,
)
from sync.mongo.accounts import own_account
from sync.mongo.server import MongoSettings, translate, translated


def test_a_url_is_read() -> None:
    """User and database; how to connect is the driver's matter."""
    settings = MongoSettings.from_url("mongodb://a%40b:p%2Fw@db.example:27018/lockstep?replicaSet=rs0&tls=true")
    assert (settings.user, settings.database) == ("a@b", "lockstep")


@pytest.mark.parametrize(
    ("rest", "account"),
    [
        ("h/d", "u@d"),
        ("h/d?authSource=admin", "u@admin"),
        ("h/d?authsource=Users", "u@Users"),
        ("h/d?authMechanism=SCRAM-SHA-256", "u@d"),
        ("h/d?authMechanism=MONGODB-X509", "u@$external"),
    ],
)
def test_an_account_is_a_user_of_a_database(rest: str, account: str) -> None:
    """As the server names it, for its digest stands in the change stream."""
    assert MongoSettings.from_url(f"mongodb://u:secret@{rest}").account == account


def test_an_account_that_is_the_followers_alone() -> None:
    """Nobody else's, as far as a process is told; where it is not told of applications, it is not known to be."""

    def told(**roles: str) -> dict[str, MongoSettings]:
        return {
            role: MongoSettings.from_url(f"mongodb://{user}:x@h/{base}")
            for role, of in roles.items()
            for user, base in [of.split("@")]
        }

    assert own_account(told(follower="f@d", app="a@d", owner="o@d")) == "f@d"
    assert own_account(told(follower="f@d", app="f@e")) == "f@d"
    assert own_account(told(follower="f@d", app="f@d")) == ""
    assert own_account(told(follower="f@d", app="a@d", owner="f@d")) == ""
    assert own_account(told(follower="f@d", listener="l@d")) == ""
    assert own_account(told(app="a@d")) == ""


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:secret@h/d",
        "mongodb://u:secret@h",
        "mongodb://h/secret",
        "mongodb://u:secret@h:x/d",
        "mongodb://u:sec@ret@h/d",
        "",
    ],
)
def test_a_bad_url_is_refused_without_quoting_it(url: str) -> None:
    """The message tells what is allowed, never the password."""
    with pytest.raises(ConfigError) as refused:
        MongoSettings.from_url(url)
    assert "secret" not in str(refused.value)


def test_no_repr_shows_the_password() -> None:
    """Settings may end up in a log."""
    assert "secret" not in repr(MongoSettings.from_url("mongodb://u:secret@h/d"))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        *((code, Contention) for code in (112, 251, 246, 225)),
        *((code, Refused) for code in (11000, 121, 10334)),
        *((code, MongoAway) for code in (91, 189, 10107, 11600, 13435, 43, 237)),
        *((code, ConfigError) for code in (13, 18)),
        *((code, PositionPurged) for code in (286, 280)),
        (9, LockstepError),
    ],
)
def test_errors_are_told_apart(code: int, expected: type[LockstepError]) -> None:
    """Try again, hold the document, wait for the server, ask a person, or copy anew."""
    assert type(translate(OperationFailure("text", code))) is expected


@pytest.mark.parametrize(
    "error",
    [
        AutoReconnect("text"),
        NetworkTimeout("text"),
        NotPrimaryError("text"),
        ServerSelectionTimeoutError("text"),
    ],
)
def test_a_lost_connection_is_waited_for(error: PyMongoError) -> None:
    """Also where the driver says that the transaction may be tried again: first the server must be there."""
    error._add_error_label("TransientTransactionError")  # as the driver does
    assert type(translate(error)) is MongoAway


def test_a_lost_answer_to_commit_is_told_from_a_lost_connection() -> None:
    """Whether it counted, the checkpoint tells."""
    error = AutoReconnect("text")
    error._add_error_label("UnknownTransactionCommitResult")  # as the driver does
    assert type(translate(error)) is CommitUnknown


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OperationFailure("secret", 11000), "unique_violation"),
        (BulkWriteError({"writeErrors": [{"code": 11000, "errmsg": "secret"}]}), "unique_violation"),
        (BulkWriteError({"writeErrors": [{"code": 121, "errmsg": "secret"}]}), "constraint_violation"),
        (OperationFailure("secret", 17419), "unmappable_document"),
    ],
)
def test_refusals_name_their_kind_and_no_values(error: PyMongoError, kind: str) -> None:
    """What the conflict row will say; the server quotes the key, we do not."""
    refused = translate(error)
    assert isinstance(refused, Refused)
    assert refused.kind == kind
    assert "secret" not in str(refused)


def test_a_denied_user_is_told_which_setting_to_check() -> None:
    """The hint names the variable."""
    assert "LOCKSTEP_<ROLE>_MONGO_URL" in translate(OperationFailure("text", 18)).hint


@pytest.mark.parametrize(
    ("code", "expected"), [(17262, Refused), (15, Refused), (112, Contention), (14031, MongoAway), (9, LockstepError)]
)
def test_an_unknown_error_about_a_document_refuses_that(code: int, expected: type[LockstepError]) -> None:
    """But not one of the server, or of a command that is wrong in itself; and elsewhere it stops the worker."""
    error = OperationFailure("text", code)
    assert type(translate(error, writes_documents=True)) is expected
    if code == 17262:
        assert type(translate(error)) is LockstepError


@pytest.mark.parametrize("error", [InvalidDocument("secret"), DocumentTooLarge("secret")])
def test_what_bson_cannot_hold_holds_the_document(error: Exception) -> None:
    """No value is cut to fit, and none stops the worker."""
    with pytest.raises(Refused) as refused, translated():
        raise error
    assert "secret" not in str(refused.value)


def test_a_closed_client_counts_as_away() -> None:
    """A source that is closed from another thread ends its reading so."""
    with pytest.raises(MongoAway), translated():
        raise InvalidOperation("text")
