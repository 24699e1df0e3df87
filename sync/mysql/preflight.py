"""What `lockstep doctor` looks at in MySQL: settings, privileges, schema, retention. Changes nothing."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from sync.errors import ConfigError, LockstepError, MappingError, MySQLAway
from sync.model.codecs import Column
from sync.model.mapping import SyncMapping
from sync.model.report import Finding, Level
from sync.model.schema_check import check_tables
from sync.model.self_written import by_itself, self_written
from sync.mysql.binlog_position import binlog_files
from sync.mysql.cascades import are_logged, is_inside
from sync.mysql.privileges import BINLOG_SWITCHING, WRITING, Privileges, privileges
from sync.mysql.schema import (
    columns,
    defaults,
    engines,
    existing_tables,
    foreign_keys,
    needs_value,
    noted_triggers,
    triggers,
    unique_keys,
    versioned,
)
from sync.mysql.server import Connection, Flavour, MySQLSettings, Session, flavour, translated
from sync.mysql.setup import TABLES, grants

#: Hours of binlog that should be kept at least; less leaves no time to mend a stopped worker.
_HOURS = 24
#: Seconds by which clocks may differ before last-write decisions and lag become doubtful.
_OFFSET = 2.0
#: Bytes of a statement that a server should take: MariaDB's default.
_STATEMENT = 16 << 20
#: The first versions with all that the engine asks of a server.
_SINCE = {Flavour.MYSQL: (8, 4), Flavour.MARIADB: (10, 6)}
_WANTED = {
    "binlog_format": ("ROW", "SET GLOBAL binlog_format = 'ROW', for every session too"),
    "binlog_row_image": ("FULL", "SET GLOBAL binlog_row_image = 'FULL', for every session too"),
    "binlog_row_metadata": ("FULL", "SET GLOBAL binlog_row_metadata = 'FULL'"),
}
_READS_BINLOG = {
    Flavour.MYSQL: (("REPLICATION SLAVE",), ("REPLICATION CLIENT",)),
    Flavour.MARIADB: (("REPLICATION SLAVE", "REPLICATION REPLICA"), ("BINLOG MONITOR", "REPLICATION CLIENT")),
}
_VERSIONED = "is system-versioned: in the log, rows of the past cannot be told from what users write now"
_OWNS = ("SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "ALTER")


def check(roles: Mapping[str, MySQLSettings], mapping: SyncMapping) -> list[Finding]:
    """Findings on MySQL. A role that cannot log in is a finding of its own; a server that is away ends the look."""
    findings: list[Finding] = []
    for role, settings in roles.items():
        try:
            findings += _of_role(role, settings, mapping)
        except MySQLAway as error:
            return [*findings, _problem("mysql: server", error.message, error.hint)]
        except LockstepError as error:
            findings.append(_problem(f"mysql: {role}", error.message, error.hint))
    return findings


def require(settings: MySQLSettings, mapping: SyncMapping) -> None:
    """What a first copy needs, as follower: settings (`ConfigError`), and tables as mapped (`MappingError`)."""
    session = Session(settings, autocommit=True)
    try:
        connection = session.get()
        for finding in _server(connection):
            if finding.level is Level.PROBLEM:
                raise ConfigError(f"{finding.subject}: {finding.message}", hint=finding.fix)
        _require_tables(connection, mapping)
    finally:
        session.drop()


def problems(settings: MySQLSettings, mapping: SyncMapping) -> dict[str, list[str]]:
    """By collection, what in its tables is not as mapped, as a worker's own user sees it."""
    session = Session(settings, autocommit=True)
    try:
        connection, tables = session.get(), list(mapping.tables)
        there, keys = columns(connection, tables), unique_keys(connection, tables)
        given, past = defaults(connection, tables), versioned(connection, tables)
    finally:
        session.drop()
    each = {name: replace(mapping, collections={name: one}) for name, one in mapping.collections.items()}
    found = {
        name: [
            *check_tables(one, there, keys, given),
            *(f"{table}: {_VERSIONED}" for table in past if table in one.tables),
        ]
        for name, one in each.items()
    }
    return {name: of_collection for name, of_collection in found.items() if of_collection}


def mapped_columns(settings: MySQLSettings, mapping: SyncMapping) -> dict[str, dict[str, Column]]:
    """Columns of the mapped tables, which are as mapped (`MappingError`), as owner."""
    session = Session(settings, autocommit=True)
    try:
        _require_tables(session.get(), mapping)
        return columns(session.get(), list(mapping.tables))
    finally:
        session.drop()


