"""Whether a document is the same on both sides, and where not. Pure: it is given both readings."""

from __future__ import annotations

from sync.model.change import DocumentId, DocumentRows, Hold
from sync.model.fold import broken
from sync.model.mapping import CollectionMapping
from sync.model.report import Difference, Presence


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
