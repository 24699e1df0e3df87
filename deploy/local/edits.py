"""Tries of a person on the running demo: one statement or one document edit as the application's user."""

from __future__ import annotations

from bson import json_util
from pymongo.collection import Collection
from pymongo.errors import OperationFailure, ServerSelectionTimeoutError

from deploy.local.installation import DATABASE, Installation
from deploy.local.mongo_server import Document
from deploy.local.problem import LocalProblem
from deploy.local.users import Role


def mysql(here: Installation, statement: str) -> None:
    """Run one statement; prints rows, or how many were changed."""
    with here.open_mysql(Role.APP) as connection, connection.cursor() as cursor:
        try:
            count = cursor.execute(statement)
        except connection.Error as error:
            raise LocalProblem(f"MySQL says: {error.args[-1]}") from None
        if not cursor.description:
            print(f"{count} row(s) changed")
            return
        print("\t".join(column[0] for column in cursor.description))
        for row in cursor.fetchall():
            print("\t".join("NULL" if value is None else str(value) for value in row))


def mongo(here: Installation, collection: str, where: str, update: str | None) -> None:
    """Print the documents that match (at most 20), or update one; both arguments are extended JSON."""
    with here.open_mongo(Role.APP) as client:
        try:
            _find_or_update(client[DATABASE][collection], _parsed(where), None if update is None else _parsed(update))
        except ServerSelectionTimeoutError:
            raise LocalProblem("MongoDB is not there", "make demo (in another terminal)") from None
        except (OperationFailure, TypeError, ValueError) as error:
            said = error.details or {} if isinstance(error, OperationFailure) else {}
            raise LocalProblem(f"MongoDB says: {said.get('errmsg', error)}") from None


def _find_or_update(documents: Collection[Document], where: Document, update: Document | None) -> None:
    if update is not None:
        print(f"{documents.update_one(where, update).modified_count} document(s) changed")
        return
    for document in documents.find(where).limit(20):
        print(json_util.dumps(document, json_options=json_util.RELAXED_JSON_OPTIONS, indent=2))


def _parsed(text: str) -> Document:
    try:
        value = json_util.loads(text)
    except ValueError as error:
        raise LocalProblem(f"not JSON: {error}") from None
    if not isinstance(value, dict):
        raise LocalProblem("a JSON object is wanted")
    return value
