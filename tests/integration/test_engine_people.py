"""What only a person may decide, on running workers: it waits, nothing else does, and what they say of it is carried out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId

from backend.analytics.sample import Sample
from sync.model.change import Side
from sync.model.choice import Taken
from sync.model.shown import differing, taken_of
from tests.engine import Engine, at_work
from tests.plain import Doc
from tests.site import Site


def told(site: Site, tmp_path: Path, settings: str = "") -> None:
    """The collections are under `manual`, and these settings hold."""
    config = tmp_path / "lockstep.toml"
    text = site.config_path.read_text().replace("[lockstep]\n", f"[lockstep]\n{settings}\n")
    for name in ("customers", "accounts"):
        text = text.replace(f"[collections.{name}]\n", f'[collections.{name}]\npolicy = "manual"\n')
    config.write_text(text)
    site.config_path = config


@pytest.fixture
def asking(site: Site, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Both workers at work; a parameter is further settings."""
    told(site, tmp_path, getattr(request, "param", ""))
    with at_work(site, tmp_path) as made:
        yield made


def account() -> Doc:
    return {"_id": ObjectId(), "account_id": 1, "limit": 1, "products": ["a"]}


def meet(engine: Engine, *documents: Doc, here: Doc | None = None, there: Doc | None = None) -> list[int]:
    """Both sides change the limit of each, and what else is given; the numbers of the conflicts, once they wait."""
    engine.mongo["accounts"].insert_many(list(documents))
    engine.settle()
    engine.kill("follower")
    for document in documents:
        engine.write_mysql("accounts", document, {**document, "limit": 5, **(here or {})})
        engine.mongo["accounts"].update_one({"_id": document["_id"]}, {"$set": {"limit": 7, **(there or {})}})
    engine.until(lambda: engine.held() == len(documents))
    engine.start("follower")
    engine.until(lambda: len(engine.conflicts("waiting")) == len(documents))
    return sorted(int(one["id"]) for one in engine.conflicts("waiting"))


def both(engine: Engine, document: Doc) -> tuple[Doc, Doc]:
    """The account as MySQL and as MongoDB have it."""
    mysql, mongo = engine.sides()
    key = str(document["_id"])
    return mysql["accounts"][key], mongo["accounts"][key]


def show(engine: Engine, number: int) -> dict[str, Any]:
    """The conflict, with all that is known."""
    return dict(engine.site.lockstep_json("conflicts", "show", str(number)))


def taken(
    engine: Engine,
    number: int,
    side: Side | None,
    values: Mapping[str, object] | None = None,
    name: str = "accounts",
) -> tuple[Taken, ...]:
    """A decision by what stands in the row now."""
    row = show(engine, number)
    with engine.site.wiring() as wiring:
        collection = wiring.collection(name)
    return taken_of(collection, differing(collection, row["mysql_value"], row["mongo_value"]), side, values or {})


def ask(engine: Engine, number: int, decided: tuple[Taken, ...], by: str = "alice@example.com") -> int:
    """As API and command line do."""
    with engine.site.wiring() as wiring:
        return wiring.deciding.ask(number, decided, "a call", by)


def become(engine: Engine, number: int, request: int) -> Mapping[str, Any]:
    """What became of it."""
    with engine.site.wiring() as wiring:
        return wiring.deciding.outcomes({request: number}, 60.0)[number]


def test_only_what_is_in_question_waits(asking: Engine) -> None:
    """The rest of the document crosses, also what is edited while it waits; both logs fall silent; one side is taken."""
    engine, document = asking, account()
    (number,) = meet(engine, document, here={"account_id": 2}, there={"products": ["a", "b"]})
    mysql, mongo = both(engine, document)
    assert mysql == {**document, "limit": 5, "account_id": 2, "products": ["a", "b"]}
    assert mongo == {**mysql, "limit": 7}
    row = show(engine, number)
    assert row["waiting_for"].startswith("a person: analytics_account.limit: both sides' people wrote it")
    assert [(one["label"], one["mysql"], one["mongo"]) for one in row["differing"]] == [("limit", 5, 7)]
    assert [one["column"] for side in Side for one in row[f"{side}_notes"]["notes"]] == ["limit", "limit"]

    engine.mongo["accounts"].update_one({"_id": document["_id"]}, {"$set": {"account_id": 3}})
    engine.until(lambda: both(engine, document)[0]["account_id"] == 3)
    engine.until(lambda: engine.conflicts("waiting") != [])
    looks = show(engine, number)["looks"]
    engine.settle()
    assert show(engine, number)["looks"] == looks

    done = engine.site.lockstep(
        "conflicts", "resolve", str(number), "--winner", "mysql", "--reason", "the branch called"
    )
    assert done.stdout == f"conflict {number}: done\n1 decided, 0 refused, 0 pending\n"
    assert engine.held() == 0
    assert engine.assert_equal()["accounts"][str(document["_id"])]["limit"] == 5
    row = show(engine, number)
    (lost,), (ruling,) = row["losers"], row["rulings"]
    assert (row["state"], lost["value"], lost["side"]) == ("settled", 7, "mongo")
    assert (ruling["state"], ruling["reason"]) == ("done", "the branch called")
    assert row["resolution"] == {
        "by": "person",
        "person": ruling["by"],
        "reason": "the branch called",
        "request": ruling["request"],
    }
    (decided,) = row["fields"]
    assert [decided[name] for name in ("base", "mysql", "mongo", "winner")] == [1, 5, 7, "mysql"]
    text = engine.site.lockstep("conflicts", "show", str(number)).stdout
    assert f"resolution: by {ruling['by']}: the branch called" in text


