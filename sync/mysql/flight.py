"""Statements that change rows, sent one by one: while the server works at one, the next is made.

Making a statement of a hundred rows takes about as long as running it.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

import pymysql

from sync.errors import Contention
from sync.mysql.packets import fitting
from sync.mysql.server import Connection


class Flight:
    """At most one statement is on its way. At the end of the block, however it ends, none is."""

    def __init__(self, connection: Connection, *, counted: bool = True) -> None:
        """`counted`: that a statement touches fewer or more rows than it must is an error."""
        self._connection = connection
        self._counted = counted
        self._rows: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.land()
            return
        try:
            self.land()
        except (pymysql.MySQLError, OSError, Contention):
            return  # what went wrong before it is what is told; all is rolled back

    def run(self, statement: str, rows: int) -> None:
        """Send a complete statement that must touch exactly `rows` rows: they were locked, or must be absent. Raises what
        became of the one before; `Refused` where this one is larger than the server takes."""
        self.land()
        with self._connection.cursor() as cursor:
            fitting(cursor, statement)
        self._connection.ask(statement)
        self._rows = rows

    def land(self) -> None:
        """Wait for the statement that is on its way, if there is one: the connection may then be asked something else."""
        rows, self._rows = self._rows, None
        if rows is not None and self._connection.answered() != rows and self._counted:
            raise Contention("rows changed between reading and writing them")
