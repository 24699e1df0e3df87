"""lockstep repair: make documents equal on both sides, as a person decides."""

from __future__ import annotations

import click

from sync.cli import exit_codes
from sync.cli.context import command, document, wiring
from sync.cli.output import answer, plain, progress
from sync.model.change import Side
from sync.model.report import RefusedRepair, RepairReport
from sync.model.values import key_text

#: Documents named one by one; the rest is counted. What was refused is always named.
SHOWN = 50
_POLICY = "policy"
_MOST = 2**31 - 1


@command(epilog="Example: lockstep repair --collection customers --id 5ca4bbcea2dd94ee58162a68 --from mysql")
@click.option("--collection", "collections", multiple=True, help="The document's collection; with --all, only of this.")
@click.option("--id", "text", help="The document's _id.")
@click.option("--all", "every", is_flag=True, help="Every document that the last verify found different.")
@click.option(
    "--from",
    "origin",
    type=click.Choice([*(str(side) for side in Side), _POLICY]),
    required=True,
    help="The side whose document is right; or the one that the collection's policy names.",
)
@click.option("--rate", type=click.IntRange(1, _MOST), help="With --all: at most so many documents a second.")
@click.option("--dry-run", is_flag=True, help="Only show what would be written.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def repair(
    collections: tuple[str, ...],
    text: str | None,
    every: bool,
    origin: str,
    rate: int | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Write one side's document over the other side's, and close its conflict.

    While the workers run they do it, as any conflict is settled: both sides are read, and what the other side's people wrote and
    loses by it is kept in the report. Where no log tells who wrote what, the policies mysql_wins and mongo_wins name their
    side, and last_write_wins the one that wins ties.
    """
    side = None if origin == _POLICY else Side(origin)
    if every and text is None:
        _repair_all(collections, side, rate, dry_run=dry_run, as_json=as_json)
        return
    if every or text is None or len(collections) != 1 or rate is not None:
        raise click.UsageError(
            "Name one document with --collection and --id; or --all, with --collection and --rate if wanted."
        )
    site = wiring()
    done = site.repair(document(site, collections[0], text), side, dry_run=dry_run)
    if as_json:
        answer({**_as_json(done), "dry_run": dry_run})
        return
    would = "would be " if dry_run else ""
    if done.was_equal:
        plain("both sides are equal already")
    else:
        plain(f"{would}written to {done.origin.other}: {', '.join(done.places)}")
    if done.conflict is not None:
        plain(f"conflict {done.conflict} {would}closed")


def _repair_all(
    collections: tuple[str, ...], side: Side | None, rate: int | None, *, dry_run: bool, as_json: bool
) -> None:
    reports: list[RepairReport] = []
    refused: list[RefusedRepair] = []
    with progress("repairing") as report:
        for done in wiring().repair_all(collections, side, dry_run=dry_run, rate=rate, progress=report):
            if isinstance(done, RefusedRepair):
                refused.append(done)
            else:
                reports.append(done)
    written = [one for one in reports if not one.was_equal]
    if as_json:
        answer(
            {
                "dry_run": dry_run,
                "repaired": len(written),
                "equal_already": len(reports) - len(written),
                "documents": [_as_json(one) for one in reports],
                "refused": [
                    {
                        "collection": one.document.collection,
                        "id": key_text(one.document.key),
                        "reason": one.reason,
                        "hint": one.hint,
                    }
                    for one in refused
                ],
            }
        )
    else:
        _print(written, refused, dry_run=dry_run, equal=len(reports) - len(written))
    if refused:
        raise click.exceptions.Exit(exit_codes.ERROR)


def _print(written: list[RepairReport], refused: list[RefusedRepair], *, dry_run: bool, equal: int) -> None:
    would = "would be " if dry_run else ""
    for one in written[:SHOWN]:
        name = f"{one.document.collection} {key_text(one.document.key)}"
        plain(f"{name}: {would}written to {one.origin.other}: {', '.join(one.places)}")
    if len(written) > SHOWN:
        plain(f"… and {len(written) - SHOWN:,} more; --json lists all")
    for other in refused:
        plain(f"{other.document.collection} {key_text(other.document.key)}: refused: {other.reason} ({other.hint})")
    plain(f"{len(written):,} {would}repaired, {equal:,} equal already, {len(refused):,} refused")


def _as_json(done: RepairReport) -> dict[str, object]:
    return {
        "collection": done.document.collection,
        "id": key_text(done.document.key),
        "from": done.origin,
        "was_equal": done.was_equal,
        "places": done.places,
        "conflict": done.conflict,
    }
