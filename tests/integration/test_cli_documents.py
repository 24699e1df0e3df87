"""What operators see and do to single documents: bootstrap, verify, explain, conflicts, repair. No worker runs here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from bson import Int64, ObjectId

from deploy.local.mysql_binary import Flavour
from sync.cli import exit_codes
from tests.site import Site

A, B, C = (letter * 24 for letter in "abc")
REFUSED = exit_codes.ERROR


@pytest.fixture
def flavour() -> Flavour:
    """One family is enough for what is shown; what is done has its tests on both."""
    return Flavour.MYSQL


def insert_account(site: Site, key: str, limit: int, products: Sequence[str] = ()) -> None:
    with site.mysql("app").cursor() as cursor:
        cursor.execute("INSERT INTO analytics_account (id, account_id, `limit`) VALUES (%s, 7, %s)", (key, limit))
        for position, product in enumerate(products):
            cursor.execute(
                "INSERT INTO analytics_accountproduct (account_oid, position, product) VALUES (%s, %s, %s)",
                (key, position, product),
            )


def document(key: str, limit: int, *products: str, **more: object) -> dict[str, object]:
    return {"_id": ObjectId(key), "account_id": 7, "limit": limit, "products": list(products), **more}


@pytest.fixture
def apart(site: Site) -> Site:
    """A is equal, B differs, C is only in MySQL; all copied once, so that B is held."""
    site.setup()
    insert_account(site, A, 1, ["Brokerage"])
    insert_account(site, B, 2, ["Commodity", "[bold]"])
    site.mongo("app")["accounts"].insert_one(document(B, 3, "Commodity"))
    site.lockstep("bootstrap", "--from", "mysql")
    insert_account(site, C, 4)
    return site


def answer(site: Site, *arguments: str, code: int = 0) -> Any:
    """What a command with --json says; nothing but that stands on stdout."""
    done = site.lockstep(*arguments, "--json", check=False)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def test_the_first_copy_tells_what_it_did(site: Site) -> None:
    """Numbers as JSON; a document that differed is held and counted, the rest is copied."""
    site.setup()
    insert_account(site, A, 1, ["Brokerage"])
    insert_account(site, B, 2)
    site.mongo("app")["accounts"].insert_one(document(B, 3))
    done = answer(site, "bootstrap", "--from", "mysql")
    assert done.keys() == {"documents", "rows", "already_equal", "held", "seconds", "rows_per_second"}
    assert (done["documents"], done["rows"], done["held"]) == (2, 3, 1)
    assert site.mongo("app")["accounts"].find_one({"_id": ObjectId(A)}) == document(A, 1, "Brokerage")


def test_verify_counts_and_names_differences(apart: Site) -> None:
    """What is held is counted apart; the exit code says whether the rest is equal."""
    found = answer(apart, "verify", code=exit_codes.DIFFERENT)
    numbers = {name: found[name] for name in ("different", "missing", "unmappable", "held", "documents", "equal")}
    assert numbers == {"different": 0, "missing": 1, "unmappable": 0, "held": 1, "documents": 3, "equal": False}
    assert (found["missing_in_mongo"], found["missing_in_mysql"]) == (1, 0)
    by_id = {one["id"]: one for one in found["differences"]}
    assert by_id.keys() == {B, C}
    told = by_id[B]
    assert told.pop("age_seconds") >= 0
    assert told.pop("first_seen")
    assert told == {
        "collection": "accounts",
        "id": B,
        "presence": "different",
        "places": ["analytics_account.limit", "analytics_accountproduct"],
        "held": True,
        "fields": [
            {"table": "analytics_account", "key": [B], "column": "limit", "mysql": 2, "mongo": 3},
            {
                "table": "analytics_accountproduct",
                "key": [B, 1],
                "column": None,
                "mysql": {"product": "[bold]"},
                "mongo": None,
            },
        ],
    }
    assert (by_id[C]["presence"], by_id[C]["held"]) == ("missing_in_mongo", False)


def test_verify_of_one_collection(apart: Site) -> None:
    """The others do not count; an unknown one is refused by name."""
    assert answer(apart, "verify", "--collection", "customers")["documents"] == 0
    done = apart.lockstep("verify", "--collection", "clients", check=False)
    assert done.returncode == REFUSED
    assert done.stderr == ("error: no collection clients is mapped\nhint: one of: customers, accounts, transactions\n")


def test_verify_for_people(apart: Site) -> None:
    """Names each document and place, and never a value."""
    done = apart.lockstep("verify", check=False)
    assert done.returncode == exit_codes.DIFFERENT
    assert f"accounts {B}: different (held): analytics_account.limit, analytics_accountproduct" in done.stdout
    assert f"accounts {C}: missing_in_mongo" in done.stdout
    assert "3 documents compared: 0 different, 1 missing, 0 unmappable, 1 held" in done.stdout
    assert "Commodity" not in done.stdout + done.stderr


def test_conflicts_are_listed_and_filtered(apart: Site) -> None:
    """By collection, kind, document and state."""
    (one,) = answer(apart, "conflicts", "list")
    assert (one["collection"], one["document"], one["kind"]) == ("accounts", B, "snapshot_differs")
    number = str(one["id"])
    for chosen, there in (
        (["--collection", "accounts"], True),
        (["--collection", "customers"], False),
        (["--kind", "snapshot_differs"], True),
        (["--kind", "update_differs"], False),
        (["--id", B], True),
        (["--id", A], False),
        (["--state", "settled"], False),
        (["--state", "all"], True),
    ):
        assert bool(answer(apart, "conflicts", "list", *chosen)) is there, chosen
    table = apart.lockstep("conflicts", "list").stdout
    assert any(number in line and B in line and "snapshot_differs" in line for line in table.splitlines())


def test_a_conflict_is_shown_with_both_values(apart: Site) -> None:
    """This is the one place, beside explain, where values are shown; with the command that decides before a look has."""
    (one,) = answer(apart, "conflicts", "list")
    shown = answer(apart, "conflicts", "show", str(one["id"]))
    limits = [
        [row["row"]["limit"] for row in shown[name] if row["table"] == "analytics_account"]
        for name in ("mysql_value", "mongo_value")
    ]
    assert limits == [[2], [3]]
    text = apart.lockstep("conflicts", "show", str(one["id"])).stdout
    assert "[bold]" in text
    assert f"decide it: lockstep repair --collection accounts --id '{one['document']}'" in text


def test_a_conflict_that_is_not_there(apart: Site) -> None:
    """Is said in one line."""
    done = apart.lockstep("conflicts", "show", "4711", check=False)
    assert (done.returncode, done.stderr.splitlines()[0]) == (REFUSED, "error: there is no conflict 4711")


def test_explain_marks_where_the_sides_differ(apart: Site) -> None:
    """Column by column, both values side by side; rows that one side lacks too."""
    text = apart.lockstep("explain", "--collection", "accounts", "--id", B).stdout
    lines = [line.split("│")[1:-1] for line in text.splitlines() if "│" in line]
    cells = {tuple(cell.strip() for cell in line) for line in lines if len(line) == 6}
    assert cells == {
        ("", "analytics_account", f'"{B}"', "account_id", "7", "7"),
        ("≠", "analytics_account", f'"{B}"', "limit", "2", "3"),
        ("", "analytics_accountproduct", f'"{B}" 0', "product", '"Commodity"', '"Commodity"'),
        ("≠", "analytics_accountproduct", f'"{B}" 1', "product", '"[bold]"', "no row"),
    }
    assert "different: analytics_account.limit, analytics_accountproduct" in text
    assert "held by conflict" in text


def test_explain_as_json_keeps_the_types(apart: Site) -> None:
    """The document as extended JSON, unmapped fields included; the mapping's view of each side."""
    apart.mongo("app")["accounts"].update_one({"_id": ObjectId(A)}, {"$set": {"owner": ObjectId(C)}})
    found = answer(apart, "explain", "--collection", "accounts", "--id", A)
    assert found["equal"]
    assert found["mongo"]["document"] == {
        "_id": {"$oid": A},
        "account_id": 7,
        "limit": 1,
        "products": ["Brokerage"],
        "owner": {"$oid": C},
    }
    assert found["mysql"]["as_document"]["_id"] == {"$oid": A}
    assert found["mysql"]["rows"] == found["mongo"]["as_rows"]
    assert found["conflict"] is None


