"""lockstep follow and lockstep listen: one worker in this process."""

from __future__ import annotations

import signal
import sys
from datetime import UTC, datetime

import click

from sync.cli.context import command, wiring


def _worker(name: str) -> None:
    def on_state(state: str, reason: str, hint: str) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        tail = f" hint={hint!r}" if hint else ""
        print(f"{at} {name} action=state state={state} reason={reason!r}{tail}", file=sys.stderr, flush=True)

    worker = wiring().worker(name, on_state)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop())
    raise click.exceptions.Exit(worker.run())


@command(epilog="Example: lockstep follow")
def follow() -> None:
    """Carry MySQL's changes into MongoDB until SIGTERM: finishes the batch and stops within 10 s."""
    _worker("follower")


@command(epilog="Example: lockstep listen")
def listen() -> None:
    """Carry MongoDB's changes into MySQL until SIGTERM: finishes the batch and stops within 10 s."""
    _worker("listener")
