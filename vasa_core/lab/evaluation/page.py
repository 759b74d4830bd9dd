"""A report as a web page: one table, plots, and strips of frames; it needs no server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import groupby
from pathlib import Path

import torch
from einops import rearrange
from torch import Tensor

from ...render.image import write_image
from .measures import MEASURES, Row, Summary, lines, summaries
from .plots import Curve, bars, curves

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1100px; color: #222;
  padding: 0 1rem }
table { border-collapse: collapse; width: 100% } td, th { padding: 2px 10px; text-align: left }
td:nth-child(3), td:nth-child(4), td:nth-child(5) { text-align: right }
tbody tr:first-child td { border-top: 1px solid #ddd }
tbody tr + tr { color: #777; font-size: 13px } thead th { position: sticky; top: 0;
  background: #fff } figure { margin: 1rem 0 } img, video { max-width: 100% }
figcaption { color: #555 } .note { color: #555 } nav a { margin-right: 1em }
.plots { display: flex; flex-wrap: wrap; gap: 1rem 2rem }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); gap: 1rem }
"""
PARTS = ("Table", "Plots", "Frames")
STRIP_WIDTH = 150  # of a frame, pixels


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


def write_page(report: Report, folder: Path) -> Path:
    """Write ``index.html`` and its pictures into a folder; returns the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    found = summaries(report.rows)
    parts = [
        "<h1>vasa evaluate</h1>",
        f'<p class="note">{"; ".join(f"{k}: {escape(v)}" for k, v in report.about.items())}</p>',
        "<nav>" + "".join(f'<a href="#{p.lower()}">{p}</a>' for p in PARTS) + "</nav>",
        '<h2 id="table">Table</h2>',
        *_table(found),
        '<h2 id="plots">Plots</h2><div class="plots">',
        *(f"<figure>{curves(curve)}</figure>" for curve in report.curves),
        *_plots(found),
        "</div>",
        '<h2 id="frames">Frames</h2>',
        *(_strip(strip, folder) for strip in report.strips),
        '<p class="note">Every picture here is AI-generated, except those marked as real.</p>',
    ]
    path = folder / "index.html"
    path.write_text(html_page("vasa evaluate", parts), "utf8")
    return path


def html_page(title: str, parts: Sequence[str]) -> str:
    """A whole page."""
    body = "\n".join(parts)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style><body>\n{body}\n</body></html>\n"
    )


def _table(found: Sequence[Summary]) -> Iterator[str]:
    """The model's figures, over all groups and in each."""
    yield (
        "<table><thead><tr><th>measure</th><th>group</th><th>mean</th><th>spread</th><th>n</th>"
        "<th>better</th><th>against</th></tr></thead>"
    )
    for _, same in groupby(lines(found), lambda line: line.measure.title):
        yield "<tbody>"
        for number, line in enumerate(same):
            name, aim = (line.title, line.measure.better) if number == 0 else ("", "")
            s = line.model
            yield (
                f"<tr><td>{escape(name)}</td><td>{escape(line.group)}</td><td>{s.mean:.3f}</td>"
                f"<td>{s.spread:.3f}</td><td>{s.count}</td><td>{aim}</td>"
                f"<td>{escape(line.against)}</td></tr>"
            )
        yield "</tbody>"
    yield "</table>"


def _plots(found: Sequence[Summary]) -> Iterator[str]:
    for key, rows in groupby(found, lambda s: s.measure):
        rows = list(rows)
        if len(rows) > 1:
            measure = MEASURES[key]
            title = f"{measure.title} ({measure.unit})" if measure.unit else measure.title
            caption = f"<figcaption>{escape(title)}</figcaption>"
            yield f"<figure>{caption}{bars(rows)}</figure>"


def row_picture(frames: Tensor) -> Tensor:
    """(T, 3, H, W) frames, made smaller, side by side: (3, h, T * w)."""
    height, width = frames.shape[-2:]
    size = max(1, round(height * STRIP_WIDTH / width)), STRIP_WIDTH
    frames = torch.nn.functional.interpolate(frames, size, mode="area")
    return rearrange(frames, "t c h w -> c h (t w)")


def _strip(strip: Strip, folder: Path) -> str:
    name = f"{strip.name}.jpg"
    write_image(folder / name, row_picture(strip.frames))
    caption = escape(strip.caption)
    return (
        f'<figure><figcaption>{caption}</figcaption><img src="{name}" alt="{caption}" '
        'loading="lazy"></figure>'
    )
