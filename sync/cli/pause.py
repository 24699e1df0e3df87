"""lockstep pause and resume: requests to running workers."""

from __future__ import annotations

import click

from sync.cli.context import command, wiring
from sync.cli.output import plain
from sync.cli.status import WORKERS, last_words
from sync.errors import CommandRefused
from sync.wiring import Wiring

_worker = click.argument("worker", type=click.Choice(WORKERS), required=False)


def _ask(kind: str, worker: str | None) -> None:
    site = wiring()
    names = (worker,) if worker else WORKERS
    _require_running(site, names)
    for name in names:
        site.ask(name, kind)
        plain(f"{name}: {kind}d")


def _require_running(site: Wiring, names: tuple[str, ...]) -> None:
    """Nobody else answers; and a request left behind would be done whenever the worker is started."""
    said = {str(one["name"]): one for one in site.status()}
    away = [name for name in names if not last_words(name, said.get(name))["running"]]
    if away:
        raise CommandRefused(f"not running: {', '.join(away)}; nothing was asked", hint="lockstep status")


@command(epilog="Example: lockstep pause follower")
@_worker
def pause(worker: str | None) -> None:
    """Stop carrying changes; the worker keeps its lease and goes on from its position later. Both, if none is named.

    A pause outlives a restart of the worker.
    """
    _ask("pause", worker)


@command(epilog="Example: lockstep resume")
@_worker
def resume(worker: str | None) -> None:
    """Go on after a pause. Both workers, if none is named."""
    _ask("resume", worker)
