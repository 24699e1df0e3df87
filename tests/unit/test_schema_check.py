"""The mapping against what information_schema says: every problem, each once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from sync.model.codecs import Column
from sync.model.mapping import TableMapping
from sync.model.mapping_file import load_mapping
from sync.model.schema_check import check_tables
from tests import every_part
from tests.laws.strategies import MAPPING

_TYPES = {
    "objectid": ("char", "char(24)", "ascii_bin", 24, None),
    "string": ("varchar", "varchar(255)", "utf8mb4_0900_bin", 255, None),
    "int32": ("int", "int", None, None, None),
    "bool": ("tinyint", "tinyint(1)", None, None, None),
    "date": ("datetime", "datetime(3)", None, None, 3),
    "json of unmapped fields": ("longtext", "longtext", "utf8mb4_0900_bin", 2**32 - 1, None),
}


def _column(table: TableMapping, name: str) -> Column:
    data_type, column_type, collation, length, precision = _TYPES[table.codecs[name].name]
    return Column(
        name=name,
        data_type=data_type,
        column_type=column_type,
        nullable=name in table.nullable,
        collation=collation,
        length=length,
        precision=precision,
        extra="",
    )


COLUMNS = {
    table.name: {name: _column(table, name) for name in (*table.key, *table.columns)}
    for table in MAPPING.tables.values()
}
KEYS: dict[str, Sequence[Sequence[str]]] = {table.name: [table.key] for table in MAPPING.tables.values()}


def _with(table: str, column: str, **changes: object) -> dict[str, dict[str, Column]]:
    changed = replace(COLUMNS[table][column], **changes)  # type: ignore[arg-type]
    return {**COLUMNS, table: {**COLUMNS[table], column: changed}}


def test_a_schema_that_fits_has_no_problem() -> None:
    """Unmapped columns and further unique keys do no harm."""
    surrogate = replace(COLUMNS["analytics_account"]["limit"], name="serial", extra="auto_increment")
    columns = {**COLUMNS, "analytics_account": {**COLUMNS["analytics_account"], "serial": surrogate}}
    keys = {**KEYS, "analytics_account": [("serial",), ("id",)]}
    assert check_tables(MAPPING, columns, keys) == []


def test_every_problem_is_listed_at_once() -> None:
    """A missing table hides nothing else."""
    columns = {name: dict(of_table) for name, of_table in COLUMNS.items() if name != "analytics_bucket"}
    del columns["analytics_account"]["limit"]
    keys = {**KEYS, "analytics_customertier": [("customer_id",)]}
    assert check_tables(MAPPING, columns, keys) == [
        "analytics_customertier: a primary or unique key of exactly customer_id, tier_key is needed",
        "analytics_account: column limit does not exist",
        "table analytics_bucket does not exist",
    ]


def test_the_columns_of_a_key_may_stand_in_another_order() -> None:
    """Unique together is what counts."""
    keys = {**KEYS, "analytics_customertier": [("tier_key", "customer_id")]}
    assert check_tables(MAPPING, COLUMNS, keys) == []


@pytest.mark.parametrize("wider", [["id", "username"], []])
def test_a_key_of_more_columns_does_not_serve(wider: list[str]) -> None:
    """A key with one column more lets two rows stand in one place."""
    problems = check_tables(MAPPING, COLUMNS, {**KEYS, "analytics_customer": [wider]})
    assert problems == ["analytics_customer: a primary or unique key of exactly id is needed"]


_BY_ITSELF = ["auto_increment", "default_generated on update current_timestamp(3)", "stored generated"]


@pytest.mark.parametrize("extra", _BY_ITSELF)
def test_fields_that_mysql_writes_by_itself_are_carried(extra: str) -> None:
    """What it makes of them reaches the document."""
    assert check_tables(MAPPING, _with("analytics_account", "limit", extra=extra), KEYS) == []


@pytest.mark.parametrize(
    ("extra", "named"), list(zip(_BY_ITSELF, ["auto_increment", "on update", "generated"], strict=True))
)
def test_keys_that_mysql_gives_by_itself_are_refused(extra: str, named: str) -> None:
    """A document has its key before its row."""
    (problem,) = check_tables(MAPPING, _with("analytics_accountproduct", "position", extra=extra), KEYS)
    assert problem.startswith(f"analytics_accountproduct.position: MySQL gives it by itself ({named}), but it is a key")


def test_a_default_is_no_harm() -> None:
    """DEFAULT_GENERATED marks an expression as default: the workers give every column a value."""
    assert check_tables(MAPPING, _with("analytics_account", "limit", extra="default_generated"), KEYS) == []


def test_null_must_agree_both_ways() -> None:
    """A column that may be NULL needs null = "absent" or "null", and the other way round, unless MySQL has a value for it."""
    assert "it may be NULL" in check_tables(MAPPING, _with("analytics_customer", "name", nullable=True), KEYS)[0]
    required = _with("analytics_customer", "active", nullable=False)
    assert "it is NOT NULL and has no default" in check_tables(MAPPING, required, KEYS)[0]
    assert check_tables(MAPPING, required, KEYS, {"analytics_customer": ["active"]}) == []
    assert check_tables(MAPPING, required, KEYS, {"analytics_customer": ["name"]}) != []
    generated = _with("analytics_customer", "active", nullable=False, extra="stored generated")
    assert check_tables(MAPPING, generated, KEYS) == []


def test_keys_need_more_than_other_columns() -> None:
    """A collation by which 'a' is 'A' does no harm to a name, but would make one entry of two."""
    ci = "utf8mb4_0900_ai_ci"
    assert check_tables(MAPPING, _with("analytics_customer", "name", collation=ci), KEYS) == []
    (problem,) = check_tables(MAPPING, _with("analytics_customertier", "tier_key", collation=ci), KEYS)
    assert problem.startswith("analytics_customertier.tier_key: codec string: collation utf8mb4_0900_bin")


def test_the_codec_says_what_it_needs() -> None:
    """Place, codec, what is needed and what was found."""
    problems = check_tables(
        MAPPING, _with("analytics_account", "limit", data_type="bigint", column_type="bigint"), KEYS
    )
    assert problems == ["analytics_account.limit: codec int32: INT (signed) or a smaller one is needed, found bigint"]


def test_the_place_beside_a_key_is_in_no_unique_key() -> None:
    """Elements that move pass each other, statement by statement."""
    mapping = load_mapping(every_part.MAPPING)
    columns = {name: {one: _column(table, one) for one in table.codecs} for name, table in mapping.tables.items()}
    keys: dict[str, Sequence[Sequence[str]]] = {table.name: [table.key] for table in mapping.tables.values()}
    assert check_tables(mapping, columns, keys) == []
    more = {**keys, "thing_piece": [*keys["thing_piece"], ("thing_id", "position")]}
    (problem,) = check_tables(mapping, columns, more)
    assert problem == "thing_piece: a unique key holds position, but elements that move pass each other"
