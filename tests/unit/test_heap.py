"""One heap for all threads, asked of the C library itself, in a process of its own."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from sync.cli import workers

#: Four threads that hold memory at the same time; then the library tells its heaps.
PROGRAM = """
import ctypes, threading
from sync.heap import one_for_all_threads
{first}
barrier = threading.Barrier(4)
def hold():
    held = [bytes(5_000) for _ in range(100)]
    barrier.wait()
threads = [threading.Thread(target=hold) for _ in range(4)]
for one in threads: one.start()
for one in threads: one.join()
library = ctypes.CDLL(None)
library.malloc_info(0, ctypes.c_void_p.in_dll(library, "stdout"))
library.fflush(None)
"""
#: What would choose heaps, or another library for them.
CHOOSING = {"MALLOC_ARENA_MAX", "GLIBC_TUNABLES", "LD_PRELOAD"}


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has a heap per thread")
def test_one_heap() -> None:
    assert heaps("one_for_all_threads()") == 1 < heaps("")


def heaps(first: str) -> int:
    env = {name: value for name, value in os.environ.items() if name not in CHOOSING}
    command = [sys.executable, "-c", PROGRAM.format(first=first)]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout.count("<heap nr=")


def test_a_worker_asks_for_it_before_anything_starts_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once there are other heaps it has no effect."""
    done: list[str] = []

    def wiring() -> None:
        done.append("wiring")
        raise InterruptedError

    monkeypatch.setattr("sync.heap.one_for_all_threads", lambda: done.append("heap"))
    monkeypatch.setattr(workers, "wiring", wiring)
    with pytest.raises(InterruptedError):
        workers._worker("follower")
    assert done == ["heap", "wiring"]