def _require_tables(connection: Connection, mapping: SyncMapping) -> None:
    tables = list(mapping.tables)
    keys = unique_keys(connection, tables)
    problems = check_tables(mapping, columns(connection, tables), keys, defaults(connection, tables))
    problems += [f"{table}: {_VERSIONED}" for table in versioned(connection, tables)]
    if problems:
        raise MappingError(problems)


def _of_role(role: str, settings: MySQLSettings, mapping: SyncMapping) -> list[Finding]:
    """Only the owner enters the database: before the first setup the others may not."""
    session = Session(settings if role == "owner" else replace(settings, database=""), autocommit=True)
    try:
        connection = session.get()
        found = privileges(connection, settings.database)
        if role == "owner":
            return [*_server(connection), *_owner(found), *_schema(connection, mapping)]
        findings = [*_privileges(found, role, mapping)]
        if role == "follower":
            findings += _reads_binlog(found, flavour(connection))
            findings += _binlog(connection, settings.database)
        return findings
    finally:
        session.drop()


# The server.


def _server(connection: Connection) -> Iterator[Finding]:
    family, version = flavour(connection), _version(connection)
    text = _value(connection, "version")
    if version < _SINCE[family]:
        since = ".".join(map(str, _SINCE[family]))
        yield _problem("mysql: version", f"{family} {text}; {since} or later is needed", "upgrade the server")
    else:
        yield _ok("mysql: version", f"{family} {text}")
    yield from _clock(connection)
    if _value(connection, "log_bin") != "ON":
        fix = "start MySQL with --log-bin --binlog-format=ROW --binlog-row-image=FULL --binlog-row-metadata=FULL"
        yield _problem("mysql: log_bin", "is OFF: without a binlog no change can be followed", fix)
        return
    yield _ok("mysql: log_bin", "ON")
    for name, (wanted, fix) in _WANTED.items():
        found = _value(connection, name)
        if found.upper() == wanted:
            yield _ok(f"mysql: {name}", found)
        else:
            yield _problem(f"mysql: {name}", f"is {found}, {wanted} is needed", fix)
    if _value(connection, "binlog_checksum").upper() == "NONE":
        fix = "SET GLOBAL binlog_checksum = 'CRC32'"
        yield _warning("mysql: binlog_checksum", "is NONE: damage on disk or on the way goes unseen", fix)
    yield from _largest_statement(connection)
    if "STRICT_" not in _value(connection, "sql_mode").upper():
        message = "is not strict: what MySQL makes of a value that does not fit is what is carried"
        yield _ok("mysql: sql_mode", message)
    if family is Flavour.MYSQL and _value(connection, "gtid_mode").upper() != "ON":
        yield _warning("mysql: gtid_mode", "is off: positions do not survive a failover", "switch gtid_mode on")


def _largest_statement(connection: Connection) -> Iterator[Finding]:
    """A document of MongoDB may hold 16 MB, and stands in a statement as text."""
    most = int(_value(connection, "max_allowed_packet"))
    subject = "mysql: max_allowed_packet"
    message = f"{most / 2**20:,.0f} MB: a row that needs a larger statement is held"
    if most < _STATEMENT:
        yield _warning(subject, message, f"SET GLOBAL max_allowed_packet = {_STATEMENT}, or more")
    else:
        yield _ok(subject, message)


def _binlog(connection: Connection, database: str) -> Iterator[Finding]:
    """What only an account that may read the binlog is told."""
    if _value(connection, "log_bin") != "ON":
        return
    yield from _retention(connection)
    statement = "SHOW MASTER STATUS" if flavour(connection) is Flavour.MARIADB else "SHOW BINARY LOG STATUS"
    with translated(), connection.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone()
    only, without = (str(row[2] or ""), str(row[3] or "")) if row else ("", "")
    left_out = (only and database not in only.split(",")) or database in without.split(",")
    if left_out:
        fix = "start MySQL without binlog-do-db and binlog-ignore-db"
        yield _problem("mysql: filters of the binlog", f"leave {database} out", fix)


