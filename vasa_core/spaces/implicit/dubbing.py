"""Other lips in the frames of a video: what is redrawn, and where it is put."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ...face.topology import (
    LEFT_EYE_INNER,
    LEFT_EYE_OUTER,
    LEFT_MOUTH_CORNER,
    RIGHT_EYE_INNER,
    RIGHT_EYE_OUTER,
    RIGHT_MOUTH_CORNER,
)
from ...types import Motion, Tracked
from ..curves import smoothstep
from .code import MotionCode
from .driving import Offsets, relative
from .keypoints import LIPS, FaceState
from .ratios import lip_ratio

RESTING = 0.25  # share of the frames, those with the least open lips, that show the lips at rest
# The lower face as an ellipse, in eye distances: half width, half height, and how far its middle
# lies below the mouth. It ends under the eyes, with a soft edge between these radii.
HALF_WIDTH, HALF_HEIGHT, BELOW_MOUTH = 0.95, 0.78, 0.17
EDGE = (0.7, 1.0)
EYES = ((RIGHT_EYE_OUTER, RIGHT_EYE_INNER), (LEFT_EYE_OUTER, LEFT_EYE_INNER))
LIP_CORNERS = (RIGHT_MOUTH_CORNER, LEFT_MOUTH_CORNER)


def resting_lips(tracked: Tracked, code: MotionCode) -> Tensor:
    """(1, 6, 3) displacement of the lip keypoints while the lips rest, from a tracked video."""
    shown = tracked.found
    gaps = lip_ratio(tracked.landmarks[shown])[:, 0]
    moved = code.displacements(tracked.motion.dynamics[shown])[:, LIPS]
    return moved[gaps <= gaps.quantile(RESTING)].median(0, keepdim=True).values


def speaking(state: FaceState, motion: Motion, rest: Tensor, code: MotionCode) -> Offsets:
    """What changes in a frame whose face is in ``state`` when its lips follow a motion (T = 1).

    The lips of the motion are set, not added: as offsets from the lips at ``rest``, of which the
    motion may let go.
    """
    wanted = code.offsets(motion)
    still = relative(state, state)
    expression = torch.zeros_like(still.expression)
    expression[:, LIPS] = wanted.expression[:, LIPS] + wanted.own_lips[..., None] * rest
    return replace(still, expression=expression, own_lips=torch.zeros_like(still.own_lips))


def lower_face(landmarks: Tensor, places: Tensor) -> Tensor:
    """(h, w), 0..1: where the lower face lies among places (h, w, 2), softly.

    ``landmarks`` (478, 3) and places are in the same pixels.
    """
    flat = landmarks[:, :2]
    right, left = (flat[list(eye)].mean(0) for eye in EYES)
    unit = (flat[RIGHT_EYE_OUTER] - flat[LEFT_EYE_OUTER]).norm()
    across = (left - right) / (left - right).norm()
    down = torch.stack([-across[1], across[0]])
    away = places - flat[list(LIP_CORNERS)].mean(0)
    x = away @ across / (HALF_WIDTH * unit)
    y = (away @ down / unit - BELOW_MOUTH) / HALF_HEIGHT
    return smoothstep(torch.hypot(x, y), *reversed(EDGE))
