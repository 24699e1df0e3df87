"""One line of the bench's table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from tests.bench.statistics import Better, median, met, ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A figure, what it is held against, and whether that is near enough. Plain data: it is written as it stands."""

    name: str
    #: mysql or mariadb.
    server: str
    #: What the figure is, and what the limit, in words.
    what: str
    unit: str
    figure: float
    limit: float
    ratio: float
    target: float
    better: Better
    met: bool
    #: What the two medians are of.
    figures: Sequence[float] = ()
    limits: Sequence[float] = ()
    #: Drawn in the plots: curves, histograms.
    series: Mapping[str, object] = field(default_factory=dict)
    #: Fewer repetitions and smaller sizes: tells whether it works, not how fast it is.
    quick: bool = False

    def to_json(self) -> dict[str, object]:
        """As it stands in a file."""
        return asdict(self)


def compared(
    name: str,
    server: str,
    *,
    what: str,
    unit: str,
    figures: Sequence[float],
    limits: Sequence[float],
    target: float,
    better: Better = Better.HIGHER,
    series: Mapping[str, object] | None = None,
    quick: bool = False,
) -> Result:
    """The result of repetitions: both medians, and the ratio of the two."""
    figure, limit = median(figures), median(limits)
    reached = ratio(figure, limit)
    return Result(
        name=name,
        server=server,
        what=what,
        unit=unit,
        figure=figure,
        limit=limit,
        ratio=reached,
        target=target,
        better=better,
        met=met(reached, target, better),
        figures=list(figures),
        limits=list(limits),
        series=series or {},
        quick=quick,
    )
