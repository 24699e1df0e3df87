"""Who may do what next: users of either side, the follower, the listener, and a follower that dies and starts again.

Every decision is made by `Rules`; here is only who carries it out, in which commit, and what it costs the state.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TypeVar

from sync.model.batch import Batch
from sync.model.change import Entry, Hold, Origin, Side, Transaction
from sync.model.choice import EVERYWHERE, Choice, Head, Taken, covers, unit_value
from sync.model.lens import difference
from sync.model.mapping import Policy
from sync.model.meeting import Answer
from sync.model.notes import NONE, Note, Place
from sync.model.outcome import Looked
from sync.model.policies import Rule
from sync.model.position import BinlogPosition, Known, Position
from sync.model.rulings import Ruling
from tests.laws.meeting.made import Made
from tests.laws.meeting.rules import Rules, place_in_stream
from tests.laws.meeting.shapes import DOCUMENT, TWO_COLUMNS, Document, Edits, Shape
from tests.laws.meeting.state import (
    Conflict,
    Decision,
    Log,
    Logged,
    Look,
    Lost,
    Marking,
    Noted,
    Reading,
    Said,
    Second,
    State,
    Writing,
)

_NO_LOSERS: frozenset[Lost] = frozenset()
_E = TypeVar("_E", bound=Entry)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is searched."""

    #: User writes a side.
    writes: int
    shape: Shape = TWO_COLUMNS
    policy: Policy = Policy.LAST_WRITE_WINS
    #: Microseconds; a large one makes all times equal, so that the configured side decides.
    resolution: int = 1000
    #: Values of each place, so that they recur; 0: every write brings a new one.
    values: int = 0
    edits: Edits = field(default_factory=Edits)
    #: A person may decide any look for either side; under `manual`, late, what they were asked.
    person: bool = False
    #: The follower learns late which documents are held.
    stale: bool = False
    #: A worker applies several entries in one transaction.
    batch: bool = False
    #: The follower dies between any two commits and forgets its own writes.
    crash: bool = False
    #: MySQL may refuse what the listener writes, until it does no longer.
    refusals: bool = False
    #: What MySQL makes of a write by itself.
    made: Made | None = None

    @property
    def start(self) -> State:
        values = self.shape.start
        first = self.shape.document(self.made(None, values, 0) if self.made else values)
        return State(
            mysql=first,
            mongo=first,
            binlog=Log(Side.MYSQL),
            stream=Log(Side.MONGO),
            follower_at=0,
            listener_at=0,
            refusing=self.refusals,
        )


