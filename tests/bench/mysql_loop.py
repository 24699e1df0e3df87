"""What MySQL does with the same writes when nothing else is in the way: one client, one thread, nothing checked."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

from pymysql.connections import Connection
from pymysql.cursors import Cursor

from tests.bench.shapes import Rows


def updates(connection: Connection[Cursor], batches: Sequence[Sequence[Rows]]) -> float:
    """Move a checkpoint, read the rows under locks, update them by one statement for each table, in one transaction for
    each batch. Rows per second, the first batch left out, as it is with a worker."""
    began = 0.0
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        for batch in batches:
            transaction(connection, cursor, batch)
            began = began or time.monotonic()
    return sum(len(rows.values) for batch in batches[1:] for rows in batch) / (time.monotonic() - began)


def transaction(connection: Connection[Cursor], cursor: Cursor, batch: Sequence[Rows]) -> None:
    """One batch of `updates`."""
    connection.begin()
    cursor.execute("UPDATE checkpoint SET seq = seq + 1 WHERE name = 'limit'")
    for rows in batch:
        lock(cursor, rows)
        update(cursor, rows)
    connection.commit()


def lock(cursor: Cursor, rows: Rows) -> None:
    """Read exactly these rows, whole, for update."""
    width = len(rows.keys)
    keys = [tuple(values[:width]) for values in rows.values]
    names = ", ".join(f"`{name}`" for name in rows.keys)
    wanted = keys if width > 1 else [key[0] for key in keys]
    cursor.execute(f"SELECT * FROM `{rows.table}` WHERE ({names}) IN %s FOR UPDATE", (wanted,))
    assert len(cursor.fetchall()) == len(rows.values)


def update(cursor: Cursor, rows: Rows) -> None:
    """All of them by one statement: a join with JSON_TABLE, the fastest way that was found. Keys are turned
    into their columns' character sets, for else no index is used."""
    fields = {**rows.keys, **rows.columns}
    listed = ", ".join(f"`{name}` {kind} PATH '$[{place}]'" for place, (name, kind) in enumerate(fields.items()))
    match = " AND ".join(f"t.`{name}` = {_as_stored(cursor, name, kind)}" for name, kind in rows.keys.items())
    sets = ", ".join(f"t.`{name}` = j.`{name}`" for name in rows.columns)
    cursor.execute(
        f"UPDATE JSON_TABLE(%s, '$[*]' COLUMNS({listed})) j STRAIGHT_JOIN `{rows.table}` t ON {match} SET {sets}",
        (json.dumps(list(rows.values)),),
    )


def read_all(connection: Connection[Cursor], tables: Sequence[str]) -> int:
    """Every row; how many."""
    count = 0
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT * FROM `{table}`")
            count += len(cursor.fetchall())
    return count


def _as_stored(cursor: Cursor, name: str, kind: str) -> str:
    """A key's column as the table compares it: text by the collation of the mapped tables."""
    if kind == "INT":
        return f"j.`{name}`"
    if kind == "CHAR(24)":
        return f"CONVERT(j.`{name}` USING ascii) COLLATE ascii_bin"
    version = cursor.connection.get_server_info()  # type: ignore[no-untyped-call]  # the stubs leave it untyped
    mariadb = "mariadb" in str(version).lower()
    return f"CONVERT(j.`{name}` USING utf8mb4) COLLATE {'utf8mb4_nopad_bin' if mariadb else 'utf8mb4_0900_bin'}"
