"""Who holds a lease, as it stands in a checkpoint: a process of a host, and its session on the target."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping


def this_process(session: str) -> dict[str, object]:
    """What to store with a lease; `session` is how the target calls our connection."""
    return {"host": socket.gethostname(), "pid": os.getpid(), "session": session}


def is_gone(holder: Mapping[str, object]) -> bool:
    """Whether it was a process of this host that has ended; True where nobody ever held the lease."""
    pid = holder.get("pid")
    if holder.get("host") != socket.gethostname() or not isinstance(pid, int):
        return not holder
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
