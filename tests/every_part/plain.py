"""Its rows and documents as a client sees them, written down by hand: uses nothing of the engine.

A document here is what pymongo gives, with the members of sets sorted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bson import ObjectId
from pymysql.cursors import Cursor

from tests.plain import Doc, Row

#: Parents before children.
TABLES = {
    "people": (
        "person",
        "person_passport",
        "person_stamp",
        "person_page",
        "person_address",
        "person_address_tag",
        "person_nickname",
        "person_pet",
        "person_pet_collar",
        "person_visit",
        "person_odd",
    ),
    "things": ("thing", "thing_piece", "thing_box", "thing_colour"),
    "notes": ("note",),
}


def rows_of(collection: str, document: Doc | None) -> list[Row]:
    """Every row of a document, parents first."""
    if document is None:
        return []
    return list((_person if collection == "people" else _thing)(document, str(document["_id"])))


def _person(document: Doc, key: str) -> Iterator[Row]:
    home, mine = document.get("home", {}), {"person_id": key}
    street = home.get("street", {})
    nameless = document.get("")
    yield (
        "person",
        {"id": key},
        {
            "name": document["name"],
            "home_town": home.get("town"),
            "street_number": street.get("number"),
            "street_name": street.get("name"),
            "work_title": document["work"]["title"],
            "rank_": document.get("$rank"),
            "dotted": document["a.b"],
            "nameless": None if nameless is None else int(nameless),
        },
    )
    passport = document.get("passport")
    if passport is not None:
        place = passport.get("issued", {}).get("place")
        yield "person_passport", mine, {"number": passport["number"], "issued_place": place}
        for stamp in passport["stamps"]:
            yield "person_stamp", mine | {"stamp": stamp}, {}
        for at, page in enumerate(passport["pages"]):
            yield "person_page", mine | {"position": at}, {"page": page}
    for at, one in enumerate(document["addresses"]):
        values = {"position": at, "city": one["city"], "lat": one.get("geo", {}).get("lat"), "note": one.get("$note")}
        yield "person_address", mine | {"address_id": one["_id"]}, values
        for tag in one["tags"]:
            yield "person_address_tag", mine | {"address_id": one["_id"], "tag": tag}, {}
    for at, nickname in enumerate(document.get("nicknames", [])):
        yield "person_nickname", mine | {"position": at}, {"nickname": nickname}
    for name, pet in document.get("pets", {}).items():
        yield "person_pet", mine | {"pet_key": name}, {"kind_of": pet["kind.of"], "age": pet.get("age")}
        if "collar" in pet:
            yield "person_pet_collar", mine | {"pet_key": name}, {"colour": pet["collar"].get("colour")}
    for at, visit in enumerate(document["visits"]):
        where = visit.get("where", {})
        values = {"day": visit["day"], "town": where.get("town"), "zip": where.get("zip")}
        yield "person_visit", mine | {"position": at}, values
    for member in document["odd.name"]:
        yield "person_odd", mine | {"member": member}, {}


def _thing(document: Doc, key: str) -> Iterator[Row]:
    size, mine = document.get("size", {}), {"thing_id": key}
    values = {"label": document["label"], "width": size.get("width"), "height": size.get("height")}
    yield "thing", {"id": key}, values
    for at, one in enumerate(document.get("pieces", [])):
        values = {"position": at, "qty": one["qty"], "net": one.get("price", {}).get("net")}
        yield "thing_piece", mine | {"sku": one["sku"]}, values
    if "box" in document:
        yield "thing_box", mine, {"wide": document["box"].get("wide")}
    for colour in document.get("colours", []):
        yield "thing_colour", mine | {"colour": colour}, {}


def in_mysql(cursor: Cursor, collection: str, key: ObjectId) -> Doc | None:
    """The document that the rows make. Places are ranks."""
    return (_person_in_mysql if collection == "people" else _thing_in_mysql)(cursor, key)


def _person_in_mysql(cursor: Cursor, key: ObjectId) -> Doc | None:
    for row in _select(cursor, "person", "id", key):
        nameless = row["nameless"]
        document = _some(
            {
                "_id": key,
                "name": row["name"],
                "home": _some(
                    {
                        "town": row["home_town"],
                        "street": _some({"number": row["street_number"], "name": row["street_name"]}) or None,
                    }
                )
                or None,
                "$rank": row["rank_"],
                "": None if nameless is None else bool(nameless),
            }
        )
        document |= {"work": {"title": row["work_title"]}, "a.b": row["dotted"]}
        break
    else:
        return None

    def of(table: str, order: str = "") -> list[dict[str, Any]]:
        return _select(cursor, table, "person_id", key, order)

    for row in of("person_passport"):
        issued = _some({"place": row["issued_place"]}) or None
        document["passport"] = _some({"number": row["number"], "issued": issued})
        document["passport"]["stamps"] = sorted(one["stamp"] for one in of("person_stamp"))
        document["passport"]["pages"] = [one["page"] for one in of("person_page", "position")]
    tags = of("person_address_tag")
    document["addresses"] = [
        _some(
            {
                "_id": row["address_id"],
                "city": row["city"],
                "$note": row["note"],
                "geo": _some({"lat": row["lat"]}) or None,
            }
        )
        | {"tags": sorted(one["tag"] for one in tags if one["address_id"] == row["address_id"])}
        for row in of("person_address", "position")
    ]
    collars = {row["pet_key"]: _some({"colour": row["colour"]}) for row in of("person_pet_collar")}
    pets = {
        row["pet_key"]: _some(
            {
                "$name": row["pet_key"],
                "kind.of": row["kind_of"],
                "age": row["age"],
                "collar": collars.get(row["pet_key"]),
            }
        )
        for row in of("person_pet")
    }
    nicknames = [row["nickname"] for row in of("person_nickname", "position")]
    document |= ({"pets": pets} if pets else {}) | ({"nicknames": nicknames} if nicknames else {})
    document["visits"] = [
        _some({"day": row["day"], "where": _some({"town": row["town"], "zip": row["zip"]}) or None})
        for row in of("person_visit", "position")
    ]
    document["odd.name"] = sorted(row["member"] for row in of("person_odd"))
    return document


def _thing_in_mysql(cursor: Cursor, key: ObjectId) -> Doc | None:
    for row in _select(cursor, "thing", "id", key):
        size = _some({"width": row["width"], "height": row["height"]}) or None
        document = _some({"_id": key, "label": row["label"], "size": size})
        break
    else:
        return None
    pieces = [
        _some({"sku": row["sku"], "qty": row["qty"], "price": _some({"net": row["net"]}) or None})
        for row in _select(cursor, "thing_piece", "thing_id", key, "position")
    ]
    colours = sorted(row["colour"] for row in _select(cursor, "thing_colour", "thing_id", key))
    document |= ({"pieces": pieces} if pieces else {}) | ({"colours": colours} if colours else {})
    for row in _select(cursor, "thing_box", "thing_id", key):
        document["box"] = _some({"wide": row["wide"]})
    return document


def _some(values: Mapping[str, Any]) -> Doc:
    """Without what is NULL."""
    return {name: value for name, value in values.items() if value is not None}


def _select(cursor: Cursor, table: str, column: str, key: ObjectId, order: str = "") -> list[dict[str, Any]]:
    by = f" ORDER BY {order}" if order else ""
    cursor.execute(f"SELECT * FROM {table} WHERE {column} = %s{by}", (str(key),))
    assert cursor.description is not None
    names = [one[0] for one in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def normal(document: Doc) -> Doc:
    """With the members of its sets sorted."""
    if "label" in document:
        return document | ({"colours": sorted(document["colours"])} if "colours" in document else {})
    made = document | {"odd.name": sorted(document["odd.name"])}
    made["addresses"] = [one | {"tags": sorted(one["tags"])} for one in document["addresses"]]
    if "passport" in document:
        made["passport"] = document["passport"] | {"stamps": sorted(document["passport"]["stamps"])}
    return made
