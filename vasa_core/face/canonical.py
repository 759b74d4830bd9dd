"""What is read off a canonical face: how far it opens its eyes and lips, where it looks.

Canonical faces are upright, in eye distances, as ``FaceMeasure.canonical`` has them.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .topology import (
    LEFT_EYE_INNER,
    LEFT_EYE_OUTER,
    LEFT_IRIS,
    LEFT_LID_LOWER,
    LEFT_LID_UPPER,
    LEFT_MOUTH_CORNER,
    LIP_LOWER_MIDDLE,
    LIP_UPPER_MIDDLE,
    RIGHT_EYE_INNER,
    RIGHT_EYE_OUTER,
    RIGHT_IRIS,
    RIGHT_LID_LOWER,
    RIGHT_LID_UPPER,
    RIGHT_MOUTH_CORNER,
)

EYEBALL_RADIUS = 0.133  # in outer-eye distances: 12 mm of 90 mm


def eye_opening(canonical: Tensor) -> Tensor:
    """(T, V, 3) to (T, 2): mean lid gap of the right and left eye over the eye's width."""

    def opening(upper, lower, one, other):
        gap = canonical[:, list(lower[3:6]), 1] - canonical[:, list(upper[3:6]), 1]
        width = (canonical[:, one] - canonical[:, other]).norm(dim=-1)
        return gap.mean(1).clamp(min=0) / width

    right = opening(RIGHT_LID_UPPER, RIGHT_LID_LOWER, RIGHT_EYE_OUTER, RIGHT_EYE_INNER)
    left = opening(LEFT_LID_UPPER, LEFT_LID_LOWER, LEFT_EYE_INNER, LEFT_EYE_OUTER)
    return torch.stack([right, left], 1)


def gaze_angles(canonical: Tensor) -> Tensor:
    """(T, V, 3) to (T, 2): theta, phi in degrees from the irises' offset in both eyes.

    Not calibrated to the person: the difference to a reference frame is what counts.
    """
    corners = [RIGHT_EYE_OUTER, RIGHT_EYE_INNER, LEFT_EYE_INNER, LEFT_EYE_OUTER]
    irises = canonical[:, [RIGHT_IRIS[0], LEFT_IRIS[0]], :2].mean(1)
    offset = (irises - canonical[:, corners, :2].mean(1)) / EYEBALL_RADIUS
    signs = offset.new_tensor([1.0, -1.0])  # y grows downwards, phi upwards
    return torch.rad2deg(torch.asin((offset * signs).clamp(-0.9, 0.9)))


def mouth_opening(canonical: Tensor) -> Tensor:
    """(T, V, 3) to (T,): gap of the inner lips at the middle, in eye distances."""
    return (canonical[:, LIP_LOWER_MIDDLE] - canonical[:, LIP_UPPER_MIDDLE]).norm(dim=-1)


def mouth_width(canonical: Tensor) -> Tensor:
    """(T, V, 3) to (T,): distance of the outer mouth corners, in eye distances."""
    return (canonical[:, RIGHT_MOUTH_CORNER] - canonical[:, LEFT_MOUTH_CORNER]).norm(dim=-1)


def neutral_face(canonical: Tensor) -> Tensor:
    """(T, V, 3) of one person to the (V, 3) neutral: median of frames with lips shut, eyes open."""
    gap, eyes = mouth_opening(canonical), eye_opening(canonical).mean(1)
    closed = gap <= gap.quantile(0.25)
    chosen = closed & (eyes >= 0.85 * eyes.median())
    return canonical[chosen if chosen.sum() >= 3 else closed].median(0).values
