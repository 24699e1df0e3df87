"""Each of the four users a side can do its work and not the others'.

Statements are tried on no rows: rights are checked before anything is looked for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pymysql
from pymongo.database import Database
from pymongo.errors import OperationFailure
from pymysql.connections import Connection
from pymysql.cursors import Cursor

from deploy.local.mongo_server import Document
from deploy.local.users import Role
from tests.domain_tables import TABLES
from tests.site import Site

READ = "SELECT 1 FROM {table} LIMIT 0"
INSERT = "INSERT INTO {table} SELECT * FROM {table} WHERE 1 = 0"
UPDATE = "UPDATE {table} SET {column} = {column} WHERE 1 = 0"
DELETE = "DELETE FROM {table} WHERE 1 = 0"
ALTER = "ALTER TABLE {table} COMMENT = 'touched'"
#: Access denied: to a database, a table, a column, for want of a server-wide right.
DENIED = {1044, 1045, 1142, 1143, 1227}

ENGINE_TABLES = (
    "sync_checkpoint",
    "sync_conflict",
    "sync_conflict_detail",
    "sync_intended",
    "sync_trigger",
    "sync_command",
    "sync_worker",
    "sync_timeline",
)
EVERYTHING = {READ, INSERT, UPDATE, DELETE, ALTER}
ROWS = {READ, INSERT, UPDATE, DELETE}


def _allowed(connection: Connection[Cursor], statement: str) -> bool:
    with connection.cursor() as cursor:
        try:
            cursor.execute(statement)
        except pymysql.err.MySQLError as error:
            if error.args[0] in DENIED:
                return False
            raise
    return True


def _first_column(site: Site, table: str) -> str:
    with site.mysql("owner").cursor() as cursor:
        cursor.execute(f"SHOW COLUMNS FROM `{table}`")
        row = cursor.fetchone()
    assert row is not None
    return f"`{row[0]}`"


def _rights(site: Site, role: Role, table: str) -> set[str]:
    """Which of the statements this user may run on this table."""
    connection = site.mysql(role)
    column = _first_column(site, table)
    return {kind for kind in EVERYTHING if _allowed(connection, kind.format(table=f"`{table}`", column=column))}


def test_mysql_domain_tables(site: Site) -> None:
    """The follower reads what it maps; the listener and the application write it; only the owner changes tables."""
    site.setup()
    wanted = {Role.OWNER: EVERYTHING, Role.APP: ROWS, Role.FOLLOWER: {READ}, Role.LISTENER: ROWS}
    found = {role: {table: _rights(site, role, table) for table in TABLES} for role in Role}
    assert found == {role: dict.fromkeys(TABLES, rights) for role, rights in wanted.items()}


def test_mysql_engine_tables(site: Site) -> None:
    """Applications only read `sync_*` and insert commands; the follower never writes the listener's checkpoint."""
    site.setup()
    found = {role: {table: _rights(site, role, table) for table in ENGINE_TABLES} for role in Role}
    assert found[Role.OWNER] == dict.fromkeys(ENGINE_TABLES, EVERYTHING)
    assert found[Role.APP] == {table: {READ} for table in ENGINE_TABLES} | {"sync_command": {READ, INSERT}}
    assert found[Role.FOLLOWER]["sync_checkpoint"] == {READ}
    assert READ in found[Role.LISTENER]["sync_checkpoint"]
    assert UPDATE in found[Role.LISTENER]["sync_checkpoint"]
    assert found[Role.LISTENER]["sync_intended"] == {READ, INSERT, DELETE}
    assert found[Role.LISTENER]["sync_trigger"] == {READ}
    assert found[Role.FOLLOWER]["sync_intended"] == found[Role.FOLLOWER]["sync_trigger"] == set()
    for role in (Role.FOLLOWER, Role.LISTENER):
        for table in ("sync_conflict", "sync_conflict_detail"):
            assert {READ, INSERT, UPDATE} <= found[role][table]
        assert not [table for table in ENGINE_TABLES if ALTER in found[role][table]]


def test_mysql_only_the_follower_reads_the_binlog(site: Site) -> None:
    """The log holds everybody's rows, those of tables that one may not read too."""
    site.setup()
    found = {role for role in Role if _allowed(site.mysql(role), "SHOW BINLOG EVENTS LIMIT 1")}
    assert found == {Role.FOLLOWER}


def test_mysql_workers_see_no_table_that_is_not_mapped(site: Site) -> None:
    """Accounts and sessions of the web application are none of the engine's business."""
    with site.mysql("owner").cursor() as cursor:
        cursor.execute("CREATE TABLE accounts_user (id INT PRIMARY KEY, password TEXT)")
    site.setup()
    assert _rights(site, Role.APP, "accounts_user") == ROWS
    assert _rights(site, Role.FOLLOWER, "accounts_user") == set()
    assert _rights(site, Role.LISTENER, "accounts_user") == set()


