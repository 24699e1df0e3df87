"""The sums of the bench: medians, slopes, rates told from samples, and what counts as met."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from deploy.local.paths import ROOT
from tests.bench import plots, results, table
from tests.bench.__main__ import main
from tests.bench.backlog import Backlog
from tests.bench.catalogue import ROWS, in_order
from tests.bench.curve import rate
from tests.bench.result import Result, compared
from tests.bench.shapes import Flat
from tests.bench.statistics import Better, histogram, median, met, percentile, ratio, slope


def test_a_median_is_in_the_middle() -> None:
    """Whatever the order; of an even count it is between two."""
    assert median([9.0, 1.0, 4.0]) == 4.0
    assert median([1.0, 3.0]) == 2.0
    with pytest.raises(ValueError, match="no values"):
        median([])


def test_a_percentile_is_one_of_the_values() -> None:
    """By nearest rank."""
    values = [float(one) for one in range(1, 101)]
    assert [percentile(values, one) for one in (1, 50, 99, 100)] == [1.0, 50.0, 99.0, 100.0]
    assert percentile([7.0], 50) == 7.0


def test_a_ratio_needs_a_limit() -> None:
    """Nothing is no limit."""
    assert ratio(3.0, 4.0) == 0.75
    with pytest.raises(ValueError, match="more than nothing"):
        ratio(3.0, 0.0)


@pytest.mark.parametrize(
    ("reached", "better", "expected"),
    [
        (0.8, Better.HIGHER, True),
        (0.79, Better.HIGHER, False),
        (0.8, Better.LOWER, True),
        (0.81, Better.LOWER, False),
    ],
)
def test_what_equals_its_target_meets_it(reached: float, better: Better, expected: bool) -> None:
    """Either way."""
    assert met(reached, 0.8, better) is expected


@pytest.mark.parametrize("power", [0.0, 1.0, 2.0])
def test_a_slope_is_the_power(power: float) -> None:
    """Of time that grows as a power of the quantity."""
    sizes = [1.0, 2.0, 5.0, 30.0]
    assert slope(sizes, [3 * size**power for size in sizes]) == pytest.approx(power)


def test_a_slope_needs_different_quantities() -> None:
    """Of one quantity there is no line."""
    with pytest.raises(ValueError, match="two quantities"):
        slope([2.0, 2.0], [1.0, 3.0])


def test_a_histogram_counts_every_value() -> None:
    """In bins by their lower edge."""
    assert histogram([0.1, 0.4, 0.5, 3.2], 0.5) == [(0.0, 2), (0.5, 1), (3.0, 1)]


def test_a_rate_leaves_start_up_and_the_first_batch_out() -> None:
    """From the first sample with rows to the first that has all."""
    assert rate([(0.0, 0), (9.0, 0), (10.0, 1000), (11.0, 3000), (12.0, 5000), (20.0, 5000)]) == 2000.0


def test_a_rate_can_be_told_of_a_window() -> None:
    """Of what came while another direction was busy too."""
    curve = [(0.0, 100), (1.0, 200), (2.0, 400), (3.0, 1000)]
    assert rate(curve, start=1.0, end=2.0) == 200.0


def test_a_rate_needs_two_samples() -> None:
    """All at once tells nothing."""
    with pytest.raises(ValueError, match="measure more"):
        rate([(0.0, 0), (1.0, 500)])


@pytest.mark.parametrize(("documents", "count", "stride"), [(1000, 700, 1), (1000, 3000, 1), (4000, 3000, 4)])
def test_a_backlog_is_there_when_its_last_row_is(documents: int, count: int, stride: int) -> None:
    """Told from some documents, of all of which the last is one."""
    backlog = Backlog(Flat(documents=documents), count, 5, stride)
    written: dict[int, int] = {}
    seen: list[int] = []
    for numbers, generation in backlog.parts(500):
        written |= dict.fromkeys(numbers, generation)
        seen.append(backlog._arrived([written.get(number, 0) for number in backlog._watched()]))
    assert seen == sorted(seen)
    assert seen[-1] == count
    assert seen[-2] < count
    assert 20 <= len(backlog._watched()) <= 40


def _result(figure: float = 900.0) -> Result:
    """A line of the table."""
    return compared("carrying", "mysql", what="", unit="rows/s", figures=[figure], limits=[1000.0], target=0.8)


def test_a_result_compares_medians() -> None:
    """And keeps what they are of."""
    result = compared(
        "name", "mysql", what="", unit="rows/s", figures=[7.0, 9.0, 8.0], limits=[10.0, 90.0, 16.0], target=0.6
    )
    assert (result.figure, result.limit, result.ratio, result.met) == (8.0, 16.0, 0.5, False)
    assert result.figures == [7.0, 9.0, 8.0]


def test_results_are_read_as_written(tmp_path: Path) -> None:
    """Each object with the machine; quick ones stand apart, where full ones are not replaced."""
    results.write("row", "mysql", [_result()], {"python": "3"}, quick=False, home=tmp_path)
    results.write("row", "mysql", [_result(1.0)], {"python": "3"}, quick=True, home=tmp_path)
    (one,) = results.read(tmp_path)["row"]
    expected = {"name", "figure", "limit", "ratio", "target", "met", "server"}
    assert expected <= one.keys()
    assert (one["figure"], one["on"]) == (900.0, {"python": "3"})
    assert results.read(tmp_path / "quick")["row"][0]["figure"] == 1.0


def test_a_table_has_a_line_for_each_result() -> None:
    """With the sign that the target has."""
    head, line = table.lines([_result().to_json()])
    assert head.split() == list(table.HEAD)
    assert line.split() == ["carrying", "mysql", "900", "rows/s", "1,000", "rows/s", "0.90", "≥", "0.80", "yes"]


def test_a_ratio_just_beside_its_target_is_told_exactly() -> None:
    """Else the table would say of 0.80 that it is not 0.80."""
    line = table.cells(_result(799.6).to_json())
    assert line[-3:] == ("0.7996", "≥ 0.80", "no")
    assert table.cells(_result(800.4).to_json())[-3] == "0.80"


def test_the_papers_table_has_both_servers_side_by_side() -> None:
    """And what it was measured on."""
    mine = {**_result().to_json(), "on": {"cores": "2"}}
    other = {**mine, "server": "mariadb", "ratio": 0.5, "figure": 500.0, "met": False}
    *_, line, _, on = table.markdown([mine, other])
    expected = "900 / 1,000 rows/s = **0.90** | 500 / 1,000 rows/s = **0.50** (missed)"
    assert line == f"| carrying | ≥ 0.80 | {expected} |"
    assert on == "Measured on: cores 2."


def test_the_readme_shows_what_was_measured() -> None:
    """The table of the committed results, no other."""
    readme = (ROOT / "README.md").read_text()
    assert table.placed(readme, table.markdown(in_order(results.read()))) == readme


def test_the_same_results_give_the_same_pictures(tmp_path: Path) -> None:
    """Of every kind, so that a change in them is a change of what was measured."""
    common = {"server": "mysql", "unit": "ms", "figure": 1.0, "limit": 2.0, "ratio": 0.5, "target": 0.8}
    found = {
        "drain": [{**common, "name": "drain"}],
        "crossing_time": [{**common, "name": "crossing time a, p50", "series": {"milliseconds": [[1.0, 3], [2.0, 1]]}}],
        "scaling": [{**common, "name": "scaling with tables", "series": {"seconds": [[1, 1.0], [2, 2.0]]}}],
        "memory": [{**common, "name": "follower, in one transaction", "series": {"seconds_mb": [[0, 50], [1, 60]]}}],
    }
    first = {path.name: path.read_text() for path in plots.draw(found, tmp_path / "first")}
    again = {path.name: path.read_text() for path in plots.draw(found, tmp_path / "again")}
    assert first == again
    assert sorted(first) == ["crossing.svg", "memory.svg", "scaling.svg", "throughput.svg"]
    for text in first.values():
        ElementTree.fromstring(text)


def test_the_command_lists_its_rows() -> None:
    """All of them, each with what it is about."""
    done = CliRunner().invoke(main, ["--list"])
    assert done.exit_code == 0
    assert [line.split()[0] for line in done.output.splitlines()] == list(ROWS)


def test_an_unknown_row_is_refused() -> None:
    """Before anything is measured, with the names that there are."""
    done = CliRunner().invoke(main, ["--only", "nothing"])
    assert done.exit_code == 2
    assert "no row is named nothing; there are: mysql_to_mongo_flat" in done.output


def test_help_shows_examples_and_exit_codes() -> None:
    """As people type them."""
    done = CliRunner().invoke(main, ["--help"])
    assert done.exit_code == 0
    assert "python -m tests.bench --only drain --json" in done.output
    assert "3 a row could not be" in done.output
