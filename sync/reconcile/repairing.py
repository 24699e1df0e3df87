"""Repairs as a person asks for them, of one document or of many: by the workers, each through a look; or here, under the lease
of a worker that does not run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Protocol, TypeAlias

from sync.errors import CommandRefused, LeaseHeld, LockstepError
from sync.model.change import ConflictKind, DocumentId, Side
from sync.model.compare import different_places
from sync.model.mapping import SyncMapping
from sync.model.outcome import rows_from_json
from sync.model.report import Explanation, RefusedRepair, RepairReport
from sync.model.values import key_text
from sync.model.without_notes import side_by_policy
from sync.reconcile.pace import Pace
from sync.reconcile.repair import Repair, cannot_be_carried

#: Seconds that a document is waited for, and between two questions.
PATIENCE, PAUSE = 60.0, 0.02
#: Documents that are asked for at once; and that are repaired without the workers, for each stays in the checkpoint until the
#: worker has passed it.
TOGETHER, MOST_HERE = 100, 1000

Repaired: TypeAlias = RepairReport | RefusedRepair


class Desk(Protocol):
    """How something is asked of the workers, and what became of it."""

    def ask(self, worker: str, kind: str, arguments: Mapping[str, object], requested_by: str) -> int: ...

    def answer(self, number: int) -> Mapping[str, object] | None: ...

    def conflict(self, number: int) -> Mapping[str, object]: ...


class Repairing:
    """Of a site."""

    def __init__(
        self,
        mapping: SyncMapping,
        desk: Desk,
        explain: Callable[[DocumentId], Explanation],
        here: Callable[[Side], AbstractContextManager[Repair]],
        idle: Callable[[], Sequence[str]],
    ) -> None:
        """`here` takes the lease of the worker that writes a side (`LeaseHeld` while it runs); `idle`: the workers that are
        not at work."""
        self._mapping = mapping
        self._desk = desk
        self._explain = explain
        self._here = here
        self._idle = idle

    def one(self, document: DocumentId, origin: Side | None, *, dry_run: bool) -> RepairReport:
        """Make the document's other side like `origin`; None: as the policy has it. `CommandRefused` where that cannot be."""
        (done,) = self.many([document], origin, dry_run=dry_run, pace=Pace())
        if isinstance(done, RefusedRepair):
            raise CommandRefused(done.reason, hint=done.hint)
        return done

    def many(
        self, documents: Sequence[DocumentId], origin: Side | None, *, dry_run: bool, pace: Pace
    ) -> Iterator[Repaired]:
        """Each document's report, as it is done. What refuses one document stops no other."""
        few = pace.few(TOGETHER)
        for start in range(0, len(documents), few):
            wanted: dict[Side, list[DocumentId]] = {side: [] for side in Side}
            for document in documents[start : start + few]:
                would = self._would(document, origin)
                if isinstance(would, RefusedRepair) or dry_run or (would.was_equal and would.conflict is None):
                    yield would
                    pace.after(1)
                else:
                    wanted[would.origin].append(document)
            for side, some in wanted.items():
                if some:
                    yield from self._carried_out(some, side, pace, of=len(documents))

    def _would(self, document: DocumentId, wanted: Side | None) -> Repaired:
        explained = self._explain(document)
        try:
            origin = wanted or self._by_policy(explained)
        except CommandRefused as error:
            return _refused(document, error)
        problem = explained.mysql_problem if origin is Side.MYSQL else explained.mongo_problem
        counted_anew = problem and problem.kind is ConflictKind.LIST_GAP and not self._idle()  # by the workers
        if problem and not counted_anew:
            return _refused(document, cannot_be_carried(origin, problem))
        conflict = explained.conflict and explained.conflict["id"]
        return RepairReport(
            document=document,
            origin=origin,
            was_equal=not explained.places,
            places=explained.places,
            conflict=conflict if isinstance(conflict, int) else None,
        )

    def _by_policy(self, explained: Explanation) -> Side:
        """Where the document is held, its own notes count: then its meeting, or a person, decides."""
        conflict = explained.conflict
        if conflict and (conflict["state"] == "open" or any(map(_has_notes, _notes(conflict)))):
            raise CommandRefused(
                "it is held, and what its people wrote is noted: its meeting decides by policy, not a repair",
                hint=f"lockstep conflicts show {conflict['id']}; or decide for a side: --from mysql, --from mongo",
            )
        return side_by_policy(self._mapping.collections[explained.document.collection], self._mapping.tie)

    def _carried_out(self, documents: Sequence[DocumentId], origin: Side, pace: Pace, *, of: int) -> Iterator[Repaired]:
        with ExitStack() as lease:
            try:
                repair = lease.enter_context(self._here(origin.other))
            except LeaseHeld:
                repair = None
            if repair and of > MOST_HERE:
                raise CommandRefused(
                    f"{of:,} documents are to be repaired; without the workers at most {MOST_HERE:,} are",
                    hint="start both workers (lockstep run): they repair any number",
                )
            for document in documents if repair else ():
                assert repair is not None
                try:
                    yield repair.run(self._mapping.collections[document.collection], document)
                except CommandRefused as error:
                    yield _refused(document, error)
                pace.after(1)
        if repair is None:
            yield from self._by_looks(documents, origin, pace)

    # By the workers.

    def _by_looks(self, documents: Sequence[DocumentId], origin: Side, pace: Pace) -> Iterator[Repaired]:
        for worker in self._idle():
            raise CommandRefused(
                f"the {worker} is not at work, and a document is repaired by both workers",
                hint="lockstep status; start or resume it, or stop both",
            )
        asked = [
            (one, self._desk.ask("follower", "repair", _arguments(one, origin), "lockstep command line"))
            for one in documents
        ]
        for document, number in asked:
            try:
                yield self._looked(document, origin, number)
            except CommandRefused as error:
                yield _refused(document, error)
            pace.after(1)

    def _looked(self, document: DocumentId, origin: Side, asked: int) -> RepairReport:
        number = answered(self._desk, "follower", asked).get("conflict")
        if not isinstance(number, int):
            raise CommandRefused("the follower gave an answer of another version", hint="lockstep status")
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            row = self._desk.conflict(number)
            if row["closed_at"]:
                places = self._places(document, row)
                return RepairReport(
                    document=document, origin=origin, was_equal=not places, places=places, conflict=number
                )
            if row["state"] == "waiting":
                raise CommandRefused(
                    f"it cannot be repaired: {row['waiting_for']}", hint=f"lockstep conflicts show {number}"
                )
            time.sleep(PAUSE)
        raise CommandRefused(
            f"the document was edited all the time for {PATIENCE:.0f} s; it will be repaired when its writers pause",
            hint=f"lockstep conflicts show {number}",
        )

    def _places(self, document: DocumentId, conflict: Mapping[str, object]) -> tuple[str, ...]:
        """Where the sides differed at the last look; all of it where one could not be carried."""
        collection = self._mapping.collections[document.collection]
        match conflict:
            case {"mysql_value": list(mysql), "mongo_value": list(mongo)}:
                here, there = rows_from_json(collection, mysql), rows_from_json(collection, mongo)
                return different_places(collection, here, there)
        return (collection.table,)


def answered(desk: Desk, worker: str, number: int) -> Mapping[str, object]:
    """What a worker answers to a request. `CommandRefused` where it refused it, or says nothing."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        answer = desk.answer(number)
        if answer:
            return answer
        time.sleep(PAUSE)
    raise CommandRefused(f"the {worker} has not answered within {PATIENCE:.0f} s", hint="lockstep status")


def _arguments(document: DocumentId, origin: Side) -> dict[str, object]:
    return {"collection": document.collection, "id": key_text(document.key), "from": str(origin)}


def _refused(document: DocumentId, error: LockstepError) -> RefusedRepair:
    return RefusedRepair(document=document, reason=error.message, hint=error.hint)


def _notes(conflict: Mapping[str, object]) -> tuple[object, object]:
    return conflict["mysql_notes"], conflict["mongo_notes"]


def _has_notes(notes: object) -> bool:
    """Whether an edit was noted. As `sync.model.notes.Notes.to_json` writes them; nothing was where there are none."""
    match notes:
        case {"notes": list(places), "unread": {"kind": ConflictKind.SNAPSHOT_DIFFERS}}:
            return bool(places)
        case {"notes": list(places), "unread": unread}:
            return bool(places or unread)
    return False
