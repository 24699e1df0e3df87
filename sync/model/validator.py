"""What MongoDB itself should refuse at the moment of writing, of the mapping and MySQL's columns: a collection's validator.

It never refuses what rows can hold. What a validator cannot tell it lets pass (the README names it), and so does a codec that
is not in `_KINDS`.
"""

from __future__ import annotations

import enum
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Context, Decimal
from typing import Any, TypeAlias

from bson import Decimal128

from sync.model.codecs import Column
from sync.model.codecs.base import decimal_digits, is_unsigned, numbers_of, whole_range
from sync.model.codecs.times import Dates
from sync.model.mapping import CollectionMapping, FieldMapping, PartKind, PartMapping
from sync.model.values import FOREIGN

#: A JSON schema as MongoDB has it, or a filter.
Schema: TypeAlias = dict[str, Any]
#: Table -> name -> column.
Columns: TypeAlias = Mapping[str, Mapping[str, Column]]


class Enforcement(enum.StrEnum):
    """What MongoDB does with a document that a validator of ours refuses."""

    #: No validator.
    OFF = "off"
    #: It takes it, and says so in its log.
    WARN = "warn"
    ERROR = "error"


#: By this title a validator is known to be Lockstep's; MongoDB ignores titles.
TITLE = "Lockstep: what MySQL can hold"
#: What DATETIME holds (MySQL manual, "The DATE, DATETIME, and TIMESTAMP Types").
_DATE_FIRST, _DATE_LAST = datetime(1000, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999000)  # noqa: DTZ001 - naive UTC
#: What TIMESTAMP holds. MariaDB's begins a second earlier, and ends with 32 bits from 11.5 on; a column does not tell which it is.
_STAMP_FIRST, _STAMP_LAST = datetime(1970, 1, 1, 0, 0, 1), datetime(2038, 1, 19, 3, 14, 7, 999000)  # noqa: DTZ001
_MARIADB_STAMP_FIRST = datetime(1970, 1, 1, 0, 0, 0, 1000)  # noqa: DTZ001
_MARIADB_STAMP_LAST = datetime(2106, 2, 7, 6, 28, 15, 999000)  # noqa: DTZ001
#: The greatest of FLOAT, as its codec writes it, and of DOUBLE.
_MOST_FLOAT, _MOST_DOUBLE = 3.4028235e38, sys.float_info.max
#: Digits of a Decimal128.
_BSON_DIGITS = 34
_CONTEXT = Context(prec=_BSON_DIGITS)
#: Types whose length stands in characters. That of TEXT stands in bytes, of which a character may take one.
_TEXTS = ("char", "varchar", "tinytext", "text", "mediumtext", "longtext")
#: A BSON int has 32 bits, a long 64.
_MOST_INT, _LEAST_INT = 2**31 - 1, -(2**31)
_MOST_LONG, _LEAST_LONG = 2**63 - 1, -(2**63)
#: PCRE repeats at most so often (pcre2pattern, "Repetition").
_MOST_REPEATS = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What may stand in a field."""

    schema: Schema = field(default_factory=dict)
    #: Conditions under which the value is refused, which no JSON schema can tell: of a field under any lists, but no maps.
    refused: tuple[Schema, ...] = ()


def _string(column: Column) -> Kind:
    """MongoDB counts code points, as MySQL does in utf8mb4 (mongo, src/mongo/db/matcher/schema/
    expression_internal_schema_max_length.h)."""
    schema: Schema = {"bsonType": "string"}
    if column.length is not None and column.data_type in _TEXTS and column.length <= _MOST_INT:
        schema["maxLength"] = column.length
    return Kind(schema=schema)


def _int32(column: Column) -> Kind:
    return _within(column, "int", _LEAST_INT, _MOST_INT)


def _int64(column: Column) -> Kind:
    return _within(column, "long", _LEAST_LONG, _MOST_LONG)


def _int(column: Column) -> Kind:
    return _within(column, ["int", "long"], _LEAST_LONG, _MOST_LONG)


def _within(column: Column, kind: str | list[str], first: int, last: int) -> Kind:
    """`first` and `last` are the type's own."""
    least, most = _range(column)
    schema: Schema = {"bsonType": kind}
    if least > first:
        schema["minimum"] = least
    if most < last:
        schema["maximum"] = most
    return Kind(schema=schema)


def _unsigned(column: Column) -> Kind:
    """Of 64 bits at most. A long ends before the greatest does."""
    most = 2 ** numbers_of(column)[0] - 1 if column.data_type == "bit" else _range(column)[1]
    return Kind(
        schema={
            "bsonType": ["long", "decimal"],
            "minimum": 0,
            "maximum": most if most <= _MOST_LONG else Decimal128(str(most)),
        }
    )


