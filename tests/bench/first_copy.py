"""The first copy, in both directions, against reading everything once and inserting everything with the drivers' best batch
calls: the sum of the two, one after the other, in rows per second."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from pymongo.database import Database
from pymysql.connections import Connection
from pymysql.cursors import Cursor

from sync.model.change import Side
from tests.bench import mongo_loop, mysql_loop
from tests.bench.result import Result, compared
from tests.bench.rig import Rig, rig
from tests.bench.run import Run
from tests.bench.shapes import Analytics, Flat, Shape

#: Documents or rows in one insert.
BATCH = 1000


def measure(run: Run) -> list[Result]:
    """Flat rows and the analytics documents: so many that a copy lasts seconds, of which its start takes a small share."""
    flat, nested = Flat(documents=run.size(60_000, 3_000)), Analytics(documents=run.size(2_000, 100))
    return [*_measure(run, "flat", flat), *_measure(run, "analytics", nested)]


def _measure(run: Run, kind: str, shape: Shape) -> list[Result]:
    figures: dict[Side, list[float]] = {Side.MYSQL: [], Side.MONGO: []}
    limits: dict[Side, list[float]] = {Side.MYSQL: [], Side.MONGO: []}
    with rig(run, shape) as made, made.limit_database() as mongo, made.limit_tables() as mysql:
        rows = mysql_loop.read_all(mysql, shape.tables)
        documents = {name: list(made.mongo[name].find()) for name in shape.collections}
        tables = {name: _rows(mysql, name) for name in shape.tables}
        for _ in run.repetitions(f"first copy, {kind}"):
            for origin in Side:
                _empty(made, origin.other)
                figures[origin].append(rows / _timed(lambda origin=origin: made.copy(origin)))  # type: ignore[misc]
            reading = _timed(lambda: mysql_loop.read_all(mysql, shape.tables))
            limits[Side.MYSQL].append(rows / (reading + _inserted_in_mongo(mongo, documents)))
            reading = _timed(lambda: mongo_loop.read_all(mongo, shape.collections))
            limits[Side.MONGO].append(rows / (reading + _inserted_in_mysql(mysql, tables)))
    return [
        compared(
            f"first copy from {'MySQL' if origin is Side.MYSQL else 'MongoDB'}, {kind}",
            run.server,
            what="rows copied / rows read on one side and inserted on the other by plain loops",
            unit="rows/s",
            figures=figures[origin],
            limits=limits[origin],
            target=0.70,
            quick=run.quick,
        )
        for origin in Side
    ]


def _timed(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def _empty(made: Rig, side: Side) -> None:
    """Take everything away from a side, as one who sets it up anew does."""
    if side is Side.MONGO:
        for name in made.collections:
            made.mongo[name].delete_many({})
        return
    with made.admin.cursor() as cursor:
        for table in reversed(made.tables):
            cursor.execute(f"DELETE FROM `{table}`")


def _inserted_in_mongo(database: Database[Any], documents: dict[str, list[dict[str, Any]]]) -> float:
    for name in documents:
        database[name].delete_many({})
    began = time.monotonic()
    for name, of_collection in documents.items():
        for start in range(0, len(of_collection), BATCH):
            database[name].insert_many(of_collection[start : start + BATCH], ordered=False)
    return time.monotonic() - began


def _rows(connection: Connection[Cursor], table: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM `{table}`")
        return list(cursor.fetchall())


def _inserted_in_mysql(connection: Connection[Cursor], tables: dict[str, list[tuple[Any, ...]]]) -> float:
    with connection.cursor() as cursor:
        for name in reversed(tables):
            cursor.execute(f"DELETE FROM `{name}`")
        connection.commit()
        began = time.monotonic()
        for name, rows in tables.items():
            places = ", ".join(["%s"] * len(rows[0]))
            for start in range(0, len(rows), BATCH):
                cursor.executemany(f"INSERT INTO `{name}` VALUES ({places})", rows[start : start + BATCH])
                connection.commit()
    return time.monotonic() - began
