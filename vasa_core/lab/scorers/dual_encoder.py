"""Two towers that embed sound and movement in one space, frame by frame (CLIP's idea over time).

What belongs together lies near: the mean cosine of both towers' frames says how well a movement
goes with a sound. SyncNet (Chung & Zisserman 2016) does so with mouths, VASA-1's CAPP with heads.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EMBEDDING = 64


class ResidualConv(nn.Module):
    """Dilated convolution of three taps over time, added to what came in."""

    def __init__(self, channels: int, dilation: int):
        super().__init__()
        self.norm = nn.GroupNorm(1, channels)
        self.conv = nn.Conv1d(channels, channels, 3, dilation=dilation, padding=dilation)
        self.mix = nn.Conv1d(channels, channels, 1)
        self.drop = nn.Dropout(0.1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T) to (B, C, T)."""
        return x + self.drop(self.mix(F.gelu(self.conv(self.norm(x)))))


class Tower(nn.Module):
    """Rows over time to unit vectors, one per frame.

    ``strides``: by how much each of the first convolutions thins the rows out; ``dilations``: of
    the residual layers after them.
    """

    def __init__(self, rows: int, channels: int, strides: Sequence[int], dilations: Sequence[int]):
        super().__init__()
        widths = (rows, *([channels] * len(strides)))
        first = []
        for before, after, stride in zip(widths, widths[1:], strides, strict=False):
            first += [nn.Conv1d(before, after, 5, stride=stride, padding=2), nn.GELU()]
        self.first = nn.Sequential(*first)
        self.layers = nn.Sequential(*(ResidualConv(channels, d) for d in dilations))
        self.norm = nn.GroupNorm(1, channels)
        self.last = nn.Conv1d(channels, EMBEDDING, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T', rows) to (B, T, E) of length one."""
        return F.normalize(self.last(self.norm(self.layers(self.first(x.mT)))).mT, dim=-1)


class DualEncoder(nn.Module):
    """Sound and movement towers; ``scale`` is the spread of each number that moves.

    ``logit_scale`` is the logarithm of the inverse temperature of their cosines.
    """

    scale: Tensor

    def __init__(self, sound: Tower, movement: Tower, numbers: int):
        super().__init__()
        self.sound, self.movement = sound, movement
        self.logit_scale = nn.Parameter(torch.tensor(2.5))
        self.register_buffer("scale", torch.ones(numbers))

    def embed(self, heard: Tensor, moved: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T', rows) sound and (B, T, numbers) movement to (B, T, E) each.

        Of the movement count the departure from its mean and the change from frame to frame.
        """
        moved = (moved - moved.mean(-2, keepdim=True)) / self.scale
        change = torch.gradient(moved, dim=-2)[0]
        return self.sound(heard), self.movement(torch.cat([moved, 3 * change], -1))


def at_lags(sound: Tensor, movement: Tensor, max_lag: int) -> Tensor:
    """Cosine of every sound frame with the movement ``-max_lag..max_lag`` frames later.

    (B, T, E) each to (B, T - 2 max_lag, 2 max_lag + 1), for the frames that have them all.
    """
    inner = sound[:, max_lag : sound.shape[1] - max_lag]
    lags = torch.arange(2 * max_lag + 1, device=sound.device)
    frames = torch.arange(inner.shape[1], device=sound.device)[:, None] + lags
    return (inner @ movement.mT).gather(2, frames.expand(len(sound), -1, -1))
