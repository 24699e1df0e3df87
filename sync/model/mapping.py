"""What the mapping says, as values: how one root row and its child rows form one document (design section 4).

Only shapes and look-ups; `mapping_file` reads them from lockstep.toml.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from sync.model.change import ConflictKind, Side
from sync.model.codecs import Codec


class PartKind(enum.StrEnum):
    """The kinds of nested parts that this version maps."""

    MAP = "map"
    LIST = "list"
    SET = "set"


class Policy(enum.StrEnum):
    """Who wins where both sides changed the same thing and neither had seen the other's value."""

    LAST_WRITE_WINS = "last_write_wins"
    FIRST_WRITE_WINS = "first_write_wins"
    MYSQL_WINS = "mysql_wins"
    MONGO_WINS = "mongo_wins"


class Combining(enum.StrEnum):
    """Policies of single fields and parts, which look at what both sides hold there."""

    #: The greater, or the smaller, of two numbers or dates.
    MAX = "max"
    MIN = "min"
    #: Both sides' changes of a number are added up.
    DELTA = "delta"
    #: Members of a set come and go one by one: what either side adds stays. So it is where nothing is said.
    UNION = "union"
    #: What both sides put into one place of a list is kept.
    APPEND = "append"


@dataclass(frozen=True, slots=True, kw_only=True)
class Custom:
    """A function of the users' own picks the side."""

    #: Dotted name.
    function: str
    #: How long one answer may take.
    seconds: float

    def __str__(self) -> str:
        return f"custom {self.function}"


#: What may decide anything, and what may decide a field or a part.
AnyPolicy: TypeAlias = Policy | Custom
FieldPolicy: TypeAlias = Policy | Custom | Combining


class Granularity(enum.StrEnum):
    """What is one value where both sides changed it."""

    FIELD = "field"
    ROW = "row"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMapping:
    """One column and the field it becomes."""

    #: Field in the document (or map entry, or list element); "_id" for a document's key, "" for an element that is a scalar.
    name: str
    column: str
    codec: Codec
    #: NULL <-> field absent. Else the column is NOT NULL and the field must be there.
    absent_if_null: bool = False
    #: Its own; None: that of the kind of conflict, or of the collection.
    policy: FieldPolicy | None = None


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
    #: Of a list as one value, and of a set's members: see `FieldMapping.policy`.
    policy: FieldPolicy | None = None


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
    #: Of columns that have one of their own; "": of a list as one value, or of whether a row is there.
    policies: Mapping[str, FieldPolicy] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionMapping:
    """One collection: its root table, fields and nested parts."""

    name: str
    table: str
    #: The root's key column, named "_id".
    id: FieldMapping
    fields: tuple[FieldMapping, ...]
    parts: tuple[PartMapping, ...] = ()
    policy: AnyPolicy = Policy.LAST_WRITE_WINS
    #: Of kinds of conflict that have one of their own.
    kinds: Mapping[ConflictKind, AnyPolicy] = field(default_factory=dict)
    granularity: Granularity = Granularity.FIELD
    #: Parents before children. This and what follows is filled by `__post_init__`.
    tables: tuple[TableMapping, ...] = field(init=False)
    #: Of each table: itself and those above it, up to the root; itself and those below it.
    above: Mapping[str, frozenset[str]] = field(init=False)
    below: Mapping[str, frozenset[str]] = field(init=False)
    #: Tables of keyless lists.
    lists: frozenset[str] = field(init=False)
    #: Tables whose rows are compared whole.
    whole: frozenset[str] = field(init=False)
    #: Of tables that have such: columns of which two equal changes are two; "": the coming of a row.
    counted: Mapping[str, frozenset[str]] = field(init=False)
    #: Whether notes must keep when each change was made: some policy asks who began.
    keeps_steps: bool = field(init=False)
    #: Functions of the users' own that decide something of it.
    functions: frozenset[Custom] = field(init=False)

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
        lists = frozenset(table.name for table in tables if table.is_list)
        counted = {
            table.name: frozenset(
                column for column, one in table.policies.items() if one in (Combining.DELTA, Combining.APPEND)
            )
            for table in tables
        }
        policies = [self.policy, *self.kinds.values(), *(one for table in tables for one in table.policies.values())]
        object.__setattr__(self, "lists", lists)
        object.__setattr__(
            self, "whole", lists if self.granularity is Granularity.FIELD else frozenset(table.name for table in tables)
        )
        object.__setattr__(self, "counted", {table: columns for table, columns in counted.items() if columns})
        object.__setattr__(self, "keeps_steps", bool({Policy.FIRST_WRITE_WINS, Combining.APPEND} & {*policies}))
        object.__setattr__(self, "functions", frozenset(one for one in policies if isinstance(one, Custom)))


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

    @property
    def functions(self) -> frozenset[Custom]:
        """Functions of the users' own that decide something."""
        return frozenset(one for collection in self.collections.values() for one in collection.functions)


def _table(
    collection: CollectionMapping,
    name: str,
    key: tuple[FieldMapping, ...],
    fields: Iterable[FieldMapping],
    parent: str | None,
    *,
    is_list: bool,
    policy: FieldPolicy | None = None,
) -> TableMapping:
    fields = tuple(fields)
    policies = {part.column: part.policy for part in fields if part.policy}
    return TableMapping(
        name=name,
        collection=collection.name,
        key=tuple(part.column for part in key),
        columns=tuple(part.column for part in fields),
        codecs={part.column: part.codec for part in (*key, *fields)},
        nullable=frozenset(part.column for part in fields if part.absent_if_null),
        parent=parent,
        is_list=is_list,
        policies=policies | ({"": policy} if policy else {}),
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
            policy=part.policy,
        )
        yield table
        yield from _part_tables(collection, table, part.parts)
