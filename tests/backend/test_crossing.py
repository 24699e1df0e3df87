"""A customer on both sides: as it is, edits on the side that one names, and each change as it is seen."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from bson import ObjectId
from django.db import DatabaseError, connection
from pymongo.database import Database
from pytest_django import Settings
from rest_framework.test import APIClient

from backend.analytics.models import Customer, CustomerAccount
from backend.crossing import attention, edits, watching
from backend.crossing import mongo as crossing_mongo
from backend.crossing.attention import Watcher
from backend.crossing.watching import Event, EventStream, watch
from tests.backend.conftest import hang_up
from tests.backend.documents import CUSTOMER, Document, customer, load

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("engine_tables")]

HERE = f"/api/v1/crossing/customers/{CUSTOMER}/"
ID = ObjectId(CUSTOMER)


@pytest.fixture
def customers(mongo: Database[Document]) -> Database[Document]:
    """The same customer on both sides."""
    load("customers", customer())
    mongo["customers"].insert_one(customer())
    return mongo


def edit(client: APIClient, **body: Any) -> Any:
    """Ask for an edit; `field` is the name unless told otherwise."""
    return client.post(f"{HERE}edits/", data={"field": "name", **body})


def in_mongo(mongo: Database[Document]) -> Document:
    """The document as it stands."""
    found = mongo["customers"].find_one({"_id": ID})
    assert found is not None
    return found


# As it is.


def test_both_sides_as_they_are(tess: APIClient, customers: Database[Document]) -> None:
    """Rows by table, the document with its types; nothing differs."""
    shown = tess.get(HERE).json()
    assert (shown["differing"], shown["conflict"]) == ([], None)
    root, accounts, tiers, benefits = shown["rows"]
    assert (root["table"], root["key"]) == ("analytics_customer", ["id"])
    assert dict(zip([*root["key"], *root["columns"]], root["rows"][0], strict=True)) == {
        "id": CUSTOMER,
        "username": "fmiller",
        "name": "Elizabeth Ray",
        "address": "9286 Bethany Glens\nVasqueztown, CO 22939",
        "birthdate": {"$date": "1962-03-02T02:20:31.123"},
        "email": "casey@example.com",
        "active": None,
    }
    assert [row[1:] for row in accounts["rows"]] == [[0, 371138], [1, 324287]]
    assert (len(tiers["rows"]), len(benefits["rows"])) == (1, 2)
    assert shown["document"]["_id"] == {"$oid": CUSTOMER}
    assert shown["document"]["accounts"] == [371138, 324287]
    assert shown["document"]["birthdate"] == {"$date": "1962-03-02T02:20:31.123Z"}


def test_places_that_differ_are_named(tess: APIClient, customers: Database[Document]) -> None:
    """By table and column, without values."""
    customers["customers"].update_one({"_id": ID}, {"$set": {"name": "Grace", "accounts": [371138]}})
    assert tess.get(HERE).json()["differing"] == ["analytics_customer.name", "analytics_customeraccount"]


def test_a_document_that_rows_cannot_hold_is_shown_with_the_reason(
    tess: APIClient, customers: Database[Document]
) -> None:
    """As it stands."""
    customers["customers"].update_one({"_id": ID}, {"$set": {"name": 7}})
    shown = tess.get(HERE).json()
    assert shown["document"]["name"] == 7
    assert (shown["rows_problem"], "string" in shown["document_problem"]) == ("", True)
    assert "string" in shown["differing"][0]


def test_a_customer_on_one_side_alone(tess: APIClient, mongo: Database[Document]) -> None:
    """The other side is shown as empty; on neither, there is none."""
    assert tess.get(HERE).status_code == 404
    mongo["customers"].insert_one(customer())
    shown = tess.get(HERE).json()
    assert all(table["rows"] == [] for table in shown["rows"])
    assert shown["document"] is not None
    assert shown["differing"]
    mongo["customers"].delete_one({"_id": ID})
    load("customers", customer())
    shown = tess.get(HERE).json()
    assert shown["document"] is None
    assert shown["rows"][0]["rows"]


def test_the_newest_conflict_comes_along(tess: APIClient, customers: Database[Document]) -> None:
    """Of this customer alone, with what was decided."""
    conflict(1, "settled")
    conflict(2, "open")
    conflict(3, "open", document="another")
    assert tess.get(HERE).json()["conflict"]["id"] == 2


@pytest.mark.parametrize("key", ["x", "5CA4BBCEA2DD94EE58162A68", "5ca4bbcea2dd94ee58162a6", "$where"])
def test_what_is_no_id_is_not_found(tess: APIClient, key: str) -> None:
    """MongoDB is not asked."""
    assert tess.get(f"/api/v1/crossing/customers/{key}/").status_code == 404


# Edits.


def test_an_edit_in_mysql_writes_mysql_alone(tess: APIClient, customers: Database[Document]) -> None:
    """The web application carries nothing across."""
    answer = edit(tess, side="mysql", value=" Ada ")
    assert answer.status_code == 200
    written = answer.json()["mysql"]
    assert (answer.json()["mongo"], written["value"], written["at"] > 1e12) == (None, " Ada ", True)
    assert Customer.objects.get(pk=CUSTOMER).name == " Ada "
    assert in_mongo(customers) == customer()


@pytest.mark.parametrize(
    ("field", "value", "held"),
    [
        ("name", "Grace", "Grace"),
        ("address", "a\nb", "a\nb"),
        ("birthdate", "1906-12-09T01:00:00.250+01:00", "1906-12-09T00:00:00.250"),
        ("active", False, False),
    ],
)
def test_an_edit_in_mongodb_writes_mongodb_alone(
    tess: APIClient, customers: Database[Document], field: str, value: object, held: object
) -> None:
    """One field, as the mapping wants its type."""
    rows = list(Customer.objects.values())
    written = edit(tess, side="mongo", field=field, value=value).json()["mongo"]["value"]
    assert written == ({"$date": held} if field == "birthdate" else held)
    found = in_mongo(customers)
    told = found[field].isoformat(timespec="milliseconds") if field == "birthdate" else found[field]
    assert told == held
    assert {**found, field: None} == {**customer(), field: None}
    assert list(Customer.objects.values()) == rows


def test_a_field_that_is_absent_where_the_column_is_null(tess: APIClient, customers: Database[Document]) -> None:
    """It is taken away, not set to null."""
    edit(tess, side="mongo", field="active", value=True)
    edit(tess, side="mongo", field="active", value=None)
    assert "active" not in in_mongo(customers)


def test_both_sides_at_once(tess: APIClient, customers: Database[Document]) -> None:
    """Each its own value."""
    answer = edit(tess, side="both", mysql_value="Ada", mongo_value="Grace")
    assert answer.status_code == 200
    assert abs(answer.json()["mysql"]["at"] - answer.json()["mongo"]["at"]) < 2000
    assert (Customer.objects.get(pk=CUSTOMER).name, in_mongo(customers)["name"]) == ("Ada", "Grace")


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"side": "both", "mysql_value": "a"}, "mongo_value"),
        ({"side": "both", "mysql_value": "a", "mongo_value": "b", "value": "c"}, "value"),
        ({"side": "both", "mysql_value": "a", "mongo_value": 7}, "mongo_value"),
        ({"side": "mysql"}, "value"),
        ({"side": "mysql", "value": "x" * 256}, "value"),
        ({"side": "mongo", "value": None}, "value"),
        ({"side": "mongo", "value": {"$ne": 1}}, "value"),
        ({"side": "mongo", "value": "x" * 256}, "value"),
        ({"side": "mongo", "field": "birthdate", "value": "1962-03-02T02:20:31.1234Z"}, "value"),
        ({"side": "mongo", "field": "active", "value": "perhaps"}, "value"),
        ({"side": "elsewhere", "value": "a"}, "side"),
        *(
            ({"side": "mongo", "field": field, "value": "a"}, "field")
            for field in ("_id", "accounts", "name.x", "$set")
        ),
    ],
)
def test_what_may_not_be_written_is_refused_by_name(
    tess: APIClient, customers: Database[Document], body: dict[str, Any], where: str
) -> None:
    """Neither side is written."""
    answer = edit(tess, **body)
    assert (answer.status_code, set(answer.json())) == (400, {where})
    assert in_mongo(customers) == customer()
    assert Customer.objects.get(pk=CUSTOMER).name == "Elizabeth Ray"


@pytest.mark.parametrize("side", ["mysql", "mongo"])
def test_a_side_that_does_not_hold_the_customer_is_not_written(
    tess: APIClient, mongo: Database[Document], side: str
) -> None:
    """An edit makes no customer."""
    answer = edit(tess, side=side, value="Ada")
    assert answer.status_code == 409
    assert mongo["customers"].count_documents({}) == Customer.objects.count() == 0


@pytest.mark.parametrize(
    ("rows", "documents"), [([], []), ([], [customer()]), ([customer()], [])], ids=["neither", "no rows", "no document"]
)
def test_when_one_of_two_sides_refuses_nothing_is_written(
    tess: APIClient, mongo: Database[Document], rows: list[Document], documents: list[Document]
) -> None:
    """Each commits only once the other has taken its value."""
    for document in rows:
        load("customers", document)
    for document in documents:
        mongo["customers"].insert_one(document)
    assert edit(tess, side="both", mysql_value="Ada", mongo_value="Grace").status_code == 409
    assert list(mongo["customers"].find()) == documents
    assert [one.name for one in Customer.objects.all()] == [one["name"] for one in rows]


# MongoDB away.


def test_without_a_connection_the_variable_is_named(tess: APIClient, settings: Settings) -> None:
    """Everything else of the web application works without it."""
    settings.MONGO_URL = ""
    answer = tess.get(HERE)
    assert answer.status_code == 503
    assert "LOCKSTEP_APP_MONGO_URL" in answer.json()["detail"]


@pytest.mark.parametrize(
    "change",
    [("mongodb://", "http://"), ("lockstep_admin:", "nobody:"), ("127.0.0.1", "127.0.0.9"), ("/b", "/?x=")],
    ids=["no URL", "unknown user", "nobody there", "no database"],
)
def test_a_connection_that_does_not_serve_is_told_without_its_url(
    tess: APIClient,
    mongo: Database[Document],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    change: tuple[str, str],
) -> None:
    """No host, no user, no password."""
    monkeypatch.setattr(crossing_mongo, "PATIENCE", 300)
    settings.MONGO_URL = settings.MONGO_URL.replace(*change, 1)
    answer = tess.get(HERE)
    assert answer.status_code == 503
    assert "127.0.0" not in answer.json()["detail"]
    assert "lockstep" in answer.json()["detail"] or "LOCKSTEP_APP_MONGO_URL" in answer.json()["detail"]


# As it changes.


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    """A place among those who watch."""
    made = Watcher(CUSTOMER)
    yield made
    made.close()


def following(watcher: Watcher, seconds: float = 5) -> Iterator[Event]:
    """Events that have content."""
    return (event for event in watch(CUSTOMER, watcher, seconds) if event.name != "beat")


def test_each_change_of_either_side_is_told_with_when_it_was_seen(
    watcher: Watcher, customers: Database[Document]
) -> None:
    """First both sides as they are; a change lies between two looks."""
    events = following(watcher)
    first = next(events)
    assert (first.name, first.content["differing"]) == ("snapshot", [])
    Customer.objects.filter(pk=CUSTOMER).update(name="Ada")
    name, here = next(events)
    place = {"table": "analytics_customer", "key": [CUSTOMER], "column": "name", "value": "Ada"}
    assert (name, here["side"], here["changes"]) == ("change", "mysql", [place])
    assert here["differing"] == ["analytics_customer.name"]
    assert here["rows"][0]["rows"][0][2] == "Ada"
    assert "document" not in here
    customers["customers"].update_one({"_id": ID}, {"$set": {"name": "Ada"}})
    name, there = next(events)
    assert (name, there["side"], there["changes"], there["differing"]) == ("change", "mongo", [place], [])
    assert there["document"]["name"] == "Ada"
    assert here["since"] <= here["at"] <= there["at"]
    assert there["since"] <= there["at"]


def test_rows_that_come_and_go_are_told(watcher: Watcher, customers: Database[Document]) -> None:
    """Before their columns."""
    events = following(watcher)
    next(events)
    CustomerAccount.objects.create(customer_id=CUSTOMER, position=2, account_id=7)
    key = [CUSTOMER, 2]
    assert next(events).content["changes"] == [
        {"table": "analytics_customeraccount", "key": key, "column": "", "value": True},
        {"table": "analytics_customeraccount", "key": key, "column": "account_id", "value": 7},
    ]
    CustomerAccount.objects.filter(customer_id=CUSTOMER, position=2).delete()
    assert next(events).content["changes"] == [
        {"table": "analytics_customeraccount", "key": key, "column": "", "value": None}
    ]


def test_a_document_that_rows_cannot_hold_loses_nothing_in_sight(
    watcher: Watcher, customers: Database[Document]
) -> None:
    """No place is told to be gone: the reason is told, and once it fits again, what became different meanwhile."""
    events = following(watcher)
    next(events)
    customers["customers"].update_one({"_id": ID}, {"$set": {"birthdate": "someday"}})
    told = next(events).content
    assert (told["changes"], "birthdate" in told["document_problem"]) == ([], True)
    assert told["document"]["birthdate"] == "someday"
    customers["customers"].replace_one({"_id": ID}, {**customer(), "name": "Ada"})
    told = next(events).content
    assert [change["column"] for change in told["changes"]] == ["name"]
    assert told["document_problem"] == ""


def test_a_conflict_is_told_as_it_goes(watcher: Watcher, customers: Database[Document]) -> None:
    """When it opens and when it closes."""
    events = following(watcher)
    next(events)
    conflict(1, "open")
    assert next(events).content["state"] == "open"
    with connection.cursor() as cursor:
        cursor.execute("UPDATE sync_conflict SET state = 'settled', open_key = NULL")
    told = next(events)
    assert (told.name, told.content["state"]) == ("conflict", "settled")


def test_it_ends_by_the_clock_and_shows_meanwhile_that_it_lives(
    watcher: Watcher, customers: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a write tells that the browser is gone."""
    monkeypatch.setattr(watching, "SIGN", 0.05)
    names = [event.name for event in watch(CUSTOMER, watcher, 0.5)]
    assert names[0] == "snapshot"
    assert set(names[1:]) == {"beat"}