def _retention(connection: Connection) -> Iterator[Finding]:
    seconds = int(float(_value(connection, "binlog_expire_logs_seconds") or 0))
    subject = "mysql: binlog kept for"
    if seconds == 0:
        yield _warning(subject, "ever: the disk may fill", "set binlog_expire_logs_seconds, a day or more")
    elif seconds < _HOURS * 3600:
        hours = f"{seconds / 3600:.1f} h"
        fix = f"SET GLOBAL binlog_expire_logs_seconds = {_HOURS * 3600}, or more"
        yield _warning(subject, f"{hours}; a worker stopped for longer loses its position", fix)
    else:
        yield _ok(subject, f"{seconds / 3600:.0f} h")
    yield _ok("mysql: size of the binlog", f"{sum(binlog_files(connection).values()) / 1e6:,.0f} MB")


def _clock(connection: Connection) -> Iterator[Finding]:
    before = time.time()
    with translated(), connection.cursor() as cursor:
        cursor.execute("SELECT UNIX_TIMESTAMP(NOW(6))")
        row = cursor.fetchone()
    assert row is not None
    offset = float(row[0]) - (before + time.time()) / 2
    if abs(offset) > _OFFSET:
        yield _warning("mysql: clock", f"is {offset:+.1f} s off this machine's", "synchronise the clocks (NTP)")
    else:
        yield _ok("mysql: clock", f"{offset * 1000:+.0f} ms off this machine's")


# Privileges.


def _owner(has: Privileges) -> Iterator[Finding]:
    if has.grants and has.has(*_OWNS):
        yield _ok("mysql: privileges of owner", "as they must be")
    else:
        fix = "as the server's admin: GRANT ALL PRIVILEGES ON the database TO the owner WITH GRANT OPTION"
        yield _problem("mysql: privileges of owner", "too few to set the engine up", fix)


def _privileges(has: Privileges, role: str, mapping: SyncMapping) -> Iterator[Finding]:
    """Enough for its work table by table; and nobody but the listener writes the tag of the listener's transactions."""
    wanted = {
        (table, one)
        for table, named in grants(mapping, sorted({*mapping.tables, *TABLES}))[role].items()
        for one in named.split(", ")
    }
    subject = f"mysql: privileges of {role}"
    lacking = sorted({table for table, _ in wanted - has.on_tables})
    broad = (has.everywhere | has.in_database) & WRITING
    surplus = {(table, one) for table, one in has.on_tables - wanted if table in TABLES and one in WRITING}
    switching = has.everywhere & BINLOG_SWITCHING
    if lacking:
        yield _problem(subject, f"too few on {', '.join(lacking)}", "lockstep setup")
    if broad:
        message = f"{_listed(broad)} on every table, the engine's too"
        yield _problem(subject, message, f"REVOKE {_listed(broad)} from it; lockstep setup gives rights table by table")
    for table in sorted({table for table, _ in surplus}):
        named = _listed({one for of, one in surplus if of == table})
        yield _problem(subject, f"may {named} {table}", f"REVOKE {named} ON {table} from it")
    if switching and not broad:
        message = f"{_listed(switching)}: a session of it may leave the binlog or write it in another format"
        yield _warning(subject, message, f"REVOKE {_listed(switching)} from it")
    if not (lacking or broad or surplus or switching):
        yield _ok(subject, "as they must be")


def _reads_binlog(has: Privileges, family: Flavour) -> Iterator[Finding]:
    needed = _READS_BINLOG[family]
    lacking = [names[0] for names in needed if not has.everywhere & {*names, "ALL PRIVILEGES"}]
    if lacking:
        fix = f"as the server's admin: GRANT {', '.join(lacking)} ON *.* TO the follower"
        yield _problem("mysql: follower", "may not read the binlog", fix)


# The schema.


def _schema(connection: Connection, mapping: SyncMapping) -> Iterator[Finding]:
    tables = list(mapping.tables)
    there = existing_tables(connection)
    missing = [name for name in TABLES if name not in there]
    if missing:
        yield _problem("mysql: the engine's tables", f"missing: {', '.join(missing)}", "lockstep setup")
    keys = unique_keys(connection, tables)
    found, given = columns(connection, tables), defaults(connection, tables)
    problems = check_tables(mapping, found, keys, given)
    for problem in problems:
        yield _problem("mysql: mapping", problem, "bring lockstep.toml and the schema in line")
    if not problems:
        yield _ok("mysql: mapping", f"{len(tables)} tables as mapped")
    for name, mapped in mapping.tables.items():
        written = self_written(mapped, found.get(name, {}), given.get(name, ()))
        if written and not problems:
            listed = ", ".join(f"{column} ({how})" for column, how in written.columns.items())
            yield _ok(f"mysql: {name}", f"MySQL writes by itself, and it is carried: {listed}")
    yield from _triggers(connection, tables, noted_triggers(connection) if "sync_trigger" in there else frozenset())
    for table, engine in engines(connection, tables).items():
        if engine != "InnoDB":
            yield _problem(f"mysql: {table}", f"storage engine {engine}", f"ALTER TABLE {table} ENGINE = InnoDB")
    for table in versioned(connection, tables):
        yield _problem(f"mysql: {table}", _VERSIONED, f"ALTER TABLE {table} DROP SYSTEM VERSIONING")
    for table, column in needs_value(connection, tables):
        if column not in mapping.tables[table].codecs:
            message = f"column {column} is NOT NULL without a default and not mapped: no document can be inserted"
            yield _problem(f"mysql: {table}", message, "map it, give it a default, or let it be NULL")
    yield from _left_behind(mapping, found)
    yield from _constraints(connection, mapping, keys)


