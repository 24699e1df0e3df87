"""lockstep setup and teardown: the engine's own objects on both sides."""

from __future__ import annotations

from collections.abc import Sequence

import click

from sync.cli.context import command, wiring
from sync.cli.output import plain
from sync.model.report import Step
from sync.model.validator import Enforcement


@command(epilog="Example: lockstep setup --dry-run")
@click.option(
    "--validators",
    type=click.Choice([str(one) for one in Enforcement]),
    help="Have MongoDB refuse (error) or log (warn) documents that MySQL cannot take; off takes that away."
    "  [default: leave it so, up to date]",
)
@click.option("--dry-run", is_flag=True, help="Only list what would be done, with each validator.")
def setup(validators: str | None, dry_run: bool) -> None:
    """Create the engine's tables, checkpoints, images and privileges, as owner. Run it again after migrations.

    A validator tells types, required fields, lengths and ranges, as the mapping and MySQL's columns say. One that is not
    Lockstep's is never replaced.
    """
    _carry_out(wiring().setup_steps(Enforcement(validators) if validators else None), dry_run=dry_run)


@command(epilog="Example: lockstep teardown --yes")
@click.option("--dry-run", is_flag=True, help="Only list what would be done.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def teardown(dry_run: bool, yes: bool) -> None:
    """Drop the engine's own tables, collections, validators and roles, as owner. Your data stays. Stop the workers first."""
    steps = wiring().teardown_steps()
    if not dry_run and not yes:
        click.confirm("Positions, conflicts and their history will be gone. Go on?", abort=True, err=True)
    _carry_out(steps, dry_run=dry_run)


def _carry_out(steps: Sequence[Step], *, dry_run: bool) -> None:
    for step in steps:
        if step.done:
            plain(f"there    {step.text}")
        elif dry_run:
            plain(f"would    {step.text}")
            if step.details:
                plain(step.details)
        else:
            step.apply()
            plain(f"done     {step.text}")
