"""setup and teardown as operators type them."""

from __future__ import annotations

from pymysql.connections import Connection
from pymysql.cursors import Cursor

from sync.cli import exit_codes
from tests.site import Site


def tables(connection: Connection[Cursor]) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SHOW TABLES LIKE 'sync\\_%'")
        return {str(row[0]) for row in cursor.fetchall()}


def marks(text: str) -> set[str]:
    """The first word of each line: there, would, done."""
    return {line.split()[0] for line in text.splitlines()}


def test_a_dry_run_lists_and_changes_nothing(site: Site) -> None:
    """On either side; the run itself does what was listed, and a second one finds all there."""
    would = site.lockstep("setup", "--dry-run").stdout
    assert marks(would) == {"would"}
    assert tables(site.mysql("owner")) == set()
    assert site.mongo("owner").list_collection_names() == []
    done = site.lockstep("setup").stdout
    assert done == would.replace("would ", "done  ")
    assert marks(site.lockstep("setup").stdout) == {"there"}


def test_teardown_takes_the_engine_s_own_and_leaves_data(site: Site) -> None:
    """Only when told --yes where nobody can be asked; --dry-run lists."""
    site.setup()
    with site.mysql("app").cursor() as cursor:
        cursor.execute("INSERT INTO analytics_account (id, account_id, `limit`) VALUES (%s, 1, 2)", ("a" * 24,))
    site.mongo("app")["accounts"].insert_one({"kept": True})
    before = tables(site.mysql("owner"))
    unasked = site.lockstep("teardown", check=False)
    assert unasked.returncode == exit_codes.ERROR
    assert marks(site.lockstep("teardown", "--dry-run").stdout) == {"would"}
    assert tables(site.mysql("owner")) == before
    site.lockstep("teardown", "--yes")
    assert tables(site.mysql("owner")) == set()
    assert "sync_checkpoint" not in site.mongo("owner").list_collection_names()
    with site.mysql("owner").cursor() as cursor:
        assert cursor.execute("SELECT id FROM analytics_account") == 1
    assert site.mongo("owner")["accounts"].count_documents({}) == 1
    site.setup()
    assert tables(site.mysql("owner")) == before
