"""lockstep pause and resume: requests to running workers."""

from __future__ import annotations

import click

from sync.cli.context import command, side_type, wiring
from sync.cli.output import plain
from sync.cli.status import WORKERS, last_words
from sync.errors import CommandRefused
from sync.model.change import Side
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


@command(epilog="Example: lockstep resume --collection customers --from mysql")
@_worker
@click.option("--collection", help="A collection that was paused when its table or itself was altered.")
@click.option("--from", "origin", type=side_type, help="The side that is right where one has more than the other.")
def resume(worker: str | None, collection: str | None, origin: str | None) -> None:
    """Go on after a pause: both workers, if none is named; or one collection.

    A collection is carried again once mapping and schema are in line. All its documents are compared meanwhile; what differs
    without an edit in the logs is held and settled.
    """
    if collection is None:
        if origin:
            raise click.UsageError("--from is for one collection: --collection NAME")
        _ask("resume", worker)
        return
    if worker:
        raise click.UsageError("either a worker or --collection")
    site = wiring()
    _require_running(site, ("follower",))
    site.resume(collection, Side(origin) if origin else None)
    plain(f"{collection}: carried again, and compared meanwhile; lockstep status tells when that is done")
