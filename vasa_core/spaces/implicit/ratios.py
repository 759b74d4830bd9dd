"""How far lips and eyes are open, as LivePortrait's retargeting takes it, from our mesh points."""

from __future__ import annotations

import torch
from torch import Tensor

from ...face.topology import (
    LEFT_EYE_INNER,
    LEFT_EYE_OUTER,
    LEFT_LID_MIDDLES,
    LEFT_MOUTH_CORNER,
    LIP_LOWER_MIDDLE,
    LIP_UPPER_MIDDLE,
    RIGHT_EYE_INNER,
    RIGHT_EYE_OUTER,
    RIGHT_LID_MIDDLES,
    RIGHT_MOUTH_CORNER,
)


def _ratio(points: Tensor, gap: tuple[int, int], width: tuple[int, int]) -> Tensor:
    """(B, V, 2+) to (B, 1): one distance over another."""
    across = (points[:, gap[0]] - points[:, gap[1]])[:, :2].norm(dim=1, keepdim=True)
    along = (points[:, width[0]] - points[:, width[1]])[:, :2].norm(dim=1, keepdim=True)
    return across / (along + 1e-6)


def lip_ratio(points: Tensor) -> Tensor:
    """(B, 478, 2 or 3) mesh points to (B, 1): gap of the inner lips over the mouth's width."""
    return _ratio(
        points, (LIP_UPPER_MIDDLE, LIP_LOWER_MIDDLE), (RIGHT_MOUTH_CORNER, LEFT_MOUTH_CORNER)
    )


def eye_ratios(points: Tensor) -> Tensor:
    """(B, 478, 2 or 3) mesh points to (B, 2): lid gap over eye width; first the right eye, which
    is on the image's left.
    """
    right = _ratio(points, RIGHT_LID_MIDDLES, (RIGHT_EYE_OUTER, RIGHT_EYE_INNER))
    left = _ratio(points, LEFT_LID_MIDDLES, (LEFT_EYE_INNER, LEFT_EYE_OUTER))
    return torch.cat([right, left], 1)