def test_a_decision_is_bound_to_the_values_that_were_shown(asking: Engine) -> None:
    """Refused, with the new ones, once that field has changed; taken though another field has."""
    engine, document = asking, account()
    (number,) = meet(engine, document)
    early = taken(engine, number, Side.MYSQL)
    token = show(engine, number)["shown"]
    engine.mongo["accounts"].update_one({"_id": document["_id"]}, {"$set": {"limit": 8}})
    engine.until(lambda: [one["mongo"] for one in show(engine, number)["differing"]] == [8])
    refused = become(engine, number, ask(engine, number, early))
    assert (refused["state"], refused["message"]) == ("refused", "other values stand there by now")
    (changed,) = refused["changed"]
    assert (changed["column"], changed["mysql"], changed["mongo"]) == ("limit", 5, 8)
    engine.until(lambda: engine.conflicts("waiting") != [])
    assert [side["limit"] for side in both(engine, document)] == [5, 8]
    stale = ("conflicts", "resolve", str(number), "--winner", "mysql", "--reason", "why")
    done = engine.site.lockstep(*stale, "--shown", token, check=False)
    assert (done.returncode, f"other values stand in conflict {number}" in done.stderr) == (1, True)

    late = taken(engine, number, None, {"limit": 42})
    with engine.mysql.cursor() as cursor:
        cursor.execute("UPDATE analytics_account SET account_id = 9 WHERE id = %s", (str(document["_id"]),))
    done_by = become(engine, number, ask(engine, number, late))
    assert done_by == {"state": "done", "message": "", "changed": []}
    engine.meet()
    final = engine.assert_equal()["accounts"][str(document["_id"])]
    assert (final["limit"], final["account_id"]) == (42, 9)
    row = show(engine, number)
    assert [(one["state"], one["by"]) for one in row["rulings"]] == [
        ("refused", "alice@example.com"),
        ("done", "alice@example.com"),
    ]
    assert {(one["value"], one["side"]) for one in row["losers"]} >= {(5, "mysql"), (8, "mongo")}
    assert become(engine, number, ask(engine, number, late))["message"] == f"conflict {number} is closed"


def test_many_are_decided_at_once(asking: Engine) -> None:
    """Those that the filters let through, with how many were decided; --dry-run only tells."""
    engine, documents = asking, [account() for _ in range(25)]
    numbers = meet(engine, *documents)
    words = (
        "conflicts",
        "resolve",
        "--all",
        "--collection",
        "accounts",
        "--winner",
        "mongo",
        "--reason",
        "a bulk load",
    )
    dry = engine.site.lockstep_json(*words, "--dry-run")
    assert isinstance(dry["conflicts"], list)
    assert sorted(one["conflict"] for one in dry["conflicts"]) == numbers
    assert all(one["fields"] == {"limit": 7} for one in dry["conflicts"])
    assert engine.held() == len(numbers)
    assert "0 decided" in engine.site.lockstep(*words, "--kind", "delete_differs").stdout
    done = engine.site.lockstep_json(*words)
    assert (done["done"], done["refused"], done["pending"]) == (25, 0, 0)
    engine.meet()
    assert {one["limit"] for one in engine.assert_equal()["accounts"].values() if one["account_id"] == 1} == {7}


