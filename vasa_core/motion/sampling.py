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

StepNoise = Callable[[int], Tensor]
"""Step number, from 0, to the (B, T, D) standard normal noise that the step adds."""

WindowNoise = Callable[[int], tuple[Tensor, StepNoise]]
"""A window's number to the (1, W, D) noise that it starts from and to what its steps add."""


def ddim(
    denoise: Denoise,
    noise: Tensor,
    schedule: NoiseSchedule,
    steps: int = 10,
    eta: float = 0.0,
    step_noise: StepNoise | None = None,
    flexibility: float = 0.0,
    callback: Callable[[int], None] | None = None,
) -> Tensor:
    """Sample clean motion from noise.

    ``eta`` 0 is deterministic DDIM. 1 over all steps is ancestral sampling (Ho 2020, algorithm 2):
    the same mean and the posterior's standard deviation.

    Args:
        denoise: predicts the clean motion.
        noise: (B, T, D) standard normal start.
        schedule: the noise schedule.
        steps: how many, spread evenly over the schedule.
        eta: how much noise each step adds.
        step_noise: where that noise comes from; every step but the last asks. Only for ``eta``
            above 0.
        flexibility: 0..1 widens the added noise, and nothing else, from the posterior's standard
            deviation to the forward step's (the two bounds of Ho 2020, section 3.2).
        callback: called with the number of steps done; what it raises stops the sampling.

    Returns:
        (B, T, D) clean motion.

    Raises:
        ValueError: impossible ``steps``, or an ``eta`` above 0 without ``step_noise``.
    """
    if eta > 0 and step_noise is None:
        raise ValueError(f"Sampling with eta {eta} adds noise; give a source of it as step_noise.")
    x = noise
    times = schedule.times(steps)
    alphas_cumprod = schedule.alphas_cumprod.to(noise)
    for done, (time, following) in enumerate(zip(times, [*times[1:], None], strict=True), start=1):
        clean = denoise(x, torch.full((len(x),), time, device=x.device))
        alpha_bar_t = alphas_cumprod[time]
        last = following is None
        alpha_bar_prev = torch.ones_like(alpha_bar_t) if last else alphas_cumprod[following]
        ratio = alpha_bar_t / alpha_bar_prev
        sigma = eta * ((1 - alpha_bar_prev) / (1 - alpha_bar_t) * (1 - ratio)).sqrt()
        direction = (1 - alpha_bar_prev - sigma**2).clamp(min=0).sqrt()
        x = alpha_bar_prev.sqrt() * clean + direction * predicted_noise(x, clean, alpha_bar_t)
        if eta > 0 and not last:
            assert step_noise is not None  # checked above
            std = sigma + flexibility * ((1 - ratio).sqrt() - sigma)
            x = x + std * step_noise(done - 1).to(x)
        if callback is not None:
            callback(done)
    return x


def predicted_noise(noisy: Tensor, clean: Tensor, alpha_bar_t: Tensor) -> Tensor:
    """(B, T, D) noise of a noisy signal whose clean part is predicted."""
    return (noisy - alpha_bar_t.sqrt() * clean) / (1 - alpha_bar_t).sqrt()
