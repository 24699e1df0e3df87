"""10,000 documents in conflict at once: documents settled per second, against a loop of the reads and writes that a
settlement needs.

Every document is edited in MySQL and then in MongoDB while both workers are paused. Both workers meet all of it, and MongoDB's
value wins as the later one. The clock runs from the first conflict row to the end of the last open one.

The loop does for 1,000 documents at a time, with many rows a statement: open the conflict rows, read both sides, mark them as
looked at (and MongoDB's checkpoint), mark them as met, store what was decided, check MongoDB in a transaction, then lock, read
and write MySQL's rows and close the conflict rows.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from typing import Any

from pymongo import WriteConcern
from pymongo.database import Database
from pymongo.read_concern import ReadConcern
from pymysql.connections import Connection
from pymysql.cursors import Cursor

from tests.bench import mysql_loop
from tests.bench.backlog import BULK, Backlog
from tests.bench.mysql_to_mongo import Carrying
from tests.bench.result import Result, compared
from tests.bench.rig import Rig, rig
from tests.bench.run import Run
from tests.bench.shapes import Flat, Shape, key_of, text_of

#: Seconds between the two sides' edits: MariaDB's log tells whole seconds.
APART = 2.1
WORKERS = ("follower", "listener")
_TABLES = ("sync_conflict", "sync_conflict_detail")


def measure(run: Run) -> list[Result]:
    """See the module."""
    shape = Flat(documents=run.size(10_000, 500))
    settled: list[float] = []
    limits: list[float] = []
    with rig(run, shape) as made, made.limit_database() as mongo, made.limit_tables() as mysql:
        with mysql.cursor() as cursor:
            for table in _TABLES:
                cursor.execute(f"CREATE TABLE {table} LIKE `{made.site.database}`.{table}")
        carrying, alone = Carrying(made, shape), Carrying(made, shape)
        made.start(*WORKERS)
        for _ in run.repetitions("storm"):
            settled.append(_storm(made, carrying))
            limits.append(_loop(mysql, mongo, shape, alone.backlog(shape.documents)))
    return [
        compared(
            "conflicts settled",
            run.server,
            what="documents settled / documents for which a loop does the reads and writes of a settlement",
            unit="documents/s",
            figures=settled,
            limits=limits,
            target=0.40,
            quick=run.quick,
        )
    ]


def _storm(made: Rig, carrying: Carrying) -> float:
    count = carrying.shape.documents
    made.catch_up()
    made.pause(*WORKERS)
    before = made.engine.value("SELECT COALESCE(MAX(id), 0) FROM sync_conflict")
    carrying.backlog(count).write_mysql(made.admin)
    time.sleep(APART)
    later = carrying.backlog(count)
    later.write_mongo(made.mongo)
    for worker in WORKERS:
        made.ask_to_resume(worker)
    open_now = "SELECT COUNT(*) FROM sync_conflict WHERE id > %s AND open_key IS {} NULL"
    curve: list[tuple[float, int, int]] = []
    arrived = later.in_mysql(made.admin)

    def ended() -> int:
        still, closed = (int(made.engine.value(open_now.format(word), before)) for word in ("NOT", ""))
        curve.append((time.monotonic(), still, closed))
        return int(closed >= count and not still and arrived() == later.rows)

    made.watch(ended, 1, glance=0.1)
    began = next(moment for moment, still, closed in curve if still or closed)
    return count / (curve[-1][0] - began)


def _loop(mysql: Connection[Cursor], mongo: Database[Any], shape: Shape, backlog: Backlog) -> float:
    began = time.monotonic()
    for numbers, generation in backlog.parts(BULK):
        _settle(mysql, mongo, shape, numbers, generation)
    return backlog.count / (time.monotonic() - began)


def _settle(mysql: Connection[Cursor], mongo: Database[Any], shape: Shape, numbers: range, generation: int) -> None:
    name = shape.collections[0]
    keys, texts = [key_of(one) for one in numbers], [text_of(one) for one in numbers]
    look = time.monotonic_ns()
    with mysql.cursor() as cursor:
        opened = _open(cursor, name, texts)
        mysql.commit()
        cursor.execute(f"SELECT * FROM `{name}` WHERE id IN %s", (texts,))
        assert len(cursor.fetchall()) == len(list(mongo[name].find({"_id": {"$in": keys}}))) == len(texts)
        cursor.execute("UPDATE sync_conflict SET look_id = %s WHERE id IN %s", (look, opened))
        cursor.execute(
            "UPDATE sync_conflict_detail SET looks = looks + 1, looked_at = NOW(6) WHERE conflict_id IN %s", (opened,)
        )
        mysql.commit()
        mongo["checkpoint"].update_one({"_id": "limit"}, {"$set": {"mark": look}})
        cursor.execute("UPDATE sync_conflict SET met = %s WHERE id IN %s", (look, opened))
        mysql.commit()
        cursor.execute(
            "UPDATE sync_conflict_detail SET decided_by = %s, look = %s, fields = %s, losers = %s WHERE conflict_id IN %s",
            (look, _VALUE, _VALUE, _VALUE, opened),
        )
        mysql.commit()
        with (
            mongo.client.start_session() as session,
            session.start_transaction(ReadConcern("snapshot"), WriteConcern("majority")),
        ):
            mongo["checkpoint"].update_one({"_id": "limit"}, {"$inc": {"seq": 1}}, session=session)
            assert len(list(mongo[name].find({"_id": {"$in": keys}}, session=session))) == len(keys)
        cursor.execute("UPDATE checkpoint SET seq = seq + 1 WHERE name = 'limit'")
        for rows in shape.rows(numbers, generation):
            mysql_loop.lock(cursor, rows)
            mysql_loop.update(cursor, rows)
        cursor.execute("UPDATE sync_conflict SET state = 'settled', open_key = NULL WHERE id IN %s", (opened,))
        cursor.execute("UPDATE sync_conflict_detail SET closed_at = NOW(6) WHERE conflict_id IN %s", (opened,))
        mysql.commit()


#: About as long as what is stored of a flat document.
_VALUE = json.dumps({"flat": {"amount": 1, "changed_at": "2024-01-01T00:00:01.000", "rest": "x" * 100}})


def _open(cursor: Cursor, collection: str, texts: Sequence[str]) -> list[int]:
    hashes = [hashlib.sha256(f"{collection}/{text}".encode()).hexdigest() for text in texts]
    cursor.executemany(
        "INSERT INTO sync_conflict (collection, document_id, open_key, state, version) VALUES (%s, %s, %s, 'open', 0)",
        [(collection, text, key) for text, key in zip(texts, hashes, strict=True)],
    )
    cursor.execute("SELECT id FROM sync_conflict WHERE open_key IN %s", (hashes,))
    opened = [int(row[0]) for row in cursor.fetchall()]
    cursor.executemany(
        "INSERT INTO sync_conflict_detail (conflict_id, kind, side, reason, mysql_value, mongo_value, mysql_notes,"
        " mongo_notes, opened_at, noted_at) VALUES (%s, 'update_differs', 'mysql', '', %s, %s, %s, %s, NOW(6), NOW(6))",
        [(one, _VALUE, _VALUE, _VALUE, _VALUE) for one in opened],
    )
    return opened
