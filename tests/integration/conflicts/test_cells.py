"""Each kind under each policy, met first on the way from either side; and thousands of them at random, each value written once.
On both families of MySQL."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from bson import ObjectId

from sync.model.change import ConflictKind, Side
from tests.engine import Engine
from tests.integration.conflicts.cells import CELLS, WHY_NOT, WINNER, Keys
from tests.integration.conflicts.items import POLICIES, Items, install, rules
from tests.integration.conflicts.running import Run, assert_ends, carry_out
from tests.site import Site

#: Conflicts at random, half of them in each direction. The long form: LOCKSTEP_CONFLICTS=10000.
CONFLICTS = int(os.environ.get("LOCKSTEP_CONFLICTS", "600"))


def test_the_table_is_whole() -> None:
    """Each kind in each direction is a cell, or says why there is none; each policy has a collection and a winner."""
    cells = {(cell.kind, cell.direction) for cell in CELLS}
    assert cells.isdisjoint(WHY_NOT)
    assert cells | WHY_NOT.keys() == set(itertools.product(ConflictKind, Side))
    assert POLICIES.keys() == WINNER.keys()


@pytest.fixture
def engine(site: Site, tmp_path: Path) -> Iterator[Engine]:
    """After its first copy, with both workers running."""
    install(site, tmp_path)
    made = Engine(site, tmp_path)
    made.prepare()
    rules(made)
    made.start()
    yield made
    made.close()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("direction", list(Side))
def test_kinds_by_policy(engine: Engine, direction: Side) -> None:
    """What is met and recorded, who wins and what loses are as the table says; both sides end equal."""
    numbers = itertools.count(1)
    runs = [
        Run(cell, policy, later, _keys(numbers), Items(engine, policy))
        for policy in POLICIES
        for cell in CELLS
        if cell.direction is direction
        for later in Side
    ]
    carry_out(engine, runs, direction)
    assert_ends(engine, runs)
    engine.site.lockstep("verify")


@pytest.mark.timeout(1800)
def test_conflicts_at_random(engine: Engine) -> None:
    """Recall and precision are one: of every conflict its kind, its winner on both sides and its losers are in the report, and
    nothing else is. What people mend is left to the table."""
    random, numbers = Random(CONFLICTS), itertools.count(1)
    every: list[Run] = []
    for direction in Side:
        cells = [cell for cell in CELLS if cell.direction is direction and not cell.mend]
        runs: list[Run] = []
        while len(runs) < CONFLICTS // 2:
            policy = random.choice(list(POLICIES))
            later = random.choice(list(Side))
            runs.append(Run(random.choice(cells), policy, later, _keys(numbers), Items(engine, policy)))
        carry_out(engine, runs, direction, seconds=60 + CONFLICTS / 20)
        every += runs
    assert_ends(engine, every)
    engine.site.lockstep("verify", seconds=120)


def _keys(numbers: Iterator[int]) -> Keys:
    return Keys(one=ObjectId(), other=ObjectId(), number=next(numbers))
