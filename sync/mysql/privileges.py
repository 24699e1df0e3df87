"""Which privileges a MySQL account has, as the server tells that account itself (SHOW GRANTS)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sync.mysql.server import Connection, translated

#: With these an account can write past every table privilege, or change tables under the workers.
WRITING = frozenset({"ALL PRIVILEGES", "INSERT", "UPDATE", "DELETE", "DROP", "ALTER", "SUPER"})
#: With these a session can leave the binlog, or write it in another format (manual, "System Variable Privileges").
BINLOG_SWITCHING = frozenset(
    {"ALL PRIVILEGES", "SUPER", "SYSTEM_VARIABLES_ADMIN", "SESSION_VARIABLES_ADMIN", "BINLOG ADMIN"}
)
_GRANT = re.compile(r"GRANT (.+?) ON (.+?) TO ")
_COLUMNS = re.compile(r" ?\([^)]*\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Privileges:
    """Of one account, in one database."""

    everywhere: frozenset[str]
    in_database: frozenset[str]
    #: Table and privilege.
    on_tables: frozenset[tuple[str, str]]
    #: May pass on what it has in the whole database.
    grants: bool

    def has(self, *wanted: str) -> bool:
        """All of them, for every table of the database."""
        broad = self.everywhere | self.in_database
        return "ALL PRIVILEGES" in broad or broad.issuperset(wanted)


def privileges(connection: Connection, database: str) -> Privileges:
    """Those of the connection's account. What it has through roles is not counted: the workers activate none."""
    everywhere: set[str] = set()
    in_database: set[str] = set()
    on_tables: set[tuple[str, str]] = set()
    grants = False
    with translated(), connection.cursor() as cursor:
        cursor.execute("SHOW GRANTS")
        lines = [str(row[0]) for row in cursor.fetchall()]
    for line in lines:
        found = _GRANT.match(line)
        if not found:
            continue
        named = {one.strip().upper() for one in _COLUMNS.sub("", found[1]).split(",")}
        place = found[2].replace("`", "").replace("\\", "")
        if place in ("*.*", f"{database}.*"):
            (everywhere if place == "*.*" else in_database).update(named)
            grants = grants or line.endswith("WITH GRANT OPTION")
        elif place.startswith(f"{database}."):
            on_tables.update((place.removeprefix(f"{database}."), one) for one in named)
    return Privileges(
        everywhere=frozenset(everywhere),
        in_database=frozenset(in_database),
        on_tables=frozenset(on_tables),
        grants=grants,
    )
