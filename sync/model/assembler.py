"""Documents from rows, by functions that are compiled once for a collection.

Equal to `lens.assemble`, which is asked for all that is not as it mostly is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, cast

from sync.model.change import DocumentRows, Row, RowKey, Value
from sync.model.lens import assemble_part, bson_id, rest_fields
from sync.model.mapping import CollectionMapping, FieldMapping, PartKind, PartMapping, SyncMapping

#: The value of a part below the root row of a key; None where the field is absent.
_Builds: TypeAlias = Callable[[RowKey, DocumentRows], object | None]


class Assembler:
    """Of one collection."""

    def __init__(self, collection: CollectionMapping) -> None:
        self._collection = collection
        self._root = _compiled(collection.fields)
        if collection.rest:
            self._root = _with_rest(self._root, collection.rest)
        self._parts = tuple((part.name, _builds(part)) for part in collection.parts)

    def document(self, key: Value, rows: DocumentRows) -> dict[str, object] | None:
        """What `lens.assemble` makes of the rows; raises what it raises."""
        above = (key,)
        root = rows[self._collection.table].get(above)
        if root is None:
            return None
        document = {"_id": bson_id(self._collection, key), **self._root(root)}
        for name, builds in self._parts:
            value = builds(above, rows)
            if value is not None:
                document[name] = value
        return document


def assemblers(mapping: SyncMapping) -> dict[str, Assembler]:
    """Of each collection. Compiled, so made once by who writes again and again."""
    return {name: Assembler(collection) for name, collection in mapping.collections.items()}


def _compiled(fields: Sequence[FieldMapping]) -> Callable[[Row], dict[str, object]]:
    """One function for a row's fields. Of `name` and, which is absent if NULL, `active`, and the path `home.town`, which is
    null if NULL, it is

    def fields(row):
        made = {}
        made[n0] = t0(row[c0])
        if row[c1] is not None: made[n1] = t1(row[c1])
        made.setdefault(i2_0, {})[n2] = None if row[c2] is None else t2(row[c2])
        return made
    """
    names: dict[str, object] = {}
    text = "def fields(row):\n    made = {}\n"
    for at, field in enumerate(fields):
        names |= {f"c{at}": field.column, f"n{at}": field.name, f"t{at}": field.codec.to_bson}
        names |= {f"i{at}_{depth}": name for depth, name in enumerate(field.inside)}
        where = f"if row[c{at}] is not None: " if field.absent_if_null else ""
        null = f"None if row[c{at}] is None else " if field.null_if_null else ""
        inside = "".join(f".setdefault(i{at}_{depth}, {{}})" for depth in range(len(field.inside)))
        text += f"    {where}made{inside}[n{at}] = {null}t{at}(row[c{at}])\n"
    exec(compile(f"{text}    return made", "<assemble>", "exec"), names)  # noqa: S102 - made of numbers only
    return cast("Callable[[Row], dict[str, object]]", names["fields"])


def _with_rest(root: Callable[[Row], dict[str, object]], rest: FieldMapping) -> Callable[[Row], dict[str, object]]:
    return lambda row: {**root(row), **rest_fields(rest, row[rest.column])}


def _builds(part: PartMapping) -> _Builds:
    """For a part of the root."""
    if part.kind is not PartKind.LIST:
        return lambda above, rows: assemble_part(part, above, rows)
    table, element, absent = part.table, _element(part), part.absent_if_empty

    def builds(above: RowKey, rows: DocumentRows) -> object | None:
        here: Mapping[RowKey, Row] = rows[table]
        if absent and not here:
            return None
        try:
            return [element(here[(*above, place)]) for place in range(len(here))]
        except KeyError:  # places have gaps
            return assemble_part(part, above, rows)

    return builds


def _element(part: PartMapping) -> Callable[[Row], object]:
    if part.value is None:
        return _compiled(part.fields)
    column, scalar = part.value.column, part.value.codec.to_bson
    if part.value.null_if_null:
        return lambda row: None if row[column] is None else scalar(row[column])
    return lambda row: scalar(row[column])
