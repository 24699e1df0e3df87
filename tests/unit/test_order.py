"""Lists with a key where both sides edited: elements are decided one by one, the order as one value."""

from __future__ import annotations

import pytest

from sync.model.change import DocumentId, DocumentRows, Entry, Hold, Origin, Row, RowKey, Side
from sync.model.choice import Choice
from sync.model.fold import broken, fold
from sync.model.lens import difference, empty_rows
from sync.model.mapping import Policy
from sync.model.mapping_file import load_mapping
from sync.model.meeting import as_looked, decide
from sync.model.notes import NONE, Notes
from sync.model.order import in_order, merged_order
from sync.model.outcome import Outcome
from sync.model.policies import Rule
from sync.model.position import BinlogPosition, StreamPosition
from tests import every_part

THINGS = load_mapping(every_part.MAPPING).collections["things"]
MYSQL, MONGO = Side.MYSQL, Side.MONGO
KEY = "0" * 24


def thing(pieces: str, **quantities: int) -> dict[str, dict[RowKey, Row]]:
    """Pieces named by one letter each, in this order; of each one, or so many."""
    rows: dict[str, dict[RowKey, Row]] = empty_rows(THINGS)
    rows["thing"][(KEY,)] = {"label": "x", "width": None, "height": None}
    for place, sku in enumerate(pieces):
        rows["thing_piece"][(KEY, sku)] = {"position": place, "qty": quantities.get(sku, 1), "net": None}
    return rows


def order(rows: DocumentRows | Hold) -> str:
    assert not isinstance(rows, Hold)
    of_list = rows["thing_piece"]
    return "".join(str(key[-1]) for key in in_order(of_list, of_list, "position"))


def edit(side: Side, time: int, found: DocumentRows, left: DocumentRows) -> Entry:
    mongo = StreamPosition(time=time, increment=1)
    return Entry(
        document=DocumentId("things", KEY),
        changes=difference(THINGS, found, left),
        origin=Origin.USER,
        committed_at=time * 1_000_000,
        position=mongo if side is MONGO else BinlogPosition(server="s", file="binlog.000001", offset=time),
    )


def met(
    base: DocumentRows, mysql: DocumentRows, mongo: DocumentRows, later: Side = MYSQL, chosen: Side | None = None
) -> Outcome:
    """Both sides' users edited what stood there; `later` is the side that did so last."""
    notes: dict[Side, Notes] = {
        MYSQL: NONE.add(edit(MYSQL, 2 if later is MYSQL else 1, base, mysql)),
        MONGO: NONE.add(edit(MONGO, 2 if later is MONGO else 1, base, mongo)),
    }
    looked, rule = as_looked(THINGS, mysql, mongo, {}), Rule(policy=Policy.LAST_WRITE_WINS)
    outcome = decide(THINGS, rule, looked, notes, Choice(side=chosen))
    assert broken(THINGS, outcome.rows) is None
    return outcome


BASE = thing("abc")


def test_edits_of_two_elements_do_not_meet() -> None:
    """Nor does an edit of one that the other side moves: the fold takes them."""
    mine, theirs = thing("abc", a=5), thing("cab", b=7)
    for there, change in ((theirs, edit(MYSQL, 1, BASE, mine)), (mine, edit(MONGO, 1, BASE, theirs))):
        assert fold(THINGS, there, [change]) == thing("cab", a=5, b=7)


@pytest.mark.parametrize("left", ["ac", "abcd", "dabc"])
def test_an_element_that_comes_or_goes_on_both_sides_holds(left: str) -> None:
    """Two edits that leave places twice or with gaps are for the meeting."""
    found = fold(THINGS, thing("xabc"), [edit(MYSQL, 1, BASE, thing(left))])
    assert isinstance(found, Hold)


@pytest.mark.parametrize("later", list(Side))
@pytest.mark.parametrize(
    ("mysql", "mongo", "wanted"),
    [
        ("abcd", "abce", "abced"),
        ("dabc", "eabc", "edabc"),
        ("bc", "abcd", "bcd"),
        ("ac", "xabc", "xac"),
        ("cab", "abcd", "cdab"),
        ("abdc", "cab", "cabd"),
        ("", "abcd", "d"),
        ("ab", "bc", "b"),
    ],
)
def test_what_comes_on_both_sides_stays_and_what_goes_is_gone(mysql: str, mongo: str, wanted: str, later: Side) -> None:
    """Whoever was last; an order that only one side changed is that side's; nobody loses."""
    outcome = met(BASE, thing(mysql), thing(mongo), later)
    assert order(outcome.rows) == wanted
    assert outcome.losers == ()


@pytest.mark.parametrize("later", list(Side))
def test_two_orders_are_decided_as_one_value(later: Side) -> None:
    """The last one wins, with what lost in the report; what one side added stays behind what it followed."""
    outcome = met(BASE, thing("cabx"), thing("bacy"), later)
    assert order(outcome.rows) == ("cyabx" if later is MYSQL else "bxacy")
    assert {loser.place[2] for loser in outcome.losers} == {"position"}
    assert {one.winner for one in outcome.decided if one.place[2] == "position"} == {later}


@pytest.mark.parametrize("chosen", list(Side))
def test_a_person_chooses_the_order_too(chosen: Side) -> None:
    """All of that side's version."""
    mysql, mongo = thing("cax", c=3), thing("ybac")
    assert met(BASE, mysql, mongo, MYSQL, chosen).rows == (mysql if chosen is MYSQL else mongo)


def test_moving_others_is_no_edit_of_an_element() -> None:
    """One that the other side deletes stays deleted, though later inserts in front of it moved it; an edit of its fields
    counts."""
    assert order(met(BASE, thing("ac"), thing("xyabc"), MONGO).rows) == "xyac"
    assert order(met(BASE, thing("ac"), thing("xabc", b=9), MONGO).rows) == "xabc"
    assert order(met(BASE, thing("ac"), thing("xabc", b=9), MYSQL).rows) == "xac"


def test_places_in_mysql_count_by_rank() -> None:
    """A gap, or two rows in one place, is closed by the meeting."""
    rows = thing("abc")
    for sku, place in (("a", 4), ("b", 4), ("c", 9)):
        rows["thing_piece"][(KEY, sku)] = {**rows["thing_piece"][(KEY, sku)], "position": place}
    problem = broken(THINGS, rows)
    assert problem is not None
    assert problem.key == (KEY, "a")
    looked = as_looked(THINGS, rows, BASE, {})
    assert looked.mysql == BASE


@pytest.mark.parametrize(
    ("first", "second", "wanted"),
    [
        ("", "", ""),
        ("ab", "", "ab"),
        ("", "ab", "ab"),
        ("ab", "xaybz", "xaybz"),
        ("axb", "ayb", "ayxb"),
        ("ba", "abx", "bxa"),
    ],
)
def test_one_order_from_two(first: str, second: str, wanted: str) -> None:
    """The first one's; what only the second has comes behind what it follows there."""
    one, two, order_of_all = ([(letter,) for letter in text] for text in (first, second, wanted))
    stays: dict[RowKey, None] = dict.fromkeys(order_of_all)
    assert merged_order(one, two, stays) == list(stays)
