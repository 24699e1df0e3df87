"""Guard rails at the source: MongoDB refuses what MySQL could not take, and never what MySQL holds."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from bson import DatetimeMS, Decimal128, Int64, ObjectId
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo.errors import OperationFailure

from backend.analytics.sample import Sample
from deploy.local.mysql_binary import Flavour
from sync.cli import exit_codes
from sync.errors import CommandRefused
from sync.model.validator import TITLE, Enforcement
from sync.mongo.server import CODEC
from tests import plain
from tests.laws.strategies import COLLECTIONS, documents
from tests.plain import Doc
from tests.site import Site

KEY = ObjectId("a" * 24)
DOCUMENT_REFUSED = 121
#: What MySQL's DATETIME begins and ends with.
FIRST, LAST = datetime(1000, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999000)  # noqa: DTZ001 - naive UTC


def customer() -> Doc:
    """One that every column takes to its very end."""
    return {
        "_id": KEY,
        "username": "\U0001f4b6" * 150,
        "name": "n" * 255,
        "address": "",
        "birthdate": FIRST,
        "email": "e" * 254,
        "accounts": [-(2**31), 2**31 - 1],
        "tier_and_details": {
            "\n" * 255: {"id": "\n" * 255, "tier": "t" * 64, "active": False, "benefits": ["a", "A", "a "]},
            "": {"id": "", "tier": "", "active": True, "benefits": []},
        },
        "more": {"than": ["columns", None, Int64(1)]},
    }


def bucket() -> Doc:
    entry = {"date": LAST, "amount": 1, "transaction_code": "buy", "symbol": "amd", "price": "1", "total": "1"}
    return {
        "_id": KEY,
        "account_id": 1,
        "transaction_count": 1,
        "bucket_start_date": LAST,
        "bucket_end_date": FIRST,
        "transactions": [entry, dict(entry)],
    }


def account() -> Doc:
    return {"_id": KEY, "account_id": 1, "limit": 2, "products": ["a", "a", "p" * 64]}


GOOD: dict[str, Callable[[], Doc]] = {"customers": customer, "accounts": account, "transactions": bucket}


def put(*path: str | int, value: object) -> Callable[[Doc], None]:
    def change(document: Doc) -> None:
        inside: Any = document
        for step in path[:-1]:
            inside = inside[step]
        inside[path[-1]] = value

    return change


def without(*path: str | int) -> Callable[[Doc], None]:
    def change(document: Doc) -> None:
        inside: Any = document
        for step in path[:-1]:
            inside = inside[step]
        del inside[path[-1]]

    return change


#: What makes a good document one that MySQL cannot take.
BAD: dict[str, tuple[str, Callable[[Doc], None]]] = {
    "an _id of another type": ("accounts", put("_id", value="text")),
    "a long integer": ("accounts", put("limit", value=Int64(2))),
    "a double": ("accounts", put("limit", value=2.0)),
    "null": ("accounts", put("limit", value=None)),
    "a field that is needed": ("accounts", without("limit")),
    "a part that is needed": ("accounts", without("products")),
    "no array": ("accounts", put("products", value="Brokerage")),
    "an array in an array": ("accounts", put("products", value=[["Brokerage"]])),
    "an element that is too long": ("accounts", put("products", 2, value="p" * 65)),
    "text that is too long, by code points": ("customers", put("username", value="\U0001f4b6" * 151)),
    "null where a field may be absent": ("customers", put("active", value=None)),
    "a number for a flag": ("customers", put("active", value=1)),
    "a decimal": ("customers", put("accounts", 0, value=Decimal128("1"))),
    "a date before the year 1000": ("customers", put("birthdate", value=FIRST - timedelta(milliseconds=1))),
    "a date after the year 9999": ("customers", put("birthdate", value=DatetimeMS(253402300800000))),
    "no object": ("customers", put("tier_and_details", value=[])),
    "an entry that is none": ("customers", put("tier_and_details", "", value=1)),
    "an entry without its key": ("customers", without("tier_and_details", "", "id")),
    "a member twice": ("customers", put("tier_and_details", "", "benefits", value=["a", "b", "a"])),
    "a member of another type": ("customers", put("tier_and_details", "", "benefits", value=[ObjectId()])),
    "a member that is too long": ("customers", put("tier_and_details", "", "benefits", value=["b" * 256])),
    "a key that is too long": (
        "customers",
        put("tier_and_details", "k" * 256, value={"id": "k", "tier": "", "active": True, "benefits": []}),
    ),
    "a key that is too long by a line's end": (
        "customers",
        put("tier_and_details", "k" * 255 + "\n", value={"id": "k", "tier": "", "active": True, "benefits": []}),
    ),
    "a list's element with more": ("transactions", put("transactions", 1, "more", value=1)),
    "a list's element with less": ("transactions", without("transactions", 1, "price")),
    "a date in a list": ("transactions", put("transactions", 1, "date", value=FIRST - timedelta(days=1))),
}


@pytest.fixture
def guarded(site: Site) -> Site:
    site.setup()
    site.lockstep("setup", "--validators", "error")
    return site


@pytest.fixture
def one_family() -> Flavour:
    """What MongoDB does is the same for both."""
    return Flavour.MYSQL


#: Those that stand on the guarded site.
MAPPED = [one for one in COLLECTIONS if one.name in GOOD]


class TestWhatIsRefused:
    @pytest.fixture
    def flavour(self, one_family: Flavour) -> Flavour:
        """One."""
        return one_family

    def test_what_mysql_cannot_take_is_refused_as_it_is_written(self, guarded: Site) -> None:
        """By insert and by update; what stands there stays."""
        database = guarded.mongo("app").with_options(codec_options=CODEC)  # an error tells the document, dates and all
        for name, good in GOOD.items():
            database[name].insert_one(good())
        for told, (name, spoil) in BAD.items():
            document = GOOD[name]()
            spoil(document)
            if document["_id"] == KEY:
                with pytest.raises(OperationFailure) as refused:
                    database[name].replace_one({"_id": KEY}, document)
                assert refused.value.code == DOCUMENT_REFUSED, told
                document["_id"] = ObjectId()
            with pytest.raises(OperationFailure) as refused:
                database[name].insert_one(document)
            assert refused.value.code == DOCUMENT_REFUSED, told
        for name, good in GOOD.items():
            assert database[name].find_one() == good()

    def test_all_that_the_mapping_takes_passes(self, guarded: Site) -> None:
        """Documents of every form that the laws of the mapping are tried with, and the sample's."""
        database = guarded.mongo("app")
        for collection in MAPPED:
            database[collection.name].insert_many(list(Sample.of(20, 1).documents(collection.name)))

        @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
        @given(st.data())
        def every(data: st.DataObject) -> None:
            for collection in MAPPED:
                document = data.draw(documents(collection, unmapped=True))
                # A replacement may have no field that begins with "$"; an insert may.
                database[collection.name].delete_one({"_id": document["_id"]})
                database[collection.name].insert_one(document)

        every()

    def test_with_warn_everything_passes(self, site: Site) -> None:
        """MongoDB only tells of it in its log; and the way back is the other word."""
        site.setup()
        site.lockstep("setup", "--validators", "warn")
        accounts = site.mongo("app")["accounts"]
        accounts.insert_one({"limit": "x"})
        site.lockstep("setup", "--validators", "error")
        with pytest.raises(OperationFailure):
            accounts.insert_one({"limit": "x"})
        site.lockstep("setup", "--validators", "off")
        accounts.insert_one({"limit": "x"})

    def test_a_dry_run_shows_each_validator_and_makes_none(self, site: Site) -> None:
        """As JSON below its step; a second run finds all there."""
        site.setup()
        told = site.lockstep("setup", "--validators", "error", "--dry-run").stdout
        shown = re.findall(
            r"^would    MongoDB: validator of (\w+) \(error\)\n(\{.*?^\})", told, re.MULTILINE | re.DOTALL
        )
        assert [name for name, _ in shown] == list(GOOD)
        for _, text in shown:
            assert json.loads(text)["$jsonSchema"]["title"] == TITLE
        assert options(site) == {}
        site.lockstep("setup", "--validators", "error")
        again = site.lockstep("setup", "--validators", "error").stdout
        assert {line.split()[0] for line in again.splitlines()} == {"there"}

    def test_a_validator_of_others_is_left_as_it_is(self, site: Site) -> None:
        """Nothing is done, not even to the other collections; without the option, setup does all the rest."""
        site.setup()
        theirs = {"email": {"$type": "string"}}
        site.mongo("owner").command("collMod", "customers", validator=theirs)
        refused = site.lockstep("setup", "--validators", "error", check=False)
        assert refused.returncode == exit_codes.ERROR
        assert "customers has a validator that is not Lockstep's" in refused.stderr
        assert options(site) == {"customers": theirs}
        site.lockstep("setup")
        site.lockstep("setup", "--validators", "off")
        site.lockstep("teardown", "--yes")
        assert options(site) == {"customers": theirs}

    def test_one_that_others_make_meanwhile_stays_too(self, site: Site) -> None:
        """Between listing and doing."""
        site.setup()
        with site.wiring() as wiring:
            steps = [one for one in wiring.setup_steps(Enforcement.ERROR) if not one.done]
        site.mongo("owner").command("collMod", "customers", validator={"a": 1})
        (step,) = [one for one in steps if "customers" in one.text]
        with pytest.raises(CommandRefused, match="not Lockstep's"):
            step.apply()
        assert options(site) == {"customers": {"a": 1}}

    def test_teardown_takes_ours_away(self, guarded: Site) -> None:
        """And lists it."""
        assert guarded.lockstep("teardown", "--dry-run").stdout.count("take the validator of") == len(GOOD)
        guarded.lockstep("teardown", "--yes")
        assert options(guarded) == {}


