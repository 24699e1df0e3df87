"""lockstep run: both workers, each a process of its own."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
import time

import click

from sync.cli import exit_codes
from sync.cli.context import command, config_path
from sync.cli.output import note
from sync.config import load_config

#: Seconds that a worker has to finish its batch.
PATIENCE = 10.0
_PR_SET_PDEATHSIG = 1


@command(epilog="Example: lockstep run")
def run() -> None:
    """Run both workers as two processes until SIGTERM or Ctrl-C. Where one stops in a named state, the other goes on."""
    load_config(config_path())  # one clear error, instead of two
    stopping = False

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    children = {name: _start(name) for name in ("follow", "listen")}
    codes: dict[str, int] = {}
    while len(codes) < len(children) and not stopping:
        time.sleep(0.1)
        for name, child in children.items():
            code = child.poll()
            if code is not None and name not in codes:
                codes[name] = code
                note(f"lockstep {name} ended with exit code {code}; the other worker goes on")
    for child in children.values():
        if child.poll() is None:
            child.terminate()
    deadline = time.monotonic() + PATIENCE
    for name, child in children.items():
        try:
            codes[name] = child.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            note(f"lockstep {name} did not end within {PATIENCE:.0f} s and was killed")
            child.kill()
            codes[name] = exit_codes.UNHEALTHY
    raise click.exceptions.Exit(max(abs(code) for code in codes.values()))


def _start(name: str) -> subprocess.Popen[bytes]:
    """A worker that ends with this process, however that ends, in a group of its own: Ctrl-C reaches it through here."""
    return subprocess.Popen(
        [sys.executable, "-m", "sync.cli", "--config", str(config_path()), name],
        preexec_fn=_die_with_parent,
        start_new_session=True,
    )


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
