"""Every sample of every codec crosses both ways, by insert and by update; what a side cannot hold is held and told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.local.mysql_binary import Flavour
from sync.model.change import Side
from tests.codec_samples import exact
from tests.engine import Engine
from tests.integration.types.table import NAME, SampleTable, document_id, insert, key, update
from tests.site import Site


@pytest.fixture
def table(site: Site, tmp_path: Path) -> SampleTable:
    """Before anything is set up."""
    return SampleTable(site, tmp_path)


@pytest.fixture
def engine(site: Site, table: SampleTable, tmp_path: Path) -> Iterator[Engine]:
    """Both workers, with the samples' table mapped."""
    made = Engine(site, tmp_path)
    made.prepare()
    made.start()
    yield made
    made.close()


#: Documents that MongoDB's users make have these numbers from here on.
THEIRS = 1000


def test_from_mysql_into_documents(engine: Engine, table: SampleTable) -> None:
    """As rows come, then as each takes the next sample."""
    for number in range(table.count):
        insert(engine.mysql, number, table.expressions(number))
    engine.settle()
    _assert_documents(engine, table, shift=0)
    for number in range(table.count):
        following = table.expressions((number + 1) % table.count)
        update(engine.mysql, number, {f"c{at}": "NULL" for at in range(len(table.cases))} | following)
    engine.settle()
    _assert_documents(engine, table, shift=1)
    assert engine.held() == 0
    engine.site.lockstep("verify")


def _assert_documents(engine: Engine, table: SampleTable, *, shift: int) -> None:
    for number in range(table.count):
        wanted = table.fields((number + shift) % table.count)
        found = engine.mongo[NAME].find_one({"_id": key(number)})
        assert found is not None
        for name in {*wanted, *found} - {"_id"}:
            assert (name in found) == (name in wanted), (str(table.cases[int(name[1:])]), number)
            assert exact(found[name]) == exact(wanted[name]), str(table.cases[int(name[1:])])


def test_from_documents_into_mysql(engine: Engine, table: SampleTable) -> None:
    """The same values as SQL writes, shown by the server in the same way; as documents come, then as each is edited."""
    for number in range(table.count):
        insert(engine.mysql, number, table.expressions(number))
        engine.mongo[NAME].insert_one({"_id": key(THEIRS + number), **table.writable(number)})
    engine.settle()
    _assert_rows(engine, table, shift=0)
    for number in range(table.count):
        following = table.writable((number + 1) % table.count)
        gone = {f"f{at}": "" for at in range(len(table.cases)) if f"f{at}" not in following}
        engine.mongo[NAME].update_one({"_id": key(THEIRS + number)}, {"$set": following, "$unset": gone})
    engine.settle()
    _assert_rows(engine, table, shift=1)
    assert engine.held() == 0
    engine.site.lockstep("verify")


def _assert_rows(engine: Engine, table: SampleTable, *, shift: int) -> None:
    with engine.site.wiring() as wiring:
        reader = wiring.reader(Side.MYSQL)
        documents = [document_id(number) for at in range(table.count) for number in (at, THEIRS + at)]
        read = reader.read(documents, exact=False).documents
    shown = _shown(engine, table)
    for number in range(table.count):
        twin, mine = (number + shift) % table.count, THEIRS + number
        writable = table.writable(twin)
        for at, case in enumerate(table.cases):
            name, wanted = f"c{at}", writable.get(f"f{at}")
            if wanted is None and case.codec != "json" and f"c{at}" in table.expressions(twin):
                continue  # one way only
            rows = [read[one].rows[NAME][(one.key,)][name] for one in (document_id(twin), document_id(mine))]
            if f"f{at}" not in writable:
                assert rows[1] is None, str(case)
                continue
            assert exact(rows[1]) == exact(rows[0]), (str(case), twin)
            if (
                case.codec != "json" or engine.site.flavour is Flavour.MYSQL
            ):  # MariaDB keeps blanks and the order of keys
                assert exact(shown[mine][at]) == exact(shown[twin][at]), (str(case), twin)


def _shown(engine: Engine, table: SampleTable) -> dict[int, tuple[Any, ...]]:
    """What the library's own SELECT gives of each row."""
    columns = ", ".join(
        case.made.selected.format(f"c{at}") if case.codec != "vector" else f"HEX(c{at})"
        for at, case in enumerate(table.cases)
    )
    with engine.mysql.cursor() as cursor:
        cursor.execute(f"SELECT id, {columns} FROM {NAME}")
        return {int(row[0], 16): row[1:] for row in cursor.fetchall()}


def test_what_a_column_cannot_hold_is_held(engine: Engine, table: SampleTable) -> None:
    """Each such value of a document holds that document alone, tells the field or column, and changes nothing in MySQL."""
    wrong = [(at, value) for at, case in enumerate(table.cases) for value in case.refused]
    documents = [{"_id": key(number), f"f{at}": value} for number, (at, value) in enumerate(wrong)]
    engine.mongo[NAME].insert_many(documents)
    engine.settle()
    held = {int(row[0], 16): row[1:] for row in _conflicts(engine)}
    for number, (at, value) in enumerate(wrong):
        told = (str(table.cases[at]), repr(value)[:80])
        assert number in held, told
        kind, reason = held[number]
        assert kind in ("unmappable_document", "constraint_violation"), told
        assert f"f{at}:" in reason or f"{NAME}.c{at}:" in reason or f"c{at}" in reason or "MySQL error" in reason, (
            *told,
            reason,
        )
    assert engine.value(f"SELECT COUNT(*) FROM {NAME}") == 0
    assert len(held) == len(wrong)


def test_what_no_document_can_hold_is_held(engine: Engine, table: SampleTable) -> None:
    """Each such value of a row holds its document alone, tells the column, and changes nothing in MongoDB."""
    odd = [(at, value) for at, case in enumerate(table.cases) for value in case.unreadable]
    for number, (at, value) in enumerate(odd):
        insert(engine.mysql, number, {f"c{at}": value})
    engine.settle()
    held = {int(row[0], 16): row[1:] for row in _conflicts(engine)}
    for number, (at, value) in enumerate(odd):
        assert number in held, (str(table.cases[at]), value)
        kind, reason = held[number]
        assert kind == "unmappable_document"
        assert f"column c{at}:" in reason
    assert engine.mongo[NAME].count_documents({}) == 0


def _conflicts(engine: Engine) -> list[tuple[str, str, str]]:
    with engine.mysql.cursor() as cursor:
        cursor.execute(
            "SELECT document_id, kind, reason FROM sync_conflict JOIN sync_conflict_detail ON conflict_id = id"
            " WHERE open_key IS NOT NULL"
        )
        return [(str(key), str(kind), str(reason)) for key, kind, reason in cursor.fetchall()]
