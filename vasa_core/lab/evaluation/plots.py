"""Plots for the report: means with their spreads, and curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure  # by itself it draws without a screen (Agg, SVG)

from .measures import Summary

FOLDER = "plots"
COLOURS = ("#2f6db5", "#8a8f98", "#c2562f", "#3c9a5f", "#7a4fa3")
SUBJECTS = ("model", "real", "still", "shuffled", "real, shuffled")  # one colour in every plot
WIDTH, BAR = 5.6, 0.2  # inches: of a plot, of a bar's row
SIZE = 8  # of the letters, points


@dataclass(frozen=True, slots=True)
class Curve:
    """Lines over one axis: a title, what x is, its values, and y by name."""

    title: str
    axis: str
    x: Sequence[float]
    lines: Mapping[str, Sequence[float]]


def colour(name: str, index: int = 0) -> str:
    """The colour of a subject, or of the ``index``-th of other things."""
    return COLOURS[SUBJECTS.index(name) if name in SUBJECTS else index % len(COLOURS)]


def bars(title: str, found: Sequence[Summary]) -> Figure:
    """Means of one measure as bars, a group under the other, with whiskers of one spread."""
    figure, axes = _axes(title, 0.75 + BAR * (len(found) + 0.3 * len({s.group for s in found})))
    places, labels, before = [], [], None
    place = 0.0
    for summary in found:
        first = summary.group != before
        place += 1.3 if first and before is not None else 1.0
        places.append(place)
        labels.append(summary.group if first else "")
        before = summary.group
    axes.barh(
        places,
        [s.mean for s in found],
        0.8,
        xerr=[s.spread for s in found],
        color=[colour(s.subject) for s in found],
        error_kw={"elinewidth": 0.8, "ecolor": "#333"},
    )
    axes.set_yticks(places, labels)
    axes.set_ylim(place + 0.6, places[0] - 0.6)
    axes.axvline(0, color="#bbb", linewidth=0.8)
    for place, summary in zip(places, found, strict=True):
        text = f"{summary.mean:.3g}  {summary.subject}, {summary.count}"
        axes.text(1.02, place, text, va="center", transform=axes.get_yaxis_transform(), size=SIZE)
    return figure


def curves(curve: Curve) -> Figure:
    """Lines with their names at the right end."""
    figure, axes = _axes(curve.title, 2.6)
    for index, (name, values) in enumerate(curve.lines.items()):
        shade = colour(name, index)
        axes.plot(curve.x, values, color=shade, linewidth=1.8, label=name)
    axes.legend(frameon=False, fontsize=SIZE, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    axes.set_xlabel(curve.axis, size=SIZE)
    axes.grid(axis="y", color="#e4e4e4", linewidth=0.8)
    return figure


def save_plot(figure: Figure, folder: Path, name: str) -> str:
    """Write a plot as SVG, the same for the same figures; returns its path within the folder."""
    path = folder / FOLDER / f"{name}.svg"
    path.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context({"svg.hashsalt": name}):
        figure.savefig(path, metadata={"Date": None})
    return f"{FOLDER}/{path.name}"


def _axes(title: str, height: float) -> tuple[Figure, Axes]:
    figure = Figure((WIDTH, height), layout="constrained")
    axes = figure.subplots()
    axes.set_title(title, loc="left", size=SIZE + 1)
    axes.tick_params(labelsize=SIZE, length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color("#bbb")
    return figure, axes