def test_a_decision_that_comes_late_survives_crashes(asking: Engine) -> None:
    """Asked for while no worker runs, and again while they die; bound to the values all the same."""
    engine, documents = asking, [account(), account()]
    first, second = meet(engine, *documents)
    decisions = {number: taken(engine, number, Side.MONGO) for number in (first, second)}
    of_second = show(engine, second)["document"]
    engine.kill("follower")
    engine.kill("listener")
    with engine.mysql.cursor() as cursor:
        cursor.execute("UPDATE analytics_account SET `limit` = 6 WHERE id = %s", (of_second,))
    requests = {number: ask(engine, number, decided) for number, decided in decisions.items()}
    engine.start("follower")
    engine.until(lambda: engine.value("SELECT COUNT(*) FROM sync_command WHERE state = 'done'") == 2)
    engine.kill("follower")
    engine.start()
    assert become(engine, first, requests[first])["state"] == "done"
    refused = become(engine, second, requests[second])
    assert (refused["state"], [one["mysql"] for one in refused["changed"]]) == ("refused", [6])
    engine.until(lambda: [one["id"] for one in engine.conflicts()] == [second])
    engine.until(lambda: [one["id"] for one in engine.conflicts("waiting")] == [second])
    assert (
        "1 decided"
        in engine.site.lockstep("conflicts", "resolve", str(second), "--winner", "mysql", "--reason", "why").stdout
    )
    engine.meet()
    engine.assert_equal()


@pytest.mark.parametrize(
    "asking", ['undecided_after_hours = 2\nundecided = "mongo_wins"'], indirect=True, ids=["mongo_wins"]
)
def test_a_rule_decides_what_nobody_does(asking: Engine) -> None:
    """Once it has waited for so long, and not before."""
    engine, documents = asking, [account(), account()]
    first, second = meet(engine, *documents)
    for hours, number in ((1, first), (3, second)):
        with engine.site.mysql("admin").cursor() as cursor:
            cursor.execute(
                "UPDATE sync_conflict_detail SET asked_at = asked_at - INTERVAL %s HOUR WHERE conflict_id = %s",
                (hours, number),
            )
    engine.until(lambda: [one["id"] for one in engine.conflicts()] == [first])
    row = show(engine, second)
    assert row["resolution"] == {"by": "timeout", "policy": "mongo_wins"}
    assert [(one["value"], one["side"]) for one in row["losers"]] == [(5, "mysql")]
    text = engine.site.lockstep("conflicts", "show", str(second)).stdout
    assert "resolution: by policy mongo_wins, for no person had decided in time" in text
    assert (show(engine, first)["state"], engine.held()) == ("waiting", 1)


@pytest.mark.parametrize("origin", list(Side))
@pytest.mark.parametrize("policy", ["mongo_wins", "manual"])
def test_what_differed_before_the_start_is_decided_field_by_field(
    site: Site, tmp_path: Path, policy: str, origin: Side
) -> None:
    """Whatever the policy, and from whichever side the copy was made: no log tells which is right. A rule may say so later."""
    told(site, tmp_path, 'undecided_after_hours = 2\nundecided = "mysql_wins"')
    site.config_path.write_text(site.config_path.read_text().replace('"manual"', f'"{policy}"'))
    engine, documents = Engine(site, tmp_path), [account() for _ in range(4)]
    site.setup()
    engine.mongo["accounts"].insert_many(documents)
    for document in documents:
        engine.write_mysql("accounts", None, {**document, "limit": 5, "products": ["a", "b"]})
    site.lockstep("bootstrap", "--from", str(origin))
    try:
        engine.start()
        engine.until(lambda: len(engine.conflicts("waiting")) == len(documents))
        assert {one["kind"] for one in engine.conflicts()} == {"snapshot_differs"}
        numbers = {one["document"]: str(one["id"]) for one in engine.conflicts()}
        mine, theirs, own, late = (numbers[str(document["_id"])] for document in documents)
        why = ("--reason", "as agreed")
        site.lockstep("conflicts", "resolve", mine, "--winner", "mysql", *why)
        site.lockstep("conflicts", "resolve", theirs, "--winner", "mongo", *why)
        site.lockstep("conflicts", "resolve", own, "--winner", "mysql", "--value", "limit=9", *why)
        engine.until(lambda: [str(one["id"]) for one in engine.conflicts()] == [late])
        with site.mysql("admin").cursor() as cursor:
            cursor.execute("UPDATE sync_conflict_detail SET asked_at = asked_at - INTERVAL 3 HOUR")
        engine.meet()
        found = engine.assert_equal()["accounts"]
        stands = [(found[str(one["_id"])]["limit"], found[str(one["_id"])]["products"]) for one in documents]
        assert stands == [(5, ["a", "b"]), (1, ["a"]), (9, ["a", "b"]), (5, ["a", "b"])]
        assert show(engine, int(mine))["resolution"]["by"] != show(engine, int(late))["resolution"]["by"] == "timeout"
    finally:
        engine.close()


