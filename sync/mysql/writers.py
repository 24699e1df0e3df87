"""What makes new values ready for their columns, as these are on the server now: MySQL would round, cut or fill up some without
an error, and such a value is refused instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sync.errors import Refused
from sync.model.change import Row, Value
from sync.model.codecs import Codec, Column, NotCanonical, Writer
from sync.model.mapping import TableMapping
from sync.model.self_written import SelfWritten
from sync.mysql.inserts import Inserts


class TableWriter:
    """Of one table."""

    def __init__(self, table: TableMapping, there: Mapping[str, Column], written: SelfWritten | None = None) -> None:
        """`there`: its columns; `written`: what MySQL writes of it by itself."""
        self._table = table
        self._writers = {name: stored_by(codec, there.get(name)) for name, codec in table.codecs.items()}
        self.inserts = Inserts(table, self._writers, self._refused, written)

    def stored(self, column: str, values: Iterable[Value]) -> list[object]:
        """What is written for values of a column. Raises `Refused`."""
        write = self._writers[column]
        values = list(values)
        try:
            return [None if value is None else write(value) for value in values]
        except NotCanonical:
            raise self._refused((column, value) for value in values) from None

    def row(self, row: Row) -> dict[str, object]:
        """What is written for a row's columns. Raises `Refused`."""
        return {name: self.stored(name, [row[name]])[0] for name in self._table.columns}

    def _refused(self, values: Iterable[tuple[str, Value]]) -> Refused:
        """Which column's value was refused, and why."""
        for name, value in values:
            try:
                if value is not None:
                    self._writers[name](value)
            except NotCanonical as error:
                return Refused(f"{self._table.name}.{name}: {error}", kind="constraint_violation")
        raise AssertionError("a value was refused once and not again")


def stored_by(codec: Codec, column: Column | None) -> Writer:
    """What makes a value ready. A column that is not as mapped is what doctor and the start of a worker tell of."""
    return codec.to_column if column is None or codec.check(column) else codec.writer(column)
