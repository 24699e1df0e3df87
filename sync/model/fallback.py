"""Reads from lockstep.toml what becomes of conflicts that are left to a person, and that nobody decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sync.model.mapping import Fallback, Policy

#: Settings of [lockstep].
HOURS, POLICY = "undecided_after_hours", "undecided"
SETTINGS = (HOURS, POLICY)
#: A hundred years.
_MOST_HOURS = 876_000
#: Who wrote first is not kept where no policy of the collection asks for it.
_POLICIES = (Policy.LAST_WRITE_WINS, Policy.MYSQL_WINS, Policy.MONGO_WINS)


def read_fallback(engine: Mapping[str, object], problem: Callable[[str, str], None]) -> Fallback | None:
    """Both settings or none: without them such a conflict waits for ever. `problem` is told the setting and what is wrong."""
    if HOURS not in engine and POLICY not in engine:
        return None
    hours, policy = engine.get(HOURS), engine.get(POLICY)
    if not isinstance(hours, int) or isinstance(hours, bool) or not 1 <= hours <= _MOST_HOURS:
        problem(HOURS, f"a whole number of hours is needed, 1 to {_MOST_HOURS}: {POLICY} says what is done then")
        return None
    if policy not in _POLICIES:
        problem(POLICY, f"needed beside {HOURS}; allowed: {', '.join(_POLICIES)}")
        return None
    return Fallback(policy=Policy(str(policy)), after_hours=hours)