def _year(_: Column) -> Kind:
    """A null that may stand there is no number, which neither bound concerns."""
    within: Schema = {"bsonType": "int", "minimum": 0, "maximum": 2155}
    return Kind(schema={**within, "anyOf": [{"maximum": 0}, {"minimum": 1901}]})


def _floating(most: float) -> Callable[[Column], Kind]:
    """Bounds shut out NaN and the infinities too: MongoDB takes NaN for neither less nor more than a number."""
    return lambda column: Kind(
        schema={"bsonType": "double", "minimum": 0 if is_unsigned(column) else -most, "maximum": most}
    )


def _decimal(column: Column) -> Kind:
    schema: Schema = {"bsonType": "decimal"}
    digits, after = decimal_digits(column)
    if digits <= _BSON_DIGITS:
        most = Decimal(10**digits - 1).scaleb(-after, _CONTEXT)
        schema["minimum"] = Decimal128("0") if is_unsigned(column) else Decimal128(most.copy_negate())
        schema["maximum"] = Decimal128(most)
        schema["multipleOf"] = Decimal128(Decimal(1).scaleb(-after, _CONTEXT))
    return Kind(schema=schema)


def _date(column: Column) -> Kind:
    first, last = _DATE_FIRST, _DATE_LAST
    if column.data_type == "timestamp":
        first, last = _STAMP_FIRST, _STAMP_LAST
        if column.mariadb:
            first, last = _MARIADB_STAMP_FIRST, _MARIADB_STAMP_LAST
    return Kind(schema={"bsonType": "date"}, refused=({"$lt": first}, {"$gt": last}))


def _enum(column: Column) -> Kind:
    """The empty text may stand in a row where something else than a member was written."""
    return Kind(schema={"bsonType": "string", "enum": [*column.members, ""]})


def _set(column: Column) -> Kind:
    members = {"bsonType": "string", "enum": list(column.members)}
    return Kind(schema={"bsonType": "array", "uniqueItems": True, "items": members})


def _of(kind: str | list[str]) -> Callable[[Column], Kind]:
    """Only the type can be told."""
    return lambda _: Kind(schema={"bsonType": kind})


#: Name of a codec -> what its fields may hold in a column. A codec that is not here lets everything pass.
_KINDS: Mapping[str, Callable[[Column], Kind]] = {
    "objectid": _of("objectId"),
    "string": _string,
    "int32": _int32,
    "int64": _int64,
    "int": _int,
    "uint64": _unsigned,
    "bit": _unsigned,
    "year": _year,
    "bool": _of("bool"),
    "double": _floating(_MOST_DOUBLE),
    "float": _floating(_MOST_FLOAT),
    "decimal128": _decimal,
    "decimal_text": _of("string"),
    "date": _date,
    "day": _date,
    "datetime_text": _of("string"),
    "day_text": _of("string"),
    "time": _of("string"),
    "enum": _enum,
    "set": _set,
    "inet": _of("string"),
    "binary": _of("binData"),
    "uuid": _of("binData"),
    "geometry": _of("binData"),
    "vector": _of("binData"),
}


def validator(collection: CollectionMapping, columns: Columns) -> Schema:
    """The filter that documents of the collection must match. Every mapped table and column must stand in `columns`."""
    root = columns[collection.table]
    schema: Schema = {"title": TITLE, "bsonType": "object"}
    schema |= _object(collection.fields, collection.parts, root, columns)
    key = _kind(collection.id, root).schema
    if key.get("bsonType") == "string":
        key = {**key, "not": {"pattern": f"^{re.escape(FOREIGN)}"}}
    schema["properties"] = {"_id": key, **schema["properties"]}
    made: Schema = {"$jsonSchema": schema}
    refused = list(_refused(collection.fields, collection.parts, collection.table, "", columns))
    if refused:
        made["$nor"] = refused
    return made


def is_ours(stored: object) -> bool:
    """Whether a collection's validator was made here, by this version or another."""
    match stored:
        case {"$jsonSchema": {"title": title}}:
            return bool(title == TITLE)
    return False


def _object(
    fields: Iterable[FieldMapping], parts: Iterable[PartMapping], own: Mapping[str, Column], columns: Columns
) -> Schema:
    """Of a document, a map's entry or a list's element: fields that no column takes may stand beside."""
    properties: Schema = {}
    required: list[str] = []
    inside: dict[str, list[FieldMapping]] = {}
    for one in fields:
        if one.inside:
            inside.setdefault(one.inside[0], []).append(replace(one, inside=one.inside[1:]))
            continue
        properties[one.name] = _field(one, own)
        if not one.absent_if_null:
            required.append(one.name)
    for name, of_path in inside.items():
        properties[name] = {"bsonType": "object", **_object(of_path, (), own, columns)}
        if "required" in properties[name]:
            required.append(name)
    for part in parts:
        properties[part.name] = _part(part, columns)
        if part.kind is not PartKind.OBJECT and not part.absent_if_empty:
            required.append(part.name)
    return {"properties": properties, **({"required": required} if required else {})}


