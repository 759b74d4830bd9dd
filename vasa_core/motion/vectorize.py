"""A motion as rows of numbers: for a diffusion model, and to be averaged, interpolated, filtered.

One layout for all, (T, 6 + D):

    0:3   rotation, degrees
    3:5   translation, eye distances
    5     scale, natural logarithm
    6:    dynamics code
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Literal

import torch
from torch import Tensor, nn

from ..types import Motion, move

POSE = {"rotation": slice(0, 3), "translation": slice(3, 5), "scale": slice(5, 6)}
POSE_SIZE = 6


def vectorize(motion: Motion) -> Tensor:
    """A motion as (T, 6 + D) vectors, in its own precision."""
    scale = motion.scale.log()[:, None]
    return torch.cat([motion.rotation, motion.translation, scale, motion.dynamics], 1)


def devectorize(
    vectors: Tensor,
    space: str,
    fps: Fraction,
    reference: Literal["portrait", "camera"] = "portrait",
) -> Motion:
    """The motion that (T, 6 + D) vectors stand for."""
    return Motion(
        rotation=vectors[:, POSE["rotation"]],
        translation=vectors[:, POSE["translation"]],
        scale=vectors[:, POSE["scale"]].squeeze(1).exp(),
        dynamics=vectors[:, POSE_SIZE:],
        space=space,
        fps=fps,
        reference=reference,
    )


def smooth_vectors(motion: Motion) -> Tensor:
    """``vectorize`` for interpolation: float64, and rotation does not jump at 180 degrees."""
    rotation = unwrapped(motion.rotation)
    return vectorize(replace(move(motion, dtype=torch.float64), rotation=rotation))


def from_smooth_vectors(vectors: Tensor, like: Motion) -> Motion:
    """The motion that such vectors stand for; precision and all else are those of ``like``."""
    motion = devectorize(vectors.double(), like.space, like.fps, like.reference)
    motion = replace(motion, rotation=wrapped(motion.rotation))
    return move(motion, dtype=like.rotation.dtype)


def unwrapped(angles: Tensor) -> Tensor:
    """(T, 3) degrees without jumps at 180: each step is taken the short way round, as float64."""
    angles = angles.double()
    steps = wrapped(angles[1:] - angles[:-1])
    return torch.cat([angles[:1], angles[:1] + steps.cumsum(0)])


def wrapped(angles: Tensor) -> Tensor:
    """Degrees brought to -180 .. 180."""
    return (angles + 180) % 360 - 180


class MotionScaler(nn.Module):
    """Motion as normalised vectors, and back.

    mean, std  (6 + D,)  of the numbers of a motion vector

    The pose is relative to a rest pose (reference "portrait"): zero means the portrait's own.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Tensor, std: Tensor):
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def encode(self, motion: Motion) -> Tensor:
        """(T, 6 + D) normalised vectors of a "portrait" motion; ValueError for a "camera" one."""
        if motion.reference != "portrait":
            raise ValueError(
                'Motion vectors need reference "portrait"; apply relative_motion first.'
            )
        return (vectorize(motion) - self.mean) / self.std

    def decode(self, vectors: Tensor, space: str, fps: Fraction) -> Motion:
        """(T, 6 + D) normalised vectors to the Motion that they stand for."""
        return devectorize(vectors * self.std + self.mean, space, fps)
