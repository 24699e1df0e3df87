"""Connections to MySQL and MariaDB, which of the two it is, and the one table that turns their errors into ours.

Messages never carry the server's text: it may quote values of rows or the query.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit

import pymysql
from pymysql.constants import CLIENT

from sync.errors import ConfigError, Contention, LockstepError, MySQLAway, Refused, StructureMismatch
from sync.mysql.result import CONVERSIONS, RowsConnection

#: Seconds. A server that says nothing for so long is away; nothing that the engine asks takes so long to begin answering.
CONNECT_TIMEOUT, READ_TIMEOUT = 10, 20
#: MySQL waits this many seconds for a row's lock before it gives up (error 1205), and for that of a table in DDL.
LOCK_WAIT, TABLE_LOCK_WAIT = 2, 5

Connection: TypeAlias = RowsConnection

_TLS = {"ssl-ca": "ssl_ca", "ssl-cert": "ssl_cert", "ssl-key": "ssl_key"}
_TLS_MODES = ("required", "verify_ca", "verify_identity")
#: Strict; but dates that are none may be written, for a mapping may carry them (option `zero_dates`).
_MODE = "STRICT_TRANS_TABLES,STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO"
_SESSION = (
    f"SET SESSION sql_mode = '{_MODE}', time_zone = '+00:00', "
    f"innodb_lock_wait_timeout = {LOCK_WAIT}, lock_wait_timeout = {TABLE_LOCK_WAIT},"
    " transaction_isolation = 'READ-COMMITTED'"
)
_SESSION_MARIADB = _SESSION.replace("transaction_isolation", "tx_isolation")


class Flavour(enum.StrEnum):
    """The two families; they share a protocol and differ in statements and binlog."""

    MYSQL = "mysql"
    MARIADB = "mariadb"


@dataclass(frozen=True, slots=True, kw_only=True)
class MySQLSettings:
    """Where a role connects, and as whom."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str
    #: pymysql's arguments for TLS.
    tls: Mapping[str, object] = field(default_factory=dict, repr=False)

    @staticmethod
    def from_url(url: str) -> MySQLSettings:
        """From mysql://user:password@host:port/database?ssl-ca=FILE. Raises `ConfigError`, never quoting the URL."""
        try:
            parts = urlsplit(url)
            port = parts.port or 3306
        except ValueError:
            raise ConfigError("a MySQL URL cannot be read: the port is not a number") from None
        database = unquote(parts.path.removeprefix("/"))
        if parts.scheme != "mysql" or not (parts.hostname and parts.username and database) or "/" in database:
            raise ConfigError("a MySQL URL cannot be read: allowed is mysql://user:password@host:port/database")
        return MySQLSettings(
            host=parts.hostname,
            port=port,
            user=unquote(parts.username),
            password=unquote(parts.password or ""),
            database=database,
            tls=_tls(dict(parse_qsl(parts.query, keep_blank_values=True))),
        )

    def arguments(self) -> dict[str, Any]:
        """pymysql's arguments."""
        return {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "password": self.password,
            "database": self.database,
            "charset": "utf8mb4",
            "connect_timeout": CONNECT_TIMEOUT,
            **self.tls,
        }


def _tls(options: Mapping[str, str]) -> dict[str, object]:
    """With a CA the server is verified, host name included, unless ssl-mode asks for less. Without any option, TLS is
    used where the server offers it, unverified."""
    unknown = sorted(options.keys() - {*_TLS, "ssl-mode"})
    if unknown:
        raise ConfigError(f"a MySQL URL has the unknown option {unknown[0]}; allowed: ssl-mode, {', '.join(_TLS)}")
    mode = options.get("ssl-mode", "").lower()
    if mode not in ("", *_TLS_MODES):
        raise ConfigError(f"a MySQL URL has an unknown ssl-mode; allowed: {', '.join(_TLS_MODES)}")
    tls: dict[str, object] = {_TLS[name]: path for name, path in options.items() if name in _TLS}
    if mode.startswith("verify") and "ssl_ca" not in tls:
        raise ConfigError(f"a MySQL URL with ssl-mode={mode} needs ssl-ca")
    if "ssl_ca" in tls and mode != "required":
        tls |= {"ssl_verify_cert": True, "ssl_verify_identity": mode != "verify_ca"}
    return tls if tls or not mode else {"ssl": {"check_hostname": False, "verify_mode": "none"}}


