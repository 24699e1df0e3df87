"""Documents over REST while others write them too."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from bson import ObjectId
from django.db import connection
from pymongo.database import Database
from pymongo.errors import OperationFailure

from backend.analytics.models import Customer
from backend.crossing import edits
from deploy.local.mysql_binary import Flavour
from tests.backend.conftest import People, client_of
from tests.backend.documents import (
    CUSTOMER,
    GOLD,
    Document,
    account,
    body,
    customer,
    load,
    numbered,
    one,
)
from tests.mysql_side import wait_for
from tests.servers import Servers

pytestmark = pytest.mark.django_db(transaction=True)

TIER = {"tier": "Gold", "active": True, "benefits": ["a"]}


def in_thread(work: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    """`work` begun in a thread with a connection of its own; the list takes what it gives."""
    given: list[Any] = []

    def run() -> None:
        try:
            given.append(work())
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread, given


@pytest.fixture
def bystander() -> Iterator[Any]:
    """A transaction of somebody else's."""
    other = connection.copy()
    other.set_autocommit(False)
    with other.cursor() as cursor:
        yield cursor
    other.rollback()
    other.close()


def wait_until_somebody_waits_for_a_lock(servers: Servers) -> None:
    """Returns once a transaction waits for one that another holds."""
    with servers.mysql(Flavour.MYSQL).admin() as admin, admin.cursor() as cursor:
        wait_for(lambda: cursor.execute("SELECT 1 FROM performance_schema.data_lock_waits"))


def test_a_change_is_made_to_the_document_as_it_then_is(people: People, servers: Servers, bystander: Any) -> None:
    """A PUT that waited for another writer compares with what that one left, not with what it had read before."""
    load("customers", customer())
    client = client_of(people.tess)
    bystander.execute("SELECT * FROM analytics_customer FOR UPDATE")
    bystander.execute("UPDATE analytics_customer SET name = 'Theirs'")
    bystander.execute("INSERT INTO analytics_customeraccount VALUES (2, 5, %s)", [CUSTOMER])
    sent = body(customer(accounts=[371138, 324287, 6]))
    thread, given = in_thread(lambda: client.put(one("customer"), data=sent))
    wait_until_somebody_waits_for_a_lock(servers)
    bystander.execute("COMMIT")
    thread.join()
    assert given[0].status_code == 200
    shown = client.get(one("customer")).json()
    assert (shown["name"], shown["accounts"]) == (sent["name"], sent["accounts"])


@pytest.mark.parametrize("method", ["put", "delete"])
def test_a_document_that_was_deleted_meanwhile_is_not_found(
    people: People, servers: Servers, bystander: Any, method: str
) -> None:
    """Whoever waited for its lock hears so."""
    load("accounts", account())
    client = client_of(people.tess)
    bystander.execute("DELETE FROM analytics_accountproduct")
    bystander.execute("DELETE FROM analytics_account")
    thread, given = in_thread(lambda: getattr(client, method)(one("account"), data=body(account())))
    wait_until_somebody_waits_for_a_lock(servers)
    bystander.execute("COMMIT")
    thread.join()
    assert given[0].status_code == 404


def test_a_write_that_loses_a_deadlock_is_done_again(people: People, servers: Servers, bystander: Any) -> None:
    """InnoDB may take an application's transaction as the victim of a deadlock with a worker; nobody sees it."""
    load("customers", customer(), *(customer(numbered(place)) for place in range(50)))
    client = client_of(people.tess)
    bystander.execute(
        "UPDATE analytics_customer SET name = 'x' WHERE id <> %s", [CUSTOMER]
    )  # is the heavier of the two
    bystander.execute("UPDATE analytics_customertier SET tier = 'x' WHERE customer_id = %s", [CUSTOMER])
    tiers = {GOLD: {**TIER, "tier": "ours"}}
    thread, given = in_thread(lambda: client.patch(one("customer"), data={"tier_and_details": tiers, "name": "ours"}))
    wait_until_somebody_waits_for_a_lock(servers)
    bystander.execute("UPDATE analytics_customer SET name = 'theirs', username = 'theirs' WHERE id = %s", [CUSTOMER])
    bystander.execute("COMMIT")
    thread.join()
    assert given[0].status_code == 200, given[0].content
    shown = client.get(one("customer")).json()
    assert (shown["name"], shown["username"]) == ("ours", "theirs")
    assert shown["tier_and_details"][GOLD]["tier"] == "ours"


