"""An implicit motion drawn without a portrait: as the mesh space would draw what it does.

Keypoints mean nothing to the eye. Lip opening, lids, brows and gaze are read from their known
groups, roughly, and shown on the mesh's mean face.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ...face import sketch as faces
from ...face.basis import CODE_SIZE, PARTS, FaceBasis
from ...face.topology import LEFT_BROW, RIGHT_BROW
from ...types import Motion, MotionSketch
from .actions import OPENING
from .code import MotionCode

LID_TRAVEL = 0.02  # displacement of an eyeball point, downwards, that shuts the eye
BROW_TRAVEL = 0.02


def sketch(motion: Motion, basis: FaceBasis) -> MotionSketch:
    """Curves and line drawings of an implicit motion; a "camera" one from its own first frame."""
    code = MotionCode().to(motion.dynamics)
    motion = code.relative(motion)
    moved = code.displacements(motion.dynamics)
    codes = moved.new_zeros(len(motion), CODE_SIZE)
    opening = moved[:, 19, 1] / (0.001 * OPENING)
    codes[:, PARTS["lips"]] = opening[:, None] * _towards(basis.lip_gap)
    raised = -basis.expression[:, [RIGHT_BROW[2], LEFT_BROW[2]], 1].mean(1)
    brows = 0.05 * (moved[:, 1, 1] - moved[:, 2, 1]) / BROW_TRAVEL  # in eye distances
    codes[:, PARTS["expression"]] = brows[:, None] * _towards(raised)
    codes[:, PARTS["blink"]] = (moved[:, [11, 15], 1] / LID_TRAVEL).clamp(-0.5, 1)
    codes[:, PARTS["gaze"]] = motion.dynamics[:, -2:]
    return faces.sketch(replace(motion, dynamics=codes, space="mesh"), basis)


def _towards(effect: Tensor) -> Tensor:
    """(n,) code with the least numbers whose effect (n,) sums up to one."""
    return effect / effect.square().sum().clamp(min=torch.finfo(effect.dtype).tiny)