def options(site: Site) -> dict[str, object]:
    """Validator of each collection that has one."""
    found = site.mongo("owner").list_collections()
    return {one["name"]: one["options"]["validator"] for one in found if one["options"].get("validator")}


def findings(site: Site) -> dict[str, tuple[str, str]]:
    """What doctor says of validators: level and message."""
    listed = json.loads(site.lockstep("doctor", "--json", check=False).stdout)
    word = "mongo: validator of "
    return {
        one["subject"].removeprefix(word): (one["level"], one["message"])
        for one in listed
        if one["subject"].startswith(word)
    }


def test_a_column_that_was_changed_makes_it_out_of_date(site: Site) -> None:
    """Doctor says so, and the next setup mends it in the way that it is enforced; without one, nothing is made."""
    site.setup()
    assert {level for level, _ in findings(site).values()} == {"ok"}
    assert findings(site)["accounts"][1].startswith("none")
    site.lockstep("setup", "--validators", "warn")
    assert findings(site)["accounts"] == ("ok", "Lockstep's (warn), up to date")
    with site.mysql("owner").cursor() as cursor:
        cursor.execute("SHOW FULL COLUMNS FROM analytics_accountproduct LIKE 'product'")
        row = cursor.fetchone()
        assert row
        cursor.execute(f"ALTER TABLE analytics_accountproduct MODIFY product VARCHAR(70) COLLATE {row[2]} NOT NULL")
    level, message = findings(site)["accounts"]
    assert (level, "of another mapping or other columns" in message) == ("problem", True)
    site.lockstep("setup")
    assert findings(site)["accounts"] == ("ok", "Lockstep's (warn), up to date")


def test_the_follower_can_write_all_that_mysql_holds(guarded: Site) -> None:
    """The first copy of rows at the very ends of their columns, on both families; the two sides are equal."""
    edge = customer() | {"address": "\U0001f4b6" * 1000}
    del edge["more"]
    with guarded.mysql("app").cursor() as cursor:
        plain.save(cursor, "customers", None, edge)
        plain.save(cursor, "accounts", None, account())
        plain.save(cursor, "transactions", None, bucket())
    guarded.lockstep("bootstrap", "--from", "mysql")
    with guarded.mysql("app").cursor() as cursor:
        assert plain.in_mongo(guarded.mongo("app")) == plain.in_mysql(cursor)
    assert guarded.lockstep("verify").returncode == exit_codes.OK
