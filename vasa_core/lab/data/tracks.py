"""Landmark tracks of the talking clips of a corpus, and the landmarks of its labelled faces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ...errors import InputError
from ...face.geometry import rotation_matrix
from .index import Entry, read_index, read_sources

FPS = 25.0  # frames a second of every clip: models and scorers were trained at it
COMMON = 50  # clips from which a person outweighs all others


@dataclass(frozen=True)
class Clip:
    """One talking clip: its entry in the index, (T, 478, 3) landmarks in pixels, (T,) found."""

    entry: Entry
    landmarks: np.ndarray
    found: np.ndarray

    @property
    def name(self) -> str:
        """Name of its file."""
        return self.entry.name

    @property
    def person(self) -> str:
        """A key that clips of one speaker share."""
        return self.entry.person


def load_clips(data: Path, folder: str = "talking", *, trainable: bool = True) -> list[Clip]:
    """Tracks of every talking clip, or only of those whose numbers may train shipped weights.

    Raises InputError for an index that is missing or wrong.
    """
    entries = [e for e in read_index(data, folder) if e.trainable or not trainable]
    return [Clip(entry, *read_track(entry)) for entry in entries]


def common_people(clips: Iterable[Clip]) -> set[str]:
    """The people of whom there are so many clips that they would drown the others."""
    counts = Counter(clip.person for clip in clips)
    return {person for person, count in counts.items() if count > COMMON}


def read_track(entry: Entry) -> tuple[np.ndarray, np.ndarray]:
    """(T, 478, 3) landmarks in pixels, (T,) whether a face was found.

    A file of landmarks (docs/corpus.md) holds ``landmarks``, x and z over the width and y over the
    height, or the same delta-coded as ``q``; or ``codes`` of the entry's ``basis``. Raises
    InputError when there is none, or when it is not at ``FPS``.
    """
    if not entry.landmarks.is_file():
        raise InputError(
            f"{entry.file.name} has no landmarks at {entry.landmarks}; "
            "python -m vasa_core.lab.data.label DATA makes those that are missing."
        )
    with np.load(entry.landmarks) as track:
        if "fps" in track and float(track["fps"]) != FPS:
            rate = f"{float(track['fps']):g} frames a second"
            raise InputError(f"{entry.file.name} has {rate}; a corpus needs {FPS:g}.")
        found = track["ok"].astype(bool)
        if "codes" in track:
            return _from_codes(track, entry.basis), found
        if "q" in track:  # steps of 1/4096 of the frame, bytes apart so that they pack well
            planes = np.ascontiguousarray(track["q"].transpose(1, 2, 3, 0))
            points = np.cumsum(planes.view(np.int16)[..., 0], 0, dtype=np.int16) / 4096.0
        else:
            points = track["landmarks"].astype(np.float64)
        width, height = float(track["width"]), float(track["height"])
    return (points * np.array([width, height, width])).astype(np.float32), found


def _from_codes(track, basis: Path | None) -> np.ndarray:
    """Landmarks from a mean face, delta-coded steps of 1/200 along a basis, and a pose."""
    if basis is None:
        raise InputError("Landmarks in codes need the basis that their index should name.")
    with np.load(basis) as file:
        axes = file["basis"].astype(np.float32)
    planes = np.ascontiguousarray(track["codes"].transpose(1, 2, 0))
    codes = np.cumsum(planes.view(np.int16)[..., 0].T, 0, dtype=np.int16) / 200
    faces = track["mean"] / 8192 + (codes @ axes).reshape(len(codes), -1, 3)
    rotation = rotation_matrix(torch.tensor(track["angles"])).numpy()
    turned = faces @ rotation.transpose(0, 2, 1)
    placed = track["scale"][:, None, None] * turned + track["shift"][:, None]
    return placed.astype(np.float32)


def load_face_labels(data: Path) -> np.ndarray:
    """(B, 478, 3) landmarks, in crop widths, of the crops that may train shipped weights."""
    sources = read_sources(data)
    with np.load(data / "faces/landmarks.npz") as labels:
        may = np.array([sources[name].trainable for name in labels["sources"].tolist()])
        return labels["xyz"][may[labels["source"]]].astype(np.float32)
