"""Validators take every sample of every codec, and of what a column cannot hold all but what they are said not to tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from bson import Decimal128, Int64, ObjectId
from pymongo.errors import WriteError

from sync.mongo.server import CODEC
from tests.codec_samples import STRANGE, moment
from tests.integration.types.table import NAME, SampleTable
from tests.site import Site

#: Codecs whose values a validator tells nearly all of, where no zero date is text.
TOLD = {"int32", "int64", "int", "uint64", "bit", "bool", "year", "double", "float", "decimal128", "date"}
#: What it cannot tell of these.
UNTOLD: dict[str, tuple[Any, ...]] = {
    "int": (Int64(5),),
    "uint64": (Decimal128("5"),),
    "bit": (Decimal128("5"),),
    "double": (-0.0,),
    "float": (-0.0, 1.100000023841858, 0.1 + 0.2, 1e-50),
    "decimal128": (Decimal128("-0"),),
    "date": (moment(2024, 1, 1, 0, 0, 0, 1000),),
}


@pytest.fixture
def table(site: Site, tmp_path: Path) -> SampleTable:
    """With a validator on its collection."""
    made = SampleTable(site, tmp_path)
    site.setup()
    site.lockstep("setup", "--validators", "error")
    return made


def test_what_columns_hold_passes_and_what_they_cannot_does_not(site: Site, table: SampleTable) -> None:
    """To the very ends of each type."""
    collection = site.mongo("app").with_options(codec_options=CODEC)[NAME]
    for number in range(table.count):
        collection.insert_one({"_id": ObjectId(), **table.fields(number)})
    passed: set[tuple[str, str, str]] = set()
    for at, case in enumerate(table.cases):
        for value in (*case.refused, *STRANGE) if case.codec in TOLD and not case.options else ():
            try:
                collection.insert_one({"_id": ObjectId(), f"f{at}": value})
            except WriteError:
                continue
            passed.add((case.codec, str(case), repr(value)))
    untold = {(codec, repr(value)) for codec, values in UNTOLD.items() for value in values}
    assert [one for one in sorted(passed) if (one[0], one[2]) not in untold] == []
