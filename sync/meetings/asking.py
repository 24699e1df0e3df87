"""What a look comes to where people have, or must have, a say: their decisions, and what is left to them."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import replace

from sync.conflict_ports import Decision, DueConflict
from sync.model.change import ConflictKind, DocumentRows, Side
from sync.model.choice import EVERYWHERE, Choice, Head
from sync.model.mapping import CollectionMapping, Policy, SyncMapping
from sync.model.meeting import decide
from sync.model.notes import NONE, Notes
from sync.model.outcome import Looked
from sync.model.policies import Rule
from sync.model.rulings import NO_RULINGS, Judged, judged, refused

_STRANGERS = "both sides had it before the start, and no log tells which is newer"


def decided(
    mapping: SyncMapping,
    collection: CollectionMapping,
    due: DueConflict,
    looked: Looked,
    mysql: DocumentRows | None,
    notes: Mapping[Side, Notes],
    rule: Rule,
) -> Decision:
    """The decision of a look at a document that was `due`. `mysql`: its rows there as they stand. Raises `PolicyFailed`."""
    overdue = mapping.undecided if due.overdue else None
    if overdue:
        rule = replace(rule, policy=overdue.policy, instead=overdue.policy)
    of_people = _judged(collection, rule, due, looked)
    choice = Choice(
        side=due.chosen,
        taken=of_people.taken,
        instead=_instead(overdue.policy, due) if overdue else {},
        asked=frozenset[Head]() if overdue else _asked(due, notes),
    )
    outcome = decide(collection, rule, looked, notes, choice)
    return Decision(
        looked=looked,
        mysql=mysql,
        policy=str(overdue.policy) if overdue else outcome.policy(collection),
        outcome=outcome,
        judged=of_people,
        overdue=overdue is not None,
        waiting_for=_waiting_for(due, outcome.questions),
    )


def _judged(collection: CollectionMapping, rule: Rule, due: DueConflict, looked: Looked) -> Judged:
    if not due.rulings:
        return NO_RULINGS
    if due.chosen:
        return Judged(refused=refused(due.rulings, f"a repair from {due.chosen} takes the document whole"))
    differing = decide(collection, rule, looked, dict.fromkeys(Side, NONE), Choice(asked=EVERYWHERE)).units
    return judged(collection, looked.mysql, looked.mongo, differing, due.rulings)


def _asked(due: DueConflict, notes: Mapping[Side, Notes]) -> Container[Head]:
    """What differed before the start is left to people whole, once; then what they have not decided yet. So is what a copy
    could not compare, for the other side's version was none that rows can hold."""
    if due.asked is not None:
        return due.asked
    copied = any(of.unread and of.unread.kind == ConflictKind.SNAPSHOT_DIFFERS for of in notes.values())
    strange = due.kind is ConflictKind.SNAPSHOT_DIFFERS or (due.kind is ConflictKind.UNMAPPABLE_DOCUMENT and copied)
    return EVERYWHERE if strange else frozenset()


def _instead(policy: Policy, due: DueConflict) -> dict[Head, Side]:
    """What a side's policy takes for a person who did not come, whatever the notes tell."""
    side = {Policy.MYSQL_WINS: Side.MYSQL, Policy.MONGO_WINS: Side.MONGO}.get(policy)
    if side is None:
        return {}
    return dict.fromkeys(due.asked or (), side)


def _waiting_for(due: DueConflict, questions: Iterable[Head]) -> str:
    """For people: places, without values."""
    named = dict.fromkeys(f"{table}.{column}" if column else table for table, _, column in questions)
    strangers = due.kind is ConflictKind.SNAPSHOT_DIFFERS
    why = _STRANGERS if strangers else "both sides' people wrote it, and neither saw the other's"
    return f"a person: {', '.join(named)}: {why}; lockstep conflicts resolve {due.conflict}"
