"""Motion as the normalised vectors that a diffusion model sees, and back."""

from __future__ import annotations

from fractions import Fraction

import torch
from torch import Tensor, nn

from ..types import Motion
from .rows import POSE, POSE_SIZE


class MotionScaler(nn.Module):
    """Mean and spread (6 + D,): rotation (degrees), translation (eye distances), log scale, code.

    The pose is relative to a rest pose (reference "portrait"): zero means the portrait's own.
    """

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
        scale = motion.scale.log()[:, None]
        raw = torch.cat([motion.rotation, motion.translation, scale, motion.dynamics], 1)
        return (raw - self.mean) / self.std

    def decode(self, vectors: Tensor, space: str, fps: Fraction) -> Motion:
        """(T, 6 + D) normalised vectors to the Motion that they stand for."""
        raw = vectors * self.std + self.mean
        return Motion(
            rotation=raw[:, POSE["rotation"]],
            translation=raw[:, POSE["translation"]],
            scale=raw[:, POSE["scale"]].squeeze(1).exp(),
            dynamics=raw[:, POSE_SIZE:],
            space=space,
            fps=fps,
        )
