"""The meeting on every interleaving of users, workers, crashes and refusals; and that each of its rules is needed.

Each search visits all states; its laws are those of `tests.laws.meeting.laws` that its setting allows to tell.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from sync.model.change import DocumentRows, Entry, Hold, Origin, Side
from sync.model.choice import Choice, Head, left_in_question
from sync.model.fold import fold
from sync.model.mapping import CollectionMapping, Policy
from sync.model.meeting import Answer, decide, on_written
from sync.model.notes import NONE, Notes
from sync.model.outcome import Looked, Outcome
from sync.model.policies import Rule
from sync.model.rulings import Judged, Ruling
from tests.laws.meeting.laws import Law
from tests.laws.meeting.made import Made, defaulted, derived, kept, rounded, stamped
from tests.laws.meeting.moves import Setting
from tests.laws.meeting.rules import Rules, crossed
from tests.laws.meeting.search import search, shortest_trail, stuck, told
from tests.laws.meeting.shapes import (
    APPENDED,
    CHILD_ROW,
    COUNTER,
    COUNTER_UP_AND_DOWN,
    GREATEST,
    GREATEST_OF_ANY,
    LIST,
    MEMBER,
    NULLABLE,
    SMALLEST,
    TWO_COLUMNS,
    WHOLE_ROW,
    Edits,
    Shape,
)

#: All that workers may do: learn late, apply several entries at once, die.
_ROUGH = Setting(writes=2, stale=True, batch=True, crash=True)
#: A person decides, and answers late.
_ASKED = replace(_ROUGH, policy=Policy.MANUAL, person=True)
_UPDATES = Edits(updates_only=True)
_BOTH = Edits(both_at_once=True)
_ONE_COLUMN = Edits(updates_only=True, one_column=True)

every_policy = pytest.mark.parametrize("policy", list(Policy), ids=[str(policy) for policy in Policy])


def holds(setting: Setting) -> None:
    """Asserts all laws of the setting; a failure shows a shortest way to it."""
    found = search(setting)
    assert found.ends
    for law in found.broken:
        pytest.fail(f"not so: {law.value}\n{told(shortest_trail(setting, law))}")


# Every interleaving.


@every_policy
def test_values_that_recur_end_equal(policy: Policy) -> None:
    """Inserts, updates and deletes of two columns with two values each, two by either side."""
    holds(replace(_ROUGH, policy=policy, values=2))


@every_policy
def test_each_value_is_accounted_for(policy: Policy) -> None:
    """Inserts, updates and deletes that bring new values: final, found by a later user, or a recorded loser."""
    holds(replace(_ROUGH, policy=policy))


@every_policy
def test_with_updates_only_nothing_found_comes_back(policy: Policy) -> None:
    """And of last-write-wins the last write of each column stands."""
    holds(replace(_ROUGH, policy=policy, edits=_UPDATES))


# Policies of single values.


@pytest.mark.parametrize(
    "setting",
    [
        replace(_ROUGH, shape=COUNTER, edits=_UPDATES),
        replace(_ROUGH, shape=COUNTER, edits=_ONE_COLUMN, writes=3),
        replace(_ROUGH, shape=COUNTER_UP_AND_DOWN, edits=_ONE_COLUMN),
        replace(_ROUGH, shape=COUNTER, edits=_UPDATES, refusals=True, crash=False),
        replace(_ROUGH, shape=COUNTER, edits=_UPDATES, policy=Policy.MYSQL_WINS, crash=False),
    ],
    ids=["beside another field", "three a side", "up and down", "refusals", "beside a field of another policy"],
)
def test_each_increment_counts_once(setting: Setting) -> None:
    """All from the same numbers, so that two leave the same: whoever dies, whatever is cleared, applied at once or refused."""
    holds(setting)


def test_a_counter_comes_and_goes_with_its_row() -> None:
    """Inserts and deletes: both sides end equal, and nothing else is lost."""
    holds(replace(_ROUGH, shape=COUNTER, crash=False))


def test_of_values_that_found_the_same_the_first_stands() -> None:
    """Three writes a side, so that one may find what a decision wrote that was then cleared."""
    holds(replace(_ROUGH, policy=Policy.FIRST_WRITE_WINS, edits=_ONE_COLUMN, writes=3, stale=False))


@pytest.mark.parametrize("shape", [GREATEST, SMALLEST, GREATEST_OF_ANY], ids=lambda shape: shape.name)
def test_the_best_value_stands(shape: Shape) -> None:
    """Where users only raise it, or only lower it. Else it is as with any policy: nothing found comes back, all is told."""
    holds(replace(_ROUGH, shape=shape, edits=_UPDATES, crash=False))


def test_members_of_a_set_are_put_together() -> None:
    """What is only added is there; members that come and go end alike."""
    holds(replace(_ROUGH, shape=MEMBER, edits=_UPDATES))
    holds(replace(_ROUGH, shape=MEMBER, values=2, crash=False))


@pytest.mark.parametrize(
    "setting",
    [
        replace(_ROUGH, shape=APPENDED, edits=_UPDATES),
        Setting(writes=2, shape=APPENDED, batch=True, stale=True),
        replace(_ROUGH, shape=LIST),
        Setting(writes=2, shape=LIST, batch=True, policy=Policy.MYSQL_WINS),
        Setting(writes=2, shape=LIST, batch=True, values=1),
        Setting(writes=2, shape=APPENDED, batch=True, values=1),
    ],
    ids=["appended", "append and other edits", "no policy", "another policy", "equal elements", "equal ones, appended"],
)
def test_lists_are_put_together(setting: Setting) -> None:
    """Each element is there once, also where a decision that was cleared had put some of them together before; or its user took
    it out, or it is a recorded loser. Elements that are equal end alike on both sides."""
    holds(setting)


def test_a_row_as_one_value_is_never_a_mixture() -> None:
    """It is a version that some user left; what the other one wrote is a recorded loser."""
    holds(replace(_ROUGH, shape=WHOLE_ROW))


def test_equal_times_go_to_the_configured_side() -> None:
    """The laws hold though no clock can tell which write was later."""
    holds(replace(_ROUGH, resolution=10**9))


def test_a_child_row_comes_and_goes() -> None:
    """A root with a child row that is present or absent."""
    holds(replace(_ROUGH, shape=CHILD_ROW))


def test_a_column_becomes_null() -> None:
    """NULL is told from the absence of the row."""
    holds(replace(_ROUGH, shape=NULLABLE, crash=False))


def test_a_person_decides() -> None:
    """Any look may be decided by a person for either side's version."""
    holds(replace(_ROUGH, person=True))


