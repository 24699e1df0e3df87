"""`manage.py seed`, `load_export` and `demo_users`: all or nothing, and every refusal names what it is about."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from bson import json_util
from bson.int64 import Int64
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings
from rest_framework.test import APIClient

from backend.accounts.models import Role, User
from backend.analytics.loading import read_mapping
from backend.analytics.models import Account, Customer
from backend.analytics.sample import FIRST_EMAIL, Sample
from tests.backend.documents import (
    GOLD,
    Document,
    account,
    as_json,
    bucket,
    contents,
    customer,
    entry,
    load,
    numbered,
)

REAL = "LOCKSTEP_REAL_DATA"


def run(*arguments: str) -> str:
    """A management command's output."""
    said = StringIO()
    call_command(*arguments, stdout=said, stderr=said)
    return said.getvalue()


def shown(client: APIClient, collection: str) -> Iterator[Any]:
    """All documents of a collection as the API shows them."""
    place: str | None = f"/api/v1/{collection}/?page_size=100"
    while place:
        page = client.get(place).json()
        yield from page["results"]
        place = page["next"]


def expected(document: Document) -> Any:
    """A document as the API shows it: sets sorted, an absent `active` as null."""
    made = as_json(document)
    if "username" in made:
        made.setdefault("active", None)
        for tier in made["tier_and_details"].values():
            tier["benefits"].sort()
    return made


# --- sample data -----------------------------------------------------------------------------------------------------


def drawn(customers: int, seed: int) -> dict[str, list[Document]]:
    """All documents of a sample."""
    sample = Sample.of(customers, seed)
    return {name: list(sample.documents(name)) for name in sample.sizes}


def test_a_sample_has_the_real_sets_sizes() -> None:
    """500 customers, 1,746 accounts and as many buckets; what the sizes say is what is made."""
    sample = Sample.of(500, 1)
    assert sample.sizes == {"customers": 500, "accounts": 1746, "transactions": 1746}
    for name, size in sample.sizes.items():
        documents = list(sample.documents(name))
        assert len(documents) == size
        assert len({document["_id"] for document in documents}) == size


def test_a_sample_has_the_real_sets_oddities() -> None:
    """What makes trouble in the real set is there to make it here."""
    made = drawn(500, 1)
    customers, buckets = made["customers"], made["transactions"]
    assert {len(one["accounts"]) for one in customers} == set(range(1, 7))
    assert [one for one in customers if "active" in one] == customers[:1]
    assert customers[0]["email"] == FIRST_EMAIL
    assert all("\n" in one["address"] for one in customers)
    assert any(one["birthdate"].year < 1970 for one in customers)
    assert 200 < sum(not one["tier_and_details"] for one in customers) < 300
    numbers = [number for one in customers for number in one["accounts"]]
    assert [one["account_id"] for one in made["accounts"]] == numbers == [one["account_id"] for one in buckets]
    entries = [one for each in buckets for one in each["transactions"]]
    assert max(len(one["price"].partition(".")[2]) for one in entries) >= 45
    assert {len(each["transactions"]) for each in buckets} == set(range(1, 101))
    assert all(each["transaction_count"] == len(each["transactions"]) for each in buckets)
    dates = [[one["date"] for one in each["transactions"]] for each in buckets]
    assert any(one != sorted(one) for one in dates)


@pytest.mark.parametrize("customers", [1, 2, 7, 30])
def test_the_same_seed_draws_the_same_sample(customers: int) -> None:
    """Another seed another one; `_id`s included."""
    assert drawn(customers, 7) == drawn(customers, 7)
    assert drawn(customers, 7) != drawn(customers, 8)
    assert drawn(customers, 0)["customers"][0]["_id"] != drawn(customers, -1)["customers"][0]["_id"]


@pytest.mark.django_db
def test_seeding_writes_the_sample(tess: APIClient) -> None:
    """What the API then shows is what was drawn."""
    said = run("seed", "--customers", "5", "--seed", "3")
    assert said == "customers: 5 documents\naccounts: 17 documents\ntransactions: 17 documents\n"
    for name, documents in drawn(5, 3).items():
        assert list(shown(tess, name)) == [expected(document) for document in documents]


@pytest.mark.django_db
@pytest.mark.parametrize("collection", ["customers", "accounts", "transactions"])
def test_seeding_fills_empty_tables_only(collection: str) -> None:
    """One document anywhere is enough to refuse; nothing is changed."""
    made = {"customers": customer, "accounts": account, "transactions": bucket}
    load(collection, made[collection]())
    before = contents()
    with pytest.raises(CommandError, match=f"{collection} are there already"):
        run("seed", "--customers", "2")
    assert contents() == before