def test_a_side_that_goes_away_is_told_and_ends_it(
    watcher: Watcher, customers: Database[Document], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what to do."""
    events = following(watcher)
    next(events)
    settings.MONGO_URL = ""
    assert [event.name for event in events] == ["problem"]

    def away(key: str) -> Mapping[str, object]:
        raise DatabaseError(2006, "the server's own words")

    monkeypatch.setitem(watching.LOOKS, next(iter(watching.LOOKS)), away)
    assert list(following(watcher)) == [Event("problem", {"detail": watching.AWAY})]


def test_events_are_sent_as_the_standard_has_it(customers: Database[Document]) -> None:
    """Text with line breaks stays in one line of data."""
    stream = EventStream(CUSTOMER)
    parts = iter(stream)
    assert next(parts) == b"retry: 500\n\n"
    name, data, *rest = next(parts).decode().split("\n")
    assert (name, rest) == ("event: snapshot", ["", ""])
    assert json.loads(data.removeprefix("data: "))["document"]["name"] == "Elizabeth Ray"
    stream.close()


def test_nothing_on_the_way_may_keep_events_back(tess: APIClient, customers: Database[Document]) -> None:
    """Neither a cache nor a proxy."""
    answer = tess.get(f"{HERE}events/", headers={"accept": "text/event-stream"})
    assert answer["Content-Type"].startswith("text/event-stream")
    assert (answer["Cache-Control"], answer["X-Accel-Buffering"]) == ("no-store", "no")
    hang_up(answer)


def test_more_than_a_few_may_not_watch_at_once(tess: APIClient, customers: Database[Document]) -> None:
    """Each takes a thread; one that goes makes room."""
    watchers = [Watcher(CUSTOMER) for _ in range(attention.MOST)]
    answer = tess.get(f"{HERE}events/", headers={"accept": "text/event-stream"})
    assert answer.status_code == 503
    assert answer.json()["detail"]
    watchers.pop().close()
    answer = tess.get(f"{HERE}events/", headers={"accept": "text/event-stream"})
    assert answer.status_code == 200
    hang_up(answer)
    for one in watchers:
        one.close()
        one.close()
    for one in [Watcher(CUSTOMER) for _ in range(attention.MOST)]:
        one.close()


def test_an_edit_wakes_who_watches(
    tess: APIClient, watcher: Watcher, customers: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the crossing is measured finely."""
    monkeypatch.setattr(attention, "CALM", 60.0)
    edit(tess, side="mysql", value="Ada")
    watcher.rest()  # returns at once
    assert set(edits.FIELDS) <= {field.name for field in Customer._meta.get_fields()}


def conflict(number: int, state: str, document: str = CUSTOMER) -> None:
    """A conflict's row and detail."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO sync_conflict VALUES (%s, 'customers', %s, %s, %s, NULL, NULL, 1)",
            [number, document, state, f"key{number}" if state == "open" else None],
        )
        cursor.execute(
            "INSERT INTO sync_conflict_detail (conflict_id, kind, side, reason, opened_at, noted_at)"
            " VALUES (%s, 'update_differs', 'mysql', 'name', '2026-01-02', '2026-01-02')",
            [number],
        )
