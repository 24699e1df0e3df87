"""Rows as the workers' connection reads them are those of the library's own, on real servers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pymysql
import pytest
from pymysql.connections import Connection
from pymysql.cursors import Cursor

from sync.errors import Contention
from sync.mysql.flight import Flight
from sync.mysql.result import CONVERSIONS, RowsConnection
from tests.site import Site

#: Lengths around those at which the form of a length changes.
LENGTHS = (0, 1, 250, 251, 252, 65_535, 65_536, 70_000, 1_000_000)
VALUES = [
    "NULL",
    "1",
    "-128",
    "18446744073709551615",
    "1.5",
    "1.5e0",
    "'text'",
    "'é😀'",
    "''",
    "_binary'\\xff\\0'",
    "CAST('2024-02-29 01:02:03' AS DATETIME)",
    "CAST('2024-02-29 01:02:03.5' AS DATETIME(1))",
    "CAST('2024-02-29 01:02:03.050' AS DATETIME(3))",
    "CAST('2024-02-29 01:02:03.000001' AS DATETIME(6))",
    "CAST('1000-01-01 00:00:00.000' AS DATETIME(3))",
    "CAST('9999-12-31 23:59:59.999' AS DATETIME(3))",
    "DATE '2024-02-29'",
    "TIME '-01:02:03.5'",
    "JSON_ARRAY(1, 'é')",
    *(f"REPEAT('é', {length})" for length in LENGTHS),
    *(f"REPEAT(_binary'x', {length})" for length in LENGTHS),
]


@pytest.fixture
def connections(site: Site) -> Iterator[tuple[Connection[Cursor], RowsConnection]]:
    """The library's own and ours."""
    settings: dict[str, Any] = site.admin_settings() | {"database": site.database, "charset": "utf8mb4"}
    with pymysql.connect(**settings) as plain, RowsConnection(**settings, conv=CONVERSIONS) as ours:
        yield plain, ours


def test_values_are_the_librarys(connections: tuple[Connection[Cursor], RowsConnection]) -> None:
    """Alone, all in one row, and with NULLs between; types too."""
    columns = ", ".join(f"{value}, NULL" for value in VALUES)
    for statement in (*(f"SELECT {value}" for value in VALUES), f"SELECT {columns} UNION ALL SELECT {columns}"):
        read = []
        for connection in connections:
            with connection.cursor() as cursor:
                count = cursor.execute(statement)
                read.append(
                    (count, cursor.description, [[(type(one), one) for one in row] for row in cursor.fetchall()])
                )
        assert read[0] == read[1]


def test_moments_that_python_does_not_hold(connections: tuple[Connection[Cursor], RowsConnection]) -> None:
    """Stay what the library makes of them, which no codec takes."""
    read = []
    for connection in connections:
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION sql_mode = ''")
            cursor.execute("CREATE TEMPORARY TABLE odd (one DATETIME(3))")
            cursor.execute("INSERT INTO odd VALUES ('0000-00-00'), ('2024-00-10'), ('2024-01-10 01:02:03.004')")
            cursor.execute("SELECT one FROM odd")
            read.append(cursor.fetchall())
    assert read[0] == read[1]
    assert not isinstance(read[1][0][0], datetime)


def test_no_row_and_no_result(connections: tuple[Connection[Cursor], RowsConnection]) -> None:
    """An empty result, and statements without one."""
    for connection in connections:
        with connection.cursor() as cursor:
            assert cursor.execute("SELECT 1 FROM DUAL WHERE FALSE") == 0
            assert cursor.fetchall() == ()
            assert cursor.execute("SET @one = 1") == 0


def flown(connection: RowsConnection, *statements: str, error: Exception | None = None) -> None:
    """Each of which must touch one row; then the error."""
    with Flight(connection) as flight:
        for statement in statements:
            flight.run(statement, 1)
        if error:
            raise error


def test_nothing_is_on_its_way_after_a_flight(connections: tuple[Connection[Cursor], RowsConnection]) -> None:
    """However it ended: the connection answers the next question, and the first error is the one that is told."""
    _, ours = connections
    with ours.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE few (id INT PRIMARY KEY)")
        flown(ours, *(f"INSERT INTO few VALUES ({number})" for number in range(3)))
        with pytest.raises(pymysql.IntegrityError):
            flown(ours, "INSERT INTO few VALUES (2)")
        with pytest.raises(pymysql.IntegrityError):
            flown(ours, "INSERT INTO few VALUES (2)", "INSERT INTO few VALUES (3)")
        with pytest.raises(Contention):
            flown(ours, "DELETE FROM few WHERE id = 5")
        for statement in ("INSERT INTO few VALUES (4)", "INSERT INTO few VALUES (2)"):
            with pytest.raises(ZeroDivisionError):
                flown(ours, statement, error=ZeroDivisionError())
        cursor.execute("SELECT id FROM few")
        assert cursor.fetchall() == ((0,), (1,), (2,), (4,))
