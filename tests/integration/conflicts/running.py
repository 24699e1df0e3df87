"""Cells run many at once: nobody carries anything while people write; then one worker starts and meets what it meets, then the
other; people mend and decide; what both sides and the report then hold is compared with what the table says."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from bson import ObjectId

from sync.model.change import Side
from sync.model.kinds import HELD
from tests.engine import COMMANDS, Engine
from tests.integration.conflicts.cells import PERSONS, WINNER, Cell, Keys, Lost, Meeting
from tests.integration.conflicts.items import FIELD_POLICIES, POLICIES, Items, name_of
from tests.plain import Doc

#: The worker that carries a side's changes.
CARRIER = {Side.MYSQL: "follower", Side.MONGO: "listener"}
#: Seconds between what is written first and last: MariaDB's log tells whole ones.
APART = 1.1


class Run(NamedTuple):
    """One cell under one policy, with one side's people writing last."""

    cell: Cell
    policy: str
    later: Side
    keys: Keys
    items: Items

    @property
    def winner(self) -> Side:
        return WINNER[self.policy](Meeting(self.later, self.cell.deleter))

    def __str__(self) -> str:
        return (
            f"{self.cell.kind} from {self.cell.direction} under {self.policy}, {self.later} last ({self.keys.number})"
        )


def carry_out(engine: Engine, runs: Sequence[Run], direction: Side, *, seconds: float = 60) -> None:
    """All of them, which are of one direction; workers run before and afterwards. Nothing else is in the collections."""
    for run in runs:
        for document in run.cell.base(run.keys):
            run.items.insert(Side.MONGO, document)
    engine.settle()
    assert engine.held() == 0
    before = len(_rows(engine))
    for name in COMMANDS:
        engine.kill(name)
    for turn in (0, 1):
        time.sleep(APART)
        for run in runs:
            side = (run.later.other, run.later)[turn]
            run.cell.edits[side](run.items, run.keys)
    engine.start(CARRIER[direction])
    held = [run for run in runs if run.cell.met]
    engine.until(lambda: len(_rows(engine)) >= before + len(held), seconds)
    met = _rows(engine)
    assert {str(run): _of(met, run)["kind"] for run in held} == {str(run): str(run.cell.met) for run in held}
    engine.start(CARRIER[direction.other])
    waiting = [run for run in held if run.cell.mend]
    engine.until(lambda: _wait(engine, waiting), seconds)
    rows = _rows(engine)
    for run in waiting:
        if run.cell.in_the_way:
            blockers = json.loads(_of(rows, run)["blockers"])
            assert [one["document"] for one in blockers] == [str(run.cell.in_the_way(run.keys))]
        assert run.cell.mend
        run.cell.mend(run.items, run.keys)
    asked = [run for run in held if run.policy == "manual" and run.cell.lost(run.keys, run.winner)]
    engine.until(lambda: len(_open(engine)) <= len(asked), seconds)
    if asked:
        resolve = ("conflicts", "resolve", "--all", "--collection", name_of("manual"), "--winner", str(PERSONS))
        engine.site.lockstep(*resolve, "--reason", "the suite says so", seconds=seconds)
    engine.meet(seconds)


def assert_ends(engine: Engine, runs: Sequence[Run]) -> None:
    """What stands on both sides, and the report: each conflict by its kind with its losers, and none besides."""
    rows = _rows(engine)
    told: dict[str, Any] = {}
    wanted: dict[str, Any] = {}
    stands = {policy: Items(engine, policy).everything() for policy in (*POLICIES, *FIELD_POLICIES)}
    for run in runs:
        final = run.cell.final(run.keys, run.winner)
        wanted[str(run)] = {
            "stands": dict.fromkeys(Side, final),
            "kind": str(run.cell.kind) if run.cell.met else None,
            "lost": run.cell.lost(run.keys, run.winner) if run.cell.met else set(),
        }
        found = rows.get((run.items.name, str(run.keys.one)))
        told[str(run)] = {
            "stands": {side: _these(stands[run.policy][side], final) for side in Side},
            "kind": found and found["kind"],
            "lost": _losers(found) if found else set(),
        }
    assert told == wanted
    assert {row["kind"] for row in rows.values()} <= {str(kind) for kind in HELD}
    held = {(run.items.name, str(run.keys.one)) for run in runs if run.cell.met}
    in_the_way = {(run.items.name, str(run.cell.in_the_way(run.keys))) for run in runs if run.cell.in_the_way}
    assert rows.keys() - in_the_way == held


def _these(documents: Mapping[ObjectId, Doc], keys: Mapping[ObjectId, object]) -> dict[ObjectId, Doc | None]:
    return {key: documents.get(key) for key in keys}


def _losers(row: Mapping[str, Any]) -> set[Lost]:
    return {(Side(one["side"]), one["column"], one["value"]) for one in json.loads(row["losers"] or "[]")}


def _rows(engine: Engine) -> dict[tuple[str, str], dict[str, Any]]:
    """Conflict rows by collection and document."""
    with engine.mysql.cursor() as cursor:
        cursor.execute(
            "SELECT c.collection, c.document_id, d.kind, c.state, c.open_key, d.losers, d.blockers FROM sync_conflict c"
            " JOIN sync_conflict_detail d ON d.conflict_id = c.id"
        )
        return {
            (name, key): {"kind": kind, "state": state, "open": open_key, "losers": losers, "blockers": blockers}
            for name, key, kind, state, open_key, losers, blockers in cursor.fetchall()
        }


def _wait(engine: Engine, waiting: Sequence[Run]) -> bool:
    rows = _rows(engine)
    return all(_of(rows, run)["state"] == "waiting" for run in waiting)


def _open(engine: Engine) -> list[tuple[str, str]]:
    return [key for key, row in _rows(engine).items() if row["open"]]


def _of(rows: Mapping[tuple[str, str], dict[str, Any]], run: Run) -> dict[str, Any]:
    return rows.get((run.items.name, str(run.keys.one)), {"kind": None, "state": None})
