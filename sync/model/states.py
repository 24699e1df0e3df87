"""The named states of a worker: one table of state, meaning and the command that helps. Shown by CLI, API and docs.

And what a worker's last words tell of its health, judged here once for all who show it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """One row of the table."""

    name: str
    meaning: str
    #: What a person does about it; "" where nothing needs doing.
    help: str
    #: Changes are being carried, or will be without anybody's help.
    healthy: bool = False
    #: The worker has ended and waits for a person.
    stopped: bool = False


#: Seconds after which a worker that has said nothing counts as gone, and what a person does then.
SILENT = 15.0
SILENT_HINT = "it has said nothing since; start it: lockstep run"

_COPY_AGAIN = "lockstep bootstrap --from mysql|mongo"

STATES = {
    state.name: state
    for state in (
        State(name="starting", meaning="connecting, or waiting for another copy's lease to end", help="", healthy=True),
        State(name="copying", meaning="making the first copy", help="", healthy=True),
        State(name="streaming", meaning="carrying changes as they happen", help="", healthy=True),
        State(name="catching_up", meaning="carrying a backlog", help="", healthy=True),
        State(name="paused", meaning="an operator paused it", help="lockstep resume"),
        State(name="waiting_for_mysql", meaning="MySQL cannot be reached; trying again", help="lockstep doctor"),
        State(name="waiting_for_mongo", meaning="MongoDB cannot be reached; trying again", help="lockstep doctor"),
        State(name="no_position", meaning="no first copy has been made", help=_COPY_AGAIN, stopped=True),
        State(name="position_purged", meaning="the log no longer holds the position", help=_COPY_AGAIN, stopped=True),
        State(
            name="source_behind",
            meaning="the source lacks what was already applied: an older backup, or another server",
            help=f"connect the right server, or: {_COPY_AGAIN}",
            stopped=True,
        ),
        State(
            name="statement_in_binlog",
            meaning="a session wrote statements instead of rows",
            help=f"set binlog_format=ROW, then: {_COPY_AGAIN}",
            stopped=True,
        ),
        State(
            name="row_image_not_full",
            meaning="a session wrote rows with columns left out",
            help=f"set binlog_row_image=FULL, then: {_COPY_AGAIN}",
            stopped=True,
        ),
        State(
            name="unknown_event",
            meaning="the log holds an event that cannot be decoded without risk",
            help=f"the reason names it: mend the log or take a version that knows it, then: {_COPY_AGAIN}",
            stopped=True,
        ),
        State(
            name="schema_changed",
            meaning="the engine's own tables or collection were altered, or a whole database was dropped",
            help=f"lockstep setup, then: {_COPY_AGAIN}",
            stopped=True,
        ),
        State(
            name="checkpoint_written_by_other",
            meaning="somebody other than the workers wrote a checkpoint",
            help=f"find who wrote sync_checkpoint, then: {_COPY_AGAIN}",
            stopped=True,
        ),
        State(
            name="fenced",
            meaning="another copy of this worker has taken the lease",
            help="run one copy of each worker; lockstep status shows the holder",
            stopped=True,
        ),
        State(name="stopped", meaning="ended on request", help="lockstep run", stopped=True),
        State(name="failed", meaning="ended by an error; the reason names it", help="lockstep doctor", stopped=True),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What a worker's last words come to by now."""

    #: Its process is there and will do what it is asked.
    running: bool
    #: Changes are being carried, or will be without anybody's help.
    healthy: bool
    #: What a person does about it.
    hint: str


def judged(state: str, hint: str, age: float) -> Health:
    """Of a worker that said `state` and `hint` so many seconds ago. One that has stopped is silent by right: its own hint
    stays. So does that of a state this version does not know."""
    known = STATES.get(state)
    talks = age < SILENT
    running = talks and known is not None and not known.stopped
    gone = not talks and known is not None and not known.stopped
    return Health(
        running=running,
        healthy=running and known is not None and known.healthy,
        hint=SILENT_HINT if gone else hint,
    )
