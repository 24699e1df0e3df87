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
    """Compare all documents, also while the workers run. Changes nothing. Held documents are counted apart.

    Where documents differ, it waits until the running workers have applied all that stands in both logs, and reads them
    again. Documents that keep changing meanwhile are counted as busy: they are no differences.
    """
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
                "busy": len(found.busy),
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
                "busy_documents": [{"collection": one.collection, "id": key_text(one.key)} for one in found.busy],
            }
        )
    else:
        for one in found.differences[:SHOWN]:
            held = " (held)" if one.held else ""
            places = ", ".join(one.places)
            plain(f"{one.document.collection} {key_text(one.document.key)}: {one.presence}{held}: {places}")
        if len(found.differences) > SHOWN:
            plain(f"… and {len(found.differences) - SHOWN:,} more; --json lists all")
        for document in found.busy[:SHOWN]:
            plain(f"{document.collection} {key_text(document.key)}: busy")
        held_count = sum(one.held for one in found.differences)
        plain(
            f"{found.documents:,} documents compared: {found.count(Presence.DIFFERENT):,} different,"
            f" {found.count(*missing):,} missing, {found.count(Presence.UNMAPPABLE):,} unmappable, {held_count:,} held,"
            f" {len(found.busy):,} busy"
        )
        if found.busy:
            plain(
                "busy documents were edited each time they were read: whether they are equal is not known; ask again for those"
            )
    if not found.equal:
        raise click.exceptions.Exit(exit_codes.DIFFERENT)