@pytest.mark.django_db
@pytest.mark.parametrize("customers", ["0", "-1", "1000001"])
def test_seeding_refuses_sizes_out_of_bounds(customers: str) -> None:
    """The message says what is allowed."""
    with pytest.raises(CommandError, match="1 to 1,000,000 is allowed"):
        run("seed", f"--customers={customers}")
    with pytest.raises(CommandError, match="invalid int value"):
        run("seed", "--customers=many")
    assert not any(contents().values())


@pytest.mark.django_db
@pytest.mark.parametrize("command", [("seed",), ("load_export", ".")])
def test_loading_without_a_mapping_says_so(settings: Settings, tmp_path: Path, command: tuple[str, ...]) -> None:
    """Missing, or not one."""
    settings.LOCKSTEP_CONFIG = tmp_path / "lockstep.toml"
    with pytest.raises(CommandError, match="No such file"):
        run(*command)
    settings.LOCKSTEP_CONFIG.write_text("[collections")
    with pytest.raises(CommandError, match=r"lockstep\.toml"):
        run(*command)


# --- exports ---------------------------------------------------------------------------------------------------------


def canonical(document: Document) -> str:
    """As `mongoexport --jsonFormat=canonical` writes it: each type is told."""
    return json_util.dumps(document, json_options=json_util.CANONICAL_JSON_OPTIONS, ensure_ascii=False)


def born(milliseconds: int) -> str:
    """A customer with any birthdate, also what Python's dates cannot hold."""
    born = customer()["birthdate"]
    return canonical(customer()).replace(
        canonical({"": born})[5:-1], f'{{"$date": {{"$numberLong": "{milliseconds}"}}}}'
    )