def _left_behind(mapping: SyncMapping, there: Mapping[str, Mapping[str, Column]]) -> Iterator[Finding]:
    """Where elements of a list move, their rows are written anew: what nothing maps stays where it was."""
    for name, table in mapping.tables.items():
        for column in there.get(name, {}).values() if table.is_list else ():
            if column.name not in table.codecs and by_itself(column) not in ("auto_increment", "generated"):
                message = (
                    f"column {column.name} is not mapped: its values stay at their place when elements of the list move"
                )
                yield _warning(f"mysql: {name}", message, "map it, or keep it in a table of its own")


def _triggers(connection: Connection, tables: Sequence[str], noted: frozenset[str]) -> Iterator[Finding]:
    for table, name in triggers(connection, tables):
        if table in noted:
            yield _ok(f"mysql: {table}", f"trigger {name}: what it writes is carried")
        else:
            message = f"trigger {name} came after the last setup: what it writes of the listener's rows is not carried"
            yield _problem(
                f"mysql: {table}", message, "lockstep setup, then lockstep resume of the collection that it paused"
            )


def _constraints(
    connection: Connection, mapping: SyncMapping, keys: Mapping[str, list[list[str]]]
) -> Iterator[Finding]:
    """What changes rows unseen, and what may refuse a document that MongoDB takes."""
    logged = are_logged(connection)
    for key in foreign_keys(connection, list(mapping.tables)):
        parent = mapping.tables.get(key.references)
        if key.cascades and not logged and is_inside(key, mapping):
            message = (
                f"foreign key {key.name} cascades within the document: each cascade is settled by a look at both sides"
            )
            yield _warning(f"mysql: {key.table}", message, "declare it NO ACTION where many rows are deleted at once")
        elif key.cascades and not logged:
            fix = "declare it NO ACTION: rows that a cascade changes are missing from this server's binlog"
            yield _problem(f"mysql: {key.table}", f"foreign key {key.name} cascades from {key.references}", fix)
        if parent is None or parent.collection != mapping.tables[key.table].collection:
            message = (
                f"foreign key {key.name} leads to {key.references}, outside of the document: what it refuses is held"
            )
            yield _warning(f"mysql: {key.table}", message, "drop it: MongoDB knows no order between collections")
    for mapped in mapping.tables.values():
        for names in keys.get(mapped.name, ()):
            if not set(names) >= set(mapped.key) and set(names) & mapped.codecs.keys():
                message = f"unique key over {', '.join(names)}: what it refuses is held"
                yield _warning(f"mysql: {mapped.name}", message, "see that the documents obey it too")


# Asking.


def _version(connection: Connection) -> tuple[int, ...]:
    found = re.match(r"(\d+)\.(\d+)", _value(connection, "version"))
    return tuple(map(int, found.groups())) if found else (0, 0)


def _value(connection: Connection, name: str) -> str:
    """A global setting; "" where the server does not know it."""
    with translated(), connection.cursor() as cursor:
        cursor.execute("SHOW GLOBAL VARIABLES LIKE %s", (name.replace("_", r"\_"),))
        row = cursor.fetchone()
    return "" if row is None else str(row[1])


def _listed(names: frozenset[str] | set[str]) -> str:
    return ", ".join(sorted(names))


def _ok(subject: str, message: str) -> Finding:
    return Finding(level=Level.OK, subject=subject, message=message)


def _warning(subject: str, message: str, fix: str) -> Finding:
    return Finding(level=Level.WARNING, subject=subject, message=message, fix=fix)


def _problem(subject: str, message: str, fix: str) -> Finding:
    return Finding(level=Level.PROBLEM, subject=subject, message=message, fix=fix)
