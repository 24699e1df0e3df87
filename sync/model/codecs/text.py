"""Text, and what is shown as text. Compared by code points, never by a collation: no statement of ours compares a column
that is no key, so whether `a` is `A` there is nobody's question."""

from __future__ import annotations

import ipaddress
import re
from typing import ClassVar

from bson import Binary, ObjectId

from sync.model.change import Value
from sync.model.codecs.base import Column, NotCanonical, Plain, Writer, is_text, refused

#: Character sets that are read alike in a SELECT and in the log (`sync.mysql.character_sets`).
CHARACTER_SETS = ("utf8mb4", "utf8mb3", "utf8", "latin1", "ascii", "ucs2", "utf16", "utf16le", "utf32")
#: Compare binary and without padding: what rows are found by.
_BINARY = ("utf8mb4_0900_bin", "utf8mb4_nopad_bin")
#: Bytes of a value.
_LONGEST = {"tinytext": 2**8 - 1, "text": 2**16 - 1, "mediumtext": 2**24 - 1, "longtext": 2**32 - 1}
#: As Python names them, where it has another name; a length is all that is asked of them.
_ENCODINGS = {"latin1": "cp1252", "ascii": "ascii", "ucs2": "utf-16-be", "utf16": "utf-16-be", "utf16le": "utf-16-le"}


def character_set(column: Column) -> str:
    """Of its collation."""
    return (column.collation or "").partition("_")[0]


def is_compressed(column: Column) -> bool:
    """MariaDB: nobody here reads its values in the log."""
    return "compressed" in column.column_type


def _readable(column: Column) -> str | None:
    if character_set(column) in CHARACTER_SETS:
        return None
    return f"a character set among {', '.join(CHARACTER_SETS)} is needed"


class ObjectIdCodec(Plain):
    """An ObjectId as 24 lower-case hexadecimal digits."""

    name = "objectid"
    serves = ("CHAR(24) CHARACTER SET ascii COLLATE ascii_bin",)
    bson = "ObjectId"

    _digits = re.compile(r"[0-9a-f]{24}")

    def check(self, column: Column) -> str | None:
        if column.data_type not in ("char", "varchar") or (column.length or 0) < 24:
            return "CHAR(24) is needed"
        if column.collation != "ascii_bin":
            return "collation ascii_bin is needed"
        return None

    def from_column(self, value: object) -> Value:
        if isinstance(value, str) and self._digits.fullmatch(value):
            return value
        raise refused("text of 24 lower-case hexadecimal digits", value)

    def from_bson(self, value: object) -> Value:
        if isinstance(value, ObjectId):
            return value.binary.hex()
        raise refused("ObjectId", value)

    def to_bson(self, value: Value) -> object:
        return ObjectId(bytes.fromhex(str(value)))


class StringCodec(Plain):
    """Text, character for character."""

    name = "string"
    serves = (
        "VARCHAR(20) CHARACTER SET utf8mb4",
        "VARCHAR(300) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
        "VARCHAR(20) CHARACTER SET latin1",
        "VARCHAR(20) CHARACTER SET utf16",
        "CHAR(20) CHARACTER SET utf8mb4",
        "CHAR(20) CHARACTER SET latin1",
        "TINYTEXT CHARACTER SET utf8mb4",
        "TEXT CHARACTER SET latin1",
        "MEDIUMTEXT CHARACTER SET utf16",
        "LONGTEXT CHARACTER SET utf8mb4",
    )
    bson = "string"
    refuses = "blanks at the end for CHAR; what the character set has not, or the column's length"

    def check(self, column: Column) -> str | None:
        if column.data_type not in ("char", "varchar", *_LONGEST):
            return "a text column is needed"
        if is_compressed(column):
            return "a column without the attribute COMPRESSED is needed"
        return _readable(column)

    def check_key(self, column: Column) -> str | None:
        if column.data_type == "char":
            return "VARCHAR or TEXT is needed for a key: CHAR drops trailing blanks"
        if column.collation not in _BINARY:
            return "collation utf8mb4_0900_bin (MariaDB: utf8mb4_nopad_bin) is needed for a key"
        return None

    def from_column(self, value: object) -> Value:
        if isinstance(value, str):
            return value
        raise refused("text", value)

    def writer(self, column: Column) -> Writer:
        """MySQL cuts blanks off the end without an error: of CHAR always, of others those that do not fit."""
        if column.data_type in _LONGEST:
            return _fitting_bytes(column)
        most, pads = column.length or 0, column.data_type == "char"

        def write(value: Value) -> object:
            assert isinstance(value, str)
            if len(value) > most:
                raise NotCanonical(f"at most {most} characters are allowed")
            if pads and value.endswith(" "):
                raise NotCanonical("text without blanks at its end is allowed: CHAR drops them")
            return value

        return write

    def from_bson(self, value: object) -> Value:
        if type(value) is str:
            if not is_text(value):
                raise NotCanonical("text in UTF-8 is allowed, found other bytes")
            return value
        raise refused("string", value)


