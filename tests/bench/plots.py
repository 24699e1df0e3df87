"""Pictures of the results, as SVG: throughput against limit, crossing times, scaling, memory over time.

Drawn from result files alone, so that a picture shows what a committed run has measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from deploy.local.paths import ROOT

HOME = ROOT / "docs" / "bench"
#: Of one result, as its file has it.
Object: TypeAlias = Mapping[str, Any]
COLOURS = {"mysql": "#00758f", "mariadb": "#c0765a"}
LIMIT = "#c8ccd0"
#: Milliseconds: a tenth more each, from half of one to ten seconds.
EDGES = [0.5 * 1.1**step for step in range(105)]
#: Rows of the table whose figures are rates with a limit in the same unit.
RATES = (
    "mysql_to_mongo_flat",
    "mysql_to_mongo_analytics",
    "mongo_to_mysql",
    "first_copy",
    "verify",
    "drain",
    "storm",
)


def draw(found: Mapping[str, Sequence[Object]], home: Path = HOME) -> list[Path]:
    """One file for each kind of picture that there are results for."""
    home.mkdir(parents=True, exist_ok=True)
    # The same results give the same file: no date, no random names.
    mpl.rcParams.update({"svg.hashsalt": "lockstep", "svg.fonttype": "none", "font.size": 9, "axes.axisbelow": True})
    pictures = {
        "throughput": _throughput([one for row in RATES for one in found.get(row, ())]),
        "crossing": _crossing([one for one in found.get("crossing_time", ()) if one["name"].endswith("p50")]),
        "scaling": _scaling(found.get("scaling", ())),
        "memory": _memory(found.get("memory", ())),
    }
    written = []
    for name, figure in pictures.items():
        if figure is not None:
            path = home / f"{name}.svg"
            figure.savefig(path, metadata={"Date": None})
            written.append(path)
    return written


def _throughput(objects: Sequence[Object]) -> Figure | None:
    """Bars: each rate as a part of its limit, with the target as a line across."""
    if not objects:
        return None
    names = _names(objects)
    figure = Figure(figsize=(9, 0.6 + 0.42 * len(names)), layout="constrained")
    axes = figure.subplots()
    axes.barh(range(len(names)), 1.0, height=0.8, color=LIMIT, label="limit: the databases alone")
    servers = _servers(objects)
    height = 0.8 / len(servers)
    for place, server in enumerate(servers):
        mine = [one for one in objects if one["server"] == server]
        ys = [names.index(one["name"]) - 0.4 + height * (place + 0.5) for one in mine]
        bars = axes.barh(ys, [one["ratio"] for one in mine], height=height * 0.9, color=COLOURS[server], label=server)
        axes.bar_label(bars, [f"{one['figure']:,.0f} {one['unit']}" for one in mine], padding=2, fontsize=7)
    for one in objects:
        y = names.index(one["name"])
        axes.plot([one["target"]] * 2, [y - 0.45, y + 0.45], color="black", linewidth=1.5)
    axes.plot([], [], color="black", linewidth=1.5, label="target")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel("part of the limit")
    figure.legend(loc="outside lower center", ncols=5, fontsize=8)
    return figure


def _crossing(objects: Sequence[Object]) -> Figure | None:
    """Histograms, one for each way."""
    if not objects:
        return None
    names = _names(objects)
    figure = Figure(figsize=(3 * len(names), 3), layout="constrained")
    for axes, name in zip(_row(figure, len(names)), names, strict=True):
        for one in objects:
            if one["name"] != name:
                continue
            bins = one["series"]["milliseconds"]
            axes.hist(
                [edge for edge, _ in bins],
                bins=EDGES,
                weights=[100 * count / sum(count for _, count in bins) for _, count in bins],
                histtype="step",
                color=COLOURS[one["server"]],
                label=one["server"],
            )
            axes.axvline(one["limit"], color=COLOURS[one["server"]], linestyle=":", label=f"limit, {one['server']}")
        axes.set_title(name.removeprefix("crossing time ").removesuffix(", p50"))
        axes.set_xscale("log")
        axes.set_xlabel("milliseconds")
        axes.set_ylabel("% of changes")
        axes.legend(fontsize=8)
    return figure


def _scaling(objects: Sequence[Object]) -> Figure | None:
    """Total time against the quantity, both as logarithms; dotted, that of the plain loop."""
    if not objects:
        return None
    plain = [one for one in objects if "plain" in one["series"]]
    objects = [one for one in objects if "plain" not in one["series"]]
    names = _names(objects)
    figure = Figure(figsize=(12, 3), layout="constrained")
    for axes, name in zip(_row(figure, len(names)), names, strict=True):
        for one in objects:
            if one["name"] == name:
                xs, ys = zip(*one["series"]["seconds"], strict=True)
                label = f"{one['server']}, slope {one['ratio']:.2f}"
                axes.loglog(xs, ys, marker="o", markersize=3, color=COLOURS[one["server"]], label=label)
        for one in plain:
            if one["name"].startswith(f"{name},"):
                xs, ys = zip(*one["series"]["plain"], strict=True)
                label = f"plain loop, slope {one['limit']:.2f}"
                axes.loglog(xs, ys, linestyle=":", color=COLOURS[one["server"]], label=label)
        axes.set_title(name.removeprefix("scaling with "))
        axes.set_ylabel("seconds")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_minor_formatter(NullFormatter())
        axes.legend(fontsize=7)
    return figure


def _memory(objects: Sequence[Object]) -> Figure | None:
    """Megabytes over time, while a large transaction is carried."""
    large = [one for one in objects if "in one transaction" in one["name"]]
    if not large:
        return None
    workers = list(dict.fromkeys(_worker(one) for one in large))
    figure = Figure(figsize=(9, 3), layout="constrained")
    for axes, worker in zip(_row(figure, len(workers)), workers, strict=True):
        for one in large:
            if _worker(one) == worker:
                xs, ys = zip(*one["series"]["seconds_mb"], strict=True)
                axes.plot(xs, ys, color=COLOURS[one["server"]], label=one["server"])
                axes.axhline(one["limit"], color="black", linewidth=1, linestyle=":")
                axes.set_title(one["name"].removeprefix("memory of the "))
        axes.set_ylim(bottom=0)
        axes.set_xlabel("seconds")
        axes.set_ylabel("MB")
        axes.legend(fontsize=8)
    return figure


def _worker(one: Object) -> str:
    return "follower" if "follower" in one["name"] else "listener"


def _row(figure: Figure, count: int) -> list[Axes]:
    return list(figure.subplots(1, count, squeeze=False)[0])


def _names(objects: Iterable[Object]) -> list[str]:
    return list(dict.fromkeys(one["name"] for one in objects))


def _servers(objects: Iterable[Object]) -> list[str]:
    return [server for server in COLOURS if any(one["server"] == server for one in objects)]
