"""Convolution of a map that was enlarged by repeating: done on the small map, with the same result.

Where each place is repeated f times, a 3-wide kernel sees two places of the small map at most, and
what it gives depends only on where in the repetition it stands: first, last, or between. So one
2-wide convolution of the small map gives everything there is to know, for a fraction of the work.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..networks.blocks import bias_of


def phase_taps(kernel: Tensor, factor: int, dim: int) -> Tensor:
    """A kernel, 3 wide along ``dim``, to (phases, ...) kernels 2 wide: first, (between,) last."""
    one, two, three = kernel.unbind(dim)
    nothing = torch.zeros_like(one)
    first, last = (one, two + three), (one + two, three)
    between = [(nothing, one + two + three)] if factor > 2 else []
    return torch.stack([torch.stack(taps, dim) for taps in (first, *between, last)])


class UpsampledConv(nn.Module):
    """``conv(interpolate(x, nearest))`` for a 3x3 convolution (3x3x3: the depth is not enlarged).

    factor  how often each place is repeated along height and width, 2 or more
    """

    def __init__(self, conv: nn.Conv2d | nn.Conv3d, factor: int):
        super().__init__()
        self.factor, self.out = factor, conv.out_channels
        self.convolve = F.conv3d if isinstance(conv, nn.Conv3d) else F.conv2d
        self.padding = (1,) * len(conv.kernel_size)
        kernel = conv.weight.detach()
        kernel = phase_taps(kernel, factor, kernel.ndim - 1)  # (phases across, O, C, ..., 3, 2)
        kernel = phase_taps(kernel, factor, kernel.ndim - 2)  # (down, across, O, C, ..., 2, 2)
        self.phases = kernel.shape[0]
        self.weight = nn.Parameter(kernel.flatten(0, 2).contiguous(), False)
        self.bias = nn.Parameter(bias_of(conv).repeat(self.phases**2), False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, ..., H, W) to (B, O, ..., f H, f W)."""
        height, width = x.shape[-2:]
        # one place wider and higher than x
        seen = self.convolve(x, self.weight, self.bias, padding=self.padding)
        seen = seen.unflatten(1, (self.phases, self.phases, self.out))
        places = [0, *[1] * (self.factor - 2), self.phases - 1]
        shape = (*x.shape[2:-2], height, self.factor, width, self.factor)
        if x.is_contiguous():
            result = x.new_empty(len(x), self.out, *shape)
        else:  # channels last, as it came
            result = x.new_empty(len(x), *shape, self.out).movedim(-1, 1)
        for down, row in enumerate(places):
            top = int(row == self.phases - 1)
            for across, column in enumerate(places):
                left = int(column == self.phases - 1)
                part = seen[:, row, column, ..., top : top + height, left : left + width]
                result[..., down, :, across] = part
        return result.flatten(-2).flatten(-3, -2)
