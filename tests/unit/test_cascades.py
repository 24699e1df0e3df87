"""Which foreign keys stay within a document."""

from __future__ import annotations

import pytest

from deploy.local.paths import ROOT
from sync.model.mapping_file import load_mapping
from sync.mysql.cascades import is_inside
from sync.mysql.schema import ForeignKey

MAPPING = load_mapping((ROOT / "lockstep.toml").read_text())
ROOT_KEY = {"customer_id": "id"}


@pytest.mark.parametrize(
    ("table", "references", "columns", "on_delete", "inside"),
    [
        ("analytics_customertier", "analytics_customer", ROOT_KEY, "CASCADE", True),
        ("analytics_customerbenefit", "analytics_customer", ROOT_KEY, "CASCADE", True),
        (
            "analytics_customerbenefit",
            "analytics_customertier",
            {"tier_key": "tier_key", "customer_id": "customer_id"},
            "CASCADE",
            True,
        ),
        ("analytics_customertier", "analytics_customer", ROOT_KEY, "SET NULL", False),
        ("analytics_customertier", "analytics_customer", {"tier_key": "id"}, "CASCADE", False),
        ("analytics_bucket", "analytics_account", {"id": "id"}, "CASCADE", False),
        ("analytics_customer", "elsewhere", {"id": "id"}, "CASCADE", False),
    ],
)
def test_inside(table: str, references: str, columns: dict[str, str], on_delete: str, inside: bool) -> None:
    """By the columns of the mapping, from a row to one above it, with nothing but deletes and new keys."""
    key = ForeignKey(
        name="k", table=table, references=references, columns=columns, on_delete=on_delete, on_update="NO ACTION"
    )
    assert is_inside(key, MAPPING) is inside
