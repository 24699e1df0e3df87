"""Which columns MySQL writes by itself, as information_schema tells it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sync.model.codecs import Column
from sync.model.mapping_file import load_mapping
from sync.model.self_written import SelfWritten, self_written

TABLE = load_mapping("""
[collections.things]
table = "thing"
id = { column = "id", codec = "objectid" }
[collections.things.fields]
name = { column = "name", codec = "string" }
number = { column = "number", codec = "int32", null = "absent" }
at = { column = "at", codec = "date" }
""").tables["thing"]


def column(name: str, data_type: str, column_type: str = "", **more: object) -> Column:
    plain = Column(
        name=name,
        data_type=data_type,
        column_type=column_type or data_type,
        nullable=False,
        collation=None,
        length=None,
        precision=None,
        extra="",
    )
    return replace(plain, **more)  # type: ignore[arg-type]


COLUMNS = {
    "id": column("id", "char", "char(24)"),
    "name": column("name", "varchar", "varchar(9)"),
    "number": column("number", "int", nullable=True),
    "at": column("at", "datetime", "datetime(3)", precision=3),
    "unmapped": column("unmapped", "int", extra="auto_increment"),
}


def written(name: str, **changes: object) -> SelfWritten | None:
    """With one column otherwise."""
    changed = replace(COLUMNS[name], **changes)  # type: ignore[arg-type]
    return self_written(TABLE, {**COLUMNS, name: changed}, ["number"])


def test_what_is_written_stands() -> None:
    """Nothing need be told of such a table; of unmapped columns nothing counts, a default of a column that may be NULL neither."""
    assert self_written(TABLE, COLUMNS, ["number"]) is None


@pytest.mark.parametrize(
    ("extra", "how", "generated"),
    [
        ("virtual generated", "generated", True),
        ("stored generated", "generated", True),
        ("default_generated on update current_timestamp(3)", "on update", False),
        ("on update current_timestamp(3)", "on update", False),
    ],
)
def test_columns_that_mysql_changes_by_itself(extra: str, how: str, generated: bool) -> None:
    """Named with how; a generated one gets no value from any statement."""
    found = written("at", extra=extra)
    assert found == SelfWritten(
        columns={"at": how}, generated=frozenset({"at"} if generated else ()), defaulted=frozenset()
    )


@pytest.mark.parametrize(("extra", "how"), [("", "default"), ("auto_increment", "auto_increment")])
def test_columns_that_get_a_value_where_the_field_is_absent(extra: str, how: str) -> None:
    """NOT NULL, and mapped as absent."""
    found = written("number", nullable=False, extra=extra)
    assert found == SelfWritten(
        columns={"number": how},
        generated=frozenset(),
        defaulted=frozenset({"number"}),
        numbered=frozenset({"number"} if extra else ()),
    )
    assert written("name", extra="default_generated") is None
