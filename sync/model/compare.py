"""Whether a document is the same on both sides, and where not. Pure: it is given both readings."""

from __future__ import annotations

from sync.model.change import DocumentId, DocumentRows, Hold
from sync.model.fold import broken
from sync.model.mapping import CollectionMapping
from sync.model.report import Difference, DifferentField, Presence


def compare(
    collection: CollectionMapping,
    document: DocumentId,
    mysql: DocumentRows | Hold,
    mongo: DocumentRows | Hold,
    *,
    held: bool,
) -> Difference | None:
    """None if both sides are equal (absent on both counts as equal). A `Hold` is a reading that is no rows."""
    same = mysql == mongo
    for reading in (mysql,) if same else (mysql, mongo):
        problem = reading if isinstance(reading, Hold) else broken(collection, reading)
        if problem:
            return Difference(document=document, presence=Presence.UNMAPPABLE, places=(problem.reason,), held=held)
    if same:
        return None
    assert not isinstance(mysql, Hold)
    assert not isinstance(mongo, Hold)
    places = different_places(collection, mysql, mongo)
    if not places:
        return None
    presence = Presence.DIFFERENT
    if not mongo.get(collection.table):
        presence = Presence.MISSING_IN_MONGO
    elif not mysql.get(collection.table):
        presence = Presence.MISSING_IN_MYSQL
    return Difference(document=document, presence=presence, places=places, held=held)


def different_fields(
    collection: CollectionMapping, mysql: DocumentRows, mongo: DocumentRows
) -> tuple[DifferentField, ...]:
    """Each value that differs, and each row that one side lacks."""
    found: list[DifferentField] = []
    for table in collection.tables:
        here, there = mysql.get(table.name, {}), mongo.get(table.name, {})
        for key in {**here, **there}:
            one, other = here.get(key), there.get(key)
            if one is None or other is None:
                found.append(DifferentField(table=table.name, key=key, column=None, mysql=one, mongo=other))
            elif one != other:
                found += [
                    DifferentField(table=table.name, key=key, column=column, mysql=one[column], mongo=other[column])
                    for column in table.columns
                    if one[column] != other[column]
                ]
    return tuple(found)


def different_places(collection: CollectionMapping, one: DocumentRows, other: DocumentRows) -> tuple[str, ...]:
    """`table` where rows come or go, `table.column` where values differ; without values, each once."""
    places: dict[str, None] = {}
    for table in collection.tables:
        here, there = one.get(table.name, {}), other.get(table.name, {})
        if here.keys() != there.keys():
            places[table.name] = None
        for key in here.keys() & there.keys():
            if here[key] != there[key]:
                places.update({f"{table.name}.{c}": None for c in table.columns if here[key][c] != there[key][c]})
    return tuple(places)
