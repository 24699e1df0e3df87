"""Starts programs that end with us, waits until they are ready, and stops them in order.

Knows nothing of what it runs. Arguments are visible to everyone on the machine: secrets never go there.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.problem import LocalProblem

LEASH = Path(__file__).with_name("leash.py")


def free_port(wanted: int | None = None) -> int:
    """A loopback port that is free now: `wanted` where it is, else any."""
    for port in (wanted, 0):
        if port is None:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise LocalProblem("no free port on 127.0.0.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A running program of ours."""

    name: str
    popen: subprocess.Popen[bytes]
    #: Where its output goes.
    log: Path

    @property
    def running(self) -> bool:
        return self.popen.poll() is None

    def ask_to_stop(self) -> None:
        """Send SIGTERM; returns at once."""
        if self.running:
            self.popen.send_signal(signal.SIGTERM)

    def stop(self, seconds: float = 10) -> bool:
        """SIGTERM and wait, then SIGKILL. Returns whether it ended by itself."""
        self.ask_to_stop()
        try:
            self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            return False
        return True

    def last_lines(self, count: int = 12) -> str:
        """The end of its log, for messages."""
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return ""
        return "\n".join(lines[-count:])


def start(
    name: str,
    command: Sequence[str],
    *,
    log: Path,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Process:
    """Start a program in a session of its own (the terminal's Ctrl-C reaches only us) that dies with this thread."""
    log.parent.mkdir(parents=True, exist_ok=True)
    leashed = [sys.executable, "-I", "-S", str(LEASH), str(os.getpid()), *command]
    with log.open("ab") as output:
        popen = subprocess.Popen(
            leashed,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if environ is None else dict(environ),
            cwd=cwd,
            start_new_session=True,
        )
    return Process(name=name, popen=popen, log=log)


def wait_until(ready: Callable[[], bool], process: Process, *, seconds: float) -> None:
    """Ask until `ready`; raises LocalProblem with the end of the log where the program ends or takes longer."""
    deadline = time.monotonic() + seconds
    while not ready():
        if not process.running:
            raise LocalProblem(f"{process.name} ended at its start:\n{process.last_lines()}", f"see {process.log}")
        if time.monotonic() > deadline:
            raise LocalProblem(f"{process.name} was not ready after {seconds:.0f} s:\n{process.last_lines()}")
        time.sleep(0.05)


def stop_all(processes: Sequence[Process], seconds: float = 10) -> list[str]:
    """Stop in the given order; returns the names of those that had to be killed."""
    return [process.name for process in processes if not process.stop(seconds)]
