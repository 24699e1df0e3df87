"""An installation with a collection for each policy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine import Engine
from tests.integration.conflicts.items import install, rules
from tests.site import Site


@pytest.fixture
def engine(site: Site, tmp_path: Path) -> Iterator[Engine]:
    """After its first copy; no worker runs."""
    install(site, tmp_path)
    made = Engine(site, tmp_path)
    made.prepare()
    rules(made)
    yield made
    made.close()
