"""The landmark network: an upright face crop in, 478 points in 3D and a confidence out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .layers import Residual, conv
from .topology import VERTICES


@dataclass(frozen=True)
class LandmarkNetConfig:
    """Sizes; ``size`` is the crop's side in pixels, ``rank`` the width of the output layers."""

    size: int = 112
    channels: tuple[int, ...] = (24, 48, 96, 160)
    rank: int = 128
    fine_channels: int = 16


class LandmarkNet(nn.Module):
    """A coarse guess from the whole crop, corrected once by features read at the guessed points.

    Points are in crop coordinates (-1..1, z in the same scale).
    """

    mean: Tensor

    def __init__(self, config: LandmarkNetConfig | None = None):
        super().__init__()
        config = config or LandmarkNetConfig()
        a, b, c, d = config.channels
        fine = config.fine_channels
        self.config = config
        self.stem = nn.Sequential(nn.PixelUnshuffle(2), conv(12, a, 3, 2), Residual(a))
        self.stage8 = nn.Sequential(conv(a, b, 3, 2), Residual(b), Residual(b))
        self.stage16 = nn.Sequential(conv(b, c, 3, 2), Residual(c), Residual(c))
        self.stage32 = nn.Sequential(conv(c, d, 3, 2), Residual(d))
        side = math.ceil(config.size / 32)
        self.hidden = nn.Sequential(nn.Linear(d * side * side, 2 * config.rank), nn.SiLU())
        self.coarse = nn.Linear(2 * config.rank, VERTICES * 3)
        self.confidence = nn.Linear(2 * config.rank, 1)
        self.lateral4 = nn.Conv2d(a, fine, 1)
        self.lateral8 = nn.Conv2d(b, fine, 1)
        self.lateral16 = nn.Conv2d(c, fine, 1)
        self.fine = nn.Sequential(nn.SiLU(), nn.Conv2d(fine, fine, 3, 1, 1), nn.SiLU())
        self.gather = nn.Sequential(nn.Linear(VERTICES * fine, config.rank), nn.SiLU())
        self.correct = nn.Linear(config.rank + 2 * config.rank, VERTICES * 3)
        self.register_buffer("mean", torch.zeros(VERTICES, 3))
        for layer in (self.coarse, self.correct):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)

    def forward(self, crop: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Crops (B, 3, size, size), 0..1, to coarse points, final points (B, V, 3), logit (B,)."""
        x4 = self.stem(crop * 2 - 1)  # (B, a, size/4, size/4)
        x8 = self.stage8(x4)
        x16 = self.stage16(x8)
        hidden = self.hidden(self.stage32(x16).flatten(1))  # (B, 2 rank)
        coarse = self.mean + self.coarse(hidden).view(-1, VERTICES, 3)
        fine = self.lateral8(x8) + F.interpolate(self.lateral16(x16), scale_factor=2.0)
        fine = self.fine(self.lateral4(x4) + F.interpolate(fine, scale_factor=2.0))
        grid = coarse[:, :, None, :2].detach().to(fine.dtype)  # read where the guess lies
        read = F.grid_sample(fine, grid, "bilinear", "border", align_corners=False)
        read = self.gather(read.flatten(1))  # (B, fine, V, 1) to (B, rank)
        change = self.correct(torch.cat([read, hidden], 1)).view(-1, VERTICES, 3)
        return coarse, coarse + change, self.confidence(hidden)[:, 0]
