"""The portraits and speech of a corpus: what a model is shown on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

PER_GROUP = 4
KINDS = {"photo": "photo", "ai": "photo", "painting": "painting", "drawing": "drawing"}
KINDS |= {"cartoon": "drawing", "render": "drawing"}
SMALLEST = 0.3  # width of the face in the picture
SHORTEST = 2.2  # seconds of sound that the sync scorer needs: its reach both ways, and a second


def portrait_files(data: Path) -> Iterator[tuple[Path, str]]:
    """Pictures with one face of a fair size, and their groups; a few of each group."""
    taken = dict.fromkeys(KINDS.values(), 0)
    for entry in json.loads((data / "portraits/INDEX.json").read_text("utf8")):
        group = KINDS.get(entry["file"].split("_")[0])
        fits = entry["faces_detected"] == 1 and (entry["face_width_frac"] or 0) >= SMALLEST
        if group and fits and taken[group] < PER_GROUP:
            taken[group] += 1
            yield data / "portraits" / entry["file"], group


def group_of(entry: dict) -> str:
    """Which group an entry of the index of speech belongs to."""
    note = entry["note"]
    if "sing" in note and "music" not in note:
        return "singing"
    if "noise" in note or "music" in note or "mixed" in note:
        return "noisy"
    return {"?": "unknown"}.get(entry["lang"], entry["lang"])


def speech_files(data: Path) -> list[tuple[Path, str]]:
    """The index of speech, English first: files and groups.

    What is too short or has no voice is left out.
    """
    found = [
        (data / "speech" / entry["file"], group_of(entry))
        for entry in json.loads((data / "speech/INDEX.json").read_text("utf8"))
        if entry["lang"] != "-" and entry["seconds"] >= SHORTEST
    ]
    return sorted(found, key=lambda pair: pair[1] != "en")
