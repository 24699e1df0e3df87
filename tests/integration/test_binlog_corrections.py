"""The listener's transactions in the log, where it has told what it means to write: what becomes of their rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from deploy.local.mysql_binary import Flavour
from deploy.local.users import Role
from sync.errors import CheckpointWrittenByOther
from sync.model.change import ConflictKind, Entry, Origin, Row, RowChange, Transaction
from sync.model.corrections import meant, told_text
from tests.binlog_log import A, B, C, Log, entries, mapping
from tests.servers import Servers

TAG = "UPDATE sync_checkpoint SET seq = seq + 1"
PLAIN = {"name": "n", "opened": None, "active": None, "limit": 0}


@pytest.fixture
def log(servers: Servers, flavour: Flavour) -> Iterator[Log]:
    made = Log(servers.mysql(flavour), flavour, servers.passwords[Role.FOLLOWER])
    yield made
    made.close()


def limit(key: str, before: int | None, after: int | None) -> RowChange:
    """Of an account; None: it is absent."""
    old, new = (None if value is None else {**PLAIN, "limit": value} for value in (before, after))
    return RowChange("account", (key,), old, new)


def tell(*changes: RowChange, all_rows: bool = True) -> tuple[str, str]:
    """As the listener does."""
    text = told_text([meant(mapping().tables[one.table], one) for one in changes], all_rows=all_rows)
    return f"INSERT INTO sync_intended (told) VALUES ('{text}')", "DELETE FROM sync_intended"


#: Key, what the entry is taken for, and of each change the limit before and after.
Taken = tuple[str, str, list[tuple[object, object]]]


def kinds(found: Sequence[Entry]) -> list[Taken]:
    """What each entry is taken for."""
    return [
        (
            str(one.document.key),
            "correction" if one.correction else str(one.origin),
            [(_limit(change.before), _limit(change.after)) for change in one.changes],
        )
        for one in found
    ]


def _limit(row: Row | None) -> object:
    return None if row is None else row["limit"]


def test_rows_are_held_against_what_was_told(log: Log) -> None:
    """As meant, otherwise than meant, not at all, and not meant: by a trigger."""
    log.run(f"INSERT INTO account (id) VALUES ('{A}'), ('{B}'), ('{C}')")
    log.together(
        TAG,
        *tell(limit(A, 0, 1), limit(B, 0, 7)),
        f"UPDATE account SET `limit` = 2 WHERE id = '{A}'",
        f"UPDATE account SET `limit` = 9 WHERE id = '{C}'",
    )
    log.together(TAG, *tell(limit(A, 2, 3), all_rows=False), f"UPDATE account SET `limit` = 3 WHERE id = '{A}'")
    _, told, plain = log.read()
    assert told.undecoded is None
    assert kinds(told.entries) == [
        (A, "echo", [(0, 1)]),
        (A, "correction", [(1, 2)]),
        (C, "user", [(0, 9)]),
        (B, "correction", [(7, 0)]),
    ]
    assert told.first_user == told.position
    assert kinds(plain.entries) == [(A, "echo", [(2, 3)])]
    assert plain.first_user is None


def test_rows_that_were_kept_before_anything_was_told(log: Log) -> None:
    """They are decoded, and come first."""
    log.together(
        TAG,
        f"INSERT INTO account (id) VALUES ('{A}')",
        *tell(limit(B, None, 0), all_rows=False),
        f"INSERT INTO account (id) VALUES ('{B}')",
    )
    (found,) = log.read()
    assert kinds(entries([found])) == [(A, "echo", [(None, 0)]), (B, "echo", [(None, 0)])]


def test_what_cannot_be_carried_is_not_the_listeners(log: Log) -> None:
    """A trigger made a value that no codec takes: its document is held."""
    log.run(f"INSERT INTO account (id) VALUES ('{A}')")
    log.together(TAG, *tell(limit(A, 0, 1)), f"UPDATE account SET `limit` = 1, active = 5 WHERE id = '{A}'")
    *_, found = log.read()
    problems = [one.problem.kind for one in found.entries if one.problem and one.origin is Origin.USER]
    assert problems == [ConflictKind.UNMAPPABLE_DOCUMENT]


def test_a_large_transaction_of_triggers_comes_in_parts(log: Log) -> None:
    """Each part judges its own rows, also where reading begins behind some of them."""
    keys = [f"{number:024x}" for number in range(6)]
    log.run(*(f"INSERT INTO account (id) VALUES ('{key}')" for key in keys))
    start = log.end()
    changes = [limit(key, 0, 1) for key in keys[:5]]
    log.together(
        TAG, *tell(*changes), *(f"UPDATE account SET `limit` = 2 WHERE id = '{key}'" for key in keys if key != keys[3])
    )
    whole = log.read(log.source(start))
    *parts, last = log.read(log.source(start, part_rows=2))
    assert len(parts) == 2
    assert sorted(kinds(entries([*parts, last]))) == sorted(kinds(entries(whole)))
    assert [part.rows_done for part in parts] == [2, 4]
    resumed: list[Transaction] = log.read(log.source(start, rows_done=2, part_rows=2))
    assert kinds(entries(resumed)) == kinds(entries([*parts[1:], last]))


@pytest.mark.parametrize(
    "statements",
    [
        tell(limit(A, None, 1)),
        (TAG, "INSERT INTO sync_intended (told) VALUES ('x')"),
        (*tell(limit(A, None, 1)), TAG),
        ("UPDATE sync_checkpoint SET seq = 6, lease = 'M'", *tell(limit(A, None, 1))),
    ],
)
def test_only_the_listener_tells(log: Log, statements: tuple[str, ...]) -> None:
    """Behind its checkpoint, in its own form, and not where a lease is taken."""
    log.together(*statements)
    log.stops(CheckpointWrittenByOther)
