"""Reads a source in a thread of its own into a queue bounded in bytes, so that reading and applying overlap."""

from __future__ import annotations

import threading
import time
from collections import deque

from sync.model.batch import Batch
from sync.model.change import Transaction
from sync.model.position import Checkpoint
from sync.ports import Source


class ReadAhead:
    """Starts at once; `take` raises what ended the reading, after all that was read before."""

    def __init__(self, source: Source, checkpoint: Checkpoint, *, max_bytes: int = 16 << 20) -> None:
        self._source = source
        self._checkpoint = checkpoint
        self._max_bytes = max_bytes
        self._queue: deque[Transaction] = deque()
        self._bytes = 0
        self._error: BaseException | None = None
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="reader", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Transactions read and not yet taken."""
        return len(self._queue)

    def take(self, timeout: float, *, max_rows: int, max_bytes: int) -> Batch | None:
        """What has arrived, up to the limits (at least one transaction; see `Transaction.alone`); None after `timeout` seconds
        without any."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while not self._queue:
                if self._error:
                    raise self._error
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    if self._queue or self._error:
                        continue
                    return None
            taken = [self._queue.popleft()]
            rows, size = taken[0].rows, taken[0].size
            while self._queue and not (taken[-1].alone or self._queue[0].alone):
                rows += self._queue[0].rows
                size += self._queue[0].size
                if rows > max_rows or size > max_bytes:
                    break
                taken.append(self._queue.popleft())
            self._bytes -= sum(one.size for one in taken)
            self._changed.notify_all()
            return Batch(tuple(taken))

    def close(self) -> None:
        """Stop reading and wait for the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(timeout=2)  # a source answers within its own short wait
        self._source.close()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        try:
            position = self._checkpoint.position
            if position is None:
                raise ValueError("a source is read from a position")
            self._source.start(position, self._checkpoint.rows_done, self._checkpoint.known)
            while not self._closed:
                transaction = self._source.read(0.5)
                if transaction is not None:
                    self._put(transaction)
        except BaseException as error:  # noqa: BLE001 - handed to the applying thread, which raises it
            with self._changed:
                self._error = error
                self._changed.notify_all()

    def _put(self, transaction: Transaction) -> None:
        with self._changed:
            while self._bytes and self._bytes + transaction.size > self._max_bytes and not self._closed:
                self._changed.wait()
            self._queue.append(transaction)
            self._bytes += transaction.size
            if len(self._queue) == 1:  # else nobody waits for it
                self._changed.notify_all()