def test_mysql_nobody_sees_another_database(site: Site) -> None:
    """Not the server's own tables, not another installation's."""
    site.setup()
    with site.mysql("admin").cursor() as cursor:
        cursor.execute(f"CREATE DATABASE `{site.database}other`")
        cursor.execute(f"CREATE TABLE `{site.database}other`.t (a INT)")
    try:
        for role in Role:
            assert not _allowed(site.mysql(role), f"SELECT * FROM `{site.database}other`.t")
            assert not _allowed(site.mysql(role), "SELECT user FROM mysql.user")
    finally:
        with site.mysql("admin").cursor() as cursor:
            cursor.execute(f"DROP DATABASE `{site.database}other`")


COLLECTIONS = ("customers", "accounts", "transactions")
Action = Callable[[Database[Document], str], object]
ON_DOCUMENTS: dict[str, Action] = {
    "read": lambda database, name: database[name].find_one({"_id": "nobody"}),
    "insert": lambda database, name: _inserted_in_vain(database, name),
    "update": lambda database, name: database[name].update_one({"_id": "nobody"}, {"$set": {"a": 1}}),
    "delete": lambda database, name: database[name].delete_one({"_id": "nobody"}),
    "watch": lambda database, name: database[name].watch().close(),
    "settings": lambda database, name: database.command("collMod", name),
}
DOCUMENTS = {"read", "insert", "update", "delete"}


def _inserted_in_vain(database: Database[Document], name: str) -> None:
    """An insert that its own transaction takes back."""
    with database.client.start_session() as session, session.start_transaction():
        database[name].insert_one({"_id": "nobody"}, session=session)
        session.abort_transaction()


def _mongo_allowed(action: Callable[[], object]) -> bool:
    try:
        action()
    except OperationFailure as error:
        if error.code == 13:
            return False
        raise
    return True


def _mongo_rights(site: Site, role: Role, name: str) -> set[str]:
    database = site.mongo(role)
    return {kind for kind, action in ON_DOCUMENTS.items() if _mongo_allowed(partial(action, database, name))}


def test_mongo_mapped_collections(site: Site) -> None:
    """The listener only reads and watches; the follower and the application write; only the owner sets images."""
    site.setup()
    found = {role: {name: _mongo_rights(site, role, name) for name in COLLECTIONS} for role in Role}
    assert found[Role.OWNER] == {name: set(ON_DOCUMENTS) for name in COLLECTIONS}
    for name in COLLECTIONS:
        assert found[Role.APP][name] >= DOCUMENTS
        assert found[Role.FOLLOWER][name] >= DOCUMENTS
        assert found[Role.LISTENER][name] == {"read", "watch"}
        assert not [role for role in Role if role is not Role.OWNER and "settings" in found[role][name]]


def test_mongo_checkpoint(site: Site) -> None:
    """Only the follower writes it: whoever else could, could pass writes off as Lockstep's."""
    site.setup()
    found = {role: _mongo_rights(site, role, "sync_checkpoint") for role in Role}
    writes = {"insert", "update", "delete"}
    assert found[Role.FOLLOWER] >= {"read", "insert", "update"}
    assert found[Role.APP].isdisjoint(writes)
    assert found[Role.LISTENER].isdisjoint(writes)
    assert "read" in found[Role.LISTENER]


def test_mongo_workers_write_no_collection_that_is_not_mapped(site: Site) -> None:
    """The follower is shut out. The listener's stream is over the whole database, which MongoDB gives only with reading
    all of it; it writes nothing."""
    site.mongo("owner").create_collection("private")
    site.setup()
    assert _mongo_rights(site, Role.FOLLOWER, "private") == set()
    assert _mongo_rights(site, Role.LISTENER, "private") == {"read", "watch"}


def test_mongo_nobody_sees_another_database(site: Site) -> None:
    """Not the server's users, not another installation's documents."""
    site.setup()
    for role in Role:
        client = site.mongo(role).client
        assert not _mongo_allowed(client["another"]["things"].find_one)
        assert not _mongo_allowed(partial(client["another"]["things"].insert_one, {}))
        assert not _mongo_allowed(client["admin"]["system.users"].find_one)


def test_mongo_only_the_owner_makes_users(site: Site) -> None:
    """No other user can widen its own rights."""
    site.setup()
    for role in set(Role) - {Role.OWNER}:
        grant = {"grantRolesToUser": role.user, "roles": ["dbOwner"]}
        assert not _mongo_allowed(partial(site.mongo(role).command, grant))
