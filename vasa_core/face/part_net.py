"""The networks of the second look: lips and eyes measured again in closer crops.

Both eyes share one network: the left eye's crop is mirrored and read as a right eye.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from . import topology as mesh
from .framing import frame_angle, frame_size, make_frames
from .layers import Residual, conv

LIPS = list(mesh.LIPS)
RIGHT_EYE = sorted(
    {*mesh.RIGHT_LID_UPPER, *mesh.RIGHT_LID_LOWER, *mesh.RIGHT_CREASE[0], *mesh.RIGHT_IRIS}
)
LEFT_EYE = mesh.mirror_index()[RIGHT_EYE].tolist()


@dataclass(frozen=True)
class PartConfig:
    """``points`` found in a crop of ``height`` x ``width`` pixels whose width spans ``side`` of the
    face crop's."""

    points: int
    height: int
    width: int
    side: float
    channels: tuple[int, ...] = (24, 32, 64)
    hidden: int = 96


LIPS_CONFIG = PartConfig(len(LIPS), 64, 80, 0.40)
EYE_CONFIG = PartConfig(len(RIGHT_EYE), 48, 64, 0.25)


class PartNet(nn.Module):
    """Crops (B, 3, height, width), 0..1, to points (B, K, 2), the crop's width being -1..1."""

    mean: Tensor

    def __init__(self, config: PartConfig):
        super().__init__()
        a, b, c = config.channels
        self.config = config
        self.features = nn.Sequential(
            nn.PixelUnshuffle(2),
            conv(12, a),
            conv(a, b, 3, 2),
            Residual(b),
            Residual(b),
            conv(b, c, 3, 2),
            Residual(c),
            conv(c, c // 2, 1),
            nn.Flatten(),
        )
        cells = math.ceil(config.height / 8) * math.ceil(config.width / 8)
        self.hidden = nn.Sequential(nn.Linear(c // 2 * cells, config.hidden), nn.SiLU())
        self.out = nn.Linear(config.hidden, config.points * 2)
        self.register_buffer("mean", torch.zeros(config.points, 2))
        nn.init.normal_(self.out.weight, std=0.01)
        nn.init.zeros_(self.out.bias)

    def forward(self, crop: Tensor) -> Tensor:
        """Crops to points, as above."""
        change = self.out(self.hidden(self.features(crop * 2 - 1)))
        return self.mean + change.view(len(crop), -1, 2)


def part_frames(points: Tensor, face_frames: Tensor, part: list[int], side: float) -> Tensor:
    """Frames (B, 2, 3) around a part of the points (B, V, 2+), rolled and scaled with the face."""
    half = frame_size(face_frames) * side
    return make_frames(points[:, part, :2].mean(1), half, frame_angle(face_frames))
