"""How far keypoints are driven: exaggerated motion must not tear a face.

The limits are ours, not measured on real weights: the strongest edit of LivePortrait's own sliders
moves a keypoint by 0.12 half sides of the crop; that passes unchanged, and so do turns of 36
degrees.
"""

from __future__ import annotations

from dataclasses import replace

from ...face.geometry import rotation_angles, rotation_matrix
from ..limits import soft_factor, soft_length, soft_limit
from .driving import Offsets

KEYPOINT = 0.2  # half sides of the crop
TURN = 60.0  # degrees
SHIFT = 0.5  # half sides
SCALE = 3.0


def limit_offsets(offsets: Offsets) -> Offsets:
    """Offsets of B frames, held to what leaves a face intact; ordinary motion stays as it is."""
    turn = soft_limit(rotation_angles(offsets.rotation), -TURN, TURN)
    return replace(
        offsets,
        rotation=rotation_matrix(turn),
        expression=soft_length(offsets.expression, KEYPOINT),
        scale=soft_factor(offsets.scale, SCALE),
        shift=soft_length(offsets.shift, SHIFT),
    )
