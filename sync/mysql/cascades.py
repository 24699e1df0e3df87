"""Foreign keys that change rows by themselves, on servers that do not write those changes into the binlog.

Within a document they are covered: where a row goes, or gets another key, that has such rows below it, the log shows half of
what happened, so the document is held and both sides are looked at.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from sync.model.mapping import SyncMapping
from sync.mysql.schema import ForeignKey, foreign_keys
from sync.mysql.server import Connection, Flavour, flavour, translated

#: From here on MySQL writes what foreign keys cascade into the binlog, unless innodb_native_foreign_keys is ON.
_LOGGED = (9, 6)


class Cascades(NamedTuple):
    """Mapped tables below which rows of the same document change unseen."""

    #: When a row of theirs is deleted; when it gets another key.
    deleting: frozenset[str]
    rekeying: frozenset[str]


NONE = Cascades(frozenset(), frozenset())


def unlogged(connection: Connection, mapping: SyncMapping) -> Cascades:
    """As the schema is now."""
    if are_logged(connection):
        return NONE
    inside = [key for key in foreign_keys(connection, list(mapping.tables)) if is_inside(key, mapping)]
    return Cascades(
        deleting=frozenset(key.references for key in inside if key.on_delete == "CASCADE"),
        rekeying=frozenset(key.references for key in inside if key.on_update == "CASCADE"),
    )


def are_logged(connection: Connection) -> bool:
    """Whether the server writes what cascades change into the binlog."""
    version = re.match(r"(\d+)\.(\d+)", str(connection.get_server_info()))  # type: ignore[no-untyped-call]
    if flavour(connection) is Flavour.MARIADB or not version or tuple(map(int, version.groups())) < _LOGGED:
        return False
    with translated(), connection.cursor() as cursor:
        cursor.execute("SHOW GLOBAL VARIABLES LIKE 'innodb\\_native\\_foreign\\_keys'")
        row = cursor.fetchone()
    return row is None or str(row[1]) != "ON"


def is_inside(key: ForeignKey, mapping: SyncMapping) -> bool:
    """Whether it leads from a row of a document to a row above it, by the columns of the mapping, and only deletes with that
    row or follows its key."""
    child, parent = mapping.tables.get(key.table), mapping.tables.get(key.references)
    if child is None or parent is None or child.collection != parent.collection or child is parent:
        return False
    above = mapping.collections[child.collection].above[child.name]
    by_key = dict(zip(child.key, parent.key, strict=False))
    follows = {key.on_delete, key.on_update} <= {"CASCADE", "NO ACTION", "RESTRICT"}
    return parent.name in above and dict(key.columns) == by_key and follows
