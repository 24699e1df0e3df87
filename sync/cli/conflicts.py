"""lockstep conflicts: held documents, with reason and both values. The operator's view: values go nowhere else."""

from __future__ import annotations

import json

import click
from rich.table import Table

from sync.cli import exit_codes
from sync.cli.context import command, wiring
from sync.cli.output import answer, note, out, plain


@click.group(epilog=f"Example: lockstep conflicts list\n\n{exit_codes.HELP}")
def conflicts() -> None:
    """Documents that are held because both sides changed them, or because the other side cannot take them."""


@command("list", epilog="Example: lockstep conflicts list --collection customers --state held --json")
@click.option("--collection", help="Only of this collection.")
@click.option("--kind", help="Only of this kind, for example update_differs.")
@click.option("--id", "text", help="Only of the document with this _id.")
@click.option(
    "--state",
    type=click.Choice(["held", "open", "waiting", "settled", "converged", "all"]),
    default="held",
    show_default=True,
)
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def list_(collection: str | None, kind: str | None, text: str | None, state: str, limit: int, as_json: bool) -> None:
    """List conflicts, newest first."""
    chosen = {"collection": collection, "kind": kind, "document": text, "state": None if state == "all" else state}
    rows = wiring().conflicts({name: value for name, value in chosen.items() if value}, limit + 1)
    more, rows = len(rows) > limit, rows[:limit]
    if more:
        note(f"only the newest {limit:,} are shown; more: --limit")
    if as_json:
        answer(rows)
        return
    if not rows:
        note("no conflicts")
        return
    table = Table("conflict", "collection", "id", "kind", "state", "opened", "reason")
    for row in rows:
        opened = str(row["opened_at"])[:19].replace("T", " ")
        table.add_row(
            str(row["id"]),
            str(row["collection"]),
            str(row["document"]),
            str(row["kind"]),
            str(row["state"]),
            opened,
            str(row["reason"]),
        )
    out.print(table)


@command("show", epilog="Example: lockstep conflicts show 12")
@click.argument("number", type=click.IntRange(1))
@click.option("--json", "as_json", is_flag=True, help="Print the conflict as JSON.")
def show(number: int, as_json: bool) -> None:
    """Show one conflict with both values and the notes of what has happened since."""
    row = wiring().conflict(number)
    if as_json:
        answer(row)
        return
    for name, value in row.items():
        if isinstance(value, dict | list):
            plain(f"{name}:")
            plain(json.dumps(value, indent=2, ensure_ascii=False))
        elif value is not None:
            plain(f"{name}: {value}")
    if row["state"] in ("open", "waiting"):
        plain(
            f"decide it: lockstep repair --collection {row['collection']} --id '{row['document']}' --from mysql|mongo"
        )


conflicts.add_command(list_)
conflicts.add_command(show)
