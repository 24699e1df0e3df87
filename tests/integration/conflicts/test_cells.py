"""Each kind under each policy, met first on the way from either side; on both families of MySQL."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from functools import partial

import pytest
from bson import ObjectId

from sync.model.change import ConflictKind, Side
from sync.model.mapping import Combining
from tests.engine import Engine
from tests.integration.conflicts.cells import CELLS, FIELD_CELLS, FIELD_WHY_NOT, WHY_NOT, WINNER, Keys
from tests.integration.conflicts.items import FIELD_POLICIES, POLICIES, Items
from tests.integration.conflicts.running import Run, assert_ends, carry_out


def test_the_table_is_whole() -> None:
    """Each kind in each direction is a cell, or says why there is none; each policy has a collection and a winner."""
    cells = {(cell.kind, cell.direction) for cell in CELLS}
    assert cells.isdisjoint(WHY_NOT)
    assert cells | WHY_NOT.keys() == set(itertools.product(ConflictKind, Side))
    assert POLICIES.keys() | FIELD_POLICIES.keys() == WINNER.keys()
    assert FIELD_POLICIES.keys() == FIELD_CELLS.keys()
    assert FIELD_CELLS.keys() | FIELD_WHY_NOT.keys() == {str(policy) for policy in Combining}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("direction", list(Side))
def test_kinds_by_policy(engine: Engine, direction: Side) -> None:
    """What is met and recorded, who wins and what loses are as the table says; both sides end equal. What needs no record is
    counted."""
    engine.start()
    numbers = itertools.count(1)
    runs = [
        Run(cell, policy, later, _keys(numbers), Items(engine, policy))
        for policy, cells in {**dict.fromkeys(POLICIES, CELLS), **FIELD_CELLS}.items()
        for cell in cells
        if cell.direction is direction
        for later in Side
    ]
    carry_out(engine, runs, direction)
    assert_ends(engine, runs)
    engine.site.lockstep("verify")
    for kind in (ConflictKind.UPDATE_DISJOINT, ConflictKind.DELETE_MISSING):
        met = sum(run.cell.kind is kind for run in runs)
        assert met > 0
        engine.until(partial(_has_counted, engine, kind, met))


def _has_counted(engine: Engine, kind: ConflictKind, least: int) -> bool:
    """Both workers together, as they last said."""
    workers = json.loads(engine.site.lockstep("status", "--json").stdout)["workers"]
    return sum(int(one["details"][kind.value]) for one in workers) >= least


def _keys(numbers: Iterator[int]) -> Keys:
    return Keys(one=ObjectId(), other=ObjectId(), number=next(numbers))
