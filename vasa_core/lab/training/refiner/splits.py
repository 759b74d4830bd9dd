"""What the refiner learns from and is measured on, split by person and by licence.

Which clips and sources of faces train the index says; of its clips, those held out are for choosing
(``development``) and others for the final figures (``test``), and so are faces held out here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ....face.topology import LIP_LOWER_MIDDLE, LIP_UPPER_INNER, LIP_UPPER_MIDDLE
from ....render.video import VideoReader
from ...data.faces import look_alikes
from ...data.index import read_sources
from ...data.tracks import Clip, common_people, load_clips

KINDS = {"photo-like": "generated", "art": "generated art"}  # of sources of faces
SPLITS = {"development": "held_out"}  # of the index, by the names used here
EVERY = 3  # how many of the clips of a person with very many are taken: one in
OPEN = 0.08  # gap of the lips over half the mouth's width, from which a still shows its inside
HELD_OUT = {"photo-like": 40, "art": 14}  # faces for development, and as many for the test
SIDE = 256  # of a crop, pixels


@dataclass(frozen=True)
class Still:
    """A generated face with open lips: picture (1, 3, 256, 256), landmarks (478, 3) in it."""

    name: str
    group: str
    picture: Tensor
    landmarks: Tensor


def clips(data: Path, split: str) -> Iterator[tuple[Clip, Tensor]]:
    """Clips of a split with their frames (T, 3, H, W): "train", "development" or "test"."""
    every = load_clips(data, trainable=False)
    common, seen = common_people(every), Counter()
    for clip in every:
        seen[clip.person] += 1
        left_out = clip.person in common and seen[clip.person] % EVERY
        if clip.entry.split_for("refiner") == SPLITS.get(split, split) and not left_out:
            frames = torch.stack(list(VideoReader(clip.entry.file)))
            yield clip, frames[: len(clip.landmarks)]


def stills(data: Path, split: str) -> Iterator[Still]:
    """Faces of sources that train, of a split of their own, whose lips are open."""
    sources = read_sources(data)
    with np.load(data / "faces/landmarks.npz") as labels:
        source = labels["sources"][labels["source"]]
        names, points = labels["names"], labels["xyz"].astype(np.float32) * SIDE
    for group, kind in KINDS.items():
        trains = [
            n for n, s in sources.items() if s.kind == kind and s.split_for("refiner") == "train"
        ]
        index = np.flatnonzero(np.isin(source, trains) & (lip_gaps(points) > OPEN))
        if not len(index):
            continue
        pictures = np.stack([_picture(data / "faces/train" / names[i]) for i in index])
        for n in np.flatnonzero(_split(pictures, HELD_OUT[group]) == split):
            picture = torch.from_numpy(pictures[n]).permute(2, 0, 1)[None].float() / 255
            yield Still(str(names[index[n]]), group, picture, torch.as_tensor(points[index[n]]))


def lip_gaps(points: np.ndarray) -> np.ndarray:
    """(B, V, 3) landmarks to the gap of their lips over half the mouth's width, (B,)."""
    gap = points[:, LIP_UPPER_MIDDLE, :2] - points[:, LIP_LOWER_MIDDLE, :2]
    width = points[:, LIP_UPPER_INNER[0], :2] - points[:, LIP_UPPER_INNER[-1], :2]
    return 2 * np.linalg.norm(gap, axis=1) / np.linalg.norm(width, axis=1)


def _picture(file: Path) -> np.ndarray:
    picture = Image.open(file).convert("RGB")
    return np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS))


def _split(pictures: np.ndarray, held_out: int) -> np.ndarray:
    """Splits of (N, 256, 256, 3) pictures: whole groups of look-alikes are held out."""
    group = look_alikes(pictures)
    split = np.full(len(group), "train", dtype="<U11")
    order = iter(np.random.default_rng(0).permutation(np.unique(group)))
    for name in ("development", "test"):
        while (split == name).sum() < held_out:
            members = group == next(order)
            if members.sum() <= 8:  # a chain of similar pictures stays in training as a whole
                split[members] = name
    return split
