"""Positions in the two logs as values with an order, and what a checkpoint holds. No connection, no I/O."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias


class BinlogPosition(NamedTuple):
    """The end of a transaction in a MySQL or MariaDB binlog.

    On the same server file and offset tell the place; on another server only the GTID set does.
    """

    #: MySQL: @@server_uuid. MariaDB: a stable name of the server (see `sync.mysql.server`).
    server: str
    file: str
    offset: int
    #: Executed GTID set (MySQL) or GTID position (MariaDB) up to here; "" where GTIDs are off.
    gtids: str = ""

    @property
    def order(self) -> tuple[int, int, str]:
        """Sort key within one server: the number of the file, then the offset."""
        number = self.file.rpartition(".")[2]
        return (int(number) if number.isdigit() else 0, self.offset, "")

    def to_json(self) -> dict[str, object]:
        return {"server": self.server, "file": self.file, "offset": self.offset, "gtids": self.gtids}


class StreamPosition(NamedTuple):
    """A place in MongoDB's oplog: a cluster time and, of a read event, its resume token (hex, ordered as a string)."""

    time: int
    increment: int
    #: "" where only the time is known (an operation time, a snapshot's time).
    token: str = ""

    @property
    def order(self) -> tuple[int, int, str]:
        return (self.time, self.increment, self.token)

    def to_json(self) -> dict[str, object]:
        return {"time": self.time, "increment": self.increment, "token": self.token}


Position: TypeAlias = BinlogPosition | StreamPosition


def position_from_json(data: Mapping[str, object]) -> Position:
    """The inverse of `to_json`. Raises `ValueError` for anything else."""
    match data:
        case {"server": str(server), "file": str(file), "offset": int(offset), "gtids": str(gtids)}:
            return BinlogPosition(server=server, file=file, offset=offset, gtids=gtids)
        case {"time": int(time), "increment": int(increment), "token": str(token)}:
            return StreamPosition(time=time, increment=increment, token=token)
    raise ValueError("neither a binlog position nor a stream position")


def reached(position: Position, goal: Position) -> bool:
    """Whether `position` is at or past `goal`; both of one log. Of stream positions only the times count where one has no token."""
    here, there = position.order, goal.order
    if isinstance(position, StreamPosition) and not (here[2] and there[2]):
        return here[:2] >= there[:2]
    return here >= there


def comparable(one: Position, other: Position) -> bool:
    """Whether both are places of one log: those of two MySQL servers tell nothing about each other."""
    if isinstance(one, BinlogPosition):
        return isinstance(other, BinlogPosition) and one.server == other.server
    return not isinstance(other, BinlogPosition)


class Known(NamedTuple):
    """The other worker's checkpoint as a log has shown it: what its next tagged transaction must follow on (design 2.3)."""

    seq: int
    lease: str


#: Before its first write was seen.
NOTHING_KNOWN = Known(seq=0, lease="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Where a look stands in a log (design 2.4, rule 3)."""

    look: int
    #: Of the second mark, which stands in the change stream only: the conflict rows whose outcome MongoDB has from here on.
    written: tuple[int, ...] = ()

    def to_text(self) -> str:
        """As it stands in a checkpoint. Text, for the change stream shows only what differs inside an array or object."""
        return json.dumps([self.look, *self.written])

    @staticmethod
    def from_text(text: str) -> Mark:
        """The inverse of `to_text`. Raises `ValueError` for anything else."""
        match json.loads(text):
            case [int(look), *written] if all(isinstance(one, int) for one in written):
                return Mark(look=look, written=tuple(written))
        raise ValueError("not a mark")


@dataclass(frozen=True, slots=True, kw_only=True)
class CopiedRange:
    """Documents that were copied or repaired, with the source position at which they were read.

    Changes of documents with first <= key <= last at or before `position` are in the copy already and are dropped.
    """

    collection: str
    #: Canonical keys as text, inclusive; compared as text.
    first: str
    last: str
    position: Position

    def to_json(self) -> dict[str, object]:
        return {
            "collection": self.collection,
            "first": self.first,
            "last": self.last,
            "position": self.position.to_json(),
        }

    @staticmethod
    def from_json(data: object) -> CopiedRange:
        """The inverse of `to_json`. Raises `ValueError` for anything else."""
        match data:
            case {
                "collection": str(collection),
                "first": str(first),
                "last": str(last),
                "position": Mapping() as position,
            }:
                return CopiedRange(collection=collection, first=first, last=last, position=position_from_json(position))
        raise ValueError("not a copied range")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What a worker stores in its target as the first write of every transaction it applies (design 2.3)."""

    #: Rises by exactly one with each write.
    seq: int
    #: Random id of the current holder's lease; "" before the first.
    lease: str
    #: Applied up to here; None before the first copy.
    position: Position | None = None
    #: Raw source rows done of the transaction after `position` (an oversize transaction applied in parts).
    rows_done: int = 0
    #: Position of the first user event of the batch written with this checkpoint; the batch's end where it has none.
    seen: Position | None = None
    #: The other worker's checkpoint up to `position`.
    known: Known = NOTHING_KNOWN
    copied: tuple[CopiedRange, ...] = ()
    #: A first copy has begun and not ended: the worker must not stream, and `lockstep bootstrap` goes on from `copied`.
    copying: bool = False
    #: What this one write says of a look; the follower's only.
    mark: Mark | None = None

    def next(self, **changes: object) -> Checkpoint:
        """The checkpoint that follows on this one: `seq` + 1 and the given fields; a mark is of one write only."""
        return replace(self, **{"seq": self.seq + 1, "mark": None, **changes})  # type: ignore[arg-type]

    def to_json(self) -> dict[str, object]:
        """All but `seq` and `lease`, which stand in columns (fields) of their own for the compare-and-set, and `mark`, which
        only MongoDB's has."""
        return {
            "position": self.position and self.position.to_json(),
            "rows_done": self.rows_done,
            "seen": self.seen and self.seen.to_json(),
            "known": {"seq": self.known.seq, "lease": self.known.lease},
            "copied": [one.to_json() for one in self.copied],
            "copying": self.copying,
        }

    @staticmethod
    def from_json(seq: int, lease: str, data: Mapping[str, object]) -> Checkpoint:
        """The inverse of `to_json`. Raises `ValueError` for anything else."""
        match data:
            case {
                "position": position,
                "rows_done": int(rows_done),
                "seen": seen,
                "known": {"seq": int(known_seq), "lease": str(known_lease)},
                "copied": list(copied),
                "copying": bool(copying),
            }:
                return Checkpoint(
                    seq=seq,
                    lease=lease,
                    position=_position(position),
                    rows_done=rows_done,
                    seen=_position(seen),
                    known=Known(seq=known_seq, lease=known_lease),
                    copied=tuple(CopiedRange.from_json(one) for one in copied),
                    copying=copying,
                )
        raise ValueError("not the fields of a checkpoint")


def _position(data: object) -> Position | None:
    if data is None:
        return None
    if not isinstance(data, Mapping):
        raise ValueError("neither a binlog position nor a stream position")
    return position_from_json(data)
