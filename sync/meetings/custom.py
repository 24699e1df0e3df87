"""Asks functions of the users' own which side wins, each within its time. Nothing that they do can hold a worker up.

They are asked before the transaction that writes, for a limited time; within it only what was answered before counts.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping

from sync.errors import ConfigError, NotAsked, PolicyFailed
from sync.model.change import Side
from sync.model.mapping import Custom
from sync.model.policies import Question
from sync.model.report import Finding, Level

#: Seconds for the process to start and to import what the function needs.
START = 15.0
#: Answers that are kept for documents which must be looked at again.
KEPT = 10_000
_PIECE = 1 << 16
#: Variables that functions need not see: connections stand there.
_OURS = "LOCKSTEP_"


class Functions:
    """Used by one thread."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._ready: set[str] = set()
        #: Failures too, as what is told of them.
        self._answers: dict[tuple[Custom, str], Side | str] = {}
        self._until = float("inf")
        #: Whether anything was asked in the time that is allowed.
        self._any = False
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

    def allow(self, seconds: float) -> None:
        """From now on new questions may be asked for so long, and one in any case."""
        self._until, self._any = time.monotonic() + seconds, False

    def ask(self, custom: Custom, question: Question) -> Side:
        """Its answer. Raises `PolicyFailed` where it fails, takes too long or answers something else, and `NotAsked` where the
        time is over."""
        asked = custom, json.dumps(question, sort_keys=True)
        if asked not in self._answers:
            if custom not in self._late and self._any and time.monotonic() >= self._until:
                raise NotAsked(f"there was no time to ask {custom.function}")
            self._any = True
            try:
                self._answers[asked] = self._side(custom, question)
            except PolicyFailed as error:
                self._answers[asked] = error.message
        return self._known(*asked)

    def answered(self, custom: Custom, question: Question) -> Side:
        """As it answered before, or failed. Raises `NotAsked` where the question is a new one."""
        return self._known(custom, json.dumps(question, sort_keys=True))

    def forget(self, *, unfinished: bool = False) -> None:
        """What was answered: the next look has questions of its own. `unfinished`: it has some of these again, so that only
        failures are forgotten."""
        if unfinished and len(self._answers) < KEPT:
            self._answers = {asked: known for asked, known in self._answers.items() if isinstance(known, Side)}
        else:
            self._answers.clear()
        self._late.clear()

    def close(self) -> None:
        """End the process, whatever it does."""
        process, self._process = self._process, None
        self._ready.clear()
        if process is not None:
            process.kill()
            process.communicate()

    def _known(self, custom: Custom, text: str) -> Side:
        match self._answers.get((custom, text)):
            case Side() as side:
                return side
            case None:
                raise NotAsked(f"{custom.function} has not been asked this")
            case failure:
                raise PolicyFailed(failure)

    def _side(self, custom: Custom, question: Question) -> Side:
        if custom in self._late:
            raise _too_long(custom, custom.seconds)
        self._prepare(custom)
        return Side(self._answer(custom, {"function": custom.function, "question": question}, custom.seconds)["side"])

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
