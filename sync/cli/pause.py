"""lockstep pause and resume: requests to running workers."""

from __future__ import annotations

import click

from sync.cli.context import command, wiring
from sync.cli.output import plain

_WORKERS = ("follower", "listener")
_worker = click.argument("worker", type=click.Choice(_WORKERS), required=False)


def _ask(kind: str, worker: str | None) -> None:
    site = wiring()
    for name in (worker,) if worker else _WORKERS:
        site.ask(name, kind)
        plain(f"{name}: {kind}d")


@command(epilog="Example: lockstep pause follower")
@_worker
def pause(worker: str | None) -> None:
    """Stop carrying changes; the worker keeps its lease and goes on from its position later. Both, if none is named."""
    _ask("pause", worker)


@command(epilog="Example: lockstep resume")
@_worker
def resume(worker: str | None) -> None:
    """Go on after a pause. Both workers, if none is named."""
    _ask("resume", worker)
