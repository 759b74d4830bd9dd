"""The 21 keypoints: what the motion extractor says of a face, and the points that follow from it.

A keypoint is seen at ``scale * (R @ canonical + expression) + shift`` (LivePortrait, equation 2),
in coordinates of the working crop: x to the right, y down, -1 to 1 from edge to edge, z away from
the viewer. Angles are LivePortrait's own here, about right-handed axes: pitch > 0 lowers the face,
yaw > 0 turns it to the image's left. ``code`` turns them into the project's.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from ...face.geometry import rotation_matrix
from .networks.motion import BINS, KEYPOINTS

LIPS = (6, 12, 14, 17, 19, 20)
EYES = (11, 13, 15, 16, 18)
OTHERS = tuple(sorted(set(range(KEYPOINTS)) - {*LIPS, *EYES}))
BIN_DEGREES, FIRST_BIN = 3.0, -97.5


@dataclass(frozen=True, slots=True)
class FaceState:
    """Pose and expression of B faces.

    rotation    (B, 3, 3)  of the head: a column vector p turns to R @ p
    expression  (B, K, 3)  displacement of the keypoints, before scale and in the picture's axes
    scale       (B, 1)
    shift       (B, 3)     of which z is not used
    """

    rotation: Tensor
    expression: Tensor
    scale: Tensor
    shift: Tensor

    def __getitem__(self, faces: slice) -> FaceState:
        return FaceState(*(getattr(self, f.name)[faces] for f in fields(self)))

    def points(self, canonical: Tensor) -> Tensor:
        """(1 or B, K, 3) canonical keypoints to where they are seen, (B, K, 3)."""
        return placed(canonical, self.rotation, self.expression, self.scale, self.shift[:, :2])


def placed(
    canonical: Tensor, rotation: Tensor, expression: Tensor, scale: Tensor, shift: Tensor
) -> Tensor:
    """Keypoints (B, K, 3) of the given pose; ``scale`` (B, 1), ``shift`` (B, 2)."""
    points = scale[..., None] * (canonical @ rotation.mT + expression)
    return torch.cat([points[..., :2] + shift[:, None], points[..., 2:]], -1)


def bins_to_degrees(logits: Tensor) -> Tensor:
    """(B, 66) logits of three-degree bins to their mean (B,) in degrees."""
    centres = torch.arange(BINS, device=logits.device, dtype=logits.dtype)
    return logits.softmax(-1) @ centres * BIN_DEGREES + FIRST_BIN


def head_rotation(pitch: Tensor, yaw: Tensor, roll: Tensor) -> Tensor:
    """(B,) degrees, LivePortrait's own, to rotation matrices (B, 3, 3): roll after yaw after pitch.

    The transpose of what LivePortrait calls R, as its keypoints are row vectors.
    """
    return rotation_matrix(torch.stack([-yaw, -pitch, roll], -1))


def face_state(outputs: dict[str, Tensor]) -> FaceState:
    """What the motion extractor's raw outputs (B, n) say of B faces, in float32."""
    outputs = {name: value.float() for name, value in outputs.items()}
    angles = (bins_to_degrees(outputs[name]) for name in ("pitch", "yaw", "roll"))
    return FaceState(
        rotation=head_rotation(*angles),
        expression=outputs["exp"].view(-1, KEYPOINTS, 3),
        scale=outputs["scale"],
        shift=outputs["t"],
    )


def canonical_keypoints(outputs: dict[str, Tensor]) -> Tensor:
    """(B, K, 3): where the keypoints of each face lie without pose and expression."""
    return outputs["kp"].float().view(-1, KEYPOINTS, 3)
