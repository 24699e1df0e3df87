"""One heap for all threads, asked of the C library itself, in a process of its own."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

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


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has a heap per thread")
def test_one_heap() -> None:
    assert [heaps(first) for first in ("", "one_for_all_threads()")] == [5, 1]


def heaps(first: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(first=first)], capture_output=True, text=True, check=True
    )
    return done.stdout.count("<heap nr=")
