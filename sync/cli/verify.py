"""lockstep verify: compare every document of both sides."""

from __future__ import annotations

import click

from sync.cli import exit_codes
from sync.cli.context import command, wiring
from sync.cli.output import answer, plain, progress
from sync.model.report import Presence
from sync.model.values import key_text

#: Differences named one by one; the rest is counted.
SHOWN = 50


@command(epilog="Example: lockstep verify --collection customers --json")
@click.option("--collection", "collections", multiple=True, help="Only this one; may be given more than once.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def verify(collections: tuple[str, ...], as_json: bool) -> None:
    """Compare all documents, also while the workers run. Changes nothing. Held documents are counted apart."""
    with progress("comparing") as report:
        found = wiring().verify(collections, report)
    missing = (Presence.MISSING_IN_MONGO, Presence.MISSING_IN_MYSQL)
    if as_json:
        answer(
            {
                "equal": found.equal,
                "documents": found.documents,
                "collections": found.collections,
                "different": found.count(Presence.DIFFERENT),
                "missing": found.count(*missing),
                "missing_in_mongo": found.count(Presence.MISSING_IN_MONGO),
                "missing_in_mysql": found.count(Presence.MISSING_IN_MYSQL),
                "unmappable": found.count(Presence.UNMAPPABLE),
                "held": sum(one.held for one in found.differences),
                "differences": [
                    {
                        "collection": one.document.collection,
                        "id": key_text(one.document.key),
                        "presence": one.presence,
                        "places": one.places,
                        "held": one.held,
                    }
                    for one in found.differences
                ],
            }
        )
    else:
        for one in found.differences[:SHOWN]:
            held = " (held)" if one.held else ""
            places = ", ".join(one.places)
            plain(f"{one.document.collection} {key_text(one.document.key)}: {one.presence}{held}: {places}")
        if len(found.differences) > SHOWN:
            plain(f"… and {len(found.differences) - SHOWN:,} more; --json lists all")
        held_count = sum(one.held for one in found.differences)
        plain(
            f"{found.documents:,} documents compared: {found.count(Presence.DIFFERENT):,} different,"
            f" {found.count(*missing):,} missing, {found.count(Presence.UNMAPPABLE):,} unmappable, {held_count:,} held"
        )
    if not found.equal:
        raise click.exceptions.Exit(exit_codes.DIFFERENT)
