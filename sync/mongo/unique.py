"""Unique indexes of MongoDB: what a document claims under them, and which documents have that already.

As the server makes index keys (manual, "Multikey Indexes", "Sparse Indexes", "Partial Indexes"): an array claims each of its
elements, an absent field counts as null.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import bson
from bson import Decimal128
from pymongo.client_session import ClientSession
from pymongo.collection import Collection

from sync.model.change import Blocker, DocumentId
from sync.model.lens import document_key
from sync.model.mapping import CollectionMapping
from sync.model.unique import Claim, alike
from sync.mongo.server import Document, translated

#: What an empty array stands for, and an absent field: the one is found as it is, the other as null.
_EMPTY: list[object] = []
_Values = tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UniqueIndex:
    """One that is not that of `_id`."""

    name: str
    fields: tuple[str, ...]
    sparse: bool
    #: Only documents that match it are in the index; None: all.
    partial: Mapping[str, Any] | None
    collation: Mapping[str, Any] | None


def unique_indexes(collection: Collection[Document]) -> tuple[UniqueIndex, ...]:
    """As the server lists them."""
    with translated():
        listed = [dict(one) for one in collection.list_indexes()]
    return tuple(
        UniqueIndex(
            name=str(one["name"]),
            fields=tuple(one["key"]),
            sparse=bool(one.get("sparse")),
            partial=one.get("partialFilterExpression"),
            collation=one.get("collation"),
        )
        for one in listed
        if one.get("unique")
    )


def claims(
    mapping: CollectionMapping, indexes: Iterable[UniqueIndex], document: Mapping[str, Any] | None
) -> dict[Claim, Blocker]:
    """What the document has, or is to have, under the indexes; nothing for None."""
    if document is None:
        return {}
    found: dict[Claim, Blocker] = {}
    for index in indexes:
        for values in _keys(index, document):
            claim = (mapping.name, index.name, *(_comparable(value, index) for value in values))
            found[claim] = _blocker(mapping, index, document)
    return found


def in_the_way(
    collection: Collection[Document],
    mapping: CollectionMapping,
    indexes: Iterable[UniqueIndex],
    document: Mapping[str, Any],
    known: Container[DocumentId],
    session: ClientSession,
) -> list[Blocker]:
    """The documents that have what this one is to have, those `known` left out."""
    found: dict[Blocker, None] = {}
    for index in indexes:
        for values in _keys(index, document):
            wanted = [{field: {"$eq": value}} for field, value in zip(index.fields, values, strict=True)]
            query: Document = {"$and": [*wanted, *([dict(index.partial)] if index.partial else [])]}
            with translated():
                others = list(collection.find(query, session=session, collation=_collation(index)))
            for other in others:
                row = _blocker(mapping, index, other)
                # A query by several fields may find them in different elements of an array.
                exact = index.collation or _claims_of(index, other) & {tuple(_comparable(one, index) for one in values)}
                if exact and row.document not in known:
                    found[row] = None
    return list(found)


def _collation(index: UniqueIndex) -> Mapping[str, Any] | None:
    if index.collation is None:
        return None
    return {name: value for name, value in index.collation.items() if name != "version"}


def _claims_of(index: UniqueIndex, document: Mapping[str, Any]) -> set[Claim]:
    return {tuple(_comparable(value, index) for value in values) for values in _keys(index, document)}


def _blocker(mapping: CollectionMapping, index: UniqueIndex, document: Mapping[str, Any]) -> Blocker:
    key = document_key(mapping, document["_id"])
    return Blocker(DocumentId(mapping.name, key), mapping.table, (key,), index.name)


# Index keys.


def _keys(index: UniqueIndex, document: Mapping[str, Any]) -> list[_Values]:
    """The values of its fields under which a document stands in the index; none where it does not."""
    if index.partial and not _matches(document, index.partial):
        return []
    paths = [tuple(field.split(".")) for field in index.fields]
    if index.sparse and not any(True for path in paths for _ in _present(document, path)):
        return []
    return list(_expanded(document, paths))


def _expanded(value: object, paths: Sequence[tuple[str, ...]]) -> Iterator[_Values]:
    """The values at paths below a value. Paths that lead through one array take the same element of it."""
    if not isinstance(value, Mapping):
        yield (None,) * len(paths)
        return
    heads = list(dict.fromkeys(path[0] for path in paths))
    choices: list[list[dict[int, object]]] = []
    for head in heads:
        own = [at for at, path in enumerate(paths) if path[0] == head]
        inner = value.get(head)
        here: list[dict[int, object]] = []
        elements: Sequence[object] = (inner or [_EMPTY]) if isinstance(inner, list) else [inner]
        leaves = [at for at in own if len(paths[at]) == 1]
        deeper = [at for at in own if len(paths[at]) > 1]
        for element in elements:
            of_leaves: dict[int, object] = dict.fromkeys(leaves, element)
            below = _expanded(element, [paths[at][1:] for at in deeper]) if deeper else iter([()])
            here += [of_leaves | dict(zip(deeper, values, strict=True)) for values in below]
        choices.append(here)
    for chosen in product(*choices):
        merged: dict[int, object] = {}
        for one in chosen:
            merged |= one
        yield tuple(merged[at] for at in range(len(paths)))


def _present(value: object, path: tuple[str, ...]) -> Iterator[object]:
    if not path:
        yield value
    elif isinstance(value, Mapping) and path[0] in value:
        yield from _present(value[path[0]], path[1:])
    elif isinstance(value, list):
        for element in value:
            yield from _present(element, path)


def _comparable(value: object, index: UniqueIndex) -> Claim:
    """Equal for what the server takes for equal: numbers of all types by their value."""
    if value is None or isinstance(value, bool):
        return (type(value).__name__, value)
    if isinstance(value, Decimal128):
        number = value.to_decimal()
        return ("number", "nan" if number.is_nan() else number)
    if isinstance(value, int | float):
        return ("number", "nan" if math.isnan(value) else value)
    if isinstance(value, str):
        return ("str", alike(value) if index.collation else value)
    return (type(value).__name__, bson.encode({"": value}))


# Which documents a partial index holds.


def _matches(document: Mapping[str, Any], expression: Mapping[str, Any]) -> bool:
    """Whether it matches, by the operators that such an index allows; what is not known here counts as a match, which only
    makes a document be written beside others."""
    for name, wanted in expression.items():
        if name in ("$and", "$or"):
            several = [_matches(document, one) for one in wanted]
            if not (all(several) if name == "$and" else any(several)):
                return False
            continue
        values = [one for found in _present(document, tuple(name.split("."))) for one in _with_elements(found)]
        conditions = wanted if isinstance(wanted, Mapping) and any(key.startswith("$") for key in wanted) else None
        if conditions is None:
            conditions = {"$eq": wanted}
        if not all(_holds(operator, operand, values) for operator, operand in conditions.items()):
            return False
    return True


def _with_elements(value: object) -> list[object]:
    return [value, *value] if isinstance(value, list) else [value]


def _holds(operator: str, operand: Any, values: Sequence[Any]) -> bool:
    if operator == "$exists":
        return bool(values) == bool(operand)
    if operator == "$eq":
        return any(type(value) is type(operand) and value == operand for value in values) or (
            operand is None and not values
        )
    if operator in _ORDERED:
        return any(_ordered(operator, value, operand) for value in values)
    return True


_ORDERED = ("$gt", "$gte", "$lt", "$lte")


def _ordered(operator: str, value: Any, operand: Any) -> bool:
    """Values of other types stand apart."""
    numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in (value, operand))
    if not numbers and type(value) is not type(operand):
        return False
    if operator in ("$gt", "$gte"):
        return bool(value > operand or (operator == "$gte" and value == operand))
    return bool(value < operand or (operator == "$lte" and value == operand))
