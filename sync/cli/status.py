"""lockstep status: how both workers are. Its exit code is a health check."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import click
from rich.table import Table

from sync.cli import exit_codes
from sync.cli.context import command, wiring
from sync.cli.durations import span
from sync.cli.output import answer, out, plain
from sync.model.change import CollectionState
from sync.model.states import judged

WORKERS = ("follower", "listener")


@command(epilog="Example: lockstep status --json")
@click.option("--json", "as_json", is_flag=True, help="Print the status as JSON.")
def status(as_json: bool) -> None:
    """Show state, position, lag, rates and held documents of both workers. Exit code 0 only while both are healthy and
    no collection is paused."""
    site = wiring()
    said = {str(one["name"]): one for one in site.status()}
    counts = site.conflict_counts()
    workers = [last_words(name, said.get(name)) for name in WORKERS]
    collections = site.collections()
    paused = any(one["state"] == CollectionState.PAUSED for one in collections)
    healthy = all(one["healthy"] for one in workers) and not paused
    if as_json:
        answer(
            {
                "healthy": healthy,
                "held": counts.held,
                "conflicts": counts.states,
                "oldest_held_seconds": counts.oldest_held_seconds,
                "workers": workers,
                "collections": collections,
            }
        )
    else:
        _show(workers)
        for one in collections:
            plain(
                f"collection {one['name']}: {one['state']} for {span(float(str(one['age_seconds'])))}: {one['reason']}"
            )
            if one["hint"]:
                plain(f"  hint: {one['hint']}")
        oldest = counts.oldest_held_seconds
        since = "" if oldest is None else f"; the oldest has been held for {span(oldest)}"
        plain(f"conflicts: {', '.join(f'{number:,} {state}' for state, number in counts.states.items())}{since}")
    if not healthy:
        raise click.exceptions.Exit(exit_codes.UNHEALTHY)


def last_words(name: str, said: Mapping[str, object] | None) -> dict[str, object]:
    """What a worker last said (None: never anything), and whether it runs (`running`) and is well (`healthy`)."""
    if said is None:
        nothing = {"state": "never started", "reason": "it has never said anything", "hint": "lockstep run"}
        return {"name": name, **nothing, "healthy": False, "running": False, "details": {}}
    health = judged(str(said["state"]), str(said["hint"]), float(str(said["age_seconds"])))
    return {**said, "healthy": health.healthy, "running": health.running, "hint": health.hint}


def _show(workers: Sequence[Mapping[str, object]]) -> None:
    table = Table("worker", "state", "since", "lag", "rows/s", "rows", "held", "last said")
    for one in workers:
        details = one.get("details")
        numbers: Mapping[str, object] = details if isinstance(details, Mapping) else {}
        lag = numbers.get("lag_seconds")
        table.add_row(
            str(one["name"]),
            str(one["state"]),
            str(one.get("since", ""))[:19].replace("T", " "),
            "" if lag is None else f"{lag} s",
            str(numbers.get("rows_per_second", "")),
            str(numbers.get("rows", "")),
            str(one.get("held", "")),
            f"{float(str(one['age_seconds'])):.0f} s ago" if "age_seconds" in one else "",
        )
    out.print(table)
    for one in workers:
        details = one.get("details")
        numbers = details if isinstance(details, Mapping) else {}
        plain(f"{one['name']}: {one.get('reason', '')}")
        if one.get("hint") and not one["healthy"]:
            plain(f"  hint: {one['hint']}")
        if numbers.get("process"):
            plain(f"  process: {numbers['process']}")
        merged, gone = numbers.get("update_disjoint"), numbers.get("delete_missing")
        if merged or gone:
            plain(f"  settled by themselves: {merged or 0:,} update_disjoint, {gone or 0:,} delete_missing")
        if numbers.get("position"):
            plain(f"  position: {json.dumps(numbers['position'])}")
        if numbers.get("last_error"):
            plain(f"  last error: {numbers['last_error']}")
