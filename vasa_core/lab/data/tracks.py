"""Reads the shared corpus: landmark tracks of talking clips and labelled face crops.

The folder is the one described in the corpus's own README; nothing of it is shipped.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

# Clips and pictures whose licence forbids derived numbers or commercial use (see the model cards).
FORBIDDEN_CLIPS = ("research only", "NC-ND", "non-commercial")
FORBIDDEN_FACES = ("clovaai/stargan-v2", "YadiraF/DECA", "sczhou/CodeFormer", "williamyang1991")


@dataclass(frozen=True)
class Clip:
    """One talking clip: its entry in the index, (T, 478, 3) landmarks in pixels, (T,) found."""

    name: str
    info: dict
    landmarks: np.ndarray
    found: np.ndarray
    fps: float

    @property
    def person(self) -> str:
        """A key that clips of one speaker share."""
        if "grid_s1/" in self.info["file"]:
            return "grid_s1"
        for prefix in ("elo_T1", "elo_T4", "mcg_pl"):
            if self.name.startswith(prefix):
                return prefix
        return {"vrt_3_aoc": "aoc", "hdtf_aoc": "aoc"}.get(self.name, self.name)


def load_clips(data: Path, *, trainable: bool = True) -> list[Clip]:
    """Tracks of every talking clip, or only of those whose numbers may train shipped weights."""
    clips = []
    for info in json.loads((data / "talking/INDEX.json").read_text()):
        if trainable and any(word in info["licence"] for word in FORBIDDEN_CLIPS):
            continue
        with np.load(data / info["landmarks"]) as track:
            clips.append(Clip(Path(info["file"]).stem, info, *_pixels(track)))
    return clips


def _pixels(track) -> tuple[np.ndarray, np.ndarray, float]:
    if "q" in track:  # delta-coded 12-bit fractions of the frame
        planes = np.ascontiguousarray(track["q"].transpose(1, 2, 3, 0))
        points = np.cumsum(planes.view(np.int16)[..., 0], 0, dtype=np.int16) / 4096.0
    else:
        points = track["landmarks"].astype(np.float64)
    width, height = float(track["width"]), float(track["height"])
    landmarks = points * np.array([width, height, width])
    return landmarks.astype(np.float32), track["ok"].astype(bool), float(track["fps"])


def voice_clips(data: Path, sources: Iterable[str]) -> list[dict]:
    """Entries of the index of voices, by source."""
    index = json.loads((data / "voices/INDEX.json").read_text("utf8"))["clips"]
    return [clip for clip in index if clip["source"] in sources]


def load_face_labels(data: Path) -> np.ndarray:
    """(B, 478, 3) landmarks, in crop widths, of the crops that may train shipped weights."""
    with np.load(data / "faces/landmarks.npz") as labels:
        source = labels["sources"][labels["source"]]
        allowed = ~np.isin(source, [s for s in labels["sources"] if s.startswith(FORBIDDEN_FACES)])
        return labels["xyz"][allowed].astype(np.float32)
