"""What the mapping says, as values: how one root row and its child rows form one document (design section 4).

Only shapes and look-ups; `mapping_file` reads them from lockstep.toml.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from sync.model.change import ConflictKind, RowKey, Side
from sync.model.codecs import Codec
from sync.model.rest import RestCodec

#: What an object may hold: names of fields and parts, and below the objects that dotted paths name what those may hold.
Names: TypeAlias = "Mapping[str, Names | None]"


class PartKind(enum.StrEnum):
    """The kinds of nested parts."""

    MAP = "map"
    LIST = "list"
    #: A list whose elements are found by a field of theirs, and keep their identity when they are moved.
    KEYED_LIST = "list with a key"
    SET = "set"
    #: One child row, or none.
    OBJECT = "object"


class Null(enum.StrEnum):
    """What NULL in a column is in the document."""

    #: The column is NOT NULL and the field must be there.
    REFUSED = "refused"
    #: No such field.
    ABSENT = "absent"
    #: A field that is null.
    NULL = "null"


class Policy(enum.StrEnum):
    """Who wins where both sides changed the same thing and neither had seen the other's value."""

    LAST_WRITE_WINS = "last_write_wins"
    FIRST_WRITE_WINS = "first_write_wins"
    MYSQL_WINS = "mysql_wins"
    MONGO_WINS = "mongo_wins"
    #: Nobody, before a person has said so.
    MANUAL = "manual"


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
    null: Null = Null.REFUSED
    #: Of a dotted path: the objects in which the field stands, the outermost first. They are there where a field in them is.
    inside: tuple[str, ...] = ()
    #: Its own; None: that of the kind of conflict, or of the collection.
    policy: FieldPolicy | None = None

    @property
    def path(self) -> tuple[str, ...]:
        """From the document (or entry, or element) to the field."""
        return (*self.inside, self.name)

    @property
    def absent_if_null(self) -> bool:
        """NULL <-> field absent."""
        return self.null is Null.ABSENT

    @property
    def null_if_null(self) -> bool:
        """NULL <-> null."""
        return self.null is Null.NULL