def _field(mapped: FieldMapping, columns: Mapping[str, Column]) -> Schema:
    schema = _kind(mapped, columns).schema
    return _or(schema, "null", [None]) if mapped.null_if_null else schema


def _part(part: PartMapping, columns: Columns) -> Schema:
    own = columns[part.table]
    inner: Schema = {"bsonType": "object", **_object(part.fields, part.parts, own, columns)}
    if part.kind is PartKind.OBJECT:
        return inner
    assert part.own  # only an object has no key of its own
    key = _kind(part.own, own).schema
    match part.kind:
        case PartKind.MAP:
            return _map(part, key, inner)
        case PartKind.SET:
            return {"bsonType": "array", "uniqueItems": True, "items": key}
        case PartKind.KEYED_LIST:
            assert part.position
            return {**_array(part.position, own), "items": _with_first(inner, part.own.name, key)}
    if part.value:
        return {**_array(part.own, own), "items": _field(part.value, own)}
    return {**_array(part.own, own), "items": {**inner, "additionalProperties": False}}


def _array(position: FieldMapping, own: Mapping[str, Column]) -> Schema:
    """As long as the column of its places lets it be."""
    most = _range(own[position.column])[1]
    return {"bsonType": "array", **({"maxItems": most + 1} if most < _MOST_INT else {})}


def _with_first(schema: Schema, name: str, first: Schema) -> Schema:
    """With one more field, which must be there."""
    return {
        **schema,
        "properties": {name: first, **schema["properties"]},
        "required": [name, *schema.get("required", ())],
    }


def _map(part: PartMapping, key: Schema, entry: Schema) -> Schema:
    if part.repeats_key_in:
        entry = _with_first(entry, part.repeats_key_in, key)
    longest = key.get("maxLength", _MOST_INT)
    if longest > _MOST_REPEATS:
        return {"bsonType": "object", "additionalProperties": entry}
    # `$` would also match before a line's end.
    fitting = {rf"^[\s\S]{{0,{longest}}}\z": entry}
    return {"bsonType": "object", "patternProperties": fitting, "additionalProperties": False}


def _kind(mapped: FieldMapping, columns: Mapping[str, Column]) -> Kind:
    make = _KINDS.get(mapped.codec.name)
    kind = make(columns[mapped.column]) if make else Kind()
    if isinstance(mapped.codec, Dates) and mapped.codec.zero_dates == "text":  # beside the dates that are some
        return replace(kind, schema=_or(kind.schema, "string"))
    return kind


def _or(schema: Schema, kind: str, values: Sequence[object] = ()) -> Schema:
    """What also takes another type, with these values where they are listed."""
    if "bsonType" not in schema:
        return schema
    kinds = schema["bsonType"] if isinstance(schema["bsonType"], list) else [schema["bsonType"]]
    more = {"enum": [*schema["enum"], *values]} if "enum" in schema else {}
    return {**schema, "bsonType": list(dict.fromkeys([*kinds, kind])), **more}


def _refused(
    fields: Iterable[FieldMapping], parts: Iterable[PartMapping], table: str, path: str, columns: Columns
) -> Iterator[Schema]:
    """By dotted paths, which lead into every element of a list; keys of maps are data and have none, nor has a name with a
    dot or a leading dollar."""
    for one in fields:
        if all(map(_in_a_path, one.path)):
            for condition in _kind(one, columns[table]).refused:
                yield {f"{path}{'.'.join(one.path)}": condition}
    for part in parts:
        if not _in_a_path(part.name):
            continue
        if part.kind is not PartKind.MAP:
            keyed = (part.own,) if part.own and part.kind is PartKind.KEYED_LIST else ()
            yield from _refused((*keyed, *part.fields), part.parts, part.table, f"{path}{part.name}.", columns)
            scalar = part.value or (part.own if part.kind is PartKind.SET else None)
            for condition in _kind(scalar, columns[part.table]).refused if scalar else ():
                yield {f"{path}{part.name}": condition}


def _in_a_path(name: str) -> bool:
    return bool(name) and "." not in name and not name.startswith("$")


def _range(column: Column) -> tuple[int, int]:
    """The least and the most of a whole number's column; those of a long where it is none."""
    least, end = whole_range(column) or (_LEAST_LONG, _MOST_LONG + 1)
    return least, end - 1
