"""What a look found of a document, and what was decided of it, as values and as JSON. `meeting` decides."""

from __future__ import annotations

import enum
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from sync.model.change import DocumentRows, Row, RowKey, Side, Value
from sync.model.choice import Head
from sync.model.lens import empty_rows
from sync.model.mapping import CollectionMapping
from sync.model.notes import Place
from sync.model.values import from_json, to_json

#: Named as policy where a person has decided.
A_PERSON = "a person"
Rows: TypeAlias = dict[str, dict[RowKey, Row]]


class Absent(enum.Enum):
    """What a column has where its row is absent: not NULL, which a user may have written."""

    ABSENT = enum.auto()


ABSENT = Absent.ABSENT
Standing: TypeAlias = Value | Literal[Absent.ABSENT]


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A document as a look found it: the rows of each side, all tables present; lists by rank."""

    mysql: DocumentRows
    mongo: DocumentRows
    #: Lists of MySQL's that had gaps: table, and key of the row above.
    gaps: frozenset[tuple[str, RowKey]] = frozenset()
    #: MySQL's rows, lists by rank, as of the last decision that reached MongoDB and not MySQL; None: there was none.
    base: DocumentRows | None = None
    #: What stands on a side that no rows can express, as text; its rows are then empty. Only a person decides over it.
    unreadable: Mapping[Side, str] = field(default_factory=dict)

    def of(self, side: Side) -> DocumentRows:
        return self.mysql if side is Side.MYSQL else self.mongo


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """One place that differed. Times are microseconds since the epoch, None where nobody noted the value."""

    place: Place
    #: What the first noted change found there; None where no note tells.
    base: Value
    mysql: Value
    mongo: Value
    mysql_time: int | None
    mongo_time: int | None
    #: None where neither side's version stands: it is left to a person, or `own` stands, or elements of both do.
    winner: Side | None
    #: A value that is neither side's, alone in its tuple: a person's, or what both sides' changes of a number come to.
    own: tuple[Value] | None = None
    #: The policy that was asked, or `A_PERSON`; empty where none had to be.
    policy: str = ""
    #: It went by time, and the clocks cannot tell which was earlier.
    doubtful: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Loser:
    """A value that a user wrote, that the outcome leaves out, and that the winner's writer had not seen."""

    place: Place
    value: Value
    #: Whose user wrote it, and when.
    side: Side
    time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What both sides shall hold; where something is left to a person, what MySQL shall."""

    rows: DocumentRows
    decided: tuple[Decided, ...] = ()
    losers: tuple[Loser, ...] = ()
    #: Everything that differed, as units (`choice`); and what of it is left to a person.
    units: tuple[Head, ...] = ()
    questions: tuple[Head, ...] = ()
    #: What MongoDB shall hold, where that is not `rows`: there each unit in question has its version.
    apart: DocumentRows | None = None

    def of(self, side: Side) -> DocumentRows:
        return self.rows if side is Side.MYSQL or self.apart is None else self.apart

    def policy(self, collection: CollectionMapping) -> str:
        """In a word: the one that was asked; the collection's where none was; else `several`."""
        asked = {one.policy for one in self.decided} - {"", A_PERSON} or {str(collection.policy)}
        return min(asked).split()[0] if len(asked) == 1 else "several"


def told(value: Standing) -> Value:
    """As people are told: absence is told by the row's place."""
    return None if value is ABSENT else value


# As JSON, for the engine's tables and for people.


def decided_to_json(decided: Iterable[Decided]) -> list[dict[str, object]]:
    """One object a place that differed."""
    return [
        {
            **place_to_json(one.place),
            "base": to_json(one.base),
            "mysql": to_json(one.mysql),
            "mongo": to_json(one.mongo),
            "mysql_time": one.mysql_time,
            "mongo_time": one.mongo_time,
            "winner": one.winner and str(one.winner),
            **({"own": to_json(one.own[0])} if one.own else {}),
            "policy": one.policy,
            "doubtful": one.doubtful,
        }
        for one in decided
    ]


def losers_to_json(losers: Iterable[Loser]) -> list[dict[str, object]]:
    """One object a loser."""
    return [
        {**place_to_json(one.place), "value": to_json(one.value), "side": str(one.side), "time": one.time}
        for one in losers
    ]


def place_to_json(place: Place) -> dict[str, object]:
    """Its three parts by name."""
    table, key, column = place
    return {"table": table, "key": [to_json(part) for part in key], "column": column}


def added_losers(known: str | None, new: Iterable[Mapping[str, object]]) -> str:
    """Kept losers as JSON text, with those of one more look; each once."""
    kept: list[object] = json.loads(known) if known else []
    return json.dumps([*kept, *(one for one in new if one not in kept)], ensure_ascii=False)


def rows_from_json(collection: CollectionMapping, listed: Iterable[Mapping[str, object]]) -> DocumentRows:
    """The inverse of `sync.model.values.rows_to_json`; every table of the collection is present."""
    rows: Rows = empty_rows(collection)
    for one in listed:
        match one:
            case {"table": str(table), "key": list(key), "row": dict(row)}:
                values = {str(column): from_json(value) for column, value in row.items()}
                rows[table][tuple(from_json(part) for part in key)] = values
            case _:
                raise ValueError("not a row")
    return rows
