"""The labelled faces, split by identity and by licence.

``train``       faces of the sources that the index lets train, and frames of talking clips
``held_out``    generated and art identities of those sources that are kept away from training
``validation``  every other face: never trained on
"""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ...face.topology import LIP_LOWER_MIDDLE, LIP_UPPER_MIDDLE, RIGHT_LID_MIDDLES, VERTICES
from .index import Source, read_index, read_sources
from .tracks import read_track

log = logging.getLogger(__name__)

SIZE = 256  # side of the stored crops, pixels
HELD_OUT = 150
FRAMES = "talking clips"  # the source of faces that are frames of videos
FRAME_SHARE = 0.35  # how often one is drawn, other faces being 1: they show few people
NEGATIVES_HELD_OUT = 3  # every third one


@dataclass
class FaceSet:
    """images (B, 3, 256, 256) uint8, points (B, V, 3) pixels, split and source per face."""

    images: Tensor
    points: Tensor
    split: np.ndarray
    source: np.ndarray
    negatives: Tensor
    negative_split: np.ndarray

    def select(self, split: str) -> tuple[Tensor, Tensor]:
        """Images and points of one split."""
        chosen = torch.from_numpy(np.flatnonzero(self.split == split))
        return self.images[chosen], self.points[chosen]

    def select_negatives(self, split: str) -> Tensor:
        """Pictures without a face, of one split."""
        return self.negatives[torch.from_numpy(self.negative_split == split)]

    def shares(self) -> Tensor:
        """How often each training face is drawn: frames of clips more rarely."""
        frames = torch.from_numpy(self.source[self.split == "train"] == FRAMES)
        return torch.where(frames, FRAME_SHARE, 1.0)


def load_faces(data: Path, cache: Path) -> FaceSet:
    """Read all crops once and keep them beside the other intermediate files."""
    file = cache / "faces.pt"
    if not file.exists():
        cache.mkdir(parents=True, exist_ok=True)
        torch.save(_read_faces(data), file)
    return FaceSet(**torch.load(file, weights_only=False))


def _read_faces(data: Path) -> dict:
    labels = np.load(data / "faces" / "landmarks.npz")
    images = np.stack([_picture(data / "faces" / "train" / n) for n in labels["names"]])
    points = labels["xyz"].astype(np.float32) * SIZE
    source = labels["sources"][labels["source"]]
    known = read_sources(data)
    split = _split(images, [known[name] for name in source.tolist()])
    frames, frame_points = clip_frames(data)
    negatives = sorted((data / "faces" / "negatives").glob("*.jpg"))
    log.info("%d faces, %d frames of clips", len(images), len(frames))
    return {
        "images": torch.from_numpy(np.concatenate([images, frames]))
        .permute(0, 3, 1, 2)
        .contiguous(),
        "points": torch.from_numpy(np.concatenate([points, frame_points])),
        "split": np.concatenate([split, np.full(len(frames), "train")]),
        "source": np.concatenate([source, np.full(len(frames), FRAMES)]),
        "negatives": torch.from_numpy(np.stack([_picture(f) for f in negatives]))
        .permute(0, 3, 1, 2)
        .contiguous(),
        "negative_split": np.array(
            ["held_out" if i % NEGATIVES_HELD_OUT == 0 else "train" for i in range(len(negatives))]
        ),
    }


def _picture(file: Path) -> np.ndarray:
    picture = Image.open(io.BytesIO(file.read_bytes())).convert("RGB")
    return np.asarray(picture.resize((SIZE, SIZE), Image.Resampling.LANCZOS))


def _split(images: np.ndarray, sources: list[Source]) -> np.ndarray:
    """Split by source, then hold out whole groups of look-alike generated pictures."""
    trains = np.array([source.split_for("face") == "train" for source in sources])
    made = np.array([source.kind.startswith("generated") for source in sources])
    split = np.where(trains, "train", "validation").astype("<U10")
    generated = np.flatnonzero(trains & made)
    group = look_alikes(images[generated])
    order = np.random.default_rng(0).permutation(np.unique(group))
    held = 0
    for g in order:
        members = generated[group == g]
        if len(members) > 8:
            continue  # a big chain of similar pictures stays in training as a whole
        split[members] = "held_out"
        held += len(members)
        if held >= HELD_OUT:
            break
    return split


def look_alikes(images: np.ndarray, threshold: float = 0.93) -> np.ndarray:
    """Group number per picture; pictures whose 16x16 grey thumbnails correlate share one."""
    small = images.mean(-1).reshape(len(images), 16, 16, 16, 16).mean((2, 4)).reshape(-1, 256)
    small = (small - small.mean(1, keepdims=True)) / (small.std(1, keepdims=True) + 1e-6)
    alike = small @ small.T / small.shape[1] > threshold
    group = np.arange(len(images))
    for i, row in enumerate(alike):
        for j in np.flatnonzero(row[:i]):
            group[group == group[i]] = group[j]
    return group


def read_frames(file: Path) -> np.ndarray:
    """All frames of a clip (T, H, W, 3), uint8."""
    with av.open(str(file)) as container:
        return np.stack([f.to_ndarray(format="rgb24") for f in container.decode(video=0)])


def clip_frames(data: Path) -> tuple[np.ndarray, np.ndarray]:
    """Three frames of each clip that may train: mouth widest, eyes most closed, one at random.

    Returns crops (B, 256, 256, 3) uint8 of twice the face and points (B, V, 3) in their pixels.
    """
    rng = np.random.default_rng(1)
    crops, points = [], []
    for entry in read_index(data, "talking"):
        if entry.split_for("face") != "train":
            continue
        track, ok = read_track(entry)
        frames, track = read_frames(entry.file)[: len(track)], track.astype(np.float64)
        mouth = track[:, LIP_LOWER_MIDDLE, 1] - track[:, LIP_UPPER_MIDDLE, 1]
        mouth = np.where(ok, mouth, -np.inf)[: len(frames)]
        upper_lid, lower_lid = RIGHT_LID_MIDDLES
        eyes = track[:, lower_lid, 1] - track[:, upper_lid, 1]
        eyes = np.where(ok, eyes, np.inf)[: len(frames)]
        for t in {int(mouth.argmax()), int(eyes.argmin()), int(rng.integers(len(frames)))}:
            if ok[t]:
                low, high = track[t, :, :2].min(0), track[t, :, :2].max(0)
                side = float((high - low).max()) * rng.uniform(1.7, 2.1)
                corner = (low + high) / 2 - side / 2
                box = (*corner, *(corner + side))
                picture = Image.fromarray(frames[t]).transform(
                    (SIZE, SIZE), Image.Transform.EXTENT, box, Image.Resampling.BICUBIC
                )
                crops.append(np.asarray(picture))
                points.append((track[t] - [*corner, 0]) * SIZE / side)
    if not crops:  # a corpus without clips that may train faces
        return np.zeros((0, SIZE, SIZE, 3), np.uint8), np.zeros((0, VERTICES, 3), np.float32)
    return np.stack(crops), np.stack(points).astype(np.float32)
