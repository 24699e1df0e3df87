"""Conflicts of unique values at random over kinds and policies: the report against one computed from the two servers' logs."""

from __future__ import annotations

import itertools
import json
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import NamedTuple

import pytest
from bson import ObjectId

from sync.model.change import ConflictKind, Side
from tests.both_logs import CONNECTS, Ends, Written, ends, in_binlog, in_stream
from tests.engine import COMMANDS, Engine
from tests.integration.conflicts.cells import PERSONS
from tests.integration.conflicts.items import POLICIES, Items, item, name_of
from tests.integration.conflicts.judge import OF_FIELD, Round, Verdict, changes_of
from tests.integration.conflicts.running import APART, CARRIER
from tests.integration.conflicts.stories import Story, story
from tests.plain import Doc

#: In all. The long form: LOCKSTEP_CONFLICTS=10000.
CONFLICTS = int(os.environ.get("LOCKSTEP_CONFLICTS", "1000"))
#: Those of collections, and of a field.
DRAWN = (*POLICIES, *OF_FIELD)
#: Stories of one round.
AT_ONCE = 700
#: Documents that are edited on one side after the other: nothing meets there.
CROSSED = 20
#: Seconds for all meetings of a round to end.
PATIENCE = 180.0
#: A look that found nothing to decide (`converged`): counted apart, and no conflict for people.
LOOKED_AT = Verdict(ConflictKind.ECHO_DIFFERS, frozenset())


class Told(NamedTuple):
    """One story in one collection."""

    items: Items
    story: Story
    first: Side


