"""A look's marks: as text in a checkpoint, of one write only, and applied in a batch of their own."""

from __future__ import annotations

import pytest

from sync.model.change import Transaction
from sync.model.position import Checkpoint, Known, Mark, Position, StreamPosition
from sync.read_ahead import ReadAhead


@pytest.mark.parametrize("mark", [Mark(look=2**62), Mark(look=1, written=(3, 2))])
def test_a_mark_comes_back_from_its_text(mark: Mark) -> None:
    """As it was."""
    assert Mark.from_text(mark.to_text()) == mark


@pytest.mark.parametrize("text", ["[]", "{}", '["1"]', '[1, "2"]', "null"])
def test_other_text_is_no_mark(text: str) -> None:
    """It is refused, not guessed at."""
    with pytest.raises(ValueError, match="not a mark"):
        Mark.from_text(text)


def test_a_mark_is_of_one_checkpoint() -> None:
    """The next one has none, unless it is given one."""
    marked = Checkpoint(seq=1, lease="L", mark=Mark(look=1))
    assert marked.next().mark is None
    assert marked.next(mark=Mark(look=2)).mark == Mark(look=2)


class Prepared:
    """A log that is written down here."""

    def __init__(self, *transactions: Transaction) -> None:
        self._left = list(transactions)
        self.side, self.resolution = None, 1000

    def start(self, position: Position, rows_done: int, known: Known) -> None:
        """From its beginning."""

    def read(self, timeout: float) -> Transaction | None:
        return self._left.pop(0) if self._left else None

    def close(self) -> None:
        """Nothing is open."""


def at(time: int, mark: Mark | None = None) -> Transaction:
    return Transaction(
        entries=(), position=StreamPosition(time=time, increment=1), known=Known(seq=0, lease=""), mark=mark
    )


def test_a_mark_is_a_batch_of_its_own() -> None:
    """What came before it is applied first; what follows is newer than the look."""
    log = Prepared(at(1), at(2), at(3, Mark(look=1)), at(4, Mark(look=2)), at(5), at(6))
    position = StreamPosition(time=0, increment=1)
    reading = ReadAhead(log, Checkpoint(seq=1, lease="L", position=position))  # type: ignore[arg-type]
    taken: list[list[int]] = []
    try:
        while sum(map(len, taken)) < 6:
            batch = reading.take(5.0, max_rows=1000, max_bytes=1000)
            assert batch is not None
            taken.append([one.position.order[0] for one in batch.transactions])
    finally:
        reading.close()
    assert [3] in taken
    assert [4] in taken
    assert [time for times in taken for time in times] == [1, 2, 3, 4, 5, 6]
