"""Becomes the given program, after asking the kernel to end it when its launcher dies. Standard library only.

Run as a script: leash.py LAUNCHER_PID SIGNAL PROGRAM ARGUMENT... The request survives exec (prctl(2), PR_SET_PDEATHSIG).
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main(launcher: int, number: int, command: list[str]) -> None:
    """Never returns: the launcher's death before the request took effect is seen by a changed parent."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, number, 0, 0, 0):
        sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != launcher:
        sys.exit("the launcher is gone")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
