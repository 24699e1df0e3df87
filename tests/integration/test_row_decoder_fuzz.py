"""Rows of random tables, as the decoder reads them from the log: what a SELECT gives, on both servers. For types that it
reads right, mysql-replication must say the same.

LOCKSTEP_SEED repeats a run, LOCKSTEP_TABLES (12) is how many tables each server is given.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from pymysqlreplication import BinLogStreamReader
from pymysqlreplication.row_event import DeleteRowsEvent, UpdateRowsEvent, WriteRowsEvent

from deploy.local.mysql_binary import Flavour
from deploy.local.users import Role
from sync.model.position import BinlogPosition
from sync.mysql.binlog_events import Tick
from sync.mysql.binlog_wire import Wire
from sync.mysql.rowdecoder import Rows
from sync.mysql.server import connect
from tests.binlog_log import Log
from tests.servers import Servers

SEED = int(os.environ.get("LOCKSTEP_SEED") or random.SystemRandom().randrange(2**32))
TABLES = int(os.environ.get("LOCKSTEP_TABLES") or 12)
ROWS = 15

#: An SQL expression and its parameters.
Written = tuple[str, tuple[object, ...]]
#: Values of a row, before and after.
Change = tuple[tuple[Any, ...] | None, tuple[Any, ...] | None]


@dataclass(frozen=True)
class Type:
    """A column's type and what can be written to it."""

    sql: str
    value: Callable[[random.Random], object]
    #: An expression around the value.
    written: str = "%s"
    #: What a SELECT must ask for, and what makes the value of what it gives.
    shown: str = "{}"
    read: Callable[[Any], object] = lambda value: value
    #: mysql-replication reads it right.
    library: bool = True
    only: Flavour | None = None


def between(low: int, high: int) -> Callable[[random.Random], int]:
    return lambda rng: rng.choice((low, high, max(0, low), rng.randint(low, high)))


def text(alphabet: str, most: int) -> Callable[[random.Random], str]:
    return lambda rng: "".join(rng.choices(alphabet, k=rng.choice((0, 1, most, rng.randint(0, most)))))


