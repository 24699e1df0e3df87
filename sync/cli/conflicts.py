"""lockstep conflicts: held documents, with reason and both values. The operator's view: values go nowhere else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click
from rich.table import Table

from sync.cli import exit_codes
from sync.cli.conflict_tables import fields_table, losers_table, notes_table, policies_told
from sync.cli.context import command, wiring
from sync.cli.durations import Duration, span
from sync.cli.output import answer, note, out, plain
from sync.model.change import ConflictKind
from sync.model.report import CONFLICT_STATES


@click.group(epilog=f"Example: lockstep conflicts list\n\n{exit_codes.HELP}")
def conflicts() -> None:
    """Documents that are held because both sides changed them, or because the other side cannot take them."""


@command("list", epilog="Example: lockstep conflicts list --collection customers --older-than 10m --json")
@click.option("--collection", help="Only of this collection.")
@click.option("--kind", type=click.Choice([str(kind) for kind in ConflictKind]), help="Only of this kind.")
@click.option("--id", "text", help="Only of the document with this _id.")
@click.option(
    "--state",
    type=click.Choice(["held", *CONFLICT_STATES, "all"]),
    default="held",
    show_default=True,
    help="held: open and waiting ones.",
)
@click.option("--older-than", "older", type=Duration(), help="Only those opened longer ago, for example 10m, 2h or 3d.")
@click.option("--newer-than", "newer", type=Duration(), help="Only those opened since then.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def list_(
    collection: str | None,
    kind: str | None,
    text: str | None,
    state: str,
    older: int | None,
    newer: int | None,
    limit: int,
    as_json: bool,
) -> None:
    """List conflicts, newest first: open ones settle by themselves, waiting ones need something from outside."""
    if older is not None and newer is not None and older >= newer:
        raise click.UsageError("--older-than must be less than --newer-than: nothing can be both.")
    chosen = {"collection": collection, "kind": kind, "document": text, "state": None if state == "all" else state}
    site = wiring()
    filters = {name: value for name, value in chosen.items() if value is not None}
    rows = site.conflicts(filters, limit + 1, older=older, newer=newer)
    if not rows and collection is not None:
        site.collection(collection)
    more, rows = len(rows) > limit, rows[:limit]
    if more:
        note(f"only the newest {limit:,} are shown; more: --limit")
    if as_json:
        answer(rows)
        return
    if not rows:
        note("no conflicts")
        return
    table = Table("conflict", "collection", "id", "kind", "state", "policy", "looks", "opened", "age", "reason")
    for row in rows:
        table.add_row(
            str(row["id"]),
            str(row["collection"]),
            str(row["document"]),
            str(row["kind"]),
            str(row["state"]),
            str(row["policy"] or ""),
            str(row["looks"]),
            str(row["opened_at"])[:19].replace("T", " "),
            span(float(str(row["age_seconds"]))),
            f"waits for {row['waiting_for']}"
            if row["state"] == "waiting" and row["waiting_for"]
            else str(row["reason"]),
        )
    out.print(table)


@command("show", epilog="Example: lockstep conflicts show 12")
@click.argument("number", type=click.IntRange(1, 2**63 - 1))
@click.option("--json", "as_json", is_flag=True, help="Print the conflict as JSON.")
def show(number: int, as_json: bool) -> None:
    """Show one conflict: what stands on both sides, who wins each field, what lost, and the notes that decide it."""
    row = wiring().conflict(number)
    if as_json:
        answer(row)
        return
    _print(row)
    if row["state"] in ("open", "waiting"):
        plain(
            f"decide it: lockstep repair --collection {row['collection']} --id '{row['document']}' --from mysql|mongo"
        )


def _print(row: Mapping[str, Any]) -> None:
    plain(f"conflict {row['id']}: {row['collection']} {row['document']}")
    plain(f"state: {row['state']}")
    if row["waiting_for"]:
        plain(f"waits for: {row['waiting_for']}")
    if row["chosen"] and not row["closed_at"]:
        plain(f"a person has decided for {row['chosen']}: the next look carries it out")
    plain(f"kind: {row['kind']}, first met on {row['side']}'s way to the other side")
    plain(f"reason: {row['reason']}")
    plain(f"opened: {row['opened_at']}, {span(row['age_seconds'])} ago")
    plain(f"looks: {row['looks']}" + (f", the last at {row['looked_at']}" if row["looked_at"] else ""))
    if "repaired_from" not in (row["resolution"] or {}):
        plain(f"policy: {row['policy'] or 'not decided yet'}")
    if row["closed_at"]:
        plain(f"closed: {row['closed_at']}")
    if row["resolution"]:
        plain(f"resolution: {_resolution(row['resolution'])}")
    fields = fields_table(row)
    if fields is None:  # nothing was decided: both versions as they were found
        for name in ("mysql_value", "mongo_value"):
            plain(f"{name}: {json.dumps(row[name], indent=2, ensure_ascii=False) if row[name] else 'none'}")
    for table in (fields, losers_table(row), notes_table(row)):
        if table is not None:
            out.print(table)
    for line in policies_told(row):
        plain(line)


def _resolution(found: Mapping[str, object]) -> str:
    """As a sentence where this version knows it."""
    match found:
        case {"by": "policy", "policy": policy}:
            return f"by policy {policy}"
        case {"repaired_from": side}:
            return f"a person repaired it from {side}"
    return json.dumps(found, ensure_ascii=False)


conflicts.add_command(list_)
conflicts.add_command(show)
