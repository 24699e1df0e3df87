"""The change stream as a source: each event's document before and after, shredded and compared, is a list of row changes.

How the events come is `event_stream`'s matter; here they become transactions.
"""

from __future__ import annotations

import time
from collections import deque
from datetime import datetime, timedelta
from typing import NamedTuple

from sync.errors import (
    CheckpointWrittenByOther,
    SchemaChanged,
    SourceBehind,
    UnknownEvent,
    UnmappableDocument,
)
from sync.model.change import (
    USER,
    CollectionState,
    ConflictKind,
    DocumentId,
    Entry,
    Hold,
    RowChange,
    Side,
    StructureChange,
    Transaction,
    Value,
)
from sync.model.lens import document_key
from sync.model.mapping import CollectionMapping, OnTruncate, SyncMapping
from sync.model.position import Known, Mark, Position, StreamPosition, reached
from sync.model.shredder import Touched, shredders, touched
from sync.mongo.event_stream import AFTER, BEFORE, EventStream, event_position, holds, operation_time, token_position
from sync.mongo.schema import collections, has_images
from sync.mongo.server import CHECKPOINTS, Client, Document, MongoSettings, connect, translated

#: A transaction of more events, or more bytes of memory, is delivered in parts.
PART_EVENTS, PART_BYTES = 10_000, 8 << 20
#: Bytes of events that are looked at before what they completed is delivered.
_AT_ONCE = 64 << 10
#: Bytes of memory that a row change takes beside its values.
_CHANGE = 700
#: Seconds between positions of a stream without events.
PROGRESS = 0.5
_EPOCH, _MICROSECOND = datetime(1970, 1, 1), timedelta(microseconds=1)  # noqa: DTZ001 - as decoded: naive, UTC

_EVENTS = ("insert", "update", "replace", "delete")
#: What happens to a collection as a whole, and what ends the database.
_STRUCTURE, _ENDS = ("drop", "rename"), ("dropDatabase", "invalidate")


class _Event(NamedTuple):
    """One event, its place, and when it was written (microseconds since the epoch)."""

    shown: Document
    place: StreamPosition
    committed_at: int


