"""What the refiner learns from and is measured on, split by person and by licence.

GRID clips and generated faces train; every other clip, and the people and faces held out, are for
choosing (``development``) and for the final figures (``test``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ....render.video import VideoReader
from ...data.faces import look_alikes
from ...data.tracks import Clip, load_clips

GRID_PEOPLE = ("grid_brbk7n", "grid_id2_swwp2s", "grid_pwij3p", "grid_lbax4n", "grid_dp_ex2",
               "grid_dp_ex4")  # fmt: skip
DEVELOPMENT_CLIPS = ("grid_lbbc2a", "grid_sbia1a", "elo_T1_1", "lp_d10", "may_5s", "ls_demo1")
TEST_CLIPS = (
    *("grid_sbwe5n", "elo_T4_1", "anchor_FAzSK8", "lp_d14", "lp_d9", "lp_d20", "lp_d6", "vrt_4"),
    *("cv_002_R", "cvhq_M2Oh", "vox_2KGP", "lrs3_sample", "hdtf_aoc", "kim_anchor", "hamilton"),
    "mcg_pl_ba",
)
PHOTO_LIKE = ("hmdghoul+generated-faces", "ROV639+eve-portrait-gallery")
EVERY = 3  # how many of the clips of GRID's first speaker are taken: one in
ART = ("SupaGruen+StableDiffusion-CheatSheet",)
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
    chosen = {"development": DEVELOPMENT_CLIPS, "test": TEST_CLIPS}.get(split, GRID_PEOPLE)
    one_man = 0
    for clip in load_clips(data, trainable=False):
        one_man += clip.person == "grid_s1"
        some = clip.person == "grid_s1" and one_man % EVERY == 0 and split == "train"
        if clip.name in chosen or some:
            frames = torch.stack(list(VideoReader(data / clip.info["file"])))
            yield clip, frames[: len(clip.landmarks)]


def stills(data: Path, split: str) -> Iterator[Still]:
    """Generated faces of a split whose lips are open."""
    with np.load(data / "faces/landmarks.npz") as labels:
        source = labels["sources"][labels["source"]]
        names, points = labels["names"], labels["xyz"].astype(np.float32) * SIDE
    for group, sources in (("photo-like", PHOTO_LIKE), ("art", ART)):
        index = np.flatnonzero(np.isin(source, sources) & (lip_gaps(points) > OPEN))
        pictures = np.stack([_picture(data / "faces/train" / names[i]) for i in index])
        for n in np.flatnonzero(_split(pictures, HELD_OUT[group]) == split):
            picture = torch.from_numpy(pictures[n]).permute(2, 0, 1)[None].float() / 255
            yield Still(str(names[index[n]]), group, picture, torch.as_tensor(points[index[n]]))


def lip_gaps(points: np.ndarray) -> np.ndarray:
    """(B, V, 3) landmarks to the gap of their lips over half the mouth's width, (B,)."""
    gap = np.linalg.norm(points[:, 13, :2] - points[:, 14, :2], axis=1)
    return 2 * gap / np.linalg.norm(points[:, 78, :2] - points[:, 308, :2], axis=1)


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
