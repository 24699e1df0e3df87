"""What the owner's setup makes in MySQL and takes away again, step by step."""

from __future__ import annotations

from dataclasses import replace

from deploy.local.users import Role
from sync.model.report import Step
from sync.mysql import setup
from sync.mysql.privileges import privileges
from sync.mysql.server import Session
from tests.mysql_side import MySQLSide


def steps(side: MySQLSide) -> list[Step]:
    return setup.steps(side.settings(Role.OWNER), side.mapping, side.roles())


def teardown(side: MySQLSide) -> list[Step]:
    return setup.teardown(side.settings(Role.OWNER), side.mapping, side.roles())


def granted(side: MySQLSide, role: Role) -> set[str]:
    """The tables on which a role has any privilege of its own, as the server tells it."""
    session = Session(replace(side.settings(role), database=""))
    try:
        return {table for table, _ in privileges(session.get(), side.name).on_tables}
    finally:
        session.drop()


def tables(side: MySQLSide) -> set[str]:
    return {str(row[0]) for row in side.rows("SHOW TABLES LIKE 'sync\\_%%'")}


def test_done_means_done(side: MySQLSide) -> None:
    """After a setup nothing is left; what somebody took away is named again and brought back."""
    assert [step.text for step in steps(side) if not step.done] == []
    side.run(
        f"REVOKE SELECT ON analytics_account FROM '{Role.FOLLOWER.user}'@'%'",
        "DELETE FROM sync_checkpoint",
        "DROP TABLE sync_timeline",
    )
    missing = [step.text for step in steps(side) if not step.done]
    assert missing == [
        "MySQL: create table sync_timeline",
        "MySQL: write the listener's first checkpoint",
        f"MySQL: grant SELECT on analytics_account to {Role.FOLLOWER.user}",
    ]
    side.setup()
    assert all(step.done for step in steps(side))


def test_columns_that_an_earlier_version_had_not_are_added(side: MySQLSide) -> None:
    """As a new table has them, and what stands in the others stays."""
    wanted = side.rows("SHOW CREATE TABLE sync_conflict_detail")
    side.run("ALTER TABLE sync_conflict_detail DROP COLUMN resolution, DROP COLUMN chosen")
    missing = [step for step in steps(side) if not step.done]
    assert [step.text for step in missing] == [
        "MySQL: add column chosen to sync_conflict_detail",
        "MySQL: add column resolution to sync_conflict_detail",
    ]
    for step in [*missing, *missing]:
        step.apply()
    assert all(step.done for step in steps(side))
    columns = {str(column[0]): column[1:] for column in side.rows("SHOW COLUMNS FROM sync_conflict_detail")}
    assert columns["chosen"] == ("varchar(8)", "YES", "", None, "")
    assert columns.keys() == {line.split("`")[1] for line in str(wanted[0][1]).splitlines() if line.startswith("  `")}


def test_steps_can_be_applied_again(side: MySQLSide) -> None:
    """A checkpoint in use is not written anew."""
    _, first = side.leased()
    for step in steps(side):
        step.apply()
    assert side.target().checkpoint() == first


def test_tables_that_come_later_are_the_apps_too(side: MySQLSide) -> None:
    """Setup is run again after a migration."""
    side.run("CREATE TABLE accounts_user (id INT PRIMARY KEY)")
    (missing,) = [step.text for step in steps(side) if not step.done]
    assert missing == f"MySQL: grant SELECT, INSERT, UPDATE, DELETE on accounts_user to {Role.APP.user}"


def test_teardown_leaves_the_app_its_own(side: MySQLSide) -> None:
    """The engine's tables go, and every privilege of the workers; applied again it does no harm."""
    listed = teardown(side)
    assert not any(step.done for step in listed)
    for step in [*listed, *listed]:
        step.apply()
    assert tables(side) == set()
    assert granted(side, Role.FOLLOWER) == granted(side, Role.LISTENER) == set()
    assert granted(side, Role.APP) == set(side.mapping.tables)
    assert all(step.done for step in teardown(side))
    side.setup()
    assert all(step.done for step in steps(side))
