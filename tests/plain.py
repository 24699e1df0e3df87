"""The domain's rows and documents as a client sees them, written down by hand: uses nothing of the engine or backend.

A document here is what pymongo gives, with benefits sorted (a set) and dates as naive UTC.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bson import ObjectId
from pymongo.database import Database
from pymysql.cursors import Cursor

Doc = dict[str, Any]
#: (table, key columns, other columns)
Row = tuple[str, Mapping[str, Any], Mapping[str, Any]]
COLLECTIONS = ("customers", "accounts", "transactions")
#: Parents before children.
TABLES = {
    "customers": (
        "analytics_customer",
        "analytics_customeraccount",
        "analytics_customertier",
        "analytics_customerbenefit",
    ),
    "accounts": ("analytics_account", "analytics_accountproduct"),
    "transactions": ("analytics_bucket", "analytics_transaction"),
}
CUSTOMER = ("username", "name", "address", "birthdate", "email")
BUCKET = ("account_id", "transaction_count", "bucket_start_date", "bucket_end_date")
ENTRY = ("date", "amount", "transaction_code", "symbol", "price", "total")


def rows_of(collection: str, document: Doc) -> list[Row]:
    """Every row of a document, parents first."""
    return list(_ROWS[collection](document, str(document["_id"])))


def _customer_rows(document: Doc, key: str) -> Iterator[Row]:
    active = document.get("active")
    root = {name: document[name] for name in CUSTOMER} | {"active": active if active is None else int(active)}
    yield "analytics_customer", {"id": key}, root
    for position, number in enumerate(document["accounts"]):
        yield "analytics_customeraccount", {"customer_id": key, "position": position}, {"account_id": number}
    for name, tier in document["tier_and_details"].items():
        below = {"customer_id": key, "tier_key": name}
        yield "analytics_customertier", below, {"tier": tier["tier"], "active": int(tier["active"])}
        for benefit in tier["benefits"]:
            yield "analytics_customerbenefit", below | {"benefit": benefit}, {}


def _account_rows(document: Doc, key: str) -> Iterator[Row]:
    yield "analytics_account", {"id": key}, {"account_id": document["account_id"], "limit": document["limit"]}
    for position, product in enumerate(document["products"]):
        yield "analytics_accountproduct", {"account_oid": key, "position": position}, {"product": product}


def _bucket_rows(document: Doc, key: str) -> Iterator[Row]:
    yield "analytics_bucket", {"id": key}, {name: document[name] for name in BUCKET}
    for position, entry in enumerate(document["transactions"]):
        values = {name: entry[name] for name in ENTRY}
        yield "analytics_transaction", {"bucket_id": key, "position": position}, values


_ROWS = {"customers": _customer_rows, "accounts": _account_rows, "transactions": _bucket_rows}


def save(cursor: Cursor, collection: str, before: Doc | None, after: Doc | None) -> None:
    """Lead the rows of one version to those of the other, touching only what differs. The caller has the transaction."""
    save_rows(cursor, *(rows_of(collection, one) if one else [] for one in (before, after)))


def save_rows(cursor: Cursor, before: list[Row], after: list[Row]) -> None:
    """The same of any tables; parents come before their children."""
    old, new = ({_identity(row): row for row in rows} for rows in (before, after))
    for identity, (table, key, _) in reversed(old.items()):
        if identity not in new:
            cursor.execute(f"DELETE FROM `{table}` WHERE {_is(key)}", tuple(key.values()))
    for identity, (table, key, values) in new.items():
        if identity not in old:
            every = {**key, **values}
            names, places = ", ".join(f"`{name}`" for name in every), ", ".join(["%s"] * len(every))
            cursor.execute(f"INSERT INTO `{table}` ({names}) VALUES ({places})", tuple(every.values()))
            continue
        changed = {name: value for name, value in values.items() if old[identity][2][name] != value}
        if changed:
            sets = ", ".join(f"`{name}` = %s" for name in changed)
            cursor.execute(f"UPDATE `{table}` SET {sets} WHERE {_is(key)}", (*changed.values(), *key.values()))


def _identity(row: Row) -> tuple[Any, ...]:
    return (row[0], *row[1].values())


def _is(key: Mapping[str, Any]) -> str:
    return " AND ".join(f"`{name}` = %s" for name in key)


def in_mysql(cursor: Cursor, only: ObjectId | None = None) -> dict[str, dict[str, Doc]]:
    """Every document that the rows make (or those of one id), by collection and id. Positions are ranks."""
    found: dict[str, dict[str, Doc]] = {name: {} for name in COLLECTIONS}
    customers, accounts, buckets = (found[name] for name in COLLECTIONS)
    for key, active, *values in _select(cursor, only, "analytics_customer", "id", "active", *CUSTOMER):
        customers[key] = {"_id": ObjectId(key), **dict(zip(CUSTOMER, values, strict=True))}
        customers[key] |= {"accounts": [], "tier_and_details": {}}
        if active is not None:
            customers[key]["active"] = bool(active)
    for key, _, number in _select(cursor, only, "analytics_customeraccount", "customer_id", "position", "account_id"):
        customers[key]["accounts"].append(number)
    for key, name, tier, active in _select(
        cursor, only, "analytics_customertier", "customer_id", "tier_key", "tier", "active"
    ):
        entry = {"id": name, "tier": tier, "active": bool(active), "benefits": []}
        customers[key]["tier_and_details"][name] = entry
    for key, name, benefit in _select(cursor, only, "analytics_customerbenefit", "customer_id", "tier_key", "benefit"):
        customers[key]["tier_and_details"][name]["benefits"].append(benefit)
    for key, number, limit in _select(cursor, only, "analytics_account", "id", "account_id", "limit"):
        accounts[key] = {"_id": ObjectId(key), "account_id": number, "limit": limit, "products": []}
    for key, _, product in _select(cursor, only, "analytics_accountproduct", "account_oid", "position", "product"):
        accounts[key]["products"].append(product)
    for key, *values in _select(cursor, only, "analytics_bucket", "id", *BUCKET):
        buckets[key] = {"_id": ObjectId(key), **dict(zip(BUCKET, values, strict=True)), "transactions": []}
    for key, _, *values in _select(cursor, only, "analytics_transaction", "bucket_id", "position", *ENTRY):
        buckets[key]["transactions"].append(dict(zip(ENTRY, values, strict=True)))
    return {name: {key: normal(document) for key, document in of.items()} for name, of in found.items()}


def _select(cursor: Cursor, only: ObjectId | None, table: str, *columns: str) -> list[tuple[Any, ...]]:
    """The first column is the document's id."""
    names = ", ".join(f"`{column}`" for column in columns)
    where = f"WHERE `{columns[0]}` = %s" if only else ""
    cursor.execute(f"SELECT {names} FROM `{table}` {where} ORDER BY 1, 2", (str(only),) if only else ())
    return list(cursor.fetchall())


def in_mongo(database: Database[Any]) -> dict[str, dict[str, Doc]]:
    """Every document, by collection and id."""
    return {name: {str(one["_id"]): normal(one) for one in database[name].find()} for name in COLLECTIONS}


def normal(document: Doc) -> Doc:
    """With sets in order."""
    for tier in document.get("tier_and_details", {}).values():
        tier["benefits"] = sorted(tier["benefits"])
    return document
