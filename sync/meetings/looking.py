"""The follower's half of a look: reads both sides of held documents, marks both logs, decides, and writes MongoDB.

What it knows of looks lives in memory: a follower that starts clears them all, which is safe at every step.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Collection, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeVar

from sync.conflict_ports import ConflictDatabase, ConflictStore, Decision, DueConflict
from sync.errors import CommandRefused, Contention, NotAsked, PolicyFailed, Refused
from sync.lease import Lease, NothingToWrite
from sync.meetings.asking import decided
from sync.meetings.clocks import ServerClocks
from sync.meetings.custom import Functions
from sync.meetings.pauses import Pauses
from sync.meetings.retention import Retention
from sync.meetings.rows import in_rows
from sync.model.batch import Batch
from sync.model.change import DocumentId, DocumentRows, Hold, Side
from sync.model.fold import broken
from sync.model.kinds import refined
from sync.model.mapping import CollectionMapping, SyncMapping
from sync.model.meeting import as_looked, ranked
from sync.model.notes import Notes
from sync.model.outcome import Looked
from sync.model.policies import Ask, Rule
from sync.model.position import Mark
from sync.model.rulings import Ruling
from sync.model.values import rows_to_json
from sync.ports import Columns, Current, DocumentWrite, Reader, TargetTransaction

#: Documents, and about how many rows of them, in one look.
DOCUMENTS, ROWS = 1000, 20_000
#: Seconds after which held documents are asked for although no log told of one.
ANYWAY = 1.0
#: Seconds of a step after which nothing more is decided in it, and no function of the users' own is asked.
LONGEST = 1.0

_Result = TypeVar("_Result")
_NO_KEY = "a person: its key is none of the mapping's, or too long to be kept; mend it on the side that has it"


class _Unreadable(NamedTuple):
    """MySQL's rows that cannot be carried: why, and what stands there as text."""

    reason: str
    stored: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """One document under a look."""

    document: DocumentId
    #: As each side has them; `looked` has lists by rank. None: it cannot be carried, and a person chose the other side's.
    mysql: DocumentRows | None
    mongo: DocumentRows | None
    looked: Looked
    #: As it was due: with what people said of it.
    due: DueConflict


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """What became of the outcomes of a look."""

    #: Rows whose outcome stands in MongoDB, and those that it refuses.
    decided: Collection[int] = ()
    holds: Mapping[int, Hold] = field(default_factory=dict)
    #: Nothing was written.
    spoiled: bool = False


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
        self._mapping = mapping
        self._lease = lease
        self._mysql = mysql
        self._conflicts = conflicts
        self._resolution = resolution
        self._functions = Functions()
        self.clocks = clocks
        self._columns = columns
        self._looks: dict[int, dict[int, _Look]] = {}
        self._met: list[int] = []
        #: Documents whose functions there was no time to ask, and how many of them the next look takes.
        self._unasked: set[int] = set()
        self._turns = 1
        self._pauses = Pauses()
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
        self._functions.check(self._mapping.functions)
        self._in_rows(lambda rows: rows.looks.clear())

    def close(self) -> None:
        """End what it has started."""
        self._functions.close()

    def noticed(self, batch: Batch | None) -> None:
        """The batch was applied: the marks that it met count from here on."""
        for one in batch.transactions if batch else ():
            if self._in_the_way:
                for entry in one.entries:
                    for number in self._in_the_way.get(entry.document, ()):
                        self._pauses.moved(number)
            if one.due:
                self._ask_at = 0.0
            if one.closed:
                self._pauses.something_closed()
            if one.mark:
                self.ahead.discard(one.mark.look)
            if one.met is not None:
                self._met.append(one.met)

    def choose(self, document: DocumentId, side: Side) -> int:
        """A person has decided for this side's version; the number of the conflict row in which that happens."""
        conflict = self._in_rows(lambda rows: rows.choose(document, side))
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

        self._in_rows(rule)
        self._ask_at = 0.0

    def rest(self, longest: float) -> float:
        """Seconds until there is something to do, at most `longest`."""
        if self._met:
            return 0.0
        return min(longest, max(0.0, min(self._ask_at, self._pauses.next_due()) - time.monotonic()))

    def step(self) -> None:
        """Decide what both workers have met, look at what is due."""
        now = began = time.monotonic()
        while self._met and now - began < LONGEST:
            look = self._met.pop(0)
            under = self._looks.pop(look, None)
            if under:
                self._settle(look, under)
            now = time.monotonic()
        if now >= min(self._ask_at, self._pauses.next_due()):
            self._ask_at = now + ANYWAY
            for some in map(self._in_turn, self._due(now)):
                if some:
                    self._look(some[:DOCUMENTS])
                if len(some) > DOCUMENTS:
                    self._ask_at = now
        self._retention.step(now)

    # Looking.

    def _due(self, now: float) -> list[list[DueConflict]]:
        """What may be looked at now, by collection."""
        under = {number: look for look, documents in self._looks.items() for number in documents}
        limit = DOCUMENTS + len(self._pauses) + len(under) + self._hopeless

        def ask(rows: ConflictStore) -> Sequence[DueConflict]:
            found = rows.looks.due(limit)
            for one in found:
                if one.document is None and not one.waiting:
                    rows.looks.wait(one.conflict, _NO_KEY)
            return found

        found = self._in_rows(ask)
        self._hopeless = sum(1 for one in found if one.waiting and one.document is None)
        if len(found) < limit:
            still = {one.conflict for one in found} | under.keys()
            self._pauses.keep_only(still)
            self._unasked &= still
        due: dict[str, list[DueConflict]] = {}
        self._in_the_way = {}
        for one in found:
            for document in one.blockers:
                self._in_the_way.setdefault(document, set()).add(one.conflict)
            if one.document is None:
                continue
            if one.conflict in under:
                if one.waiting:  # only so that its pause does not end again and again
                    self._pauses.over(one.conflict, now, waiting=True)
                else:  # a newer note has cleared its look
                    self._forget(under[one.conflict], one.conflict)
                    self._pauses.cleared(one.conflict, now)
            elif self._may_be_looked_at(one, now):
                due.setdefault(one.document.collection, []).append(one)
        return [_with_those_in_the_way(some, found, under) for some in due.values()]

    def _in_turn(self, due: list[DueConflict]) -> list[DueConflict]:
        """Without those whose functions there will be no time to ask: they stay due."""
        later = [one for one in due if one.conflict in self._unasked and not one.waiting]
        left = {one.conflict for one in later[self._turns :]}
        return [one for one in due if one.conflict not in left]

    def _may_be_looked_at(self, due: DueConflict, now: float) -> bool:
        if due.asked is not None and not (due.waiting or due.rulings or due.chosen or due.overdue):
            return self._pauses.asked(due.conflict, now)
        return self._pauses.over(due.conflict, now, waiting=due.waiting)

    def _forget(self, look: int, conflict: int) -> None:
        """Nobody tells when the listener meets a look that no row has any more."""
        del self._looks[look][conflict]
        if not self._looks[look]:
            del self._looks[look]

    def _look(self, due: Sequence[DueConflict]) -> None:
        """Read MySQL, then MongoDB; the rows with the look's id are the mark in the binlog, the checkpoint that in the stream."""
        documents = {one.conflict: one.document for one in due if one.document}
        asked = {one.conflict: one for one in due}
        readings, unreadable = self._in_mysql(documents)
        problems = {number: f"MySQL's rows cannot be carried: {one.reason}" for number, one in unreadable.items()}
        mysql: dict[int, DocumentRows | _Unreadable] = dict(_few(readings))
        mysql |= {number: one for number, one in unreadable.items() if asked[number].chosen is Side.MONGO}
        look, under = secrets.randbits(62), dict[int, _Look]()  # at random: whatever is undone, an id never comes twice
        try:
            with self._lease.transaction(replace(self._lease.idle(), mark=Mark(look=look)), ()) as transaction:
                mongo = self._in_mongo(transaction, [documents[number] for number in mysql])
                for number, rows in mysql.items():
                    problem = mongo[documents[number]].problem
                    if problem and (asked[number].chosen is not Side.MYSQL or isinstance(rows, _Unreadable)):
                        problems[number] = f"MongoDB's document cannot be carried: {problem.reason}"
                    else:
                        under[number] = self._seen(documents[number], rows, mongo[documents[number]], asked[number])
                taken = transaction.conflicts.looks.begin(look, under) if under else frozenset()
                if not taken:
                    raise NothingToWrite
            self._looks[look] = {number: one for number, one in under.items() if number in taken}
            self.ahead.add(look)
        except Contention:
            self._give_up(look, documents)
        unseen = {number: reason for number, reason in problems.items() if number not in under}
        if unseen:
            self._wait(unseen)

    def _seen(self, document: DocumentId, mysql: DocumentRows | _Unreadable, mongo: Current, due: DueConflict) -> _Look:
        unreadable: dict[Side, str] = {}
        here, there = None, None
        if isinstance(mysql, _Unreadable):
            unreadable[Side.MYSQL] = mysql.stored
        else:
            here = mysql
        if mongo.problem:
            unreadable[Side.MONGO] = mongo.stored
        else:
            there = mongo.rows
        looked = as_looked(self._collection(document), here, there, unreadable)
        return _Look(document=document, mysql=here, mongo=there, looked=looked, due=due)

    def _in_mysql(self, documents: Mapping[int, DocumentId]) -> tuple[dict[int, DocumentRows], dict[int, _Unreadable]]:
        """Each document's rows; and why some are none."""
        readings = self._mysql.read(list(documents.values()), exact=False).documents
        rows: dict[int, DocumentRows] = {}
        problems: dict[int, _Unreadable] = {}
        for number, document in documents.items():
            current = readings[document]
            problem = current.problem or broken(
                self._collection(document), ranked(self._collection(document), current.rows)
            )
            if problem:
                stored = current.stored or json.dumps(rows_to_json(current.rows), ensure_ascii=False)
                problems[number] = _Unreadable(problem.reason, stored)
            else:
                rows[number] = current.rows
        return rows, problems

    def _in_mongo(
        self, transaction: TargetTransaction, documents: Collection[DocumentId]
    ) -> Mapping[DocumentId, Current]:
        return transaction.read(
            {one: frozenset(table.name for table in self._collection(one).tables) for one in documents}
        )

    # Deciding.

    def _settle(self, look: int, under: Mapping[int, _Look]) -> None:
        """Both workers have noted all that led to what was looked at."""
        now, _ = self._in_mysql({number: one.document for number, one in under.items()})
        still = {number: one for number, one in under.items() if now.get(number) == one.mysql}
        failed, unasked = self._ask(look, still)
        still = {number: one for number, one in still.items() if number not in failed and number not in unasked}
        self._give_up(look, under.keys() - still.keys() - set(failed))
        decided: Collection[int] = ()
        try:
            decided = self._write(look, still).decided if still else ()
        except Contention:
            pass  # nothing stands in MongoDB: looked at again
        except Refused:
            decided = self._settle_apart(look, still)
        self._give_up(look, still.keys() - set(decided))
        self._functions.forget(unfinished=bool(self._unasked))

    def _ask(self, look: int, still: Mapping[int, _Look]) -> tuple[Collection[int], Collection[int]]:
        """Ask functions of the users' own, before anything is locked; those that do not decide leave their documents waiting.
        Returns these, and those that there was no time for."""
        asking = [number for number, one in still.items() if self._collection(one.document).functions]
        failed: dict[int, str] = {}
        unasked: list[int] = []
        if asking:
            self._functions.allow(LONGEST)
            notes, bases = self._in_rows(lambda rows: (rows.looks.notes(look, asking), rows.looks.bases(asking)))
            for number, of_document in notes.items():
                try:
                    self._decision(still[number], of_document, bases.get(number), self._functions.ask)
                except PolicyFailed as error:
                    failed[number] = f"a person, or the policy's function: {error.message}"
                except NotAsked:
                    unasked.append(number)
                self._lease.beat()
            self._wait(failed, undecided=True)
            self._unasked.difference_update(asking)
            if unasked:
                self._unasked.update(unasked)
                self._turns = max(1, len(notes) - len(unasked))
            if self._unasked:
                self._ask_at = 0.0
        return failed.keys(), unasked

    def _settle_apart(self, look: int, still: Mapping[int, _Look]) -> Collection[int]:
        """Some of the outcomes are refused: by MongoDB, or by MySQL, where what is kept of a decision is larger than it takes.
        Those wait, the others are written. Returns what has come to something."""
        left, refused = dict(still), dict[int, Hold]()
        written = _Written(spoiled=True)
        while left and written.spoiled:
            try:
                written = self._write(look, left, apart=True)
            except Contention:
                break  # the others are looked at again
            except Refused as error:
                if len(left) > 1:
                    ended = [one for number in left for one in self._settle_apart(look, {number: left[number]})]
                    return {*ended, *self._wait_for(refused)}
                self._wait(dict.fromkeys(left, f"room for what is kept of a conflict: {error.message}"))
                return {*left, *self._wait_for(refused)}
            refused |= written.holds
            left = {number: one for number, one in left.items() if number not in refused}
        return {*written.decided, *self._wait_for(refused)}

    def _wait_for(self, refused: Mapping[int, Hold]) -> Collection[int]:
        """Those that MongoDB refuses."""
        if refused:
            reasons = {number: f"MongoDB refuses the outcome: {hold.reason}" for number, hold in refused.items()}
            self._wait(reasons, refused)
        return refused.keys()

    def _write(self, look: int, still: Mapping[int, _Look], *, apart: bool = False) -> _Written:
        """The outcome into the rows, then into those documents that are still the ones looked at. `apart`: what MongoDB
        refuses is told; else `Refused` is raised."""
        decisions: dict[int, Decision] = {}
        touched: list[DocumentId] = []
        refused: Mapping[DocumentId, Hold] = {}
        written: Collection[int] = ()
        spoiled = False
        mark = Mark(look=look, written=tuple(still))
        with self._lease.transaction(replace(self._lease.idle(), mark=mark), touched) as transaction:
            looks = transaction.conflicts.looks
            notes = looks.notes(look, still.keys())
            bases = looks.bases(notes.keys()) if notes else {}
            mongo = self._in_mongo(transaction, [still[number].document for number in notes])
            writes: list[DocumentWrite] = []
            for number, of_document in notes.items():
                one = still[number]
                current = mongo[one.document]
                if (None if current.problem else current.rows) != one.mongo:
                    continue
                try:
                    decision = self._decision(one, of_document, bases.get(number), self._functions.answered)
                except (NotAsked, PolicyFailed):  # noted anew since its function was asked
                    continue
                kind, wanted = refined(one.due.kind, one.looked, of_document), decision.outcome.of(Side.MONGO)
                decisions[number] = decision if kind is one.due.kind else replace(decision, kind=kind)
                if wanted != one.mongo:
                    writes.append(DocumentWrite(document=one.document, before=one.looked.mongo, after=wanted))
            if apart:
                done = transaction.write_apart(writes)
                refused, spoiled = done.holds, done.spoiled
                decisions = {number: one for number, one in decisions.items() if still[number].document not in refused}
            elif decisions:
                transaction.write(writes)
            if spoiled or not decisions:
                raise NothingToWrite
            looks.decided(look, decisions)
            touched += [write.document for write in writes if write.document not in refused]
            written = decisions.keys()
        return _Written(
            decided=written,
            holds={number: refused[one.document] for number, one in still.items() if one.document in refused},
            spoiled=spoiled,
        )

    def _decision(self, one: _Look, notes: Mapping[Side, Notes], base: DocumentRows | None, ask: Ask) -> Decision:
        """`base`: see `LookStore.bases`. Raises `PolicyFailed`, and what `ask` does."""
        collection = self._collection(one.document)
        rule = Rule(
            policy=collection.policy,
            tie=self._mapping.tie,
            resolution=self._resolution(),
            clocks=self.clocks.now(),
            ask=ask,
            refusal=self._columns.refusal,
        )
        looked = one.looked if base is None else replace(one.looked, base=ranked(collection, base))
        return decided(self._mapping, collection, one.due, looked, one.mysql, notes, rule)

    def _give_up(self, look: int, conflicts: Collection[int]) -> None:
        if not conflicts:
            return
        self._in_rows(lambda rows: rows.looks.give_up(conflicts, look))
        for number in conflicts:
            self._pauses.cleared(number, time.monotonic())

    def _wait(
        self, reasons: Mapping[int, str], refused: Mapping[int, Hold] | None = None, *, undecided: bool = False
    ) -> None:
        def wait(rows: ConflictStore) -> None:
            for number, reason in reasons.items():
                rows.looks.wait(number, reason, refused[number] if refused else None, undecided=undecided)

        self._in_rows(wait)
        for number in reasons:
            self._pauses.waits(number, time.monotonic())

    def _in_rows(self, do: Callable[[ConflictStore], _Result]) -> _Result:
        """What is not done here is nowhere else done before the next start."""
        return in_rows(self._conflicts, do)

    def _collection(self, document: DocumentId) -> CollectionMapping:
        return self._mapping.collections[document.collection]


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
