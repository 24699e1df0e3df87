"""The change stream as the server sends it: events one by one, with their images, however large they are.

Read with the server's own commands (aggregate, getMore) instead of the driver's cursor: the end of a transaction shows only
in the shape of a batch (how many events of how many were asked for), which the driver hides, and it would resume by itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import bson
from bson import Int64, Timestamp
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import OperationFailure, PyMongoError

from sync.errors import LockstepError, MongoAway, UnknownEvent
from sync.model.position import StreamPosition
from sync.mongo.accounts import session_uid
from sync.mongo.asked import Asked
from sync.mongo.server import CHECKPOINTS, CODEC, Client, Document, MongoSettings, connect, translated

#: Events asked for at once: at most, at first, at least. A batch of fewer than asked for, under so many bytes, holds all that
#: there was, if the next event is not so large that it did not fit beside it (16 MB).
BATCH, FIRST, FEWEST, FULL_BYTES = 1000, 100, 20, 256_000
#: Bytes that a reply should have: it is in memory several times, and the next one beside it.
REPLY = 3_000_000
#: Milliseconds that the server waits for events: while a transaction's end is not known, and else.
SHORT, LONG = 20, 250
#: How often a reply without events is waited out, for an event that is known to be there.
_TRIES = 40
#: BSONObjectTooLarge: an event with both images is over 16 MB; the batch is lost and the cursor with it.
_TOO_LARGE = 10334
#: ChangeStreamFatalError: the event of a resume token is not in the oplog.
_NO_SUCH_EVENT = 280

_RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
#: The images of an event.
AFTER, BEFORE = "fullDocument", "fullDocumentBeforeChange"
#: What makes an event large, left out; the tag of a checkpoint stays.
_NARROW: list[Document] = [
    {"$unset": [AFTER, BEFORE]},
    {"$set": {"updateDescription": {"$cond": [{"$eq": ["$ns.coll", CHECKPOINTS]}, "$updateDescription", "$$REMOVE"]}}},
]


class _EventTooLarge(Exception):
    """The next event does not fit into a reply."""


class EventStream:
    """Of the mapped collections and the other worker's checkpoint. One thread."""

    def __init__(self, settings: MongoSettings, collections: Collection[str], spared: str) -> None:
        """`spared`: an account whose writes beside its checkpoint the server leaves out."""
        self._settings = settings
        self._watched = [*collections, CHECKPOINTS]
        self._spared = spared
        self._client: Client | None = None
        self.session: ClientSession | None = None
        self._cursor = 0
        self._coming: Asked[Any] | None = None
        #: Events of the last reply that were not looked at yet.
        self._raw: deque[bytes] = deque()
        #: Whether more stood behind the last reply, and how far it reached.
        self.full, self.token = False, ""

    def connect(self, position: StreamPosition) -> None:
        """To read what follows on it; `begin` comes before the first event."""
        self.close()
        self._coming = None
        self._raw.clear()
        self._position = position
        self._met = ""
        self._wide, self._batch = True, FIRST
        self._client = connect(self._settings)
        with translated():
            self.session = self._client.start_session()

    def begin(self) -> None:
        """Open the stream's own cursor."""
        self._cursor = self._opened([] if self._wide else _NARROW)

    @property
    def database(self) -> Database[Document]:
        """Raises `MongoAway` where the stream is closed."""
        if self._client is None:
            raise MongoAway("the change stream is closed")
        return self._client.get_database(self._settings.database)

    def now(self) -> StreamPosition:
        """The end of the oplog."""
        assert self._client is not None
        assert self.session is not None
        return operation_time(self._client, self._settings, self.session)

    def close(self) -> None:
        """May be called twice; whoever waits for an answer gets an error."""
        session, self.session = self.session, None
        client, self._client = self._client, None
        try:
            if session is not None:
                session.end_session()
            if client is not None:
                client.close()
        except PyMongoError:
            return

    def left(self, *, soon: bool) -> int | None:
        """How many events can be looked at; the next batch is fetched where there is none. `soon`: the server need not wait
        for some. None: one that was too large is stepped over next, and there is no end yet."""
        if not self._raw:
            try:
                self._fetch(SHORT if soon else LONG)
            except _EventTooLarge:
                self._step_over()
                return None
        return len(self._raw)

    @property
    def waiting(self) -> bool:
        """Whether events of the batch were not looked at yet."""
        return bool(self._raw)

    def next(self) -> tuple[Document, int]:
        """The next event of the batch, with its bytes."""
        raw = self._raw.popleft()
        event = bson.decode(raw, CODEC)
        return (event if self._wide else self._with_images(event)), len(raw)

    def met(self, token: str) -> None:
        """An event was looked at: reading goes on behind it."""
        self._met = token

    def go_on(self) -> None:
        """All events of a batch that had some were looked at."""
        if not self._wide:  # stepped over
            self._wide, self._batch = True, FIRST
            self.begin()
        elif not self._cursor:
            raise UnknownEvent("MongoDB ended the change stream")

    def _opened(self, stages: list[Document]) -> int:
        """A cursor from the applied position on; once an event was met, from just after it (the pipeline still shows that
        event)."""
        start = self._position
        place: Document = {"startAtOperationTime": Timestamp(start.time, max(start.increment, 1))}
        if self._met:
            place = {"resumeAfter": {"_data": self._met}}
        stream = {AFTER: "whenAvailable", BEFORE: "whenAvailable", **place}
        wanted = {
            "$or": [
                {"ns.coll": {"$in": self._watched}},
                {"to.coll": {"$in": self._watched}},
                {"operationType": {"$in": ["dropDatabase", "invalidate"]}},
            ]
        }
        pipeline: list[Document] = [{"$changeStream": stream}, {"$match": wanted}]
        if self._spared:
            others = {"lsid.uid": {"$ne": session_uid(self._spared)}}
            pipeline.append({"$match": {"$or": [others, {"ns.coll": CHECKPOINTS}]}})
        reply = self._command({"aggregate": 1, "pipeline": [*pipeline, *stages], "cursor": {"batchSize": 0}})
        return int(reply["cursor"]["id"])

    def _fetch(self, milliseconds: int) -> None:
        """The next batch; where more stands behind it, that is asked for at once."""
        coming, self._coming = self._coming, None
        reply = coming.answer() if coming else self._command(self._get_more(milliseconds))
        cursor = reply["cursor"]
        self._raw.extend(raw.raw for raw in cursor["nextBatch"])
        self._cursor = int(cursor["id"])
        self.token = str(cursor["postBatchResumeToken"]["_data"])
        events, size = len(self._raw), sum(map(len, self._raw))
        self.full = events >= self._batch or size >= FULL_BYTES
        if events and self._batch > 1:  # else it is stepped over
            self._batch = max(FEWEST, min(BATCH, REPLY * events // size))
        if self.full and self._wide and self._cursor:
            self._coming = Asked(self._asking(self._get_more(SHORT)))

    def _with_images(self, event: Document) -> Document:
        """An event that was read without its images, with each that a stream of its own can show."""
        images = {
            name: self._image(event["_id"]["_data"], name, other) for name, other in ((AFTER, BEFORE), (BEFORE, AFTER))
        }
        return event | {name: image for name, image in images.items() if image is not None}

    def _image(self, token: str, name: str, other: str) -> Any:
        """One image of the event with this token, which is among the next that come; None where it has none, or fits no
        reply even so."""
        cursor = self._opened([{"$unset": [other, "updateDescription"]}])
        found: list[RawBSONDocument] = []
        try:
            for _ in range(_TRIES):
                reply = self._command({**self._get_more(LONG), "getMore": Int64(cursor)})
                found = [event for event in reply["cursor"]["nextBatch"] if event["_id"]["_data"] == token]
                if found:
                    break
        except _EventTooLarge:
            return None
        self._command({"killCursors": "$cmd.aggregate", "cursors": [Int64(cursor)]})
        return bson.decode(found[0].raw, CODEC).get(name) if found else None

    def _get_more(self, milliseconds: int) -> Document:
        return {
            "getMore": Int64(self._cursor),
            "collection": "$cmd.aggregate",
            "batchSize": self._batch,
            "maxTimeMS": milliseconds,
        }

    def _step_over(self) -> None:
        """An event with its images is over 16 MB. Read up to it one by one, then it alone without images; these are read
        apart."""
        if not self._wide:
            raise UnknownEvent("MongoDB: an event is over 16 MB even without images")
        if self._batch == 1:
            self._wide = False
        self._batch = 1
        self.begin()

    def _command(self, command: Document) -> Any:
        return self._asking(command)()

    def _asking(self, command: Document) -> Callable[[], Any]:
        """To be called later, perhaps in another thread: it stays with the connection of now."""
        return partial(_ask, self.database, self.session, command)


def _ask(database: Database[Document], session: ClientSession | None, command: Document) -> Any:
    with translated():
        try:
            return database.command(command, codec_options=_RAW, session=session)
        except OperationFailure as error:
            if error.code == _TOO_LARGE:
                raise _EventTooLarge from None
            raise


def holds(database: Database[Document], token: str, session: ClientSession | None) -> bool:
    """Whether the event of a resume token stands in the oplog, if anything came after it. (A stream without a filter tells
    by an error as soon as it passes the place.)"""
    pipeline = [{"$changeStream": {"resumeAfter": {"_data": token}}}]
    cursor = 0
    with translated():
        try:
            aggregate: Document = {"aggregate": 1, "pipeline": pipeline, "cursor": {"batchSize": 0}}
            cursor = int(database.command(aggregate, session=session)["cursor"]["id"])
            more = {"getMore": Int64(cursor), "collection": "$cmd.aggregate", "batchSize": 1, "maxTimeMS": SHORT}
            cursor = int(database.command(more, session=session)["cursor"]["id"])
        except OperationFailure as error:
            if error.code == _NO_SUCH_EVENT:
                return False
            raise
        if cursor:
            database.command({"killCursors": "$cmd.aggregate", "cursors": [Int64(cursor)]}, session=session)
    return True


def operation_time(client: Client, settings: MongoSettings, session: ClientSession) -> StreamPosition:
    """The end of the oplog now."""
    with translated():
        reply = client.get_database(settings.database).command("ping", session=session)
    moment = reply.get("operationTime")
    if not isinstance(moment, Timestamp):
        raise LockstepError("MongoDB tells no operation time: it is no replica set", hint="lockstep doctor")
    return StreamPosition(time=moment.time, increment=moment.inc)


def event_position(event: Document) -> StreamPosition:
    """Place of an event."""
    moment: Timestamp = event["clusterTime"]
    return StreamPosition(time=moment.time, increment=moment.inc, token=event["_id"]["_data"])


def token_position(token: str) -> StreamPosition | None:
    """Place of a resume token: its first element is a timestamp, big-endian after one type byte (mongo,
    src/mongo/db/pipeline/resume_token.h and the KeyString format). None for another form."""
    if not token.startswith("82") or len(token) < 18:
        return None
    return StreamPosition(time=int(token[2:10], 16), increment=int(token[10:18], 16), token=token)
