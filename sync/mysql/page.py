"""A page of documents as MySQL sent it: the rows of every table, still in their packets."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from sync.model.change import DocumentId, Row, RowKey, Value
from sync.model.mapping import CollectionMapping
from sync.model.values import order_text
from sync.mysql.result import UnreadRows
from sync.mysql.rows import CanonicalRows, Problem, as_current, column_key, put_rows
from sync.ports import Current


class MySQLPage:
    """Implements `sync.ports.Page`."""

    def __init__(
        self, collection: CollectionMapping, last: Value, found: Sequence[tuple[CanonicalRows, UnreadRows]]
    ) -> None:
        self._collection = collection
        self._found = found
        self.last = last

    @property
    def digest(self) -> bytes:
        """See the port. A row's packet tells its own length, so the number of rows is enough to part the tables."""
        made = hashlib.sha256()
        for table, rows in self._found:
            made.update(f"{table.table.name} {rows.types} {len(rows.packets)} ".encode())
            made.update(b"".join(rows.packets))
        return made.digest()

    def documents(self) -> Mapping[DocumentId, Current]:
        """See the port."""
        rows: dict[DocumentId, dict[str, dict[RowKey, Row]]] = {}
        problems: dict[DocumentId, Problem] = {}
        for table, found in self._found:
            put_rows(table, map(found.take, found.packets), rows, problems)
        for of_document in rows.values():
            for table, _ in self._found:
                of_document.setdefault(table.table.name, {})
        order = sorted(rows, key=lambda document: order_text(column_key(self._collection, document.key)))
        return {one: as_current(rows[one], problems.get(one)) for one in order}
