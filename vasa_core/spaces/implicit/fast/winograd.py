"""3x3 convolutions with a quarter of the multiplications (Winograd; Lavin & Gray 2016), for CPUs.

F(4x4, 3x3): a tile of 6 x 6 inputs and the kernel are transformed, multiplied number by number,
summed over channels (36 plain matrix products, which CPUs do best), and transformed back to 4 x 4
outputs. Rounding is some ten times that of a direct convolution: about 1e-5 of the values.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..networks.blocks import bias_of

TILE, OUT = 6, 4
BLOCK = 2**20  # numbers worked on at once: as many as stay in the processor's cache

INPUT = torch.tensor(
    [
        [4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1],
    ]
)  # fmt: skip
KERNEL = torch.tensor(
    [
        [1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6], [1 / 24, -1 / 12, 1 / 6], [0, 0, 1],
    ]
)  # fmt: skip
OUTPUT = torch.tensor(
    [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]
)


class WinogradConv(nn.Module):
    """A 3x3 convolution with zero padding of maps whose sides are multiples of four."""

    into: Tensor
    back: Tensor

    def __init__(self, conv: nn.Conv2d):
        super().__init__()
        kernel, out = conv.weight.detach(), conv.out_channels
        step = KERNEL.to(kernel)
        turned = torch.einsum("ia,ocab,jb->ijoc", step, kernel, step)
        self.weight = nn.Parameter(turned.reshape(TILE * TILE, out, -1).contiguous(), False)
        self.bias = nn.Parameter(bias_of(conv).clone(), False)
        one, other = INPUT.to(kernel), OUTPUT.to(kernel)
        self.register_buffer("into", torch.kron(one, one), persistent=False)  # (36, 36)
        self.register_buffer("back", torch.kron(other, other), persistent=False)  # (16, 36)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, O, H, W)."""
        batch, channels, height, width = x.shape
        out = self.weight.shape[1]
        result = x.new_empty(batch, out, height, width)
        padded = F.pad(x, (1, 1, 1, 1))
        rows, columns = height // OUT, width // OUT
        at_once = max(1, BLOCK // (TILE * TILE * max(channels, out) * columns))
        for picture, target in zip(padded, result, strict=True):
            for top in range(0, rows, at_once):
                count = min(at_once, rows - top)
                strip = picture[:, OUT * top : OUT * (top + count) + TILE - OUT]
                made = self.strip(strip)  # (O, count, 4, columns, 4)
                target[:, OUT * top : OUT * (top + count)].view_as(made).copy_(made)
        return result.add_(self.bias[:, None, None])

    def strip(self, x: Tensor) -> Tensor:
        """(C, 4 n + 2, W + 2) to its tiles (O, n, 4, W / 4, 4)."""
        tiles = x.unfold(1, TILE, OUT).unfold(2, TILE, OUT)  # (C, n, m, 6, 6)
        channels, rows, columns = tiles.shape[:3]
        spread = tiles.permute(3, 4, 0, 1, 2).reshape(TILE * TILE, -1)
        spread = (self.into @ spread).view(TILE * TILE, channels, -1)  # (36, C, tiles)
        summed = torch.bmm(self.weight, spread)  # (36, O, tiles)
        made = (self.back @ summed.flatten(1)).view(OUT, OUT, -1, rows, columns)
        return made.permute(2, 3, 0, 4, 1)