class Exports:
    """A folder of exports."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, collection: str, *lines: Document | str | bytes) -> None:
        """A file of documents, or of lines as they stand."""
        written = [self._bytes(line) for line in lines]
        (self.folder / f"{collection}.json").write_bytes(b"".join(line + b"\n" for line in written))

    def load(self) -> str:
        """What `load_export` says."""
        return run("load_export", str(self.folder))

    def refusal(self) -> str:
        """What it says when it refuses; and that nothing is loaded then."""
        before = contents()
        with pytest.raises(CommandError) as refused:
            self.load()
        assert contents() == before
        return str(refused.value)

    @staticmethod
    def _bytes(line: Document | str | bytes) -> bytes:
        if isinstance(line, bytes):
            return line
        return (line if isinstance(line, str) else canonical(line)).encode()


@pytest.fixture
def exports(tmp_path: Path, db: None) -> Exports:
    """An empty folder."""
    return Exports(tmp_path)


def test_exports_are_loaded_as_they_are(exports: Exports, tess: APIClient) -> None:
    """All files there are, blank lines or none at the end."""
    documents = {
        "customers": [customer(numbered(1)), customer(numbered(2), active=False, accounts=[], tier_and_details={})],
        "accounts": [account(numbered(3)), account(numbered(4), products=[])],
        "transactions": [bucket(numbered(5)), bucket(numbered(6), transactions=[])],
    }
    for name, of_collection in documents.items():
        exports.put(name, of_collection[0], "", "  ", of_collection[1])
    file = exports.folder / "accounts.json"
    file.write_bytes(file.read_bytes().rstrip())
    (exports.folder / "README.md").write_text("not a collection")
    assert exports.load() == "customers: 2 documents\naccounts: 2 documents\ntransactions: 2 documents\n"
    for name, of_collection in documents.items():
        assert list(shown(tess, name)) == [expected(document) for document in of_collection]


def test_any_of_the_extended_json_forms_is_read(exports: Exports, tess: APIClient) -> None:
    """Canonical and relaxed, dates as text and as numbers before 1970."""
    for place, options in enumerate((json_util.CANONICAL_JSON_OPTIONS, json_util.RELAXED_JSON_OPTIONS)):
        exports.put("customers", json_util.dumps(customer(numbered(place)), json_options=options))
        exports.load()
    assert [found["birthdate"] for found in shown(tess, "customers")] == ["1962-03-02T02:20:31.123Z"] * 2


def test_a_file_of_its_own_is_enough(exports: Exports) -> None:
    """Collections without a file stay as they are."""
    load("accounts", account())
    exports.put("customers", customer())
    exports.load()
    assert (Customer.objects.count(), Account.objects.count()) == (1, 1)


def changed(document: Document, path: str, value: object) -> Document:
    """With another value at a dotted path."""
    *above, last = path.split(".")
    place: Any = document
    for name in above:
        place = place[int(name)] if isinstance(place, list) else place[name]
    place[int(last) if isinstance(place, list) else last] = value
    return document


def without(document: Document, name: str) -> Document:
    """Without a field."""
    return {other: value for other, value in document.items() if other != name}


BAD: dict[str, tuple[str, Document | str | bytes, str]] = {
    "not JSON": ("customers", "{", "not extended JSON"),
    "Python": ("customers", "{'_id': 1}", "not extended JSON"),
    "cut off": ("customers", canonical(customer())[:-1], "not extended JSON"),
    "two on a line": ("accounts", canonical(account()) * 2, "not extended JSON"),
    "deep": ("accounts", "[" * 100_000, "not extended JSON"),
    "an array": ("accounts", json_util.dumps([account()]), "one document per line"),
    "a number": ("accounts", "5", "one document per line"),
    "not UTF-8": ("customers", canonical(customer(name="x")).replace('"x"', '"§"').encode("latin-1"), "not UTF-8"),
    "no such ObjectId": ("accounts", '{"_id": {"$oid": "x"}}', "not extended JSON"),
    "no such number": ("accounts", '{"_id": {"$numberDecimal": "x"}}', "not extended JSON"),
    "no such date": ("accounts", '{"_id": {"$date": "soon"}}', "not extended JSON"),
    "no such binary": ("accounts", '{"_id": {"$binary": 5}}', "not extended JSON"),
    "no _id": ("accounts", without(account(), "_id"), "_id"),
    "text as _id": ("accounts", account() | {"_id": numbered(1)}, "_id"),
    "half a character as _id": ("accounts", '{"_id": "\\ud800"}', "_id"),
    "a field is missing": ("customers", without(customer(), "email"), "email"),
    "a part is missing": ("accounts", without(account(), "products"), "products"),
    "null": ("customers", changed(customer(), "name", None), "name"),
    "null for absent": ("customers", changed(customer(), "active", None), "active"),
    "text for a number": ("accounts", changed(account(), "limit", "9000"), "limit"),
    "a long": ("accounts", changed(account(), "limit", Int64(5)), "limit"),
    "a great number": ("accounts", changed(account(), "limit", 2**40), "limit"),
    "a double": ("accounts", changed(account(), "limit", 5.0), "limit"),
    "a flag": ("accounts", changed(account(), "limit", True), "limit"),
    "a long in a list": ("customers", changed(customer(), "accounts.1", Int64(5)), "accounts.1"),
    "a double in an entry": ("transactions", changed(bucket(), "transactions.2.amount", 1.5), "transactions.2.amount"),
    "a number for text": ("transactions", changed(bucket(), "transactions.0.price", 1.5), "transactions.0.price"),
    "too long": ("customers", changed(customer(), "username", "x" * 151), "username"),
    "too long in a list": ("accounts", changed(account(), "products.1", "x" * 65), "products.1"),
    "too long in an entry": ("transactions", changed(bucket(), "transactions.1.price", "9" * 129), "transactions.1.price"),
    "too long in a tier": ("customers", changed(customer(), f"tier_and_details.{GOLD}.tier", "x" * 65), "tier"),
    "half a character": ("customers", json.dumps(json.loads(canonical(customer())) | {"name": "\ud800"}), "name"),
    "before the year 1000": ("customers", born(-30610224000001), "birthdate"),
    "after the year 9999": ("customers", born(253402300800000), "birthdate"),
    "a field that no column takes": ("accounts", account(owner="x"), "owner"),
    "one in an entry": ("transactions", changed(bucket(), "transactions.1", entry(note="x")), "transactions.1"),
    "one in a tier": ("customers", changed(customer(), f"tier_and_details.{GOLD}.note", "x"), "note"),
    "a tier of another key": ("customers", changed(customer(), f"tier_and_details.{GOLD}.id", "x"), "id"),
    "a benefit twice": ("customers", changed(customer(), f"tier_and_details.{GOLD}.benefits", ["a", "a"]), "benefits"),
    "a key with a dot": ("customers", changed(customer(), "tier_and_details", {"a.b": {"id": "a.b"}}), "tier_and_details"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_line_is_named_and_nothing_is_loaded(exports: Exports, kind: str) -> None:
    """File, line, and the field where it is one; good lines and files before it are not loaded either."""
    collection, line, told = BAD[kind]
    made = {"customers": customer, "accounts": account, "transactions": bucket}
    for name, make in made.items():
        exports.put(name, *(make(numbered(place)) for place in range(3)))
    exports.put(
        collection, *(made[collection](numbered(place)) for place in range(3)), "", line, made[collection]("f" * 24)
    )
    message = exports.refusal()
    assert message.startswith(f"{exports.folder / collection}.json:5: ")
    assert told in message
    assert message.endswith("; nothing was loaded")


def test_a_line_is_named_however_far_into_the_file(exports: Exports) -> None:
    """Bytes that are not UTF-8 do not hide behind the ones read ahead."""
    exports.put("accounts", *(account(numbered(place)) for place in range(100)), b"\xff", account())
    assert "accounts.json:101: the text is not UTF-8" in exports.refusal()


def test_an_id_twice_in_a_file_is_refused(exports: Exports) -> None:
    """At the second line that has it."""
    exports.put("accounts", account(numbered(1)), account(numbered(2)), account(numbered(1)))
    assert "accounts.json:3: _id: a line above has the same" in exports.refusal()


def test_an_id_that_is_there_already_is_refused(exports: Exports) -> None:
    """What is loaded stays as it was."""
    load("accounts", account(numbered(2), limit=1))
    exports.put("accounts", account(numbered(1)), account(numbered(2)))
    assert "accounts.json:2: _id: this document is there already" in exports.refusal()


def test_loading_twice_is_refused(exports: Exports) -> None:
    """Nothing is there twice."""
    exports.put("customers", customer())
    exports.load()
    assert "customers.json:1: _id: this document is there already" in exports.refusal()


@pytest.mark.django_db(transaction=True)
def test_what_mysql_itself_refuses_is_told_with_the_line(exports: Exports) -> None:
    """And nothing is loaded."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT @@max_allowed_packet")
        too_much = cursor.fetchone()[0]
    exports.put("customers", customer(address="x" * (too_much + 1)))
    message = exports.refusal()
    assert message.startswith(f"{exports.folder / 'customers'}.json:1: MySQL refused")


