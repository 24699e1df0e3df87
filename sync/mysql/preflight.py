"""What `lockstep doctor` looks at in MySQL: settings, privileges, schema, retention. Changes nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from sync.errors import LockstepError
from sync.model.mapping import SyncMapping
from sync.model.report import Finding, Level
from sync.model.schema_check import check_tables
from sync.mysql.schema import cascades, columns, existing_tables, triggers, unique_keys
from sync.mysql.server import Connection, Flavour, MySQLSettings, Session, flavour, translated
from sync.mysql.setup import TABLES, grants

#: Hours of binlog that should be kept at least; less leaves no time to mend a stopped worker.
_HOURS = 24
#: Seconds by which clocks may differ before last-write decisions and lag become doubtful.
_OFFSET = 2.0
_WANTED = {
    "log_bin": ("1", "start MySQL with --log-bin"),
    "binlog_format": ("ROW", "SET GLOBAL binlog_format = 'ROW', for every session too"),
    "binlog_row_image": ("FULL", "SET GLOBAL binlog_row_image = 'FULL', for every session too"),
    "binlog_row_metadata": ("FULL", "SET GLOBAL binlog_row_metadata = 'FULL'"),
}
_FORBIDDEN = {
    Flavour.MYSQL: {
        "binlog_transaction_compression": ("0", "SET GLOBAL binlog_transaction_compression = OFF"),
        "binlog_row_value_options": ("", "SET GLOBAL binlog_row_value_options = ''"),
    },
    Flavour.MARIADB: {"log_bin_compress": ("0", "SET GLOBAL log_bin_compress = OFF")},
}


def check(roles: Mapping[str, MySQLSettings], mapping: SyncMapping) -> list[Finding]:
    """Findings on MySQL. A server that cannot be reached, or a role that cannot log in, is a finding of its own."""
    findings: list[Finding] = []
    for role, settings in roles.items():
        session = Session(settings, autocommit=True)
        try:
            connection = session.get()
            if role == "follower":
                findings += _server(connection)
            if role in ("app", "follower", "listener"):
                findings += _privileges(connection, role, mapping)
            if role == "owner":
                findings += _schema(connection, mapping)
        except LockstepError as error:
            findings.append(_problem(f"mysql: {role}", error.message, error.hint))
        finally:
            session.drop()
    return findings


def _server(connection: Connection) -> Iterator[Finding]:
    family = flavour(connection)
    version = _value(connection, "version")
    yield _ok("mysql: version", f"{family} {version}")
    for name, (wanted, fix) in {**_WANTED, **_FORBIDDEN[family]}.items():
        found = _value(connection, name)
        if found.upper() == wanted:
            yield _ok(f"mysql: {name}", found or "not set")
        else:
            yield _problem(f"mysql: {name}", f"is {found or 'not set'}, {wanted or 'not set'} is needed", fix)
    if family is Flavour.MYSQL and _value(connection, "gtid_mode").upper() != "ON":
        yield _warning("mysql: gtid_mode", "is off: positions do not survive a failover", "switch gtid_mode on")
    yield from _retention(connection)
    yield from _clock(connection)


def _retention(connection: Connection) -> Iterator[Finding]:
    seconds = int(float(_value(connection, "binlog_expire_logs_seconds") or 0))
    subject = "mysql: binlog kept for"
    if seconds == 0:
        yield _warning(subject, "ever: the disk may fill", "set binlog_expire_logs_seconds")
    elif seconds < _HOURS * 3600:
        hours = f"{seconds / 3600:.1f} h"
        yield _warning(subject, f"{hours}; a worker stopped for longer loses its position", "keep at least a day")
    else:
        yield _ok(subject, f"{seconds / 3600:.0f} h")
    with translated(), connection.cursor() as cursor:
        cursor.execute("SHOW BINARY LOGS")
        size = sum(int(row[1]) for row in cursor.fetchall())
    yield _ok("mysql: size of the binlog", f"{size / 1e6:,.0f} MB")


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


def _privileges(connection: Connection, role: str, mapping: SyncMapping) -> Iterator[Finding]:
    """Enough for its work table by table; and an application must not write the engine's tables."""
    with translated(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT TABLE_NAME, PRIVILEGE_TYPE FROM information_schema.TABLE_PRIVILEGES WHERE TABLE_SCHEMA = DATABASE()"
            " AND GRANTEE = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''')"
        )
        has = {(str(table), str(privilege)) for table, privilege in cursor.fetchall()}
        cursor.execute("SHOW GRANTS")
        broad = [str(row[0]).upper() for row in cursor.fetchall()]
    wanted = grants(mapping, sorted({*mapping.tables, *TABLES}))[role]
    pairs = ((table, one) for table, privileges in wanted.items() for one in privileges.split(", "))
    lacking = sorted({table for table, one in pairs if (table, one) not in has})
    subject = f"mysql: privileges of {role}"
    writes = [line for line in broad if " ON *.*" in line or ".* TO" in line]
    too_much = any(word in line for line in writes for word in ("ALL PRIVILEGES", "INSERT", "UPDATE", "SUPER"))
    if lacking:
        yield _problem(subject, f"too few on {', '.join(lacking)}", "lockstep setup")
    elif too_much:
        yield _problem(subject, "may write every table, the engine's too", "give rights table by table: lockstep setup")
    else:
        yield _ok(subject, "as they must be")
    if role == "follower" and not any("REPLICATION SLAVE" in line or "REPLICATION REPLICA" in line for line in broad):
        yield _problem("mysql: follower", "may not read the binlog", "GRANT REPLICATION SLAVE, REPLICATION CLIENT")


def _schema(connection: Connection, mapping: SyncMapping) -> Iterator[Finding]:
    tables = list(mapping.tables)
    missing = [name for name in TABLES if name not in existing_tables(connection)]
    if missing:
        yield _problem("mysql: the engine's tables", f"missing: {', '.join(missing)}", "lockstep setup")
    problems = check_tables(mapping, columns(connection, tables), unique_keys(connection, tables))
    for problem in problems:
        yield _problem("mysql: mapping", problem, "bring lockstep.toml and the schema in line")
    if not problems:
        yield _ok("mysql: mapping", f"{len(tables)} tables as mapped")
    for table, name in cascades(connection, tables):
        fix = "declare it NO ACTION: rows that a cascade changes are missing from the binlog before MySQL 9.6"
        yield _problem(f"mysql: {table}", f"foreign key {name} cascades", fix)
    for table, name in triggers(connection, tables):
        fix = "drop it: what triggers change is not carried in this version"
        yield _problem(f"mysql: {table}", f"trigger {name}", fix)


def _value(connection: Connection, name: str) -> str:
    """A global setting; "" where the server does not know it."""
    with translated(), connection.cursor() as cursor:
        cursor.execute("SHOW GLOBAL VARIABLES LIKE %s", (name.replace("_", r"\_"),))
        row = cursor.fetchone()
    found = "" if row is None else str(row[1])
    return {"ON": "1", "OFF": "0"}.get(found, found) if name != "gtid_mode" else found


def _ok(subject: str, message: str) -> Finding:
    return Finding(level=Level.OK, subject=subject, message=message)


def _warning(subject: str, message: str, fix: str) -> Finding:
    return Finding(level=Level.WARNING, subject=subject, message=message, fix=fix)


def _problem(subject: str, message: str, fix: str) -> Finding:
    return Finding(level=Level.PROBLEM, subject=subject, message=message, fix=fix)
