"""How commands speak: answers to stdout, everything else to stderr, progress as bars on a terminal and lines elsewhere."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from sync.model.values import plain_json
from sync.reconcile.progress import Progress as Report

#: Seconds between lines where there is no terminal.
LINES = 3.0

#: Columns that tables may take where there is no terminal.
WIDE = 200


def _console(stream: TextIO) -> Console:
    """Text as it is: values and names may hold brackets and colons that would be markup."""
    width = None if stream.isatty() else WIDE
    errors = stream is sys.stderr
    return Console(stderr=errors, soft_wrap=True, width=width, markup=False, highlight=False, emoji=False)


out, err = _console(sys.stdout), _console(sys.stderr)


def answer(data: object) -> None:
    """A machine's answer: one JSON object, alone on stdout."""
    click.echo(json.dumps(plain_json(data), indent=2, ensure_ascii=False, default=str))


def plain(text: str) -> None:
    """A line for people, on stdout."""
    out.print(text)


def note(text: str) -> None:
    """A line for people that is no answer."""
    err.print(text)


@contextmanager
def progress(verb: str) -> Iterator[Report]:
    """Shows how far long work is: done, of how many, rate and time left."""
    if err.is_terminal:
        with _bars(verb) as report:
            yield report
        return
    yield _Lines(verb)


@contextmanager
def _bars(verb: str) -> Iterator[Report]:
    columns = (
        TextColumn(f"{verb} {{task.description}}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err) as shown:
        tasks: dict[str, TaskID] = {}

        def report(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = shown.add_task(what, completed=done, total=total or None, rate="")
            speed = next(task.speed for task in shown.tasks if task.id == tasks[what])
            rate = f"{speed:,.0f}/s" if speed else ""
            shown.update(tasks[what], completed=done, total=max(done, total) or None, rate=rate)

        yield report


class _Lines:
    """Plain lines, not more often than every few seconds, and one at the end of each part."""

    def __init__(self, verb: str) -> None:
        self._verb = verb
        #: When each part was first told of, and how much of it was done then: an interrupted run is gone on with.
        self._started: dict[str, tuple[float, int]] = {}
        self._said_at = time.monotonic()

    def __call__(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        started, before = self._started.setdefault(what, (now, done))
        if done != total and now - self._said_at < LINES:
            return
        self._said_at = now
        rate = (done - before) / max(now - started, 0.001)
        left = f", {max(total - done, 0) / rate:,.0f} s left" if rate and done < total else ""
        note(
            f"{self._verb} {what}: {done:,} of {max(done, total):,}{f', {rate:,.0f}/s' if now > started else ''}{left}"
        )
