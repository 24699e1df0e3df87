"""lockstep bootstrap: the first copy."""

from __future__ import annotations

import click

from sync.cli.context import command, side_type, wiring
from sync.cli.output import answer, note, progress
from sync.model.change import Side


@command(epilog="Example: lockstep bootstrap --from mysql")
@click.option("--from", "origin", type=side_type, required=True, help="The side to copy from.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def bootstrap(origin: str, as_json: bool) -> None:
    """Make the first copy, into an empty other side, while people go on writing. After a crash, run it again: it goes on.

    Documents that only the other side has, or that differ there, are held: see lockstep conflicts list.
    """
    with progress("copying") as report:
        done = wiring().bootstrap(Side(origin), report)
    if as_json:
        answer(
            {
                "documents": done.documents,
                "rows": done.rows,
                "already_equal": done.already_equal,
                "held": done.held,
                "seconds": round(done.seconds, 3),
                "rows_per_second": round(done.rows / max(done.seconds, 0.001)),
            }
        )
        return
    note(
        f"copied {done.documents:,} documents ({done.rows:,} rows) in {done.seconds:.1f} s;"
        f" {done.already_equal:,} were equal already, {done.held:,} are held"
    )
    if done.held:
        note("hint: lockstep conflicts list")
