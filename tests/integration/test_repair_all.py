"""What verify found is repaired together; verify itself in parts: interrupted, sampled, by its digests."""

from __future__ import annotations

import json
from typing import Any

import pytest
from bson import ObjectId

from deploy.local.mysql_binary import Flavour
from sync.cli import exit_codes
from sync.model.change import Side
from tests.engine import Engine
from tests.site import Site

KEYS = [f"{number:024x}" for number in range(1, 1201)]


@pytest.fixture
def flavour() -> Flavour:
    """One family is enough for what is counted and chosen."""
    return Flavour.MYSQL


def fill(site: Site, keys: list[str]) -> None:
    with site.mysql("app").cursor() as cursor:
        cursor.executemany(
            "INSERT INTO analytics_account (id, account_id, `limit`) VALUES (%s, 1, 2)", [(key,) for key in keys]
        )


def spoil(site: Site, *keys: str) -> None:
    """In MySQL, which no log tells of."""
    with site.mysql("admin").cursor() as cursor:
        cursor.execute("SET SESSION sql_log_bin = 0")
        assert cursor.execute("UPDATE analytics_account SET `limit` = 9 WHERE id IN %s", (keys,)) == len(keys)


def limits(site: Site, key: str) -> tuple[Any, Any]:
    with site.mysql("app").cursor() as cursor:
        cursor.execute("SELECT `limit` FROM analytics_account WHERE id = %s", (key,))
        row = cursor.fetchone()
    stored = site.mongo("app")["accounts"].find_one({"_id": ObjectId(key)})
    return row and row[0], stored and stored["limit"]


@pytest.fixture
def copied(site: Site) -> Site:
    """1,200 accounts on both sides; no worker runs."""
    site.setup()
    fill(site, KEYS)
    site.lockstep("bootstrap", "--from", "mysql")
    return site


def verified(site: Site, *arguments: str) -> Any:
    done = site.lockstep("verify", "--collection", "accounts", "--json", *arguments, check=False)
    assert done.returncode in (exit_codes.OK, exit_codes.DIFFERENT), done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(("origin", "right"), [("mysql", 9), ("mongo", 2), ("policy", 9)])
def test_without_workers_it_is_done_here(copied: Site, origin: str, right: int) -> None:
    """A dry run only lists; last_write_wins takes the side that wins ties where nobody wrote anything."""
    spoil(copied, KEYS[0], KEYS[700])
    assert verified(copied)["different"] == 2
    would = json.loads(copied.lockstep("repair", "--all", "--from", origin, "--dry-run", "--json").stdout)
    assert (would["repaired"], would["refused"]) == (2, [])
    assert limits(copied, KEYS[0]) == (9, 2)
    done = copied.lockstep("repair", "--all", "--from", origin).stdout
    assert "2 repaired, 0 equal already, 0 refused" in done
    assert limits(copied, KEYS[0]) == limits(copied, KEYS[700]) == (right, right)
    assert "0 repaired" in copied.lockstep("repair", "--all", "--from", origin).stdout
    assert verified(copied)["equal"]


def test_with_workers_they_do_it(engine: Engine) -> None:
    """Each through a look."""
    fill(engine.site, KEYS[:20])
    engine.settle()
    spoil(engine.site, *KEYS[:20])
    assert verified(engine.site)["different"] == 20
    done = json.loads(engine.site.lockstep("repair", "--all", "--from", "policy", "--rate", "100", "--json").stdout)
    assert (done["repaired"], done["refused"]) == (20, [])
    engine.meet()
    assert {limits(engine.site, key) for key in KEYS[:20]} == {(9, 9)}


