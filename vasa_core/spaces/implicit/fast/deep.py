"""Convolutions in three dimensions as convolutions of slices.

Every slice is convolved in two dimensions with the kernels of all depths at once, and the results
are added up one slice apart. That makes wide matrix products of narrow ones (the 7x7x7 convolution
that chooses between shifts has 22 channels, and is half of the warping network's work), which is
what graphics cards need, and lets a CPU do the two-dimensional part by a transform.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from ..networks.blocks import bias_of

TILE = 38  # side of the pieces that are transformed: a 64 wide map is two of them


class DeepConv(nn.Module):
    """A Conv3d with an odd kernel and zero padding, slice by slice.

    ``flat`` makes of the Conv2d that serves all slices what does the same faster.
    """

    def __init__(self, conv: nn.Conv3d, flat: Callable[[nn.Conv2d], nn.Module]):
        super().__init__()
        self.depth = conv.kernel_size[0]
        kernel = rearrange(conv.weight.detach(), "o c d h w -> (d o) c h w")
        slices = nn.Conv2d(
            conv.in_channels, len(kernel), kernel.shape[-1], padding=kernel.shape[-1] // 2,
            device=kernel.device, dtype=kernel.dtype,
        )  # fmt: skip
        slices.weight = nn.Parameter(kernel.contiguous(), False)
        bias = torch.zeros(self.depth, conv.out_channels).to(kernel)
        bias[self.depth // 2] = bias_of(conv)  # of the depth that every slice has
        slices.bias = nn.Parameter(bias.flatten(), False)
        self.flat = flat(slices)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, D, H, W) to (B, O, D, H, W)."""
        batch, _, slices = x.shape[:3]
        flat = self.flat(rearrange(x, "b c d h w -> (b d) c h w"))
        taps = rearrange(flat, "(b d) (k o) h w -> k b o d h w", b=batch, k=self.depth)
        middle = self.depth // 2
        total = taps[middle].clone()
        for tap in range(self.depth):
            shift = middle - tap  # slice d of the result sees slice d - shift
            if shift == 0 or abs(shift) >= slices:
                continue
            here = slice(max(0, shift), slices + min(0, shift))
            there = slice(max(0, -shift), slices + min(0, -shift))
            total[:, :, here] += taps[tap][:, :, there]
        return total


class FourierConv(nn.Module):
    """A Conv2d with a large kernel by overlapping pieces in the frequency domain (overlap-save)."""

    def __init__(self, conv: nn.Conv2d):
        super().__init__()
        self.kernel = conv.kernel_size[0]
        turned = torch.fft.rfft2(conv.weight.detach().flip(-1, -2), s=(TILE, TILE))
        turned = rearrange(turned, "o c h w -> (h w) c o").contiguous()
        self.weight = nn.Parameter(torch.view_as_real(turned), False)  # moves and casts like others
        self.bias = nn.Parameter(bias_of(conv), False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, O, H, W)."""
        height, width = x.shape[-2:]
        step, edge = TILE - self.kernel + 1, self.kernel // 2
        down, across = -(-height // step), -(-width // step)
        over = (down * step - height, across * step - width)
        padded = F.pad(x, (edge, edge + over[1], edge, edge + over[0]))
        tiles = torch.fft.rfft2(padded.unfold(2, TILE, step).unfold(3, TILE, step))
        spread = rearrange(tiles, "n c i j h w -> (h w) (n i j) c")
        summed = torch.bmm(spread, torch.view_as_complex(self.weight))
        summed = rearrange(
            summed, "(h w) (n i j) o -> n o i j h w", h=TILE, n=len(x), i=down, j=across
        )
        made = torch.fft.irfft2(summed, s=(TILE, TILE))[..., -step:, -step:]
        made = rearrange(made, "n o i j h w -> n o (i h) (j w)")[..., :height, :width]
        return made + self.bias[:, None, None]