def test_folders_and_files_are_named(exports: Exports) -> None:
    """Missing, empty, a file, of unknown names, not readable as a file."""
    folder = exports.folder
    for missing in (folder / "nothing", folder / "nothing" / "deep"):
        with pytest.raises(CommandError, match="no such folder"):
            run("load_export", str(missing))
    assert f"{folder}: holds none of customers.json, accounts.json, transactions.json" in exports.refusal()
    exports.put("customers", customer())
    with pytest.raises(CommandError, match="no such folder"):
        run("load_export", str(folder / "customers.json"))
    exports.put("customer", customer())
    assert f"{folder}/customer.json: no collection has this name" in exports.refusal()
    (folder / "customer.json").unlink()
    (folder / "accounts.json").mkdir()
    assert f"{folder}/accounts.json: Is a directory; nothing was loaded" in exports.refusal()


@pytest.mark.real_data
@pytest.mark.skipif(REAL not in os.environ, reason=f"{REAL} names no folder")
@pytest.mark.django_db
def test_real_documents_are_shown_as_they_were_exported(tess: APIClient) -> None:
    """Every document of the exports, through rows and back through the API."""
    folder = Path(os.environ[REAL])
    run("load_export", str(folder))
    options = json_util.JSONOptions(tz_aware=False)
    for name in read_mapping().collections:
        lines = (folder / f"{name}.json").read_text(encoding="utf-8").splitlines()
        documents = [json_util.loads(line, json_options=options) for line in lines]
        assert documents
        originals = sorted(documents, key=lambda document: str(document["_id"]))
        assert list(shown(tess, name)) == [expected(document) for document in originals]


# --- the demo's logins -----------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_demos_logins_are_one_for_each_role(monkeypatch: pytest.MonkeyPatch) -> None:
    """Verified, so that the customer sees their documents; run again, the password is renewed and nothing is added."""
    for password in ("the-first-password", "the-second-one"):
        monkeypatch.setenv("LOCKSTEP_DEMO_PASSWORD", password)
        said = run("demo_users")
        assert password not in said
        assert {user.email: user.role for user in User.objects.all()} == {
            "customer@example.com": Role.CUSTOMER,
            "technical@example.com": Role.TECHNICAL_WORKER,
            "management@example.com": Role.SENIOR_MANAGEMENT,
        }
        for user in User.objects.all():
            assert user.email in said
            assert user.check_password(password)
            assert user.is_superuser is False
        assert EmailAddress.objects.filter(verified=True, primary=True).count() == 3


@pytest.mark.django_db
def test_the_demos_logins_need_a_password(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """From a variable or a file; the message names them."""
    monkeypatch.delenv("LOCKSTEP_DEMO_PASSWORD", raising=False)
    with pytest.raises(CommandError, match="LOCKSTEP_DEMO_PASSWORD"):
        run("demo_users")
    monkeypatch.setenv("LOCKSTEP_DEMO_PASSWORD_FILE", str(tmp_path / "nothing"))
    with pytest.raises(CommandError, match="cannot be read"):
        run("demo_users")
    assert not User.objects.exists()
    (tmp_path / "password").write_text("out-of-a-file\n")
    monkeypatch.setenv("LOCKSTEP_DEMO_PASSWORD_FILE", str(tmp_path / "password"))
    run("demo_users")
    assert User.objects.get(email=FIRST_EMAIL).check_password("out-of-a-file")
