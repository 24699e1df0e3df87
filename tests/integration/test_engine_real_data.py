"""Real documents, where their folder is named: inserted as people insert them, and loaded from exports."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from pathlib import Path

import pytest
from bson import json_util

from deploy.local.paths import ROOT
from tests import plain
from tests.engine import Engine
from tests.plain import Doc

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif("LOCKSTEP_REAL_DATA" not in os.environ, reason="LOCKSTEP_REAL_DATA names no folder"),
]
JSON = json_util.JSONOptions(tz_aware=False)


@pytest.fixture(scope="module")
def real() -> dict[str, list[Doc]]:
    """All documents by collection."""
    folder = Path(os.environ["LOCKSTEP_REAL_DATA"])
    return {
        name: [json_util.loads(line, json_options=JSON) for line in (folder / f"{name}.json").read_text().splitlines()]
        for name in plain.COLLECTIONS
    }


def assert_same(found: dict[str, Doc], documents: list[Doc]) -> None:
    """Every real document, as it was."""
    for document in documents:
        assert found[str(document["_id"])] == plain.normal(copy.deepcopy(document))


def test_inserted_into_mongo_while_the_listener_runs(engine: Engine, real: dict[str, list[Doc]]) -> None:
    """With plain pymongo: they appear in MySQL, and verify finds nothing."""
    for name, documents in real.items():
        engine.mongo[name].insert_many(documents)
    engine.settle()
    mysql = engine.assert_equal()
    for name, documents in real.items():
        assert_same(dict(mysql[name]), documents)
    found = engine.site.lockstep_json("verify")
    assert (found["different"], found["missing"], found["held"], found["equal"]) == (0, 0, 0, True)
    assert engine.conflicts("all") == []


def test_loaded_into_an_empty_mysql(stopped_engine: Engine, real: dict[str, list[Doc]]) -> None:
    """By load_export; the first copy then makes the same documents in an empty MongoDB, types included."""
    engine = stopped_engine
    environ = engine.site.process_environment("owner") | {"LOCKSTEP_DJANGO_ROLE": "owner"}
    command = [sys.executable, "backend/manage.py", "load_export", os.environ["LOCKSTEP_REAL_DATA"]]
    loaded = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True, check=False)
    assert loaded.returncode == 0, loaded.stderr
    engine.prepare()
    for name, documents in real.items():
        collection = engine.mongo[name]
        assert collection.count_documents({}) == len(documents)
        assert_same({str(one["_id"]): plain.normal(one) for one in collection.find()}, documents)
    # int32 and string, not int64 and double: asked of the server, for Python shows both alike.
    assert engine.mongo["accounts"].count_documents({"limit": {"$not": {"$type": "int"}}}) == 0
    assert engine.mongo["transactions"].count_documents({"transactions.price": {"$not": {"$type": "string"}}}) == 0
    engine.assert_equal()
    found = engine.site.lockstep_json("verify")
    assert (found["different"], found["missing"], found["equal"]) == (0, 0, True)
