"""Sessions that log only what changed in a JSON column: the documents get the whole values."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest
from bson import ObjectId

from deploy.local.mysql_binary import Flavour
from deploy.local.paths import ROOT
from tests.engine import Engine
from tests.site import Site

EDITS = 300
#: Large enough that the server prefers differences to the whole value.
FILLER = "x" * 300
BEGIN = {"a": [1, 2.5, {"b c": None}], "o": {"k": "v", "é": [True]}, "n": 2**63, "filler": FILLER, "q": {"": 1}}
_PLACES = (
    *("$.a", "$.a[0]", "$.a[2]", "$.a[last]", '$.a[2]."b c"', "$.a[7]"),
    *("$.o", "$.o.k", "$.o.deep", "$.n", "$.new", "$.q"),
)
_JSON = ("""'[1, {"k": []}]'""", """'{"k": 1e300}'""")
_VALUES = (*("1", "-2.25", "'text é'", "NULL", "TRUE", "1.10"), *(f"CAST({one} AS JSON)" for one in _JSON))
_EDITS = (
    "JSON_SET(more, '{0}', {1})",
    "JSON_REPLACE(more, '{0}', {1})",
    "JSON_REMOVE(more, '{0}')",
    "JSON_SET(more, '{0}', {1}, '{2}', {3})",
    "JSON_REMOVE(JSON_SET(more, '{0}', {1}), '{2}')",
)


@pytest.mark.parametrize("flavour", [Flavour.MYSQL], indirect=True)  # MariaDB has no such updates
def test_documents_follow_partial_updates(site: Site, stopped_engine: Engine, tmp_path: Path) -> None:
    """After each of many edits at random, of one and of two JSON columns in a row."""
    engine = stopped_engine
    with site.mysql("owner").cursor() as cursor:
        cursor.execute(
            "CREATE TABLE jsons (id CHAR(24) CHARACTER SET ascii COLLATE ascii_bin PRIMARY KEY,"
            " unmapped JSON, more JSON, other JSON)"
        )
    site.config_path = tmp_path / "lockstep.toml"
    site.config_path.write_text((ROOT / "lockstep.toml").read_text() + _MAPPING)
    engine.prepare()
    engine.start()
    random, key, differences = Random(5), ObjectId(), 0
    with site.mysql("admin").cursor() as cursor:  # who else may set such options
        cursor.execute("INSERT INTO jsons VALUES (%s, %s, %s, %s)", (str(key), *[json.dumps(BEGIN)] * 3))
        cursor.execute("SET SESSION binlog_row_value_options = 'PARTIAL_JSON'")
        for number in range(EDITS):
            edit = random.choice(_EDITS).format(*(random.choice(some) for some in (_PLACES, _VALUES) * 2))
            every = random.choice((("more",), ("other",), ("more", "other"), ("unmapped", "more")))
            sets = ", ".join(f"{name} = {edit.replace('more', name)}" for name in every)
            cursor.execute(f"UPDATE jsons SET {sets} WHERE id = %s", (str(key),))
            differences += cursor.rowcount
            if number % 30 == 29:
                cursor.execute("UPDATE jsons SET more = %s WHERE id = %s", (json.dumps(BEGIN), str(key)))
                engine.settle()
                assert engine.held() == 0
    assert differences > EDITS / 3
    engine.settle()
    site.lockstep("verify")
    assert engine.held() == 0


_MAPPING = """
[collections.jsons]
table = "jsons"
id = { column = "id", codec = "objectid" }

[collections.jsons.fields]
more = { column = "more", codec = "json", null = "absent" }
other = { column = "other", codec = "json", null = "absent" }
"""
