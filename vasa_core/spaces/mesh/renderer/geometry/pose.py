"""How far a head may turn and shift before one photo no longer carries it, as matrices.

Motion is along the head's own axes, as its roll in the photo has them: a head that lies on its side
nods to the side. So a turned picture moves like the upright one, turned.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .....face.geometry import own_roll, rotation_angles, rotation_matrix
from ....limits import soft_factor, soft_length, soft_limit

TOTAL_LIMIT = (20.0, 20.0, 30.0)  # yaw, pitch, roll in degrees from facing the camera, level
AWAY_LIMIT = (5.0, 6.0, 8.0)  # at least this much is allowed beyond the photo's own angle
OFFSET_LIMIT = (24.0, 20.0, 25.0)  # and never more than this from the photo
SHIFT_LIMIT = 0.6  # eye distances
SCALE_LIMIT = 1.35


@dataclass(frozen=True, slots=True)
class HeadMotion:
    """Pose of B frames relative to the photo: a point X (3) about the head's origin goes to

    ``matrix @ X + shift + origin`` in the picture; matrix (B, 2, 3), shift (B, 2) pixels.
    """

    matrix: Tensor
    shift: Tensor

    def plane_inverse(self, pixels: Tensor, origin: Tensor, depth: Tensor) -> Tensor:
        """Where on the photo's own plane at ``depth`` (P,) target pixels (B, P, 2, h, w) lie.

        The plane moves rigidly with the head; depth is relative to the origin (3,).
        """
        place = origin[:2] + self.shift[:, None] + self.matrix[:, None, :, 2] * depth[:, None]
        inverse = torch.linalg.inv(self.matrix[:, None, :, :2])
        corner = origin[:2, None] - inverse @ place[..., None]
        return torch.add(inverse @ pixels.flatten(3), corner).view_as(pixels)


def limited_rotation(offset: Tensor, own: Tensor, seen: Tensor | None = None) -> Tensor:
    """(B, 3) offset angles and the rotation (3, 3) of a level head to (B, 3, 3) relative rotations.

    The total angle is what a photo cannot carry: a head in three-quarter view may turn back to the
    front freely, but hardly further away. ``seen`` (K, 3) are the angles at which photos show the
    head, the portrait's own among them; each carries as far as the portrait would.
    """
    own_angles = rotation_angles(own)
    total = rotation_angles(rotation_matrix(offset) @ own)
    total_limit, away, most = (
        own_angles.new_tensor(v) for v in (TOTAL_LIMIT, AWAY_LIMIT, OFFSET_LIMIT)
    )
    seen = own_angles[None] if seen is None else seen
    high = (seen + (total_limit - seen).maximum(away).minimum(most)).amax(0) - own_angles
    low = (seen - (total_limit + seen).maximum(away).minimum(most)).amin(0) - own_angles
    angles = own_angles + soft_limit(total - own_angles, low, high)
    return rotation_matrix(angles) @ own.mT


def head_motion(
    rotation: Tensor,
    translation: Tensor,
    scale: Tensor,
    own: Tensor,
    unit: Tensor,
    seen: Tensor | None = None,
) -> HeadMotion:
    """Offsets (B, 3) degrees, (B, 2) eye distances, (B,) to the limited motion of the head.

    ``own`` is the photo's own rotation (3, 3), ``unit`` () its eye distance in pixels. The offsets
    are along the head's axes: those of the picture, rolled as the head is. ``seen`` as in
    ``limited_rotation``.
    """
    shift = soft_length(translation, SHIFT_LIMIT)
    scale = soft_factor(scale, SCALE_LIMIT)
    roll = own_roll(own)
    turned = roll @ limited_rotation(rotation, roll.mT @ own, seen) @ roll.mT
    return HeadMotion((scale[:, None, None] * turned)[:, :2], shift @ roll[:2, :2].mT * unit)
