"""DDIM sampling (Song 2021, eq. 12) for a denoiser that predicts the clean signal.

A sampler is one plain function of the denoiser, the starting noise and a schedule; it knows neither
models nor conditions nor who is watching.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .schedule import NoiseSchedule

Denoise = Callable[[Tensor, Tensor], Tensor]
"""Predicts the clean (B, T, D) from the noisy one and its (B,) time steps."""


def ddim(
    denoise: Denoise,
    noise: Tensor,
    schedule: NoiseSchedule,
    steps: int = 10,
    eta: float = 0.0,
    generator: torch.Generator | None = None,
    callback: Callable[[int], None] | None = None,
) -> Tensor:
    """(B, T, D) standard normal noise to a clean (B, T, D) sample in ``steps`` steps.

    ``eta`` 0 is deterministic DDIM, 1 is ancestral sampling, for which ``generator`` draws.
    ``callback`` is called with the number of steps done; what it raises stops the sampling.
    """
    x = noise
    times = schedule.times(steps)
    signal = schedule.signal.to(noise)
    for done, (time, following) in enumerate(zip(times, [*times[1:], None], strict=True), start=1):
        clean = denoise(x, torch.full((len(x),), time, device=x.device))
        left = signal[time]
        kept = signal[following] if following is not None else torch.ones_like(left)
        direction = (x - left.sqrt() * clean) / (1 - left).sqrt()
        sigma = eta * ((1 - kept) / (1 - left) * (1 - left / kept)).sqrt()
        x = kept.sqrt() * clean + (1 - kept - sigma**2).clamp(min=0).sqrt() * direction
        if eta > 0:
            fresh = torch.randn(x.shape, generator=generator, dtype=torch.float32)
            x = x + sigma * fresh.to(x)
        if callback is not None:
            callback(done)
    return x
