"""Sets of transaction ids."""

from __future__ import annotations

import pytest

from sync.errors import UnknownEvent
from sync.mysql.gtid import MariaDBGtids, MySQLGtids, tagged_gtid

A, B = "a0000000-0000-0000-0000-000000000001", "b0000000-0000-0000-0000-000000000002"


@pytest.mark.parametrize(
    ("before", "added", "after"),
    [
        ("", 1, f"{A}:1"),
        (f"{A}:1-4", 5, f"{A}:1-5"),
        (f"{A}:1-4:7", 5, f"{A}:1-5:7"),
        (f"{A}:1-4:6-8", 5, f"{A}:1-8"),
        (f"{A.upper()}:1-4,\n{B}:9", 3, f"{A}:1-4,{B}:9"),
    ],
)
def test_mysql_sets_grow(before: str, added: int, after: str) -> None:
    """A transaction that is added joins the intervals beside it; one that is there already changes nothing."""
    gtids = MySQLGtids(before)
    gtids.add(A, added)
    assert str(gtids) == after


def test_mysql_tags_stay_apart() -> None:
    """The same number under a tag is another transaction."""
    gtids = MySQLGtids(f"{A}:1-3:tag:1-2:4")
    gtids.add(f"{A}:tag", 3)
    assert gtids.tagged
    assert str(gtids) == f"{A}:1-3,{A}:tag:1-4"


def test_mariadb_keeps_the_newest_of_each_domain() -> None:
    """A MariaDB position names one transaction per domain."""
    gtids = MariaDBGtids("1-2-5,0-1-9")
    gtids.add("0-3", 10)
    assert str(gtids) == "0-3-10,1-2-5"


@pytest.mark.parametrize(("end", "reached"), [("0-1-9", True), ("0-9-10", True), ("0-1-8", False), ("1-1-9", False)])
def test_mariadb_sets_compare_by_domain(end: str, reached: bool) -> None:
    """A server holds a position if it is as far in each of its domains."""
    assert MariaDBGtids("0-1-9").within(MariaDBGtids(end)) is reached


@pytest.mark.parametrize("body", [b"", b"\x02\x00\x00", bytes(40)])
def test_what_is_no_tagged_gtid_stops(body: bytes) -> None:
    """An event that does not read as expected is unknown, not skipped."""
    with pytest.raises(UnknownEvent):
        tagged_gtid(body)
