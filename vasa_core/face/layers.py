"""The two building blocks of the encoder's networks."""

from __future__ import annotations

from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval as fuse_conv_bn

Net = TypeVar("Net", bound=nn.Module)


def conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution, batch norm, SiLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.SiLU(inplace=True),
    )


class Residual(nn.Module):
    """Two 3x3 convolutions around which the input passes unchanged."""

    def __init__(self, channels: int):
        super().__init__()
        self.first = conv(channels, channels)
        self.second = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(channels)  # ``fuse`` takes it away

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) to the same."""
        return F.silu(x + self.norm(self.second(self.first(x))))


def channels_last(net: Net) -> Net:
    """The network with the channels of its weights side by side in memory, as convolutions on a
    CPU like them."""
    # torch's own stub of ``to`` leaves out its documented form with a memory format only
    return net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def fuse(net: Net) -> Net:
    """The network in eval mode with each batch norm folded into the convolution before it."""
    for module in net.modules():
        if isinstance(module, nn.Sequential):
            for i in range(len(module) - 1):
                layer, norm = module[i], module[i + 1]
                if isinstance(layer, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                    module[i] = fuse_conv_bn(layer, norm)
                    module[i + 1] = nn.Identity()
        if isinstance(module, Residual) and isinstance(module.norm, nn.BatchNorm2d):
            module.second = fuse_conv_bn(module.second, module.norm)
            module.norm = nn.Identity()
    return net
