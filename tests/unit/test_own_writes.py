"""Which echoes the follower must check."""

from __future__ import annotations

from sync.model.change import DocumentId, Entry, Origin
from sync.model.own_writes import OwnWrites
from sync.model.position import BinlogPosition, StreamPosition

ALICE, BOB = DocumentId("people", "a"), DocumentId("people", "b")


def at(time: int) -> StreamPosition:
    return StreamPosition(time=time, increment=1)


def echo(document: DocumentId, seen: StreamPosition | None) -> Entry:
    return Entry(
        document=document,
        changes=(),
        origin=Origin.ECHO,
        committed_at=0,
        position=BinlogPosition(server="s", file="f.1", offset=4),
        seen=seen,
    )


def test_an_echo_that_saw_the_last_write_need_not_be_checked() -> None:
    """`seen` at or past the own write clears it; before it, or unknown, does not."""
    own = OwnWrites(at(1))
    own.record([ALICE], at(5))
    assert not own.crossed(echo(ALICE, at(5)))
    assert own.crossed(echo(ALICE, at(4)))
    assert own.crossed(echo(ALICE, None))


def test_a_document_that_is_not_remembered_counts_at_the_floor() -> None:
    """The write by which the lease was taken stands in for writes of a forgotten life."""
    own = OwnWrites(at(3))
    assert own.crossed(echo(BOB, at(2)))
    assert not own.crossed(echo(BOB, at(3)))


def test_dropping_an_entry_raises_the_floor() -> None:
    """A full map forgets the oldest write, and every unknown document then counts as written there."""
    own = OwnWrites(at(1), capacity=1)
    own.record([ALICE], at(5))
    own.record([BOB], at(9))
    assert own.crossed(echo(ALICE, at(4)))
    assert own.crossed(echo(DocumentId("people", "c"), at(4)))
    assert not own.crossed(echo(ALICE, at(5)))


def test_whether_all_was_seen() -> None:
    """The last write to any document decides, the floor until there is one; with neither there is nothing to see."""
    assert OwnWrites(None).all_seen(None)
    own = OwnWrites(at(3))
    assert [own.all_seen(seen) for seen in (None, at(2), at(3))] == [False, False, True]
    own.record([], at(4))
    assert own.all_seen(at(3))
    own.record([ALICE], at(5))
    own.record([BOB], at(9))
    assert [own.all_seen(seen) for seen in (None, at(5), at(8), at(9))] == [False, False, False, True]