def connect(settings: MySQLSettings, *, autocommit: bool = False) -> Connection:
    """A session in strict mode, UTC, READ COMMITTED, that counts matched rows instead of changed ones."""
    with translated():
        connection = RowsConnection(
            **settings.arguments(),
            conv=CONVERSIONS,
            autocommit=autocommit,
            read_timeout=READ_TIMEOUT,
            write_timeout=READ_TIMEOUT,
            client_flag=CLIENT.FOUND_ROWS,
        )
        with connection.cursor() as cursor:
            cursor.execute(_SESSION_MARIADB if flavour(connection) is Flavour.MARIADB else _SESSION)
        return connection


def flavour(connection: Connection) -> Flavour:
    """Told by the version that the server gives at the handshake."""
    version = str(connection.get_server_info())  # type: ignore[no-untyped-call]  # the stubs leave it untyped
    return Flavour.MARIADB if "MariaDB" in version else Flavour.MYSQL


def server_name(connection: Connection) -> str:
    """What tells this server from others, for positions: @@server_uuid. MariaDB has none that every user may read:
    there server id, host and data directory make the name. Where one changes, reading resumes by GTID, as on another
    server."""
    with connection.cursor() as cursor:
        if flavour(connection) is Flavour.MYSQL:
            cursor.execute("SELECT @@server_uuid")
        else:
            cursor.execute("SELECT CONCAT_WS(':', 'mariadb', @@server_id, @@hostname, @@datadir)")
        row = cursor.fetchone()
    assert row is not None
    return str(row[0])


def quoted(name: str) -> str:
    """A name of the mapping, quoted. Names never come from data."""
    return "`" + name.replace("`", "``") + "`"


#: Error numbers (MySQL manual, "Server Error Message Reference"; MariaDB, "Error Code Reference"; 2xxx: client).
_CONTENTION = {1020, 1205, 1213, 1412, 1614, 3058, 3572}
_UNIQUE = {1022, 1062, 1169, 1557, 1586, 1761, 1762, 1859}
_FOREIGN_KEY = {1216, 1217, 1451, 1452}
#: NULL, range, length, type, packet and row size, CHECK, SIGNAL of a trigger, generated columns, division by zero, SRID, JSON,
#: encoding, VECTOR.
_CONSTRAINT = {
    *(
        1048,
        1118,
        1138,
        1153,
        1263,
        1264,
        1265,
        1292,
        1301,
        1364,
        1365,
        1366,
        1367,
        1369,
        1406,
        1411,
        1416,
        1441,
        1525,
        1526,
    ),
    *(1644, 1690, 1906, 3105, 3140, 3141, 3150, 3151, 3157, 3643, 3819, 3854, 3903, 3988, 4025, 6136, 6138),
}
#: Out of room, shutting down, too many connections, killed, read-only (a failover), network.
_AWAY = {
    *(1021, 1037, 1038, 1040, 1041, 1042, 1043, 1053, 1077, 1079, 1080, 1114, 1129, 1152, 1158, 1159, 1160, 1161, 1184),
    *(1189, 1190, 1203, 1206, 1226, 1290, 1317, 1836, 1927, 3024, 3032, 3168, 3169, 4031),
    *(2000, 2001, 2002, 2003, 2004, 2005, 2006, 2009, 2011, 2012, 2013, 2014, 2017, 2024, 2025, 2027, 2055),
}
_DENIED = {
    *(1044, 1045, 1095, 1130, 1131, 1133, 1142, 1143, 1227, 1251, 1275, 1370, 1396, 1410, 1419, 1524, 1698, 1862),
    *(2026, 2054, 2059, 2061, 3118, 3159, 4151),
}
#: Files and storage engine, and statements that are wrong in themselves: no matter which row is written.
_BROKEN = {
    *(1015, 1016, 1017, 1023, 1024, 1026, 1030, 1031, 1033, 1034, 1035, 1064, 1105, 1149, 1194, 1195, 1296, 1297, 1712),
    *(1812, 1813, 1814, 1815),
}
#: What is missing, or not as mapped.
_STRUCTURE = {1146: "table", 1054: "column", 1176: "key"}
#: Ends the server's text about a missing table.
_ENGINE = re.compile(r"\.sync_[a-z_]+' doesn't exist$")
#: The name of a key ends the server's text; a value, which may look the same, stands before it.
_KEY = re.compile(r"for key '([A-Za-z0-9_$.]+)'$")
#: The server names constraint and tables, no values.
_CONSTRAINT_NAME = re.compile(r"CONSTRAINT `([\w$]+)`")
#: Text without values: names of a column or constraint.
_PLACE = re.compile(
    r"^(?:Data too long|Out of range value|Column|Field|CONSTRAINT|Check constraint)[^'`]*[`']([\w$.]+)[`']"
)


