"""The documents of the search and what users do to them. Small, so that every interleaving can be visited."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache

from sync.model.change import DocumentId, DocumentRows, Row, RowKey
from sync.model.mapping import CollectionMapping
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
    #: Whether the second value may be None; else the two columns are alike.
    optional: bool = True

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
        if found is None:
            yield from ((value, value) for value in values)
            if self.optional:
                yield values[0], None
            return
        if not edits.updates_only:
            yield None
        first, second = found
        yield from ((value, second) for value in values if value != first)
        if edits.one_column:
            return
        yield from ((first, value) for value in values if value != second)
        if self.optional and second is not None and not edits.updates_only:
            yield first, None
        if edits.both_at_once:
            yield from ((value, value) for value in values if value != first and value != second)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edits:
    """What users do, beside changing one of the two values."""

    #: No insert and no delete.
    updates_only: bool = False
    #: One transaction may change both values.
    both_at_once: bool = False
    #: The second value is left alone.
    one_column: bool = False


@cache
def _document(shape: Shape, values: Values | None) -> Document:
    rows: dict[str, dict[RowKey, Row]] = {table.name: {} for table in shape.collection.tables}
    for (table, key, column), value in zip(shape.places, values or (), strict=False):
        if value is not None or key in rows[table]:
            rows[table][key] = {**rows[table].get(key, {}), column: value}
    return Document(values, rows)


def _value(rows: DocumentRows, place: Place) -> int | None:
    table, key, column = place
    row = rows[table].get(key)
    if row is None:
        return None
    value = row[column]
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
