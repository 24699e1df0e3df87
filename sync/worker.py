"""One worker process: lease, states, retries, an operator's commands, and the end on request.

It knows no database: everything comes through the ports, opened anew after an error.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from sync.conflict_ports import ConflictDatabase, ConflictStore
from sync.errors import (
    CommandRefused,
    CommitUnknown,
    LeaseHeld,
    LockstepError,
    NoPosition,
    ServerAway,
    StructureMismatch,
    UnmappableDocument,
)
from sync.lease import Lease
from sync.meetings.clocks import ServerClocks
from sync.meetings.looking import Looking
from sync.meetings.rows import in_rows
from sync.meetings.settling import Settling
from sync.model.batch import Batch
from sync.model.change import CollectionState, Side, StructureChange
from sync.model.mapping import SyncMapping
from sync.model.position import Position
from sync.model.states import STATES
from sync.model.structure import judged
from sync.pipeline import Counters, Pipeline
from sync.ports import Clock, Columns, Command, LogEnd, Reader, Source, Target, WorkerDesk
from sync.read_ahead import ReadAhead
from sync.reporting import Details
from sync.requests import Requests, asked_again
from sync.structure.comparing import Comparing
from sync.structure.comparison import Sides

#: Collection -> what is not as mapped; those without are left out.
Problems: TypeAlias = Mapping[str, Sequence[str]]
#: State, reason, hint.
OnState: TypeAlias = Callable[[str, str, str], None]

#: Seconds: how often the worker says how it is, how often it looks for commands, how long it waits for changes at most.
REPORT, COMMANDS, TAKE = 4.0, 0.25, 0.1
#: Seconds of lag from which on a worker with a backlog is `catching_up`.
BEHIND = 3.0
#: Seconds between attempts while a server is away: doubling from the first to the last.
FIRST_RETRY, LAST_RETRY = 0.2, 5.0
#: Requests done between two batches, so that neither starves the other.
COMMANDS_AT_ONCE = 50
#: Sessions that may end one after the other with a table or column missing that no collection's mapping misses.
UNEXPLAINED = 3
BATCH_ROWS, BATCH_BYTES = 1000, 8 << 20
#: Microseconds: the resolution of MongoDB's commit times.
MILLISECOND = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What one worker works with; opened together, closed together."""

    source: Source
    target: Target
    #: The end of the source's log.
    end: LogEnd
    #: Reads the source's documents, for looks, copies and repairs.
    reader: Reader
    #: Conflict rows apart from the target's transactions.
    conflicts: ConflictDatabase
    desk: WorkerDesk
    #: Of both databases, by collection: why the mapping does not fit.
    problems: Callable[[], Problems]
    #: The follower's: what it compares collections by.
    sides: Callable[[], Sides] | None = None
    #: MySQL's and MongoDB's, for who decides by time.
    clocks: tuple[Clock, Clock] | None = None
    #: For who decides.
    columns: Columns | None = None

    def close(self) -> None:
        for part in (self.source, self.target, self.end, self.reader, self.conflicts, self.desk):
            part.close()
        if self.columns:
            self.columns.close()


