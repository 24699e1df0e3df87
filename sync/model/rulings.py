"""Rulings: what people decided of a document that waits for them, as they stand in requests and in its conflict row. Pure.

A ruling is bound to the two values of each unit that were shown: it counts only while the sides hold these, or what it made of
them.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sync.model.change import DocumentRows, Side, Value
from sync.model.choice import Head, Shown, Taken, unit_value
from sync.model.codecs import NotCanonical
from sync.model.mapping import CollectionMapping, TableMapping
from sync.model.values import from_json, to_json


class State(enum.StrEnum):
    """How far a ruling has come."""

    PENDING = "pending"
    #: Both sides hold what it says.
    DONE = "done"
    #: The values were others by then, or the outcome could not be carried out; nothing more comes of it.
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """A person's decision of some units of one document: it counts as a whole, or not at all."""

    #: Number of the request (`sync_command`).
    request: int
    by: str
    reason: str
    #: ISO text.
    asked_at: str
    taken: tuple[Taken, ...]
    state: State = State.PENDING
    finished_at: str | None = None
    #: Why it was refused; and, where values were others, those that stood there: by unit.
    message: str = ""
    changed: tuple[Shown, ...] = ()


# Rulings that meet a look.


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Pending rulings at a look: those that enter its outcome, and those that are refused."""

    entering: tuple[Ruling, ...] = ()
    refused: tuple[Ruling, ...] = ()

    @property
    def taken(self) -> dict[Head, Taken]:
        """What the entering ones say."""
        return {one.head: one for ruling in self.entering for one in ruling.taken}


NO_RULINGS = Judged()


def judged(
    collection: CollectionMapping,
    mysql: DocumentRows,
    mongo: DocumentRows,
    differing: Container[Head],
    rulings: Iterable[Ruling],
) -> Judged:
    """Which of the pending ones count where these rows stand, whose units `differing` are not the same. Of two that decide
    the same, the first counts."""
    entering: list[Ruling] = []
    refused: list[Ruling] = []
    decided: set[Head] = set()
    for ruling in rulings:
        changed = tuple(
            _now(collection, mysql, mongo, one.head)
            for one in ruling.taken
            if not _counts(collection, mysql, mongo, differing, one)
        )
        if changed:
            message = "other values stand there by now"
            refused.append(replace(ruling, state=State.REFUSED, message=message, changed=changed))
        elif any(one.head in decided for one in ruling.taken):
            refused.append(replace(ruling, state=State.REFUSED, message="somebody else has decided it before"))
        else:
            entering.append(ruling)
            decided |= {one.head for one in ruling.taken}
    return Judged(entering=tuple(entering), refused=tuple(refused))


def pending(rulings: Iterable[Ruling]) -> tuple[Ruling, ...]:
    """Those that no look has met yet."""
    return tuple(one for one in rulings if one.state is State.PENDING)


def refused(rulings: Iterable[Ruling], message: str) -> tuple[Ruling, ...]:
    """All of them, for one reason."""
    return tuple(replace(one, state=State.REFUSED, message=message) for one in rulings)


def _counts(
    collection: CollectionMapping, mysql: DocumentRows, mongo: DocumentRows, differing: Container[Head], one: Taken
) -> bool:
    try:
        here, there = unit_value(collection, mysql, one.head), unit_value(collection, mongo, one.head)
    except KeyError:
        return False
    # A unit that differs is decided as what it is now: a row that has become one of two versions is a unit no more.
    return one.fits(here, there) and (one.head in differing or here == there)


def _now(collection: CollectionMapping, mysql: DocumentRows, mongo: DocumentRows, head: Head) -> Shown:
    """What stands at a unit; of a column whose row is gone on a side, the row as it is on both."""
    table, key, _ = head
    if head[2] and not (key in mysql[table] and key in mongo[table]):
        head = (table, key, "")
    return Shown(head=head, mysql=unit_value(collection, mysql, head), mongo=unit_value(collection, mongo, head))


# What may be asked for.


def checked(collection: CollectionMapping, taken: Iterable[Taken]) -> tuple[Taken, ...]:
    """The same, with values of one's own in their columns' canonical form: a whole number is one of a DOUBLE too. Raises
    `ValueError` for what can be no decision of this collection's documents: which unit, and what is allowed."""
    found: list[Taken] = []
    seen: set[Head] = set()
    for one in taken:
        table, key, column = one.head
        mapped = next((known for known in collection.tables if known.name == table), None)
        if mapped is None:
            raise ValueError(
                f"{table}: no table of {collection.name}; allowed: {', '.join(collection.below[collection.table])}"
            )
        if column and mapped.is_list:
            raise ValueError(f"{table}.{column}: a list is decided as a whole")
        if column and column not in mapped.columns:
            raise ValueError(f"{table}.{column}: no mapped column; allowed: {', '.join(mapped.columns)}")
        parts = len(mapped.key) - mapped.is_list
        if len(key) != parts:
            raise ValueError(f"{table}: a key of {parts} part(s) is needed")
        if one.head in seen:
            raise ValueError(f"{table}.{column or 'row'}: it is decided twice")
        seen.add(one.head)
        found.append(one if one.side else replace(one, value=_canonical(mapped, column, one.value)))
    if not found:
        raise ValueError("nothing is decided: at least one field is needed")
    return tuple(found)