class Moves:
    """All moves of one setting. What the rules answer is remembered, for they are pure and asked the same again and again."""

    def __init__(self, setting: Setting, rules: Rules) -> None:
        self._setting = setting
        self._rules = rules
        self._collection = replace(setting.shape.collection, policy=setting.policy)
        self._rule = Rule(policy=setting.policy, resolution=setting.resolution)
        self._known_notes: dict[frozenset[tuple[Place, Note]], Noted] = {}
        self._no_notes = self._one(Noted(NONE))
        self._log = cache(self._log_uncached)
        self._crossed = cache(rules.crossed)
        self._fold = cache(self._fold_uncached)
        self._add = cache(self._add_uncached)
        self._outcomes = cache(self._outcomes_uncached)
        self._left = cache(self._left_uncached)
        self._seen = cache(self._seen_uncached)

    def of(self, state: State) -> Iterator[State]:
        """The states that may follow. Where there is none, users and workers are done."""
        for following in self._all(state):
            yield self._tidy(following)

    def relief(self, state: State) -> Iterator[State]:
        """What time brings where an outcome was refused: the clock begins again, the reason for the refusal goes away."""
        if state.refusing:
            yield state._replace(refusing=False)
        if state.conflict and state.conflict.waiting and self._rules.begins_again:
            yield self._tidy(state._replace(conflict=state.conflict._replace(look=None, waiting=False)))

    def _all(self, state: State) -> Iterator[State]:
        yield from self._users(state)
        if isinstance(state.step, Writing):
            yield self._write_mongo(state, state.step)
        elif state.step:
            yield self._go_on_looking(state, state.step)
        else:
            yield from self._apply_binlog(state)
            yield from self._look(state)
        yield from self._apply_stream(state)
        yield from self._meet_marks(state)
        if state.conflict and self._setting.person and self._asks:
            yield from self._person(state, state.conflict)
        if self._setting.stale and state.known != (state.conflict is not None):
            yield state._replace(known=not state.known)
        if self._setting.crash and (state.step or (state.conflict and state.conflict.look)):
            yield self._start_again(state)

    # Users.

    def _users(self, state: State) -> Iterator[State]:
        setting, clock = self._setting, state.binlog.users + state.stream.users + 1
        values = range(setting.values) if setting.values else (clock,)
        if state.binlog.users < setting.writes:
            for edited in self._edits(state.mysql, clock, values):
                new = self._made(state, edited)
                if new is state.mysql:
                    continue
                log = self._log(state.binlog, Origin.USER, state.mysql, new, clock, 0)
                yield state._replace(mysql=new, binlog=log)
        if state.stream.users < setting.writes:
            for new in self._edits(state.mongo, clock, values):
                log = self._log(state.stream, Origin.USER, state.mongo, new, clock, 0)
                yield state._replace(mongo=new, stream=log)

    def _edits(self, found: Document, clock: int, values: Iterable[int]) -> Iterator[Document]:
        shape = self._setting.shape
        for new in shape.edits(found, values, self._setting.edits):
            # Of two columns that are alike the first is changed first: the other half is this one's mirror image.
            if (
                clock > 1
                or not shape.alike
                or self._setting.made
                or new.values is None
                or new.value(0) != found.value(0)
            ):
                yield new

    # A person who is asked.

    @property
    def _asks(self) -> bool:
        return self._setting.policy is Policy.MANUAL

    def _person(self, state: State, conflict: Conflict) -> Iterator[State]:
        """Decides what is shown, for a side or for a value of their own; what they said comes late."""
        if conflict.sent:
            said = conflict._replace(sent=None, said=conflict.sent, asks=False, waiting=False, look=None)
            yield state._replace(conflict=said)
        elif conflict.asks and conflict.shown and not conflict.said:
            for head in sorted(conflict.questions):
                for take in (*Side, *((self._setting.values - 1,) if head[2] else ())):
                    yield state._replace(conflict=conflict._replace(sent=Said(head, take, *conflict.shown)))

    # The follower applies the binlog.

    def _knows(self, state: State) -> bool:
        return state.known if self._setting.stale else state.conflict is not None

    def _apply_binlog(self, state: State) -> Iterator[State]:
        known, at = self._knows(state), state.follower_at
        if known and not state.conflict:
            return  # the note will find no open row: first it must learn
        for end in self._ends(at, len(state.binlog)):
            applied = None
            for forgot in (False, True) if self._setting.crash else (False,):
                entries = self._relevant(state.binlog.entries[at:end], state.stream.last_echo, forgot)
                if entries == applied:
                    continue
                applied = entries
                if known:
                    yield from self._note_in_follower(state, entries, end)
                else:
                    yield from self._write_or_hold(state, entries, end)

    def _ends(self, at: int, last: int) -> range:
        return range(at + 1, (last if self._setting.batch else min(last, at + 1)) + 1)

    def _relevant(self, entries: tuple[Logged, ...], last_write: int, forgot: bool) -> tuple[Logged, ...]:
        chosen = self._rules.relevant(entries, lambda echo: self._crossed(echo, last_write, forgot))
        return _logged(chosen)

    def _note_in_follower(self, state: State, entries: tuple[Logged, ...], end: int) -> Iterator[State]:
        assert state.conflict
        conflict = self._noted_mysql(state.conflict, entries)
        yield state._replace(conflict=conflict, follower_at=end)
        if self._setting.crash:  # the row is in MySQL, the checkpoint is not in MongoDB
            yield state._replace(conflict=conflict)

    def _write_or_hold(self, state: State, entries: tuple[Logged, ...], end: int) -> Iterator[State]:
        written = self._fold(state.mongo, entries)
        if written:
            yield self._mongo(state, written)._replace(follower_at=end)
            return
        noted = _logged(self._rules.opening(entries)) if not state.conflict else entries
        conflict = self._noted_mysql(state.conflict or self._opened, noted)
        yield state._replace(conflict=conflict, known=self._setting.stale, follower_at=end)
        if self._setting.crash:
            yield state._replace(conflict=conflict, known=self._setting.stale)

    @property
    def _opened(self) -> Conflict:
        return Conflict(self._no_notes, self._no_notes)

    def _noted_mysql(self, conflict: Conflict, entries: tuple[Logged, ...]) -> Conflict:
        users = _users(entries)
        if not users:
            return conflict
        look = conflict.look
        passed = look is not None and _count(users[-1].position) > look.binlog_mark
        notes = self._add(conflict.mysql, users)
        asks = conflict.asks and notes is conflict.mysql
        return self._noted(conflict, passed)._replace(mysql=notes, asks=asks)

    def _noted(self, conflict: Conflict, passed: bool) -> Conflict:
        look = conflict.look
        if not look or self._rules.look_after_note(look.id, mark_passed=passed) is not None:
            return conflict
        return conflict._replace(look=None, waiting=conflict.waiting and not self._rules.begins_again)

    # The listener applies the stream. Rows, conflict row and checkpoint are one transaction, so its death loses all or nothing.

    def _apply_stream(self, state: State) -> Iterator[State]:
        at, conflict = state.listener_at, state.conflict
        for end in self._ends(at, self._next_mark(state)):
            users = _users(state.stream.entries[at:end])
            if conflict:
                passed = self._passed_by_listener(conflict.look, end)
                notes = self._add(conflict.mongo, users)
                asks = conflict.asks and notes is conflict.mongo
                noted = self._noted(conflict, passed)._replace(mongo=notes, asks=asks)
                yield state._replace(conflict=noted, listener_at=end)
                continue
            written = self._fold(state.mysql, users)
            if written:
                yield self._mysql(state, written, self._seen(state.stream, at, end))._replace(listener_at=end)
            if not written or (state.refusing and written is not state.mysql):
                noted = self._opened._replace(mongo=self._add(self._no_notes, _logged(self._rules.opening(users))))
                yield state._replace(conflict=noted, listener_at=end)

    def _next_mark(self, state: State) -> int:
        """The listener ends its batch at every mark."""
        last = len(state.stream)
        if state.second:
            last = min(last, state.second.position)
        look = state.conflict.look if state.conflict else None
        if look and look.stream_mark is not None and look.met is None:
            last = min(last, look.stream_mark)
        return last

    def _passed_by_listener(self, look: Look | None, end: int) -> bool:
        return look is not None and look.stream_mark is not None and end > look.stream_mark

    def _meet_marks(self, state: State) -> Iterator[State]:
        conflict = state.conflict
        if state.second:  # it comes before the mark of any later look
            if state.second.position == state.listener_at:
                met = state._replace(second=None)
                yield from self._settle(met, conflict, state.second.look) if conflict else (met,)
            return
        look = conflict.look if conflict else None
        if conflict and look and look.met is None and look.stream_mark == state.listener_at:
            yield state._replace(conflict=conflict._replace(look=look._replace(met=len(state.binlog))))

    def _settle(self, state: State, conflict: Conflict, written: int) -> Iterator[State]:
        look, decision = conflict.look, conflict.decision
        looked_at = look.mysql.rows if look else {}
        answer = self._rules.on_written(look.id if look else None, written, looked_at, state.mysql.rows)
        kept = state.lost | decision.losers if decision and decision.look == written else state.lost
        if decision and decision.mysql and decision.look == written:
            conflict = conflict._replace(base=decision.mysql)
        settled = state._replace(lost=kept, conflict=conflict) if answer in self._rules.keeps_losers else state
        if answer is Answer.MOVED:
            yield settled._replace(conflict=conflict._replace(look=None))
        elif answer is Answer.KEEP or not decision:
            yield settled
        else:
            following = self._left_to_a_person(conflict, decision) if decision.questions else None
            yield self._mysql(settled, decision.outcome, state.listener_at)._replace(conflict=following)
            if state.refusing and decision.outcome is not state.mysql:
                lost = kept if self._rules.keeps_losers_when_refused else state.lost
                yield state._replace(conflict=conflict._replace(waiting=True, said=None), lost=lost)

    def _left_to_a_person(self, conflict: Conflict, decision: Decision) -> Conflict:
        """The row of an outcome that both sides have but for the questions. What was said and did not count is gone by now."""
        assert decision.apart
        return Conflict(
            mysql=self._left(conflict.mysql, decision.questions),
            mongo=self._left(conflict.mongo, decision.questions),
            asks=True,
            questions=decision.questions,
            shown=(decision.outcome, decision.apart),
            sent=conflict.sent,
        )

    # The follower looks, decides and writes MongoDB.

    def _look(self, state: State) -> Iterator[State]:
        conflict = state.conflict
        if not conflict or not self._knows(state) or conflict.waiting or conflict.asks:
            return
        if conflict.look is None:
            yield state._replace(step=Reading(state.mysql))
        elif self._met(state, conflict.look):
            yield from self._decide(state, conflict, conflict.look)

    def _met(self, state: State, look: Look) -> bool:
        """Whether both workers have met the marks, and the follower all that came before the listener's commit."""
        if not self._rules.waits_for_marks:
            return look.stream_mark is not None and not self._decided(state, look)
        return look.met is not None and state.follower_at >= look.met and not self._decided(state, look)

    @staticmethod
    def _decided(state: State, look: Look) -> bool:
        decision = state.conflict.decision if state.conflict else None
        return decision is not None and decision.look == look.id

    def _go_on_looking(self, state: State, step: Reading | Marking) -> State:
        conflict = state.conflict
        if not conflict:
            return state._replace(step=None)
        if isinstance(step, Marking):
            look = conflict.look
            if not look:
                return state._replace(step=None)
            marked = conflict._replace(look=look._replace(stream_mark=len(state.stream)))
            return state._replace(conflict=marked, step=None)
        if step.mongo is None:
            return state._replace(step=Reading(step.mysql, state.mongo))
        if step.mongo is step.mysql and not self._rules.looks_at_equal:
            return state._replace(conflict=None, step=None)
        look = Look(_next_id(state), step.mysql, step.mongo, binlog_mark=len(state.binlog))
        return state._replace(conflict=conflict._replace(look=look), step=Marking(look.id))

    def _decide(self, state: State, conflict: Conflict, look: Look) -> Iterator[State]:
        if self._rules.reads_again and state.mysql is not look.mysql:
            yield state._replace(conflict=conflict._replace(look=None))
            return
        asked = conflict.questions if self._rules.remembers_questions else frozenset()
        for decision, entered, overruled in self._outcomes(
            look.mysql, look.mongo, conflict.mysql, conflict.mongo, asked, conflict.said, conflict.base
        ):
            of_look = decision._replace(look=look.id, mysql=look.mysql if self._collection.lists else None)
            decided = conflict._replace(decision=of_look, said=conflict.said if entered else None)
            writing = Writing(look.id, look.mongo, of_look.apart or of_look.outcome)
            yield state._replace(conflict=decided, step=writing, overruled=state.overruled or overruled)

    def _write_mongo(self, state: State, step: Writing) -> State:
        """Guarded, with the second mark; the retry finds the document moved, and the look is given up."""
        conflict = state.conflict
        if state.mongo is not step.mongo and self._rules.guards_mongo:
            if conflict and conflict.look and conflict.look.id == step.look:
                conflict = conflict._replace(look=None)
            return state._replace(conflict=conflict, step=None)
        written = self._mongo(state, step.outcome)
        return written._replace(step=None, second=Second(len(written.stream), step.look))

    def _start_again(self, state: State) -> State:
        conflict = state.conflict
        if conflict and self._rules.clears_looks_at_start:
            conflict = conflict._replace(look=None)
        return state._replace(conflict=conflict, step=None)

    # What a state becomes.

    def _mongo(self, state: State, new: Document) -> State:
        if new is state.mongo:
            return state
        return state._replace(mongo=new, stream=self._log(state.stream, Origin.ECHO, state.mongo, new, 0, 0))

    def _mysql(self, state: State, new: Document, seen: int) -> State:
        """The listener writes; what MySQL makes of it by itself stands in the same transaction."""
        if new is state.mysql:
            return state
        made, log = self._made(state, new), state.binlog
        if not self._rules.tells_corrections:  # all that the transaction holds is taken for an echo
            return state._replace(mysql=made, binlog=self._log(log, Origin.ECHO, state.mysql, made, 0, seen))
        if made is not state.mysql:
            log = self._log(log, Origin.ECHO, state.mysql, new, 0, seen)
        if made is not new:
            clock = state.binlog.users + state.stream.users
            log = self._log(log, Origin.USER, new, made, clock, 0, correction=True)
        return state._replace(mysql=made, binlog=log)

    def _made(self, state: State, new: Document) -> Document:
        made, fresh = self._setting.made, 10_000 + len(state.binlog)
        if made is None or new.values is None:
            return new
        return self._setting.shape.document(made(state.mysql.values, new.values, fresh))

    def _tidy(self, state: State) -> State:
        """Without differences that nobody can see: the listener passes echoes at once, for it drops them; a decision whose
        second mark can no longer come is never asked for."""
        at, entries = state.listener_at, state.stream.entries
        if at < len(entries) and entries[at].origin is Origin.ECHO:
            last = self._next_mark(state)
            while at < last and entries[at].origin is Origin.ECHO:
                at += 1
            if at != state.listener_at:
                state = state._replace(listener_at=at)
        conflict = state.conflict
        if conflict and conflict.decision and not state.second and not isinstance(state.step, Writing):
            state = state._replace(conflict=conflict._replace(decision=None))
        return state

    # The rules, asked with what states hold.

    def _log_uncached(
        self,
        log: Log,
        origin: Origin,
        found: Document,
        left: Document,
        clock: int,
        seen: int,
        *,
        correction: bool = False,
    ) -> Log:
        count = len(log) + 1
        made = Entry(
            document=DOCUMENT,
            changes=difference(self._collection, found.rows, left.rows),
            origin=origin,
            committed_at=clock * 1000,
            position=_place(log.side, count),
            seen=place_in_stream(seen) if origin is Origin.ECHO else None,
            correction=correction,
        )
        entry = Logged.between(found, left, made)
        if correction:
            return Log(log.side, (*log.entries, entry), log.users, log.last_echo)
        if origin is Origin.ECHO:
            return Log(log.side, (*log.entries, entry), log.users, count)
        return Log(log.side, (*log.entries, entry), log.users + 1, log.last_echo)

    def _fold_uncached(self, target: Document, entries: tuple[Logged, ...]) -> Document | None:
        """None: the document must be held."""
        folded = self._rules.fold(self._collection, target.rows, entries)
        return None if isinstance(folded, Hold) else self._setting.shape.of_rows(folded)

    def _seen_uncached(self, stream: Log, at: int, end: int) -> int:
        batch = Batch(tuple(_transaction(entry) for entry in stream.entries[at:end]))
        return _count(self._rules.seen(batch))

    def _add_uncached(self, noted: Noted, entries: tuple[Logged, ...]) -> Noted:
        notes = noted.notes
        for entry in entries:
            notes = self._rules.add(notes, entry, self._collection.keeps_steps)
        return self._one(Noted(notes))

    def _one(self, noted: Noted) -> Noted:
        """The one object that has these notes."""
        return self._known_notes.setdefault(frozenset(noted.notes.places.items()), noted)

    def _left_uncached(self, noted: Noted, questions: frozenset[Head]) -> Noted:
        return self._one(Noted(self._rules.left(self._setting.shape.collection, noted.notes, questions)))

    def _outcomes_uncached(
        self,
        mysql: Document,
        mongo: Document,
        of_mysql: Noted,
        of_mongo: Noted,
        asked: frozenset[Head],
        said: Said | None,
        base: Document | None,
    ) -> tuple[tuple[Decision, bool, bool], ...]:
        """Each with whether what a person said entered it, and whether that made something lose which they were not shown."""
        shape = self._setting.shape
        looked = Looked(mysql=mysql.rows, mongo=mongo.rows, base=base.rows if base else None)
        notes = {Side.MYSQL: of_mysql.notes, Side.MONGO: of_mongo.notes}
        taken = self._entering(looked, said) if said else {}
        found: dict[tuple[Decision, bool, bool], None] = {}
        for chosen in (None, *Side) if self._setting.person and not self._asks else (None,):
            choice = Choice(side=chosen, taken=taken, asked=asked)
            outcome = self._rules.decide(self._collection, self._rule, looked, notes, choice)
            losers = frozenset((one.place, one.value) for one in outcome.losers if shape.loses(one.place))
            kept = _NO_LOSERS if self._setting.values else frozenset(one for one in losers if one[1] is not None)
            decision = Decision(
                look=0,
                outcome=shape.of_rows(outcome.rows),
                losers=kept,
                questions=frozenset(outcome.questions),
                apart=shape.of_rows(outcome.apart) if outcome.apart else None,
            )
            found[decision, bool(taken), bool(taken) and self._overrules(losers, said)] = None
        return tuple(found)

    def _entering(self, looked: Looked, said: Said) -> dict[Head, Taken]:
        """What was said, if it counts where these rows stand."""
        collection = self._setting.shape.collection
        side = said.take if isinstance(said.take, Side) else None
        taken = Taken(
            head=said.head,
            mysql=unit_value(collection, said.mysql.rows, said.head),
            mongo=unit_value(collection, said.mongo.rows, said.head),
            side=side,
            value=None if side else said.take,
        )
        nothing = dict.fromkeys(Side, NONE)
        differing = self._rules.decide(collection, self._rule, looked, nothing, Choice(asked=EVERYWHERE)).units
        ruling = Ruling(request=1, by="", reason="", asked_at="", taken=(taken,))
        return self._rules.judged(collection, looked.mysql, looked.mongo, differing, [ruling]).taken

    def _overrules(self, losers: Iterable[Lost], said: Said | None) -> bool:
        """Whether something loses at what was decided, and the person was not shown it."""
        assert said
        shape = self._setting.shape
        at = [index for index, place in enumerate(shape.places) if covers(shape.collection, said.head, place)]
        shown = {(shape.places[index], one.value(index)) for index in at for one in (said.mysql, said.mongo)}
        places = {shape.places[index] for index in at}
        return any(one not in shown for one in losers if one[0] in places)


def _next_id(state: State) -> int:
    """The least that nothing goes by."""
    decision = state.conflict.decision if state.conflict else None
    used = {state.second.look if state.second else 0, decision.look if decision else 0}
    return next(number for number in (1, 2, 3) if number not in used)


def _users(entries: tuple[Logged, ...]) -> tuple[Logged, ...]:
    return tuple(entry for entry in entries if entry.origin is Origin.USER)


def _logged(entries: Sequence[Entry]) -> tuple[Logged, ...]:
    """The search hands only such to the rules."""
    return tuple(entry for entry in entries if isinstance(entry, Logged))


def _place(side: Side, count: int) -> Position:
    if side is Side.MONGO:
        return place_in_stream(count)
    return BinlogPosition(server="s", file="binlog.000001", offset=count)


def _count(position: Position) -> int:
    return position.offset if isinstance(position, BinlogPosition) else position.time


def _transaction(entry: Logged) -> Transaction:
    return Transaction(
        entries=(entry,),
        position=entry.position,
        first_user=entry.position if entry.origin is Origin.USER else None,
        known=Known(seq=0, lease=""),
    )
