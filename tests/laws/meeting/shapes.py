"""The documents of the search and what users do to them. Small, so that every interleaving can be visited."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache

from sync.model.change import DocumentId, DocumentRows, Row, RowKey
from sync.model.mapping import CollectionMapping, Granularity
from sync.model.mapping_file import load_mapping
from sync.model.notes import Place

#: The two values of a document. The second is None where its child row is absent, or where its column is NULL.
Values = tuple[int, int | None]

DOCUMENT = DocumentId("people", "k")
_ROOT: RowKey = ("k",)
_ENTRY: RowKey = ("k", "x")

_TWO_COLUMNS = """
[collections.people]
table = "person"
id = { column = "id", codec = "string" }
[collections.people.fields]
a = { column = "a", codec = "int32" }
b = { column = "b", codec = "int32" }
"""

_NULLABLE = _TWO_COLUMNS.replace('column = "b", codec = "int32"', 'column = "b", codec = "int32", null = "absent"')

_CHILD_ROW = """
[collections.people]
table = "person"
id = { column = "id", codec = "string" }
[collections.people.fields]
a = { column = "a", codec = "int32" }
[collections.people.parts.entries]
kind = "map"
table = "entry"
parent = ["person_id"]
key = { column = "name" }
[collections.people.parts.entries.fields]
b = { column = "b", codec = "int32" }
"""


_SET = """
[collections.people]
table = "person"
id = { column = "id", codec = "string" }
[collections.people.fields]
a = { column = "a", codec = "int32" }
[collections.people.parts.tags]
kind = "set"
table = "tag"
policy = "union"
parent = ["person_id"]
value = { column = "tag", codec = "string" }
"""

_LIST = """
[collections.people]
table = "person"
id = { column = "id", codec = "string" }
[collections.people.fields]
a = { column = "a", codec = "int32" }
[collections.people.parts.items]
kind = "list"
table = "item"
parent = ["person_id"]
position = "position"
value = { column = "v", codec = "int32" }
"""

#: What a user may make of a first value that was found, where a write would bring these new values.
Step = Callable[[int, tuple[int, ...]], Iterable[int]]


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """One version of the document; one object for each, so that states compare by identity. No values: absent."""

    values: Values | None
    rows: DocumentRows = field(repr=False)

    def value(self, index: int) -> int | None:
        return None if self.values is None else self.values[index]


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """How the two values stand in rows."""

    name: str
    collection: CollectionMapping = field(repr=False)
    #: Of the two values.
    places: tuple[Place, Place]
    #: Whether the second value may be None.
    optional: bool = True
    #: Whether the first value has a policy of its own, under which users change it so.
    step: Step | None = None
    #: The first value is added up.
    counted: bool = False
    #: Of all first values this one stands.
    best: Callable[[Iterable[int]], int] | None = None
    #: The second value says whether a row without columns is there.
    member: bool = False
    start: Values = (0, 0)

    def loses(self, place: Place) -> bool:
        """Whether a loser of this place is one of the values."""
        return place in self.places or (isinstance(self, ListShape) and place[2] == "v")

    @property
    def alike(self) -> bool:
        """Whether the two values can be told apart by nothing but their names."""
        return not (self.optional or self.step)

    @property
    def unique(self) -> tuple[int, ...]:
        """Of the two values those that never recur where every write brings a new one."""
        return tuple(
            index for index in (0, 1) if not (self.counted and index == 0) and not (self.member and index == 1)
        )

    @property
    def by_policy(self) -> tuple[int, ...]:
        """Those of them that the collection's policy decides."""
        return tuple(index for index in self.unique if index or not self.step)

    def document(self, values: Values | None) -> Document:
        return _document(self, values)

    def of_rows(self, rows: DocumentRows) -> Document:
        """The version with these rows."""
        first, second = (_value(rows, place) for place in self.places)
        return self.document(None if first is None else (first, second))

    def edits(self, found: Document, values: Iterable[int], edits: Edits) -> Iterator[Document]:
        """What a user may make of the document that was found."""
        for edited in self._edits(found.values, tuple(values), edits):
            yield self.document(edited)

    def _edits(self, found: Values | None, values: tuple[int, ...], edits: Edits) -> Iterator[Values | None]:
        second_values = (1,) if self.member else values
        if found is None:
            yield from ((value, second_values[0] if self.member else value) for value in values)
            if self.optional:
                yield values[0], None
            return
        if not edits.updates_only:
            yield None
        first, second = found
        first_values = tuple(self.step(first, values)) if self.step else values
        yield from ((value, second) for value in first_values if value != first)
        if edits.one_column:
            return
        yield from ((first, value) for value in second_values if value != second)
        if self.optional and second is not None and not edits.updates_only:
            yield first, None
        if edits.both_at_once:
            pairs = [(one, two) for one in first_values for two in second_values if self.step or one == two]
            yield from ((one, two) for one, two in pairs if one != first and two != second)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edits:
    """What users do, beside changing one of the two values."""

    #: No insert and no delete.
    updates_only: bool = False
    #: One transaction may change both values.
    both_at_once: bool = False
    #: The second value is left alone.
    one_column: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class ListShape(Shape):
    """A list of numbers, each of which is written once."""

    def document(self, values: Values | None) -> Document:
        return _list_document(self, values)

    def of_rows(self, rows: DocumentRows) -> Document:
        elements = rows["item"]
        values = tuple(elements["k", place]["v"] for place in range(len(elements)))
        return self.document(values)  # type: ignore[arg-type]  # as many as there are

    def edits(self, found: Document, values: Iterable[int], edits: Edits) -> Iterator[Document]:
        (new,) = values
        here = found.values or ()
        changed = [(*here, new)]
        if not edits.updates_only:
            changed += [here[1:], (new, *here[1:])] if here else []
        for one in changed:
            yield self.document(one)

    @property
    def unique(self) -> tuple[int, ...]:
        return ()

    @property
    def by_policy(self) -> tuple[int, ...]:
        return ()


