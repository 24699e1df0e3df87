"""Writes one field of a customer on the side that a person named, or on both as close together as can be.

Each side is written as any application would write it; carrying it across is the workers' business.
"""

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pymongo
from bson import ObjectId
from pymongo.client_session import ClientSession
from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError

from backend.analytics.models import Customer
from backend.analytics.serializers import CustomerSerializer
from backend.config.writing import in_transaction
from backend.crossing.attention import call_attention
from backend.crossing.mongo import PATIENCE, database
from backend.crossing.sides import CUSTOMERS
from sync.model.change import Side

#: What may be edited here, in the page's order: the column and the field have the same name.
FIELDS = ("name", "username", "email", "address", "birthdate", "active")
#: Seconds for which one of two writers waits for the other to be ready.
TOGETHER = 2.0
NAMES = {Side.MYSQL: "MySQL", Side.MONGO: "MongoDB"}

Written = dict[Side, float]
#: Called by a writer that has written and not committed, each time that it does so; may wait for the other one.
Ready = Callable[[], object]


class NotThere(APIException):
    """The side to be written does not hold the customer."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "not_there"

    def __init__(self, side: Side) -> None:
        super().__init__(f"{NAMES[side]} does not hold this customer now. Load the page anew.")


class HalfWritten(APIException):
    """One side was written and the other refused."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "half_written"


def checked(field: str, value: Any, name: str) -> Any:
    """The value as both sides can hold it; raises `ValidationError` under the key `name`."""
    serializer = CustomerSerializer(data={field: value}, partial=True)
    if not serializer.is_valid():
        raise ValidationError({name: serializer.errors.get(field, serializer.errors)})
    return serializer.validated_data[field]


def write(key: str, field: str, values: dict[Side, Any]) -> Written:
    """Write checked values; when each side acknowledged, in milliseconds since the epoch.

    Raises `NotThere`, `MongoAway`, `Busy`, and `HalfWritten` where only one of two sides took it.
    """
    assert field in FIELDS
    call_attention(key)
    if len(values) == 1:
        ((side, value),) = values.items()
        return {side: _timed(side, key, field, value, _at_once)}
    return _both(key, field, values)


def _both(key: str, field: str, values: dict[Side, Any]) -> Written:
    """MongoDB in a thread of its own, MySQL in this one, which Django's connection belongs to.

    Row and document are written, and so locked, before either is committed: however slow the machine, neither value
    can be carried to a side that has not its own, and the two meet.
    """
    meeting = threading.Barrier(len(values))
    met: set[Side] = set()
    written: Written = {}
    failed: dict[Side, Exception] = {}

    def wait(side: Side) -> None:
        if side not in met:  # who does it again, after a deadlock say, keeps nobody waiting
            met.add(side)
            meeting.wait(TOGETHER)

    def one(side: Side) -> None:
        try:
            written[side] = _timed(side, key, field, values[side], partial(wait, side))
        except Exception as error:  # noqa: BLE001 - raised again below, in the request's thread
            meeting.abort()  # who has not written yet does not
            failed[side] = error

    beside = threading.Thread(target=one, args=(Side.MONGO,), name="edit-mongo")
    beside.start()
    one(Side.MYSQL)
    beside.join()
    if failed and written:
        ((side, error),) = failed.items()
        done = NAMES[side.other]
        raise HalfWritten(f"{done} was written, {NAMES[side]} was not: {_told(error)}") from error
    for error in sorted(failed.values(), key=lambda error: isinstance(error, threading.BrokenBarrierError)):
        raise error
    return written


def _told(error: Exception) -> str:
    return str(error.detail) if isinstance(error, APIException) else type(error).__name__


def _timed(side: Side, key: str, field: str, value: Any, ready: Ready) -> float:
    _WRITERS[side](key, field, value, ready)
    return round(time.time() * 1000, 1)


def _at_once() -> None:
    pass


def _in_mysql(key: str, field: str, value: Any, ready: Ready) -> None:
    def work() -> None:
        customer = Customer.objects.select_for_update().filter(pk=key).first()
        if customer is None:
            raise NotThere(Side.MYSQL)
        setattr(customer, field, value)
        customer.save(update_fields=[field])
        ready()

    in_transaction(work)


def _in_mongo(key: str, field: str, value: Any, ready: Ready) -> None:
    # A field that may be absent is absent where the column is NULL (lockstep.toml).
    change = {"$unset": {field: ""}} if value is None else {"$set": {field: value}}
    with database() as mongo, mongo.client.start_session() as session:

        def work(session: ClientSession) -> None:
            found = mongo[CUSTOMERS].update_one({"_id": ObjectId(key)}, change, session=session)
            if found.matched_count != 1:
                raise NotThere(Side.MONGO)
            ready()

        # The driver does a transaction again that met another one's write, for as long as this allows.
        with pymongo.timeout(TOGETHER + PATIENCE / 1000):
            session.with_transaction(work)


_WRITERS: dict[Side, Callable[[str, str, Any, Ready], None]] = {Side.MYSQL: _in_mysql, Side.MONGO: _in_mongo}
