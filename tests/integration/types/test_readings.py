"""The same datum has one canonical value: by SELECT, from the binlog, by find and from the change stream."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from sync.model.change import Row, Side
from sync.model.position import Known
from sync.mongo.changes import ChangeStreamSource, StreamEnd
from sync.mongo.server import MongoSettings
from sync.mysql.binlog import BinlogEnd, BinlogSource
from sync.mysql.server import MySQLSettings
from sync.ports import Source
from tests.codec_samples import exact
from tests.engine import Engine
from tests.integration.types.table import NAME, SampleTable, document_id, insert, key
from tests.site import Site

PATIENCE = 60.0
#: No worker runs, so no checkpoint is met.
NOBODY = Known(seq=0, lease="")


@pytest.fixture
def table(site: Site, stopped_engine: Engine, tmp_path: Path) -> SampleTable:
    """Set up, with both sides empty and no worker running."""
    made = SampleTable(site, tmp_path)
    stopped_engine.prepare()
    return made


def test_every_reading_gives_the_same_canonical_value(site: Site, stopped_engine: Engine, table: SampleTable) -> None:
    """Of each sample of each codec in each type of column, types included."""
    mysql, mongo = (
        MySQLSettings.from_url(site.mysql_url("follower")),
        MongoSettings.from_url(site.mongo_url("listener")),
    )
    numbers = range(table.count)
    with site.wiring() as wiring, closing(BinlogEnd(mysql)) as log_end, closing(StreamEnd(mongo)) as stream_end:
        binlog, stream = BinlogSource(mysql, wiring.mapping), ChangeStreamSource(mongo, wiring.mapping)
        binlog.start(log_end.end(), 0, NOBODY)
        stream.start(stream_end.end(), 0, NOBODY)
        for number in numbers:
            insert(stopped_engine.mysql, number, table.expressions(number))
            stopped_engine.mongo[NAME].insert_one({"_id": key(number), **table.fields(number)})
        documents = [document_id(number) for number in numbers]
        read = {}
        for side in Side:
            found = wiring.reader(side).read(documents, exact=False).documents
            assert [found[one].problem for one in documents] == [None] * len(documents)
            read[side] = [found[one].rows[NAME][(one.key,)] for one in documents]
        logged = [_logged(source, table.count) for source in (binlog, stream)]
        for source in (binlog, stream):
            source.close()
    for at, case in enumerate(table.cases):
        for number in numbers:
            name = f"c{at}"
            four = [exact(rows[number][name]) for rows in (*read.values(), *logged)]
            assert four == [four[0]] * 4, (str(case), case.samples[number])


def _logged(source: Source, count: int) -> Sequence[Row]:
    """The rows that were inserted, as a log tells of them."""
    found: list[Row] = []
    until = time.monotonic() + PATIENCE
    while len(found) < count:
        assert time.monotonic() < until, f"{len(found)} of {count} rows were read"
        transaction = source.read(0.1)
        for entry in transaction.entries if transaction else ():
            assert entry.problem is None, entry.problem
            found += [change.after for change in entry.changes if change.table == NAME and change.after is not None]
    return found
