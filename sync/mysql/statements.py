"""What a query event of the binlog is: by its first words, and which tables a DDL statement names.

Query text stays in here: only kinds and names leave.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass


class StatementKind(enum.Enum):
    """What the reader does about it."""

    BEGIN = enum.auto()
    COMMIT = enum.auto()
    ROLLBACK = enum.auto()
    #: Inside a transaction, without effect on rows that stand in the log.
    SAVEPOINT = enum.auto()
    XA_START_OR_END = enum.auto()
    XA_COMMIT = enum.auto()
    XA_ROLLBACK = enum.auto()
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
    words: str
    #: Tables whose structure or rows it changes as a whole.
    tables: tuple[Table, ...] = ()
    #: A database that is dropped.
    dropped_database: str | None = None
    #: It changes a table whose name could not be told.
    unclear: bool = False
    #: Of XA COMMIT and XA ROLLBACK: gtrid, bqual and format id.
    xid: tuple[bytes, bytes, int] | None = None


_DDL = {
    *("CREATE", "ALTER", "DROP", "RENAME", "TRUNCATE", "GRANT", "REVOKE", "SET", "FLUSH", "ANALYZE", "OPTIMIZE"),
    *("REPAIR", "INSTALL", "UNINSTALL", "CHECK", "CACHE", "RESET"),
}
#: Quoted text is kept (group 1): what looks like a comment in it is none. Version comments are opened up.
_COMMENTS = re.compile(
    r"""(`(?:[^`]|``)*`|'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*")"""
    r"""|/\*!M?\d*|/\*(?!!).*?\*/|\*/|--\s[^\n]*|\#[^\n]*""",
    re.DOTALL,
)
_TOKENS = re.compile(r"""`(?:[^`]|``)*`|'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|[\w$\u0080-\uffff]+|[^\s]""")
_XID = re.compile(r"X'([0-9A-Fa-f]*)'\s*,\s*X'([0-9A-Fa-f]*)'\s*,\s*(\d+)")
#: Enough to name every table; the bodies of statements may be megabytes.
_LONGEST = 20_000


def classify(text: str) -> Statement:
    """What a query event is."""
    tokens = _TOKENS.findall(_COMMENTS.sub(lambda found: found[1] or " ", text[:_LONGEST]))
    words = [token.upper() for token in tokens[:6]]
    first = words[0] if words else ""
    second = words[1] if len(words) > 1 else ""
    label = f"{first} {second}".strip() if second.isalpha() else first
    if first == "BEGIN" or label == "START TRANSACTION":
        return Statement(kind=StatementKind.BEGIN, words=label)
    if first == "COMMIT":
        return Statement(kind=StatementKind.COMMIT, words=label)
    if first in ("SAVEPOINT", "RELEASE") or label == "ROLLBACK TO":
        return Statement(kind=StatementKind.SAVEPOINT, words=label)
    if first == "ROLLBACK":
        return Statement(kind=StatementKind.ROLLBACK, words=label)
    if first == "XA":
        return _xa(second, label, text)
    if first in _DDL:
        return _ddl(tokens, label)
    return Statement(kind=StatementKind.OTHER, words=label)


def _xa(verb: str, label: str, text: str) -> Statement:
    if verb in ("START", "BEGIN", "END"):
        return Statement(kind=StatementKind.XA_START_OR_END, words=label)
    kind = {"COMMIT": StatementKind.XA_COMMIT, "ROLLBACK": StatementKind.XA_ROLLBACK}.get(verb, StatementKind.OTHER)
    found = _XID.search(text)
    xid = (bytes.fromhex(found[1]), bytes.fromhex(found[2]), int(found[3])) if found else None
    return Statement(kind=kind, words=label, xid=xid)


def _ddl(tokens: list[str], label: str) -> Statement:
    """Names are looked for where the grammar puts them; a table statement without a name found is `unclear`."""
    upper = [token.upper() for token in tokens]
    verb, rest = upper[0], 1
    while rest < len(upper) and upper[rest] in (
        "OR",
        "REPLACE",
        "ONLINE",
        "OFFLINE",
        "IGNORE",
        "UNIQUE",
        "FULLTEXT",
        "SPATIAL",
    ):
        rest += 1
    what = upper[rest] if rest < len(upper) else ""
    plain = Statement(kind=StatementKind.DDL, words=label)
    if verb == "TRUNCATE":
        start = rest + 1 if what == "TABLE" else rest
        return _of(label, [_name(tokens, start)])
    if verb == "RENAME" and what in ("TABLE", "TABLES"):
        return _of(label, _names_between(tokens, _skip_if(upper, rest + 1), ("TO", ",")))
    if verb == "DROP" and what in ("TABLE", "TABLES"):
        return _of(label, _names_between(tokens, _skip_if(upper, rest + 1), (",",)))
    if verb == "DROP" and what in ("DATABASE", "SCHEMA"):
        database = _name(tokens, _skip_if(upper, rest + 1))
        return Statement(kind=StatementKind.DDL, words=label, dropped_database=database.name if database else None)
    if verb in ("CREATE", "ALTER") and what == "TABLE":
        start = _skip_if(upper, rest + 1)
        renamed = _renamed(tokens, upper, start) if verb == "ALTER" else []
        return _of(label, [_name(tokens, start), *renamed])
    if verb in ("CREATE", "DROP") and what in ("INDEX", "TRIGGER") and "ON" in upper:
        return _of(label, [_name(tokens, upper.index("ON") + 1)])
    return plain


def _of(label: str, tables: list[Table | None]) -> Statement:
    found = tuple(table for table in tables if table)
    return Statement(kind=StatementKind.DDL, words=label, tables=found, unclear=len(found) < len(tables) or not found)


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
    return token if re.fullmatch(r"[\w$\u0080-\uffff]+", token) else None


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


def _renamed(tokens: list[str], upper: list[str], start: int) -> list[Table | None]:
    """New names of ALTER TABLE … RENAME [TO | AS] name; columns, keys and indexes are no tables."""
    names: list[Table | None] = []
    for at in range(start, len(upper) - 1):
        if upper[at] == "RENAME" and upper[at + 1] not in ("COLUMN", "INDEX", "KEY"):
            names.append(_name(tokens, at + 2 if upper[at + 1] in ("TO", "AS", "=") else at + 1))
    return names
