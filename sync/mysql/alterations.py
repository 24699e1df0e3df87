"""What a DDL statement does to the rows of the tables that it names: nothing, to some columns, to all, or away with them.

Works on the tokens of `statements`. What is not known is said to do more, never less.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


class Effect(enum.IntEnum):
    """The greater is the worse."""

    #: Rows and columns stay what they are: indexes, defaults, storage.
    NOTHING = enum.auto()
    #: The same; but a key that rows are found by may be gone.
    KEYS = enum.auto()
    #: Columns come, go, or get another name or type; what stands in them may be something else.
    COLUMNS = enum.auto()
    #: What stands in any column may be something else, or the table is another one with the same rows.
    CONTENT = enum.auto()
    #: From now on, rows change in ways that the log does not show.
    UNSEEN = enum.auto()
    #: Rows are gone.
    ROWS = enum.auto()
    #: The table is gone, or another one.
    TABLE = enum.auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Alteration:
    """What one part of a statement does to one table."""

    effect: Effect
    #: Of `COLUMNS`: their names, before and after, in small letters.
    columns: frozenset[str] = frozenset()


#: What ADD and DROP may be about besides columns.
_KEYS = {"INDEX", "KEY", "UNIQUE", "FULLTEXT", "SPATIAL", "PRIMARY", "CONSTRAINT", "CHECK", "FOREIGN"}
#: First words of what changes no row: options of a table, and upkeep.
_STORAGE = {
    *("ENGINE", "TYPE", "COMMENT", "AUTO_INCREMENT", "ROW_FORMAT", "KEY_BLOCK_SIZE", "DEFAULT", "CHARACTER", "CHARSET"),
    *(
        "COLLATE",
        "CHECKSUM",
        "STATS_PERSISTENT",
        "STATS_AUTO_RECALC",
        "STATS_SAMPLE_PAGES",
        "ALGORITHM",
        "LOCK",
        "FORCE",
    ),
    *("ORDER", "ENABLE", "DISABLE", "WITH", "WITHOUT", "ENCRYPTION", "COMPRESSION", "MAX_ROWS", "MIN_ROWS", "ALTER"),
    *("AVG_ROW_LENGTH", "PACK_KEYS", "DELAY_KEY_WRITE", "TABLESPACE", "DATA", "PAGE_CHECKSUM", "PAGE_COMPRESSED"),
    *("PAGE_COMPRESSION_LEVEL", "ENCRYPTED", "ENCRYPTION_KEY_ID", "TRANSACTIONAL", "REORGANIZE", "REBUILD", "OPTIMIZE"),
    *(
        "ANALYZE",
        "CHECK",
        "REPAIR",
        "COALESCE",
        "REMOVE",
        "PARTITION",
        "SECONDARY_LOAD",
        "SECONDARY_UNLOAD",
    ),
}
#: The tables that tools fill to put them in a table's place, and the triggers by which one of them does.
_GHOST = re.compile(r"_+(.+)_(?:gho|new)")
_GHOST_TRIGGER = "pt_osc_"

_NOTHING, _ALL, _GONE = (Alteration(effect=one) for one in (Effect.NOTHING, Effect.CONTENT, Effect.ROWS))
_OTHER = Alteration(effect=Effect.TABLE)


def altered(parts: Sequence[str], *, ignoring: bool) -> list[Alteration]:
    """What follows the name in ALTER TABLE. `ignoring`: ALTER IGNORE TABLE, which deletes what stands in a key's way."""
    found = [_altered(spec) for spec in _specifications(parts)]
    return [*found, _GONE] if ignoring else found


def is_ghost(table: str, of: str) -> bool:
    """Whether a table is the one by which gh-ost (_t_gho) or pt-online-schema-change (_t_new) changes another."""
    found = _GHOST.fullmatch(table.lower())
    return found is not None and found[1] == of.lower()


def trigger(name: str) -> Alteration:
    """CREATE TRIGGER on a table: what it changes is carried by nobody. Those of pt-online-schema-change fill its own table."""
    return _NOTHING if name.lower().startswith(_GHOST_TRIGGER) else Alteration(effect=Effect.UNSEEN)


def _altered(spec: Sequence[str]) -> Alteration:
    words = [token.upper() for token in spec]
    first, second, third = (*words[:3], "", "", "")[:3]
    match first:
        case "ADD" if second in _KEYS or second == "PARTITION" or (second, third) == ("VECTOR", "INDEX"):
            return _NOTHING
        case "ADD" | "DROP" if (second, third) == ("PERIOD", "FOR"):
            return _NOTHING
        case "DROP" if second in _KEYS:
            return Alteration(effect=Effect.KEYS)
        case "DROP" | "TRUNCATE" if second == "PARTITION":
            return _GONE
        case "DISCARD" | "EXCHANGE" | "CONVERT" if second in ("PARTITION", "TABLE", "TABLESPACE"):
            return _OTHER
        case "ADD" | "DROP" if (second, third) == ("SYSTEM", "VERSIONING"):  # with it the log holds rows of the past
            return Alteration(effect=Effect.UNSEEN) if first == "ADD" else _ALL
        case "ADD" | "DROP" | "MODIFY":
            return _columns(spec, words, names=1)
        case "CHANGE":
            return _columns(spec, words, names=2)
        case "RENAME" if second in ("INDEX", "KEY"):
            return Alteration(effect=Effect.KEYS)
        case "RENAME" if second == "COLUMN":
            return _columns([one for one, word in zip(spec, words, strict=True) if word != "TO"], words, names=2)
        case "RENAME":  # the table itself: `statements` tells of it
            return _NOTHING
    return _NOTHING if first in _STORAGE else _ALL


def _columns(spec: Sequence[str], words: Sequence[str], *, names: int) -> Alteration:
    """The columns that a part is about, which follow its first words."""
    at = 1
    while at < len(words) and words[at] in ("COLUMN", "IF", "NOT", "EXISTS"):
        at += 1
    listed = words[at : at + 1] == ["("]
    found = [one[0] for one in _specifications(spec[at + 1 : -1]) if one] if listed else spec[at : at + names]
    bare = frozenset(map(_bare, found))
    return Alteration(effect=Effect.COLUMNS, columns=bare) if bare else _ALL


def _bare(name: str) -> str:
    return name.strip('`"').lower()


def _specifications(tokens: Sequence[str]) -> Iterator[list[str]]:
    """What stands between commas that stand in no brackets."""
    depth, part = 0, list[str]()
    for word in tokens:
        depth += (word == "(") - (word == ")")
        if word == "," and not depth:
            yield part
            part = []
        else:
            part.append(word)
    if part:
        yield part
