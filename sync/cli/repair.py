"""lockstep repair: make one document equal on both sides, as a person decides."""

from __future__ import annotations

import click

from sync.cli.context import command, document, side_type, wiring
from sync.cli.output import answer, plain
from sync.model.change import Side


@command(epilog="Example: lockstep repair --collection customers --id 5ca4bbcea2dd94ee58162a68 --from mysql")
@click.option("--collection", required=True, help="The document's collection.")
@click.option("--id", "text", required=True, help="The document's _id.")
@click.option("--from", "origin", type=side_type, required=True, help="The side whose document is right.")
@click.option("--dry-run", is_flag=True, help="Only show what would be written.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def repair(collection: str, text: str, origin: str, dry_run: bool, as_json: bool) -> None:
    """Write one side's document over the other side's, and close its conflict.

    While the workers run they do it, as any conflict is settled: both sides are read, and what the other side's people wrote and
    loses by it is kept in the report.
    """
    site = wiring()
    done = site.repair(document(site, collection, text), Side(origin), dry_run=dry_run)
    if as_json:
        answer(
            {
                "collection": collection,
                "id": text,
                "from": origin,
                "dry_run": dry_run,
                "was_equal": done.was_equal,
                "places": done.places,
                "conflict": done.conflict,
            }
        )
        return
    would = "would be " if dry_run else ""
    if done.was_equal:
        plain("both sides are equal already")
    else:
        plain(f"{would}written to {Side(origin).other}: {', '.join(done.places)}")
    if done.conflict is not None:
        plain(f"conflict {done.conflict} {would}closed")
