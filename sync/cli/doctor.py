"""lockstep doctor: is everything as it must be, on both servers and in the mapping?"""

from __future__ import annotations

import click

from sync.cli import exit_codes
from sync.cli.context import command, wiring
from sync.cli.output import answer, plain
from sync.model.report import Level

_MARKS = {Level.OK: "ok     ", Level.WARNING: "warning", Level.PROBLEM: "problem"}


@command(epilog="Example: lockstep doctor --json")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor(as_json: bool) -> None:
    """Check both servers, the privileges and the mapping; name each problem and its fix. Changes nothing."""
    findings = wiring().doctor()
    if as_json:
        answer([{"level": f.level, "subject": f.subject, "message": f.message, "fix": f.fix} for f in findings])
    else:
        for finding in findings:
            plain(f"{_MARKS[finding.level]}  {finding.subject}: {finding.message}")
            if finding.fix:
                plain(f"         fix: {finding.fix}")
    if any(finding.level is Level.PROBLEM for finding in findings):
        raise click.exceptions.Exit(exit_codes.DIFFERENT)
