"""The follower's half of a look: which held documents are due, what stands on both sides of them, and a mark in both logs.

What it knows of looks lives in memory: a follower that starts clears them all, which is safe at every step.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import replace

from sync.conflict_ports import ConflictDatabase, ConflictStore, DueConflict
from sync.errors import CommandRefused, Contention
from sync.lease import Lease, NothingToWrite
from sync.meetings.clocks import ServerClocks
from sync.meetings.deciding import LONGEST, Deciding
from sync.meetings.held import Held
from sync.meetings.look import Look, Sides, Unreadable
from sync.meetings.retention import Retention
from sync.model.batch import Batch
from sync.model.change import DocumentId, DocumentRows, Side
from sync.model.mapping import SyncMapping
from sync.model.meeting import as_looked
from sync.model.position import Mark
from sync.model.rulings import Ruling
from sync.ports import Columns, Current, Reader

#: Documents, and about how many rows of them, in one look.
DOCUMENTS, ROWS = 1000, 20_000
#: Seconds after which held documents are asked for although no log told of one.
ANYWAY = 1.0
_NO_KEY = "a person: its key is none of the mapping's, or too long to be kept; mend it on the side that has it"


class Looking:
    """Looks at many held documents under one look id. Used between two batches, under the follower's lease."""

    def __init__(
        self,
        mapping: SyncMapping,
        lease: Lease,
        mysql: Reader,
        conflicts: ConflictDatabase,
        resolution: Callable[[], int],
        clocks: ServerClocks,
        columns: Columns,
    ) -> None:
        """`mysql` reads the other side's documents; `conflicts` is a connection apart from the target's transactions;
        `resolution`: see `sync.model.policies.Rule`; `columns` are asked before MongoDB is written with a new value."""
        self._lease = lease
        self.clocks = clocks
        self._columns = columns
        self._sides = Sides(mapping, mysql)
        self._held = Held(conflicts)
        self._deciding = Deciding(mapping, lease, self._sides, self._held, resolution, clocks, columns)
        self._looks: dict[int, dict[int, Look]] = {}
        self._met: list[int] = []
        self._retention = Retention(mapping, conflicts)
        self._ask_at = 0.0
        #: Rows that were asked for in vain: no look can help them.
        self._hopeless = 0
        #: Documents that are in the way of held ones, with the conflict rows of those.
        self._in_the_way: dict[DocumentId, set[int]] = {}
        #: Looks whose mark the binlog has not shown yet.
        self.ahead: set[int] = set()

    def start(self) -> None:
        """Take away what a predecessor left: the lease is taken, nothing has been read yet. Raises `ConfigError` where a
        policy's function cannot be called."""
        self._deciding.start()
        self._held.do(lambda rows: rows.looks.clear())

    def close(self) -> None:
        """End what it has started."""
        self._deciding.close()

    def noticed(self, batch: Batch | None) -> None:
        """The batch was applied: the marks that it met count from here on."""
        for one in batch.transactions if batch else ():
            if self._in_the_way:
                for entry in one.entries:
                    for number in self._in_the_way.get(entry.document, ()):
                        self._held.pauses.moved(number)
            if one.due:
                self._ask_at = 0.0
            if one.closed:
                self._held.pauses.something_closed()
            if one.mark:
                self.ahead.discard(one.mark.look)
            if one.met is not None:
                self._met.append(one.met)

    def choose(self, document: DocumentId, side: Side) -> int:
        """A person has decided for this side's version; the number of the conflict row in which that happens."""
        conflict = self._held.do(lambda rows: rows.choose(document, side))
        self._ask_at = 0.0
        return conflict

    def rule(self, conflict: int, ruling: Ruling) -> None:
        """A person has decided some units of a held document: the next look meets that. Raises `CommandRefused`."""

        def rule(rows: ConflictStore) -> None:
            rows.rule(conflict, ruling)
            for taken in ruling.taken:
                table, _, column = taken.head
                if taken.side is None and (why := self._columns.refusal(table, column, taken.value)):
                    raise CommandRefused(why, hint=f"lockstep conflicts show {conflict}")

        self._held.do(rule)
        self._ask_at = 0.0

    def rest(self, longest: float) -> float:
        """Seconds until there is something to do, at most `longest`."""
        if self._met:
            return 0.0
        return min(longest, max(0.0, min(self._ask_at, self._held.pauses.next_due()) - time.monotonic()))

    def step(self) -> None:
        """Decide what both workers have met, look at what is due."""
        now = began = time.monotonic()
        while self._met and now - began < LONGEST:
            look = self._met.pop(0)
            under = self._looks.pop(look, None)
            if under:
                self._deciding.settle(look, under)
                if self._deciding.unasked:
                    self._ask_at = 0.0
            now = time.monotonic()
        if now >= min(self._ask_at, self._held.pauses.next_due()):
            self._ask_at = now + ANYWAY
            for some in map(self._deciding.in_turn, self._due(now)):
                if some:
                    self._look(some[:DOCUMENTS])
                if len(some) > DOCUMENTS:
                    self._ask_at = now
        self._retention.step(now)

    # Looking.

    def _due(self, now: float) -> list[list[DueConflict]]:
        """What may be looked at now, by collection."""
        under = {number: look for look, documents in self._looks.items() for number in documents}
        limit = DOCUMENTS + len(self._held.pauses) + len(under) + self._hopeless

        def ask(rows: ConflictStore) -> Sequence[DueConflict]:
            found = rows.looks.due(limit)
            for one in found:
                if one.document is None and not one.waiting:
                    rows.looks.wait(one.conflict, _NO_KEY)
            return found

        found = self._held.do(ask)
        self._hopeless = sum(1 for one in found if one.waiting and one.document is None)
        if len(found) < limit:
            still = {one.conflict for one in found} | under.keys()
            self._held.pauses.keep_only(still)
            self._deciding.unasked &= still
        due: dict[str, list[DueConflict]] = {}
        self._in_the_way = {}
        for one in found:
            for document in one.blockers:
                self._in_the_way.setdefault(document, set()).add(one.conflict)
            if one.document is None:
                continue
            if one.conflict in under:
                if one.waiting:  # only so that its pause does not end again and again
                    self._held.pauses.over(one.conflict, now, waiting=True)
                else:  # a newer note has cleared its look
                    self._forget(under[one.conflict], one.conflict)
                    self._held.pauses.cleared(one.conflict, now)
            elif self._may_be_looked_at(one, now):
                due.setdefault(one.document.collection, []).append(one)
        return [_with_those_in_the_way(some, found, under) for some in due.values()]

    def _may_be_looked_at(self, due: DueConflict, now: float) -> bool:
        if due.asked is not None and not (due.waiting or due.rulings or due.chosen or due.overdue):
            return self._held.pauses.asked(due.conflict, now)
        return self._held.pauses.over(due.conflict, now, waiting=due.waiting)

    def _forget(self, look: int, conflict: int) -> None:
        """Nobody tells when the listener meets a look that no row has any more."""
        del self._looks[look][conflict]
        if not self._looks[look]:
            del self._looks[look]

    def _look(self, due: Sequence[DueConflict]) -> None:
        """Read MySQL, then MongoDB; the rows with the look's id are the mark in the binlog, the checkpoint that in the stream."""
        documents = {one.conflict: one.document for one in due if one.document}
        asked = {one.conflict: one for one in due}
        readings, unreadable = self._sides.in_mysql(documents)
        problems = {number: f"MySQL's rows cannot be carried: {one.reason}" for number, one in unreadable.items()}
        mysql: dict[int, DocumentRows | Unreadable] = dict(_few(readings))
        mysql |= {number: one for number, one in unreadable.items() if asked[number].chosen is Side.MONGO}
        look, under = secrets.randbits(62), dict[int, Look]()  # at random: whatever is undone, an id never comes twice
        try:
            with self._lease.transaction(replace(self._lease.idle(), mark=Mark(look=look)), ()) as transaction:
                mongo = self._sides.in_mongo(transaction, [documents[number] for number in mysql])
                for number, rows in mysql.items():
                    problem = mongo[documents[number]].problem
                    if problem and (asked[number].chosen is not Side.MYSQL or isinstance(rows, Unreadable)):
                        problems[number] = f"MongoDB's document cannot be carried: {problem.reason}"
                    else:
                        under[number] = self._seen(documents[number], rows, mongo[documents[number]], asked[number])
                taken = transaction.conflicts.looks.begin(look, under) if under else frozenset()
                if not taken:
                    raise NothingToWrite
            self._looks[look] = {number: one for number, one in under.items() if number in taken}
            self.ahead.add(look)
        except Contention:
            self._held.give_up(look, documents)
        unseen = {number: reason for number, reason in problems.items() if number not in under}
        if unseen:
            self._held.wait(unseen)

    def _seen(self, document: DocumentId, mysql: DocumentRows | Unreadable, mongo: Current, due: DueConflict) -> Look:
        unreadable: dict[Side, str] = {}
        here, there = None, None
        if isinstance(mysql, Unreadable):
            unreadable[Side.MYSQL] = mysql.stored
        else:
            here = mysql
        if mongo.problem:
            unreadable[Side.MONGO] = mongo.stored
        else:
            there = mongo.rows
        looked = as_looked(self._sides.collection(document), here, there, unreadable)
        return Look(document=document, mysql=here, mongo=there, looked=looked, due=due)


def _with_those_in_the_way(
    due: Sequence[DueConflict], found: Sequence[DueConflict], under: Container[int]
) -> list[DueConflict]:
    """With the waiting ones that are in each other's way: documents that exchange unique values settle together only."""
    waiting = {one.document: one for one in found if one.document and one.waiting and one.conflict not in under}
    taken = {one.conflict: one for one in due}
    todo = list(due)
    while todo:
        for document in todo.pop().blockers:
            other = waiting.get(document)
            if other and other.conflict not in taken:
                taken[other.conflict] = other
                todo.append(other)
    return list(taken.values())


def _few(readings: Mapping[int, DocumentRows]) -> dict[int, DocumentRows]:
    """As many as one look takes; the others stay due."""
    few: dict[int, DocumentRows] = {}
    count = 0
    for number, rows in readings.items():
        few[number] = rows
        count += sum(len(of_table) for of_table in rows.values())
        if count >= ROWS:
            break
    return few
