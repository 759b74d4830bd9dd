"""The noise schedule of a diffusion process (Ho 2020; cosine: Nichol & Dhariwal 2021, eq. 17)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class NoiseSchedule(nn.Module):
    """How much of the clean signal is left after each noising step.

    alphas_cumprod  (steps,)  alpha bar: the share of variance that is still signal, from ~1 to ~0
    """

    alphas_cumprod: Tensor

    def __init__(self, alphas_cumprod: Tensor):
        super().__init__()
        self.register_buffer("alphas_cumprod", alphas_cumprod, persistent=False)

    @staticmethod
    def cosine(steps: int = 1000, offset: float = 0.008) -> NoiseSchedule:
        """alpha bar(t) = cos²((t / steps + s) / (1 + s) · pi / 2); betas are at most 0.999."""
        time = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
        curve = torch.cos((time + offset) / (1 + offset) * math.pi / 2) ** 2
        betas = (1 - curve[1:] / curve[:-1]).clamp(max=0.999)
        return NoiseSchedule(torch.cumprod(1 - betas, 0).float())

    def __len__(self) -> int:
        return len(self.alphas_cumprod)

    def noised(self, clean: Tensor, noise: Tensor, time: Tensor) -> Tensor:
        """(B, T, D) clean and noise, (B,) time steps, to noisy (B, T, D) (Ho 2020, eq. 4)."""
        alpha_bar_t = self.alphas_cumprod.to(clean)[time].view(-1, 1, 1)
        return alpha_bar_t.sqrt() * clean + (1 - alpha_bar_t).sqrt() * noise

    def times(self, steps: int) -> list[int]:
        """``steps`` time steps spread evenly, from the noisiest to the cleanest.

        Raises ValueError unless 1 <= steps <= len(schedule).
        """
        if not 1 <= steps <= len(self):
            raise ValueError(f"{steps} sampling steps asked for; 1 to {len(self)} are possible.")
        return [len(self) * step // steps - 1 for step in range(steps, 0, -1)]
