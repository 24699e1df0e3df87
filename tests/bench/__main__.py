"""The command line of the bench."""

from __future__ import annotations

import gc
import json
import signal
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext

import click

from deploy.local.mysql_binary import Flavour
from deploy.local.paths import ROOT
from sync.cycles import seldom_looked_for
from tests.bench import machine, plots, results, table
from tests.bench.catalogue import ROWS, Row, in_order
from tests.bench.progress import Progress
from tests.bench.result import Result
from tests.bench.run import Run
from tests.servers import Servers

EXAMPLES = """
\b
Examples:
  python -m tests.bench                                    all rows on MySQL, then on MariaDB; writes tests/bench/results/
  python -m tests.bench --list                             the rows
  python -m tests.bench --only verify --server mariadb     one row on one server
  python -m tests.bench --quick --server mysql             small sizes: does it work? (writes results/quick/ only)
  python -m tests.bench --only drain --json                the results as JSON on standard output
  python -m tests.bench --draw                             docs/bench/*.svg and the README's table, from the results

\b
Exit codes: 0 all measured, every target met; 1 all measured, some target not met; 2 wrong usage; 3 a row could not be
measured (the others are, and are written).
"""
MET, NOT_MET, FAILED, STOPPED = 0, 1, 3, 143


@click.command(epilog=EXAMPLES, context_settings={"max_content_width": 120})
@click.option("--list", "listing", is_flag=True, help="Name the rows and what they measure.")
@click.option("--only", multiple=True, metavar="NAME", help="Measure this row; may be given again.")
@click.option(
    "--server",
    type=click.Choice(["mysql", "mariadb", "both"]),
    default="both",
    show_default=True,
    help="Measure on this.",
)
@click.option("--quick", is_flag=True, help="Fewer repetitions, smaller sizes; never replaces full results.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as a list of objects instead of a table.")
@click.option(
    "--draw", is_flag=True, help="Measure nothing: draw plots and the README's table from the results there are."
)
def main(*, listing: bool, only: tuple[str, ...], server: str, quick: bool, as_json: bool, draw: bool) -> None:
    """Measure how near Lockstep comes to the limit of both databases, each row's limit and the pipeline in one run."""
    if listing:
        for name, row in ROWS.items():
            click.echo(f"{name:26} {row.about}")
        return
    if draw:
        _draw()
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(STOPPED))  # so that servers and workers end with us
    flavours = list(Flavour) if server == "both" else [Flavour(server)]
    gc.freeze()
    with seldom_looked_for():  # as workers do: the loops that show the limit run in this process
        sys.exit(_measure(_chosen(only), flavours, quick=quick, as_json=as_json))


def _draw() -> None:
    found = results.read()
    for path in plots.draw(found):
        click.echo(path)
    readme = ROOT / "README.md"
    readme.write_text(table.placed(readme.read_text(), table.markdown(in_order(found))))
    click.echo(readme)


def _chosen(only: Sequence[str]) -> Mapping[str, Row]:
    unknown = [name for name in only if name not in ROWS]
    if unknown:
        raise click.UsageError(f"no row is named {', '.join(unknown)}; there are: {', '.join(ROWS)}")
    return {name: row for name, row in ROWS.items() if not only or name in only}


def _measure(rows: Mapping[str, Row], flavours: Sequence[Flavour], *, quick: bool, as_json: bool) -> int:
    steps = [(flavour, name, row) for flavour in flavours for name, row in rows.items()]
    progress = Progress([row.quick_seconds if quick else row.seconds for _, _, row in steps], sys.stderr)
    measured: list[dict[str, object]] = []
    failed = False
    with ExitStack() as kept:
        shared = kept.enter_context(_running()) if quick else None
        for flavour, name, row in steps:
            progress.step(f"{name} on {flavour.value}")
            try:
                found = _measured(name, row, flavour, progress, shared)
            except Exception:  # noqa: BLE001 - shown, and told by the exit code; the other rows are worth having
                traceback.print_exc()
                failed = True
                continue
            objects = [one.to_json() for one in found]
            measured += objects
            for line in table.lines(objects)[1:]:
                click.echo(f"  {line}", err=True)
    progress.end()
    click.echo(json.dumps(measured, indent=1) if as_json else "\n".join(table.lines(measured)))
    return FAILED if failed else MET if all(one["met"] for one in measured) else NOT_MET


def _measured(name: str, row: Row, flavour: Flavour, progress: Progress, shared: Servers | None) -> list[Result]:
    """Measure a row and write its file. Each installation gets fresh servers, so that no row pays for what an earlier one
    left in logs and caches; a quick run shares them, for starting them takes longer than what it measures."""
    on = machine.described()

    @contextmanager
    def servers(*, mongo_cache_gb: float = 0.25) -> Iterator[Servers]:
        with nullcontext(shared) if shared else _running(mongo_cache_gb) as running:
            running.mysql(flavour)
            on.update(machine.servers_described(running))
            yield running

    found = row.measure(Run(flavour=flavour, quick=shared is not None, servers=servers, say=progress.say))
    results.write(name, flavour.value, found, on, quick=shared is not None)
    return found


@contextmanager
def _running(mongo_cache_gb: float = 0.25) -> Iterator[Servers]:
    """Servers that start when they are first asked for."""
    running = Servers(mongo_cache_gb=mongo_cache_gb)
    try:
        yield running
    finally:
        running.close()


if __name__ == "__main__":
    main()