def some_bytes(most: int) -> Callable[[random.Random], bytes]:
    def value(rng: random.Random) -> bytes:
        size = rng.randint(0, most)
        return rng.randbytes(size) if rng.random() < 0.7 else rng.choices((b"\0", b" ", b"x\0"), k=1)[0] * (size // 2)

    return value


def clock(rng: random.Random, hours: int = 23) -> str:
    hour = rng.randint(0, hours)
    return f"{hour:02}:{rng.randint(0, 59):02}:{rng.randint(0, 59):02}.{rng.choice((0, 1, 250000, 999999, 123456)):06}"


def time_of_day(rng: random.Random) -> str:
    return rng.choice(("", "-")) + rng.choice((clock(rng, 837), clock(rng), "00:00:01.25", "00:00:00"))


def day(rng: random.Random) -> str:
    return rng.choice(("0000-00-00", "1000-01-01", "9999-12-31", "2020-00-10", f"20{rng.randint(10, 37)}-06-15"))


def moment(rng: random.Random) -> str:
    return f"{day(rng)} {clock(rng)}"


def stamp(rng: random.Random) -> str:
    zero = "0000-00-00 00:00:00"
    return rng.choice(
        (zero, "1970-01-01 00:00:01", "2038-01-19 03:14:07", f"20{rng.randint(10, 37)}-06-15 {clock(rng)}")
    )


def decimal(digits: int, after: int) -> Callable[[random.Random], str]:
    def value(rng: random.Random) -> str:
        whole = "".join(rng.choices("0123456789", k=rng.randint(0, digits - after))) or "0"
        part = "".join(rng.choices("0123456789", k=after))
        sign = rng.choice(("", "-"))
        return rng.choice(("0", f"{sign}0.{part}", f"{sign}{whole}.{part}", f"{sign}{whole}"))

    return value


def double(rng: random.Random) -> float:
    return rng.choice(
        (0.0, 1.1, -2.5, 1e300, 5e-324, 3.0, rng.uniform(-1e6, 1e6), rng.uniform(-1, 1) * 10 ** rng.randint(-30, 30))
    )


def single(rng: random.Random) -> float:
    return rng.choice(
        (
            0.0,
            1.1,
            -2.5,
            3.4e38,
            1e-38,
            16777216.0,
            rng.uniform(-1e6, 1e6),
            rng.uniform(-1, 1) * 10 ** rng.randint(-20, 20),
        )
    )


def any_json(rng: random.Random, depth: int = 3) -> str:
    """An SQL expression."""
    kind = rng.randrange(14 if depth else 11)
    if kind in (11, 12):
        members = [f"{quoted(key)}, {any_json(rng, depth - 1)}" for key in some_keys(rng)]
        return f"JSON_OBJECT({', '.join(members)})"
    if kind == 13:
        size = rng.choice((0, 1, 5, 400))
        return f"JSON_ARRAY({', '.join(any_json(rng, depth - 1 if size < 10 else 0) for _ in range(size))})"
    return (
        "CAST('null' AS JSON)",
        rng.choice(("CAST('true' AS JSON)", "CAST('false' AS JSON)")),
        str(
            rng.choice((0, -1, 2**15 - 1, -(2**15), 2**16, -(2**31), 2**31 - 1, 2**32, 2**63 - 1, -(2**63), 2**64 - 1))
        ),
        f"CAST('{json.dumps(double(rng))}' AS JSON)",
        f"CAST('{json.dumps(rng.choice((1e14, 1e15, 1e16, 1e-4, 1e-14, 1e-15, 1e-16, 1.5e15, 123456789012345680.0)))}' AS JSON)",
        quoted(text('aé😀"\\/\n\t\x01\x7f ', 40)(rng)),
        quoted("long" * rng.choice((31, 32, 4100, 20000))),
        f"CAST('{decimal(30, 10)(rng)}' AS DECIMAL(30,10))",
        f"CAST('2020-06-15 {clock(rng)}' AS DATETIME(6))",
        f"CAST('{time_of_day(rng)}' AS TIME(6))",
        rng.choice(("CAST('2020-06-15' AS DATE)", f"CAST(0x{rng.randbytes(rng.randint(1, 200)).hex()} AS BINARY)")),
    )[kind]


def some_keys(rng: random.Random) -> set[str]:
    return {text('abé" ', 8)(rng) for _ in range(rng.choice((0, 1, 3, 8)))}


def quoted(value: str) -> str:
    """A text in SQL, whatever the session's mode."""
    return f"CONVERT(0x{value.encode().hex()} USING utf8mb4)" if value else "''"


LATIN = "aé€\x81ÿ '"
WIDE = "aé€😀漢 '"
MEMBERS = "'a','é','c c','d','e','f','g','h','i','j'"


def numbers() -> Iterator[Type]:
    for name, bits in (("TINYINT", 8), ("SMALLINT", 16), ("MEDIUMINT", 24), ("INT", 32), ("BIGINT", 64)):
        yield Type(name, between(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1))
        yield Type(f"{name} UNSIGNED", between(0, 2**bits - 1))
    for digits, after in ((1, 0), (1, 1), (9, 0), (10, 2), (18, 9), (20, 5), (38, 30), (65, 30)):
        yield Type(f"DECIMAL({digits},{after})", decimal(digits, after))
    yield Type("DOUBLE", double)
    yield Type("FLOAT", single, shown="CAST({} AS DOUBLE)", library=False)
    yield Type("YEAR", lambda rng: rng.choice((0, 1901, 2155, 2020)), library=False)
    for bits in (1, 7, 8, 9, 33, 64):
        yield Type(f"BIT({bits})", between(0, 2**bits - 1), library=False)


def times() -> Iterator[Type]:
    yield Type("DATE", day, library=False)
    for digits in range(7):
        yield Type(f"DATETIME({digits})", moment, library=False)
        yield Type(f"TIMESTAMP({digits}) NULL", stamp, library=False)
        yield Type(f"TIME({digits})", time_of_day, library=False)


def texts() -> Iterator[Type]:
    for charset, alphabet in (("utf8mb4", WIDE), ("utf8mb3", LATIN), ("latin1", LATIN), ("ascii", "ab '")):
        yield Type(f"CHAR(7) CHARACTER SET {charset}", text(alphabet, 7), library=charset != "latin1")
        yield Type(f"VARCHAR(80) CHARACTER SET {charset}", text(alphabet, 80), library=charset != "latin1")
        yield Type(f"VARCHAR(400) CHARACTER SET {charset}", text(alphabet, 400), library=charset != "latin1")
        yield Type(f"MEDIUMTEXT CHARACTER SET {charset}", text(alphabet, 3000), library=charset != "latin1")
    yield Type("CHAR(255) CHARACTER SET utf8mb4", text(WIDE, 255))
    for charset in ("ucs2", "utf16", "utf16le", "utf32"):
        yield Type(f"VARCHAR(20) CHARACTER SET {charset}", text(WIDE, 20), library=False)
        yield Type(f"CHAR(20) CHARACTER SET {charset}", text(WIDE, 20), library=False)
    for sql, most in (("TINYTEXT", 60), ("TEXT", 300), ("LONGTEXT", 70000)):
        yield Type(f"{sql} CHARACTER SET utf8mb4", text(WIDE, most))
    for sql, most in (("VARBINARY(30)", 30), ("VARBINARY(3000)", 3000), ("TINYBLOB", 255), ("LONGBLOB", 70000)):
        yield Type(sql, some_bytes(most), library=False)
    for size in (1, 16, 255):
        yield Type(f"BINARY({size})", some_bytes(size), library=False)
    for charset in ("utf8mb4", "latin1", "utf16"):
        choices = f"({MEMBERS}) CHARACTER SET {charset}"
        yield Type(f"ENUM{choices}", lambda rng: rng.choice(("a", "é", "j", "none")), library=False)
        yield Type(f"SET{choices}", lambda rng: rng.choice(("", "a", "é,c c", "j,a,h")), library=False)
    many = ",".join(f"'m{number}'" for number in range(300))
    yield Type(f"ENUM({many})", lambda rng: f"m{rng.randrange(300)}", library=False)
    sixty_four = ",".join(f"'m{number}'" for number in range(64))
    yield Type(f"SET({sixty_four})", lambda rng: ",".join(f"m{rng.randrange(64)}" for _ in range(9)), library=False)


def rare() -> Iterator[Type]:
    point = "ST_GeomFromText(%s)"
    yield Type("GEOMETRY", lambda rng: f"POINT({rng.randint(0, 9)} 2)", written=point, library=False)
    yield Type(
        "JSON",
        lambda rng: f"JSON_EXTRACT(JSON_ARRAY({any_json(rng)}), '$[0]')",
        written="",
        library=False,
        only=Flavour.MYSQL,
    )
    yield hexadecimal("VECTOR(3)", "[1,2.5,-3]", "{}", Flavour.MYSQL, written="STRING_TO_VECTOR(%s)")
    # As the log has them, these cannot be told from BINARY.
    for sql, value, size in (
        ("UUID", "123e4567-e89b-12d3-a456-426655440000", 16),
        ("INET6", "fe80::1:0", 16),
        ("INET4", "1.2.3.0", 4),
    ):
        yield hexadecimal(sql, value, f"CAST({{}} AS BINARY({size}))", Flavour.MARIADB)


def hexadecimal(sql: str, value: str, shown: str, only: Flavour, written: str = "%s") -> Type:
    """A type whose bytes the driver does not show, or not as they are."""
    return Type(
        sql,
        lambda rng: value,
        written=written,
        shown=f"HEX({shown})",
        read=lambda shown: shown and bytes.fromhex(shown),
        library=False,
        only=only,
    )


TYPES = (*numbers(), *times(), *texts(), *rare())


@dataclass
class Table:
    """A random table."""

    name: str
    types: Sequence[Type]
    nullable: Sequence[bool]

    @property
    def columns(self) -> list[str]:
        return [f"c{at}" for at in range(len(self.types))]

    def create(self) -> str:
        parts = [
            f"{name} {one.sql}{'' if may or 'NULL' in one.sql else ' NOT NULL'}"
            for name, one, may in zip(self.columns, self.types, self.nullable, strict=True)
        ]
        return f"CREATE TABLE {self.name} (i INT PRIMARY KEY, {', '.join(parts)})"

    def written(self, rng: random.Random, at: int) -> Written:
        one = self.types[at]
        if self.nullable[at] and rng.random() < 0.3:
            return "NULL", ()
        value = one.value(rng)
        return (one.written, (value,)) if one.written else (str(value), ())

    def row(self, rng: random.Random) -> Written:
        parts = [self.written(rng, at) for at in range(len(self.types))]
        return ", ".join(sql for sql, _ in parts), tuple(value for _, values in parts for value in values)


def random_table(rng: random.Random, flavour: Flavour, number: int) -> Table:
    """Every third has none but types that mysql-replication knows: of others it stumbles over whole rows."""
    allowed = [one for one in TYPES if one.only in (None, flavour) and (number % 3 or one.library)]
    types = rng.choices(allowed, k=rng.randint(1, 14))
    return Table(f"t{number}", types, [rng.random() < 0.5 for _ in types])


@pytest.fixture
def log(servers: Servers, flavour: Flavour) -> Iterator[Log]:
    made = Log(servers.mysql(flavour), flavour, servers.passwords[Role.FOLLOWER])
    yield made
    made.close()


def test_rows_are_what_a_select_gives(log: Log, flavour: Flavour) -> None:
    """Each value of each wanted column, whatever stands beside it, in inserts, updates and deletes."""
    print(f"LOCKSTEP_SEED={SEED}")  # noqa: T201 - pytest shows it with a failure
    for number in range(TABLES):
        rng = random.Random(f"{SEED} {number}")
        table = random_table(rng, flavour, number)
        known = all(one.library for one in table.types)
        log.run("SET sql_mode = ''", table.create())
        if flavour is Flavour.MYSQL:
            log.run(f"SET binlog_transaction_compression = {not known and rng.random() < 0.5}")
        start = log.end()
        expected = write(log, table, rng)
        wanted = tuple(rng.sample(["i", *table.columns], k=rng.randint(1, len(table.types) + 1)))
        compare(table, wanted, expected, list(decoded(log, start, table.name, wanted)))
        if known:
            every = ("i", *table.columns)
            compare(table, every, expected, list(as_the_library_says(log, start, table)))


def compare(table: Table, wanted: Sequence[str], expected: list[Change], found: list[Change]) -> None:
    """The wanted columns of what was expected, by type too: -0.0, Decimals and dates as they show themselves."""
    names = ["i", *table.columns]
    assert len(found) == len(expected)
    for one, other in zip(expected, found, strict=True):
        for here, there in zip(one, other, strict=True):
            assert (here is None) == (there is None)
            for place, value in enumerate(there or ()):
                at = names.index(wanted[place])
                shown = table.types[at - 1].sql if at else "INT"
                assert (shown, repr(here and here[at])) == (shown, repr(value)), table.create()


def write(log: Log, table: Table, rng: random.Random) -> list[Change]:
    """Rows that come, change and go; what SELECTs gave."""
    with log.admin.cursor() as cursor:
        for key in range(ROWS):
            sql, values = table.row(rng)
            cursor.execute(f"INSERT IGNORE INTO {table.name} VALUES ({key}, {sql})", values)
        first = selected(log, table)
        for key in range(ROWS):
            at = rng.randrange(len(table.types))
            sql, values = table.written(rng, at)
            cursor.execute(f"UPDATE IGNORE {table.name} SET c{at} = {sql}, i = i + 100 WHERE i = {key}", values)
        second = selected(log, table)
        cursor.execute(f"DELETE FROM {table.name} ORDER BY i")
    return [
        *((None, row) for row in first),
        *zip(first, second, strict=True),
        *((row, None) for row in second),
    ]


def selected(log: Log, table: Table) -> list[tuple[Any, ...]]:
    """By the engine's own session."""
    shown = ", ".join(one.shown.format(name) for name, one in zip(table.columns, table.types, strict=True))
    with connect(log.settings) as session, session.cursor() as cursor:
        cursor.execute(f"SELECT i, {shown} FROM {table.name} ORDER BY i")
        rows = cursor.fetchall()
    return [
        (row[0], *(one.read(value) for one, value in zip(table.types, row[1:], strict=True)))  # as the log has them
        for row in rows
    ]


def decoded(log: Log, start: BinlogPosition, table: str, wanted: tuple[str, ...]) -> Iterator[Change]:
    """From the log."""
    end = log.end().offset
    wire = Wire(log.settings, start, {table: wanted}, mariadb=log.flavour is Flavour.MARIADB)
    try:
        while True:
            event = wire.next()
            if isinstance(event, Rows):
                yield from event
            elif wire.offset >= end and isinstance(event, Tick):
                return
    finally:
        wire.close()


def as_the_library_says(log: Log, start: BinlogPosition, table: Table) -> Iterator[Change]:
    """What mysql-replication reads."""
    reader = BinLogStreamReader(
        connection_settings=log.settings.arguments(),
        server_id=random.randrange(2**30, 2**31),
        only_events=[WriteRowsEvent, UpdateRowsEvent, DeleteRowsEvent],
        only_tables=[table.name],
        log_file=start.file,
        log_pos=start.offset,
        resume_stream=True,
        enable_logging=False,
    )
    for event in reader:
        for row in event.rows:
            before = row.get("before_values") or (row.get("values") if isinstance(event, DeleteRowsEvent) else None)
            after = row.get("after_values") or (row.get("values") if isinstance(event, WriteRowsEvent) else None)
            names = ("i", *table.columns)
            yield before and tuple(before[name] for name in names), after and tuple(after[name] for name in names)
    reader.close()
