"""lockstep verify: compare the documents of both sides."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import click

from sync.cli import exit_codes
from sync.cli.context import command, wiring
from sync.cli.durations import span
from sync.cli.output import answer, note, plain, progress
from sync.model.report import Difference, DifferentField, Presence, VerifyReport
from sync.model.values import key_text

#: Differences named one by one; the rest is counted.
SHOWN = 50
_MISSING = (Presence.MISSING_IN_MONGO, Presence.MISSING_IN_MYSQL)
_MOST = 2**31 - 1


@command(epilog="Example: lockstep verify --collection customers --json")
@click.option("--collection", "collections", multiple=True, help="Only this one; may be given more than once.")
@click.option("--sample", type=click.IntRange(1, _MOST), help="Only so many documents of each, chosen at random.")
@click.option("--rate", type=click.IntRange(1, _MOST), help="At most so many documents a second.")
@click.option("--anew", is_flag=True, help="Compare everything by value: no interrupted run, no kept digest counts.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the report as JSON, with both values of each difference (of the first 200,000).",
)
def verify(collections: tuple[str, ...], sample: int | None, rate: int | None, anew: bool, as_json: bool) -> None:
    """Compare all documents, also while the workers run. Changes nothing. Held documents are counted apart.

    Where documents differ, it waits until the running workers have applied all that stands in both logs, and reads them
    again. Documents that keep changing meanwhile are counted as busy: they are no differences.

    An interrupted run is gone on with by the next one, if that is of the same collections and comes within a day. How far it
    was, and digests of what was equal, stand in a file of LOCKSTEP_STATE_DIR.
    """
    if sample is not None and anew:
        raise click.UsageError("--sample and --anew: of a sample nothing is kept.")
    with progress("comparing") as report:
        found = wiring().verify(collections, report, sample=sample, rate=rate, anew=anew)
    if as_json:
        answer(_as_json(found))
    else:
        _print(found)
    if not found.equal:
        raise click.exceptions.Exit(exit_codes.DIFFERENT)


def _as_json(found: VerifyReport) -> dict[str, object]:
    now = time.time()
    return {
        "equal": found.equal,
        "documents": found.documents,
        "collections": found.collections,
        "unchanged": found.unchanged,
        "resumed_from": _moment(found.resumed_from),
        "different": found.count(Presence.DIFFERENT),
        "missing": found.count(*_MISSING),
        "missing_in_mongo": found.count(Presence.MISSING_IN_MONGO),
        "missing_in_mysql": found.count(Presence.MISSING_IN_MYSQL),
        "unmappable": found.count(Presence.UNMAPPABLE),
        "held": sum(one.held for one in found.differences),
        "busy": len(found.busy),
        "differences": [_difference(one, now) for one in found.differences],
        "busy_documents": [{"collection": one.collection, "id": key_text(one.key)} for one in found.busy],
    }


def _difference(found: Difference, now: float) -> dict[str, object]:
    return {
        "collection": found.document.collection,
        "id": key_text(found.document.key),
        "presence": found.presence,
        "places": found.places,
        "held": found.held,
        "fields": None if found.fields is None else [_field(one) for one in found.fields],
        "first_seen": _moment(found.first_seen),
        "age_seconds": None if found.first_seen is None else round(max(0.0, now - found.first_seen), 1),
    }


def _field(found: DifferentField) -> dict[str, object]:
    return {
        "table": found.table,
        "key": list(found.key),
        "column": found.column,
        "mysql": found.mysql,
        "mongo": found.mongo,
    }


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _print(found: VerifyReport) -> None:
    now = time.time()
    for one in found.differences[:SHOWN]:
        held = " (held)" if one.held else ""
        known = max(0.0, now - (one.first_seen or now))
        age = f", known for {span(known)}" if known >= 1 else ""
        places = ", ".join(one.places)
        plain(f"{one.document.collection} {key_text(one.document.key)}: {one.presence}{held}: {places}{age}")
    if len(found.differences) > SHOWN:
        plain(f"… and {len(found.differences) - SHOWN:,} more; --json lists all")
    for document in found.busy[:SHOWN]:
        plain(f"{document.collection} {key_text(document.key)}: busy")
    held_count = sum(one.held for one in found.differences)
    plain(
        f"{found.documents:,} documents compared: {found.count(Presence.DIFFERENT):,} different,"
        f" {found.count(*_MISSING):,} missing, {found.count(Presence.UNMAPPABLE):,} unmappable, {held_count:,} held,"
        f" {len(found.busy):,} busy"
    )
    if found.busy:
        plain(
            "busy documents were edited each time they were read: whether they are equal is not known; ask again for those"
        )
    if found.unchanged:
        note(f"{found.unchanged:,} of them by their digests: both sides send what they sent when those were equal")
    if found.resumed_from is not None:
        note(f"gone on with the run of {_moment(found.resumed_from)}, which was interrupted; --anew begins again")
    if not found.equal:
        note("repair what was found: lockstep repair --all --from mysql|mongo|policy --dry-run")
