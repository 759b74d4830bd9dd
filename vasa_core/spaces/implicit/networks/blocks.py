"""Building blocks that several networks share."""

from __future__ import annotations

from torch import Tensor, nn

CONV = {2: nn.Conv2d, 3: nn.Conv3d}
NORM = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}


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