@pytest.mark.parametrize(
    "setting",
    [
        replace(_ASKED, edits=Edits(one_column=True)),
        replace(_ASKED, edits=_UPDATES),
        replace(_ASKED, edits=Edits(one_column=True), values=2),
        replace(_ASKED, edits=_UPDATES, stale=False, batch=False, crash=False, refusals=True),
    ],
    ids=["one column", "updates", "values that recur", "refusals"],
)
def test_a_person_is_asked_and_decides_late(setting: Setting) -> None:
    """What is not in question is carried meanwhile; a decision, for a side or of a value of its own, comes whatever has moved
    since, and counts only by the values that were shown."""
    holds(setting)


def test_mysql_refuses() -> None:
    """Whatever the listener writes may be refused, until it is no longer: meanwhile the sides are equal or the document
    waits, and at the end all other laws hold."""
    holds(replace(_ROUGH, refusals=True, crash=False))


@pytest.mark.parametrize("policy", [Policy.LAST_WRITE_WINS, Policy.MANUAL], ids=str)
@pytest.mark.parametrize("shape", [TWO_COLUMNS, NULLABLE, CHILD_ROW], ids=lambda shape: shape.name)
def test_all_at_once(shape: Shape, policy: Policy) -> None:
    """Persons, refusals, crashes, and users who change both values at once: one write a side."""
    holds(replace(_ROUGH, writes=1, shape=shape, policy=policy, edits=_BOTH, person=True, refusals=True))


@pytest.mark.parametrize(
    "setting",
    [
        Setting(writes=2, values=2, batch=True, edits=Edits(one_column=True)),
        replace(_ROUGH, writes=1, shape=CHILD_ROW, person=True, refusals=True),
        replace(_ASKED, writes=1, shape=CHILD_ROW, refusals=True),
    ],
    ids=["two writes", "everything", "a person is asked"],
)
def test_nobody_is_stuck(setting: Setting) -> None:
    """From every state an end can be reached, whatever was refused and whoever died."""
    assert stuck(setting) == 0


# With more writes, by `make laws`.