def test_a_gap_that_verify_found_is_closed_by_the_workers(engine: Engine) -> None:
    """Who repairs without them is told so."""
    site, key = engine.site, KEYS[0]
    site.mongo("app")["accounts"].insert_one(
        {"_id": ObjectId(key), "account_id": 1, "limit": 2, "products": ["a", "b", "c"]}
    )
    engine.settle()
    with site.mysql("admin").cursor() as cursor:
        cursor.execute("SET SESSION sql_log_bin = 0")
        cursor.execute("DELETE FROM analytics_accountproduct WHERE account_oid = %s AND position = 1", (key,))
    assert verified(site)["unmappable"] == 1
    done = json.loads(site.lockstep("repair", "--all", "--from", "mysql", "--json").stdout)
    assert (done["repaired"], done["refused"]) == (1, [])
    engine.meet()
    assert engine.assert_equal()["accounts"][key]["products"] == ["a", "c"]


def test_what_refuses_one_stops_no_other(copied: Site) -> None:
    """It is named with its reason, and the exit code tells."""
    spoil(copied, KEYS[0])
    copied.mongo("app")["accounts"].update_one({"_id": ObjectId(KEYS[1])}, {"$set": {"limit": "x"}})
    assert verified(copied)["unmappable"] == 1
    done = copied.lockstep("repair", "--all", "--from", "mongo", check=False)
    assert done.returncode == exit_codes.ERROR
    assert (
        f"accounts {KEYS[1]}: refused: the document in mongo cannot be carried: limit: int32 is allowed" in done.stdout
    )
    assert limits(copied, KEYS[0]) == (2, 2)


def test_an_interrupted_verify_goes_on_where_it_was(copied: Site) -> None:
    """What it had compared it does not read again, and what differed there it has not forgotten."""
    spoil(copied, KEYS[3], KEYS[1100])

    def interrupt(_: str, done: int, total: int) -> None:
        if done >= 500:
            raise KeyboardInterrupt

    with copied.wiring() as wiring, pytest.raises(KeyboardInterrupt):
        wiring.verify(["accounts"], interrupt)
    told: list[int] = []
    with copied.wiring() as wiring:
        report = wiring.verify(["accounts"], lambda _, done, total: told.append(done))
    assert told[0] >= 500
    assert report.resumed_from
    assert report.documents == len(KEYS)
    assert {one.document.key for one in report.differences} == {KEYS[3], KEYS[1100]}


def test_what_both_sides_send_unchanged_is_not_compared_again(copied: Site) -> None:
    """Whoever changed whatever, with or without a log, is found all the same."""
    assert verified(copied)["unchanged"] == 0
    assert verified(copied)["unchanged"] == len(KEYS)
    assert verified(copied, "--anew")["unchanged"] == 0
    spoil(copied, KEYS[600])
    found = verified(copied)
    assert ([one["id"] for one in found["differences"]], 0 < found["unchanged"] < len(KEYS)) == ([KEYS[600]], True)
    copied.mongo("app")["accounts"].delete_one({"_id": ObjectId(KEYS[5])})
    assert {one["id"] for one in verified(copied)["differences"]} == {KEYS[5], KEYS[600]}


def test_a_sample_is_of_both_sides(copied: Site) -> None:
    """As many as asked for, or all; nothing but those."""
    spoil(copied, KEYS[0])
    assert verified(copied, "--sample", "10")["documents"] == 10
    found = verified(copied, "--sample", "5000", "--rate", "100000")
    assert (found["documents"], [one["id"] for one in found["differences"]]) == (len(KEYS), [KEYS[0]])


def test_reading_by_pages_is_reading_by_ranges(copied: Site) -> None:
    """On both sides: the same documents in the same order, and equal digests only where nothing changed."""
    with copied.wiring() as wiring:
        for side in Side:
            reader = wiring.reader(side)
            page, again = (reader.page("accounts", KEYS[9], 50) for _ in range(2))
            assert page.documents() == reader.range("accounts", KEYS[9], 50, exact=False).documents
            assert (page.last, page.digest) == (KEYS[59], again.digest)
            assert page.digest != reader.page("accounts", KEYS[10], 50).digest
            assert reader.page("accounts", KEYS[-1], 50).last is None
        before = wiring.reader(Side.MYSQL).page("accounts", KEYS[9], 50)
        spoil(copied, KEYS[20])
        assert wiring.reader(Side.MYSQL).page("accounts", KEYS[9], 50).digest != before.digest
