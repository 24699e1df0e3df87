"""Documents that both sides edit at once settle by themselves, on both sides alike, whatever else happens."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest
from bson import ObjectId

from sync.model.change import Side
from sync.model.mapping import Policy
from tests.both_sides import Editor
from tests.engine import Engine
from tests.site import Site

#: Edits of both sides in all, over so many documents. The long form: LOCKSTEP_MEETINGS=20000.
EDITS = int(os.environ.get("LOCKSTEP_MEETINGS", "2000"))
DOCUMENTS = 50
#: Seconds for all meetings to end.
PATIENCE = 120.0


@pytest.fixture
def seed(record_property: object) -> str:
    """Printed where a test fails; LOCKSTEP_SEED gives it again."""
    value = os.environ.get("LOCKSTEP_SEED") or str(time.time_ns())
    print(f"LOCKSTEP_SEED={value}")  # noqa: T201 - pytest shows it with a failure
    return value


def editors(engine: Engine, seed: str) -> list[Editor]:
    keys = {
        "customers": [ObjectId() for _ in range(DOCUMENTS // 2)],
        "accounts": [ObjectId() for _ in range(DOCUMENTS - DOCUMENTS // 2)],
    }
    return [Editor(engine, side, keys, seed) for side in Side]


def edit(people: list[Editor], edits: int) -> None:
    with ThreadPoolExecutor(2) as threads:
        for done in threads.map(lambda one: one.run(edits // 2), people):
            assert done is None


@pytest.mark.parametrize("policy", [Policy.MYSQL_WINS, Policy.MONGO_WINS])
def test_either_side_may_win(site: Site, tmp_path: Path, policy: Policy, seed: str) -> None:
    """The other policies end alike: equal, no conflict open."""
    config = tmp_path / "lockstep.toml"
    text = site.config_path.read_text()
    for name in ("customers", "accounts"):
        text = text.replace(f"[collections.{name}]\n", f'[collections.{name}]\npolicy = "{policy}"\n')
    config.write_text(text)
    site.config_path = config
    made = Engine(site, tmp_path)
    try:
        made.prepare()
        made.start()
        edit(editors(made, seed), EDITS)
        made.meet(PATIENCE)
        made.assert_equal()
    finally:
        made.close()


def test_both_workers_are_killed_again_and_again(engine: Engine, seed: str) -> None:
    """SIGKILL at any moment of a meeting: a new follower clears all looks, and everything ends equal."""
    people, random = editors(engine, seed), Random(seed)
    with ThreadPoolExecutor(2) as threads:
        working = [threads.submit(one.run, EDITS // 2) for one in people]
        while not all(one.done() for one in working):
            time.sleep(random.uniform(0.05, 0.8))
            victim = random.choice(["follower", "listener"])
            engine.kill(victim)
            engine.start(victim)
        for one in working:
            one.result()
    engine.meet(PATIENCE)
    engine.assert_equal()


@pytest.mark.parametrize("late", ["follower", "listener"])
def test_a_worker_that_comes_late(engine: Engine, late: str, seed: str) -> None:
    """It was stopped for the first half: everything that met meanwhile is settled once it is there."""
    people = editors(engine, seed)
    engine.kill(late)
    edit(people, EDITS // 2)
    engine.start(late)
    edit(people, EDITS // 2)
    engine.meet(PATIENCE)
    engine.assert_equal()


def test_random_edits_of_the_same_documents(engine: Engine, seed: str) -> None:
    """Inserts, deletes, nested parts, flags that flip back and forth: equal at the end, no conflict open."""
    edit(editors(engine, seed), EDITS)
    engine.meet(PATIENCE)
    engine.assert_equal()