@pytest.mark.long
@pytest.mark.timeout(7200)
@every_policy
def test_three_updates_a_side(policy: Policy) -> None:
    """With all that workers may do: about 12 million states each."""
    holds(replace(_ROUGH, policy=policy, writes=3, edits=_UPDATES))


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize(
    "setting",
    [
        Setting(writes=3, edits=Edits(one_column=True), batch=True, refusals=True),
        Setting(writes=3, values=2, edits=Edits(one_column=True), batch=True),
        replace(_ROUGH, shape=CHILD_ROW, edits=_BOTH),
        replace(_ROUGH, shape=CHILD_ROW, values=2),
        Setting(writes=2, shape=CHILD_ROW, batch=True, refusals=True),
        replace(_ROUGH, refusals=True),
        replace(_ASKED, shape=CHILD_ROW),
        replace(_ASKED, refusals=True, edits=_UPDATES),
        replace(_ROUGH, shape=COUNTER_UP_AND_DOWN, edits=_ONE_COLUMN, writes=3),
        replace(_ROUGH, shape=COUNTER, refusals=True),
        replace(_ROUGH, shape=MEMBER, values=2),
        Setting(writes=3, shape=APPENDED, edits=_UPDATES, batch=True),
        replace(_ROUGH, policy=Policy.FIRST_WRITE_WINS, edits=_ONE_COLUMN, writes=3),
        replace(_ROUGH, shape=GREATEST, edits=_ONE_COLUMN, writes=3),
        replace(_ROUGH, shape=COUNTER, edits=_UPDATES, person=True, refusals=True),
    ],
    ids=[
        "three writes of one column, refusals",
        "three writes of one column, values that recur",
        "child row, both values",
        "child row, values that recur",
        "child row, refusals",
        "refusals",
        "a person is asked, child row",
        "a person is asked, refusals",
        "a counter, three up and down",
        "a counter, refusals",
        "members of a set that come and go",
        "a list, three appended by either side",
        "the first write, three writes",
        "the greatest, three writes",
        "a counter, persons",
    ],
)
def test_more_writes(setting: Setting) -> None:
    """Inserts, updates and deletes: each up to some million states."""
    holds(setting)


# Each rule is needed.


def never_crossed(echo: Entry, last_write: int, forgot: bool) -> bool:
    return False


def forgotten_without_a_floor(echo: Entry, last_write: int, forgot: bool) -> bool:
    return not forgot and crossed(echo, last_write, forgot)


def each_for_itself(entries: Iterable[Entry], crossed: Callable[[Entry], bool]) -> tuple[Entry, ...]:
    return tuple(entry for entry in entries if entry.origin is Origin.USER or crossed(entry))


def whatever_stands_there(
    collection: CollectionMapping, rows: DocumentRows, entries: Sequence[Entry]
) -> DocumentRows | Hold:
    """A fold that writes over a third value."""
    folded = {table: dict(of_table) for table, of_table in rows.items()}
    for change in (change for entry in entries if entry.origin is Origin.USER for change in entry.changes):
        folded[change.table].pop(change.key, None)
        if change.after is not None:
            folded[change.table][change.key] = change.after
    return folded


def without_notes(
    collection: CollectionMapping, rule: Rule, looked: Looked, notes: Mapping[Side, Notes], choice: Choice
) -> Outcome:
    return decide(collection, rule, looked, dict.fromkeys(Side, NONE), choice)


def without_the_base(
    collection: CollectionMapping, rule: Rule, looked: Looked, notes: Mapping[Side, Notes], choice: Choice
) -> Outcome:
    return decide(collection, rule, replace(looked, base=None), notes, choice)


def without_what_was_found(notes: Notes, entry: Entry, steps: bool) -> Notes:
    places = {place: replace(note, found="never stands anywhere") for place, note in notes.add(entry).places.items()}
    return replace(notes, places=places)


def as_of_a_user(notes: Notes, entry: Entry, steps: bool) -> Notes:
    return notes.add(entry._replace(correction=False), steps=steps)


def whose_result_stands(
    collection: CollectionMapping, rows: DocumentRows, entries: Sequence[Entry]
) -> DocumentRows | Hold:
    """A fold that takes equal values for the same change."""
    return fold(
        replace(collection, fields=tuple(replace(one, policy=None) for one in collection.fields)), rows, entries
    )


def without_broken_chains(notes: Notes, entry: Entry, steps: bool) -> Notes:
    places = {place: replace(note, carried=0) for place, note in notes.add(entry).places.items()}
    return replace(notes, places=places)


def without_steps(notes: Notes, entry: Entry, steps: bool) -> Notes:
    return notes.add(entry)


def whatever_stands_in_mysql(look: int | None, written: int, looked_at: DocumentRows, now: DocumentRows) -> Answer:
    return on_written(look, written, looked_at, looked_at)


def whichever_look(look: int | None, written: int, looked_at: DocumentRows, now: DocumentRows) -> Answer:
    return on_written(written, written, looked_at, now)