def _fitting_bytes(column: Column) -> Writer:
    most, name = _LONGEST[column.data_type], character_set(column)
    encoding = _ENCODINGS.get(name, "utf-32-be" if name == "utf32" else "utf-8")

    def write(value: Value) -> object:
        assert isinstance(value, str)
        if len(value) * 4 > most and len(value.encode(encoding, "replace")) > most:
            raise NotCanonical(f"at most {most:,} bytes are allowed")
        return value

    return write


_MEMBER = "members without a backslash, none of them empty, are needed"


def _members_fit(column: Column) -> bool:
    return bool(column.members) and all(one and "\\" not in one for one in column.members)


class EnumCodec(Plain):
    """A member by its name. The empty text is what MySQL shows where something else than a member was written."""

    name = "enum"
    serves = (
        "ENUM('a','B','é c','2','1') CHARACTER SET utf8mb4",
        "ENUM('a','é') CHARACTER SET latin1",
        "ENUM('a','é') CHARACTER SET utf16",
    )
    bson = "string"
    refuses = "what is no member, spelt the same; the empty text into MySQL"
    tells_apart = False

    def check(self, column: Column) -> str | None:
        if column.data_type != "enum":
            return "ENUM is needed"
        return _readable(column) or (None if _members_fit(column) else _MEMBER)

    def from_column(self, value: object) -> Value:
        if isinstance(value, str):
            return value
        raise refused("a member's name", value)

    def writer(self, column: Column) -> Writer:
        """MySQL would take text that is no member for a member's number, or for one that its collation finds equal."""
        members = frozenset(column.members)

        def write(value: Value) -> object:
            if value not in members:
                raise NotCanonical("one of the column's members, spelt the same, is allowed")
            return value

        return write

    def from_bson(self, value: object) -> Value:
        if type(value) is str and is_text(value):
            return value
        raise refused("string", value)


class SetCodec(Plain):
    """Members by their names, whose order means nothing. The canonical value has them sorted, with commas between."""

    name = "set"
    serves = (
        "SET('a','B','é c','d') CHARACTER SET utf8mb4",
        "SET('a','é') CHARACTER SET latin1",
    )
    bson = "array of strings, without order"
    refuses = "what is no member, spelt the same; a member twice"
    tells_apart = False

    def check(self, column: Column) -> str | None:
        if column.data_type != "set":
            return "SET is needed"
        return _readable(column) or (None if _members_fit(column) else _MEMBER)

    def from_column(self, value: object) -> Value:
        if isinstance(value, str):
            return ",".join(sorted(value.split(",")))
        raise refused("members' names", value)

    def writer(self, column: Column) -> Writer:
        """MySQL would take a number for members, and one member for another that its collation finds equal."""
        members = frozenset(column.members)

        def write(value: Value) -> object:
            assert isinstance(value, str)
            if value and not members.issuperset(value.split(",")):
                raise NotCanonical("an array of the column's members, spelt the same, is allowed")
            return value

        return write

    def from_bson(self, value: object) -> Value:
        if type(value) is not list:
            raise refused("an array of strings", value)
        if not all(type(one) is str and one and "," not in one and is_text(one) for one in value):
            raise NotCanonical("an array of strings, none of them empty or with a comma, is allowed")
        if len(set(value)) != len(value):
            raise NotCanonical("a set may hold a member once")
        return ",".join(sorted(value))

    def to_bson(self, value: Value) -> object:
        return str(value).split(",") if value else []


class UuidCodec(Plain):
    """A UUID; the canonical value is its text in lower case."""

    name = "uuid"
    serves = ("UUID", "CHAR(36) CHARACTER SET ascii COLLATE ascii_bin", "BINARY(16)")
    bson = "Binary of subtype 4 (UUID)"
    refuses = "Binary of another subtype; text that is not in lower case"

    _text = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")

    def check(self, column: Column) -> str | None:
        if column.data_type == "uuid" or column.column_type == "binary(16)":
            return None
        if column.column_type == "char(36)" and column.collation == "ascii_bin":
            return None
        return "UUID (MariaDB), BINARY(16) or CHAR(36) with collation ascii_bin is needed"

    def check_key(self, column: Column) -> str | None:
        return "CHAR(36) with collation ascii_bin is needed for a key" if column.data_type != "char" else None

    def from_column(self, value: object) -> Value:
        if type(value) is bytes and len(value) == 16:
            return _uuid_text(value)
        if isinstance(value, str) and self._text.fullmatch(value):
            return value
        raise refused("a UUID", value)

    def writer(self, column: Column) -> Writer:
        if column.data_type != "binary":
            return self.to_column
        return lambda value: bytes.fromhex(str(value).replace("-", ""))

    def from_bson(self, value: object) -> Value:
        if type(value) is Binary and value.subtype == 4 and len(value) == 16:
            return _uuid_text(value)
        raise refused("Binary of subtype 4", value)

    def to_bson(self, value: Value) -> object:
        return Binary(bytes.fromhex(str(value).replace("-", "")), 4)


