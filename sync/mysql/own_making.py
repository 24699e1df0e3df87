"""What MySQL makes of the listener's rows by itself, as the live schema tells it; and how the listener says beforehand, in the
same transaction, what it means to write there (`sync.model.corrections`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sync.model.change import RowChange
from sync.model.corrections import meant, told_text
from sync.model.mapping import CollectionMapping, SyncMapping
from sync.model.self_written import SelfWritten, self_written
from sync.mysql.packets import chunks, send
from sync.mysql.schema import columns, defaults, definition, existing_tables, key_hints, noted_triggers
from sync.mysql.server import Connection, translated
from sync.mysql.writers import TableWriter


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveTables:
    """The mapped tables as a server has them."""

    #: See `schema.definition`: as they were before all else was looked up.
    definitions: Mapping[str, str]
    #: See `schema.key_hints`.
    hints: Mapping[str, str]
    writers: Mapping[str, TableWriter]
    #: What MySQL writes by itself; of other tables nothing.
    written: Mapping[str, SelfWritten]
    #: Tables that have triggers.
    triggers: frozenset[str]

    def tells(self, collection: CollectionMapping) -> bool:
        """Whether writes of the collection must be told beforehand."""
        return any(table.name in self.written or table.name in self.triggers for table in collection.tables)


class Tables:
    """Looked up once for each connection, and again when one has been altered."""

    def __init__(self, mapping: SyncMapping) -> None:
        self._mapping = mapping
        self._connection: Connection | None = None
        self._live: LiveTables | None = None

    def on(self, connection: Connection) -> LiveTables:
        """Ends what the look-up has begun."""
        if self._live is not None and self._connection is connection:
            return self._live
        live = self.look(connection)
        self._connection = connection
        with translated():
            connection.rollback()
        return live

    def altered(self, connection: Connection, names: Iterable[str]) -> bool:
        """Whether any of these tables, or what setup has noted of triggers, is another than it was when it was looked up."""
        live = self._live
        return (
            live is None
            or noted_triggers(connection) != live.triggers
            or any(definition(connection, name) != live.definitions.get(name) for name in names)
        )

    def look(self, connection: Connection) -> LiveTables:
        """Look them up, in the transaction that is open."""
        tables = self._mapping.tables
        definitions = {name: definition(connection, name) for name in existing_tables(connection) if name in tables}
        found, given = columns(connection, list(tables)), defaults(connection, list(tables))
        written = {
            name: one
            for name, table in tables.items()
            if (one := self_written(table, found.get(name, {}), given.get(name, ())))
        }
        self._live = LiveTables(
            definitions=definitions,
            hints=key_hints(connection, tables.values()),
            writers={
                name: TableWriter(table, found.get(name, {}), written.get(name)) for name, table in tables.items()
            },
            written=written,
            triggers=noted_triggers(connection),
        )
        return self._live


def tell(
    connection: Connection,
    live: LiveTables,
    mapping: SyncMapping,
    changes: Mapping[str, Sequence[RowChange]],
    *,
    alone: bool,
) -> None:
    """Say what is about to be written, by table, in the open transaction: in tables of which MySQL writes something by
    itself, or all where a trigger may fire. `alone`: more may follow in this transaction, of other tables.

    The row goes again at once, for only the log is asked. Raises `Refused` where it is larger than the server takes.
    """
    if not (live.written or live.triggers):
        return
    all_rows = bool(live.triggers) and (alone or not live.triggers.isdisjoint(changes))
    said = [
        meant(mapping.tables[name], change)
        for name, of_table in changes.items()
        if all_rows or name in live.written
        for change in of_table
    ]
    if not said:
        return
    with translated(), connection.cursor() as cursor:
        for some in chunks(said, [(text,) for text in said]):
            send(cursor, "INSERT INTO sync_intended (told) VALUES (%s)", (told_text(some, all_rows=all_rows),))
            cursor.execute("DELETE FROM sync_intended WHERE id = %s", (cursor.lastrowid,))
