"""What makes new values ready for their columns, as these are on the server now: MySQL would round, cut or fill up some without
an error, and such a value is refused instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sync.errors import Refused
from sync.model.change import Value
from sync.model.codecs import Codec, Column, NotCanonical, Writer
from sync.model.mapping import SyncMapping, TableMapping
from sync.mysql.inserts import Inserts
from sync.mysql.schema import columns
from sync.mysql.server import Connection, translated


class TableWriter:
    """Of one table."""

    def __init__(self, table: TableMapping, there: Mapping[str, Column]) -> None:
        self._table = table
        self._writers = {name: _writer(codec, there.get(name)) for name, codec in table.codecs.items()}
        self.inserts = Inserts(table, self._writers, self._refused)

    def stored(self, column: str, values: Iterable[Value]) -> list[object]:
        """What is written for values of a column. Raises `Refused`."""
        write = self._writers[column]
        values = list(values)
        try:
            return [None if value is None else write(value) for value in values]
        except NotCanonical:
            raise self._refused((column, value) for value in values) from None

    def _refused(self, values: Iterable[tuple[str, Value]]) -> Refused:
        """Which column's value was refused, and why."""
        for name, value in values:
            try:
                if value is not None:
                    self._writers[name](value)
            except NotCanonical as error:
                return Refused(f"{self._table.name}.{name}: {error}", kind="constraint_violation")
        raise AssertionError("a value was refused once and not again")


class TableWriters:
    """Of all mapped tables, looked up and compiled once for each connection."""

    def __init__(self, mapping: SyncMapping) -> None:
        self._tables: Sequence[TableMapping] = tuple(mapping.tables.values())
        self._connection: Connection | None = None
        self._writers: Mapping[str, TableWriter] = {}

    def on(self, connection: Connection) -> Mapping[str, TableWriter]:
        """By the table's name. Ends what the look-up has begun."""
        if self._connection is not connection:
            there = columns(connection, [table.name for table in self._tables])
            self._writers = {table.name: TableWriter(table, there.get(table.name, {})) for table in self._tables}
            self._connection = connection
            with translated():
                connection.rollback()
        return self._writers


def _writer(codec: Codec, column: Column | None) -> Writer:
    """A column that is not as mapped is what doctor and the start of a worker tell of."""
    return codec.to_column if column is None or codec.check(column) else codec.writer(column)
