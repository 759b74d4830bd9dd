"""What an evaluation found, as a web page: one table, plots, and strips of frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from torch import Tensor

from ...render.image import write_image
from .measures import MEASURES, Row, Summary, lines, summaries
from .page import distinct, row_picture, write_page
from .plots import Curve, bars, curves, save_plot

AIMS = {"more": "↑ more", "less": "↓ less", "real": "≈ real"}


@dataclass(frozen=True, slots=True, repr=False)
class Strip:
    """Frames side by side, (T, 3, H, W), with a caption."""

    name: str
    caption: str
    frames: Tensor


@dataclass(slots=True)
class Report:
    """All that an evaluation found; ``about`` says of what, where and how."""

    about: dict[str, str]
    rows: list[Row] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    strips: list[Strip] = field(default_factory=list)


def write_report(report: Report, folder: Path) -> Path:
    """Write ``index.html`` and its pictures into a folder; returns the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    found = summaries(report.rows)
    measures = [list(same) for _, same in groupby(lines(found), lambda line: line.measure.title)]
    return write_page(
        folder,
        "evaluation.html",
        about=report.about,
        measures=measures,
        aims=AIMS,
        plots=[*_curves(report.curves, folder), *_bars(found, folder)],
        strips=_strips(report.strips, folder),
    )


def _curves(found: Sequence[Curve], folder: Path) -> Iterator[dict[str, str]]:
    for number, curve in enumerate(found):
        file = save_plot(curves(curve), folder, f"curve_{number}")
        yield {"file": file, "title": curve.title}


def _bars(found: Sequence[Summary], folder: Path) -> Iterator[dict[str, str]]:
    """A plot of every measure of which there is more than one figure."""
    for key, same in groupby(found, lambda summary: summary.measure):
        rows = list(same)
        if len(rows) > 1:
            measure = MEASURES[key]
            title = f"{measure.title} ({measure.unit})" if measure.unit else measure.title
            yield {"file": save_plot(bars(title, rows), folder, key), "title": title}


def _strips(strips: Sequence[Strip], folder: Path) -> Iterator[dict[str, str]]:
    names = distinct(strip.name for strip in strips)
    for name, strip in zip(names, strips, strict=True):
        write_image(folder / f"{name}.jpg", row_picture(strip.frames))
        yield {"file": f"{name}.jpg", "caption": strip.caption}
