"""Curves that the soft edges of pictures are made of, in every face space."""

from __future__ import annotations

import torch
from torch import Tensor

from ..types import smooth_rise


def smoothstep(x: Tensor, low: float, high: float) -> Tensor:
    """0 below ``low``, 1 above ``high``, smooth between; falling where ``low`` is the larger."""
    t = ((x - low) / (high - low)).clamp(0, 1)
    return smooth_rise(t)


def piecewise_linear(x: Tensor, known_x: Tensor, known_y: Tensor) -> Tensor:
    """Piecewise linear at x (...) through knots (N,), (N, ...) in any order, constant outside."""
    known_x, order = known_x.sort()
    known_y = known_y[order]
    after = torch.searchsorted(known_x, x.contiguous()).clamp(1, len(known_x) - 1)
    span = (known_x[after] - known_x[after - 1]).clamp(min=1e-6)
    part = ((x - known_x[after - 1]) / span).clamp(0, 1)
    part = part.view(part.shape + (1,) * (known_y.ndim - 1))
    return torch.lerp(known_y[after - 1], known_y[after], part)
