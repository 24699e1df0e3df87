"""A lockstep process of a test: its output so far, its signals, its end."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from deploy.local.paths import ROOT
from tests.site import LOCKSTEP, Site

#: Seconds in which a worker ends when it is told to.
PROMISED = 10.0


class Running:
    """Starts at once; `kill` it at the test's end."""

    def __init__(
        self, site: Site, log: Path, *arguments: str, program: Sequence[str] = (str(LOCKSTEP),), **environ: str
    ) -> None:
        self._log = log
        with log.open("ab") as output:
            self.popen = subprocess.Popen(
                [*program, "--config", str(site.config_path), *arguments],
                env=site.process_environment() | environ,
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def said(self) -> str:
        """Everything so far."""
        return self._log.read_text()

    def states(self, worker: str) -> list[str]:
        """Those that it has said, in order."""
        return re.findall(rf" {worker} action=state state=(\w+) ", self.said())

    def end(self) -> tuple[int, float]:
        """SIGTERM; exit code and seconds it took."""
        began = time.monotonic()
        self.popen.terminate()
        return self.popen.wait(PROMISED + 5), time.monotonic() - began

    def children(self) -> list[int]:
        """Process ids of what it started."""
        pid = self.popen.pid
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def kill(self) -> None:
        """SIGKILL, if it still runs."""
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait()
