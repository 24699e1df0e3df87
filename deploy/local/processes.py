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
from contextlib import ExitStack
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
    killed: bool = False,
) -> Process:
    """Start a program in a session of its own (the terminal's Ctrl-C reaches only us) that dies with this thread: asked to
    end or, with `killed`, at once."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        popen = subprocess.Popen(
            _leashed(command, signal.SIGKILL if killed else signal.SIGTERM),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if environ is None else dict(environ),
            cwd=cwd,
            start_new_session=True,
        )
    return Process(name=name, popen=popen, log=log)


def run(name: str, command: Sequence[str], *, environ: Mapping[str, str], cwd: Path, log: Path | None) -> None:
    """Run a program to its end; its output goes to `log`, or to our stderr. Raises LocalProblem where it fails."""
    with ExitStack() as opened:
        output = opened.enter_context(log.open("ab")) if log else sys.stderr
        start_of_output = log.stat().st_size if log else 0
        done = subprocess.run(
            _leashed(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environ),
            cwd=cwd,
            start_new_session=True,
            check=False,
        )
    if done.returncode:
        said = log.read_bytes()[start_of_output:].decode(errors="replace").strip() if log else ""
        raise LocalProblem(f"{name} failed (exit {done.returncode})" + (f":\n{said}" if said else ""))


def _leashed(command: Sequence[str], end: signal.Signals = signal.SIGTERM) -> list[str]:
    return [sys.executable, "-I", "-S", str(LEASH), str(os.getpid()), str(int(end)), *command]


def wait_until(ready: Callable[[], bool], process: Process, *, seconds: float) -> None:
    """Ask until `ready`; raises LocalProblem with the end of the log where the program ends or takes longer."""
    deadline = time.monotonic() + seconds
    while not ready():
        if not process.running:
            raise LocalProblem(f"{process.name} ended at its start:\n{process.last_lines()}", f"see {process.log}")
        if time.monotonic() > deadline:
            raise LocalProblem(f"{process.name} was not ready after {seconds:.0f} s:\n{process.last_lines()}")
        time.sleep(0.05)


def stop_together(processes: Sequence[Process], seconds: float) -> list[str]:
    """Ask all to stop, wait for all, kill the rest; returns the names of those that had to be killed."""
    for process in processes:
        process.ask_to_stop()
    deadline = time.monotonic() + seconds
    return [process.name for process in processes if not process.stop(max(0.0, deadline - time.monotonic()))]
