"""MongoDB as a target: the follower's lease and checkpoint. Each transaction moves the checkpoint first; what it writes besides
is for `sync.mongo.transaction`."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import Binary
from bson.timestamp import Timestamp
from pymongo import ReadPreference, WriteConcern
from pymongo.client_session import ClientSession
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

from sync.conflict_ports import ConflictDatabase
from sync.errors import ConfigError, Fenced, LeaseHeld, LockstepError
from sync.holder import is_gone, this_process
from sync.model.assembler import assemblers
from sync.model.change import Side
from sync.model.clocks import ClockReading
from sync.model.mapping import SyncMapping
from sync.model.position import Checkpoint, Position, StreamPosition
from sync.model.shredder import shredders
from sync.mongo.server import CHECKPOINTS, Client, Document, MongoSettings, connect, translated
from sync.mongo.transaction import MongoTransaction, place

#: Milliseconds; by MongoDB's clock.
LEASE = 6_000
#: How far the clocks of a replica set's members may be apart; only how much of the log is looked at depends on it.
CLOCKS = timedelta(seconds=5)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Seconds that looking for the last write in the log may take.
LOOKING = 2.0


class MongoTarget:
    """Implements `sync.ports.Target`."""

    side = Side.MONGO

    def __init__(self, settings: MongoSettings, mapping: SyncMapping, conflicts: ConflictDatabase) -> None:
        self._settings = settings
        self._mapping = mapping
        self._conflicts = conflicts
        self._shredders = shredders(mapping)
        self._assemblers = assemblers(mapping)
        self._client: Client | None = None
        self._session: ClientSession | None = None

    def checkpoint(self) -> Checkpoint:
        """See the port."""
        return _checkpoint(self._stored())

    def take_lease(self, *, force: bool = False, last_write: bool = True) -> tuple[Checkpoint, Position | None]:
        """See the port."""
        self._conflicts.begin().rollback()  # connected now: the first change would wait for it
        stored = self._stored()
        before = _checkpoint(stored)
        holder = stored["holder"]
        if stored["runs"] and not force and not is_gone(holder):
            raise LeaseHeld(f"held by process {holder.get('pid')} on {holder.get('host')}")
        self._end_dead(holder)
        session = self._session_of()
        lsid = bytes(session.session_id["id"]).hex()
        mine = this_process(lsid)
        after = before.next(lease=str(uuid.uuid4()))
        with translated():
            moved = self._checkpoints().update_one(
                {"_id": "follower", "seq": before.seq, "lease": before.lease},
                _move(after, LEASE, holder=mine),
                session=session,
            )
        if moved.matched_count == 0:
            raise LeaseHeld("another process took the lease at the same moment")
        return after, (self._last_write(stored, after) if last_write else None) or place(session)

    def _last_write(self, before: Document, after: Checkpoint) -> Position | None:
        """Where the log has the write that left the checkpoint as `before`, the last one before the lease `after` was
        taken: nothing of a predecessor's came later. None where the log does not tell (any more)."""
        since = before["renewed_at"].replace(tzinfo=UTC) - CLOCKS
        written = "updateDescription.updatedFields"
        last = {f"{written}.seq": before["seq"], f"{written}.renewed_at": before["renewed_at"]}
        wanted = {"$or": [last, {f"{written}.seq": after.seq, f"{written}.lease": after.lease}]}
        deadline = time.monotonic() + LOOKING
        try:
            with (
                translated(),
                self._checkpoints().watch(
                    [{"$match": wanted}],
                    start_at_operation_time=Timestamp(int(since.timestamp()), 1),
                    max_await_time_ms=20,
                ) as stream,
            ):
                while time.monotonic() < deadline:
                    event = stream.try_next()
                    if event is not None:
                        found = event["updateDescription"]["updatedFields"]["seq"] == before["seq"]
                        moment = event["clusterTime"]
                        return StreamPosition(time=moment.time, increment=moment.inc) if found else None
        except LockstepError:
            pass  # the lease is taken: its own place stands in
        return None

    def release_lease(self, checkpoint: Checkpoint) -> None:
        """See the port."""
        try:
            with translated():
                self._checkpoints().update_one(
                    {"_id": "follower", "seq": checkpoint.seq - 1, "lease": checkpoint.lease}, _move(checkpoint, 0)
                )
        except LockstepError as error:
            if not error.retryable:
                raise
            # then it ends by itself

    def begin(self, checkpoint: Checkpoint) -> MongoTransaction:
        """See the port."""
        session = self._session_of()
        with translated():
            if session.in_transaction:
                session.abort_transaction()
            session.start_transaction(
                read_concern=ReadConcern("snapshot"),
                write_concern=WriteConcern("majority"),
                read_preference=ReadPreference.PRIMARY,
            )
        transaction = MongoTransaction(
            self._opened(),
            self._settings,
            session,
            self._mapping,
            self._conflicts,
            self._shredders,
            self._assemblers,
        )
        try:
            with translated():
                moved = self._checkpoints().update_one(
                    {"_id": "follower", "seq": checkpoint.seq - 1, "lease": checkpoint.lease},
                    _move(checkpoint, LEASE),
                    session=session,
                )
        except LockstepError:
            transaction.rollback()
            raise
        if moved.matched_count == 0:
            transaction.rollback()
            raise Fenced("another copy of the follower has taken the lease")
        return transaction

    def clock(self) -> ClockReading:
        """See `sync.ports.Clock`. The server tells whole milliseconds."""
        with translated():
            admin = self._opened().admin
            asked = time.monotonic_ns() // 1000
            said = admin.command("hello")["localTime"].replace(tzinfo=UTC)
            answered = time.monotonic_ns() // 1000
        return ClockReading(
            asked=asked, answered=answered, said=(said - _EPOCH) // timedelta(microseconds=1), step=1000
        )

    def close(self) -> None:
        """See the port."""
        session, self._session = self._session, None
        client, self._client = self._client, None
        self._conflicts.close()
        try:
            if session is not None:
                session.end_session()
        except PyMongoError:
            pass  # a broken session ends with its server
        if client is not None:
            client.close()

    def _opened(self) -> Client:
        if self._client is None:
            self._client = connect(self._settings)
        return self._client

    def _stored(self) -> Document:
        """The checkpoint's document and, by the server's clock, whether its lease `runs`: one reading."""
        runs = {"$set": {"runs": {"$gt": ["$lease_until", "$$NOW"]}}}
        with translated():
            found: list[Document] = list(self._checkpoints().aggregate([{"$match": {"_id": "follower"}}, runs]))
        if not found:
            raise ConfigError("MongoDB holds no checkpoint of the follower", hint="lockstep setup")
        return found[0]

    def _checkpoints(self) -> Any:
        return self._opened()[self._settings.database][CHECKPOINTS]

    def _session_of(self) -> ClientSession:
        """One session for all transactions: its id stands with the lease, so that a successor can end it."""
        if self._session is None:
            with translated():
                self._session = self._opened().start_session(causal_consistency=True)
        return self._session

    def _end_dead(self, holder: Mapping[str, object]) -> None:
        """End a dead holder's session: its open transaction would keep the checkpoint locked for up to a minute."""
        text = str(holder.get("session", ""))
        if len(text) == 32:
            with translated():
                self._opened().admin.command("killSessions", [{"id": Binary(bytes.fromhex(text), 4)}])


def _checkpoint(stored: Document) -> Checkpoint:
    return Checkpoint.from_json(int(stored["seq"]), stored["lease"], stored)


def _move(after: Checkpoint, milliseconds: int, *, holder: Mapping[str, object] | None = None) -> list[Document]:
    """The update that moves the checkpoint. A pipeline, for only that knows the server's clock; values are literals,
    since text that begins with "$" would be a path there."""
    mark = after.mark.to_text() if after.mark else None
    fields: dict[str, object] = {"seq": after.seq, "lease": after.lease, "mark": mark, **after.to_json()}
    if holder is not None:
        fields["holder"] = dict(holder)
    literal: Document = {name: {"$literal": value} for name, value in fields.items()}
    literal["renewed_at"] = "$$NOW"
    literal["lease_until"] = {"$add": ["$$NOW", milliseconds]}
    return [{"$set": literal}]
