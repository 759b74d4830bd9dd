"""A motion as rows of numbers that may be averaged, interpolated and filtered."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ..types import Motion

POSE = {"rotation": slice(0, 3), "translation": slice(3, 5), "scale": slice(5, 6)}
POSE_SIZE = 6


def to_rows(motion: Motion) -> Tensor:
    """(T, 6 + D) float64: rotation without jumps at 180 degrees, translation, log scale, code."""
    rotation, scale = unwrapped(motion.rotation), motion.scale.double().log()[:, None]
    return torch.cat(
        [rotation, motion.translation.double(), scale, motion.dynamics.double()], 1
    )  # fmt: skip


def from_rows(rows: Tensor, like: Motion) -> Motion:
    """The motion that (T, 6 + D) rows mean, in the precision of ``like`` and all else as there."""
    rows, kind = rows.double(), like.rotation.dtype
    return replace(
        like,
        rotation=wrapped(rows[:, POSE["rotation"]]).to(kind),
        translation=rows[:, POSE["translation"]].to(kind),
        scale=rows[:, POSE_SIZE - 1].exp().to(kind),
        dynamics=rows[:, POSE_SIZE:].to(kind),
    )


def unwrapped(angles: Tensor) -> Tensor:
    """(T, 3) degrees without jumps at 180: each step is taken the short way round, as float64."""
    angles = angles.double()
    steps = wrapped(angles[1:] - angles[:-1])
    return torch.cat([angles[:1], angles[:1] + steps.cumsum(0)])


def wrapped(angles: Tensor) -> Tensor:
    """Degrees brought to -180 .. 180."""
    return (angles + 180) % 360 - 180
