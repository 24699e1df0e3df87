"""verify while people write and workers run: what is on its way does not count, what stays different does."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest
from bson import ObjectId

from deploy.local.mysql_binary import Flavour
from sync.cli import exit_codes
from sync.config import load_config
from sync.errors import CommandRefused
from sync.model.change import DocumentId, Side
from sync.model.report import VerifyReport
from sync.mongo.server import MongoSettings
from sync.mongo.witness import MongoWitness
from sync.reconcile.kept import kept_in
from sync.reconcile.passing import Passing
from sync.reconcile.progress import silent
from sync.reconcile.rereading import LOOKS, SAME, Sides
from sync.reconcile.verify import Verify
from tests.engine import Engine
from tests.plain import Doc
from tests.site import Site


@pytest.fixture
def flavour() -> Flavour:
    """One family is enough for what is counted; that positions move on both is shown by name."""
    return Flavour.MYSQL


def account(limit: int = 1) -> Doc:
    return {"_id": ObjectId(), "account_id": 1, "limit": limit, "products": []}


def differing(site: Site, document: Doc, limit: int) -> None:
    """MySQL has another limit, which no log tells of."""
    with site.mysql("admin").cursor() as cursor:
        cursor.execute("SET SESSION sql_log_bin = 0")
        cursor.execute("UPDATE analytics_account SET `limit` = %s WHERE id = %s", (limit, str(document["_id"])))


def edit_mongo(engine: Engine, document: Doc, limit: int) -> None:
    engine.mongo["accounts"].update_one({"_id": document["_id"]}, {"$set": {"limit": limit}})


def verified(engine: Engine) -> VerifyReport:
    with engine.site.wiring() as wiring:
        return wiring.verify(["accounts"], silent)


def names(report: VerifyReport) -> list[object]:
    return [one.document.key for one in report.differences if not one.held]


class TestOnBothFamilies:
    """Positions of both are known and move."""

    @pytest.fixture(params=list(Flavour), ids=[one.value for one in Flavour])
    def flavour(self, request: pytest.FixtureRequest) -> Flavour:
        """Each."""
        assert isinstance(request.param, Flavour)
        return request.param

    def test_what_no_log_brings_is_a_difference(self, engine: Engine) -> None:
        """Two idle workers pass both ends with their heartbeats, and both values are still those."""
        document = account()
        engine.write_mysql("accounts", None, document)
        engine.settle()
        differing(engine.site, document, 5)
        found = engine.site.lockstep("verify", "--json", check=False)
        assert found.returncode == exit_codes.DIFFERENT
        assert [one["id"] for one in json.loads(found.stdout)["differences"]] == [str(document["_id"])]


@pytest.mark.parametrize("side", list(Side))
def test_what_is_on_its_way_is_no_difference(engine: Engine, side: Side) -> None:
    """The worker that carries it stood still while both sides were read, and is waited for."""
    document = account()
    engine.mongo["accounts"].insert_one(document)
    engine.settle()
    late = engine.workers["follower" if side is Side.MYSQL else "listener"].popen
    late.send_signal(signal.SIGSTOP)
    if side is Side.MYSQL:
        engine.write_mysql("accounts", document, document | {"limit": 9})
    else:
        edit_mongo(engine, document, 9)

    def went_by(_: str, done: int, total: int) -> None:
        if done == total:
            late.send_signal(signal.SIGCONT)

    with engine.site.wiring() as wiring:
        report = wiring.verify(["accounts"], went_by)
    assert (report.differences, report.busy) == ((), ())


def test_a_running_worker_that_is_behind_is_named(engine: Engine) -> None:
    """What differs may be on its way: verify gives no answer rather than a wrong one. Once it has come, it goes on."""
    engine.settle()
    stuck = engine.workers["listener"].popen
    stuck.send_signal(signal.SIGSTOP)
    engine.mongo["accounts"].insert_one(account())
    with engine.site.wiring() as wiring:
        with pytest.raises(CommandRefused, match="the listener has not applied") as refused:
            Passing(wiring.directions(), patience=3)()
        assert "lockstep status" in refused.value.hint
        stuck.send_signal(signal.SIGCONT)
        assert Passing(wiring.directions())()


def test_where_a_worker_is_paused_its_difference_counts_at_once(engine: Engine) -> None:
    """Its position will not move; the other one's still does."""
    document = account()
    engine.mongo["accounts"].insert_one(document)
    engine.settle()
    engine.site.lockstep("pause", "listener")
    edit_mongo(engine, document, 9)
    assert names(verified(engine)) == [str(document["_id"])]


