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

Fresh = Callable[[int], Tensor]
"""Step number, from 0, to the (B, T, D) standard normal noise that the step adds."""

WindowNoise = Callable[[int], tuple[Tensor, Fresh]]
"""A window's number to the (1, W, D) noise that it starts from and to what its steps add."""


def ddim(
    denoise: Denoise,
    noise: Tensor,
    schedule: NoiseSchedule,
    steps: int = 10,
    eta: float = 0.0,
    fresh: Fresh | None = None,
    flexibility: float = 0.0,
    callback: Callable[[int], None] | None = None,
) -> Tensor:
    """(B, T, D) standard normal noise to a clean (B, T, D) sample in ``steps`` steps.

    ``eta`` 0 is deterministic DDIM. 1 over all steps is ancestral sampling (Ho 2020, algorithm 2):
    the same mean and the posterior's spread. What an ``eta`` above 0 adds comes from ``fresh``,
    which every step but the last asks. ``flexibility`` 0..1 widens that noise, and nothing else,
    from the posterior's spread to the forward step's (their two bounds in Ho 2020, section 3.2).

    ``callback`` is called with the number of steps done; what it raises stops the sampling.
    Raises ValueError for impossible ``steps``, and for an ``eta`` above 0 without ``fresh``.
    """
    if eta > 0 and fresh is None:
        raise ValueError(f"Sampling with eta {eta} adds noise; give a source of it as fresh.")
    x = noise
    times = schedule.times(steps)
    signal = schedule.signal.to(noise)
    for done, (time, following) in enumerate(zip(times, [*times[1:], None], strict=True), start=1):
        clean = denoise(x, torch.full((len(x),), time, device=x.device))
        left = signal[time]
        kept = signal[following] if following is not None else torch.ones_like(left)
        sigma = eta * ((1 - kept) / (1 - left) * (1 - left / kept)).sqrt()
        size = (1 - kept - sigma**2).clamp(min=0).sqrt()
        x = kept.sqrt() * clean + size * noise_in(x, clean, left)
        if eta > 0 and following is not None:
            assert fresh is not None  # checked above
            spread = sigma + flexibility * ((1 - left / kept).sqrt() - sigma)
            x = x + spread * fresh(done - 1).to(x)
        if callback is not None:
            callback(done)
    return x


def noise_in(noisy: Tensor, clean: Tensor, left: Tensor) -> Tensor:
    """(B, T, D) noise of a noisy signal whose clean part is known; ``left`` is its alpha bar."""
    return (noisy - left.sqrt() * clean) / (1 - left).sqrt()
