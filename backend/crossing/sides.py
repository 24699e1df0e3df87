"""A customer as each side holds it, read as it is: the document of one is never made from the other."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from bson import ObjectId
from django.db import connection

from backend.analytics.loading import read_mapping
from backend.crossing.mongo import Document, database
from sync.errors import UnmappableDocument
from sync.model.change import DocumentRows, Row, RowKey, Value
from sync.model.codecs import NotCanonical
from sync.model.compare import different_places
from sync.model.lens import empty_rows, shred
from sync.model.mapping import CollectionMapping, TableMapping

#: The collection that is shown.
CUSTOMERS = "customers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """One side at one moment."""

    #: As rows, whichever side it is, so that both can be compared.
    rows: DocumentRows
    #: MongoDB's document as it stands; None where it is absent, and for MySQL.
    document: Document | None = None
    #: Why the mapping cannot take it; "" where it can.
    problem: str = ""

    @property
    def present(self) -> bool:
        return self.document is not None or any(self.rows.values())


@cache
def customers() -> CollectionMapping:
    """The mapping of customers, as the workers have it."""
    return read_mapping().collections[CUSTOMERS]


def in_mysql(key: str) -> Sight:
    """The customer's rows."""
    rows: dict[str, Mapping[RowKey, Row]] = {}
    problem = ""
    for table in customers().tables:
        names = (*table.key, *table.columns)
        listed = ", ".join(connection.ops.quote_name(name) for name in names)
        of, by = connection.ops.quote_name(table.name), connection.ops.quote_name(table.key[0])
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {listed} FROM {of} WHERE {by} = %s", [key])
            found = cursor.fetchall()
        try:
            rows[table.name] = dict(_row(table, dict(zip(names, raw, strict=True))) for raw in found)
        except NotCanonical as error:
            rows[table.name], problem = {}, f"{table.name}: {error}"
    return Sight(rows=rows, problem=problem)


def in_mongo(key: str) -> Sight:
    """The customer's document. Raises `MongoAway`."""
    with database() as mongo:
        document = mongo[CUSTOMERS].find_one({"_id": ObjectId(key)})
    if document is None:
        return Sight(rows=empty_rows(customers()))
    try:
        return Sight(rows=shred(customers(), document), document=document)
    except UnmappableDocument as error:
        return Sight(rows=empty_rows(customers()), document=document, problem=str(error))


def differing(mysql: Sight, mongo: Sight) -> list[str]:
    """Tables and columns in which the sides differ; empty where they are equal."""
    if problem := mysql.problem or mongo.problem:
        return [problem]
    return list(different_places(customers(), mysql.rows, mongo.rows))


def _row(table: TableMapping, raw: Mapping[str, object]) -> tuple[RowKey, Row]:
    values = {name: _canonical(table, name, value) for name, value in raw.items()}
    return tuple(values.pop(name) for name in table.key), values


def _canonical(table: TableMapping, column: str, value: object) -> Value:
    if value is None and column in table.nullable:
        return None
    try:
        return table.codecs[column].from_column(value)
    except NotCanonical as error:
        raise NotCanonical(f"column {column}: {error}") from None