def _canonical(table: TableMapping, column: str, value: Value) -> Value:
    if not column:
        raise ValueError(f"{table.name}: a row or a list is taken from a side; a value of one's own is for a column")
    if value is None:
        if column not in table.nullable:
            raise ValueError(f"{table.name}.{column}: it may not be null")
        return None
    codec = table.codecs[column]
    try:
        same = codec.from_bson(codec.to_bson(value))
    except NotCanonical as error:
        raise ValueError(f"{table.name}.{column}: {error}") from None
    except (ValueError, TypeError, ArithmeticError, AttributeError):
        raise ValueError(f"{table.name}.{column}: no value of the codec {codec.name}") from None
    if same != value or isinstance(same, bool) != isinstance(value, bool):
        raise ValueError(f"{table.name}.{column}: no value that the codec {codec.name} keeps as it is")
    return same


# As JSON, for the engine's tables and for requests.


def taken_from_json(listed: object) -> tuple[Taken, ...]:
    """Of a request: a list of {"table", "key", "column", "mysql", "mongo", "take"} and, where `take` is "value", "value".
    Raises `ValueError`."""
    if not isinstance(listed, list):
        raise ValueError("fields: a list is needed")
    return tuple(_taken_from_json(one) for one in listed)


def _taken_from_json(data: Any) -> Taken:
    match data:
        case {
            "table": str(table),
            "key": list(key),
            "column": str(column),
            "mysql": mysql,
            "mongo": mongo,
            "take": ("mysql" | "mongo" | "value") as take,
        } if take != "value" or "value" in data:
            head = (table, tuple(from_json(part) for part in key), column)
            if take != "value":
                return Taken(head=head, mysql=mysql, mongo=mongo, side=Side(take))
            try:
                value = from_json(data["value"])
            except ValueError:
                raise ValueError(f"{table}.{column}: value: {_VALUES}") from None
            return Taken(head=head, mysql=mysql, mongo=mongo, side=None, value=value)
    raise ValueError(
        'fields: each needs table, key, column, mysql, mongo and take ("mysql", "mongo", or "value" with value)'
    )


_VALUES = (
    'allowed: a JSON text, number, true, false, null, {"$date": "2020-01-31T00:00:00.000"}, {"$decimal": "1.50"},'
    ' {"$binary": "base64"}'
)


def taken_to_json(taken: Iterable[Taken]) -> list[dict[str, object]]:
    """The inverse."""
    return [
        {
            **_head_to_json(one.head),
            "mysql": one.mysql,
            "mongo": one.mongo,
            "take": str(one.side) if one.side else "value",
            **({} if one.side else {"value": to_json(one.value)}),
        }
        for one in taken
    ]


def shown_to_json(shown: Iterable[Shown]) -> list[dict[str, object]]:
    """One object a unit, with its two values."""
    return [{**_head_to_json(one.head), "mysql": one.mysql, "mongo": one.mongo} for one in shown]


def rulings_to_json(rulings: Iterable[Ruling]) -> str:
    """As JSON text."""
    return json.dumps(
        [
            {
                "request": one.request,
                "by": one.by,
                "reason": one.reason,
                "asked_at": one.asked_at,
                "state": str(one.state),
                "finished_at": one.finished_at,
                "message": one.message,
                "fields": taken_to_json(one.taken),
                "changed": shown_to_json(one.changed),
            }
            for one in rulings
        ],
        ensure_ascii=False,
    )


def rulings_from_json(text: str | None) -> tuple[Ruling, ...]:
    """The inverse; none for None."""
    listed: Sequence[Mapping[str, object]] = json.loads(text) if text else ()
    return tuple(_ruling_from_json(one) for one in listed)


def _ruling_from_json(data: Mapping[str, object]) -> Ruling:
    finished, changed = data["finished_at"], data["changed"]
    assert isinstance(changed, list)
    return Ruling(
        request=int(str(data["request"])),
        by=str(data["by"]),
        reason=str(data["reason"]),
        asked_at=str(data["asked_at"]),
        taken=taken_from_json(data["fields"]),
        state=State(str(data["state"])),
        finished_at=None if finished is None else str(finished),
        message=str(data["message"]),
        changed=tuple(Shown(head=head_from_json(one), mysql=one["mysql"], mongo=one["mongo"]) for one in changed),
    )


def heads_to_json(heads: Iterable[Head]) -> str:
    """As JSON text."""
    return json.dumps([_head_to_json(one) for one in heads], ensure_ascii=False)


def heads_from_json(text: str) -> frozenset[Head]:
    """The inverse."""
    return frozenset(head_from_json(one) for one in json.loads(text))


def _head_to_json(head: Head) -> dict[str, object]:
    table, key, column = head
    return {"table": table, "key": [to_json(part) for part in key], "column": column}


def head_from_json(data: Mapping[str, object]) -> Head:
    """Of an object with table, key and column."""
    key = data["key"]
    assert isinstance(key, list)
    return (str(data["table"]), tuple(from_json(part) for part in key), str(data["column"]))
