"""The application's own connection to MongoDB, opened when first needed. Errors never carry the server's text."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bson.codec_options import CodecOptions, DatetimeConversion
from django.conf import settings
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import ConfigurationError, InvalidURI, OperationFailure, PyMongoError
from rest_framework import status
from rest_framework.exceptions import APIException

Document = dict[str, Any]

#: As the workers read: what Python or UTF-8 does not hold arrives as something that the codecs refuse.
CODEC: CodecOptions[Document] = CodecOptions(
    document_class=dict,
    tz_aware=False,
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
    unicode_decode_error_handler="surrogateescape",
)
#: Milliseconds.
PATIENCE = 3_000
#: MongoDB: not authorised; authentication failed.
FORBIDDEN = {13, 18}


class MongoAway(APIException):
    """MongoDB cannot be asked; the text says what to do."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "mongo_away"
    default_detail = "MongoDB cannot be reached. Start it, or mend the network: lockstep doctor"


class MongoNotNamed(MongoAway):
    """No connection was given."""

    default_code = "mongo_not_named"
    default_detail = "The web application was given no connection to MongoDB: set LOCKSTEP_APP_MONGO_URL"


class MongoRefuses(MongoAway):
    """The user may not do it, or is unknown."""

    default_code = "mongo_refuses"
    default_detail = "MongoDB refuses the user of LOCKSTEP_APP_MONGO_URL: lockstep setup gives it its rights"


@contextmanager
def database() -> Iterator[Database[Document]]:
    """The database that the connection names. Raises `MongoAway` for whatever its driver raises within."""
    if not settings.MONGO_URL:
        raise MongoNotNamed
    try:
        yield _connected(settings.MONGO_URL).get_default_database().with_options(codec_options=CODEC)
    except (ConfigurationError, InvalidURI):
        raise MongoNotNamed from None
    except OperationFailure as error:
        raise (MongoRefuses if error.code in FORBIDDEN else MongoAway) from None
    except PyMongoError:
        raise MongoAway from None


def disconnect() -> None:
    """Close what this process has open."""
    with _lock:
        while _clients:
            _clients.popitem()[1].close()


def _connected(url: str) -> MongoClient[Document]:
    """One for the process; its connections are shared by all threads. Made late: a client does not outlive a fork."""
    with _lock:
        if url not in _clients:
            _clients[url] = MongoClient(
                url, serverSelectionTimeoutMS=PATIENCE, socketTimeoutMS=PATIENCE, connectTimeoutMS=PATIENCE
            )
        return _clients[url]


_lock = threading.Lock()
_clients: dict[str, MongoClient[Document]] = {}
