"""What a person is shown of a held document, and the decision that they make of it: for the command line and the API. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence

from sync.model.change import Side
from sync.model.choice import EVERYWHERE, Choice, Head, Shown, Taken, unit_value
from sync.model.mapping import CollectionMapping, Policy
from sync.model.meeting import as_looked, decide
from sync.model.notes import NONE
from sync.model.outcome import rows_from_json
from sync.model.policies import Rule
from sync.model.rulings import checked, shown_to_json, taken_to_json
from sync.model.values import from_json, to_json

_Rows = Sequence[Mapping[str, object]]


def differing(collection: CollectionMapping, mysql: _Rows | None, mongo: _Rows | None) -> tuple[Shown, ...]:
    """Each unit that differs in what a conflict row has of both sides; none where it has not both, or has them as an earlier
    mapping made them: then only `lockstep repair` can decide."""
    if mysql is None or mongo is None:
        return ()
    try:
        here, there = rows_from_json(collection, mysql), rows_from_json(collection, mongo)
        looked = as_looked(collection, here, there, {})
        rule, asked = Rule(policy=Policy.LAST_WRITE_WINS), Choice(asked=EVERYWHERE)
        outcome = decide(collection, rule, looked, dict.fromkeys(Side, NONE), asked)
    except (KeyError, ValueError):
        return ()
    return tuple(
        Shown(
            head=head,
            mysql=unit_value(collection, looked.mysql, head),
            mongo=unit_value(collection, looked.mongo, head),
        )
        for head in outcome.units
    )


def label(head: Head) -> str:
    """As it is typed and shown: `name` of a root row's column, else `table.column["key",…]` with the key below the root's."""
    table, key, column = head
    within = json.dumps([to_json(part) for part in key[1:]], ensure_ascii=False) if len(key) > 1 else ""
    if column:
        return f"{table}.{column}{within}" if within else column
    return f"{table}{within}"


def token(shown: Iterable[Shown]) -> str:
    """Twelve characters by which a person names exactly what they were shown."""
    text = json.dumps(shown_to_json(shown), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def taken_of(
    collection: CollectionMapping, shown: Sequence[Shown], winner: Side | None, values: Mapping[str, object]
) -> tuple[Taken, ...]:
    """A decision: `values` (by label, as JSON) for these units, `winner` for all others of `shown`; without a winner the others
    are left open. Raises `ValueError`: which unit, and what is allowed."""
    by_label = {label(one.head): one for one in shown}
    for name in values:
        if name not in by_label:
            raise ValueError(f"{name}: it does not differ; allowed: {', '.join(by_label)}")
    taken: list[Taken] = []
    for name, one in by_label.items():
        if name in values:
            taken.append(_own(name, one, values[name]))
        elif winner:
            taken.append(Taken(head=one.head, mysql=one.mysql, mongo=one.mongo, side=winner))
    return checked(collection, taken)


def request_of(conflict: int, taken: Iterable[Taken], reason: str) -> dict[str, object]:
    """The arguments of the follower's request `resolve`."""
    return {"conflict": conflict, "fields": taken_to_json(taken), "reason": reason}


def _own(name: str, shown: Shown, value: object) -> Taken:
    try:
        own = from_json(value)
    except ValueError:
        raise ValueError(
            f"{name}: allowed: a JSON text, number, true, false or null, a date as"
            ' {"$date": "2020-01-31T00:00:00.000"}, a decimal number as {"$decimal": "1.50"}, bytes as {"$binary": "base64"}'
        ) from None
    return Taken(head=shown.head, mysql=shown.mysql, mongo=shown.mongo, side=None, value=own)
