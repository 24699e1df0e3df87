"""DDL on mapped tables: what it comes to for their collections. Knows the mapping; reads no schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sync.errors import SchemaChanged
from sync.model.change import CollectionState
from sync.model.mapping import OnTruncate, SyncMapping
from sync.mysql.alterations import Alteration, Effect
from sync.mysql.statements import Statement


class Judgement(NamedTuple):
    """See `sync.model.change.StructureChange`."""

    collection: str
    state: CollectionState
    reason: str
    whole: bool


class Structure:
    """The mapped tables, by names that ignore case."""

    def __init__(self, mapping: SyncMapping, database: str, engine: frozenset[str]) -> None:
        """`engine` are those of the engine's tables that nobody may alter while a worker reads."""
        self._mapping = mapping
        self._database = database.lower()
        self._engine = engine
        self._tables = {name.lower(): table for name, table in mapping.tables.items()}

    def judged(self, statement: Statement, database: str) -> list[Judgement]:
        """What a statement of a session in `database` comes to, the worst for each collection. Raises `SchemaChanged` for what
        takes the engine's own tables away."""
        if statement.unclear:
            reason = f"{statement.words}: what it changes cannot be told"
            return [Judgement(name, CollectionState.PAUSED, reason, whole=True) for name in self._mapping.collections]
        if (statement.dropped_database or "").lower() == self._database:
            raise SchemaChanged(f"{statement.words}: the database was dropped")
        found: dict[str, Judgement] = {}
        for one in self._each(statement, database):
            known = found.get(one.collection)
            if known is None or (_WORSE.index(one.state), one.whole) > (_WORSE.index(known.state), known.whole):
                found[one.collection] = one
        return list(found.values())

    def names(self, statement: Statement, database: str) -> bool:
        """Whether a mapped table is named."""
        return any(
            table.name.lower() in self._tables and (table.database or database).lower() == self._database
            for table, _ in statement.alterations
        )

    def _each(self, statement: Statement, database: str) -> Iterator[Judgement]:
        for table, alteration in statement.alterations:
            name = table.name.lower()
            if (table.database or database).lower() != self._database:
                continue
            reason = f"{statement.words} on {table.name}"
            if name in self._engine:
                raise SchemaChanged(reason)
            mapped = self._tables.get(name)
            state = self._state(mapped.name, alteration) if mapped else None
            if mapped and state:
                yield Judgement(mapped.collection, state, reason, whole=alteration.effect >= Effect.ROWS)

    def _state(self, table: str, alteration: Alteration) -> CollectionState | None:
        """None: no mapped column is another one."""
        mapped = self._mapping.tables[table]
        match alteration.effect:
            case Effect.NOTHING:
                return None
            case Effect.KEYS:
                return CollectionState.CARRIED
            case Effect.COLUMNS:
                named = {column.lower() for column in mapped.codecs}
                return CollectionState.COMPARING if alteration.columns & named else None
            case Effect.CONTENT:
                return CollectionState.COMPARING
            case Effect.ROWS if self._mapping.collections[mapped.collection].on_truncate is OnTruncate.DELETES:
                return CollectionState.COMPARING
            case _:
                return CollectionState.PAUSED


_WORSE = (CollectionState.CARRIED, CollectionState.COMPARING, CollectionState.PAUSED)
