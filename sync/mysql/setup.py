"""What `lockstep setup` makes in MySQL, as owner: the engine's tables, the first checkpoint, and least privileges.

Every step can be listed before it is done, and done again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pymysql

from sync.model.mapping import SyncMapping
from sync.model.report import Step
from sync.mysql.schema import columns, existing_tables, noted_triggers, triggers
from sync.mysql.server import Connection, MySQLSettings, Session, quoted, translated

#: Table -> what creates it.
TABLES: Mapping[str, str] = {
    block.split("\n", 1)[0].strip(): block.split("\n", 1)[1]
    for block in (Path(__file__).parent / "state.sql").read_text(encoding="utf-8").split("-- name:")[1:]
}
#: A column's line in what creates a table: its name, and how it is defined.
_COLUMN = re.compile(r"^    ([a-z_]+) (.*?),?$", re.MULTILINE)
_FIRST_CHECKPOINT = (
    "INSERT INTO sync_checkpoint (name, seq, lease, holder, rows_done, known, copied, copying, renewed_at, lease_until)"
    """ VALUES ('listener', 0, '', '{}', 0, '{"seq": 0, "lease": ""}', '[]', 0, NOW(6), NOW(6))"""
)
_WRITE = "SELECT, INSERT, UPDATE, DELETE"


def steps(settings: MySQLSettings, mapping: SyncMapping, roles: Mapping[str, MySQLSettings]) -> list[Step]:
    """What is to be done as owner. `roles`: how app, follower and listener connect: an owner may give privileges to
    others, but not see which they have."""
    session = Session(settings, autocommit=True)
    connection = session.get()
    there = existing_tables(connection)
    made = [
        Step(text=f"MySQL: create table {name}", done=name in there, apply=partial(_run, session, statement))
        for name, statement in TABLES.items()
    ]
    made += _missing_columns(session, [name for name in TABLES if name in there])
    first = "sync_checkpoint" in there and _has_checkpoint(connection)
    made.append(Step(text="MySQL: write the listener's first checkpoint", done=first, apply=partial(_first, session)))
    made += _triggers(session, list(mapping.tables), noted="sync_trigger" in there)
    tables = sorted({*there, *TABLES, *mapping.tables})
    for role, wanted in grants(mapping, tables).items():
        account = _account(roles[role], settings.database)
        for table, privileges in wanted.items():
            made.append(
                Step(
                    text=f"MySQL: grant {privileges} on {table} to {account.user}",
                    done=all((table, privilege) in account.has for privilege in privileges.split(", ")),
                    apply=partial(_grant, session, account, table, privileges),
                )
            )
    return made


def _missing_columns(session: Session, tables: Sequence[str]) -> list[Step]:
    """A table that an earlier version made may lack columns: a step for each."""
    present = columns(session.get(), tables) if tables else {}
    return [
        Step(
            text=f"MySQL: add column {name} to {table}",
            done=False,
            apply=partial(_add_column, session, table, f"{name} {definition}"),
        )
        for table in tables
        for name, definition in _COLUMN.findall(TABLES[table])
        if name not in present[table]
    ]


def _triggers(session: Session, tables: Sequence[str], *, noted: bool) -> list[Step]:
    """Only the owner sees triggers; the listener must know which tables have some. `noted`: there is where to note it."""
    has = {table for table, _ in triggers(session.get(), tables)}
    known = noted_triggers(session.get()) if noted else frozenset()
    note, forget = "INSERT IGNORE INTO sync_trigger VALUES (%s)", "DELETE FROM sync_trigger WHERE table_name = %s"
    return [
        Step(
            text=f"MySQL: note that {table} has triggers"
            if table in has
            else f"MySQL: note that {table} has none any more",
            done=(table in has) == (table in known),
            apply=partial(_run, session, note if table in has else forget, table),
        )
        for table in sorted(has | known)
    ]


def grants(mapping: SyncMapping, tables: list[str]) -> dict[str, dict[str, str]]:
    """Role -> table -> privileges. `tables` are all that exist or will. SELECT is enough for the follower's reads under
    shared locks, on both families."""
    mapped = [name for name in tables if name in mapping.tables]
    others = [name for name in tables if name not in TABLES]
    follower = dict.fromkeys(mapped, "SELECT") | {
        "sync_checkpoint": "SELECT",
        "sync_conflict": _WRITE,
        "sync_conflict_detail": _WRITE,
        "sync_collection": "SELECT, INSERT, UPDATE",
        "sync_command": "SELECT, UPDATE",
        "sync_worker": "SELECT, INSERT, UPDATE",
        "sync_timeline": "SELECT, INSERT",
    }
    listener = dict.fromkeys(mapped, _WRITE) | dict.fromkeys(TABLES, "SELECT, INSERT, UPDATE")
    listener |= {"sync_intended": "SELECT, INSERT, DELETE", "sync_trigger": "SELECT"}
    app = dict.fromkeys(others, _WRITE) | dict.fromkeys(TABLES, "SELECT") | {"sync_command": "SELECT, INSERT"}
    return {"follower": follower, "listener": listener, "app": app}


def teardown(settings: MySQLSettings, mapping: SyncMapping, roles: Mapping[str, MySQLSettings]) -> list[Step]:
    """What takes the workers' privileges and the engine's tables away again. The app keeps what it has on its own tables."""
    session = Session(settings, autocommit=True)
    there = existing_tables(session.get())
    steps = []
    for role, wanted in grants(mapping, sorted({*there, *TABLES})).items():
        account = _account(roles[role], settings.database)
        for table in wanted:
            if role == "app" and table not in TABLES:
                continue
            has = sorted(privilege for of, privilege in account.has if of == table)
            steps.append(
                Step(
                    text=f"MySQL: revoke everything on {table} from {account.user}",
                    done=not has,
                    apply=partial(_revoke, session, account, table, ", ".join(has)),
                )
            )
    return steps + [
        Step(
            text=f"MySQL: drop table {name}",
            done=name not in there,
            apply=partial(_run, session, f"DROP TABLE IF EXISTS {name}"),
        )
        for name in TABLES
    ]


def _run(session: Session, statement: str, *values: str) -> None:
    with translated(), session.get().cursor() as cursor:
        cursor.execute(statement, values or None)


def _has_checkpoint(connection: Connection) -> bool:
    with translated(), connection.cursor() as cursor:
        return cursor.execute("SELECT 1 FROM sync_checkpoint WHERE name = 'listener'") > 0


def _first(session: Session) -> None:
    if not _has_checkpoint(session.get()):
        _run(session, _FIRST_CHECKPOINT)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Account:
    """A MySQL user as the server knows it, and its privileges on single tables of the database."""

    user: str
    host: str
    has: frozenset[tuple[str, str]]


def _account(settings: MySQLSettings, database: str) -> _Account:
    """Asked as that user, without a database: before the first setup it may have none."""
    session = Session(replace(settings, database=""), autocommit=True)
    try:
        with translated(), session.get().cursor() as cursor:
            cursor.execute("SELECT CURRENT_USER()")
            row = cursor.fetchone()
            assert row is not None
            user, _, host = str(row[0]).rpartition("@")
            cursor.execute(
                "SELECT TABLE_NAME, PRIVILEGE_TYPE FROM information_schema.TABLE_PRIVILEGES"
                " WHERE TABLE_SCHEMA = %s AND GRANTEE = %s",
                (database, f"'{user}'@'{host}'"),
            )
            has = frozenset((str(table), str(privilege)) for table, privilege in cursor.fetchall())
    finally:
        session.drop()
    return _Account(user=user, host=host, has=has)


def _add_column(session: Session, table: str, column: str) -> None:
    with translated(), session.get().cursor() as cursor:
        try:
            cursor.execute(f"ALTER TABLE {table} ADD COLUMN {column}")
        except pymysql.MySQLError as error:
            if error.args[0] != 1060:  # it is there by now
                raise


def _grant(session: Session, account: _Account, table: str, privileges: str) -> None:
    with translated(), session.get().cursor() as cursor:
        cursor.execute(f"GRANT {privileges} ON {quoted(table)} TO %s@%s", (account.user, account.host))


def _revoke(session: Session, account: _Account, table: str, privileges: str) -> None:
    if not privileges:
        return
    with translated(), session.get().cursor() as cursor:
        try:
            cursor.execute(f"REVOKE {privileges} ON {quoted(table)} FROM %s@%s", (account.user, account.host))
        except pymysql.MySQLError as error:
            if error.args[0] != 1147:  # it has none any more
                raise
