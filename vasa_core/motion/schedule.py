"""The noise schedule of a diffusion process (Ho 2020; cosine: Nichol & Dhariwal 2021, eq. 17)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class NoiseSchedule(nn.Module):
    """How much of the clean signal is left after each noising step.

    signal  (steps,)  alpha bar: the share of variance that is still signal, falling from ~1 to ~0
    """

    signal: Tensor

    def __init__(self, signal: Tensor):
        super().__init__()
        self.register_buffer("signal", signal, persistent=False)

    @staticmethod
    def cosine(steps: int = 1000, offset: float = 0.008) -> NoiseSchedule:
        """alpha bar(t) = cos²((t / steps + s) / (1 + s) · pi / 2); betas are at most 0.999."""
        time = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
        curve = torch.cos((time + offset) / (1 + offset) * math.pi / 2) ** 2
        betas = (1 - curve[1:] / curve[:-1]).clamp(max=0.999)
        return NoiseSchedule(torch.cumprod(1 - betas, 0).float())

    def __len__(self) -> int:
        return len(self.signal)

    def noised(self, clean: Tensor, noise: Tensor, time: Tensor) -> Tensor:
        """(B, T, D) clean and noise, (B,) time steps, to noisy (B, T, D) (Ho 2020, eq. 4)."""
        left = self.signal.to(clean)[time].view(-1, 1, 1)
        return left.sqrt() * clean + (1 - left).sqrt() * noise

    def times(self, steps: int) -> list[int]:
        """``steps`` time steps spread evenly, from the noisiest to the cleanest.

        Raises ValueError unless 1 <= steps <= len(schedule).
        """
        if not 1 <= steps <= len(self):
            raise ValueError(f"{steps} sampling steps asked for; 1 to {len(self)} are possible.")
        return [len(self) * left // steps - 1 for left in range(steps, 0, -1)]
