"""Collections that hold every kind of part and every option: their mapping and their tables.

`people` keeps fields that no column takes, `things` rejects them, `notes` has them in a column as JSON.
"""

from __future__ import annotations

from pathlib import Path

from deploy.local.mysql_binary import Flavour
from tests.collations import EXACT

_HERE = Path(__file__).parent
MAPPING = (_HERE / "mapping.toml").read_text(encoding="utf-8")


def create_statements(flavour: Flavour) -> tuple[str, ...]:
    """The tables on a server, parents first."""
    text = (_HERE / "tables.sql").read_text(encoding="utf-8").replace("{collation}", EXACT[flavour])
    return tuple(one.strip() for one in text.split(";") if one.strip())
