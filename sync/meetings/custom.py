"""Asks functions of the users' own which side wins, each within its time. Nothing that they do can hold a worker up.

They are asked before the transaction that writes; within it only what was answered before counts.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping

from sync.errors import ConfigError, PolicyFailed
from sync.model.change import Side
from sync.model.mapping import Custom
from sync.model.policies import Question
from sync.model.report import Finding, Level

#: Seconds for the process to start and to import what the function needs.
START = 15.0
_PIECE = 1 << 16
#: Variables that functions need not see: connections stand there.
_OURS = "LOCKSTEP_"


class Functions:
    """Used by one thread."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._ready: set[str] = set()
        self._answers: dict[tuple[Custom, str], Side] = {}
        #: Functions that were not done in time, until `forget`: asking them again and again would hold up all else.
        self._late: set[Custom] = set()

    def check(self, functions: Iterable[Custom]) -> None:
        """Raises `ConfigError` for one that cannot be called."""
        for one in sorted(functions, key=str):
            try:
                self._prepare(one)
            except PolicyFailed as error:
                raise ConfigError(
                    error.message, hint="mend the policy's function in lockstep.toml, or what it imports"
                ) from None

    def ask(self, custom: Custom, question: Question) -> Side:
        """Its answer. Raises `PolicyFailed` where it fails, takes too long or answers something else."""
        text = json.dumps(question, sort_keys=True)
        known = self._answers.get((custom, text))
        if known is None:
            if custom in self._late:
                raise _too_long(custom, custom.seconds)
            self._prepare(custom)
            answer = self._answer(custom, {"function": custom.function, "question": question}, custom.seconds)
            known = self._answers[custom, text] = Side(answer["side"])
        return known

    def answered(self, custom: Custom, question: Question) -> Side:
        """As it answered before. Raises `PolicyFailed` where the question is a new one."""
        known = self._answers.get((custom, json.dumps(question, sort_keys=True)))
        if known is None:
            raise PolicyFailed(f"{custom.function} has not been asked this")
        return known

    def forget(self) -> None:
        """What was answered: the next look has questions of its own."""
        self._answers.clear()
        self._late.clear()

    def close(self) -> None:
        """End the process, whatever it does."""
        process, self._process = self._process, None
        self._ready.clear()
        if process is not None:
            process.kill()
            process.communicate()

    def _prepare(self, custom: Custom) -> None:
        if custom.function not in self._ready:
            self._answer(custom, {"function": custom.function}, START)
            self._ready.add(custom.function)

    def _answer(self, custom: Custom, request: Mapping[str, object], seconds: float) -> Mapping[str, str]:
        process = self._running()
        assert process.stdin
        assert process.stdout
        try:
            process.stdin.write(json.dumps({**request, "seconds": seconds}).encode() + b"\n")
            process.stdin.flush()
            line = _line(process.stdout.fileno(), time.monotonic() + seconds)
        except OSError:
            line = b""
        if not line:
            self.close()
            raise PolicyFailed(f"{custom.function} ended its process")
        if not line.endswith(b"\n"):
            self.close()
            self._late.add(custom)
            raise _too_long(custom, seconds)
        answer: Mapping[str, str] = json.loads(line)
        if "error" in answer:
            raise PolicyFailed(f"{custom.function}: {answer['error']}")
        return answer

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "sync.meetings.answering"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={name: value for name, value in os.environ.items() if not name.startswith(_OURS)},
            )
        return self._process


def findings(functions: Iterable[Custom]) -> list[Finding]:
    """For doctor: whether each can be called."""
    asked, told = Functions(), list[Finding]()
    try:
        for one in sorted(functions, key=str):
            subject = f"policy: {one.function}"
            try:
                asked.check([one])
            except ConfigError as error:
                told.append(Finding(level=Level.PROBLEM, subject=subject, message=error.message, fix=error.hint))
            else:
                told.append(Finding(level=Level.OK, subject=subject, message="can be called"))
    finally:
        asked.close()
    return told


def _too_long(custom: Custom, seconds: float) -> PolicyFailed:
    return PolicyFailed(f"{custom.function} was not done within {seconds:g} s")


def _line(pipe: int, deadline: float) -> bytes:
    """Up to the line's end; less where the time is over, nothing where the other end was closed."""
    read = b""
    while not read.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([pipe], [], [], left)[0]:
            return read or b" "
        piece = os.read(pipe, _PIECE)
        if not piece:
            return b""
        read += piece
    return read