class Worker:
    """Runs until it is told to stop, or until it cannot go on safely."""

    def __init__(self, name: str, mapping: SyncMapping, open_parts: Callable[[], Parts], on_state: OnState) -> None:
        """`name` is follower or listener."""
        self.name = name
        self._mapping = mapping
        self._open = open_parts
        self._on_state = on_state
        self._parts: Parts | None = None
        self._state = ("", "", "")
        self._last_error = ""
        self._stopping = False
        self._paused = False
        #: Another copy has the lease, and says how this worker is.
        self._standing_by = False
        self._reported_at = self._looked_at = 0.0
        self._lease: Lease | None = None
        self._pipeline: Pipeline | None = None
        self._looking: Looking | None = None
        self._comparing: Comparing | None = None
        self._requests: Requests | None = None
        self._unexplained = 0
        self._counters = Counters()
        self._details = Details(self._counters)

    def stop(self) -> None:
        """Finish the batch and end. Only sets a flag: safe in a signal handler."""
        self._stopping = True

    def run(self) -> int:
        """Carry changes. Returns 0 when stopped on request, 3 when stopped in a named state that needs a person."""
        wait = FIRST_RETRY
        while not self._stopping:
            before = self._counters.committed_at
            try:
                self._session()
                return 0
            except (ServerAway, CommitUnknown) as error:
                self._set(error.state if isinstance(error, ServerAway) else "starting", error)
                if self._counters.committed_at != before:
                    wait = FIRST_RETRY
                self._rest(wait * random.uniform(0.5, 1.0))
                wait = min(LAST_RETRY, wait * 2)
            except LockstepError as error:
                if not error.retryable or self._is_unexplained(error):
                    self._set(error.state if not error.retryable else "failed", error)
                    return 3
                self._standing_by = isinstance(error, LeaseHeld)
                self._set("starting", error)
                self._rest(0.3)
            except Exception as error:
                self._set(
                    "failed", LockstepError(f"unexpected {type(error).__name__}", hint="LOCKSTEP_DEBUG=1 shows it")
                )
                raise
            finally:
                self._close()
        self._end_outside_session()
        return 0

    def _end(self, lease: Lease) -> None:
        """A pause outlives the process; else the state is `stopped`. Said while the lease is still this worker's: of a
        successor that streams by then it would be wrong."""
        self._set("paused" if self._paused else "stopped", None)
        lease.release()

    def _end_outside_session(self) -> None:
        """After an error. Where another copy has the lease, or a server is away, only the state line tells of the end."""
        try:
            if not self._standing_by:
                self._end(self._take_lease())
        except LockstepError as error:
            self._standing_by = isinstance(error, LeaseHeld)
        finally:
            self._close()
        self._set("paused" if self._paused else "stopped", None)

    # One session: from taking the lease to the first error, or to the end on request.

    def _session(self) -> None:
        self._set_if_new("starting")
        lease = self._take_lease()
        parts, checkpoint = self._parts, lease.checkpoint
        assert parts is not None
        if checkpoint.position is None or checkpoint.copying:
            unfinished = "was not finished" if checkpoint.copying else "has not been made"
            lease.release()
            raise NoPosition(f"the first copy {unfinished}")
        self._look_at_structure(parts, checkpoint.position)
        self._pipeline = self._join(parts, lease)
        self._pipeline.counters = self._counters
        while not self._stopping:
            if self._paused:
                self._pause(parts, lease)
            else:
                self._stream(parts, lease)
        self._end(lease)

    def _take_lease(self) -> Lease:
        """Open the parts anew and take the lease."""
        parts = self._parts = self._open()
        if self._lease is None:
            self._paused = parts.desk.paused()
        lease = self._lease or Lease(parts.target)
        lease.target = parts.target
        lease.take()
        self._lease = lease
        self._standing_by = False
        return lease

    def _join(self, parts: Parts, lease: Lease) -> Pipeline:
        """The follower looks at held documents, the listener meets its marks."""
        if parts.source.side is Side.MONGO:
            self._looking = self._requests = None
            return Pipeline(self._mapping, lease, parts.source.side, on_mark=Settling(self._mapping))
        source = parts.source
        assert parts.clocks
        assert parts.columns
        looking = self._looking = Looking(
            self._mapping,
            lease,
            parts.reader,
            parts.conflicts,
            lambda: max(MILLISECOND, source.resolution),
            ServerClocks(*parts.clocks),
            parts.columns,
        )
        looking.start()
        if parts.sides:
            self._comparing = Comparing(self._mapping, parts.conflicts, parts.problems, parts.sides)
        self._requests = Requests(self._mapping, looking, self._comparing)
        return Pipeline(self._mapping, lease, source.side, ahead=looking.ahead)

    def _stream(self, parts: Parts, lease: Lease) -> None:
        """Until paused or stopped."""
        pipeline = self._pipeline
        assert pipeline is not None
        reading = ReadAhead(parts.source, lease.checkpoint)
        try:
            while not (self._stopping or self._paused):
                wait = self._looking.rest(TAKE) if self._looking else TAKE
                batch = reading.take(wait, max_rows=BATCH_ROWS, max_bytes=BATCH_BYTES)
                applied = True
                if batch and batch.structure:
                    batch = _judged(batch, parts.problems())
                if batch:
                    delayed = partial(self._delayed, parts, lease, time.monotonic())
                    applied = pipeline.apply(batch, lambda: self._stopping or self._paused, delayed)
                if self._looking and applied:
                    self._looking.noticed(batch)
                    self._looking.step()
                if self._comparing:
                    self._comparing.step()
                if batch:
                    self._unexplained = 0
                lag = time.time() - self._counters.committed_at / 1e6
                self._set("catching_up" if batch and reading.waiting and lag > BEHIND else "streaming", None)
                self._desk_work(parts, lease)
        finally:
            reading.close()

    def _look_at_structure(self, parts: Parts, position: Position) -> None:
        """Collections that the mapping does not fit (any more) are paused before anything is carried."""
        changes = [
            StructureChange(
                collection=name,
                state=CollectionState.PAUSED,
                side=Side.MYSQL,
                reason="; ".join(of_collection),
                whole=False,
                committed_at=time.time_ns() // 1000,
                position=position,
            )
            for name, of_collection in parts.problems().items()
        ]

        def pause(rows: ConflictStore) -> bool:
            paused = rows.collections.paused()
            new = [one for one in changes if one.collection not in paused]
            rows.collections.changed(new)
            return bool(new)

        if in_rows(parts.conflicts, pause):
            self._unexplained = 0

    def _is_unexplained(self, error: LockstepError) -> bool:
        """Whether tables or columns are missing again and again that no collection needs by its mapping."""
        self._unexplained += isinstance(error, StructureMismatch)
        return self._unexplained > UNEXPLAINED

    def _delayed(self, parts: Parts, lease: Lease, began: float, error: LockstepError) -> None:
        """Others keep what a batch needs locked: a worker that tries for long says so, and still does what it is asked."""
        if time.monotonic() - began > BEHIND:
            self._set("catching_up", error)
        self._desk_work(parts, lease)

    def _pause(self, parts: Parts, lease: Lease) -> None:
        """The lease is kept, the position stays; requests of operators are still done."""
        self._set("paused", None)
        while self._paused and not self._stopping:
            self._desk_work(parts, lease)
            time.sleep(TAKE)

    def _desk_work(self, parts: Parts, lease: Lease) -> None:
        lease.beat()
        now = time.monotonic()
        if now - self._looked_at >= COMMANDS:
            self._looked_at = now
            self._commands(parts, lease)
        if now - self._reported_at >= REPORT:
            self._report()

    # Requests of operators.

    def _commands(self, parts: Parts, lease: Lease) -> None:
        for _ in range(COMMANDS_AT_ONCE):
            command = parts.desk.next_command()
            if command is None:
                return
            self._looked_at = 0.0  # there may be more: look again after the next batch
            try:
                result = self._carry_out(command)
            except (CommandRefused, UnmappableDocument) as error:
                parts.desk.finish(
                    command, "refused", {"error": error.code, "message": error.message, "hint": error.hint}
                )
            except Exception as error:
                if not asked_again(error):
                    parts.desk.finish(command, "failed", {"message": f"the {self.name} failed at it"})
                raise
            else:
                parts.desk.finish(command, "done", result)
            lease.beat()

    def _carry_out(self, command: Command) -> Mapping[str, object]:
        if command.kind in ("pause", "resume"):
            self._paused = command.kind == "pause"
            return {}
        result = self._requests.carry_out(command) if self._requests else None
        if result is None:
            raise CommandRefused(f"a {self.name} knows no request {command.kind} of this form")
        return result

    # How it is.

    def _set_if_new(self, state: str) -> None:
        """At the start of a session a state that tells more (waiting for a server) stays until the session works."""
        if not self._state[0]:
            self._set(state, None)

    def _set(self, state: str, error: LockstepError | None) -> None:
        reason, hint = (error.message, error.hint) if error else (STATES[state].meaning, STATES[state].help)
        if error:
            self._last_error = f"{error.code}: {error.message}"
        if self._state == (state, reason, hint):
            if time.monotonic() - self._reported_at >= REPORT:
                self._report()
            return
        self._state = (state, reason, hint)
        self._on_state(state, reason, hint)
        self._report()

    def _report(self) -> None:
        """Into MySQL. Where that fails while the worker is not at work, the state line, given to `on_state`, must do."""
        self._reported_at = time.monotonic()
        if self._standing_by:
            return
        try:
            if self._parts is None:
                return
            clocks = self._looking.clocks.last if self._looking else None
            details = self._details.told(self._lease, self._parts.end, clocks, self._last_error)
            self._parts.desk.report(*self._state, details)
        except LockstepError:
            if self._state[0] in ("streaming", "catching_up", "paused"):
                raise

    def _rest(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self._stopping and time.monotonic() < deadline:
            time.sleep(min(0.05, seconds))

    def _close(self) -> None:
        parts, self._parts = self._parts, None
        if self._looking:
            self._looking.close()
        comparing, self._comparing = self._comparing, None
        if comparing:
            comparing.close()
        if parts:
            parts.close()


def _judged(batch: Batch, problems: Problems) -> Batch:
    """With what was done to collections as the mapping takes it now."""
    return Batch((batch.last._replace(structure=judged(batch.structure, problems)),))
