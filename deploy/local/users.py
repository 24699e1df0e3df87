"""The four users a side and what the server's admin gives them: only what a database owner cannot give.

All finer rights, table by table and collection by collection, are given by `lockstep setup` as owner.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from urllib.parse import quote

from pymongo import MongoClient
from pymysql.connections import Connection
from pymysql.cursors import Cursor

from deploy.local.mongo_server import REPLICA_SET, Document
from deploy.local.mysql_binary import Flavour


class Role(StrEnum):
    """Who connects: one user of each on either side."""

    OWNER = "owner"
    APP = "app"
    FOLLOWER = "follower"
    LISTENER = "listener"

    @property
    def user(self) -> str:
        """Its user's name on both servers."""
        return f"lockstep_{self.value}"


#: Reading the binlog is a right of the whole server on both families, under two names.
READS_BINLOG = {
    Flavour.MYSQL: "REPLICATION SLAVE, REPLICATION CLIENT",
    Flavour.MARIADB: "REPLICATION SLAVE, BINLOG MONITOR",
}


def create_mysql_users(admin: Connection[Cursor], flavour: Flavour, passwords: Mapping[Role, str]) -> None:
    """Make the users, or give existing ones these passwords; rights to data come with `open_mysql_database`."""
    with admin.cursor() as cursor:
        # Not in the binlog: MariaDB writes passwords there in clear.
        cursor.execute("SET SESSION sql_log_bin = 0")
        for role in Role:
            account = f"'{role.user}'@'%%'"
            cursor.execute(f"CREATE USER IF NOT EXISTS {account} IDENTIFIED BY %s", (passwords[role],))
            cursor.execute(f"ALTER USER {account} IDENTIFIED BY %s", (passwords[role],))
        cursor.execute(f"GRANT {READS_BINLOG[flavour]} ON *.* TO '{Role.FOLLOWER.user}'@'%'")
        cursor.execute("SET SESSION sql_log_bin = 1")


def open_mysql_database(admin: Connection[Cursor], database: str) -> None:
    """Make the database where missing; its owner may do everything in it and give rights to it, and nothing else."""
    pattern = database.replace("_", r"\_").replace("%", r"\%")  # GRANT reads these as wildcards
    with admin.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE IF NOT EXISTS `{database}` CHARACTER SET utf8mb4")
        cursor.execute(f"GRANT ALL PRIVILEGES ON `{pattern}`.* TO '{Role.OWNER.user}'@'%' WITH GRANT OPTION")


def create_mongo_users(admin: MongoClient[Document], database: str, passwords: Mapping[Role, str]) -> None:
    """Make the users in `database`, or give existing ones these passwords."""
    there = {entry["user"] for entry in admin[database].command("usersInfo")["users"]}
    for role in Role:
        verb = "updateUser" if role.user in there else "createUser"
        rights = {} if role.user in there else {"roles": _base_roles(role, database)}
        # One mechanism only: each further one costs a hash of thousands of rounds.
        command = {verb: role.user, "pwd": passwords[role], "mechanisms": ["SCRAM-SHA-256"], **rights}
        admin[database].command(command)


def _base_roles(role: Role, database: str) -> list[dict[str, str]]:
    if role is not Role.OWNER:
        return []
    return [
        {"role": "dbOwner", "db": database},
        {"role": "clusterMonitor", "db": "admin"},
        {"role": "read", "db": "local"},  # the oplog's size and window, for `lockstep doctor`
    ]


def mysql_url(role: Role, password: str, port: int, database: str) -> str:
    """How Lockstep is told to connect. A secret."""
    return f"mysql://{role.user}:{quote(password, safe='')}@127.0.0.1:{port}/{database}"


def mongo_url(role: Role, password: str, port: int, database: str) -> str:
    """How Lockstep is told to connect. A secret."""
    options = f"replicaSet={REPLICA_SET}&authSource={database}"
    return f"mongodb://{role.user}:{quote(password, safe='')}@127.0.0.1:{port}/{database}?{options}"
