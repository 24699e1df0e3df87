"""Reads the policy keys of lockstep.toml: of a collection, of kinds of conflict, of fields and parts. Each problem is a text
for its place; what no policy of this version can keep is refused by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from sync.model.change import ConflictKind
from sync.model.codecs import Codec
from sync.model.codecs.times import Dates
from sync.model.mapping import AnyPolicy, Combining, Custom, FieldPolicy, Granularity, PartKind, Policy

#: Kinds of conflict that a policy decides, as they are told at the decision.
KINDS = (ConflictKind.INSERT_EXISTS, ConflictKind.UPDATE_DIFFERS, ConflictKind.DELETE_DIFFERS)
#: The same meetings as the other side's worker names them; and what no policy decides.
_SAME = {"update_missing": "delete_differs", "update_deleted": "delete_differs", "echo_differs": "update_differs"}
#: Seconds that one answer of a function may take: if nothing is said, and at most.
_SECONDS, _MOST_SECONDS = 0.5, 5.0
_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
#: Codecs whose values have one order, and those whose values add up without rounding.
_WHOLE = ("int32", "int64", "int", "uint64")
_ADDING = (*_WHOLE, "decimal128", "decimal_text")
_ORDERED = (*_ADDING, "year", "bit", "double", "float", "date", "day", "datetime_text")


def any_policy(value: object, problems: list[str]) -> AnyPolicy | None:
    """Of a collection or a kind; None for none."""
    if value is None:
        return None
    if value in tuple(Policy):
        return Policy(str(value))
    if isinstance(value, Mapping):
        return _custom(value, problems)
    why = f"{value} is for fields and parts; " if value in tuple(Combining) else ""
    problems.append(f"{why}allowed: {_names(Policy)}, or {{ function = … }}")
    return None


def field_policy(value: object, codec: Codec, problems: list[str], *, nullable: bool) -> FieldPolicy | None:
    """Of a field with this codec; None for none."""
    # A text is neither earlier nor later than a date.
    mixed = isinstance(codec, Dates) and codec.zero_dates == "text"
    allowed = [
        *(("max", "min") if codec.name in _ORDERED and not mixed else ()),
        *(("delta",) if codec.name in _ADDING and not nullable else ()),
    ]
    if value in allowed:
        return Combining(str(value))
    if value == Combining.DELTA and codec.name in _ADDING:
        problems.append("delta needs a column that is NOT NULL; leave out null")
        return None
    if value in tuple(Combining):
        option = ' with zero_dates = "text"' if mixed else ""
        problems.append(f"{value} is not for codec {codec.name}{option}; allowed: {_names([*Policy, *allowed])}")
        return None
    return any_policy(value, problems)


def part_policy(value: object, kind: PartKind, problems: list[str]) -> FieldPolicy | None:
    """Of a list as one value, or of the members of a set; None for none."""
    if value is None:
        return None
    if kind not in (PartKind.SET, PartKind.LIST):
        problems.append("give one to its fields; its rows come and go by policies.delete_differs")
        return None
    own = Combining.UNION if kind is PartKind.SET else Combining.APPEND
    if value == own:
        return own
    if value in tuple(Combining):
        allowed = _names([*Policy, own])
        problems.append(f"{value} is not for a {kind}; allowed: {allowed}")
        return None
    return any_policy(value, problems)


def kind_policies(value: Mapping[str, object], problems: list[tuple[str, str]]) -> dict[ConflictKind, AnyPolicy]:
    """By kind. Problems come with the key that they belong to."""
    read: dict[ConflictKind, AnyPolicy] = {}
    for name, one in value.items():
        if name not in KINDS:
            same = f"{name} is the same meeting seen from the other side: {_SAME[name]}" if name in _SAME else ""
            problems.append((name, same or f"no policy decides this kind; allowed: {_names(KINDS)}"))
            continue
        found: list[str] = []
        policy = any_policy(one, found)
        problems += [(name, problem) for problem in found]
        if policy:
            read[ConflictKind(name)] = policy
    return read


def granularity(
    value: object, problems: list[str], *, own: Iterable[object], policies: Iterable[object], parts: bool
) -> Granularity:
    """Of a collection. `own`: policies of its fields; `policies`: its other ones. `parts`: whether it has more than the rows
    of one table."""
    if value in ("row", "document") and Policy.MANUAL in policies:
        problems.append("a person decides field by field: not with policy manual; allowed: field")
    if value == "document":
        if not parts:
            return Granularity.ROW
        problems.append(
            "document is only for a collection without parts: the binlog tells of rows, so edits of different"
            " rows are not known to have met; allowed: field, row"
        )
        return Granularity.FIELD
    if value not in tuple(Granularity):
        problems.append("allowed: field, row, document")
        return Granularity.FIELD
    if value == Granularity.ROW and any(own):
        problems.append("where a row is one value its fields have no policy of their own")
    return Granularity(str(value))


def _custom(value: Mapping[str, object], problems: list[str]) -> Custom | None:
    unknown = value.keys() - {"function", "seconds"}
    if unknown:
        problems.append(f"unknown key {min(unknown)}; allowed: function, seconds")
    function, seconds = value.get("function"), value.get("seconds", _SECONDS)
    if not isinstance(function, str) or not _DOTTED.fullmatch(function):
        problems.append('function: a dotted name is needed, for example "shop.rules.pick"')
        return None
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 < seconds <= _MOST_SECONDS:
        problems.append(f"seconds: allowed: more than 0, at most {_MOST_SECONDS:g}")
        return None
    return Custom(function=function, seconds=float(seconds))


def _names(of: Iterable[object]) -> str:
    return ", ".join(map(str, of))
