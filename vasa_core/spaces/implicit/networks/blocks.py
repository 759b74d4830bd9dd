"""Building blocks that several networks share."""

from __future__ import annotations

from typing import TypeVar

from torch import Tensor, nn

CONV = {2: nn.Conv2d, 3: nn.Conv3d}
NORM = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
Layer = TypeVar("Layer", bound=nn.Module)


class ConvNorm(nn.Module):
    """Convolution with zero padding to the same size, then batch norm; activation is the caller's.

    ``dims`` 2 for (B, C, H, W), 3 for (B, C, D, H, W).
    """

    def __init__(self, dims: int, channels: int, out: int, kernel: int = 3):
        super().__init__()
        self.conv = CONV[dims](channels, out, kernel, padding=kernel // 2)
        self.norm = NORM[dims](out)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, ...) to (B, out, ...)."""
        return self.norm(self.conv(x))


def of_kind(layer: object, kind: type[Layer]) -> Layer:
    """The layer, which has to be of that kind; TypeError where another one has taken its place."""
    if not isinstance(layer, kind):
        got = type(layer).__name__
        raise TypeError(f"Got a {got} where the network has a {kind.__name__} as it is published.")
    return layer


def bias_of(conv: nn.Conv2d | nn.Conv3d) -> Tensor:
    """The (O,) bias of a convolution, apart from its graph; zeros where it has none."""
    return conv.weight.new_zeros(conv.out_channels) if conv.bias is None else conv.bias.detach()