def test_where_no_worker_runs_a_difference_counts_at_once(engine: Engine) -> None:
    """Killed ones, once they have said nothing for long."""
    document = account()
    engine.mongo["accounts"].insert_one(document)
    engine.settle()
    for name in engine.workers:
        engine.kill(name)
    with engine.site.mysql("admin").cursor() as cursor:
        cursor.execute("UPDATE sync_worker SET reported_at = reported_at - INTERVAL 1 MINUTE")
    edit_mongo(engine, document, 9)
    with engine.site.wiring() as wiring:
        began = time.monotonic()
        assert Passing(wiring.directions())() is False
        assert time.monotonic() - began < 5
    assert names(verified(engine)) == [str(document["_id"])]


def looked_at(
    site: Site, document: Doc, edits: int, *, held: bool = False, back: bool = False
) -> tuple[VerifyReport, int]:
    """Without workers: a document that differs, and is edited that often, each time just when it was looked at; or edited and
    edited `back`. And how often it was looked at again."""
    looks = 0

    def passing() -> bool:
        nonlocal looks
        looks += 1
        if looks <= edits:
            for step in (1, -1) if back else (1,):
                site.mongo("app")["accounts"].update_one({"_id": document["_id"]}, {"$inc": {"limit": step}})
        return True

    witness = MongoWitness(MongoSettings.from_url(site.mongo_url("listener")), load_config(site.config_path).mapping)
    with site.wiring() as wiring, kept_in(Path(site.state_folder) / "test.db", "") as kept:
        sides = Sides(
            mysql=wiring.reader(Side.MYSQL),
            mongo=wiring.reader(Side.MONGO),
            witness=witness,
            held=lambda documents: frozenset(documents) if held else frozenset(),
            passing=passing,
        )
        report = Verify(wiring.mapping, sides, kept, ["accounts"], silent).every()
    witness.close()
    return report, looks


@pytest.fixture
def apart(site: Site) -> tuple[Site, Doc]:
    """A document that only MongoDB has."""
    site.setup()
    document = account()
    site.mongo("app")["accounts"].insert_one(document)
    return site, document


@pytest.mark.parametrize("edits", [0, 1, LOOKS - SAME + 1])
def test_a_difference_counts_once_its_values_have_stayed(apart: tuple[Site, Doc], edits: int) -> None:
    """From one look to the third; each edit begins anew."""
    site, document = apart
    report, looks = looked_at(site, document, edits)
    assert (names(report), report.busy, looks) == ([str(document["_id"])], (), edits + SAME - 1)


def test_a_value_that_went_and_came_back_is_no_sign_of_rest(apart: tuple[Site, Doc]) -> None:
    """Equal values at each look, and written between them: what is on its way may be just that."""
    site, document = apart
    report, looks = looked_at(site, document, 99, back=True)
    assert (report.differences, report.busy) == ((), (DocumentId("accounts", str(document["_id"])),))
    assert looks == LOOKS


def test_what_keeps_changing_is_busy(apart: tuple[Site, Doc]) -> None:
    """After so many looks: no difference, for nobody knows; and counted apart."""
    site, document = apart
    report, looks = looked_at(site, document, 99)
    assert report.busy == (DocumentId("accounts", str(document["_id"])),)
    assert (report.differences, report.equal, looks) == ((), True, LOOKS)


def test_what_is_held_need_not_be_waited_for(apart: tuple[Site, Doc]) -> None:
    """It is known not to be equal yet, and counted apart."""
    site, document = apart
    report, looks = looked_at(site, document, 0, held=True)
    assert ([one.held for one in report.differences], report.equal, looks) == ([True], True, 0)
