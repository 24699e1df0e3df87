"""What the listener meant, held against what the log shows: echoes, corrections, and rows that triggers wrote."""

from __future__ import annotations

from datetime import datetime

import pytest

from sync.model.change import ConflictKind, DocumentId, Entry, Hold, Origin, Row, RowChange, RowKey
from sync.model.corrections import Judged, Told, meant, told_text
from sync.model.fold import fold
from sync.model.mapping_file import load_mapping
from sync.model.position import BinlogPosition

MAPPING = load_mapping("""
[collections.people]
table = "person"
id = { column = "id", codec = "string" }
[collections.people.fields]
name = { column = "name", codec = "string" }
level = { column = "level", codec = "int32" }
seen = { column = "seen", codec = "date", null = "absent" }
[collections.people.parts.lines]
kind = "list"
table = "line"
parent = ["person_id"]
position = "place"
[collections.people.parts.lines.fields]
text = { column = "text", codec = "string" }
count = { column = "count", codec = "int32" }
""")
NOON = datetime(2026, 1, 1, 12, 0, 0, 5000)  # noqa: DTZ001 - canonical dates are naive UTC
ANN: RowKey = ("ann",)


def person(name: str = "Ann", level: int = 1, seen: datetime | None = None) -> Row:
    return {"name": name, "level": level, "seen": seen}


def change(before: Row | None, after: Row | None, key: RowKey = ANN, table: str = "person") -> RowChange:
    return RowChange(table, key, before, after)


def told(*changes: RowChange, all_rows: bool = True) -> Told:
    """As the follower hears it."""
    heard = Told()
    heard.add(told_text([meant(MAPPING.tables[one.table], one) for one in changes], all_rows=all_rows))
    return heard


def test_what_stands_as_it_was_meant_is_an_echo() -> None:
    """Insert, update and delete, with dates, NULL and any text."""
    changes = [
        change(None, person('"Ann" \\ é', 1, NOON)),
        change(person(), person(level=2), ("bob",)),
        change(person(), None, ("eve",)),
    ]
    heard = told(*changes)
    assert heard.judge(changes) == Judged(changes, [], [])
    assert heard.rest() == []


def test_what_mysql_made_of_it_is_a_correction() -> None:
    """From what was meant to what stands; the echo is as it was meant."""
    heard = told(change(person(), person(level=2)))
    judged = heard.judge([change(person(), person(level=2, seen=NOON))])
    assert judged.echoes == [change(person(), person(level=2))]
    assert judged.corrections == [change(person(level=2), person(level=2, seen=NOON))]
    assert judged.triggered == []


def test_a_value_that_the_listener_left_to_mysql() -> None:
    """An insert without a value: its default is the correction."""
    judged = told(change(None, person())).judge([change(None, person(seen=NOON))])
    assert judged == Judged([change(None, person())], [change(person(), person(seen=NOON))], [])


def test_a_row_that_a_trigger_changed_again_counts_once() -> None:
    """What stands in the end, against what was meant; and where the trigger came first."""
    heard = told(change(person(), person(level=2)), change(person(), person(level=3), ("bob",)))
    judged = heard.judge(
        [
            change(person(), person(level=2)),
            change(person(level=2), person(level=2, name="ANN")),
            change(person(), person(name="BOB"), ("bob",)),
            change(person(name="BOB"), person(name="BOB", level=3), ("bob",)),
        ]
    )
    assert judged.corrections == [
        change(person(level=2), person(level=2, name="ANN")),
        change(person(level=3), person(level=3, name="BOB"), ("bob",)),
    ]


def test_a_row_that_was_not_meant_was_written_by_a_trigger() -> None:
    """Where all rows were told; else, no trigger can have fired, and it is an echo of another table."""
    rows = [change(person(), person(level=9), ("bob",))]
    assert told(change(None, person()), all_rows=True).judge(rows) == Judged([], [], rows)
    assert told(change(None, person()), all_rows=False).judge(rows) == Judged(rows, [], [])


