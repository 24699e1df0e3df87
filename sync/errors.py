"""Every error of the engine: a stable code, whether trying again can help, and the command or setting that does.

The tree, by what the catcher does with it:

    LockstepError
      ConfigError                    a person mends lockstep.toml, the environment, or a server setting
        MappingError                 the same, with every problem listed
      StopError                      the worker stops in the state named by the class
        PositionPurged, SourceBehind, StatementInBinlog, RowImageNotFull, UnknownEvent,
        SchemaChanged, CheckpointWrittenByOther, Fenced, NoPosition
      ServerAway                     retried with back-off, in the state waiting_for_mysql / waiting_for_mongo
      LeaseHeld                      retried until the lease ends, in the state starting
      StructureMismatch              tables or columns are not as mapped: the worker looks which collections that concerns
      Contention                     the target transaction is rolled back, read again and merged again
      CommitUnknown                  the answer to COMMIT was lost: the checkpoint tells
      Refused                        a constraint of the target said no to one document or to a batch
      UnmappableDocument             a document that the mapping cannot take apart
      PolicyFailed                   a function that should decide a document failed: the document waits
      NotAsked                       there was no time to ask such a function: the document is looked at again
      CommandRefused                 an operator's request that cannot be done as asked

The engine's errors never carry values of users' rows or query text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class LockstepError(Exception):
    """The root. `code` is stable and for programs; `hint` names the command or setting that helps."""

    code: ClassVar[str] = "failed"
    retryable: ClassVar[bool] = False
    #: The worker's named state (`sync.model.states`) while this error keeps it from working.
    state: ClassVar[str] = "failed"
    default_hint: ClassVar[str] = "lockstep doctor"

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint or self.default_hint


class ConfigError(LockstepError):
    """Something a person set is wrong; nothing was changed."""

    code = "config_invalid"


class MappingError(ConfigError):
    """`lockstep.toml` does not describe a usable mapping; every problem is listed, each with its line where known."""

    code = "mapping_invalid"
    default_hint = "mend lockstep.toml, then: lockstep doctor"

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class StopError(LockstepError):
    """The worker cannot go on safely; it stops in the named state `state`."""


class NoPosition(StopError):
    """There is no checkpoint position yet: the first copy has not been made."""

    code = state = "no_position"
    default_hint = "lockstep bootstrap --from mysql|mongo"


class PositionPurged(StopError):
    """The log no longer holds the applied position; what lies between is lost to the stream."""

    code = state = "position_purged"
    default_hint = "lockstep bootstrap --from mysql|mongo"


class SourceBehind(StopError):
    """The source does not hold what was already applied: an older backup, or another server."""

    code = state = "source_behind"
    default_hint = "connect the right server, or: lockstep bootstrap --from mysql|mongo"


class StatementInBinlog(StopError):
    """A session wrote with binlog_format=STATEMENT: its rows are not in the binlog."""

    code = state = "statement_in_binlog"
    default_hint = "set binlog_format=ROW for every session, then: lockstep bootstrap --from mysql|mongo"


class RowImageNotFull(StopError):
    """A session wrote with a partial row image: columns are absent from the binlog."""

    code = state = "row_image_not_full"
    default_hint = "set binlog_row_image=FULL for every session, then: lockstep bootstrap --from mysql|mongo"


class UnknownEvent(StopError):
    """The log holds an event that this version cannot decode without risk of losing rows."""

    code = state = "unknown_event"
    default_hint = "mend the log, or take a version that knows the event; then: lockstep bootstrap --from mysql|mongo"


class SchemaChanged(StopError):
    """The engine's own tables or collection were altered, or a whole database was dropped."""

    code = state = "schema_changed"
    default_hint = "lockstep setup, then: lockstep bootstrap --from mysql|mongo"


class CheckpointWrittenByOther(StopError):
    """Somebody other than the worker wrote a checkpoint: the origin of changes can no longer be told."""

    code = state = "checkpoint_written_by_other"
    default_hint = "find who wrote sync_checkpoint, then: lockstep bootstrap --from mysql|mongo"


class Fenced(StopError):
    """Another copy of this worker has taken the lease; this one must not write."""

    code = state = "fenced"
    default_hint = "run one copy of each worker: lockstep status shows the holder"


class ServerAway(LockstepError):
    """A server cannot be reached or does not accept work for now."""

    code = "server_away"
    retryable = True


class MySQLAway(ServerAway):
    """MySQL cannot be reached."""

    code = "mysql_away"
    state = "waiting_for_mysql"
    default_hint = "start MySQL, or check LOCKSTEP_*_MYSQL_URL: lockstep doctor"


class MongoAway(ServerAway):
    """MongoDB cannot be reached, or has no primary."""

    code = "mongo_away"
    state = "waiting_for_mongo"
    default_hint = "start MongoDB, or check LOCKSTEP_*_MONGO_URL: lockstep doctor"


class LeaseHeld(LockstepError):
    """Another copy of this worker holds the lease for now."""

    code = "lease_held"
    state = "starting"
    retryable = True
    default_hint = "stop the other copy, or wait for the end of its lease (6 s)"


class StructureMismatch(LockstepError):
    """A table, column or key that the mapping names is missing: it was altered under a running worker."""

    code = "structure_mismatch"
    retryable = True
    state = "starting"
    default_hint = "lockstep setup, then: lockstep doctor"


class Contention(LockstepError):
    """Two transactions stood in each other's way; nothing was written."""

    code = "contention"
    retryable = True
    default_hint = "find who keeps the rows locked: performance_schema.data_locks, SHOW ENGINE INNODB STATUS, currentOp"


class CommitUnknown(LockstepError):
    """The answer to COMMIT was lost; whether it counted, the checkpoint on the target tells."""

    code = "commit_unknown"
    retryable = True


class Refused(LockstepError):
    """A constraint of the target refused a write. `kind` is one of `sync.model.change.ConflictKind`'s values."""

    code = "refused"

    def __init__(self, message: str, *, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


class UnmappableDocument(LockstepError):
    """A document that the mapping cannot take apart. `path` tells where, the message what was found and what is allowed."""

    code = "unmappable_document"
    default_hint = "mend the document, or lockstep.toml"

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path


class PolicyFailed(LockstepError):
    """A function of the users' own that lockstep.toml names did not decide."""

    code = "policy_failed"
    default_hint = "mend the function that lockstep.toml names; or decide: lockstep repair"


class NotAsked(LockstepError):
    """A function of the users' own has not been asked what must be known now."""

    code = "not_asked"


class CommandRefused(LockstepError):
    """An operator's request that cannot be done as asked; nothing was changed."""

    code = "command_refused"
    default_hint = "lockstep conflicts list"
