"""The documents that are measured: their tables and mapping, how both sides are filled, and numbered updates of them.

Update number `u` of a shape with `documents` documents writes document `u % documents` with the generation
`1 + u // documents`, on either side the same way; so what has arrived can be told from a few documents' generations. Each
update is of `weight` row changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeAlias

from bson import ObjectId
from pymongo.database import Database
from pymysql.cursors import Cursor

from deploy.local.mysql_binary import Flavour
from deploy.local.paths import ROOT
from tests import plain
from tests.collations import EXACT
from tests.domain_tables import create_statements
from tests.servers import Servers

Doc: TypeAlias = dict[str, Any]
#: Rows of a table in one statement while a side is filled, and documents in one.
FILL = 1000
#: Generation 0 of every date.
EPOCH = datetime(2024, 1, 1)  # noqa: DTZ001 - UTC, as BSON dates are


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """What one update does to one document, for the loops that show the limit."""

    collection: str
    key: ObjectId
    #: An update document of MongoDB.
    change: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """What some updates do to one table, for the loops that show the limit."""

    table: str
    #: The key's columns with their types, the first of which holds the document's key.
    keys: Mapping[str, str]
    #: The columns that change, with their types.
    columns: Mapping[str, str]
    #: Values of keys and columns.
    values: Sequence[Sequence[object]]


class Shape(Protocol):
    """See the module."""

    @property
    def collections(self) -> tuple[str, ...]: ...

    @property
    def tables(self) -> tuple[str, ...]:
        """Parents first."""

    @property
    def documents(self) -> int:
        """Updates that touch each of its documents once."""

    @property
    def weight(self) -> int: ...

    def mapping(self) -> str: ...

    def statements(self, servers: Servers, flavour: Flavour) -> tuple[str, ...]:
        """CREATE TABLE."""

    def fill_mysql(self, cursor: Cursor) -> None: ...

    def fill_mongo(self, database: Database[Any]) -> None: ...

    def update_mysql(self, cursor: Cursor, numbers: range, generation: int) -> None:
        """Update these documents by one statement for each table. The caller has the transaction."""

    def single_updates(self, numbers: range, generation: int) -> list[str]:
        """The same as statements of one row each."""

    def update_mongo(self, database: Database[Any], numbers: range, generation: int) -> None:
        """The same in MongoDB, a plain write for each document."""

    def writes(self, numbers: range, generation: int) -> list[Write]: ...

    def rows(self, numbers: range, generation: int) -> list[Rows]: ...

    def generations_in_mongo(self, database: Database[Any], numbers: Sequence[int]) -> Sequence[int]:
        """Of these documents, in any order; of a document it is what is written last."""

    def generations_in_mysql(self, cursor: Cursor, numbers: Sequence[int]) -> Sequence[int]: ...


def text_of(number: int) -> str:
    """A document's key as text; ascending."""
    return f"{number + 1:024x}"


def key_of(number: int) -> ObjectId:
    """A document's `_id`."""
    return ObjectId(text_of(number))


