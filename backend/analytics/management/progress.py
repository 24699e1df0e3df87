"""How far a loading command is: a bar on a terminal, one line for each collection elsewhere."""

from collections.abc import Callable, Iterable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


def show(name: str, steps: Iterable[int], total: int, say: Callable[[str], object]) -> None:
    """Exhaust `steps`, each of which tells how many documents are done; `say` takes a line."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"))
    done = 0
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal) as shown:
        task = shown.add_task(name, total=total, rate="")
        for done in steps:
            speed = shown.tasks[0].speed
            shown.update(task, completed=done, rate=f"{speed:,.0f}/s" if speed else "")
    if not console.is_terminal:
        say(f"{name}: {done:,} documents")
