"""The decoder: warped features to pixels, by spatially adaptive normalisation (Park 2019)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.2  # of the leaky ReLU


class SpadeNorm(nn.Module):
    """Instance norm whose scale and shift are read, place by place, from a map.

    The map is enlarged (nearest) to the size of what is normalised.
    """

    def __init__(self, channels: int, map_channels: int, hidden: int):
        super().__init__()
        self.mlp_shared = nn.Sequential(nn.Conv2d(map_channels, hidden, 3, padding=1), nn.ReLU())
        self.mlp_gamma = nn.Conv2d(hidden, channels, 3, padding=1)
        self.mlp_beta = nn.Conv2d(hidden, channels, 3, padding=1)

    def forward(self, x: Tensor, map: Tensor) -> Tensor:
        """(B, C, H, W) and (B, M, h, w) to (B, C, H, W)."""
        shared = self.mlp_shared(F.interpolate(map, x.shape[-2:]))
        return F.instance_norm(x) * (1 + self.mlp_gamma(shared)) + self.mlp_beta(shared)


class SpadeBlock(nn.Module):
    """Residual block with SPADE norms; the shortcut is a convolution where the width changes."""

    def __init__(self, channels: int, out: int, map_channels: int, hidden: int):
        super().__init__()
        middle = min(channels, out)
        self.conv_0 = nn.Conv2d(channels, middle, 3, padding=1)
        self.conv_1 = nn.Conv2d(middle, out, 3, padding=1)
        # any module: ``fast`` puts quicker ones in the place of these norms
        self.norm_0: nn.Module = SpadeNorm(channels, map_channels, hidden)
        self.norm_1: nn.Module = SpadeNorm(middle, map_channels, hidden)
        self.conv_s: nn.Module | None = None
        self.norm_s: nn.Module | None = None
        if channels != out:
            self.conv_s = nn.Conv2d(channels, out, 1, bias=False)
            self.norm_s = SpadeNorm(channels, map_channels, hidden)

    def forward(self, x: Tensor, map: Tensor) -> Tensor:
        """(B, C, H, W) and (B, M, h, w) to (B, out, H, W)."""
        kept = x
        if self.conv_s is not None and self.norm_s is not None:
            kept = self.conv_s(self.norm_s(x, map))
        x = self.conv_0(F.leaky_relu(self.norm_0(x, map), SLOPE))
        return kept + self.conv_1(F.leaky_relu(self.norm_1(x, map), SLOPE))


class SpadeDecoder(nn.Module):
    """G of LivePortrait: (B, 256, 64, 64) features to (B, 3, 512, 512) pictures, 0..1.

    The published file stores the residual convolutions with spectral norm; ``weights.tensors``
    divides it out when the file is read.
    """

    def __init__(self, channels: int = 256, width: int = 512, hidden: int = 128):
        super().__init__()
        self.fc = nn.Conv2d(channels, width, 3, padding=1)
        for index in range(6):
            self.add_module(f"G_middle_{index}", SpadeBlock(width, width, channels, hidden))
        self.up_0 = SpadeBlock(width, width // 2, channels, hidden)
        self.up_1 = SpadeBlock(width // 2, width // 8, channels, hidden)
        self.conv_img = nn.Sequential(nn.Conv2d(width // 8, 12, 3, padding=1), nn.PixelShuffle(2))

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) to (B, 3, 8 H, 8 W)."""
        x = self.fc(features)  # (B, 512, 64, 64)
        for index in range(6):
            x = self.get_submodule(f"G_middle_{index}")(x, features)
        x = self.up_0(F.interpolate(x, scale_factor=2), features)  # (B, 256, 128, 128)
        x = self.up_1(F.interpolate(x, scale_factor=2), features)  # (B, 64, 256, 256)
        return self.conv_img(F.leaky_relu(x, SLOPE)).sigmoid()
