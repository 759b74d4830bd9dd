"""Bends what goes too far, smoothly, and leaves the rest exactly as it is."""

from __future__ import annotations

import torch
from torch import Tensor

KNEE = 0.6  # share of a limit up to which everything is passed unchanged


def soft_limit(x: Tensor, low: Tensor | float, high: Tensor | float) -> Tensor:
    """x, bent smoothly into (low, high), low < 0 < high; unchanged up to ``KNEE`` of a limit."""
    limit = torch.where(x >= 0, torch.as_tensor(high).to(x), -torch.as_tensor(low).to(x))
    over = (x.abs() - KNEE * limit).clamp(min=0) / ((1 - KNEE) * limit)
    bent = KNEE * limit + (1 - KNEE) * limit * torch.tanh(over)
    return torch.where(over > 0, bent * x.sign(), x)


def soft_length(vectors: Tensor, limit: float) -> Tensor:
    """(..., D) vectors, their lengths bent below ``limit``."""
    length = vectors.norm(dim=-1, keepdim=True)
    return vectors * (soft_limit(length, -limit, limit) / length.clamp(min=1e-6))


def soft_factor(factors: Tensor, limit: float) -> Tensor:
    """Factors > 0, bent into (1 / limit, limit)."""
    most = torch.log(factors.new_tensor(limit))
    return soft_limit(factors.clamp(min=1e-3).log(), -most, most).exp()