@cache
def _list_document(shape: Shape, values: Values | None) -> Document:
    elements: dict[RowKey, Row] = {("k", place): {"v": value} for place, value in enumerate(values or ())}
    return Document(values, {"person": {_ROOT: {"a": 0}}, "item": elements})


@cache
def _document(shape: Shape, values: Values | None) -> Document:
    rows: dict[str, dict[RowKey, Row]] = {table.name: {} for table in shape.collection.tables}
    for (table, key, column), value in zip(shape.places, values or (), strict=False):
        if value is not None or key in rows[table]:
            rows[table][key] = {**rows[table].get(key, {}), **({column: value} if column else {})}
    return Document(values, rows)


def _value(rows: DocumentRows, place: Place) -> int | None:
    table, key, column = place
    row = rows[table].get(key)
    if row is None:
        return None
    value = row[column] if column else 1
    assert value is None or isinstance(value, int)
    return value


TWO_COLUMNS = Shape(
    "two columns",
    load_mapping(_TWO_COLUMNS).collections["people"],
    (("person", _ROOT, "a"), ("person", _ROOT, "b")),
    optional=False,
)
NULLABLE = Shape(
    "a column that may be NULL",
    load_mapping(_NULLABLE).collections["people"],
    TWO_COLUMNS.places,
)
CHILD_ROW = Shape(
    "a child row",
    load_mapping(_CHILD_ROW).collections["people"],
    (("person", _ROOT, "a"), ("entry", _ENTRY, "b")),
)


def _with_policy(
    name: str,
    policy: str,
    step: Step,
    *,
    counted: bool = False,
    best: Callable[[Iterable[int]], int] | None = None,
) -> Shape:
    text = _TWO_COLUMNS.replace('column = "a", codec = "int32"', f'column = "a", codec = "int32", policy = "{policy}"')
    collection = load_mapping(text).collections["people"]
    return replace(TWO_COLUMNS, name=name, collection=collection, step=step, counted=counted, best=best)


def _one_more(found: int, values: tuple[int, ...]) -> Iterable[int]:
    return (found + 1,)


def _one_more_or_less(found: int, values: tuple[int, ...]) -> Iterable[int]:
    return (found + 1, found - 1)


def _raised(found: int, values: tuple[int, ...]) -> Iterable[int]:
    """A little or much: the later one may be the lesser."""
    (clock,) = values
    return (value for value in (clock, 100 - clock) if value > found)


def _lowered(found: int, values: tuple[int, ...]) -> Iterable[int]:
    return (-value for value in _raised(-found, values))


def _any(found: int, values: tuple[int, ...]) -> Iterable[int]:
    (clock,) = values
    return (clock, 100 - clock)


#: Increments that are alike, so that two from the same number leave the same.
COUNTER = _with_policy("a counter", "delta", _one_more, counted=True)
COUNTER_UP_AND_DOWN = _with_policy("a counter that goes up and down", "delta", _one_more_or_less, counted=True)
GREATEST = _with_policy("the greatest", "max", _raised, best=max)
SMALLEST = _with_policy("the smallest", "min", _lowered, best=min)
GREATEST_OF_ANY = _with_policy("the greatest, of values that fall too", "max", _any)
MEMBER = Shape(
    "a member of a set",
    load_mapping(_SET).collections["people"],
    (("person", _ROOT, "a"), ("tag", _ENTRY, "")),
    member=True,
    start=(0, None),
)
WHOLE_ROW = replace(
    TWO_COLUMNS, name="a row as one value", collection=replace(TWO_COLUMNS.collection, granularity=Granularity.ROW)
)
LIST = ListShape("a list", load_mapping(_LIST).collections["people"], MEMBER.places, start=(-1,))  # type: ignore[arg-type]  # as many as there are
APPENDED = replace(
    LIST,
    name="a list to which both append",
    collection=load_mapping(_LIST.replace('table = "item"', 'table = "item"\npolicy = "append"')).collections["people"],
)
