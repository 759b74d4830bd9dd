"""The motion extractor: a face crop to pose, expression and canonical keypoints.

ConvNeXt V2, tiny (Woo 2023): depthwise 7x7 convolution, LayerNorm, a two-layer perceptron with
global response normalisation, residual; four stages.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

KEYPOINTS = 21
BINS = 66  # of each head angle
HEADS = {
    "kp": 3 * KEYPOINTS, "scale": 1, "pitch": BINS, "yaw": BINS, "roll": BINS, "t": 3,
    "exp": 3 * KEYPOINTS,
}  # fmt: skip


class ChannelNorm(nn.Module):
    """LayerNorm over the channels of (B, C, H, W)."""

    def __init__(self, channels: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        rows = F.layer_norm(x.movedim(1, -1), self.weight.shape, self.weight, self.bias, 1e-6)
        return rows.movedim(-1, 1)


class ResponseNorm(nn.Module):
    """Global response normalisation (ConvNeXt V2, section 3.2): channels compete for energy."""

    def __init__(self, channels: int):
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(1, 1, 1, channels))
        self.beta = nn.Parameter(torch.zeros(1, 1, 1, channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, H, W, C) to the same shape."""
        energy = torch.linalg.vector_norm(x, dim=(1, 2), keepdim=True)  # (B, 1, 1, C)
        share = energy / (energy.mean(-1, keepdim=True) + 1e-6)
        return self.gamma * (x * share) + self.beta + x


class Block(nn.Module):
    """One ConvNeXt V2 block."""

    def __init__(self, channels: int):
        super().__init__()
        self.dwconv = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.pwconv1 = nn.Linear(channels, 4 * channels)
        self.grn = ResponseNorm(4 * channels)
        self.pwconv2 = nn.Linear(4 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        rows = self.norm(rearrange(self.dwconv(x), "b c h w -> b h w c"))
        rows = self.pwconv2(self.grn(F.gelu(self.pwconv1(rows))))
        return x + rearrange(rows, "b h w c -> b c h w")


class ConvNeXt(nn.Module):
    """The trunk and one linear head per output."""

    def __init__(self, depths: tuple[int, ...], widths: tuple[int, ...]):
        super().__init__()
        stem = nn.Sequential(nn.Conv2d(3, widths[0], 4, 4), ChannelNorm(widths[0]))
        shrinks = [
            nn.Sequential(ChannelNorm(before), nn.Conv2d(before, after, 2, 2))
            for before, after in zip(widths, widths[1:])  # noqa: B905
        ]
        self.downsample_layers = nn.ModuleList([stem, *shrinks])
        self.stages = nn.ModuleList(
            nn.Sequential(*(Block(width) for _ in range(depth)))
            for depth, width in zip(depths, widths, strict=True)
        )
        self.norm = nn.LayerNorm(widths[-1], eps=1e-6)
        for name, size in HEADS.items():
            self.add_module(f"fc_{name}", nn.Linear(widths[-1], size))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """(B, 3, H, W) to (B, n) raw outputs by name."""
        for shrink, stage in zip(self.downsample_layers, self.stages, strict=True):
            x = stage(shrink(x))  # (B, 96, 64, 64), (B, 192, 32, 32), ... (B, 768, 8, 8)
        x = self.norm(x.mean((2, 3)))
        return {name: self.get_submodule(f"fc_{name}")(x) for name in HEADS}


class MotionExtractor(nn.Module):
    """M of LivePortrait: (B, 3, 256, 256) pictures, 0..1, to the raw outputs of each head.

    kp (B, 63), exp (B, 63), scale (B, 1), t (B, 3), and pitch, yaw, roll (B, 66) as logits of
    three-degree bins; ``keypoints.FacePose`` gives them their meaning.
    """

    def __init__(
        self,
        depths: tuple[int, ...] = (3, 3, 9, 3),
        widths: tuple[int, ...] = (96, 192, 384, 768),
    ):
        super().__init__()
        self.detector = ConvNeXt(depths, widths)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """(B, 3, H, W) to (B, n) by name."""
        return self.detector(image)
