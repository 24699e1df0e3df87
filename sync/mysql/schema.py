"""What stands in MySQL's information_schema about tables of the session's database."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sync.model.codecs import Column
from sync.model.mapping import TableMapping
from sync.mysql.server import Connection, Flavour, flavour, quoted, translated

#: As SHOW CREATE TABLE writes a foreign key: name, columns, table, its columns, actions.
_QUOTED = "`(?:[^`]|``)+`"
_NAME = re.compile(_QUOTED)
_FOREIGN_KEY = re.compile(
    rf"CONSTRAINT ({_QUOTED}) FOREIGN KEY \(([^)]*)\) REFERENCES (?:{_QUOTED}\.)?({_QUOTED}) \(([^)]*)\)((?: ON \w+ [A-Z ]+)*)"
)
#: Where SHOW CREATE TABLE tells the next number that a table gives.
_NEXT_NUMBER = re.compile(r"^(\).* ENGINE=\w+) AUTO_INCREMENT=\d+", re.MULTILINE)
_ACTION = re.compile("ON (DELETE|UPDATE) (CASCADE|SET NULL|SET DEFAULT|NO ACTION|RESTRICT)")


def columns(connection: Connection, tables: Sequence[str]) -> dict[str, dict[str, Column]]:
    """Table -> column name -> column, of the named tables that exist and that this user may see."""
    found: dict[str, dict[str, Column]] = {}
    mariadb = flavour(connection) is Flavour.MARIADB
    with translated(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, IS_NULLABLE, COLLATION_NAME,"
            " CHARACTER_MAXIMUM_LENGTH, DATETIME_PRECISION, EXTRA FROM information_schema.COLUMNS"
            " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN %s ORDER BY ORDINAL_POSITION",
            (tuple(tables),),
        )
        for table, name, data_type, column_type, nullable, collation, length, precision, extra in cursor.fetchall():
            found.setdefault(str(table), {})[str(name)] = Column(
                name=str(name),
                data_type=str(data_type).lower(),
                column_type=str(column_type).lower(),
                nullable=nullable == "YES",
                collation=collation,
                length=None if length is None else int(length),
                precision=None if precision is None else int(precision),
                extra=str(extra).lower(),
                members=_members(str(column_type)),
                mariadb=mariadb,
            )
    return found


def defaults(connection: Connection, tables: Sequence[str]) -> dict[str, frozenset[str]]:
    """Table -> the columns that have a default; for those that may be NULL it means nothing here."""
    found: dict[str, set[str]] = {}
    with translated(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS"
            " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN %s AND COLUMN_DEFAULT IS NOT NULL",
            (tuple(tables),),
        )
        for table, column in cursor.fetchall():
            found.setdefault(str(table), set()).add(str(column))
    return {table: frozenset(of_table) for table, of_table in found.items()}


_MEMBER = re.compile("'((?:[^']|'')*)'")


def _members(column_type: str) -> tuple[str, ...]:
    """Of ENUM('a','it''s') and the like."""
    if not column_type.lower().startswith(("enum(", "set(")):
        return ()
    return tuple(one.replace("''", "'") for one in _MEMBER.findall(column_type))


def unique_keys(connection: Connection, tables: Sequence[str]) -> dict[str, list[list[str]]]:
    """Table -> the columns of each of its unique keys, PRIMARY included."""
    return {table: list(keys.values()) for table, keys in _unique_keys(connection, tables).items()}


def key_hints(connection: Connection, tables: Iterable[TableMapping]) -> dict[str, str]:
    """Table -> the index hint for finding rows by their key; "" where no unique key has its columns in order.

    Without it a server scans a small table for a few rows, and meets locks on others.
    """
    wanted = {table.name: list(table.key) for table in tables}
    keys = _unique_keys(connection, list(wanted))
    hints = dict.fromkeys(wanted, "")
    for table, of_table in keys.items():
        fitting = sorted((name for name, found in of_table.items() if found == wanted[table]), key="PRIMARY".__ne__)
        if fitting:
            hints[table] = f"FORCE INDEX ({quoted(fitting[0])})"
    return hints


class KeyHints:
    """The hints for some tables, looked up once for each connection."""

    def __init__(self, tables: Iterable[TableMapping]) -> None:
        self._tables = tuple(tables)
        self._connection: Connection | None = None
        self._hints: Mapping[str, str] = {}

    def on(self, connection: Connection) -> Mapping[str, str]:
        """See `key_hints`. Ends what the look-up has begun."""
        if self._connection is not connection:
            self._hints = key_hints(connection, self._tables)
            self._connection = connection
            with translated():
                connection.rollback()
        return self._hints


def _unique_keys(connection: Connection, tables: Sequence[str]) -> dict[str, dict[str, list[str]]]:
    """Table -> name -> columns in order."""
    keys: dict[str, dict[str, list[str]]] = {}
    with translated(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT TABLE_NAME, INDEX_NAME, COLUMN_NAME FROM information_schema.STATISTICS"
            " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN %s AND NON_UNIQUE = 0"
            " ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX",
            (tuple(tables),),
        )
        for table, index, column in cursor.fetchall():
            keys.setdefault(str(table), {}).setdefault(str(index), []).append(str(column))
    return keys


def existing_tables(connection: Connection) -> list[str]:
    """Names of all tables of the database that are no views."""
    with translated(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT TABLE_NAME FROM information_schema.TABLES"
            " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') ORDER BY TABLE_NAME"
        )
        return [str(row[0]) for row in cursor.fetchall()]


def engines(connection: Connection, tables: Sequence[str]) -> dict[str, str]:
    """Table -> its storage engine ("InnoDB")."""
    with translated(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT TABLE_NAME, ENGINE FROM information_schema.TABLES"
            " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN %s",
            (tuple(tables),),
        )
        return {str(table): str(engine) for table, engine in cursor.fetchall()}


def versioned(connection: Connection, tables: Sequence[str]) -> list[str]:
    """Those of the named tables in which MariaDB keeps rows of the past beside the rows."""
    with translated(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN %s"
            " AND TABLE_TYPE = 'SYSTEM VERSIONED' ORDER BY TABLE_NAME",
            (tuple(tables),),
        )
        return [str(table) for (table,) in cursor.fetchall()]


def needs_value(connection: Connection, tables: Sequence[str]) -> list[tuple[str, str]]:
    """Table and column of each column that every INSERT must give: NOT NULL, no default, not made by the server."""
    with translated(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS"
            " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN %s AND IS_NULLABLE = 'NO' AND COLUMN_DEFAULT IS NULL"
            " AND EXTRA NOT LIKE '%%auto_increment%%' AND EXTRA NOT LIKE '%%generated%%'"
            " ORDER BY TABLE_NAME, ORDINAL_POSITION",
            (tuple(tables),),
        )
        return [(str(table), str(column)) for table, column in cursor.fetchall()]


@dataclass(frozen=True, slots=True, kw_only=True)
class UniqueKey:
    """A unique key of a mapped table beside the one that rows are found by."""

    name: str
    #: Its mapped columns, and of each how many characters count (None: all).
    columns: Mapping[str, int | None]
    #: All its columns are mapped: what stands in the way of a value can be asked for.
    whole: bool


def other_unique_keys(connection: Connection, tables: Iterable[TableMapping]) -> dict[str, tuple[UniqueKey, ...]]:
    """Table -> those of its unique keys that a change of mapped columns may violate."""
    mapped = {table.name: table for table in tables}
    found: dict[tuple[str, str], dict[str | None, int | None]] = {}
    with translated(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT TABLE_NAME, INDEX_NAME, COLUMN_NAME, SUB_PART FROM information_schema.STATISTICS"
            " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN %s AND NON_UNIQUE = 0"
            " ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX",
            (tuple(mapped),),
        )
        for table, index, column, characters in cursor.fetchall():  # a column of an expression has no name
            found.setdefault((str(table), str(index)), {})[column] = None if characters is None else int(characters)
    keys: dict[str, tuple[UniqueKey, ...]] = {}
    for (name, index), columns in found.items():
        table = mapped[name]
        known = {column: most for column, most in columns.items() if column is not None and column in table.codecs}
        if not known.keys() >= set(table.key) and known.keys() & set(table.columns):
            key = UniqueKey(name=index, columns=known, whole=len(known) == len(columns))
            keys[name] = (*keys.get(name, ()), key)
    return keys


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignKey:
    """A foreign key of one of the named tables."""

    name: str
    table: str
    references: str
    #: Its columns, and what each refers to.
    columns: Mapping[str, str]
    #: "CASCADE", "SET NULL", "NO ACTION" ...
    on_delete: str
    on_update: str

    @property
    def cascades(self) -> bool:
        """It changes rows of `table` by itself."""
        return not {self.on_delete, self.on_update} <= {"NO ACTION", "RESTRICT"}


def references(connection: Connection, tables: Sequence[str]) -> list[tuple[str, str]]:
    """Which of the named tables refer to which others. REFERENTIAL_CONSTRAINTS would tell a user of MariaDB none who has not more
    rights than to write their rows."""
    with translated(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT TABLE_NAME, REFERENCED_TABLE_NAME FROM information_schema.KEY_COLUMN_USAGE"
            " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN %s AND REFERENCED_TABLE_NAME IS NOT NULL",
            (tuple(tables),),
        )
        return [(str(table), str(to)) for table, to in cursor.fetchall()]


def foreign_keys(connection: Connection, tables: Sequence[str]) -> list[ForeignKey]:
    """The foreign keys of those of the named tables that exist. As the tables' own definitions tell: information_schema shows
    them to nobody who may only read."""
    found: list[ForeignKey] = []
    there = set(existing_tables(connection))
    for table in sorted(there.intersection(tables)):
        for name, columns, references, referred, rules in _FOREIGN_KEY.findall(definition(connection, table)):
            actions = dict(_ACTION.findall(rules))
            found.append(
                ForeignKey(
                    name=_unquoted(name),
                    table=table,
                    references=_unquoted(references),
                    columns=dict(zip(_names(columns), _names(referred), strict=True)),
                    on_delete=actions.get("DELETE", "NO ACTION"),
                    on_update=actions.get("UPDATE", "NO ACTION"),
                )
            )
    return found


def definition(connection: Connection, table: str) -> str:
    """What creates the table, whatever its rows are: equal as long as nobody alters it."""
    with translated(), connection.cursor() as cursor:
        cursor.execute(f"SHOW CREATE TABLE {quoted(table)}")
        row = cursor.fetchone()
    return _NEXT_NUMBER.sub(r"\1", str(row[1])) if row else ""


def _names(listed: str) -> list[str]:
    return [_unquoted(one) for one in _NAME.findall(listed)]


def _unquoted(name: str) -> str:
    return name[1:-1].replace("``", "`")


def triggers(connection: Connection, tables: Sequence[str]) -> list[tuple[str, str]]:
    """Table and name of each trigger on the named tables."""
    with translated(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT EVENT_OBJECT_TABLE, TRIGGER_NAME FROM information_schema.TRIGGERS"
            " WHERE TRIGGER_SCHEMA = DATABASE() AND EVENT_OBJECT_TABLE IN %s",
            (tuple(tables),),
        )
        return [(str(table), str(name)) for table, name in cursor.fetchall()]


def noted_triggers(connection: Connection) -> frozenset[str]:
    """The tables that have triggers, as the last setup found them: only the owner sees triggers."""
    with translated(), connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM sync_trigger")
        return frozenset(str(name) for (name,) in cursor.fetchall())
