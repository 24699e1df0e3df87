"""lockstep setup and teardown: the engine's own objects on both sides."""

from __future__ import annotations

from collections.abc import Sequence

import click

from sync.cli.context import command, wiring
from sync.cli.output import plain
from sync.model.report import Step


@command(epilog="Example: lockstep setup --dry-run")
@click.option("--dry-run", is_flag=True, help="Only list what would be done.")
def setup(dry_run: bool) -> None:
    """Create the engine's tables, checkpoints, images and privileges, as owner. Run it again after migrations."""
    _carry_out(wiring().setup_steps(), dry_run=dry_run)


@command(epilog="Example: lockstep teardown --yes")
@click.option("--dry-run", is_flag=True, help="Only list what would be done.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def teardown(dry_run: bool, yes: bool) -> None:
    """Drop the engine's own tables, collections and roles, as owner. Your data stays. Stop the workers first."""
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
        else:
            step.apply()
            plain(f"done     {step.text}")