class ChangeStreamSource:
    """Implements `sync.ports.Source` for MongoDB."""

    side = Side.MONGO
    resolution = 1000

    def __init__(
        self,
        settings: MongoSettings,
        mapping: SyncMapping,
        *,
        other: str = "follower",
        spared: str = "",
        part_events: int = PART_EVENTS,
        part_bytes: int = PART_BYTES,
    ) -> None:
        """`other` is the worker whose checkpoint stands in MongoDB. `spared`: its account, where nobody else uses that;
        the server then leaves out of the stream what it writes beside its checkpoint."""
        self._mapping = mapping
        self._other = other
        self._stream = EventStream(settings, mapping.collections, spared)
        self._part_events, self._part_bytes = part_events, part_bytes
        self._shredders = shredders(mapping)
        self._ready: deque[Transaction] = deque()
        self._failure: Exception | None = None

    def start(self, position: Position, rows_done: int, known: Known) -> None:
        """See the port."""
        assert isinstance(position, StreamPosition)
        self._stream.connect(position)
        self._position = position
        self._end = position
        self._known = known
        self._skip = rows_done
        self._ended: tuple[object, Known | None] = (None, None)
        self._ready.clear()
        self._failure = None
        self._forget()
        self._progress_at = time.monotonic()
        if not reached(self._stream.now(), StreamPosition(time=position.time, increment=position.increment)):
            raise SourceBehind("MongoDB's oplog ends before the applied position")
        self._check_applied()
        self._stream.begin()

    def read(self, timeout: float) -> Transaction | None:
        """See the port. What ended before a stop is delivered before the stop is raised."""
        deadline = time.monotonic() + timeout
        while not self._ready:
            if self._failure:
                raise self._failure
            try:
                events = self._more()
            except Exception as error:  # noqa: BLE001 - raised as it is, behind what ended before it
                self._failure = error
                continue
            if not events and not self._ready and time.monotonic() >= deadline:
                return None
        return self._ready.popleft()

    def close(self) -> None:
        """See the port."""
        self._stream.close()

    def _check_applied(self) -> None:
        """What was applied must be there still: the follower's checkpoint, and the event at the applied position."""
        database = self._stream.database
        with translated():
            stored = database[CHECKPOINTS].find_one({"_id": self._other}, {"seq": True})
        if stored is not None and int(stored["seq"]) < self._known.seq:
            raise SourceBehind(f"the {self._other}'s checkpoint in MongoDB is older than what was already read of it")
        if self._position.token and not holds(database, self._position.token, self._stream.session):
            raise SourceBehind("MongoDB's oplog does not hold the event that was applied last")

    def _more(self) -> int:
        """Look at some of a batch, at least up to the first transaction or part that it completes; how many events are looked
        at or left."""
        stream = self._stream
        count = stream.left(soon=self._count > 0)
        if count is None:
            return 1
        looked_at = 0
        while stream.waiting and not (self._ready and looked_at >= _AT_ONCE):
            event, size = stream.next()
            looked_at += size
            self._take(event, size)
        if not stream.waiting:
            self._looked_at(count)
        return count

    def _looked_at(self, count: int) -> None:
        """The last `count` events of a batch were looked at."""
        if not self._stream.full:
            self._finish()
        if count:
            self._stream.go_on()
        else:
            self._progress(self._stream.token)

    def _progress(self, token: str) -> None:
        """A position for a quiet stream: where the server has read to. Nothing of ours stood before it."""
        now = time.monotonic()
        if now - self._progress_at < PROGRESS or self._count:
            return
        self._progress_at = now
        position = token_position(token)
        if position and not reached(self._end, position):
            self._end = position
            self._ready.append(Transaction(entries=(), position=position, known=self._known))

    # Events, grouped into transactions.

    def _forget(self) -> None:
        """Nothing of a transaction is gathered."""
        self._entries: list[Entry] = []
        self._group: object = None
        self._tag: Known | None = None
        self._mark: Mark | None = None
        self._lease_taken = False
        #: Events of the transaction; those, and the memory they take, since the last part.
        self._count = self._events = self._bytes = 0
        self._first_user: StreamPosition | None = None
        self._last: _Event | None = None
        self._structure: dict[str, StructureChange] = {}

    def _take(self, event: Document, size: int) -> None:
        place = event_position(event)
        self._stream.met(place.token)
        if self._position.token:
            if place.token <= self._position.token:
                return
        elif reached(self._position, place):
            return
        group = _group(event)
        if self._count and (group is None or group != self._group):
            self._finish()
        kind, name = event["operationType"], event.get("ns", {}).get("coll")
        if kind not in _EVENTS:
            self._whole(event, place, [name, event.get("to", {}).get("coll")])
            return
        if group is None and name != CHECKPOINTS and not self._skip:
            self._plain(_Event(event, place, _wall_time(event)), size)
            return
        self._group = group
        if not self._count and group == self._ended[0]:
            # It had not ended: its next event did not fit into a reply beside the others.
            self._tag = self._ended[1]
        self._gather(_Event(event, place, _wall_time(event)), name, size)
        if group is None:
            self._finish()

    def _plain(self, event: _Event, size: int) -> None:
        """A write outside of transactions is one by itself. As `_gather` and `_finish` have it, in one step: nothing is open."""
        entry = self._entry(event)
        self._end = event.place
        self._ready.append(
            Transaction(
                entries=(entry,),
                position=event.place,
                first_user=event.place,
                known=self._known,
                size=size + _CHANGE * len(entry.changes),
                committed_at=event.committed_at,
                structure=tuple(self._structure.values()) if self._structure else (),
            )
        )
        self._structure.clear()

    def _whole(self, event: Document, place: StreamPosition, names: list[str | None]) -> None:
        """An event about a collection as a whole, by its old name and its new one."""
        kind, mapped = event["operationType"], [one for one in names if one and one in self._mapping.collections]
        if kind in _ENDS or (kind in _STRUCTURE and CHECKPOINTS in names):
            raise SchemaChanged(f"MongoDB: {kind} of {names[0] or 'the database'}")
        if kind not in _STRUCTURE or not mapped:
            raise UnknownEvent(f"MongoDB: {kind} of {names[0]}")
        shown = _Event(event, place, _wall_time(event))
        for one in mapped:
            deletes = kind == "drop" and self._mapping.collections[one].on_truncate is OnTruncate.DELETES
            state = CollectionState.COMPARING if deletes else CollectionState.PAUSED
            self._changed(one, state, f"{kind} of {names[0]} in MongoDB", shown, whole=True)
        self._count, self._last, self._first_user = 1, shown, place
        self._finish()

    def _changed(self, name: str, state: CollectionState, reason: str, event: _Event, *, whole: bool) -> None:
        """What happened to a collection goes before all else that its transaction did."""
        self._structure[name] = StructureChange(
            collection=name,
            state=state,
            side=Side.MONGO,
            reason=reason,
            whole=whole,
            committed_at=event.committed_at,
            position=event.place,
        )

    def _gather(self, event: _Event, name: object, size: int) -> None:
        first = self._count == 0
        self._count += 1
        self._events += 1
        self._bytes += size
        self._last = event
        if name == CHECKPOINTS:
            self._judge(event.shown, first=first)
        elif self._lease_taken:
            raise CheckpointWrittenByOther("a lease of the follower was taken in a transaction that wrote documents")
        elif self._tag is None:
            self._first_user = self._first_user or event.place
            if self._count > self._skip:  # else an earlier part has done it
                entry = self._entry(event)
                self._entries.append(entry)
                self._bytes += _CHANGE * len(entry.changes)
        if self._events >= self._part_events or self._bytes >= self._part_bytes:
            self._part()

    def _judge(self, event: Document, *, first: bool) -> None:
        """A write to sync_checkpoint: the follower's next one, or a stop."""
        changed = event.get("updateDescription", {}).get("updatedFields", {})
        ours = event["documentKey"]["_id"] == self._other and event["operationType"] == "update"
        if not first or not ours or changed.get("seq") != self._known.seq + 1:
            raise CheckpointWrittenByOther("sync_checkpoint was written by somebody other than the follower")
        lease = changed.get("lease", self._known.lease)
        self._lease_taken = lease != self._known.lease
        self._tag = Known(seq=int(changed["seq"]), lease=str(lease))
        mark = changed.get("mark")
        self._mark = Mark.from_text(mark) if mark else None

    def _part(self) -> None:
        """Deliver what there is of an oversize transaction; reading resumes before it and leaves this out."""
        if self._group is None:
            return
        entries, self._entries = self._entries, []
        size, self._bytes, self._events = self._bytes, 0, 0
        self._ready.append(
            Transaction(
                entries=tuple(entries),
                position=self._end,
                rows_done=self._count,
                first_user=self._first_user,
                known=self._known,
                size=size,
            )
        )

    def _finish(self) -> None:
        """The transaction that was gathered has ended."""
        if self._last is None:
            return
        self._end = self._last.place
        if self._tag is not None:
            # All of it, for its time is no other's: reading may go on from here in a stream that shows more of it.
            self._end = StreamPosition(time=self._end.time, increment=self._end.increment)
        self._known = self._tag or self._known
        self._ended = self._group, self._tag
        self._ready.append(
            Transaction(
                entries=tuple(self._entries),
                position=self._end,
                first_user=self._first_user,
                known=self._known,
                size=self._bytes,
                committed_at=self._last.committed_at,
                mark=self._mark,
                structure=tuple(self._structure.values()),
            )
        )
        self._skip = 0
        self._forget()

    def _entry(self, event: _Event) -> Entry:
        """Of a user's event; echoes are dropped."""
        shown = event.shown
        collection = self._mapping.collections[shown["ns"]["coll"]]
        key = document_key(collection, shown["documentKey"]["_id"])
        changes: tuple[RowChange, ...] = ()
        problem: Hold | None = None
        try:
            found = self._changes(collection, key, shown)
            if found is None:
                if self._lacks_images(collection.name):
                    reason = f"images of {collection.name} are switched off in MongoDB"
                    self._changed(collection.name, CollectionState.CARRIED, reason, event, whole=False)
                reason = "the change stream shows no image of the document: none was kept, or the event is over 16 MB"
                problem = Hold(kind=ConflictKind.MISSING_IMAGE, reason=reason)
            else:
                changes = found
        except UnmappableDocument as error:
            problem = Hold(kind=ConflictKind.UNMAPPABLE_DOCUMENT, reason=error.message)
        return Entry(
            document=DocumentId(collection.name, key),
            changes=changes,
            origin=USER,
            committed_at=event.committed_at,
            position=event.place,
            problem=problem,
        )

    def _changes(self, collection: CollectionMapping, key: Value, event: Document) -> tuple[RowChange, ...] | None:
        """The rows that differ between both images; None where one is missing though it should be there."""
        kind = event["operationType"]
        before, after = event.get(BEFORE), event.get(AFTER)
        if (before is None and kind != "insert") or (after is None and kind != "delete"):
            return None
        return self._shredders[collection.name].changes(
            key, None if kind == "insert" else before, None if kind == "delete" else after, _touched(collection, event)
        )

    def _lacks_images(self, name: str) -> bool:
        """Whether the server keeps none by now; an event over 16 MB comes without them too."""
        return not has_images(collections(self._stream.database).get(name, {}))


