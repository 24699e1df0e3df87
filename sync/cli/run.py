"""lockstep run: both workers, each a process of its own."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from functools import partial

import click

from sync.cli import exit_codes
from sync.cli.context import command, config_path
from sync.cli.output import note
from sync.config import load_config

#: Seconds that a worker has to finish its batch.
PATIENCE = 10.0
#: Seconds before a worker that was killed is started again: doubling from the first to the last.
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
_PR_SET_PDEATHSIG = 1

_Children = Mapping[str, "subprocess.Popen[bytes]"]


@command(epilog="Example: lockstep run")
def run() -> None:
    """Run both workers as two processes until SIGTERM or Ctrl-C. Where one stops in a named state, the other goes on; one that
    was killed (for lack of memory, say) is started again.

    The exit code is the worse of the workers' own.
    """
    load_config(config_path())  # one clear error, instead of two
    stopping = False

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    children = {name: _start(name) for name in ("follow", "listen")}
    ended: set[str] = set()
    pauses = {name: _Pause() for name in children}
    while len(ended) < len(children) and not stopping:
        time.sleep(0.1)
        for name, child in children.items():
            code = child.poll()
            if name in ended or code is None:
                continue
            if code >= 0:
                ended.add(name)
                others = "" if len(ended) == len(children) else "; the other worker goes on"
                note(f"lockstep {name} ended with exit code {code}{others}")
            elif pauses[name].is_over(f"lockstep {name} was killed by signal {-code}"):
                children[name] = _start(name)
    _end(children)
    raise click.exceptions.Exit(max(_code(child) for child in children.values()))


class _Pause:
    """Before a worker that was killed is started again: longer each time, as long as it does not live for a while."""

    def __init__(self) -> None:
        self._seconds = FIRST_PAUSE
        self._until: float | None = None
        self._started = time.monotonic()

    def is_over(self, what: str) -> bool:
        """Begins the pause, and says so, where none is running."""
        now = time.monotonic()
        if self._until is None:
            lived = now - self._started > LONGEST_PAUSE
            self._seconds = FIRST_PAUSE if lived else min(LONGEST_PAUSE, self._seconds * 2)
            self._until = now + self._seconds
            note(f"{what}; it is started again in {self._seconds:.0f} s")
        if now < self._until:
            return False
        self._until, self._started = None, now
        return True


def _end(children: _Children) -> None:
    """Ask those that run to finish, and kill them when they do not."""
    for child in children.values():
        if child.poll() is None:
            child.terminate()
    deadline = time.monotonic() + PATIENCE
    for name, child in children.items():
        try:
            child.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            note(f"lockstep {name} did not end within {PATIENCE:.0f} s and was killed")
            child.kill()
            child.wait()


def _code(child: subprocess.Popen[bytes]) -> int:
    """Of a worker that a signal ended: not healthy."""
    return exit_codes.UNHEALTHY if child.returncode < 0 else child.returncode


def _start(name: str) -> subprocess.Popen[bytes]:
    """A worker that ends with this process, however that ends, in a group of its own: Ctrl-C reaches it through here."""
    return subprocess.Popen(
        [sys.executable, "-m", "sync.cli", "--config", str(config_path()), name],
        preexec_fn=partial(_end_with, os.getpid()),
        start_new_session=True,
    )


def _end_with(parent: int) -> None:
    """In the child, before it becomes the worker. Where the parent died before the kernel was asked, end here."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(exit_codes.ERROR)