@pytest.mark.filterwarnings(CONNECTS)
@pytest.mark.timeout(300 + CONFLICTS // 4)
def test_the_report_tells_every_conflict_and_no_other(engine: Engine) -> None:
    """Recall and precision are one: which documents met, by which kind, who wins, and each value that was lost."""
    seed = os.environ.get("LOCKSTEP_SEED") or str(time.time_ns())
    print(f"LOCKSTEP_SEED={seed}")  # noqa: T201 - pytest shows it with a failure
    random, numbers = Random(seed), itertools.count(100)
    collections = {policy: Items(engine, policy) for policy in DRAWN}
    directions = itertools.cycle(random.sample(list(Side), 2))
    engine.start()
    found: Counter[tuple[str, str]] = Counter()
    while found.total() < CONFLICTS:
        told = [
            Told(items, story(random, numbers), random.choice(list(Side)))
            for items in random.choices(list(collections.values()), k=AT_ONCE)
        ]
        found += one_round(engine, collections, told, next(directions), numbers)
    print(f"{found.total():,} conflicts: {dict(sorted(found.items()))}")  # noqa: T201
    engine.site.lockstep("verify")


def one_round(
    engine: Engine, collections: Mapping[str, Items], told: Sequence[Told], direction: Side, numbers: Iterator[int]
) -> Counter[tuple[str, str]]:
    """What met in it, by policy and kind. Both workers run before and after."""
    known = int(engine.value("SELECT COALESCE(MAX(id), 0) FROM sync_conflict"))
    for items in collections.values():
        documents = [document for one in told if one.items is items for document in one.story.base]
        engine.mongo[items.name].insert_many(dict(document) for document in documents)
    edit_in_turn(engine, list(collections.values()), numbers)
    base = {policy: equal(items) for policy, items in collections.items()}
    begin = ends(engine)
    for name in COMMANDS:
        engine.kill(name)
    for turn in (0, 1):
        time.sleep(APART)
        for one in told:
            for edit in one.story.edits[one.first if turn == 0 else one.first.other]:
                edit(one.items)
    met = rounds(engine, begin, base)
    verdicts = {
        (name_of(policy), str(key)): verdict
        for policy, of in met.items()
        for key in of.documents
        if (verdict := of.verdict(key, direction))
    }
    for side in (direction, direction.other):
        engine.start(CARRIER[side])
        engine.cross(side)
    asked = sum(name == name_of("manual") and bool(one.lost) for (name, _), one in verdicts.items())
    mending = sum(one.story.waiting for one in told)
    engine.until(lambda: states(engine) == {"waiting": asked + mending}, PATIENCE)
    for one in told:
        if one.story.mend:
            one.story.mend(one.items)
    engine.until(lambda: states(engine).total() == asked, PATIENCE)
    resolve = ("conflicts", "resolve", "--all", "--collection", name_of("manual"), "--winner", str(PERSONS))
    engine.site.lockstep(*resolve, "--reason", "the suite says so", "--limit", "10000", seconds=PATIENCE)
    engine.meet(PATIENCE)
    told_of = reported(engine, known)
    passed = {
        (name, key)
        for name, key in told_of.keys() - verdicts.keys()
        if told_of[name, key] == LOOKED_AT and met[name.removeprefix("items_")].may_pass(ObjectId(key))
    }
    assert {at: one for at, one in told_of.items() if at not in passed} == verdicts
    for policy, of in rounds(engine, begin, base).items():
        stands = equal(collections[policy])
        assert {key: stands.get(key) for key in of.documents} == {key: of.final(key) for key in of.documents}
    return Counter((name.removeprefix("items_"), str(one.kind)) for (name, _), one in verdicts.items())


def edit_in_turn(engine: Engine, collections: Sequence[Items], numbers: Iterator[int]) -> None:
    """The second of two has seen what the first has written: nothing meets."""
    known = int(engine.value("SELECT COUNT(*) FROM sync_conflict"))
    documents = [item(ObjectId()) for _ in range(CROSSED)]
    for items in collections:
        engine.mongo[items.name].insert_many(dict(document) for document in documents)
    engine.settle()
    for side in Side:
        for items, document in itertools.product(collections, documents):
            items.update(side, document["_id"], a=next(numbers))
        engine.settle()
    assert int(engine.value("SELECT COUNT(*) FROM sync_conflict")) == known


def equal(items: Items) -> Mapping[ObjectId, Doc]:
    """What both sides have."""
    sides = items.everything()
    assert sides[Side.MYSQL] == sides[Side.MONGO]
    return sides[Side.MYSQL]


def rounds(engine: Engine, begin: Ends, base: Mapping[str, Mapping[ObjectId, Doc]]) -> dict[str, Round]:
    """By policy: what people have changed since."""
    names = [name_of(policy) for policy in DRAWN]
    written: dict[Side, list[Written]] = {
        Side.MYSQL: list(in_binlog(engine, begin, [*names, *(f"{name}_element" for name in names)])),
        Side.MONGO: list(in_stream(engine, begin, names)),
    }
    return {
        policy: Round(policy, documents, {side: changes_of(written[side], name_of(policy)) for side in Side})
        for policy, documents in base.items()
    }


def reported(engine: Engine, known: int) -> dict[tuple[str, str], Verdict]:
    """Conflicts since that one, by collection and document."""
    with engine.mysql.cursor() as cursor:
        cursor.execute(
            "SELECT c.collection, c.document_id, c.state, d.kind, d.losers FROM sync_conflict c"
            " JOIN sync_conflict_detail d ON d.conflict_id = c.id WHERE c.id > %s",
            (known,),
        )
        rows = cursor.fetchall()
    found: dict[tuple[str, str], Verdict] = {}
    for name, key, state, kind, text in rows:
        losers = [(Side(one["side"]), one["column"], one["value"]) for one in json.loads(text or "[]")]
        assert len(losers) == len(set(losers)), "a loser is recorded twice"
        assert state == ("settled" if losers else "converged"), (name, key, state, losers)
        assert (name, key) not in found, "reported twice"
        found[name, key] = Verdict(ConflictKind(kind), frozenset(losers))
    return found


def states(engine: Engine) -> Counter[str]:
    """Of the documents that are held."""
    with engine.mysql.cursor() as cursor:
        cursor.execute("SELECT state, COUNT(*) FROM sync_conflict WHERE open_key IS NOT NULL GROUP BY state")
        return Counter({str(state): int(count) for state, count in cursor.fetchall()})