def keyed(column: str, numbers: range) -> tuple[str, tuple[object, ...]]:
    """The condition that finds the rows of these documents, and its values."""
    if numbers.step == 1:
        return f"{column} BETWEEN %s AND %s", (text_of(numbers[0]), text_of(numbers[-1]))
    return f"{column} IN %s", ([text_of(one) for one in numbers],)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flat:
    """One row of seven columns is one document; an update changes two of them."""

    documents: int
    name: str = "flat"
    #: Characters of the widest column.
    text: int = 40

    @property
    def collections(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def tables(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def weight(self) -> int:
        return 1

    def mapping(self) -> str:
        return f"""
            [collections.{self.name}]
            table = "{self.name}"
            id = {{ column = "id", codec = "objectid" }}
            [collections.{self.name}.fields]
            name = {{ column = "name", codec = "string" }}
            city = {{ column = "city", codec = "string" }}
            amount = {{ column = "amount", codec = "int32" }}
            rating = {{ column = "rating", codec = "int32" }}
            active = {{ column = "active", codec = "bool" }}
            changed_at = {{ column = "changed_at", codec = "date" }}
        """

    def statements(self, servers: Servers, flavour: Flavour) -> tuple[str, ...]:
        return (
            (
                f"CREATE TABLE `{self.name}` (id CHAR(24) CHARACTER SET ascii COLLATE ascii_bin PRIMARY KEY,"
                f" name VARCHAR({max(self.text, 100)}) COLLATE {EXACT[flavour]} NOT NULL,"
                f" city VARCHAR(100) COLLATE {EXACT[flavour]} NOT NULL, amount INT NOT NULL, rating INT NOT NULL,"
                " active TINYINT(1) NOT NULL, changed_at DATETIME(3) NOT NULL)"
            ),
        )

    def fill_mysql(self, cursor: Cursor) -> None:
        self.insert_mysql(cursor, range(self.documents))

    def insert_mysql(self, cursor: Cursor, numbers: range) -> None:
        """New rows, many in a statement."""
        for some in chunks(numbers, FILL):
            cursor.executemany(
                f"INSERT INTO `{self.name}` VALUES (%s, %s, %s, %s, %s, %s, %s)",
                [tuple(self._values(number).values()) for number in some],
            )

    def fill_mongo(self, database: Database[Any]) -> None:
        for some in chunks(range(self.documents), FILL):
            database[self.name].insert_many([self.document(number) for number in some])

    def document(self, number: int) -> Doc:
        """As it stands before any update."""
        values = self._values(number)
        return {"_id": key_of(number), **{name: values[name] for name in list(values)[1:]}}

    def update_mysql(self, cursor: Cursor, numbers: range, generation: int) -> None:
        where, keys = keyed("id", numbers)
        values = (generation, _moment(generation), *keys)
        cursor.execute(f"UPDATE `{self.name}` SET amount = %s, changed_at = %s WHERE {where}", values)

    def single_updates(self, numbers: range, generation: int) -> list[str]:
        return [
            f"UPDATE `{self.name}` SET amount = {generation}, changed_at = '{_moment(generation)}'"
            f" WHERE id = '{text_of(number)}'"
            for number in numbers
        ]

    def update_mongo(self, database: Database[Any], numbers: range, generation: int) -> None:
        change = {"$set": {"amount": generation, "changed_at": _moment(generation)}}
        database[self.name].update_many(_among(numbers), change)

    def writes(self, numbers: range, generation: int) -> list[Write]:
        change = {"$set": {"amount": generation, "changed_at": _moment(generation)}}
        return [Write(collection=self.name, key=key_of(number), change=change) for number in numbers]

    def rows(self, numbers: range, generation: int) -> list[Rows]:
        values = [(text_of(number), generation, str(_moment(generation))) for number in numbers]
        columns = {"amount": "INT", "changed_at": "DATETIME(3)"}
        return [Rows(table=self.name, keys={"id": "CHAR(24)"}, columns=columns, values=values)]

    def generations_in_mongo(self, database: Database[Any], numbers: Sequence[int]) -> Sequence[int]:
        found = database[self.name].find({"_id": {"$in": [key_of(one) for one in numbers]}}, {"amount": 1})
        return [one["amount"] for one in found]

    def generations_in_mysql(self, cursor: Cursor, numbers: Sequence[int]) -> Sequence[int]:
        cursor.execute(f"SELECT amount FROM `{self.name}` WHERE id IN %s", ([text_of(one) for one in numbers],))
        return [int(row[0]) for row in cursor.fetchall()]

    def _values(self, number: int) -> Doc:
        return {
            "id": text_of(number),
            "name": f"customer {number} ".ljust(self.text, "n"),
            "city": f"town {number % 97}",
            "amount": 0,
            "rating": number % 5,
            "active": number % 2 == 0,
            "changed_at": EPOCH,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A root row with a list of `entries` objects; an update changes one entry in the middle of the list."""

    documents: int
    entries: int
    name: str = "listed"

    @property
    def collections(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def tables(self) -> tuple[str, ...]:
        return (self.name, self._child)

    @property
    def weight(self) -> int:
        return 1

    @property
    def _child(self) -> str:
        return f"{self.name}_entry"

    @property
    def _middle(self) -> int:
        return self.entries // 2

    def mapping(self) -> str:
        return f"""
            [collections.{self.name}]
            table = "{self.name}"
            id = {{ column = "id", codec = "objectid" }}
            [collections.{self.name}.fields]
            rating = {{ column = "rating", codec = "int32" }}
            [collections.{self.name}.parts.entries]
            kind = "list"
            table = "{self._child}"
            parent = ["parent_id"]
            position = "position"
            [collections.{self.name}.parts.entries.fields]
            amount = {{ column = "amount", codec = "int32" }}
            text = {{ column = "text", codec = "string" }}
        """

    def statements(self, servers: Servers, flavour: Flavour) -> tuple[str, ...]:
        key = "CHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL"
        return (
            f"CREATE TABLE `{self.name}` (id {key} PRIMARY KEY, rating INT NOT NULL)",
            (
                f"CREATE TABLE `{self._child}` (parent_id {key}, position INT NOT NULL, amount INT NOT NULL,"
                f" text VARCHAR(100) COLLATE {EXACT[flavour]} NOT NULL, PRIMARY KEY (parent_id, position))"
            ),
        )

    def fill_mysql(self, cursor: Cursor) -> None:
        for some in chunks(range(self.documents), FILL):
            cursor.executemany(f"INSERT INTO `{self.name}` VALUES (%s, %s)", [(text_of(one), one % 5) for one in some])
        rows = [
            (text_of(one), place, 0, f"entry {place}") for one in range(self.documents) for place in range(self.entries)
        ]
        cursor.executemany(f"INSERT INTO `{self._child}` VALUES (%s, %s, %s, %s)", rows)

    def fill_mongo(self, database: Database[Any]) -> None:
        for some in chunks(range(self.documents), FILL):
            database[self.name].insert_many([self.document(number) for number in some])

    def document(self, number: int) -> Doc:
        """As it stands before any update."""
        entries = [{"amount": 0, "text": f"entry {place}"} for place in range(self.entries)]
        return {"_id": key_of(number), "rating": number % 5, "entries": entries}

    def update_mysql(self, cursor: Cursor, numbers: range, generation: int) -> None:
        where, keys = keyed("parent_id", numbers)
        values = (generation, *keys, self._middle)
        cursor.execute(f"UPDATE `{self._child}` SET amount = %s WHERE {where} AND position = %s", values)

    def single_updates(self, numbers: range, generation: int) -> list[str]:
        return [
            f"UPDATE `{self._child}` SET amount = {generation}"
            f" WHERE parent_id = '{text_of(number)}' AND position = {self._middle}"
            for number in numbers
        ]

    def update_mongo(self, database: Database[Any], numbers: range, generation: int) -> None:
        database[self.name].update_many(_among(numbers), {"$set": {f"entries.{self._middle}.amount": generation}})

    def writes(self, numbers: range, generation: int) -> list[Write]:
        change = {"$set": {f"entries.{self._middle}.amount": generation}}
        return [Write(collection=self.name, key=key_of(number), change=change) for number in numbers]

    def rows(self, numbers: range, generation: int) -> list[Rows]:
        values = [(text_of(number), self._middle, generation) for number in numbers]
        keys = {"parent_id": "CHAR(24)", "position": "INT"}
        return [Rows(table=self._child, keys=keys, columns={"amount": "INT"}, values=values)]

    def generations_in_mongo(self, database: Database[Any], numbers: Sequence[int]) -> Sequence[int]:
        wanted = {"_id": {"$in": [key_of(one) for one in numbers]}}
        found = database[self.name].find(wanted, {"entries": {"$slice": [self._middle, 1]}})
        return [one["entries"][0]["amount"] for one in found]

    def generations_in_mysql(self, cursor: Cursor, numbers: Sequence[int]) -> Sequence[int]:
        cursor.execute(
            f"SELECT amount FROM `{self._child}` WHERE parent_id IN %s AND position = %s",
            ([text_of(one) for one in numbers], self._middle),
        )
        return [int(row[0]) for row in cursor.fetchall()]


#: The tier that an update flips, and the place of the entry that it writes.
TIER, PLACE = "0" * 31 + "1", 25
ENTRIES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Analytics:
    """The domain that the product ships with, under its own mapping. Each update is of three documents: the flag of a tier
    of one customer, the limit of one account, an amount among the 50 entries of one bucket."""

    documents: int

    @property
    def collections(self) -> tuple[str, ...]:
        return plain.COLLECTIONS

    @property
    def tables(self) -> tuple[str, ...]:
        return tuple(name for names in plain.TABLES.values() for name in names)

    @property
    def weight(self) -> int:
        return 3

    def mapping(self) -> str:
        return (ROOT / "lockstep.toml").read_text()

    def statements(self, servers: Servers, flavour: Flavour) -> tuple[str, ...]:
        return _domain(servers, flavour)

    def fill_mysql(self, cursor: Cursor) -> None:
        rows: dict[str, list[tuple[Any, ...]]] = {}
        names: dict[str, tuple[str, ...]] = {}
        for collection in self.collections:
            for number in range(self.documents):
                for table, key, values in plain.rows_of(collection, self.document(collection, number)):
                    names[table] = (*key, *values)
                    rows.setdefault(table, []).append((*key.values(), *values.values()))
        for table, of_table in rows.items():
            listed, places = ", ".join(f"`{name}`" for name in names[table]), ", ".join(["%s"] * len(names[table]))
            for start in range(0, len(of_table), FILL):
                some = of_table[start : start + FILL]
                cursor.executemany(f"INSERT INTO `{table}` ({listed}) VALUES ({places})", some)

    def fill_mongo(self, database: Database[Any]) -> None:
        for collection in self.collections:
            for some in chunks(range(self.documents), FILL):
                database[collection].insert_many([self.document(collection, number) for number in some])

    def document(self, collection: str, number: int) -> Doc:
        """As it stands before any update."""
        key = {"_id": key_of(number)}
        if collection == "customers":
            tier = {"tier": "Gold", "active": False, "benefits": ["airline lounge access", "sports tickets"]}
            return {
                **key,
                "username": f"customer{number}",
                "name": f"Customer {number}",
                "address": f"{number} Mill Road\nGreenport, 12345",
                "birthdate": datetime(1970, 2, 3),  # noqa: DTZ001 - UTC, as BSON dates are
                "email": f"customer{number}@example.com",
                "accounts": [number, number + 1, number + 2],
                "tier_and_details": {name: {"id": name, **tier} for name in (TIER, "f" * 32)},
            }
        if collection == "accounts":
            return {**key, "account_id": number, "limit": 0, "products": ["Derivatives", "InvestmentStock"]}
        entries = [self._entry(number, place) for place in range(ENTRIES)]
        return {
            **key,
            "account_id": number,
            "transaction_count": ENTRIES,
            "bucket_start_date": EPOCH,
            "bucket_end_date": EPOCH + timedelta(days=ENTRIES),
            "transactions": entries,
        }

    def update_mysql(self, cursor: Cursor, numbers: range, generation: int) -> None:
        where, keys = keyed("customer_id", numbers)
        cursor.execute(
            f"UPDATE analytics_customertier SET active = %s WHERE {where} AND tier_key = %s",
            (generation % 2, *keys, TIER),
        )
        where, keys = keyed("id", numbers)
        cursor.execute(f"UPDATE analytics_account SET `limit` = %s WHERE {where}", (generation, *keys))
        where, keys = keyed("bucket_id", numbers)
        cursor.execute(
            f"UPDATE analytics_transaction SET amount = %s WHERE {where} AND position = %s", (generation, *keys, PLACE)
        )

    def single_updates(self, numbers: range, generation: int) -> list[str]:
        return [
            statement
            for key in map(text_of, numbers)
            for statement in (
                (
                    f"UPDATE analytics_customertier SET active = {generation % 2}"
                    f" WHERE customer_id = '{key}' AND tier_key = '{TIER}'"
                ),
                f"UPDATE analytics_account SET `limit` = {generation} WHERE id = '{key}'",
                f"UPDATE analytics_transaction SET amount = {generation} WHERE bucket_id = '{key}' AND position = {PLACE}",
            )
        ]

    def update_mongo(self, database: Database[Any], numbers: range, generation: int) -> None:
        for collection, change in self._changes(generation).items():
            database[collection].update_many(_among(numbers), change)

    def writes(self, numbers: range, generation: int) -> list[Write]:
        return [
            Write(collection=collection, key=key_of(number), change=change)
            for collection, change in self._changes(generation).items()
            for number in numbers
        ]

    def rows(self, numbers: range, generation: int) -> list[Rows]:
        keys = list(map(text_of, numbers))
        return [
            Rows(
                table="analytics_customertier",
                keys={"customer_id": "CHAR(24)", "tier_key": "VARCHAR(32)"},
                columns={"active": "TINYINT"},
                values=[(key, TIER, generation % 2) for key in keys],
            ),
            Rows(
                table="analytics_account",
                keys={"id": "CHAR(24)"},
                columns={"limit": "INT"},
                values=[(key, generation) for key in keys],
            ),
            Rows(
                table="analytics_transaction",
                keys={"bucket_id": "CHAR(24)", "position": "INT"},
                columns={"amount": "INT"},
                values=[(key, PLACE, generation) for key in keys],
            ),
        ]

    def generations_in_mongo(self, database: Database[Any], numbers: Sequence[int]) -> Sequence[int]:
        wanted = {"_id": {"$in": [key_of(one) for one in numbers]}}
        found = database["transactions"].find(wanted, {"transactions": {"$slice": [PLACE, 1]}})
        return [one["transactions"][0]["amount"] for one in found]

    def generations_in_mysql(self, cursor: Cursor, numbers: Sequence[int]) -> Sequence[int]:
        cursor.execute(
            "SELECT amount FROM analytics_transaction WHERE bucket_id IN %s AND position = %s",
            ([text_of(one) for one in numbers], PLACE),
        )
        return [int(row[0]) for row in cursor.fetchall()]

    def _changes(self, generation: int) -> dict[str, Doc]:
        """By path, the least that tells the change."""
        return {
            "customers": {"$set": {f"tier_and_details.{TIER}.active": generation % 2 == 1}},
            "accounts": {"$set": {"limit": generation}},
            "transactions": {"$set": {f"transactions.{PLACE}.amount": generation}},
        }

    def _entry(self, number: int, place: int) -> Doc:
        return {
            "date": EPOCH + timedelta(days=place),
            "amount": 0,
            "transaction_code": "buy" if place % 2 else "sell",
            "symbol": "amzn",
            "price": f"{number + place}.52934873297",
            "total": f"{number * place}.75890327590832",
        }


_DOMAINS: dict[Flavour, tuple[str, ...]] = {}


def _domain(servers: Servers, flavour: Flavour) -> tuple[str, ...]:
    """Migrating takes seconds and gives the same each time."""
    if flavour not in _DOMAINS:
        _DOMAINS[flavour] = create_statements(servers, flavour)
    return _DOMAINS[flavour]


def chunks(numbers: range, size: int) -> Iterator[range]:
    """The range in pieces."""
    for start in range(0, len(numbers), size):
        yield numbers[start : start + size]


def _moment(generation: int) -> datetime:
    return EPOCH + timedelta(seconds=generation)


def _among(numbers: range) -> Doc:
    if numbers.step == 1:
        return {"_id": {"$gte": key_of(numbers[0]), "$lte": key_of(numbers[-1])}}
    return {"_id": {"$in": [key_of(one) for one in numbers]}}