def test_what_left_nothing_in_the_log_did_not_happen() -> None:
    """A trigger kept the row as it was, or put it elsewhere: an update goes back, an insert goes."""
    heard = told(change(person(), person(level=2)), change(None, person(), ("bob",)), change(person(), None, ("eve",)))
    assert heard.judge([]) == Judged([], [], [])
    assert heard.rest() == [change({"level": 2}, {"level": 1}), change(person(), None, ("bob",))]
    assert heard.rest() == []


def test_a_row_is_answered_for_once() -> None:
    """In a later part of the transaction it is a trigger's; what was delivered before a restart is passed."""
    heard = told(change(person(), person(level=2)))
    assert heard.judge([change(person(), person(level=2))]).echoes
    again = [change(person(level=2), person(level=3))]
    assert heard.judge(again) == Judged([], [], again)
    resumed = told(change(person(), person(level=2)))
    resumed.passed("person", ANN)
    assert resumed.judge(again) == Judged([], [], again)
    assert resumed.rest() == []


def test_rows_come_and_go_within_one_transaction() -> None:
    """A row that was taken away and written anew is what was meant; one that came and went leaves nothing."""
    heard = told(change(None, person(level=2)))
    judged = heard.judge([change(person(), None), change(None, person(level=2)), change(None, person(), ("bob",))])
    assert judged.corrections == []
    assert judged.echoes == [change(person(), person(level=2))]
    assert Told(all_rows=True).judge([change(None, person()), change(person(), None)]) == Judged([], [], [])


def test_only_what_changes_is_told() -> None:
    """Of a list's row all, for it is compared whole."""
    assert meant(MAPPING.tables["person"], change(person(), person(level=2))) == (
        '["person", ["ann"], {"level": 1}, {"level": 2}]'
    )
    line: Row = {"text": "a", "count": 1}
    update = change(line, {"text": "b", "count": 1}, ("ann", 0), "line")
    assert told(update).rest() == [change({"text": "b", "count": 1}, line, ("ann", 0), "line")]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"all": true, "rows": [["person"]]}'])
def test_what_nobody_says_is_refused(text: str) -> None:
    """It is no row of the listener's."""
    with pytest.raises((ValueError, TypeError, LookupError)):
        Told().add(text)


# Carried.


def entry(origin: Origin, *changes: RowChange, correction: bool = False) -> Entry:
    return Entry(
        document=DocumentId("people", "ann"),
        changes=changes,
        origin=origin,
        committed_at=1000,
        position=BinlogPosition(server="s", file="binlog.000001", offset=1),
        correction=correction,
    )


def test_a_correction_is_carried_like_a_change() -> None:
    """After its echo; also where only some columns of the row were told."""
    people = MAPPING.collections["people"]
    stands = {"person": {ANN: person(level=2)}}
    echo = entry(Origin.ECHO, change(person(), person(level=2)))
    made = entry(Origin.USER, change(person(level=2), person(level=2, seen=NOON)), correction=True)
    assert fold(people, stands, [echo, made]) == {"person": {ANN: person(level=2, seen=NOON)}}
    undone = entry(Origin.USER, *told(change(person(), person(level=2))).rest(), correction=True)
    assert fold(people, stands, [undone]) == {"person": {ANN: person()}}
    assert fold(people, {"person": {ANN: person()}}, [undone]) == {"person": {ANN: person()}}


def test_a_correction_that_meets_another_value_holds_under_its_own_name() -> None:
    """Of an echo, and of a user, the names are as ever."""
    people = MAPPING.collections["people"]
    stands = {"person": {ANN: person(level=5)}}
    made = change(person(level=2), person(level=3))
    for correction, kind in ((True, ConflictKind.CORRECTION), (False, ConflictKind.UPDATE_DIFFERS)):
        hold = fold(people, stands, [entry(Origin.USER, made, correction=correction)])
        assert isinstance(hold, Hold)
        assert (hold.kind, hold.table, hold.key) == (kind, "person", ANN)