def test_a_copy_made_anew_asks_about_what_was_held(asking: Engine) -> None:
    """What was edited between the logs that were read and the copy stands in neither: nobody decides it unasked."""
    engine, document = asking, account()
    (number,) = meet(engine, document)
    for name in ("follower", "listener"):
        engine.kill(name)
    engine.mongo["accounts"].update_one({"_id": document["_id"]}, {"$set": {"products": ["a", "unread"]}})
    engine.site.lockstep("bootstrap", "--from", "mysql")
    engine.start()
    engine.until(lambda: [one["id"] for one in engine.conflicts("waiting")] == [number])
    row = show(engine, number)
    assert row["kind"] == "snapshot_differs"
    engine.site.lockstep("conflicts", "resolve", str(number), "--winner", "mongo", "--reason", "as agreed")
    engine.meet()
    found = engine.assert_equal()["accounts"][str(document["_id"])]
    assert (found["limit"], found["products"]) == (7, ["a", "unread"])


def test_an_own_value_that_mysql_refuses_is_refused_and_the_question_stays(asking: Engine) -> None:
    """The person is told, and nothing was written; nobody else decides meanwhile."""
    engine = asking
    document: Doc = {**next(iter(Sample.of(1, 1).documents("customers"))), "_id": ObjectId()}
    engine.mongo["customers"].insert_one(document)
    engine.settle()
    engine.kill("follower")
    engine.write_mysql("customers", document, {**document, "username": "ann"})
    engine.mongo["customers"].update_one({"_id": document["_id"]}, {"$set": {"username": "anna"}})
    engine.until(lambda: engine.held() == 1)
    engine.start("follower")
    engine.until(lambda: len(engine.conflicts("waiting")) == 1)
    number = int(engine.conflicts("waiting")[0]["id"])

    def own(text: str) -> Mapping[str, Any]:
        decided = taken(engine, number, None, {"username": text}, "customers")
        return become(engine, number, ask(engine, number, decided))

    refused = own("u" * 500)
    assert (refused["state"], "at most 150 characters are allowed" in refused["message"]) == ("refused", True)
    engine.until(lambda: str(show(engine, number)["waiting_for"]).startswith("a person: analytics_customer.username"))
    (left,) = show(engine, number)["differing"]
    assert (left["mysql"], left["mongo"]) == ("ann", "anna")
    assert own("ann lee")["state"] == "done"
    assert engine.assert_equal()["customers"][str(document["_id"])]["username"] == "ann lee"
    assert {one["value"] for one in show(engine, number)["losers"]} >= {"ann", "anna"}


def test_a_request_that_is_none_is_refused(asking: Engine) -> None:
    """By name, whoever wrote it; nothing changes."""
    engine, document = asking, account()
    (number,) = meet(engine, document)
    head = {"table": "analytics_account", "key": [str(document["_id"])], "column": "limit", "mysql": 5, "mongo": 7}
    for arguments, told_ in (
        ({"conflict": 999999, "fields": [{**head, "take": "mysql"}], "reason": "r"}, "there is no conflict 999999"),
        ({"conflict": number, "fields": [{**head, "take": "both"}], "reason": "r"}, "fields: each needs table"),
        (
            {"conflict": number, "fields": [{**head, "column": "colour", "take": "mysql"}], "reason": "r"},
            "no mapped column",
        ),
        (
            {"conflict": number, "fields": [{**head, "take": "value", "value": "x"}], "reason": "r"},
            "analytics_account.limit",
        ),
        ({"conflict": number, "fields": [{**head, "take": "mysql"}], "reason": " "}, "a reason is needed"),
        ({"conflict": number, "fields": [], "reason": "r"}, "nothing is decided"),
        ({"conflict": number}, "a follower knows no request resolve of this form"),
    ):
        with engine.mysql.cursor() as cursor:
            cursor.execute(
                "INSERT INTO sync_command (worker, kind, arguments, requested_by, requested_at, state)"
                " VALUES ('follower', 'resolve', %s, 'mallory', NOW(6), 'requested')",
                (json.dumps(arguments),),
            )
            asked = cursor.lastrowid
        engine.until(lambda asked=asked: _state(engine, asked) not in ("requested", "running"))  # type: ignore[misc]
        assert _state(engine, asked) == "refused"
        assert told_ in engine.value("SELECT result FROM sync_command WHERE id = %s", asked)
    assert show(engine, number)["rulings"] is None
    assert [side["limit"] for side in both(engine, document)] == [5, 7]


def _state(engine: Engine, number: int) -> str:
    return str(engine.value("SELECT state FROM sync_command WHERE id = %s", number))
