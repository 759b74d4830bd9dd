"""Plots for the report, as SVG text: means with their spreads, and curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from .measures import Summary

COLOURS = ("#2f6db5", "#8a8f98", "#c2562f", "#3c9a5f", "#7a4fa3")
SUBJECTS = (
    "model",
    "real",
    "still",
    "shuffled",
    "real, shuffled",
)  # their colours are the same in every plot
BAR, GAP, LABEL, PLOT, HEAD = 16, 4, 150, 330, 8


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


def bars(found: Sequence[Summary]) -> str:
    """Means of one measure as bars, a group under the other, with whiskers of one spread."""
    ends = [v for s in found for v in (s.mean - s.spread, s.mean + s.spread, 0.0)]
    low, high = min(ends), max(ends)
    span = (high - low) or 1.0

    def x(value: float) -> float:
        return LABEL + (value - low) / span * PLOT

    parts, y, before = [], HEAD, None
    for s in found:
        if before not in (None, s.group):
            y += GAP
        if s.group != before:
            parts.append(_text(LABEL - 8, y + 12, s.group, "end"))
        before = s.group
        left, right = sorted((x(0.0), x(s.mean)))
        middle = y + BAR / 2
        parts += [
            f'<rect x="{left:.1f}" y="{y}" width="{max(right - left, 1):.1f}" height="{BAR - 3}" '
            f'fill="{colour(s.subject)}"/>',
            _line(x(s.mean - s.spread), middle, x(s.mean + s.spread), middle),
            _text(LABEL + PLOT + 10, y + 12, f"{s.mean:.3g} ({s.subject}, {s.count})", "start"),
        ]
        y += BAR
    parts.append(_line(x(0.0), HEAD - 4, x(0.0), y, "#bbb"))
    return _svg(LABEL + PLOT + 170, y + 8, parts)


def curves(curve: Curve) -> str:
    """Lines with their legend."""
    width, height, left, top = 420, 190, 46, 24
    values = [y for line in curve.lines.values() for y in line]
    low, high = min(values), max(values)
    span, first, last = (high - low) or 1.0, min(curve.x), max(curve.x)

    def place(x: float, y: float) -> tuple[float, float]:
        across = left + (x - first) / ((last - first) or 1.0) * (width - left - 12)
        return across, top + (high - y) / span * (height - top - 34)

    parts = [_text(left, 14, curve.title, "start")]
    for value in (low, (low + high) / 2, high):
        y = place(first, value)[1]
        parts += [
            _line(left, y, width - 12, y, "#e4e4e4"),
            _text(left - 6, y + 4, f"{value:.2f}", "end"),
        ]
    for value in (first, (first + last) / 2, last):
        parts.append(_text(place(value, low)[0], height - 18, f"{value:g}", "middle"))
    parts.append(_text((left + width) / 2, height - 2, curve.axis, "middle"))
    for index, (name, line) in enumerate(curve.lines.items()):
        points = " ".join(
            "{:.1f},{:.1f}".format(*place(x, y)) for x, y in zip(curve.x, line, strict=True)
        )
        shade = colour(name, index)
        parts += [
            f'<polyline points="{points}" fill="none" stroke="{shade}" stroke-width="2"/>',
            _text(width + 4, top + 16 * index + 6, name, "start", shade),
        ]
    return _svg(width + 110, height, parts)


def _text(x: float, y: float, text: str, anchor: str, fill: str = "#333") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}">{escape(text)}</text>'
    )


def _line(x1: float, y1: float, x2: float, y2: float, stroke: str = "#222") -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}"/>'


def _svg(width: float, height: float, parts: Sequence[str]) -> str:
    body = "".join(parts)
    return (
        f'<svg width="{width:.0f}" height="{height:.0f}" font-family="sans-serif" font-size="11">'
        f"{body}</svg>"
    )
