"""Character sets of columns, by the id of their collation: how Python reads what MySQL stores. Only sets that both read
alike; of any other nobody decodes text.

Ids are those of information_schema.collations; MariaDB's numbering: strings/ctype-uca1400.h and MY_NOPAD_ID.
"""

from __future__ import annotations

BINARY = 63

_UTF8 = "utf-8"
#: MariaDB: collations that do not pad have the id of the one that does, and this.
_NOPAD = range(1024, 2048)
_IDS: tuple[tuple[str, tuple[int | range, ...]], ...] = (
    (_UTF8, (33, 45, 46, 76, 83, range(192, 248), range(255, 324), range(576, 579), range(608, 611))),
    (_UTF8, (range(2048, 2560),)),
    ("ascii", (11, 65)),
    ("latin1", (5, 8, 15, 31, 47, 48, 49, 94)),
    ("utf-16-be", (35, 54, 55, 90, range(101, 125), range(128, 152), 159, range(640, 643), range(672, 675))),
    ("utf-16-be", (range(2560, 3072),)),
    ("utf-16-le", (56, 62)),
    ("utf-32-be", (60, 61, range(160, 184), range(736, 739), range(3072, 3328))),
)
_ENCODINGS = {
    one: encoding
    for encoding, ids in _IDS
    for entry in ids
    for one in (entry if isinstance(entry, range) else (entry,))
}


def encoding_of(collation: int) -> str | None:
    """The name of Python's codec ("latin1" stands for MySQL's, see `from_latin1`); None where nobody here reads it."""
    return _ENCODINGS.get(collation - _NOPAD.start if collation in _NOPAD else collation)


def _cp1252(byte: int) -> str:
    try:
        return bytes([byte]).decode("cp1252")
    except UnicodeDecodeError:
        return chr(byte)


#: MySQL's latin1 is cp1252, and its five holes are the control characters of the same number (manual, "West European
#: Character Sets").
_LATIN1 = {byte: _cp1252(byte) for byte in range(128, 160)}


def from_latin1(data: bytes) -> str:
    """Text in MySQL's latin1."""
    return data.decode("latin-1").translate(_LATIN1)
