"""Who watches which customer in this process: bounded in number, and told when somebody is about to write it."""

import threading
import time

from rest_framework import status
from rest_framework.exceptions import APIException

#: Each watcher keeps a thread of the server.
MOST = 6
#: Seconds between two looks; and while a change is expected, which lasts for `EXCITED` seconds.
CALM, QUICK, EXCITED = 0.02, 0.003, 1.5


class TooManyWatch(APIException):
    """No thread is left for another one."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "too_many_watch"
    default_detail = f"{MOST} people watch customers already. Close one of their pages, or try again in a minute."


class Watcher:
    """One open page. `close` may be called more than once, from any thread."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._woken = threading.Event()
        self._excited_until = 0.0
        with _lock:
            if sum(map(len, _watchers.values())) >= MOST:
                raise TooManyWatch
            _watchers.setdefault(key, set()).add(self)

    def rest(self) -> None:
        """Wait until it is time to look again."""
        pause = QUICK if time.monotonic() < self._excited_until else CALM
        if self._woken.wait(pause):
            self._woken.clear()

    def hurry(self) -> None:
        """Something is about to change."""
        self._excited_until = time.monotonic() + EXCITED
        self._woken.set()

    def close(self) -> None:
        with _lock:
            beside = _watchers.get(self._key, set())
            beside.discard(self)
            if not beside:
                _watchers.pop(self._key, None)


def call_attention(key: str) -> None:
    """This process's watchers of the customer look often from now on; others find the change at their own pace."""
    with _lock:
        watchers = list(_watchers.get(key, ()))
    for one in watchers:
        one.hurry()


_lock = threading.Lock()
_watchers: dict[str, set[Watcher]] = {}
