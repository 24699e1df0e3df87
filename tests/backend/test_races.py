"""Documents over REST while others write them too."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection

from deploy.local.mysql_binary import Flavour
from tests.backend.conftest import People, client_of
from tests.backend.documents import (
    CUSTOMER,
    GOLD,
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