def whatever_was_shown(
    collection: CollectionMapping,
    mysql: DocumentRows,
    mongo: DocumentRows,
    differing: Container[Head],
    rulings: Iterable[Ruling],
) -> Judged:
    return Judged(entering=tuple(one for one in rulings if all(taken.head in differing for taken in one.taken)))


def no_notes_left(collection: CollectionMapping, notes: Notes, questions: Collection[Head]) -> Notes:
    return left_in_question(collection, notes, ())


_RECURRING = Setting(writes=2, values=2, batch=True)
_NEW = Setting(writes=2, edits=_UPDATES, batch=True)
_COUNTED = Setting(writes=2, shape=COUNTER, edits=_ONE_COLUMN, batch=True)
_MYSQL_WINS = replace(_NEW, policy=Policy.MYSQL_WINS)


@pytest.mark.parametrize(
    ("without", "setting", "law"),
    [
        pytest.param(Rules(fold=whatever_stands_there), _RECURRING, Law.EQUAL, id="a third value holds the document"),
        pytest.param(Rules(decide=without_notes), _NEW, Law.LAST_WRITE, id="the outcome follows the notes"),
        pytest.param(Rules(crossed=never_crossed), _RECURRING, Law.EQUAL, id="the follower checks echoes"),
        pytest.param(
            Rules(crossed=forgotten_without_a_floor),
            replace(_RECURRING, crash=True),
            Law.EQUAL,
            id="the floor stands in for own writes that were forgotten",
        ),
        pytest.param(
            Rules(relevant=each_for_itself),
            _RECURRING,
            Law.EQUAL,
            id="what waits in the batch counts as a later write",
        ),
        pytest.param(
            Rules(seen=lambda batch: batch.last.position),
            _RECURRING,
            Law.EQUAL,
            id="an echo says the place of its batch's first user event",
        ),
        pytest.param(
            Rules(opening=lambda entries: entries[-1:]),
            _NEW,
            Law.ACCOUNTED_FOR,
            id="opening a hold notes all of the batch",
        ),
        pytest.param(Rules(add=without_what_was_found), _MYSQL_WINS, Law.NOT_REVIVED, id="a note keeps what was found"),
        pytest.param(
            Rules(fold=whose_result_stands),
            replace(_COUNTED, writes=1),
            Law.INCREMENTS,
            id="an increment that finds its own result is held",
        ),
        pytest.param(
            Rules(add=without_broken_chains),
            _COUNTED,
            Law.INCREMENTS,
            id="increments on top of what a cleared decision wrote are added to those before",
        ),
        pytest.param(
            Rules(add=without_steps),
            Setting(writes=3, edits=_ONE_COLUMN, batch=True, policy=Policy.FIRST_WRITE_WINS),
            Law.FIRST_WRITE,
            id="notes keep when each change of a chain was made",
        ),
        pytest.param(
            Rules(decide=without_the_base),
            replace(_NEW, shape=APPENDED),
            Law.ELEMENTS,
            id="lists are put together on what a cleared decision was made of",
        ),
        pytest.param(Rules(waits_for_marks=False), _RECURRING, Law.EQUAL, id="both workers meet the marks first"),
        pytest.param(Rules(guards_mongo=False), _NEW, Law.LAST_WRITE, id="MongoDB is written if it has not moved"),
        pytest.param(
            Rules(on_written=whatever_stands_in_mysql), _NEW, Law.LAST_WRITE, id="MySQL is written if it has not moved"
        ),
        pytest.param(
            Rules(on_written=whichever_look), _NEW, Law.LAST_WRITE, id="MySQL is written if the look is still there"
        ),
        pytest.param(Rules(looks_at_equal=False), _RECURRING, Law.EQUAL, id="a look that finds both equal goes on"),
        *(
            pytest.param(
                Rules(keeps_losers=frozenset(set(Answer) - {answer})),
                _NEW,
                Law.ACCOUNTED_FOR,
                id=f"losers are kept at the answer {answer.name}",
            )
            for answer in Answer
        ),
        pytest.param(
            Rules(keeps_losers_when_refused=False),
            replace(_NEW, refusals=True),
            Law.ACCOUNTED_FOR,
            id="losers are kept where MySQL refuses",
        ),
        pytest.param(
            Rules(begins_again=False),
            replace(_RECURRING, edits=_UPDATES, refusals=True),
            Law.EQUAL,
            id="a refused outcome begins again",
        ),
        pytest.param(
            Rules(judged=whatever_was_shown),
            replace(_ASKED, stale=False, crash=False, edits=Edits(one_column=True)),
            Law.BOUND,
            id="a person's decision is bound to what they were shown",
        ),
        pytest.param(
            Rules(left=no_notes_left),
            replace(_ASKED, stale=False, crash=False, edits=Edits(one_column=True)),
            Law.ACCOUNTED_FOR,
            id="the notes of what a person is asked stay",
        ),
        pytest.param(
            Rules(clears_looks_at_start=False),
            replace(_RECURRING, crash=True),
            Law.EQUAL,
            id="a follower that starts clears the looks",
        ),
    ],
)
def test_each_rule_left_out_breaks_a_law(without: Rules, setting: Setting, law: Law) -> None:
    """Each is needed. Where a rule is one of the product's own functions (merge, note, decide, the steps of `model.meeting`) the
    searches would tell if the product lost it; where it is the order of reads and writes that `meetings` keeps, the search does
    it in its own moves, and the product's is held to it by the tests on real servers."""
    assert search(setting, without).broken[law]


