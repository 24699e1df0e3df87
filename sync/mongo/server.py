"""Connections to MongoDB, and the one table that turns its errors into ours.

Messages never carry the server's text: it may quote values of documents.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from bson.codec_options import CodecOptions, DatetimeConversion
from bson.errors import BSONError
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    InvalidOperation,
    InvalidURI,
    OperationFailure,
    PyMongoError,
)
from pymongo.uri_parser import parse_uri

from sync.errors import (
    CommitUnknown,
    ConfigError,
    Contention,
    LockstepError,
    MongoAway,
    PositionPurged,
    Refused,
)

Document: TypeAlias = dict[str, Any]
Client: TypeAlias = "MongoClient[Document]"
CHECKPOINTS = "sync_checkpoint"

#: Dates outside of what Python holds arrive as `DatetimeMS`, bytes that are no UTF-8 as surrogates: the codecs refuse
#: both, so that nothing is cut and one such document stops nothing.
CODEC: CodecOptions[Document] = CodecOptions(
    document_class=dict,
    tz_aware=False,
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
    unicode_decode_error_handler="surrogateescape",
)
#: Mechanisms whose users stand in no database (manual, "Connection Strings", authSource).
_OUTSIDE = ("MONGODB-X509", "MONGODB-AWS", "GSSAPI")
#: Milliseconds. An answer may take as long as it takes (a change stream that passes over millions of others' writes says
#: nothing meanwhile): the driver asks beside it whether the server is still there, and gives up waiting if it is not.
SELECTION_TIMEOUT, HEARTBEAT = 5_000, 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MongoSettings:
    """Where a role connects, and as whom."""

    url: str = field(repr=False)
    database: str
    user: str
    #: user@database as the server names it: users of equal names in two databases are two accounts.
    account: str

    @property
    def place(self) -> str:
        """Servers and database, without the user."""
        hosts = sorted(f"{host}:{port}" for host, port in parse_uri(self.url)["nodelist"])
        return f"{','.join(hosts)}/{self.database}"

    @staticmethod
    def from_url(url: str) -> MongoSettings:
        """From mongodb://user:password@host:port/database?replicaSet=… Raises `ConfigError`, which never quotes the URL."""
        try:
            parts = parse_uri(url)
        except (InvalidURI, ConfigurationError, ValueError):
            allowed = "mongodb://user:password@host:port/database?replicaSet=NAME&authSource=DATABASE"
            raise ConfigError(f"a MongoDB URL cannot be read: allowed is {allowed}") from None
        if not parts["database"] or not parts["username"]:
            raise ConfigError("a MongoDB URL needs a user and a database")
        options = parts["options"]
        outside = str(options.get("authMechanism", "")) in _OUTSIDE
        source = options.get("authSource") or ("$external" if outside else parts["database"])
        return MongoSettings(
            url=url, database=parts["database"], user=parts["username"], account=f"{parts['username']}@{source}"
        )


def connect(settings: MongoSettings) -> Client:
    """A client that reads and writes with majority. Connects when it is first used."""
    with translated():
        return MongoClient(
            settings.url,
            appname="lockstep",
            serverSelectionTimeoutMS=SELECTION_TIMEOUT,
            connectTimeoutMS=SELECTION_TIMEOUT,
            heartbeatFrequencyMS=HEARTBEAT,
            w="majority",
            readConcernLevel="majority",
            tz_aware=False,
            datetime_conversion="DATETIME_AUTO",
        )


def database(client: Client, settings: MongoSettings) -> Database[Document]:
    """The settings' database."""
    return client.get_database(settings.database)


#: Error codes (mongo, src/mongo/base/error_codes.yml).
_CONTENTION = {112, 251, 24, 246, 239, 225, 50}
_AWAY = {6, 7, 89, 91, 133, 189, 216, 234, 262, 9001, 14031, 10058, 10107, 11600, 11601, 11602, 13435, 13436}
#: A cursor or session that the server no longer knows (it was restarted, or another one is primary): as good as away.
_FORGOTTEN = {43, 206, 237}
_DENIED = {13, 18, 8000}
_REFUSED = {121: "the collection's validator", 17280: "the length of an index key"}
#: The server itself, and commands that are wrong in themselves: no matter which document is written.
_BROKEN = {1, 8, 9, 20, 40, 59, 72, 73}
#: As it is sent, or once an update or a replacement has been carried out.
_NO_DOCUMENT = {**dict.fromkeys((10334, 17419, 17420), "over 16 MB"), 15: "nested more than 180 levels deep"}


def translate(error: PyMongoError, *, writes_documents: bool = False) -> LockstepError:
    """The engine's error for a driver's. `writes_documents`: see `translated`."""
    if error.has_error_label("UnknownTransactionCommitResult"):
        return CommitUnknown("the answer to MongoDB's commit was lost")
    code = _code(error)
    if error.has_error_label("TransientTransactionError") and not isinstance(error, ConnectionFailure):
        return Contention(f"MongoDB: two transactions stood in each other's way (error {code})")
    if code == 11000:
        return Refused("MongoDB error 11000: duplicate in a unique index", kind="unique_violation")
    if code in _REFUSED:
        return Refused(f"MongoDB error {code}: {_REFUSED[code]} forbids it", kind="constraint_violation")
    if code in _NO_DOCUMENT:
        return Refused(f"MongoDB error {code}: the document would be {_NO_DOCUMENT[code]}", kind="unmappable_document")
    if code in _CONTENTION:
        return Contention(f"MongoDB: two transactions stood in each other's way (error {code})")
    if code in (286, 280):
        return PositionPurged(f"the oplog no longer holds the position (error {code})")
    if code in _DENIED:
        hint = "check user and password in LOCKSTEP_<ROLE>_MONGO_URL; privileges: lockstep setup"
        return ConfigError(f"MongoDB refuses this user (error {code})", hint=hint)
    if isinstance(error, ConnectionFailure) or code in _AWAY | _FORGOTTEN:
        return MongoAway(f"MongoDB cannot be reached ({type(error).__name__})")
    if writes_documents and isinstance(error, OperationFailure) and code not in _BROKEN:
        return Refused(f"MongoDB error {code}: it does not take the document", kind="constraint_violation")
    return LockstepError(f"MongoDB error {code} ({type(error).__name__})", hint="lockstep doctor")


def _code(error: PyMongoError) -> int:
    if isinstance(error, BulkWriteError):
        found = [entry["code"] for entry in error.details.get("writeErrors", ())]
        return int(found[0]) if found else int(error.code or 0)
    return int(error.code or 0) if isinstance(error, OperationFailure) else 0


@contextmanager
def translated(*, writes_documents: bool = False) -> Iterator[None]:
    """Turns the driver's errors into ours. `writes_documents`: users' documents are written, and an error that is not known here
    (a text or geo index has its own) is about one of them: others may well be taken."""
    try:
        yield
    except InvalidOperation:
        raise MongoAway("the connection to MongoDB is closed") from None
    except PyMongoError as error:
        raise translate(error, writes_documents=writes_documents) from None
    except (BSONError, UnicodeEncodeError, OverflowError) as error:
        raise Refused(f"BSON cannot hold a value ({type(error).__name__})", kind="unmappable_document") from None