def _uuid_text(value: bytes) -> str:
    text = value.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class InetCodec(Plain):
    """An address of a network in its shortest text (RFC 5952)."""

    name = "inet"
    serves = ("INET4", "INET6")
    bson = "string"
    refuses = "any text but the address's shortest"
    tells_apart = False

    def check(self, column: Column) -> str | None:
        return None if column.data_type in ("inet4", "inet6") else "INET4 or INET6 (MariaDB) is needed"

    def from_column(self, value: object) -> Value:
        """Text by SELECT, four or sixteen bytes by the log."""
        if type(value) in (str, bytes):
            try:
                return str(ipaddress.ip_address(value))  # type: ignore[arg-type]  # text or bytes
            except ValueError:
                pass
        raise refused("an address", value)

    def writer(self, column: Column) -> Writer:
        family = 4 if column.data_type == "inet4" else 6

        def write(value: Value) -> object:
            if (":" in str(value)) != (family == 6):
                raise NotCanonical(f"an address of IPv{family} is allowed")
            return value

        return write

    def from_bson(self, value: object) -> Value:
        if type(value) is str:
            try:
                address = ipaddress.ip_address(value)
            except ValueError:
                address = None
            if address is not None and str(address) == value and not getattr(address, "scope_id", None):
                return value
        raise refused("an address in its shortest text", value)


class BinaryCodec(Plain):
    """Bytes. What BINARY(n) pads with zeros has n bytes on both sides."""

    name = "binary"
    serves: ClassVar[tuple[str, ...]] = ("VARBINARY(30)", "BINARY(5)", "TINYBLOB", "BLOB", "MEDIUMBLOB", "LONGBLOB")
    bson = "Binary of subtype 0"
    refuses = "Binary of another subtype; for BINARY(n) another length than n"

    _types: ClassVar[tuple[str, ...]] = ("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob")

    def check(self, column: Column) -> str | None:
        if is_compressed(column):
            return "a column without the attribute COMPRESSED is needed"
        return None if column.data_type in self._types else "a column of bytes (BINARY, VARBINARY, BLOB) is needed"

    def check_key(self, column: Column) -> str | None:
        return None if column.data_type in ("varbinary", "binary") else "VARBINARY is needed for a key"

    def from_column(self, value: object) -> Value:
        if type(value) is bytes:
            return value
        raise refused("bytes", value)

    def writer(self, column: Column) -> Writer:
        """MySQL fills BINARY up with zeros."""
        if column.data_type != "binary":
            return self.to_column
        size = column.length

        def write(value: Value) -> object:
            assert isinstance(value, bytes)
            if len(value) != size:
                raise NotCanonical(f"exactly {size} bytes are allowed: BINARY fills up with zeros")
            return value

        return write

    def from_bson(self, value: object) -> Value:
        if type(value) is bytes:
            return value
        raise refused("Binary of subtype 0", value)


class GeometryCodec(BinaryCodec):
    """A shape as the bytes that MySQL stores: the number of its reference system, then WKB."""

    name = "geometry"
    serves = ("GEOMETRY", "POINT")
    bson = "Binary of subtype 0 (four bytes SRID, then WKB)"
    refuses = "Binary of another subtype; bytes that are no shape of the column's kind"
    tells_apart = False

    _types = (
        *("geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon"),
        *("geometrycollection", "geomcollection"),
    )

    def check(self, column: Column) -> str | None:
        return None if column.data_type in self._types else "a column of shapes (GEOMETRY, POINT ...) is needed"


class VectorCodec(BinaryCodec):
    """A vector as the bytes that MySQL stores: numbers of 32 bits, the lowest byte first."""

    name = "vector"
    serves = ("VECTOR(3)",)
    bson = "Binary of subtype 0 (float32, little-endian)"
    refuses = "Binary of another subtype; bytes that are no vector of the column's length at most"
    tells_apart = False
    selected = "CAST({} AS BINARY)"

    def check(self, column: Column) -> str | None:
        return None if column.data_type == "vector" else "VECTOR is needed"
