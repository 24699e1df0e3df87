"""Which documents were written in MongoDB in a span of time, by its change stream. Needs what the listener may: reading."""

from __future__ import annotations

import time

from bson import Timestamp

from sync.errors import MongoAway
from sync.model.change import DocumentId
from sync.model.lens import document_key
from sync.model.mapping import SyncMapping
from sync.model.position import Position, StreamPosition, reached
from sync.mongo.changes import StreamEnd
from sync.mongo.event_stream import token_position
from sync.mongo.server import CODEC, Client, MongoSettings, connect, translated

#: Milliseconds for which the server waits for more, and seconds after which a stream that does not move is given up.
_AWAIT, _PATIENCE = 20, 60.0
_KEYS = [{"$project": {"documentKey": 1, "clusterTime": 1}}]


class MongoWitness:
    """Implements `sync.ports.Witness`."""

    def __init__(self, settings: MongoSettings, mapping: SyncMapping) -> None:
        self._settings = settings
        self._mapping = mapping
        self._end = StreamEnd(settings)
        self._client: Client | None = None

    def now(self) -> StreamPosition:
        """See the port."""
        return self._end.end()

    def written(self, collection: str, since: Position) -> frozenset[DocumentId]:
        """See the port."""
        assert isinstance(since, StreamPosition)
        mapped, end = self._mapping.collections[collection], self.now()
        found: set[DocumentId] = set()
        deadline = time.monotonic() + _PATIENCE
        if self._client is None:
            self._client = connect(self._settings)
        stored = self._client[self._settings.database].get_collection(collection, codec_options=CODEC)
        first, last = Timestamp(since.time, since.increment), Timestamp(end.time, end.increment)
        with translated(), stored.watch(_KEYS, start_at_operation_time=first, max_await_time_ms=_AWAIT) as stream:
            while True:
                event = stream.try_next()
                if event is None:
                    if _passed(stream.resume_token, end):
                        return frozenset(found)
                    if time.monotonic() > deadline:
                        raise MongoAway(f"the change stream has not moved for {_PATIENCE:.0f} s")
                elif event["clusterTime"] > last:
                    return frozenset(found)
                elif event["clusterTime"] > first and "documentKey" in event:
                    found.add(DocumentId(collection, document_key(mapped, event["documentKey"]["_id"])))

    def close(self) -> None:
        """See the port."""
        self._end.close()
        client, self._client = self._client, None
        if client is not None:
            client.close()


def _passed(token: object, end: StreamPosition) -> bool:
    """Whether all up to `end` was read, by the token of the place where the stream stands and has nothing more."""
    place = token_position(str(token["_data"])) if isinstance(token, dict) else None
    return place is not None and reached(place, end)
