"""What can be said of lips: their codes in a clip, and linear measures of a code."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from ...audio.articulation import LipPress
from ...face.basis import PARTS, FaceBasis
from ...face.topology import LEFT_MOUTH_CORNER, RIGHT_MOUTH_CORNER
from ...spaces.mesh.tracking import motion_from_landmarks
from .tracks import Clip


@dataclass(frozen=True, slots=True)
class LipMeasures:
    """Linear measures of a lips code: opening and width in eye distances, and what a unit moves.

    opening, width, weight  (12,); weight is the squared length of each component over the mesh.
    """

    opening: Tensor
    width: Tensor
    weight: Tensor

    @staticmethod
    def of(basis: FaceBasis) -> LipMeasures:
        """The measures of the mesh space's lips components."""
        opening = basis.lip_gap
        width = basis.lips[:, LEFT_MOUTH_CORNER, 0] - basis.lips[:, RIGHT_MOUTH_CORNER, 0]
        return LipMeasures(opening, width, basis.lips.flatten(1).square().sum(1))

    def press(self) -> LipPress:
        """The smallest movement of the mesh that closes the lips."""
        direction = self.opening / self.weight
        return LipPress(self.opening, -direction / (direction @ self.opening))


def lip_codes(clip: Clip, basis: FaceBasis) -> Tensor:
    """(T, 12) lips codes of a clip from its own neutral face; frames without a face are held."""
    found = np.flatnonzero(clip.found)
    motion = motion_from_landmarks(torch.as_tensor(clip.landmarks[found]), basis, Fraction(25))
    nearest = np.abs(np.arange(len(clip.found))[:, None] - found).argmin(1)
    return motion.dynamics[nearest, PARTS["lips"]]


def correlation(a: Tensor, b: Tensor) -> float:
    """Pearson's r of two (n,) series."""
    return float(torch.corrcoef(torch.stack([a, b]))[0, 1])
