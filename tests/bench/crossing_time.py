"""Crossing time at 200 transactions a second, against one MySQL commit plus one majority transaction of MongoDB: each way
by itself, and both ways at once. Both workers run all the time.

A crossing begins just before its writer asks for the commit (MySQL) or sends the write (MongoDB), and ends when a client
finds the new value on the other side. That client asks for one document by its key, first two milliseconds after the moment
at which it was due to be written, then about three times a millisecond: a change stream would add its own waiting for the
majority, and its times are too coarse. So nothing counts as faster than two milliseconds, and up to a third of one and a read
are counted as ours. Every fourth transaction is timed: to ask for all of them takes as
much of the machine as a worker does. The writers and both watchers are processes of their own; their clock is the machine's
monotonic one.

The limit is measured between the crossings, at the same pace, by one process on databases that no worker watches, while the
workers are paused: the commit of a one-row update, and after it a whole transaction of one update. What counts is the sum of the
two.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, TypeAlias

import pymysql
from pymongo import MongoClient, WriteConcern
from pymongo.read_concern import ReadConcern

from tests.bench.result import Result, compared
from tests.bench.rig import Rig, rig
from tests.bench.run import Run
from tests.bench.shapes import Flat, key_of, text_of
from tests.bench.statistics import Better, histogram, percentile

#: Transactions a second in each way that is written.
PACE = 200
#: Every so manieth transaction is timed.
TIMED = 4
#: Documents that are written in turn: each stands for half a second.
DOCUMENTS = 100
#: Seconds before a watcher's first look and between two, and those that one change is given.
BLIND, LOOK, PATIENCE = 0.002, 0.0002, 30.0
#: Seconds in which the processes get ready, and those at the beginning that do not count: a worker that has just started or
#: gone on has its connections to open and its start to catch up with.
READY, LEFT_OUT = 1.0, 2.0

#: How to connect, and the database.
Place: TypeAlias = tuple[Mapping[str, Any], str]
TO_MONGO, TO_MYSQL = "to_mongo", "to_mysql"
WAYS = {TO_MONGO: "MySQL -> MongoDB", TO_MYSQL: "MongoDB -> MySQL"}
#: Which ways are written at the same time, and what the results' names say of it.
TOGETHER = {(TO_MONGO,): "", (TO_MYSQL,): "", (TO_MONGO, TO_MYSQL): ", both at once"}


def measure(run: Run) -> list[Result]:
    """See the module."""
    count = PACE * run.size(6, 4)
    shapes = Flat(name=TO_MONGO, documents=DOCUMENTS), Flat(name=TO_MYSQL, documents=DOCUMENTS)
    crossings: dict[tuple[str, str], list[list[float]]] = {
        (way, said): [] for ways, said in TOGETHER.items() for way in ways
    }
    commits: list[list[float]] = []
    with (
        rig(run, *shapes) as made,
        made.limit_database() as limit,
        made.limit_tables() as tables,
        ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool,
    ):
        assert tables.open
        mysql, mongo = made.site.admin_settings(), made.site.admin_mongo_settings()
        made.start("follower", "listener")
        places = (mysql, made.site.database), (mongo, made.site.database)
        warm = PACE * 3
        _cross(pool, places, tuple(WAYS), 1, warm)  # connections open when first needed
        first = 1 + warm
        for _ in run.repetitions("crossing time"):
            for ways, said in TOGETHER.items():
                for way, times in _cross(pool, places, ways, first, count).items():
                    crossings[way, said].append(times)
                first += count
            made.pause("follower", "listener")
            alone = pool.submit(
                commit_both,
                (mysql, f"{made.site.database}_limit"),
                (mongo, limit.name),
                first,
                count,
                time.monotonic() + READY,
            )
            commits.append(alone.result()[int(PACE * LEFT_OUT) :])
            _resume(made)
            first += count
    return [
        compared(
            f"crossing time {WAYS[way]}{said}, p{percent}",
            run.server,
            what="from the commit on one side to the value on the other / one MySQL commit + one majority MongoDB transaction",
            unit="ms",
            figures=[1000 * percentile(times, percent) for times in found],
            limits=[1000 * percentile(sums, percent) for sums in commits],
            target=target,
            better=Better.LOWER,
            series={"milliseconds": histogram([1000 * one for times in found for one in times], 0.5)},
            quick=run.quick,
        )
        for (way, said), found in crossings.items()
        for percent, target in ((50, 3.0), (99, 5.0))
    ]


def _resume(made: Rig) -> None:
    for worker in ("follower", "listener"):
        made.wiring.ask(worker, "resume")
    made.catch_up()


def _cross(
    pool: ProcessPoolExecutor, places: tuple[Place, Place], ways: Sequence[str], first: int, count: int
) -> dict[str, list[float]]:
    """These ways at once; seconds of each crossing. `places` are MySQL's and MongoDB's."""
    begin = time.monotonic() + READY
    mysql, mongo = places
    jobs = {TO_MONGO: (write_mysql, mysql, watch_mongo, mongo), TO_MYSQL: (write_mongo, mongo, watch_mysql, mysql)}
    running = {}
    for way in ways:
        write, source, watch, target = jobs[way]
        running[way] = (
            pool.submit(write, source, first, count, begin),
            pool.submit(watch, target, first, count, begin),
        )
    times: dict[str, list[float]] = {}
    for way, (written, seen) in running.items():
        timed = zip(written.result()[::TIMED], seen.result(), strict=True)
        times[way] = [at - before for (before, _), at in timed][int(PACE * LEFT_OUT) // TIMED :]
    return times


# Each of these runs in a process of its own. Number `n` is written as the amount of document `n % DOCUMENTS`.


def write_mysql(place: Place, first: int, count: int, begin: float) -> list[tuple[float, float]]:
    """One-row transactions; of each the moments before and after its COMMIT."""
    settings, database = place
    moments = []
    with pymysql.connect(**settings, database=database) as connection, connection.cursor() as cursor:
        for number in paced(first, count, begin):
            cursor.execute(f"UPDATE {TO_MONGO} SET amount = %s WHERE id = %s", (number, text_of(number % DOCUMENTS)))
            before = time.monotonic()
            connection.commit()
            moments.append((before, time.monotonic()))
    return moments


def write_mongo(place: Place, first: int, count: int, begin: float) -> list[tuple[float, float]]:
    """Plain writes of one document, acknowledged by the majority; of each the moments before and after."""
    settings, database = place
    moments = []
    with MongoClient[Any](**settings) as client:
        collection = client[database].get_collection(TO_MYSQL, write_concern=WriteConcern("majority"))
        for number in paced(first, count, begin):
            before = time.monotonic()
            collection.update_one({"_id": key_of(number % DOCUMENTS)}, {"$set": {"amount": number}})
            moments.append((before, time.monotonic()))
    return moments


def commit_both(here: Place, there: Place, first: int, count: int, begin: float) -> list[float]:
    """Of each number the seconds of a COMMIT in MySQL and of a majority transaction in MongoDB, one after the other."""
    (mysql, tables), (mongo, documents) = here, there
    seconds = []
    with (
        pymysql.connect(**mysql, database=tables) as connection,
        connection.cursor() as cursor,
        MongoClient[Any](**mongo) as client,
        client.start_session() as session,
    ):
        collection = client[documents][TO_MYSQL]
        for number in paced(first, count, begin):
            key = number % DOCUMENTS
            cursor.execute(f"UPDATE {TO_MONGO} SET amount = %s WHERE id = %s", (number, text_of(key)))
            before = time.monotonic()
            connection.commit()
            with session.start_transaction(ReadConcern("snapshot"), WriteConcern("majority")):
                collection.update_one({"_id": key_of(key)}, {"$set": {"amount": number}}, session=session)
            seconds.append(time.monotonic() - before)
    return seconds


def watch_mongo(place: Place, first: int, count: int, begin: float) -> list[float]:
    """When each timed number was found in MongoDB. One that was overwritten unseen counts as found with what came after."""
    settings, database = place
    with MongoClient[Any](**settings) as client:
        collection = client[database][TO_MONGO]

        def amount(key: int) -> int:
            found = collection.find_one({"_id": key_of(key)}, {"amount": 1})
            assert found is not None
            return int(found["amount"])

        return [_found(amount, number) for number in paced(first, count, begin, TIMED)]


def watch_mysql(place: Place, first: int, count: int, begin: float) -> list[float]:
    """The same in MySQL."""
    settings, database = place
    with pymysql.connect(**settings, database=database, autocommit=True) as connection, connection.cursor() as cursor:

        def amount(key: int) -> int:
            cursor.execute(f"SELECT amount FROM {TO_MYSQL} WHERE id = %s", (text_of(key),))
            row = cursor.fetchone()
            assert row is not None
            return int(row[0])

        return [_found(amount, number) for number in paced(first, count, begin, TIMED)]


def _found(amount: Callable[[int], int], number: int) -> float:
    deadline = time.monotonic() + PATIENCE
    time.sleep(BLIND)
    while amount(number % DOCUMENTS) < number:
        if time.monotonic() > deadline:
            raise TimeoutError(f"a change has not crossed within {PATIENCE:.0f} s")
        time.sleep(LOOK)
    return time.monotonic()


def paced(first: int, count: int, begin: float, step: int = 1) -> Iterator[int]:
    """Numbers, each at its moment: one that is late does not delay those after it."""
    for place in range(0, count, step):
        time.sleep(max(0.0, begin + place / PACE - time.monotonic()))
        yield first + place
