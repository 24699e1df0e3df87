"""lockstep conflicts: held documents, with reason and both values. The operator's view: values go nowhere else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Unpack

import click
from rich.table import Table

from sync.cli import exit_codes
from sync.cli.conflict_filters import Filters, chosen, filters
from sync.cli.conflict_tables import (
    blockers_table,
    differing_table,
    fields_table,
    losers_table,
    notes_table,
    policies_told,
    rulings_table,
)
from sync.cli.context import command, wiring
from sync.cli.durations import span
from sync.cli.output import answer, note, out, plain
from sync.cli.resolve import resolve
from sync.model.choice import Shown
from sync.model.kinds import KINDS
from sync.model.rulings import shown_to_json
from sync.model.shown import label, token


@click.group(epilog=f"Example: lockstep conflicts list\n\n{exit_codes.HELP}")
def conflicts() -> None:
    """Documents that are held because both sides changed them, or because the other side cannot take them."""


@command("list", epilog="Example: lockstep conflicts list --collection customers --older-than 10m --json")
@filters(state="held", limit=100)
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def list_(as_json: bool, **given: Unpack[Filters]) -> None:
    """List conflicts, newest first: open ones settle by themselves, waiting ones need something from outside."""
    rows, more, _ = chosen(**given)
    if more:
        note(f"only the newest {given['limit']:,} are shown; more: --limit")
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
    site = wiring()
    row = dict(site.conflict(number))
    shown = site.deciding.shown(row)
    if as_json:
        units = [{**told, "label": label(one.head)} for told, one in zip(shown_to_json(shown), shown, strict=True)]
        answer({**row, "differing": units, "shown": token(shown) if shown else None})
        return
    _print(row)
    table = differing_table(shown)
    if table is not None:
        out.print(table)
    if row["state"] in ("open", "waiting"):
        plain(f"decide it: {_how(row, shown)}")


def _how(row: Mapping[str, Any], shown: Sequence[Shown]) -> str:
    """The command; unit by unit where both sides' versions are known."""
    if shown:
        decide = f"lockstep conflicts resolve {row['id']} --shown {token(shown)}"
        return f"{decide} --winner mysql|mongo --reason '…' (or, for a field, --value FIELD=JSON)"
    return f"lockstep repair --collection {row['collection']} --id '{row['document']}' --from mysql|mongo"


@command("kinds", epilog="Example: lockstep conflicts kinds")
@click.option("--json", "as_json", is_flag=True, help="Print the kinds as JSON.")
def kinds(as_json: bool) -> None:
    """Tell what each kind of conflict means, and what a person can do about it."""
    rows = [
        {"kind": str(one.kind), "meaning": one.meaning, "help": one.help, "held": one.held} for one in KINDS.values()
    ]
    if as_json:
        answer(rows)
        return
    table = Table("kind", "meaning", "what to do")
    for one in KINDS.values():
        table.add_row(str(one.kind), one.meaning, one.help)
    out.print(table)


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
    for table in (blockers_table(row), fields, losers_table(row), notes_table(row), rulings_table(row)):
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
        case {"by": "person", "person": person, "reason": reason}:
            return f"by {person}: {reason}"
        case {"by": "timeout", "policy": policy}:
            return f"by policy {policy}, for no person had decided in time"
    return json.dumps(found, ensure_ascii=False)


conflicts.add_command(list_)
conflicts.add_command(show)
conflicts.add_command(kinds)
conflicts.add_command(resolve)
