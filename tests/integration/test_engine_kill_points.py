"""A worker killed between any two commits of a meeting: the next one carries on, and everything ends equal."""

from __future__ import annotations

import itertools
import signal
from random import Random

import pytest
from bson import ObjectId

from tests import killing
from tests.engine import Engine
from tests.plain import Doc

#: Documents that are edited on both sides until the worker has died.
FEW = 3
POINTS = [("follower", *point) for point in killing.FOLLOWER] + [("listener", *point) for point in killing.LISTENER]


@pytest.mark.parametrize("worker", ["follower", "listener"])
@pytest.mark.timeout(600)
def test_killed_at_each_named_point(engine: Engine, worker: str) -> None:
    """Each was reached; afterwards no document is held, and both sides hold what was written last on one of them."""
    documents: list[Doc] = [{"_id": ObjectId(), "account_id": 0, "limit": 0, "products": []} for _ in range(FEW)]
    engine.mongo["accounts"].insert_many(documents)
    engine.settle()
    numbers, random = itertools.count(1), Random(worker)
    for _, operation, when in (point for point in POINTS if point[0] == worker):
        engine.kill(worker)
        engine.start_to_die(worker, operation, when)
        dying = engine.workers[worker].popen
        last: dict[ObjectId, tuple[int, int]] = {}

        def edit_until_it_dies() -> bool:
            for document in documents:
                last[document["_id"]] = edit_both(engine, document["_id"], next(numbers))  # noqa: B023
            if random.random() < 0.5:  # or they stay held, and nobody holds or decides them anew
                engine.until(lambda: dying.poll() is not None or engine.held() == 0)  # noqa: B023
            return dying.poll() is not None  # noqa: B023

        engine.until(edit_until_it_dies)
        assert dying.returncode == -signal.SIGKILL, (operation, when, engine.workers[worker].said()[-2000:])
        engine.start(worker)
        engine.meet()
        final = engine.assert_equal()
        for key, written in last.items():
            assert final["accounts"][str(key)]["limit"] in written, (operation, when)


def edit_both(engine: Engine, key: ObjectId, number: int) -> tuple[int, int]:
    """One edit on each side, of the same field; the values, which never come again."""
    with engine.mysql.cursor() as cursor:
        cursor.execute("UPDATE analytics_account SET `limit` = %s WHERE id = %s", (number, str(key)))
    engine.mongo["accounts"].update_one({"_id": key}, {"$set": {"limit": -number}})
    return number, -number
