"""The group of all commands."""

from __future__ import annotations

from pathlib import Path

import click

from sync.cli import exit_codes
from sync.cli.bootstrap import bootstrap
from sync.cli.conflicts import conflicts
from sync.cli.context import remember_config
from sync.cli.doctor import doctor
from sync.cli.explain import explain
from sync.cli.pause import pause, resume
from sync.cli.repair import repair
from sync.cli.run import run
from sync.cli.setup import setup, teardown
from sync.cli.status import status
from sync.cli.verify import verify
from sync.cli.workers import follow, listen


@click.group(epilog=f"Example: lockstep doctor\n\n{exit_codes.HELP}", context_settings={"max_content_width": 100})
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The mapping file.  [default: lockstep.toml, or LOCKSTEP_CONFIG]",
    expose_value=False,
    callback=remember_config,
)
@click.version_option(package_name="lockstep")
def main() -> None:
    """Keeps a MySQL database and a MongoDB database equal while both are written.

    Connections come from the environment: LOCKSTEP_<ROLE>_MYSQL_URL and LOCKSTEP_<ROLE>_MONGO_URL (or the same with _FILE),
    for the roles OWNER, APP, FOLLOWER and LISTENER.
    """


for one in (
    *(doctor, setup, teardown, bootstrap, follow, listen, run, status, pause, resume),
    *(verify, repair, conflicts, explain),
):
    main.add_command(one)
