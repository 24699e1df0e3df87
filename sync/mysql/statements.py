"""What a query event of the binlog is: by its first words, and which tables a DDL statement names.

Query text stays in here: only kinds and names leave. What cannot be told is said to be so, never guessed.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, replace
from functools import cache

from sync.mysql.alterations import Alteration, Effect, altered, is_ghost, trigger


class StatementKind(enum.Enum):
    """What the reader does about it."""

    BEGIN = enum.auto()
    COMMIT = enum.auto()
    ROLLBACK = enum.auto()
    SAVEPOINT = enum.auto()
    #: Rows since the savepoint of that name do not count.
    ROLLBACK_TO = enum.auto()
    XA_START = enum.auto()
    XA_COMMIT = enum.auto()
    XA_ROLLBACK = enum.auto()
    #: Comments only, XA END, RELEASE SAVEPOINT.
    NOTHING = enum.auto()
    DDL = enum.auto()
    #: Anything else changes rows without showing them.
    OTHER = enum.auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table as a statement names it; no database where it stands in the session's."""

    database: str | None
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A query event, without its text."""

    kind: StatementKind
    #: First words, for messages: "ALTER TABLE".
    words: str = ""
    #: Tables that it changes as a whole, and what it does to each; a table stands there for each part of a statement.
    alterations: tuple[tuple[Table, Alteration], ...] = ()
    #: A database that is dropped or replaced.
    dropped_database: str | None = None
    #: It is DDL, and of what could not be told.
    unclear: bool = False
    #: Of savepoints: the name.
    savepoint: str = ""
    #: Of XA COMMIT and XA ROLLBACK: gtrid, bqual and format id.
    xid: tuple[bytes, bytes, int] | None = None


#: Statements about accounts, rights and upkeep: no table's structure or rows change.
_UPKEEP = {
    *("GRANT", "REVOKE", "SET", "FLUSH", "OPTIMIZE", "REPAIR", "INSTALL", "UNINSTALL", "CHECK", "CACHE"),
    *("RESET", "SHUTDOWN", "PURGE", "ANALYZE TABLE", "ANALYZE TABLES"),
}
#: What CREATE, ALTER and DROP can be about; the first of these words tells.
_TABLE_OBJECTS = {"TABLE", "TABLES", "DATABASE", "SCHEMA", "INDEX", "TRIGGER"}
_OTHER_OBJECTS = {
    *("VIEW", "FUNCTION", "PROCEDURE", "EVENT", "USER", "ROLE", "SERVER", "SEQUENCE", "PACKAGE", "TABLESPACE"),
    *("LOGFILE", "RESOURCE", "REFERENCE", "LIBRARY", "INSTANCE"),
}
_BARE = re.compile(r"[\w$\u0080-\uffff]+")
_XID = re.compile(r"X'([0-9A-Fa-f]*)'\s*,\s*X'([0-9A-Fa-f]*)'\s*,\s*(\d+)")
_DDL = {"CREATE", "ALTER", "DROP", "RENAME", "TRUNCATE", "IMPORT"}
#: Enough for first words; a statement's rest may be megabytes.
_HEAD = 4096


def classify(text: str, *, mariadb: bool = False, backslashes: bool = True) -> Statement:
    """What a query event is. MariaDB runs what stands in /*M! */, to MySQL that is a comment; `backslashes`: they escape
    in quoted text (sql_mode without NO_BACKSLASH_ESCAPES)."""
    dialect = _dialect(mariadb, backslashes)
    tokens = dialect.tokens(text[:_HEAD])
    if [token.upper() for token in tokens[:2]] == ["SET", "STATEMENT"]:
        tokens = _after_settings(dialect.tokens(text))
        return _classify(tokens, tokens, text)
    first = tokens[0].upper() if tokens else ""
    if not first and len(text) >= _HEAD:  # a comment that is longer
        return Statement(kind=StatementKind.OTHER)
    return _classify(tokens, dialect.tokens(text) if first in _DDL else tokens, text)


def _classify(head: list[str], tokens: list[str], text: str) -> Statement:
    """`head` are the first tokens; `tokens` are all, where it is DDL."""
    first, second = (*(token.upper() for token in head[:2]), "", "")[:2]
    label = f"{first} {second}".strip() if second.isalpha() else first
    if first in _DDL:
        return _ddl(tokens)
    if first in _UPKEEP or label in _UPKEEP:
        return Statement(kind=StatementKind.DDL, words=label)
    if first == "XA":
        return _xa(second, label, text)
    if first == "ROLLBACK" and "TO" in (token.upper() for token in head[1:3]):
        return Statement(kind=StatementKind.ROLLBACK_TO, words=label, savepoint=_last_name(head))
    kinds = {
        "": StatementKind.NOTHING,
        "BEGIN": StatementKind.BEGIN,
        "START": StatementKind.BEGIN,
        "COMMIT": StatementKind.COMMIT,
        "ROLLBACK": StatementKind.ROLLBACK,
        "SAVEPOINT": StatementKind.SAVEPOINT,
        "RELEASE": StatementKind.NOTHING,
    }
    savepoint = _last_name(head) if first == "SAVEPOINT" else ""
    return Statement(kind=kinds.get(first, StatementKind.OTHER), words=label, savepoint=savepoint)


class _Dialect:
    """Takes a statement apart into words, quoted text and single characters."""

    def __init__(self, mariadb: bool, backslashes: bool) -> None:
        inner = r"[^{0}\\]|\\.|{0}{0}" if backslashes else "[^{0}]|{0}{0}"
        quoted = "|".join(("`(?:[^`]|``)*`", *(f"{one}(?:{inner.format(one)})*{one}" for one in "'\"")))
        # Quoted text is kept (group 1): what looks like a comment in it is none. Version comments are opened up.
        opened = r"/\*M?!\d*" if mariadb else r"/\*!\d*"
        self._comments = re.compile(rf"({quoted})|{opened}|/\*.*?\*/|\*/|--(?=\s|$)[^\n]*|\#[^\n]*", re.DOTALL)
        self._tokens = re.compile(rf"{quoted}|[\w$\u0080-\uffff]+|[^\s]", re.DOTALL)

    def tokens(self, text: str) -> list[str]:
        return self._tokens.findall(self._comments.sub(lambda found: found[1] or " ", text))


_dialect = cache(_Dialect)


def _after_settings(tokens: list[str]) -> list[str]:
    """MariaDB: SET STATEMENT name = value, ... FOR a statement, which may be of any kind. Values may be queries."""
    depth = 0
    for at, word in enumerate(tokens):
        depth += (word == "(") - (word == ")")
        if word.upper() == "FOR" and not depth:
            return tokens[at + 1 :]
    return tokens[1:]


def _last_name(tokens: list[str]) -> str:
    """SAVEPOINT name; ROLLBACK [WORK] TO [SAVEPOINT] name. Names of savepoints ignore case."""
    return (_bare(tokens[-1]) or "").lower()


def _xa(verb: str, label: str, text: str) -> Statement:
    kinds = {
        "START": StatementKind.XA_START,
        "BEGIN": StatementKind.XA_START,
        "END": StatementKind.NOTHING,
        "COMMIT": StatementKind.XA_COMMIT,
        "ROLLBACK": StatementKind.XA_ROLLBACK,
    }
    found = _XID.search(text)
    xid = (bytes.fromhex(found[1]), bytes.fromhex(found[2]), int(found[3])) if found else None
    return Statement(kind=kinds.get(verb, StatementKind.OTHER), words=label, xid=xid)


def _ddl(tokens: list[str]) -> Statement:
    """Names are looked for where the grammar puts them."""
    upper = [token.upper() for token in tokens]
    verb = upper[0]
    if verb == "TRUNCATE":
        return _of("TRUNCATE TABLE", [_name(tokens, 2 if upper[1:2] == ["TABLE"] else 1)], Effect.ROWS)
    if verb == "IMPORT":  # its tables stand in files
        return Statement(kind=StatementKind.DDL, words="IMPORT TABLE", unclear=True)
    at = next((at for at, word in enumerate(upper) if at and word in _TABLE_OBJECTS | _OTHER_OBJECTS), 0)
    what = upper[at]
    label = f"{verb} {what}" if at else verb
    if verb == "RENAME":
        if what == "USER":
            return Statement(kind=StatementKind.DDL, words=label)
        return _renamed(label, _names_between(tokens, _skip_if(upper, at + 1), ("TO", ",")) if at else [])
    if not at:
        return Statement(kind=StatementKind.DDL, words=label, unclear=True)
    if what in _OTHER_OBJECTS or "TEMPORARY" in upper[1:at]:
        return Statement(kind=StatementKind.DDL, words=label)
    return _about(tokens, upper, at, label)


def _about(tokens: list[str], upper: list[str], at: int, label: str) -> Statement:
    """CREATE, ALTER or DROP of the object at token `at`."""
    verb, what, start = upper[0], upper[at], _skip_if(upper, at + 1)
    if what in ("DATABASE", "SCHEMA"):
        if verb == "ALTER" or (verb == "CREATE" and "REPLACE" not in upper[1:at]):
            return Statement(kind=StatementKind.DDL, words=label)
        name = _bare(tokens[start]) if start < len(tokens) else None
        return Statement(kind=StatementKind.DDL, words=label, dropped_database=name, unclear=name is None)
    if what == "INDEX":
        effect = Effect.KEYS if verb == "DROP" or "REPLACE" in upper[1:at] else Effect.NOTHING
        return _of(label, [_name(tokens, upper.index("ON") + 1)] if "ON" in upper else [], effect)
    if what == "TRIGGER":
        if verb == "DROP":  # names no table; rows stay as the log shows them
            return Statement(kind=StatementKind.DDL, words=label)
        named = _name(tokens, start)
        does = trigger(named.name if named else "")
        return _of(label, [_name(tokens, upper.index("ON") + 1)] if "ON" in upper else [], does.effect)
    if verb == "DROP":
        return _of(label, _names_between(tokens, start, (",",)))
    if verb == "CREATE":
        replaces = "REPLACE" in upper[1:at]
        return _of(label, [_name(tokens, start)], Effect.TABLE if replaces else Effect.CONTENT)
    return _altering(tokens, upper, start, label, ignoring="IGNORE" in upper[1:at])


def _altering(tokens: list[str], upper: list[str], start: int, label: str, *, ignoring: bool) -> Statement:
    """ALTER TABLE, which may rename the table, or take in another."""
    table = _name(tokens, start)
    others = _second_tables(tokens, upper, start)
    behind = start + (3 if table and table.database else 1)
    found = _of(label, [table, *others])
    if not table or found.unclear:
        return found
    behind += {"WAIT": 2, "NOWAIT": 1}.get(upper[behind] if behind < len(upper) else "", 0)  # MariaDB: for the lock
    parts = altered(tokens[behind:], ignoring=ignoring)
    moved = any(_renames(upper, at) for at in range(behind, len(upper) - 1))
    own = [*parts, Alteration(effect=Effect.TABLE)] if moved else parts
    theirs = [(other, _taking(table, other)) for other in others if other]
    return replace(found, alterations=(*((table, one) for one in own), *theirs))


def _renamed(label: str, tables: list[Table | None]) -> Statement:
    """Pairs: the old name, the new one. A table that goes and one that comes under its name at once are a swap."""
    found = _of(label, tables)
    pairs = list(zip(tables[::2], tables[1::2], strict=False))
    taken = {new: old for old, new in pairs if old and new}
    alterations: list[tuple[Table, Alteration]] = [(new, _taking(old, new)) for new, old in taken.items()]
    alterations += [(old, Alteration(effect=Effect.TABLE)) for old, _ in pairs if old and old not in taken]
    return replace(found, alterations=tuple(alterations), unclear=found.unclear or len(tables) % 2 == 1)


def _taking(old: Table, new: Table) -> Alteration:
    """A table comes under the name `new`: with the same rows, if a tool made it for that."""
    return Alteration(effect=Effect.CONTENT if is_ghost(old.name, new.name) else Effect.TABLE)


def _of(label: str, tables: list[Table | None], effect: Effect = Effect.TABLE) -> Statement:
    found = [table for table in tables if table]
    return Statement(
        kind=StatementKind.DDL,
        words=label,
        alterations=tuple((table, Alteration(effect=effect)) for table in found),
        unclear=len(found) < len(tables) or not found,
    )


def _skip_if(upper: list[str], at: int) -> int:
    while at < len(upper) and upper[at] in ("IF", "NOT", "EXISTS"):
        at += 1
    return at


def _name(tokens: list[str], at: int) -> Table | None:
    """The table name at token `at`: a, `a`, db.a."""
    if at >= len(tokens):
        return None
    one = _bare(tokens[at])
    if at + 2 < len(tokens) and tokens[at + 1] == ".":
        other = _bare(tokens[at + 2])
        return Table(database=one, name=other) if one and other else None
    return Table(database=None, name=one) if one else None


def _bare(token: str) -> str | None:
    if token.startswith("`"):
        return token[1:-1].replace("``", "`")
    if token.startswith('"'):  # ANSI_QUOTES
        return token[1:-1].replace('""', '"')
    return token if _BARE.fullmatch(token) else None


def _names_between(tokens: list[str], at: int, separators: tuple[str, ...]) -> list[Table | None]:
    names: list[Table | None] = []
    while at < len(tokens):
        name = _name(tokens, at)
        names.append(name)
        at += 3 if name and name.database else 1
        while at < len(tokens) and tokens[at].upper() not in separators:
            at += 1  # WAIT n, RESTRICT, CASCADE
        at += 1
    return names


def _second_tables(tokens: list[str], upper: list[str], start: int) -> list[Table | None]:
    """ALTER TABLE … RENAME [TO | AS | =] name; … EXCHANGE PARTITION p WITH TABLE name; … CONVERT TABLE name TO
    PARTITION p, and back."""
    names: list[Table | None] = []
    for at in range(start + 1, len(upper) - 1):
        if _renames(upper, at):
            names.append(_name(tokens, at + 2 if upper[at + 1] in ("TO", "AS", "=") else at + 1))
        if upper[at] == "TABLE":
            names.append(_name(tokens, at + 1))
    return names


def _renames(upper: list[str], at: int) -> bool:
    """Whether the table gets another name there."""
    return upper[at] == "RENAME" and upper[at + 1] not in ("COLUMN", "INDEX", "KEY")
