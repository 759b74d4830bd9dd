"""Layers of the painting networks that do the same in fewer passes over memory."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ..networks.blocks import bias_of, of_kind
from ..networks.decoder import SpadeNorm
from ..networks.warping import UpBlock
from .upsampled import UpsampledConv

EPSILON = 1e-5  # of instance norm


class FusedSpadeNorm(nn.Module):
    """``SpadeNorm`` with scale and shift from one convolution, and its map never enlarged."""

    def __init__(self, norm: SpadeNorm, factor: int):
        super().__init__()
        shared = of_kind(norm.mlp_shared[0], nn.Conv2d)
        self.shared = shared if factor == 1 else UpsampledConv(shared, factor)
        self.modulate = stacked(norm.mlp_gamma, norm.mlp_beta)
        with torch.no_grad():  # scale is 1 + gamma
            self.modulate.get_parameter("bias")[: norm.mlp_gamma.out_channels] += 1

    def forward(self, x: Tensor, map: Tensor) -> Tensor:
        """(B, C, H, W) and (B, M, h, w) to (B, C, H, W)."""
        scale, shift = self.modulate(F.relu_(self.shared(map))).chunk(2, 1)
        return torch.addcmul(shift, normalised(x), scale)


def normalised(x: Tensor) -> Tensor:
    """Instance norm of (B, C, H, W) in its own memory format, which torch's would change."""
    if x.is_contiguous():
        return F.instance_norm(x)
    variance, mean = torch.var_mean(x, (2, 3), correction=0, keepdim=True)
    return (x - mean) * torch.rsqrt(variance + EPSILON)


class FusedUpBlock(nn.Module):
    """``UpBlock``, its batch norm folded already, that convolves before it enlarges."""

    def __init__(self, block: UpBlock):
        super().__init__()
        self.conv = UpsampledConv(block.conv, 2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, D, H, W) to (B, out, D, 2 H, 2 W)."""
        return F.relu_(self.conv(x))


def stacked(one: nn.Conv2d, other: nn.Conv2d) -> nn.Conv2d:
    """One convolution whose channels are those of two; odd kernels, padded to the same size."""
    height, width = one.kernel_size
    both = nn.Conv2d(
        one.in_channels, one.out_channels + other.out_channels, (height, width),
        padding=(height // 2, width // 2), device=one.weight.device, dtype=one.weight.dtype,
    )  # fmt: skip
    both.weight = nn.Parameter(torch.cat([one.weight, other.weight]).detach(), False)
    both.bias = nn.Parameter(torch.cat([bias_of(one), bias_of(other)]), False)
    return both


def fold_batch_norms(network: nn.Module) -> None:
    """Fold each batch norm into the convolution before it, in place."""
    for module in network.modules():
        for conv in ("conv", "compress"):
            norm = getattr(module, "norm", None)
            if hasattr(module, conv) and isinstance(norm, nn.modules.batchnorm._BatchNorm):
                setattr(module, conv, fuse_conv_bn_eval(getattr(module, conv), norm))
                module.norm = nn.Identity()
