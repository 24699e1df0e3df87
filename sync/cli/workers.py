"""lockstep follow and lockstep listen: one worker in this process."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from datetime import UTC, datetime

import click

from sync import heap
from sync.cli import exit_codes
from sync.cli.context import command, wiring
from sync.cycles import seldom_looked_for

#: Seconds in which a worker finishes its batch. Where a server hangs it is then ended as it is: as safe as SIGKILL.
PATIENCE = 8.0


def _worker(name: str) -> None:
    def on_state(state: str, reason: str, hint: str) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        tail = f" hint={hint!r}" if hint else ""
        print(f"{at} {name} action=state state={state} reason={reason!r}{tail}", file=sys.stderr, flush=True)

    heap.one_for_all_threads()
    worker = wiring().worker(name, on_state)
    gc.freeze()  # modules and mapping stay for good

    def stop(*_: object) -> None:
        worker.stop()
        end = threading.Timer(PATIENCE, os._exit, (exit_codes.OK,))
        end.daemon = True
        end.start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    with seldom_looked_for():
        raise click.exceptions.Exit(worker.run())


@command(epilog="Example: lockstep follow")
def follow() -> None:
    """Carry MySQL's changes into MongoDB until SIGTERM: finishes the batch and stops within 10 s."""
    _worker("follower")


@command(epilog="Example: lockstep listen")
def listen() -> None:
    """Carry MongoDB's changes into MySQL until SIGTERM: finishes the batch and stops within 10 s."""
    _worker("listener")
