"""Which conflicts a command is about: the same options wherever several are meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypedDict, Unpack

import click

from sync.cli.context import wiring
from sync.cli.durations import Duration
from sync.model.kinds import HELD
from sync.model.report import CONFLICT_STATES
from sync.wiring import Wiring

#: The options that `filters` adds, by the names of their parameters.
NAMES = ("collection", "kind", "text", "state", "older", "newer", "limit")


class Filters(TypedDict):
    """What was chosen."""

    collection: str | None
    kind: str | None
    text: str | None
    state: str
    older: int | None
    newer: int | None
    limit: int


def filters(*, state: str, limit: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Adds the options; these hold where nothing is said."""
    options = (
        click.option("--collection", help="Only of this collection."),
        click.option(
            "--kind",
            type=click.Choice([str(kind) for kind in HELD]),
            help="Only of this kind (lockstep conflicts kinds).",
        ),
        click.option("--id", "text", help="Only of the document with this _id."),
        click.option(
            "--state",
            type=click.Choice(["held", *CONFLICT_STATES, "all"]),
            default=state,
            show_default=True,
            help="held: open and waiting ones.",
        ),
        click.option(
            "--older-than", "older", type=Duration(), help="Only those opened longer ago, for example 10m, 2h or 3d."
        ),
        click.option("--newer-than", "newer", type=Duration(), help="Only those opened since then."),
        click.option("--limit", type=click.IntRange(1, 10_000), default=limit, show_default=True),
    )

    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return add


def chosen(**given: Unpack[Filters]) -> tuple[list[Any], bool, Wiring]:
    """The conflict rows, newest first; whether there are more than the limit; and where they are from."""
    older, newer, limit, state = given["older"], given["newer"], given["limit"], given["state"]
    if older is not None and newer is not None and older >= newer:
        raise click.UsageError("--older-than must be less than --newer-than: nothing can be both.")
    named = {
        "collection": given["collection"],
        "kind": given["kind"],
        "document": given["text"],
        "state": None if state == "all" else state,
    }
    site = wiring()
    wanted = {name: value for name, value in named.items() if value is not None}
    rows = site.conflicts(wanted, limit + 1, older=older, newer=newer)
    if not rows and given["collection"] is not None:
        site.collection(given["collection"])
    return list(rows[:limit]), len(rows) > limit, site
