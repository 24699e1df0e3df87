"""Numbered updates that wait in a source's log, and how many of them have arrived on the other side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pymongo.database import Database
from pymysql.connections import Connection
from pymysql.cursors import Cursor

from tests.bench.shapes import Rows, Shape, Write, chunks

#: Row changes in one transaction, written or measured as the limit.
BULK = 1000
#: Single-row transactions sent at once: each commits by itself, only the waiting for answers is saved.
_SENT = 200
#: Documents that are looked at to tell how far a worker has come: few, for looking takes from the machine that is measured.
_WATCHED = 40


@dataclass(frozen=True, slots=True)
class Backlog:
    """`count` updates, each a generation of its own for every document that they reach again."""

    shape: Shape
    count: int
    #: Generation of the first; those of one shape must rise.
    generation: int
    #: Only every so manieth document is written.
    stride: int = 1

    @property
    def rows(self) -> int:
        """Row changes."""
        return self.count * self.shape.weight

    @property
    def next_generation(self) -> int:
        """The first that this backlog does not use."""
        return self.generation + -(-self.count // len(self._documents))

    def parts(self, size: int) -> Iterator[tuple[range, int]]:
        """Documents and generation of at most `size` row changes each."""
        left = self.count
        generation = self.generation
        while left:
            numbers = self._documents[:left]
            for some in chunks(numbers, max(1, size // self.shape.weight)):
                yield some, generation
            left -= len(numbers)
            generation += 1

    # Writing it.

    def write_mysql(self, connection: Connection[Cursor], size: int = BULK) -> None:
        """In transactions of `size` rows; 1: each row by itself."""
        with connection.cursor() as cursor:
            if size == 1:
                for numbers, generation in self.parts(_SENT):
                    _each(cursor, self.shape.single_updates(numbers, generation))
                return
            for numbers, generation in self.parts(size):
                connection.begin()
                self.shape.update_mysql(cursor, numbers, generation)
                connection.commit()

    def write_mongo(self, database: Database[Any]) -> None:
        """As plain writes, each an event of its own."""
        for numbers, generation in self.parts(BULK):
            self.shape.update_mongo(database, numbers, generation)

    # The same for the loops that show the limit.

    def writes(self) -> list[list[Write]]:
        """By transaction."""
        return [self.shape.writes(numbers, generation) for numbers, generation in self.parts(BULK)]

    def tables(self) -> list[list[Rows]]:
        """By transaction."""
        return [self.shape.rows(numbers, generation) for numbers, generation in self.parts(BULK)]

    # How far it has come.

    def in_mongo(self, database: Database[Any]) -> Callable[[], int]:
        """Tells how many row changes have arrived in MongoDB."""
        return lambda: self._arrived(self.shape.generations_in_mongo(database, self._watched()))

    def in_mysql(self, connection: Connection[Cursor]) -> Callable[[], int]:
        """Tells how many row changes have arrived in MySQL."""

        def done() -> int:
            with connection.cursor() as cursor:
                return self._arrived(self.shape.generations_in_mysql(cursor, self._watched()))

        return done

    def _watched(self) -> range:
        """The last document, and others at equal distances before it."""
        return self._reached[self._step - 1 :: self._step]

    @property
    def _documents(self) -> range:
        return range(0, self.shape.documents, self.stride)

    @property
    def _reached(self) -> range:
        return self._documents[: self.count]

    @property
    def _step(self) -> int:
        """Divides the documents that are reached, so that the last one is watched."""
        reached = len(self._reached)
        return next(step for step in range(max(1, reached // _WATCHED), reached + 1) if reached % step == 0)

    def _arrived(self, generations: Sequence[int]) -> int:
        whole, rest = divmod(self.count, len(self._documents))
        if whole and rest:
            raise ValueError("a backlog is less than all documents once, or all of them so many times")
        passed = sum(max(0, generation - self.generation + 1) for generation in generations)
        return passed * self._step * self.shape.weight


def _each(cursor: Cursor, statements: list[str]) -> None:
    cursor.execute("; ".join(statements))
    while cursor.nextset():
        pass
