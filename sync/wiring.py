"""The only file that knows all the parts: joins the sides to the workers and to what the command line asks for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import cached_property, partial
from types import TracebackType
from typing import Self

from sync.config import Config, Role, Server, variable
from sync.errors import CommandRefused, ConfigError, LockstepError
from sync.lease import Lease
from sync.meetings.custom import findings
from sync.model.change import CollectionState, DocumentId, Side
from sync.model.compare import compare
from sync.model.fold import broken
from sync.model.lens import assemble
from sync.model.mapping import CollectionMapping
from sync.model.report import (
    ConflictCounts,
    CopyReport,
    Explanation,
    Finding,
    Level,
    RepairReport,
    Step,
    VerifyReport,
)
from sync.model.states import judged
from sync.model.validator import Enforcement, Schema, validator
from sync.mongo import preflight as mongo_preflight
from sync.mongo import setup as mongo_setup
from sync.mongo import validators as mongo_validators
from sync.mongo.accounts import own_account
from sync.mongo.changes import ChangeStreamSource, StreamEnd
from sync.mongo.reader import MongoReader
from sync.mongo.server import MongoSettings
from sync.mongo.target import MongoTarget
from sync.mongo.witness import MongoWitness
from sync.mysql import preflight as mysql_preflight
from sync.mysql import setup as mysql_setup
from sync.mysql.binlog import BinlogEnd, BinlogSource
from sync.mysql.conflicts import MySQLConflicts
from sync.mysql.deciding import Deciding
from sync.mysql.desk import MySQLDesk
from sync.mysql.live_columns import LiveColumns
from sync.mysql.operators import Operators, held_among
from sync.mysql.reader import MySQLReader
from sync.mysql.server import MySQLSettings
from sync.mysql.target import MySQLTarget
from sync.ports import Reader
from sync.reconcile.first_copy import FirstCopy
from sync.reconcile.kept import Kept, kept_in
from sync.reconcile.pace import Pace
from sync.reconcile.passing import Direction, Passing
from sync.reconcile.progress import Progress
from sync.reconcile.repair import Repair
from sync.reconcile.repairing import Repaired, Repairing, answered
from sync.reconcile.rereading import Sides
from sync.reconcile.verify import Verify
from sync.structure import comparison
from sync.worker import OnState, Parts, Worker

#: The worker that writes a side, and the role whose database users it has.
WORKER = {Side.MONGO: "follower", Side.MYSQL: "listener"}
ROLE = {"follower": Role.FOLLOWER, "listener": Role.LISTENER}


def _quiet(state: str, reason: str, hint: str) -> None:
    """For callers who do not watch the worker's states."""