def test_explain_says_why_a_document_cannot_be_carried(apart: Site) -> None:
    """With the path, what was found and what is allowed."""
    apart.mongo("app")["accounts"].update_one({"_id": ObjectId(A)}, {"$set": {"limit": Int64(1)}})
    text = apart.lockstep("explain", "--collection", "accounts", "--id", A).stdout
    assert "MongoDB's document cannot be carried: limit: int32 is allowed, found Int64" in text
    assert "≠" not in text


def test_explain_of_what_is_nowhere(apart: Site) -> None:
    """Is no error: it may have been deleted on both sides."""
    text = apart.lockstep("explain", "--collection", "accounts", "--id", "d" * 24).stdout
    assert "neither database has it" in text


@pytest.mark.parametrize("origin", ["mysql", "mongo"])
def test_repair_makes_the_sides_equal_and_closes_the_conflict(apart: Site, origin: str) -> None:
    """In the direction that was chosen; --dry-run only tells."""
    (held,) = answer(apart, "conflicts", "list")
    arguments = ["repair", "--collection", "accounts", "--id", B, "--from", origin]
    would = answer(apart, *arguments, "--dry-run")
    assert [one["id"] for one in answer(apart, "conflicts", "list")] == [held["id"]]
    done = answer(apart, *arguments)
    assert (would["dry_run"], done["dry_run"]) == (True, False)
    assert would["conflict"] == done["conflict"] == held["id"]
    assert set(would["places"]) == {"analytics_account.limit", "analytics_accountproduct"}
    assert not done["was_equal"]
    assert answer(apart, "conflicts", "list") == []
    shown = answer(apart, "conflicts", "show", str(held["id"]))
    (limit,) = [one for one in shown["fields"] if one["column"] == "limit"]
    assert (limit["mysql"], limit["mongo"], limit["winner"]) == (2, 3, origin)
    assert shown["mysql_value"]
    assert shown["mongo_value"]
    found = answer(apart, "explain", "--collection", "accounts", "--id", B)
    assert found["equal"]
    assert found["mongo"]["document"]["limit"] == {"mysql": 2, "mongo": 3}[origin]


def test_repair_waits_for_a_first_copy_that_was_not_finished(apart: Site) -> None:
    """It would leave its place in the checkpoint, and the copy go on behind it: refused, and the copy then goes on."""
    checkpoints = apart.mongo("admin")["sync_checkpoint"]
    checkpoints.update_one({"_id": "follower"}, {"$set": {"copying": True, "copied": []}})
    repair = ["repair", "--collection", "accounts", "--id", C, "--from", "mysql"]
    done = apart.lockstep(*repair, check=False)
    assert done.returncode == REFUSED
    assert done.stderr.startswith("error: a first copy from mysql was begun and not finished\nhint: lockstep bootstrap")
    apart.mongo("app")["accounts"].delete_one({"_id": ObjectId(A)})
    apart.lockstep("bootstrap", "--from", "mysql")
    assert apart.mongo("app")["accounts"].count_documents({}) == 3


def test_repair_of_an_equal_document_says_so(apart: Site) -> None:
    """And writes nothing."""
    done = apart.lockstep("repair", "--collection", "accounts", "--id", A, "--from", "mongo")
    assert done.stdout == "both sides are equal already\n"
