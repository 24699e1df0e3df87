"""Watches a customer on both sides and tells what changed there, and when: as Server-Sent Events, for a bounded time.

A change became visible on its side between two looks, `since` and `at` (milliseconds since the epoch by this host's
clock), so that a page can tell how long it took to cross, and how well it knows that.
"""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

from django.db import DatabaseError
from rest_framework.exceptions import APIException
from rest_framework.utils.encoders import JSONEncoder

from backend.crossing.attention import Watcher
from backend.crossing.changes import changes
from backend.crossing.conflicts import newest_conflict
from backend.crossing.showing import shown, shown_side
from backend.crossing.sides import Sight, differing, in_mongo, in_mysql
from sync.model.change import Side

#: Seconds: how long one connection lasts (the browser opens the next), how often it shows that it lives (only a write
#: tells that the browser is gone), how often the conflict is asked for.
LIFE, SIGN, CONFLICT = 55.0, 1.0, 0.1
LOOKS: dict[Side, Callable[[str], Sight]] = {Side.MYSQL: in_mysql, Side.MONGO: in_mongo}
AWAY = "MySQL cannot be read. Start it, or mend the network: lockstep doctor"


class Event(NamedTuple):
    """One thing to tell. `beat` has no content: it shows that the connection lives."""

    name: Literal["snapshot", "change", "conflict", "problem", "beat"]
    content: Any = None


class EventStream:
    """What the response sends; the server closes it when the browser is gone or the time is over."""

    def __init__(self, key: str) -> None:
        """Raises `TooManyWatch`."""
        self._watcher = Watcher(key)
        self._key = key

    def __iter__(self) -> Iterator[bytes]:
        # After this many milliseconds the browser asks again when the connection has ended.
        yield b"retry: 500\n\n"
        for event in watch(self._key, self._watcher):
            yield _written(event)

    def close(self) -> None:
        self._watcher.close()


def watch(key: str, watcher: Watcher, seconds: float = LIFE) -> Iterator[Event]:
    """First both sides as they are, then each change; ends after `seconds`, or with a problem."""
    try:
        yield from _watch(key, watcher, time.monotonic() + seconds)
    except APIException as error:
        yield Event("problem", {"detail": str(error.detail)})
    except DatabaseError:
        yield Event("problem", {"detail": AWAY})


def _watch(key: str, watcher: Watcher, end: float) -> Iterator[Event]:
    # A look may have read at its very beginning: what it did not show became visible after that.
    since = dict.fromkeys(LOOKS, _now())
    last = {side: look(key) for side, look in LOOKS.items()}
    mapped = dict(last)  # what changes are counted from: the last sight that the mapping could take
    conflict = newest_conflict(key)
    yield Event("snapshot", shown(last[Side.MYSQL], last[Side.MONGO], conflict))
    told = asked = time.monotonic()
    while (now := time.monotonic()) < end:
        for side, look in LOOKS.items():
            began, seen, at = _now(), look(key), _now()
            if seen != last[side]:
                last[side] = seen
                watcher.hurry()
                yield Event("change", _change(side, mapped[side], last, since[side], at))
                mapped[side], told = mapped[side] if seen.problem else seen, now
            since[side] = began
        if now - asked >= CONFLICT:
            asked, before_it, conflict = now, conflict, newest_conflict(key)
            if conflict != before_it:
                yield Event("conflict", conflict)
        if now - told >= SIGN:
            told = now
            yield Event("beat")
        watcher.rest()


def _change(side: Side, before: Sight, now: dict[Side, Sight], since: float, at: float) -> dict[str, object]:
    # Without rows on either side of it nothing can be told of single places.
    mapped = not (before.problem or now[side].problem)
    return {
        "side": side.value,
        "since": since,
        "at": at,
        "changes": changes(before.rows, now[side].rows) if mapped else [],
        "differing": differing(now[Side.MYSQL], now[Side.MONGO]),
        **shown_side(side, now[side]),
    }


def _now() -> float:
    return round(time.time() * 1000, 1)


def _written(event: Event) -> bytes:
    """As the HTML standard's "Server-sent events" has it: JSON holds no line break of its own."""
    if event.name == "beat":
        return b":\n\n"
    content = json.dumps(event.content, cls=JSONEncoder, ensure_ascii=False, separators=(",", ":"))
    # Text that is no UTF-8 stands as lone surrogates; it is shown as such.
    return f"event: {event.name}\ndata: {content}\n\n".encode(errors="backslashreplace")