def test_a_write_that_waits_too_long_says_so(people: People, servers: Servers, bystander: Any) -> None:
    """503, with nothing changed: it may be sent again."""
    load("accounts", account())
    client = client_of(people.tess)

    def impatient() -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION innodb_lock_wait_timeout = 1")
        return client.patch(one("account"), data={"limit": 1})

    bystander.execute("SELECT * FROM analytics_account FOR UPDATE")
    thread, given = in_thread(impatient)
    thread.join()
    assert given[0].status_code == 503
    assert set(given[0].json()) == {"detail"}
    assert client.get(one("account")).json()["limit"] == 9000


# Both sides at once.


def written_and_not_committed(mongo: Database[Document]) -> bool:
    """Whether somebody's transaction holds the customer's document."""
    try:
        with mongo.client.start_session() as session, session.start_transaction():
            mongo["customers"].update_one({"_id": ObjectId(CUSTOMER)}, {"$set": {"name": "mine"}}, session=session)
            session.abort_transaction()
    except OperationFailure as error:
        if error.has_error_label("TransientTransactionError"):
            return True
        raise
    return False


@pytest.fixture
def slow_mysql(
    people: People, mongo: Database[Document], bystander: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[threading.Thread, list[Any]]]:
    """Both sides asked for at once, MongoDB's value written, MySQL's row locked by the bystander."""
    monkeypatch.setattr(edits, "TOGETHER", 60.0)
    load("customers", customer())
    mongo["customers"].insert_one(customer())
    bystander.execute("SELECT * FROM analytics_customer FOR UPDATE")
    client, asked = client_of(people.tess), {"side": "both", "field": "name"}
    sent = {**asked, "mysql_value": "Ada", "mongo_value": "Grace"}
    thread, given = in_thread(lambda: client.post(f"/api/v1/crossing/customers/{CUSTOMER}/edits/", data=sent))
    wait_for(lambda: written_and_not_committed(mongo))
    yield thread, given
    thread.join()


def test_neither_side_is_committed_before_both_are_written(
    slow_mysql: tuple[threading.Thread, list[Any]], mongo: Database[Document], servers: Servers, bystander: Any
) -> None:
    """However slow one of them is: else the first value would be carried over, and the second find nothing to meet."""
    thread, given = slow_mysql
    wait_until_somebody_waits_for_a_lock(servers)
    assert mongo["customers"].find_one() == customer()
    bystander.execute("COMMIT")
    thread.join()
    assert given[0].status_code == 200
    assert [one["name"] for one in mongo["customers"].find()] == ["Grace"]
    assert Customer.objects.get().name == "Ada"


def test_when_one_of_two_commits_fails_it_is_told_which_was_written(
    slow_mysql: tuple[threading.Thread, list[Any]], mongo: Database[Document], bystander: Any
) -> None:
    """MongoDB ends the transaction that waits, and somebody deletes the document before it is tried again."""
    thread, given = slow_mysql
    mongo.client.admin.command("killAllSessions", [])
    wait_for(lambda: not written_and_not_committed(mongo))
    mongo["customers"].delete_one({})
    bystander.execute("COMMIT")
    thread.join()
    assert given[0].status_code == 503
    assert given[0].json()["detail"].startswith("MySQL was written, MongoDB was not: MongoDB does not hold")
    assert Customer.objects.get().name == "Ada"