class Wiring:
    """One configured site: opens parts when they are needed and closes them together."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self.mapping = config.mapping
        self._open = ExitStack()
        self._made: dict[Side, Parts] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection that was opened here."""
        self._open.close()

    # Workers.

    def worker(self, name: str, on_state: OnState = _quiet) -> Worker:
        """The worker `follower` or `listener`; it opens its own connections."""
        parts = self._follower if name == "follower" else self._listener
        return Worker(name, self.mapping, parts, on_state)

    def _follower(self) -> Parts:
        mysql, mongo = self._mysql(Role.FOLLOWER), self._mongo(Role.FOLLOWER)
        target = MongoTarget(mongo, self.mapping, MySQLConflicts(mysql, self.mapping))
        reader = MySQLReader(mysql, self.mapping)
        return Parts(
            source=BinlogSource(mysql, self.mapping),
            target=target,
            end=BinlogEnd(mysql),
            reader=reader,
            conflicts=MySQLConflicts(mysql, self.mapping),
            desk=MySQLDesk(mysql, "follower"),
            clocks=(reader, target),
            columns=LiveColumns(mysql, self.mapping),
            problems=partial(self._problems, mysql, mongo),
            sides=partial(self._sides, mysql, mongo),
        )

    def _listener(self) -> Parts:
        mysql, mongo = self._mysql(Role.LISTENER), self._mongo(Role.LISTENER)
        return Parts(
            source=ChangeStreamSource(mongo, self.mapping, spared=own_account(self._mongo_roles())),
            target=MySQLTarget(mysql, self.mapping),
            end=StreamEnd(mongo),
            reader=MongoReader(mongo, self.mapping),
            conflicts=MySQLConflicts(mysql, self.mapping),
            desk=MySQLDesk(mysql, "listener"),
            problems=partial(self._problems, mysql, mongo),
        )

    def _problems(self, mysql: MySQLSettings, mongo: MongoSettings) -> Mapping[str, Sequence[str]]:
        """What is not as mapped, on both sides."""
        here, there = mysql_preflight.problems(mysql, self.mapping), mongo_preflight.problems(mongo, self.mapping)
        return {name: [*here.get(name, ()), *there.get(name, ())] for name in {*here, *there}}

    def _sides(self, mysql: MySQLSettings, mongo: MongoSettings) -> comparison.Sides:
        """For a comparison, which reads as the follower does."""
        return comparison.Sides(
            mysql=MySQLReader(mysql, self.mapping),
            mongo=MongoReader(mongo, self.mapping),
            conflicts=MySQLConflicts(mysql, self.mapping),
            logs=(
                ("follower", BinlogEnd(mysql), MongoTarget(mongo, self.mapping, MySQLConflicts(mysql, self.mapping))),
                ("listener", StreamEnd(mongo), MySQLTarget(mysql, self.mapping)),
            ),
        )

    # First copy, verify, repair.

    def bootstrap(self, origin: Side, progress: Progress) -> CopyReport:
        """The first copy, from `origin` into the other side. Raises `LeaseHeld` while a worker runs, and before anything
        is changed `ConfigError` for what would stop the workers afterwards."""
        mysql, mongo = self._mysql(Role.FOLLOWER), self._mongo(Role.FOLLOWER)
        mysql_preflight.require(mysql, self.mapping)
        mongo_preflight.require(mongo, self.mapping)
        copying, other = self._parts(origin.other), self._parts(origin)
        return FirstCopy(
            self.mapping,
            origin,
            source=copying.reader,
            target=other.reader,
            ends={origin: copying.end, origin.other: other.end},
            leases={origin.other: Lease(copying.target), origin: Lease(other.target)},
        ).run(progress)

    def verify(
        self,
        collections: Sequence[str],
        progress: Progress,
        *,
        sample: int | None = None,
        rate: int | None = None,
        anew: bool = False,
    ) -> VerifyReport:
        """Compare the named collections (none named: all), or so many documents of each; at most `rate` a second. It goes on
        where it was interrupted, if not `anew`. `CommandRefused` where documents differ and a running worker is too far
        behind to tell whether they will."""
        names = self._named(collections)
        operators = self._operators

        def held(documents: Sequence[DocumentId]) -> frozenset[DocumentId]:
            texts = operators.held_texts()
            return frozenset(one for one in documents if held_among(texts, one))

        sides = Sides(
            mysql=self.reader(Side.MYSQL),
            mongo=self.reader(Side.MONGO),
            witness=self._witness,
            held=held,
            passing=Passing(self.directions()),
        )
        with self._kept() as kept:
            run = Verify(self.mapping, sides, kept, names, progress, Pace(rate))
            return run.every(anew=anew) if sample is None else run.sample(sample)

    def _named(self, collections: Sequence[str]) -> tuple[str, ...]:
        return tuple(self.collection(name).name for name in collections) or tuple(self.mapping.collections)

    def _kept(self) -> AbstractContextManager[Kept]:
        """What verify keeps of these two databases."""
        mysql, mongo = self._mysql(Role.FOLLOWER), self._mongo(Role.LISTENER)
        places = f"{mysql.host}:{mysql.port}/{mysql.database} {mongo.place}"
        name = hashlib.sha256(places.encode()).hexdigest()[:16]
        return kept_in(self._config.state_folder / f"verify-{name}.db", self._config.fingerprint)

    def directions(self) -> Sequence[Direction]:
        """Both workers as verify sees them, with the users that it reads with: no right to write is needed."""
        mysql, mongo = self._mysql(Role.FOLLOWER), self._mongo(Role.LISTENER)
        conflicts = MySQLConflicts(mysql, self.mapping)
        made = [
            Direction(
                worker="follower",
                end=BinlogEnd(mysql),
                target=MongoTarget(mongo, self.mapping, conflicts),
                carries=partial(self._carries, "follower"),
            ),
            Direction(
                worker="listener",
                end=StreamEnd(mongo),
                target=MySQLTarget(mysql, self.mapping),
                carries=partial(self._carries, "listener"),
            ),
        ]
        for one in made:
            self._open.callback(one.end.close)
            self._open.callback(one.target.close)
        return made

    def _carries(self, worker: str) -> bool:
        """Whether it runs and is at work, by what it last said: a paused one is not."""
        return any(
            one["name"] == worker
            and judged(str(one["state"]), str(one["hint"]), float(str(one["age_seconds"]))).healthy
            for one in self._operators.workers()
        )

    def repair(self, document: DocumentId, origin: Side | None, *, dry_run: bool) -> RepairReport:
        """Make the document's other side like `origin` (None: as the policy has it): through a look, as a person's decision;
        or here, where the worker that writes that side does not run."""
        return self._repairing.one(document, origin, dry_run=dry_run)

    @property
    def deciding(self) -> Deciding:
        """How people decide held documents, unit by unit."""
        return Deciding(self._operators, self.mapping)

    def require_at_work(self, why: str) -> None:
        """`CommandRefused` where a worker is not."""
        for worker in WORKER.values():
            if not self._carries(worker):
                raise CommandRefused(
                    f"the {worker} is not at work, and {why}",
                    hint="lockstep status; start or resume it, or stop both and lockstep repair",
                )

    def repair_all(
        self, collections: Sequence[str], origin: Side | None, *, dry_run: bool, rate: int | None, progress: Progress
    ) -> Iterator[Repaired]:
        """The same for every document of these collections that verify found last."""
        with self._kept() as kept:
            documents = [
                one for name in self._named(collections) for one in kept.differences(self.mapping.collections[name])
            ]
            repairs = self._repairing.many(documents, origin, dry_run=dry_run, pace=Pace(rate))
            for number, done in enumerate(repairs, start=1):
                if isinstance(done, RepairReport) and not dry_run:
                    kept.repaired(done.document)
                progress("documents", number, len(documents))
                yield done

    @cached_property
    def _repairing(self) -> Repairing:
        return Repairing(self.mapping, self._operators, self.explain, self._repair_here, self._idle)

    def _idle(self) -> list[str]:
        return [worker for worker in WORKER.values() if not self._carries(worker)]

    @contextmanager
    def _repair_here(self, side: Side) -> Iterator[Repair]:
        parts = self._parts(side)
        lease = Lease(parts.target)
        checkpoint = lease.take()
        try:
            if checkpoint.copying:  # it goes on behind the last of `copied`, where a repair leaves its own
                message = f"a first copy from {side.other} was begun and not finished"
                raise CommandRefused(message, hint=f"lockstep bootstrap --from {side.other}")
            yield Repair(lease, parts.reader, parts.conflicts, parts.problems())
        finally:
            lease.release()

    def explain(self, document: DocumentId) -> Explanation:
        """Both sides of one document, and what the mapping makes of each."""
        collection = self.collection(document.collection)
        mysql = self.reader(Side.MYSQL).read([document], exact=False).documents[document]
        mongo = self.reader(Side.MONGO).read([document], exact=False).documents[document]
        mysql_problem = mysql.problem or broken(collection, mysql.rows)
        difference = compare(
            collection,
            document,
            mysql_problem or mysql.rows,
            mongo.problem or mongo.rows,
            held=False,
        )
        return Explanation(
            document=document,
            mysql_rows=mysql.rows,
            mysql_problem=mysql_problem,
            mysql_as_document=None if mysql_problem else assemble(collection, document.key, mysql.rows),
            mongo_rows=mongo.rows,
            mongo_problem=mongo.problem,
            mongo_document=self._mongo_reader.stored(document),
            places=difference.places if difference else (),
            conflict=self._operators.open_conflict(document),
        )

    # What stands where.

    def doctor(self) -> list[Finding]:
        """Everything that must be so on both servers; each finding with its fix. Changes nothing."""
        mysql = {str(role): self._mysql(role) for role in Role}
        mongo = {str(role): self._mongo(role) for role in Role}
        try:
            validators = self._validators()
        except LockstepError:  # MySQL's own findings say why
            validators = None
        return [
            *mysql_preflight.check(mysql, self.mapping),
            *mongo_preflight.check(mongo, self.mapping, validators),
            *findings(self.mapping.functions),
            *self._paused_findings(),
        ]

    def _validators(self) -> dict[str, Schema]:
        """Of each collection, as MySQL's columns are now."""
        columns = mysql_preflight.mapped_columns(self._mysql(Role.OWNER), self.mapping)
        return {name: validator(collection, columns) for name, collection in self.mapping.collections.items()}

    def _paused_findings(self) -> Iterator[Finding]:
        """What else is wrong, of both servers, has been said."""
        with suppress(LockstepError):
            for one in self.collections():
                level = Level.PROBLEM if one["state"] == CollectionState.PAUSED else Level.WARNING
                message = f"{one['state']}: {one['reason']}"
                yield Finding(level=level, subject=f"collection {one['name']}", message=message, fix=str(one["hint"]))

    def setup_steps(self, enforcement: Enforcement | None = None) -> list[Step]:
        """What `setup` does on both sides, in order, as owner. `enforcement` of validators; None: as it is."""
        mysql_roles = {str(role): self._mysql(role) for role in Role}
        mongo_users = {str(role): self._mongo(role).user for role in Role}
        return [
            *mysql_setup.steps(self._mysql(Role.OWNER), self.mapping, mysql_roles),
            *mongo_setup.steps(self._mongo(Role.OWNER), self.mapping, mongo_users),
            *mongo_validators.steps(self._mongo(Role.OWNER), self.mapping, self._validators, enforcement),
        ]

    def teardown_steps(self) -> list[Step]:
        """What `teardown` takes away again."""
        mysql_roles = {str(role): self._mysql(role) for role in Role}
        mongo_users = {str(role): self._mongo(role).user for role in Role}
        return [
            *mysql_setup.teardown(self._mysql(Role.OWNER), self.mapping, mysql_roles),
            *mongo_setup.teardown(self._mongo(Role.OWNER), mongo_users),
            *mongo_validators.teardown(self._mongo(Role.OWNER), self.mapping),
        ]

    def status(self) -> Sequence[Mapping[str, object]]:
        """What each worker last said, and how many documents are held."""
        return self._operators.workers()

    def collections(self) -> Sequence[Mapping[str, object]]:
        """Those that are not simply carried: paused, or compared after a change of their structure."""
        return self._operators.collections()

    def conflict_counts(self) -> ConflictCounts:
        """How many documents are held, and were; and for how long."""
        return self._operators.counts()

    def conflicts(
        self, filters: Mapping[str, str], limit: int, *, older: float | None, newer: float | None
    ) -> Sequence[Mapping[str, object]]:
        """Conflict rows, newest first. `older`, `newer`: opened more, or less, than so many seconds ago."""
        return self._operators.conflicts(filters, limit, older=older, newer=newer)

    def conflict(self, number: int) -> Mapping[str, object]:
        """One conflict row with all that is known of it."""
        return self._operators.conflict(number)

    def ask(self, worker: str, kind: str, arguments: Mapping[str, object] | None = None) -> None:
        """Have a worker pause or resume, and wait until it has."""
        operators = self._operators
        answered(operators, worker, operators.ask(worker, kind, arguments or {}, "lockstep command line"))

    def resume(self, collection: str, side: Side | None) -> None:
        """Have a paused collection carried again. `side` is right where the sides differ and no edit tells why."""
        self.collection(collection)
        self.ask("follower", "resume_collection", {"collection": collection, "from": str(side or "")})

    # Parts.

    def _parts(self, side: Side) -> Parts:
        """The parts of the worker that writes `side`, for work that is done without that worker."""
        if side not in self._made:
            self._made[side] = self._follower() if side is Side.MONGO else self._listener()
            self._open.callback(self._made[side].close)
        return self._made[side]

    def reader(self, side: Side) -> Reader:
        """Reads that side's documents; no right to write is needed."""
        return self._mongo_reader if side is Side.MONGO else self._mysql_reader

    @cached_property
    def _mysql_reader(self) -> MySQLReader:
        reader = MySQLReader(self._mysql(Role.FOLLOWER), self.mapping)
        self._open.callback(reader.close)
        return reader

    @cached_property
    def _mongo_reader(self) -> MongoReader:
        reader = MongoReader(self._mongo(Role.LISTENER), self.mapping)
        self._open.callback(reader.close)
        return reader

    @cached_property
    def _witness(self) -> MongoWitness:
        witness = MongoWitness(self._mongo(Role.LISTENER), self.mapping)
        self._open.callback(witness.close)
        return witness

    @cached_property
    def _operators(self) -> Operators:
        operators = Operators(self._mysql(Role.APP))
        self._open.callback(operators.close)
        return operators

    def collection(self, name: str) -> CollectionMapping:
        collection = self.mapping.collections.get(name)
        if collection is None:
            known = ", ".join(self.mapping.collections)
            raise CommandRefused(f"no collection {name} is mapped", hint=f"one of: {known}")
        return collection

    def _mongo_roles(self) -> dict[str, MongoSettings]:
        """Of the roles that this process is told of."""
        return {str(role): self._mongo(role) for role in Role if self._config.tells(role, "mongo")}

    def _mysql(self, role: Role) -> MySQLSettings:
        with _naming(role, "mysql"):
            return MySQLSettings.from_url(self._config.url(role, "mysql"))

    def _mongo(self, role: Role) -> MongoSettings:
        with _naming(role, "mongo"):
            return MongoSettings.from_url(self._config.url(role, "mongo"))


@contextmanager
def _naming(role: Role, server: Server) -> Iterator[None]:
    """Errors about a URL name the variable that it came from."""
    try:
        yield
    except ConfigError as error:
        name = variable(role, server)
        if name in error.message:
            raise
        raise ConfigError(f"{name}: {error.message}", hint=f"mend {name}, then: lockstep doctor") from None
