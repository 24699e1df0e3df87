"""Tells on a terminal what is measured now and about how long the rest takes; on anything else one line for each row."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TextIO


class Progress:
    """`expected`: seconds of each step, in order."""

    def __init__(self, expected: Sequence[float], output: TextIO) -> None:
        self._expected = list(expected)
        self._output = output
        self._step = -1
        self._name = ""
        self._began = self._step_began = time.monotonic()
        self._live = output.isatty()

    def step(self, name: str) -> None:
        """The next one begins."""
        self._step += 1
        self._name = name
        self._step_began = time.monotonic()
        self._write(f"{name} ({self._step + 1} of {len(self._expected)}, {self.left()} left)", lasting=True)

    def say(self, text: str) -> None:
        """What happens inside a step."""
        if self._live:
            self._write(f"  {text}, {self.left()} left", lasting=False)

    def left(self) -> str:
        """Of all steps, scaled by how long those that are done took against what was expected of them."""
        done = sum(self._expected[: self._step])
        took = self._step_began - self._began
        scale = took / done if done else 1.0
        gone = time.monotonic() - self._step_began
        now = self._expected[self._step] * scale
        rest = max(now - gone, 0.1 * now) + sum(self._expected[self._step + 1 :]) * scale
        return f"about {duration(rest)}"

    def end(self) -> None:
        """Nothing more will be said."""
        took = duration(time.monotonic() - self._began)
        self._write(f"measured in {took}", lasting=True)

    def _write(self, text: str, *, lasting: bool) -> None:
        clear = "\r\x1b[K" if self._live else ""
        self._output.write(f"{clear}{text}{chr(10) if lasting else ''}")
        self._output.flush()


def duration(seconds: float) -> str:
    """In words."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