def translate(error: pymysql.MySQLError, *, writes_rows: bool = False) -> LockstepError:
    """The engine's error for a driver's. The server's text is left out, except for names of keys and columns. `writes_rows`: see
    `translated`."""
    code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    text = str(error.args[1]) if len(error.args) > 1 else ""
    if code in _CONTENTION:
        return Contention(f"MySQL: two transactions stood in each other's way (error {code})")
    if code in _UNIQUE:
        return Refused(f"MySQL error {code}: duplicate in unique key{_name(_KEY, text)}", kind="unique_violation")
    if code in _FOREIGN_KEY:
        place = _name(_CONSTRAINT_NAME, text)
        return Refused(f"MySQL error {code}: a foreign key{place} forbids it", kind="foreign_key_violation")
    if code in _CONSTRAINT or isinstance(error, pymysql.DataError):
        place = _name(_PLACE, text)
        reason = f"MySQL error {code}: a column's type or a constraint forbids it{place and ','}{place}"
        return Refused(reason, kind="constraint_violation")
    if code in _DENIED:
        hint = "check user and password in LOCKSTEP_<ROLE>_MYSQL_URL; privileges: lockstep setup"
        return ConfigError(f"MySQL refuses this user (error {code})", hint=hint)
    if code == 1049:
        return ConfigError("MySQL has no such database (error 1049)", hint="check LOCKSTEP_<ROLE>_MYSQL_URL")
    if code == 1146 and _ENGINE.search(text):
        return ConfigError("a table is missing in MySQL (error 1146)", hint="lockstep setup, then: lockstep doctor")
    if code in _STRUCTURE:
        return StructureMismatch(f"a {_STRUCTURE[code]} is missing in MySQL (error {code})")
    if code in _AWAY or isinstance(error, pymysql.InterfaceError) or (code == 0 and not text):
        return MySQLAway(f"MySQL cannot be reached (error {code})")
    if writes_rows and code not in _BROKEN:
        return Refused(f"MySQL error {code}: it does not take the row", kind="constraint_violation")
    return LockstepError(f"MySQL error {code}", hint="lockstep doctor")


def _name(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return f" {found[1]}" if found else ""


@contextmanager
def translated(*, writes_rows: bool = False) -> Iterator[None]:
    """Turns the driver's errors into ours. A broken socket that the driver lets through is a server that is away.
    `writes_rows`: users' rows are written, and an error that is not known here (a trigger may raise any, a type or a function in
    a generated column its own) is about one of them: others may well be taken."""
    try:
        yield
    except pymysql.MySQLError as error:
        raise translate(error, writes_rows=writes_rows) from None
    except (OSError, EOFError):
        raise MySQLAway("the connection to MySQL broke") from None


class Session:
    """A connection that is opened when it is needed and opened anew after it broke. One thread."""

    def __init__(self, settings: MySQLSettings, *, autocommit: bool = False) -> None:
        self.settings = settings
        self._autocommit = autocommit
        self._connection: Connection | None = None

    def get(self) -> Connection:
        """The open connection. Raises `MySQLAway` or `ConfigError`."""
        if self._connection is None or not self._connection.open:
            self._connection = connect(self.settings, autocommit=self._autocommit)
        return self._connection

    def rollback(self) -> None:
        """Undo what is open. Never raises and never connects: a connection that broke has undone it."""
        try:
            if self._connection is not None and self._connection.open:
                self._connection.rollback()
        except (pymysql.MySQLError, OSError, EOFError):
            self.drop()

    def drop(self) -> None:
        """Give the connection up; never raises."""
        connection, self._connection = self._connection, None
        if connection is not None and connection.open:
            try:
                connection.close()
            except (pymysql.MySQLError, OSError):
                return
