"""The labelled faces, split by identity and by licence.

``train``       generated and art faces, Caltech-101, frames of GRID speaker s1: what may ship
``held_out``    generated and art identities kept away from training
``validation``  every other real, drawn or mixed face: never trained on (no licence for the picture)
"""

from __future__ import annotations

import io
import json
import logging
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import torch
from PIL import Image
from torch import Tensor

log = logging.getLogger(__name__)

SIZE = 256  # side of the stored crops, pixels
TRAINABLE = {
    "hmdghoul+generated-faces",
    "SupaGruen+StableDiffusion-CheatSheet",
    "ROV639+eve-portrait-gallery",
    "MachineLearning2020+Homework2-Caltech101",
}
HELD_OUT = 150
GRID_SHARE = 0.35
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
        """How often each training face is drawn: frames of the one GRID speaker more rarely."""
        one_man = torch.from_numpy(self.source[self.split == "train"] == "GRID s1")
        return torch.where(one_man, GRID_SHARE, 1.0)


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
    split = _split(images, source)
    frames, frame_points = grid_frames(data)
    negatives = sorted((data / "faces" / "negatives").glob("*.jpg"))
    log.info("%d faces, %d frames of GRID s1", len(images), len(frames))
    return {
        "images": torch.from_numpy(np.concatenate([images, frames]))
        .permute(0, 3, 1, 2)
        .contiguous(),
        "points": torch.from_numpy(np.concatenate([points, frame_points])),
        "split": np.concatenate([split, np.full(len(frames), "train")]),
        "source": np.concatenate([source, np.full(len(frames), "GRID s1")]),
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


def _split(images: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Split by licence, then hold out whole groups of look-alike generated pictures."""
    split = np.where(np.isin(source, list(TRAINABLE)), "train", "validation").astype("<U10")
    generated = np.flatnonzero(
        (split == "train") & (source != "MachineLearning2020+Homework2-Caltech101")
    )
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


def read_track(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks of a clip (T, V, 3), x and z over the width and y over the height, and ok (T,)."""
    z = np.load(file)
    if "q" not in z:
        return z["landmarks"].astype(np.float32), z["ok"]
    q = np.ascontiguousarray(z["q"].transpose(1, 2, 3, 0)).view(np.int16)[..., 0]
    return np.cumsum(q, 0, dtype=np.int16).astype(np.float32) / 4096, z["ok"]


def read_frames(file: Path) -> np.ndarray:
    """All frames of a clip (T, H, W, 3), uint8."""
    with av.open(str(file)) as container:
        return np.stack([f.to_ndarray(format="rgb24") for f in container.decode(video=0)])


def grid_frames(data: Path) -> tuple[np.ndarray, np.ndarray]:
    """Three frames of each GRID s1 clip: mouth widest, eyes most closed, and one at random.

    Returns crops (B, 256, 256, 3) uint8 of twice the face and points (B, V, 3) in their pixels.
    """
    rng = np.random.default_rng(1)
    crops, points = [], []
    for entry in json.loads((data / "talking" / "INDEX.json").read_text()):
        if "grid_s1" not in entry["file"]:
            continue
        track, ok = read_track(data / entry["landmarks"])
        frames = read_frames(data / entry["file"])[: len(track)]
        height, width = frames.shape[1:3]
        track = track * [width, height, width]
        mouth = np.where(ok, track[:, 14, 1] - track[:, 13, 1], -np.inf)[: len(frames)]
        eyes = np.where(ok, track[:, 145, 1] - track[:, 159, 1], np.inf)[: len(frames)]
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
    return np.stack(crops), np.stack(points).astype(np.float32)
