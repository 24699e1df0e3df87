"""Places in the binlog: where it ends now, and whether an applied position can be read on from. Reads only."""

from __future__ import annotations

from dataclasses import dataclass

from sync.errors import ConfigError, MySQLAway, PositionPurged, SourceBehind, UnknownEvent
from sync.model.position import BinlogPosition, Known
from sync.mysql.gtid import MariaDBGtids, MySQLGtids
from sync.mysql.server import Connection, Flavour, MySQLSettings, Session, flavour, server_name, translated

#: A dump request has four bytes for the offset.
_LARGEST_OFFSET = 2**32 - 1
#: How often MariaDB is asked for the end of a log that others are writing.
_TRIES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How to read on from a position."""

    server: str
    mariadb: bool
    #: By the GTID set, for this is another server (or the offset is beyond what a file can be asked for).
    by_gtid: bool
    #: @@lower_case_table_names is not 0.
    ignores_case: bool


class BinlogEnd:
    """Implements `sync.ports.LogEnd`."""

    def __init__(self, settings: MySQLSettings) -> None:
        self._session = Session(settings, autocommit=True)

    def end(self) -> BinlogPosition:
        """See the port. Raises `ConfigError` where no binlog is kept."""
        connection = self._session.get()
        try:
            return log_end(connection)
        except MySQLAway:
            self._session.drop()
            raise

    def close(self) -> None:
        self._session.drop()


def log_end(connection: Connection) -> BinlogPosition:
    """The end of the binlog as the server tells it now."""
    if flavour(connection) is Flavour.MARIADB:
        row, gtids = _mariadb_end(connection)
    else:
        row = _row(connection, "SHOW BINARY LOG STATUS")
        gtids = "".join(str(row[4]).split()) if row else ""
    if row is None:
        raise _no_binlog()
    with translated():
        name = server_name(connection)
    return BinlogPosition(server=name, file=str(row[0]), offset=int(str(row[1])), gtids=gtids)


def _mariadb_end(connection: Connection) -> tuple[tuple[object, ...] | None, str]:
    """Both change under one lock: where the log's end is the same before and after, the GTIDs belong to it. The function
    that tells the GTIDs of a place reads the file from its beginning, and fails at large events: the last resort."""
    before = _row(connection, "SHOW MASTER STATUS")
    for _ in range(_TRIES):
        found = _row(connection, "SELECT @@global.gtid_binlog_pos")
        after = _row(connection, "SHOW MASTER STATUS")
        if before == after:
            return after, str(MariaDBGtids(str(found[0]) if found else ""))
        before = after
    found = _row(connection, "SELECT BINLOG_GTID_POS(%s, %s)", *before[:2]) if before else None
    return before, str(MariaDBGtids(str(found[0] or "") if found else ""))


def find_way(connection: Connection, position: BinlogPosition) -> Way:
    """How to read on from the position. Raises `PositionPurged`, `SourceBehind`, or `ConfigError` for a setting."""
    found = _row(connection, "SELECT @@log_bin, @@global.binlog_row_metadata, @@lower_case_table_names")
    if found is None or not int(str(found[0])):
        raise _no_binlog()
    if str(found[1]).upper() != "FULL":
        hint = "SET PERSIST binlog_row_metadata = 'FULL' (MariaDB: SET GLOBAL), then: lockstep doctor"
        raise ConfigError("binlog_row_metadata is not FULL: column names are missing from the binlog", hint=hint)
    mariadb = flavour(connection) is Flavour.MARIADB
    with translated():
        server = server_name(connection)
    by_gtid = position.server != server or position.offset > _LARGEST_OFFSET
    if by_gtid and not position.gtids:
        raise SourceBehind("this is another server, and the position has no GTIDs to find its place there")
    if position.gtids:
        (_check_mariadb_gtids if mariadb else _check_mysql_gtids)(connection, position)
    if not by_gtid:
        _check_file(connection, position)
    elif not mariadb and MySQLGtids(position.gtids).tagged:
        raise UnknownEvent("tagged GTIDs: a position that holds them cannot be found on another server")
    return Way(server=server, mariadb=mariadb, by_gtid=by_gtid, ignores_case=str(found[2]) != "0")


def check_known(connection: Connection, worker: str, known: Known) -> None:
    """The other worker's checkpoint, which stands in the data itself: where it is older than what the log has shown of it, the
    server was restored from a backup. Raises `SourceBehind`."""
    found = _row(connection, "SELECT seq FROM sync_checkpoint WHERE name = %s", worker)
    if found is not None and int(str(found[0])) < known.seq:
        raise SourceBehind(f"the {worker}'s checkpoint in MySQL is older than what was already read of it")


def binlog_files(connection: Connection) -> dict[str, int]:
    """Name -> size in bytes of each binlog file, oldest first."""
    with translated(), connection.cursor() as cursor:
        cursor.execute("SHOW BINARY LOGS")
        return {str(row[0]): int(row[1]) for row in cursor.fetchall()}


def _check_file(connection: Connection, position: BinlogPosition) -> None:
    sizes = binlog_files(connection)
    if position.file in sizes:
        if position.offset > sizes[position.file]:
            raise SourceBehind(f"binlog {position.file} is shorter than the applied position")
        return
    oldest = next(iter(sizes), "")
    if _number(position.file) < _number(oldest):
        raise PositionPurged(f"binlog {position.file} has been purged; the oldest is {oldest}")
    raise SourceBehind(f"binlog {position.file} does not exist on this server")


def _check_mysql_gtids(connection: Connection, position: BinlogPosition) -> None:
    found = _row(
        connection,
        "SELECT GTID_SUBSET(%s, @@global.gtid_executed), GTID_SUBSET(@@global.gtid_purged, %s)",
        position.gtids,
        position.gtids,
    )
    if found is None or not found[0]:
        raise SourceBehind("the server has not executed all transactions that were applied")
    if not found[1]:
        raise PositionPurged("the server has purged transactions that were not applied")


def _check_mariadb_gtids(connection: Connection, position: BinlogPosition) -> None:
    """What is purged the server itself says when it is asked for the log (error 1236)."""
    found = _row(connection, "SELECT @@global.gtid_binlog_pos")
    ends = MariaDBGtids(str(found[0]) if found else "")
    if not MariaDBGtids(position.gtids).within(ends):
        raise SourceBehind("the server has not executed all transactions that were applied")


def _number(file: str) -> int:
    digits = file.rpartition(".")[2]
    return int(digits) if digits.isdigit() else 0


def _row(connection: Connection, query: str, *arguments: object) -> tuple[object, ...] | None:
    with translated(), connection.cursor() as cursor:
        cursor.execute(query, arguments)
        return cursor.fetchone()


def _no_binlog() -> ConfigError:
    return ConfigError("MySQL keeps no binlog", hint="start it with --log-bin, then: lockstep doctor")
