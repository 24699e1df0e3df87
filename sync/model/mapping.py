"""What the mapping says, as values: how one root row and its child rows form one document (design section 4).

Only shapes and look-ups; `mapping_file` reads them from lockstep.toml.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from sync.model.change import Side
from sync.model.codecs import Codec


class PartKind(enum.StrEnum):
    """The kinds of nested parts that this version maps."""

    MAP = "map"
    LIST = "list"
    SET = "set"


class Policy(enum.StrEnum):
    """Who wins where both sides changed the same thing and neither had seen the other's value."""

    LAST_WRITE_WINS = "last_write_wins"
    MYSQL_WINS = "mysql_wins"
    MONGO_WINS = "mongo_wins"


class OnTruncate(enum.StrEnum):
    """What becomes of a collection whose rows, or documents, were taken away as a whole."""

    #: It is paused: a person says which side is right.
    PAUSE = "pause"
    #: What is gone goes on the other side too.
    DELETES = "deletes"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMapping:
    """One column and the field it becomes."""

    #: Field in the document (or map entry, or list element); "_id" for a document's key, "" for an element that is a scalar.
    name: str
    column: str
    codec: Codec
    #: NULL <-> field absent. Else the column is NOT NULL and the field must be there.
    absent_if_null: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PartMapping:
    """Child rows and the nested part that they become."""

    #: Field in the document or entry above.
    name: str
    kind: PartKind
    table: str
    #: Columns that hold the key of the row above, in its order.
    parent: tuple[str, ...]
    #: The last column of this row's key: a map's key, a list's position, a set's value.
    own: FieldMapping
    #: Of a map: the field in which each entry repeats its key.
    repeats_key_in: str | None = None
    #: Of a list of scalars: the column of the scalar. (A set's stands in `own`.)
    value: FieldMapping | None = None
    #: Of a map's entries and a list's objects.
    fields: tuple[FieldMapping, ...] = ()
    #: Nested in each entry of a map.
    parts: tuple[PartMapping, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TableMapping:
    """What row-level code needs to know of one mapped table."""

    name: str
    collection: str
    #: Key columns; the first holds the document's key. A child's key is its parent row's key and one column more.
    key: tuple[str, ...]
    #: Mapped columns that are not in the key.
    columns: tuple[str, ...]
    #: Of every key column and column.
    codecs: Mapping[str, Codec]
    #: Columns that may be NULL.
    nullable: frozenset[str]
    #: Table of the row above; None for the root table.
    parent: str | None
    #: A keyless list's rows have no identity: they are compared whole, and positions must be dense.
    is_list: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionMapping:
    """One collection: its root table, fields and nested parts."""

    name: str
    table: str
    #: The root's key column, named "_id".
    id: FieldMapping
    fields: tuple[FieldMapping, ...]
    parts: tuple[PartMapping, ...] = ()
    policy: Policy = Policy.LAST_WRITE_WINS
    on_truncate: OnTruncate = OnTruncate.PAUSE
    #: Parents before children. This and what follows is filled by `__post_init__`.
    tables: tuple[TableMapping, ...] = field(init=False)
    #: Of each table: itself and those above it, up to the root; itself and those below it.
    above: Mapping[str, frozenset[str]] = field(init=False)
    below: Mapping[str, frozenset[str]] = field(init=False)
    #: Tables of keyless lists.
    lists: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        root = _table(self, self.table, (self.id,), self.fields, None, is_list=False)
        tables = (root, *_part_tables(self, root, self.parts))
        above: dict[str, frozenset[str]] = {}
        for table in tables:
            above[table.name] = frozenset({table.name}) | (above[table.parent] if table.parent else frozenset())
        below = {name: frozenset(one for one, of in above.items() if name in of) for name in above}
        object.__setattr__(self, "tables", tables)
        object.__setattr__(self, "above", above)
        object.__setattr__(self, "below", below)
        object.__setattr__(self, "lists", frozenset(table.name for table in tables if table.is_list))


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncMapping:
    """The whole mapping. Each table belongs to one collection."""

    collections: Mapping[str, CollectionMapping]
    #: The side that wins a tie of commit times.
    tie: Side = Side.MYSQL
    #: Days for which closed conflict rows are kept: those with a value that lost or a person's decision, and the others.
    keep_settled_days: int = 30
    keep_converged_days: int = 1
    #: Table name -> table.
    tables: Mapping[str, TableMapping] = field(init=False)

    def __post_init__(self) -> None:
        every = {table.name: table for collection in self.collections.values() for table in collection.tables}
        object.__setattr__(self, "tables", every)


def _table(
    collection: CollectionMapping,
    name: str,
    key: tuple[FieldMapping, ...],
    fields: Iterable[FieldMapping],
    parent: str | None,
    *,
    is_list: bool,
) -> TableMapping:
    fields = tuple(fields)
    return TableMapping(
        name=name,
        collection=collection.name,
        key=tuple(part.column for part in key),
        columns=tuple(part.column for part in fields),
        codecs={part.column: part.codec for part in (*key, *fields)},
        nullable=frozenset(part.column for part in fields if part.absent_if_null),
        parent=parent,
        is_list=is_list,
    )


def _part_tables(
    collection: CollectionMapping, above: TableMapping, parts: Iterable[PartMapping]
) -> Iterator[TableMapping]:
    for part in parts:
        inherited = tuple(
            FieldMapping(name="", column=column, codec=above.codecs[of])
            for column, of in zip(part.parent, above.key, strict=True)
        )
        fields = (part.value,) if part.value else part.fields
        table = _table(
            collection,
            part.table,
            (*inherited, part.own),
            fields,
            above.name,
            is_list=part.kind is PartKind.LIST,
        )
        yield table
        yield from _part_tables(collection, table, part.parts)
