"""Ranges of a first copy: what they say is in the copy, also when a batch is cut."""

from __future__ import annotations

from collections.abc import Sequence

from sync.model.batch import Batch, CopiedDocuments, behind
from sync.model.change import DocumentId, DocumentRows, Entry, Origin, RowChange, Transaction, Undecoded
from sync.model.position import Checkpoint, CopiedRange, Known, StreamPosition

READ_AT = StreamPosition(time=5, increment=1)


def at(time: int) -> StreamPosition:
    return StreamPosition(time=time, increment=1)


def copied(*keys: str, begin: str | None = None) -> CopiedDocuments:
    rows: DocumentRows = {"account": {("k",): {"limit": 1}}}
    documents = {DocumentId("accounts", key): rows for key in keys}
    return CopiedDocuments(
        collection="accounts", documents=documents, problems={}, position=READ_AT, read_at=0, begin=begin
    )


def ranges(parts: Sequence[CopiedDocuments]) -> tuple[CopiedRange, ...]:
    """What the checkpoint says after all parts are written."""
    checkpoint = Checkpoint(seq=1, lease="L", position=at(1))
    for part in parts:
        checkpoint = part.advance(checkpoint)
    return checkpoint.copied


def carried(done: Sequence[CopiedRange], key: str, time: int) -> bool:
    """Whether the stream still carries a change of this document."""
    document = DocumentId("accounts", key)
    change = RowChange(table="account", key=(key,), before={"limit": 1}, after={"limit": 2})
    entry = Entry(document=document, changes=(change,), origin=Origin.USER, committed_at=0, position=at(time))
    known = Known(seq=0, lease="")
    batch = Batch((Transaction(entries=(entry,), position=at(time), known=known),))
    return document in batch.entries(done, lambda _: True)


def test_what_was_deleted_between_two_documents_is_in_the_copy() -> None:
    """Nothing stood there when the range was read: earlier changes of what stood there are not carried, later ones are."""
    done = ranges([copied("c", "e", begin=behind("a"))])
    assert [key for key in "abcdef" if not carried(done, key, 5)] == ["b", "c", "d", "e"]
    assert all(carried(done, key, 6) for key in "abcdef")


def test_the_document_before_a_range_is_not_in_it() -> None:
    """It was read earlier: its changes since then count."""
    done = ranges([copied("a", begin=""), copied("c", begin=behind("a"))])
    assert done == (CopiedRange(collection="accounts", first="", last="c", position=READ_AT),)
    later = CopiedDocuments(
        collection="accounts",
        documents=copied("c").documents,
        problems={},
        position=at(7),
        read_at=0,
        begin=behind("a"),
    )
    done = ranges([copied("a", begin=""), later])
    assert (carried(done, "a", 6), carried(done, "b", 6), carried(done, "c", 6)) == (True, False, False)


def test_a_batch_that_is_cut_covers_the_same() -> None:
    """In halves and one by one."""
    whole = copied("c", "e", "g", begin=behind("a"))
    assert ranges(whole.halves()) == ranges(whole.singles()) == ranges([whole])


def test_keys_that_sort_otherwise_on_the_server_cover_only_themselves() -> None:
    """A range never begins behind its own first document."""
    done = ranges([copied("5", begin=behind("?7"))])
    assert done == (CopiedRange(collection="accounts", first="5", last="5", position=READ_AT),)


def transaction(key: str, origin: Origin, *, decoded: bool = True) -> Transaction:
    entry = Entry(
        document=DocumentId("accounts", key), changes=(), origin=origin, committed_at=0, position=at(2), seen=at(1)
    )
    undecoded = Undecoded(seen=at(1), events=3, decode=lambda: (entry,))
    known = Known(seq=0, lease="")
    return Transaction(
        entries=(entry,) if decoded else (),
        position=at(2),
        known=known,
        undecoded=None if decoded else undecoded,
    )


def test_an_echo_is_looked_at_where_something_of_ours_may_have_passed_it() -> None:
    """Its writer had not seen all that this side wrote, or something waits before it in the batch."""
    echo, user = transaction("e", Origin.ECHO, decoded=False), transaction("u", Origin.USER)
    seen = {at(1)}.__contains__
    assert list(Batch((echo, echo)).entries((), seen)) == []
    assert [one.key for one in Batch((echo, user)).entries((), seen)] == ["u"]
    assert [one.key for one in Batch((user, echo)).entries((), seen)] == ["u", "e"]
    assert [one.key for one in Batch((echo,)).entries((), {at(2)}.__contains__)] == ["e"]
    assert (echo.rows, user.rows, Batch((echo, user)).rows) == (3, 0, 3)


def test_a_copy_contains_an_echo_too() -> None:
    """What is decoded late is left out as the rest is."""
    done = ranges([copied("e", begin="e")])
    batch = Batch((transaction("e", Origin.ECHO, decoded=False), transaction("f", Origin.ECHO, decoded=False)))
    assert [one.key for one in batch.entries(done, lambda _: False)] == ["f"]
