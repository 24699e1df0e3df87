"""Whether the mapped tables' columns, as they are on the server now, take a value: asked before MongoDB is written with one that
stands on neither side."""

from __future__ import annotations

import time
from collections.abc import Mapping

from sync.errors import Refused
from sync.model.change import Value
from sync.model.mapping import SyncMapping
from sync.mysql.schema import columns
from sync.mysql.server import MySQLSettings, Session
from sync.mysql.writers import TableWriter

#: Seconds for which an answer of the server holds.
KNOWN = 1.0


class LiveColumns:
    """Implements `sync.ports.Columns`."""

    def __init__(self, settings: MySQLSettings, mapping: SyncMapping) -> None:
        self._session = Session(settings, autocommit=True)
        self._mapping = mapping
        self._writers: Mapping[str, TableWriter] = {}
        self._until = 0.0

    def refusal(self, table: str, column: str, value: Value) -> str:
        """See the port."""
        if time.monotonic() > self._until:
            there = columns(self._session.get(), list(self._mapping.tables))
            self._writers = {
                name: TableWriter(mapped, there.get(name, {})) for name, mapped in self._mapping.tables.items()
            }
            self._until = time.monotonic() + KNOWN
        try:
            self._writers[table].stored(column, [value])
        except Refused as error:
            return error.message
        return ""

    def close(self) -> None:
        """See the port."""
        self._session.drop()