@dataclass(frozen=True, slots=True, kw_only=True)
class PartMapping:
    """Child rows and the nested part that they become."""

    #: Field in the document or entry above.
    name: str
    kind: PartKind
    table: str
    #: Columns that hold the key of the row above, in its order.
    parent: tuple[str, ...]
    #: The last column of this row's key: a map's or an element's key, a list's position, a set's value. An object has none.
    own: FieldMapping | None
    #: Of a map: the field in which each entry repeats its key.
    repeats_key_in: str | None = None
    #: Of a list of scalars: the column of the scalar. (A set's stands in `own`.)
    value: FieldMapping | None = None
    #: Of a list with a key: the column of the element's place, which is no part of the row's key.
    position: FieldMapping | None = None
    #: Of a map's entries, an object, and a list's objects.
    fields: tuple[FieldMapping, ...] = ()
    #: Nested in each entry of a map, each element of a list with a key, an object.
    parts: tuple[PartMapping, ...] = ()
    #: No rows <-> field absent. Else the part must be there, empty.
    absent_if_empty: bool = False
    #: A field that no column takes makes the document unmappable; else it stays in MongoDB. Elements of a keyless list are
    #: written whole: true of them always.
    rejects: bool = False
    #: Of a list as one value, and of a set's members: see `FieldMapping.policy`.
    policy: FieldPolicy | None = None

    @property
    def names(self) -> Names:
        """What an entry, an element or the object may hold."""
        keyed = self.own and self.kind is PartKind.KEYED_LIST
        more = (self.own.name,) if keyed and self.own else (self.repeats_key_in,) if self.repeats_key_in else ()
        return _names(self.fields, self.parts, *more)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableMapping:
    """What row-level code needs to know of one mapped table."""

    name: str
    collection: str
    #: Key columns; the first holds the document's key. A child's key is its parent row's key and one column more; an
    #: object's is its parent row's.
    key: tuple[str, ...]
    #: How many of the key's columns are the key of the row above; 0 of the root.
    inherited: int
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
    #: Of a list with a key: the column of the element's place.
    position: str | None = None
    #: Of columns that have one of their own; "": of a list as one value, or of whether a row is there.
    policies: Mapping[str, FieldPolicy] = field(default_factory=dict)

    def above(self, key: RowKey) -> RowKey:
        """The key of the row above that of `key`."""
        return key[: self.inherited]


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
    on_truncate: OnTruncate = OnTruncate.PAUSE
    #: See `PartMapping.rejects`.
    rejects: bool = False
    #: The root's column that takes, as JSON, the fields of the document that nothing else takes. Those deeper in it stay.
    rest_column: str | None = None
    #: How it does. This and what follows is filled by `__post_init__`.
    rest: FieldMapping | None = field(init=False)
    #: Parents before children.
    tables: tuple[TableMapping, ...] = field(init=False)
    #: Of each table: itself and those above it, up to the root; itself and those below it.
    above: Mapping[str, frozenset[str]] = field(init=False)
    below: Mapping[str, frozenset[str]] = field(init=False)
    #: Tables of keyless lists.
    lists: frozenset[str] = field(init=False)
    #: Of tables of lists with a key: the column of the element's place.
    positions: Mapping[str, str] = field(init=False)
    #: Names of parts that have a dot in them.
    dotted: tuple[str, ...] = field(init=False)
    #: Tables whose rows are compared whole.
    whole: frozenset[str] = field(init=False)
    #: Of tables that have such: columns of which two equal changes are two; "": the coming of a row.
    counted: Mapping[str, frozenset[str]] = field(init=False)
    #: Whether notes must keep when each change was made: some policy asks who began.
    keeps_steps: bool = field(init=False)
    #: Functions of the users' own that decide something of it.
    functions: frozenset[Custom] = field(init=False)

    def __post_init__(self) -> None:
        rest = None
        if self.rest_column is not None:
            codec = RestCodec(taken=frozenset(self.names))
            rest = FieldMapping(name="", column=self.rest_column, codec=codec, null=Null.ABSENT)
        object.__setattr__(self, "rest", rest)
        root = _table(self, self.table, (self.id,), (*self.fields, *((rest,) if rest else ())), None)
        tables = (root, *_part_tables(self, root, self.parts))
        above: dict[str, frozenset[str]] = {}
        for table in tables:
            above[table.name] = frozenset({table.name}) | (above[table.parent] if table.parent else frozenset())
        below = {name: frozenset(one for one, of in above.items() if name in of) for name in above}
        object.__setattr__(self, "tables", tables)
        object.__setattr__(self, "above", above)
        object.__setattr__(self, "below", below)
        object.__setattr__(self, "positions", {table.name: table.position for table in tables if table.position})
        object.__setattr__(self, "dotted", tuple(part.name for part in self.parts if "." in part.name))
        self._read_policies()

    def _read_policies(self) -> None:
        tables = self.tables
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

    @property
    def names(self) -> Names:
        """What a document may hold."""
        return _names(self.fields, self.parts, "_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallback:
    """What becomes of a document that waits for a person, and nobody comes."""

    policy: Policy
    #: From when it first waited for one.
    after_hours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncMapping:
    """The whole mapping. Each table belongs to one collection."""

    collections: Mapping[str, CollectionMapping]
    #: The side that wins a tie of commit times.
    tie: Side = Side.MYSQL
    #: None: what is left to a person waits for one, however long.
    undecided: Fallback | None = None
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


def _names(fields: Iterable[FieldMapping], parts: Iterable[PartMapping], *more: str) -> Names:
    names: dict[str, Names | None] = dict.fromkeys((*more, *(part.name for part in parts)))
    for one in fields:
        _add(names, one.path)
    return names


def _add(names: dict[str, Names | None], path: tuple[str, ...]) -> None:
    first, *rest = path
    if not rest:
        names[first] = None
        return
    below = dict(names.get(first) or {})
    _add(below, tuple(rest))
    names[first] = below


def _table(
    collection: CollectionMapping,
    name: str,
    key: tuple[FieldMapping, ...],
    fields: Iterable[FieldMapping],
    parent: str | None,
    *,
    inherited: int = 0,
    is_list: bool = False,
    position: str | None = None,
    policy: FieldPolicy | None = None,
) -> TableMapping:
    fields = tuple(fields)
    policies = {part.column: part.policy for part in fields if part.policy}
    return TableMapping(
        name=name,
        collection=collection.name,
        key=tuple(part.column for part in key),
        inherited=inherited,
        columns=tuple(part.column for part in fields),
        codecs={part.column: part.codec for part in (*key, *fields)},
        nullable=frozenset(part.column for part in fields if part.null is not Null.REFUSED),
        parent=parent,
        is_list=is_list,
        position=position,
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
            (*inherited, *((part.own,) if part.own else ())),
            (*((part.position,) if part.position else ()), *fields),
            above.name,
            inherited=len(inherited),
            is_list=part.kind is PartKind.LIST,
            position=part.position.column if part.position else None,
            policy=part.policy,
        )
        yield table
        yield from _part_tables(collection, table, part.parts)