class StreamEnd:
    """Implements `sync.ports.LogEnd`."""

    def __init__(self, settings: MongoSettings) -> None:
        self._settings = settings
        self._client: Client | None = None

    def end(self) -> StreamPosition:
        """See the port."""
        if self._client is None:
            self._client = connect(self._settings)
        with translated(), self._client.start_session() as session:
            return operation_time(self._client, self._settings, session)

    def close(self) -> None:
        """See the port."""
        client, self._client = self._client, None
        if client is not None:
            client.close()


def _group(event: Document) -> object:
    """What the events of one transaction have in common; None for a plain write."""
    if "txnNumber" not in event:
        return None
    return (bytes(event["lsid"]["id"]), int(event["txnNumber"]))


def _touched(collection: CollectionMapping, event: Document) -> Touched | None:
    """What an update may have touched, as the server tells; None: all of it."""
    told = event.get("updateDescription")
    if told is None or not collection.parts:
        return None
    truncated = [one["field"] for one in told.get("truncatedArrays", ())]
    return touched(collection, (*told["updatedFields"], *told["removedFields"]), truncated)


def _wall_time(event: Document) -> int:
    """Microseconds since the epoch."""
    moment: datetime = event["wallTime"]
    return (moment - _EPOCH) // _MICROSECOND
