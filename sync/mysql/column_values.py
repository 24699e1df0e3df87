"""Values as rows of the log hold them -> as a SELECT gives them through the driver (session in UTC, utf8mb4).

Each function makes, once per column, what reads a value's bytes. Layouts: mysql-server, mysys/my_time.cc (times of MySQL
5.6 and later); MariaDB has the same. A date that is none ("0000-00-00") is text, as by SELECT. A FLOAT is what
CAST(... AS DOUBLE) gives, for a SELECT shows it with six digits only; inet and UUID (MariaDB) are bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

from sync.errors import UnknownEvent
from sync.mysql.binary_json import json_text
from sync.mysql.character_sets import BINARY, encoding_of, from_latin1
from sync.mysql.decimals import of_decimal
from sync.mysql.logged_column import Kind, LoggedColumn

Reads = Callable[[bytes], object]

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - as the driver gives it: naive, in the session's zone, which is UTC


# Times. Their fraction stands in (decimals + 1) // 2 bytes, in units of 1/100, 1/10,000 or 1/1,000,000 second.


def _fraction(decimals: int) -> tuple[int, int]:
    """Bits of the fraction, and microseconds of its unit."""
    if decimals > 6:
        raise UnknownEvent(f"times with {decimals} digits of a fraction in the binlog")
    size = (decimals + 1) // 2
    return 8 * size, 100 ** (3 - size)


def _clock(hour: int, minute: int, second: int, micro: int, decimals: int) -> str:
    text = f"{hour:02}:{minute:02}:{second:02}"
    return f"{text}.{micro:06}"[: 9 + decimals] if decimals else text


def of_datetime(decimals: int) -> Reads:
    """Of the 5 bytes the highest bit is the sign, then year * 13 + month, day, hour, minute, second."""
    bits, unit = _fraction(decimals)
    positive, fraction = 1 << 39 + bits, (1 << bits) - 1

    def read(data: bytes) -> object:
        packed = int.from_bytes(data) - positive
        micro = (packed & fraction) * unit
        packed >>= bits
        months = packed >> 22
        year, month, day = months // 13, months % 13, packed >> 17 & 31
        hour, minute, second = packed >> 12 & 31, packed >> 6 & 63, packed & 63
        try:
            return datetime(year, month, day, hour, minute, second, micro)  # noqa: DTZ001 - as the driver gives it
        except ValueError:
            return f"{year:04}-{month:02}-{day:02} {_clock(hour, minute, second, micro, decimals)}"

    return read


def of_timestamp(decimals: int) -> Reads:
    """Seconds since the epoch; none at all is the zero timestamp."""
    bits, unit = _fraction(decimals)
    fraction = (1 << bits) - 1
    zero = f"0000-00-00 {_clock(0, 0, 0, 0, decimals)}"

    def read(data: bytes) -> object:
        packed = int.from_bytes(data)
        if not packed:
            return zero
        return _EPOCH + timedelta(0, packed >> bits, (packed & fraction) * unit)

    return read


def of_time(decimals: int) -> Reads:
    """Hour (10 bits), minute, second and fraction are one number, which may be negative as a whole."""
    bits, unit = _fraction(decimals)
    zero, fraction = 1 << 23 + bits, (1 << bits) - 1

    def read(data: bytes) -> object:
        packed = int.from_bytes(data) - zero
        size = abs(packed)
        micro, clock = (size & fraction) * unit, size >> bits
        found = timedelta(0, (clock >> 12) * 3600 + (clock >> 6 & 63) * 60 + (clock & 63), micro)
        return -found if packed < 0 else found

    return read


def read_date(data: bytes) -> object:
    """Day in 5 bits, month in 4, year."""
    packed = int.from_bytes(data, "little")
    year, month, day = packed >> 9, packed >> 5 & 15, packed & 31
    try:
        return date(year, month, day)
    except ValueError:
        return f"{year:04}-{month:02}-{day:02}"


# Numbers.


def read_year(value: int) -> int:
    """Years since 1900; zero is zero."""
    return value + 1900 if value else 0


# Text, bytes, choices.


def of_text(column: LoggedColumn) -> Callable[[bytes], str | bytes]:
    """By the character set of its collation."""
    if column.collation is None:
        raise UnknownEvent(f"column {column.name}: its character set does not stand in the binlog")
    if column.collation == BINARY:
        return bytes
    encoding = encoding_of(column.collation)
    if encoding is None:
        raise UnknownEvent(f"column {column.name}: nobody here reads the character set of collation {column.collation}")
    return from_latin1 if encoding == "latin1" else lambda data: data.decode(encoding)


def of_enum(column: LoggedColumn) -> Callable[[int], object]:
    """By number; 0 is the empty text that stands for what was no member."""
    text = of_text(column)
    members = [text(b""), *(text(member) for member in _members(column))]
    return members.__getitem__


def of_set(column: LoggedColumn) -> Reads:
    """One bit for each member."""
    text = of_text(column)
    members = _members(column)
    known = 1 << len(members)

    def read(data: bytes) -> object:
        chosen = int.from_bytes(data, "little")
        if chosen >= known:
            raise ValueError("a member that is none")
        return ",".join([str(text(member)) for at, member in enumerate(members) if chosen >> at & 1])

    return read


def of_binary(length: int) -> Reads:
    """The log leaves out the zeros at the end of BINARY."""
    return lambda data: data.ljust(length, b"\0")


def _members(column: LoggedColumn) -> tuple[bytes, ...]:
    if column.members is None:
        raise UnknownEvent(f"column {column.name}: its members do not stand in the binlog")
    return column.members


def reader_of(column: LoggedColumn) -> Callable[..., object] | None:
    """What reads the values of a column: bytes of text and of whatever is wide, plain numbers else. None: they are read
    as they are. Raises `UnknownEvent` where nobody here can read them."""
    match column.kind:
        case Kind.DATETIME2:
            return of_datetime(column.decimals)
        case Kind.TIMESTAMP2:
            return of_timestamp(column.decimals)
        case Kind.TIME2:
            return of_time(column.decimals)
        case Kind.DECIMAL:
            return of_decimal(column.precision, column.decimals)
        case Kind.ENUM:
            return of_enum(column)
        case Kind.SET:
            return of_set(column)
        case Kind.STRING if column.collation == BINARY:
            return of_binary(column.length)
        case Kind.STRING | Kind.VARCHAR | Kind.BLOB:
            return None if column.collation == BINARY else of_text(column)
        case Kind.BLOB_COMPRESSED | Kind.VARCHAR_COMPRESSED:
            raise UnknownEvent(f"column {column.name}: nobody here reads columns with the attribute COMPRESSED")
    return _PLAIN.get(column.kind)


_PLAIN: dict[Kind, Callable[..., object]] = {
    Kind.DATE: read_date,
    Kind.YEAR: read_year,
    Kind.JSON: json_text,
}
