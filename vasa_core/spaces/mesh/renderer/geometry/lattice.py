"""Displacement fields on coarse lattices: what moves, evaluated and inverted per frame.

A lattice lies fixed over the working picture and holds, per blendshape, how far each of its points
moves. Rendering asks the other way round: which source point arrives at a given target pixel. That
is found by a damped fixed-point iteration.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .pose import HeadMotion

STEPS = 6
DAMPING = 0.7  # undamped, it diverges where skin stretches more than twofold: lids


@dataclass(frozen=True, slots=True)
class Lattice:
    """P boxes of the picture with h x w points each (cell centres), seen from S sides of the cuts.

    low, size (P, 2)          box in pixels
    rest      (P, 1, 3, h, w) place of each point relative to the head's origin, with depth
    rigidity  (P, 1, 1, h, w) how rigidly each follows the head
    maps      (C, P*S*3*h*w)  displacement per blendshape, pixels
    """

    low: Tensor
    size: Tensor
    rest: Tensor
    rigidity: Tensor
    maps: Tensor

    def displacement(self, weights: Tensor, motion: HeadMotion) -> Tensor:
        """(B, C) blendshape weights and the head's motion to (B, P, S, 2, h, w) pixels.

        A point X moves with the skin by e and with the head: rigidity * (pose(X + e) - X - e) + e.
        """
        patches, _, _, height, width = self.rest.shape
        skin = (weights @ self.maps).view(len(weights), patches, -1, 3, height, width)  # x, y, z
        moved = self.rest + skin
        flat = (len(weights), -1, 3, height * width)
        change = motion.matrix - torch.eye(2, 3).to(motion.matrix)  # (B, 2, 3)
        rigid = (change[:, None] @ moved.reshape(flat)).view_as(skin[:, :, :, :2])
        rigid = rigid + motion.shift[:, None, None, :, None, None]
        return torch.addcmul(skin[:, :, :, :2], self.rigidity, rigid)

    def invert(self, displacement: Tensor, target: Tensor) -> Tensor:
        """Source points that arrive at target points.

        Args:
            displacement: (B, P, S, 2, h, w) pixels, of this lattice.
            target: (B or 1, P, 1, 2, h', w') pixels, the same for all sides.
        Returns:
            (B, P, S, 2, h', w'): source minus target, pixels.
        """
        batch, patches, sides = displacement.shape[:3]
        span = (self.size / 2).view(patches, 1, 2, 1, 1)
        middle = self.low.view(patches, 1, 2, 1, 1) + span
        field = (displacement / span).flatten(0, 2)  # (B * P * S, 2, h, w), in half boxes
        goal = ((target - middle) / span).expand(batch, -1, sides, -1, -1, -1)
        goal = goal.flatten(0, 2)  # (B * P * S, 2, h', w'), -1..1 in the box
        source = goal - 0.8 * self._look_up(field, goal)
        for _ in range(STEPS):
            missing = goal - source - self._look_up(field, source)
            source = source.add_(missing, alpha=DAMPING)
        return (source - goal).view(batch, patches, sides, *target.shape[-3:]) * span

    @staticmethod
    def _look_up(field: Tensor, points: Tensor) -> Tensor:
        grid = points.permute(0, 2, 3, 1)
        return F.grid_sample(field, grid, padding_mode="border", align_corners=False)


def cell_centres(low: Tensor, size: Tensor, height: int, width: int) -> Tensor:
    """(2,) corner and extent of a box to its (2, height, width) cell centres, in the same units."""
    x = low[0] + (torch.arange(width).to(low) + 0.5) * (size[0] / width)
    y = low[1] + (torch.arange(height).to(low) + 0.5) * (size[1] / height)
    return torch.stack(torch.meshgrid(x, y, indexing="xy"))


def enlarge(offsets: Tensor, height: int, width: int) -> Tensor:
    """(B, P, S, 2, h, w) lattice offsets to one per pixel, (B, P, S, 2, height, width)."""
    planes = F.interpolate(offsets.flatten(0, 2), (height, width), mode="bilinear")
    return planes.unflatten(0, offsets.shape[:3])
