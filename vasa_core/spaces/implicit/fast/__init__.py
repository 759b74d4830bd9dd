"""The painting networks made faster: other layers, the same arithmetic up to rounding."""

from __future__ import annotations

import torch
from torch import nn

from ..networks.blocks import of_kind
from ..networks.decoder import SpadeBlock, SpadeNorm
from ..networks.warping import UpBlock
from ..painter import Painter
from .deep import DeepConv, FourierConv
from .fused import FusedSpadeNorm, FusedUpBlock, fold_batch_norms
from .winograd import WinogradConv

LARGE = 2  # levels of the hourglass whose maps are large enough for transforms to pay
WIDE = 64  # channels from which Winograd's transforms pay


def accelerate(painter: Painter, cpu: bool) -> Painter:
    """Replace layers of a painter in place, for a CPU or for a graphics card.

    Pictures stay within the tolerance of the golden outputs (5e-4, mean 5e-5) in float32.
    """
    decoder, dense = painter.decoder, painter.warping.dense_motion_network
    fold_batch_norms(painter.warping)
    blocks = dense.hourglass.decoder.up_blocks
    for index, block in enumerate(blocks):
        blocks[index] = FusedUpBlock(of_kind(block, UpBlock))
    mask = of_kind(dense.mask, nn.Conv3d)
    dense.mask = DeepConv(mask, FourierConv if cpu else lambda conv: conv)
    factors = {"up_0": 2, "up_1": 4}
    for name, block in decoder.named_children():
        if isinstance(block, SpadeBlock):
            fuse_norms(block, factors.get(name, 1))
    if cpu:
        hourglass = dense.hourglass
        for block in (hourglass.decoder, *hourglass.encoder.down_blocks[:LARGE]):
            block.conv = DeepConv(of_kind(block.conv, nn.Conv3d), WinogradConv)
        use_winograd(painter)
    else:
        channels_last(painter)
    return painter


def channels_last(network: nn.Module) -> None:
    """Lay out convolutions for graphics cards, whose matrix units want channels side by side."""
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    for parameter in network.parameters():
        if parameter.ndim in formats:
            parameter.data = parameter.data.contiguous(memory_format=formats[parameter.ndim])


def fuse_norms(block: SpadeBlock, factor: int) -> None:
    """The SPADE norms of a block whose map is ``factor`` times smaller than what they scale."""
    block.norm_0 = FusedSpadeNorm(of_kind(block.norm_0, SpadeNorm), factor)
    block.norm_1 = FusedSpadeNorm(of_kind(block.norm_1, SpadeNorm), factor)
    if block.norm_s is not None:
        block.norm_s = FusedSpadeNorm(of_kind(block.norm_s, SpadeNorm), factor)


def use_winograd(network: nn.Module) -> None:
    """Put ``WinogradConv`` in the place of every wide 3x3 convolution."""
    for parent in list(network.modules()):
        for name, layer in parent.named_children():
            if not isinstance(layer, nn.Conv2d) or layer.kernel_size != (3, 3):
                continue
            if min(layer.in_channels, layer.out_channels) >= WIDE:
                setattr(parent, name, WinogradConv(layer))