@pytest.mark.parametrize(
    "without",
    [
        pytest.param(Rules(look_after_note=lambda look, mark_passed: look), id="a newer note clears the look"),
        pytest.param(Rules(reads_again=False), id="the rows are read again before deciding"),
    ],
)
def test_looks_given_up_early_only_save_work(without: Rules) -> None:
    """Two rules end a doomed look before it writes MongoDB. Without them the guards of both writes hold the laws all the
    same: as long as marks are met in the order of the logs."""
    for setting in (replace(_RECURRING, crash=True), replace(_NEW, crash=True), replace(_MYSQL_WINS, crash=True)):
        assert not search(setting, without).broken


# What MySQL makes of a write by itself.

_CORRECTED = Setting(writes=2, batch=True)


_named: dict[str, Any] = {"ids": lambda made: str(made.__name__)}


@pytest.mark.parametrize("policy", [one for one in Policy if one is not Policy.MANUAL])  # that waits for a person
def test_what_mysql_makes_of_a_write_reaches_the_document(policy: Policy) -> None:
    """Both sides end equal, with what MySQL makes of it, and no exchange goes on; nothing that a user wrote is lost, and what
    MySQL made counts for nobody's: the last write where it makes nothing stands."""
    holds(replace(_CORRECTED, policy=policy, made=derived))
    holds(replace(_CORRECTED, policy=policy, made=derived, edits=_UPDATES, crash=True))


def test_each_edit_is_stamped() -> None:
    """With a value that was never there, as ON UPDATE does."""
    holds(replace(_CORRECTED, made=stamped, edits=_UPDATES))


@pytest.mark.parametrize("policy", [Policy.LAST_WRITE_WINS, Policy.MONGO_WINS])
@pytest.mark.parametrize("made", [rounded, kept], **_named)
def test_what_mysql_makes_of_values_that_recur_reaches_the_document(policy: Policy, made: Made) -> None:
    """It may restore what stood there before."""
    holds(replace(_CORRECTED, policy=policy, made=made, values=2))


def test_a_default_reaches_the_document() -> None:
    """A column whose field the document lacks."""
    holds(replace(_ROUGH, writes=1, shape=NULLABLE, made=defaulted))


@pytest.mark.long
@pytest.mark.timeout(7200)
@every_policy
@pytest.mark.parametrize("made", [derived, rounded, stamped, kept], **_named)
@pytest.mark.parametrize("values", [0, 2])
def test_corrections_among_all_that_workers_may_do(policy: Policy, made: Made, values: int) -> None:
    """Late knowledge, batches and crashes."""
    holds(replace(_ROUGH, policy=policy, made=made, values=values))


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("made", [derived, rounded, stamped, kept], **_named)
def test_corrections_among_refusals(made: Made) -> None:
    """MySQL may refuse what the listener writes."""
    holds(replace(_CORRECTED, made=made, refusals=True))


@pytest.mark.long
def test_a_default_among_more_writes() -> None:
    """Some hundred thousand states."""
    holds(replace(_CORRECTED, shape=NULLABLE, made=defaulted))


@pytest.mark.parametrize(
    ("without", "setting", "law"),
    [
        pytest.param(
            Rules(tells_corrections=False),
            replace(_CORRECTED, made=derived),
            Law.EQUAL,
            id="what MySQL made is told from what the listener wrote",
        ),
        pytest.param(
            Rules(add=as_of_a_user),
            replace(_CORRECTED, made=stamped, edits=_UPDATES),
            Law.USERS_LOSE,
            id="what MySQL made is told from what a user wrote",
        ),
    ],
)
def test_each_rule_of_corrections_is_needed(without: Rules, setting: Setting, law: Law) -> None:
    """As of the other rules."""
    assert search(setting, without).broken[law]
