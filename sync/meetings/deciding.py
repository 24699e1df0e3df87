"""What becomes of a look once both workers have noted all that led to it: the outcome, in the rows and in MongoDB."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from sync.conflict_ports import Decision, DueConflict
from sync.errors import Contention, NotAsked, PolicyFailed, Refused
from sync.lease import Lease, NothingToWrite
from sync.meetings.asking import decided
from sync.meetings.clocks import ServerClocks
from sync.meetings.custom import Functions
from sync.meetings.held import Held
from sync.meetings.look import Look, Sides
from sync.model.carrying import Place
from sync.model.change import DocumentId, DocumentRows, Hold, Side
from sync.model.kinds import refined
from sync.model.mapping import SyncMapping
from sync.model.meeting import ranked
from sync.model.notes import Notes
from sync.model.outcome import Loser
from sync.model.policies import Ask, Rule
from sync.model.position import Mark
from sync.ports import Columns, DocumentWrite

#: Seconds of a step after which nothing more is decided in it, and no function of the users' own is asked.
LONGEST = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """What became of the outcomes of a look."""

    #: Rows whose outcome stands in MongoDB, and those that it refuses.
    decided: Collection[int] = ()
    holds: Mapping[int, Hold] = field(default_factory=dict)
    #: Nothing was written.
    spoiled: bool = False


class Deciding:
    """Decides looks that both workers have met, under the follower's lease."""

    def __init__(
        self,
        mapping: SyncMapping,
        lease: Lease,
        sides: Sides,
        held: Held,
        resolution: Callable[[], int],
        clocks: ServerClocks,
        columns: Columns,
    ) -> None:
        """`resolution`: see `sync.model.policies.Rule`; `columns` are asked before MongoDB is written with a new value."""
        self._mapping = mapping
        self._lease = lease
        self._sides = sides
        self._held = held
        self._resolution = resolution
        self._clocks = clocks
        self._columns = columns
        self._functions = Functions()
        #: Documents whose functions there was no time to ask, and how many of them the next look takes.
        self.unasked: set[int] = set()
        self._turns = 1

    def start(self) -> None:
        """Raises `ConfigError` where a policy's function cannot be called."""
        self._functions.check(self._mapping.functions)

    def close(self) -> None:
        """End what it has started."""
        self._functions.close()

    def in_turn(self, due: list[DueConflict]) -> list[DueConflict]:
        """Without those whose functions there will be no time to ask: they stay due."""
        later = [one for one in due if one.conflict in self.unasked and not one.waiting]
        left = {one.conflict for one in later[self._turns :]}
        return [one for one in due if one.conflict not in left]

    def settle(self, look: int, under: Mapping[int, Look]) -> None:
        """Both workers have noted all that led to what was looked at: write the outcome, or say why there is none."""
        now, _ = self._sides.in_mysql({number: one.document for number, one in under.items()})
        still = {number: one for number, one in under.items() if now.get(number) == one.mysql}
        failed, unasked = self._ask(look, still)
        still = {number: one for number, one in still.items() if number not in failed and number not in unasked}
        self._held.give_up(look, under.keys() - still.keys() - set(failed))
        decided: Collection[int] = ()
        try:
            decided = self._write(look, still).decided if still else ()
        except Contention:
            pass  # nothing stands in MongoDB: looked at again
        except Refused:
            decided = self._settle_apart(look, still)
        self._held.give_up(look, still.keys() - set(decided))
        self._functions.forget(unfinished=bool(self.unasked))

    def _ask(self, look: int, still: Mapping[int, Look]) -> tuple[Collection[int], Collection[int]]:
        """Ask functions of the users' own, before anything is locked; those that do not decide leave their documents waiting.
        Returns these, and those that there was no time for."""
        asking = [number for number, one in still.items() if self._sides.collection(one.document).functions]
        failed: dict[int, str] = {}
        unasked: list[int] = []
        if asking:
            self._functions.allow(LONGEST)
            notes, bases = self._held.do(lambda rows: (rows.looks.notes(look, asking), rows.looks.bases(asking)))
            for number, of_document in notes.items():
                try:
                    self._decision(still[number], of_document, bases.get(number), self._functions.ask)
                except PolicyFailed as error:
                    failed[number] = f"a person, or the policy's function: {error.message}"
                except NotAsked:
                    unasked.append(number)
                self._lease.beat()
            self._held.wait(failed, undecided=True)
            self.unasked.difference_update(asking)
            if unasked:
                self.unasked.update(unasked)
                self._turns = max(1, len(notes) - len(unasked))
        return failed.keys(), unasked

    def _settle_apart(self, look: int, still: Mapping[int, Look]) -> Collection[int]:
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
                self._held.wait(dict.fromkeys(left, f"room for what is kept of a conflict: {error.message}"))
                return {*left, *self._wait_for(refused)}
            refused |= written.holds
            left = {number: one for number, one in left.items() if number not in refused}
        return {*written.decided, *self._wait_for(refused)}

    def _wait_for(self, refused: Mapping[int, Hold]) -> Collection[int]:
        """Those that MongoDB refuses."""
        if refused:
            reasons = {number: f"MongoDB refuses the outcome: {hold.reason}" for number, hold in refused.items()}
            self._held.wait(reasons, refused)
        return refused.keys()

    def _write(self, look: int, still: Mapping[int, Look], *, apart: bool = False) -> _Written:
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
            mongo = self._sides.in_mongo(transaction, [still[number].document for number in notes])
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
                decision = decision if kind is one.due.kind else replace(decision, kind=kind)
                if wanted != one.mongo:
                    if one.mongo is not None:
                        decision = _with_unmapped(decision, transaction.unmapped(one.document), of_document)
                    writes.append(DocumentWrite(document=one.document, before=one.looked.mongo, after=wanted))
                decisions[number] = decision
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

    def _decision(self, one: Look, notes: Mapping[Side, Notes], base: DocumentRows | None, ask: Ask) -> Decision:
        """`base`: see `LookStore.bases`. Raises `PolicyFailed`, and what `ask` does."""
        collection = self._sides.collection(one.document)
        rule = Rule(
            policy=collection.policy,
            tie=self._mapping.tie,
            resolution=self._resolution(),
            clocks=self._clocks.now(),
            ask=ask,
            refusal=self._columns.refusal,
        )
        looked = one.looked if base is None else replace(one.looked, base=ranked(collection, base))
        return decided(self._mapping, collection, one.due, looked, one.mysql, notes, rule)


def _with_unmapped(decision: Decision, unmapped: Mapping[Place, str], notes: Mapping[Side, Notes]) -> Decision:
    """What no column takes goes with the object of a row that the outcome does not have. Its row may stand under another key,
    which no look knows of: so it has lost, and the report keeps it, as text."""
    outcome = decision.outcome
    wanted = outcome.of(Side.MONGO)
    time = max((note.time for note in notes[Side.MONGO].places.values()), default=0)
    lost = tuple(
        Loser(place=(table, key, ""), value=text, side=Side.MONGO, time=time)
        for (table, key), text in unmapped.items()
        if key not in wanted[table]
    )
    return replace(decision, outcome=replace(outcome, losers=(*outcome.losers, *lost))) if lost else decision
