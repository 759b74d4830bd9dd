"""The portraits and speech of a corpus: what a model is shown on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from .index import Entry, read_index

PER_GROUP = 4
SMALLEST = 0.3  # width of the face in the picture
SHORTEST = 2.2  # seconds of sound that the sync scorer needs: its lags both ways, and a second


def portrait_entries(data: Path) -> Iterator[Entry]:
    """Pictures to measure on, with one face of a fair size; a few of each group."""
    taken: Counter[str] = Counter()
    for entry in read_index(data, "portraits"):
        fits = entry.faces == 1 and entry.face_width >= SMALLEST
        if entry.split_for("evaluate") == "test" and fits and taken[entry.group] < PER_GROUP:
            taken[entry.group] += 1
            yield entry


def speech_entries(data: Path) -> list[Entry]:
    """Speech to measure on, English first; what is too short is left out."""
    found = [
        entry
        for entry in read_index(data, "speech")
        if entry.split_for("evaluate") == "test" and entry.seconds >= SHORTEST
    ]
    return sorted(found, key=lambda entry: entry.group != "en")
