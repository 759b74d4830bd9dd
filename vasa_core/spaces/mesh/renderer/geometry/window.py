"""Boxes of the picture that follow the head, so that a part of it is drawn and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .lattice import Lattice, cell_centres, enlarge
from .portrait_geometry import PortraitGeometry
from .pose import HeadMotion
from .texture import feather

BORDER = 0.05  # in which a box fades at its edges, in eye distances


@dataclass(frozen=True, slots=True)
class Window:
    """P boxes of one size that follow the head in whole pixels, seen from S sides of the cuts.

    lattice            their displacement fields
    target (P, 1, 2, h', w')  lattice points of the target at rest
    pixels (P, 2, h, w)       pixel centres of the target at rest
    border (h, w)      weight that fades at the border
    centre (P, 3)      relative to the head's origin
    """

    lattice: Lattice
    target: Tensor
    pixels: Tensor
    border: Tensor
    centre: Tensor

    def follow(self, weights: Tensor, motion: HeadMotion) -> tuple[Tensor, Tensor]:
        """Where its pixels lie in B frames, (B, P, 2, h, w), and from each the way to its source,

        (B, P, S, 2, h, w); pixels.
        """
        displacement = self.lattice.displacement(weights, motion)
        change = motion.matrix - torch.eye(2, 3).to(motion.matrix)
        step = (self.centre @ change.mT + motion.shift[:, None]).round()[..., None, None]
        offsets = self.lattice.invert(displacement, self.target + step[:, :, None])
        return self.pixels + step, enlarge(offsets, *self.border.shape)


def make_window(
    geometry: PortraitGeometry,
    middle: Tensor,
    half: Tensor,
    margin: float,
    cell: float,
    sides: tuple[int, ...],
) -> Window:
    """Windows of (2,) whole ``half`` sizes around (P, 2) points; pixels.

    ``margin`` pixels of source lie around what they show at rest; ``cell`` is between the points of
    their lattices, in eye distances.
    """
    width, height = (2 * half).int().tolist()
    corner, size = (middle - half).round(), 2 * half
    cells = [max(8, round(side / (cell * geometry.unit))) for side in (height, width)]
    depth = geometry.depth.sample(middle.T[None, None, :, None])[0, 0, :, 0].T
    return Window(
        lattice=geometry.lattice(corner - margin, size + 2 * margin, cell * geometry.unit, sides),
        target=torch.stack([cell_centres(c, size, *cells) for c in corner])[:, None],
        pixels=torch.stack([cell_centres(c, size, height, width) for c in corner]),
        border=feather(height, width, BORDER * geometry.unit).to(middle),
        centre=torch.cat([middle - geometry.origin[:2], depth], 1),
    )
