"""The appearance extractor: a face crop to the feature volume that is warped for each frame."""

from __future__ import annotations

from collections import OrderedDict

import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from .blocks import ConvNorm


class ResBlock3d(nn.Module):
    """Pre-activation residual block: x + conv2(relu(norm2(conv1(relu(norm1(x))))))."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv1 = nn.Conv3d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv3d(channels, channels, 3, padding=1)
        self.norm1 = nn.BatchNorm3d(channels)
        self.norm2 = nn.BatchNorm3d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, D, H, W) to the same shape."""
        out = self.conv1(F.relu(self.norm1(x)))
        return x + self.conv2(F.relu(self.norm2(out)))


class AppearanceExtractor(nn.Module):
    """F of LivePortrait: (B, 3, 256, 256) pictures, 0..1, to (B, 32, 16, 64, 64) volumes.

    ``width`` is the channels of the first layer, ``volume`` the channels and depth of the result.
    """

    def __init__(self, width: int = 64, volume: tuple[int, int] = (32, 16)):
        super().__init__()
        channels, self.depth = volume
        self.first = ConvNorm(2, 3, width)
        self.down_blocks = nn.ModuleList(
            [ConvNorm(2, width, 2 * width), ConvNorm(2, 2 * width, 4 * width)]
        )
        self.second = nn.Conv2d(4 * width, channels * self.depth, 1)
        self.resblocks_3d = nn.Sequential(
            OrderedDict((f"3dr{index}", ResBlock3d(channels)) for index in range(6))
        )

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) to (B, C, D, H / 4, W / 4)."""
        x = F.relu(self.first(image))  # (B, 64, 256, 256)
        for block in self.down_blocks:
            x = F.avg_pool2d(F.relu(block(x)), 2)  # (B, 128, 128, 128), (B, 256, 64, 64)
        volume = rearrange(self.second(x), "b (c d) h w -> b c d h w", d=self.depth)
        return self.resblocks_3d(volume)
