"""Documents as pymongo would hand them over, and the same as the API shows and takes them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from bson import ObjectId
from django.urls import reverse

from backend.analytics.loading import CollectionLoader, read_mapping
from backend.analytics.models import (
    Account,
    AccountProduct,
    Bucket,
    Customer,
    CustomerAccount,
    CustomerBenefit,
    CustomerTier,
    Transaction,
)

Document = dict[str, Any]

#: Ids as text, one for each collection.
CUSTOMER, ACCOUNT, BUCKET = "5ca4bbcea2dd94ee58162a68", "5ca4bbc7a2dd94ee5816238c", "5ca4bbc1a2dd94ee58161cb1"
#: A tier's key.
GOLD = "0df078f33aa74a2e9696e0520c1a828a"
#: A fraction in binary has no shorter exact text.
PRICE = "12.73330000000000026250566850649192929267883300781250000"


def customer(key: str = CUSTOMER, **other: Any) -> Document:
    """A customer with two accounts and a tier."""
    return {
        "_id": ObjectId(key),
        "username": "fmiller",
        "name": "Elizabeth Ray",
        "address": "9286 Bethany Glens\nVasqueztown, CO 22939",
        "birthdate": datetime(1962, 3, 2, 2, 20, 31, 123000),  # noqa: DTZ001 - as pymongo hands dates over
        "email": "casey@example.com",
        "accounts": [371138, 324287],
        "tier_and_details": {
            GOLD: {"id": GOLD, "tier": "Gold", "active": True, "benefits": ["airline lounge access", "sports tickets"]}
        },
        **other,
    }


def account(key: str = ACCOUNT, **other: Any) -> Document:
    """An account with two products."""
    return {
        "_id": ObjectId(key),
        "account_id": 371138,
        "limit": 9000,
        "products": ["Derivatives", "InvestmentStock"],
        **other,
    }


def entry(**other: Any) -> Document:
    """One transaction of a bucket."""
    return {
        "date": datetime(1969, 12, 31, 23, 59, 59, 999000),  # noqa: DTZ001 - as above
        "amount": 1197,
        "transaction_code": "buy",
        "symbol": "nvda",
        "price": PRICE,
        "total": "15241.76010000000031421928520",
        **other,
    }


def bucket(key: str = BUCKET, **other: Any) -> Document:
    """A bucket of three transactions."""
    return {
        "_id": ObjectId(key),
        "account_id": 371138,
        "transaction_count": 3,
        "bucket_start_date": datetime(1969, 2, 4),  # noqa: DTZ001 - as above
        "bucket_end_date": datetime(2017, 1, 3),  # noqa: DTZ001 - as above
        "transactions": [entry(), entry(symbol="amzn"), entry(amount=-1)],
        **other,
    }


def numbered(place: int) -> str:
    """An id that sorts by `place`."""
    return f"{place:024x}"


def load(collection: str, *documents: Document) -> None:
    """Write them to MySQL."""
    for _ in CollectionLoader(read_mapping().collections[collection]).write(documents):
        pass


def as_json(document: Any) -> Any:
    """The document as the API shows it."""
    if isinstance(document, dict):
        return {name.removeprefix("_"): as_json(value) for name, value in document.items()}
    if isinstance(document, list):
        return [as_json(value) for value in document]
    if isinstance(document, datetime):
        return document.isoformat(timespec="milliseconds" if document.microsecond else "seconds") + "Z"
    return str(document) if isinstance(document, ObjectId) else document


def body(document: Document, **other: Any) -> Document:
    """The document as somebody sends it: without its id."""
    shown = as_json(document)
    del shown["id"]
    return {**shown, **other}


#: How a document of each kind is made, and its id.
MADE: dict[str, Callable[..., Document]] = {"customer": customer, "account": account, "transaction": bucket}
IDS = {"customer": CUSTOMER, "account": ACCOUNT, "transaction": BUCKET}


def list_of(kind: str) -> str:
    """Where all documents of this kind are."""
    return reverse(f"{kind}-list")


def one(kind: str) -> str:
    """Where the document that `MADE` makes is."""
    return reverse(f"{kind}-detail", args=[IDS[kind]])


def contents() -> dict[str, list[Any]]:
    """All rows of the domain."""
    tables = (Customer, CustomerAccount, CustomerTier, CustomerBenefit, Account, AccountProduct, Bucket, Transaction)
    return {model._meta.db_table: list(model._default_manager.order_by("pk").values()) for model in tables}
