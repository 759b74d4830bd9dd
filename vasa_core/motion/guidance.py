"""Classifier-free guidance with a scale per condition (VASA-1, section 3.2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from .sampling import Denoise

Conditions = Mapping[str, Tensor]
"""Condition name to (B, ...) values. A name that is missing counts as not given."""

ConditionalModel = Callable[[Tensor, Tensor, Conditions, Mapping[str, Tensor]], Tensor]
"""(noisy (B, T, D), time (B,), conditions, name -> (B,) bool: dropped in this row) to clean."""


def guided(model: ConditionalModel, conditions: Conditions, scales: Mapping[str, float]) -> Denoise:
    """A denoiser that leans towards its conditions:

        X0 = (1 + sum_c l_c) H(all) - sum_c l_c H(all but c)

    All rows go through the model as one batch. Conditions that are not given, and scales of zero,
    cost nothing: without any scale left this is one plain pass.
    """
    active = {name: scale for name, scale in scales.items() if scale and name in conditions}
    passes = 1 + len(active)

    def denoise(noisy: Tensor, time: Tensor) -> Tensor:
        rows = len(noisy)

        def repeated(tensor: Tensor) -> Tensor:
            return tensor.repeat(passes, *[1] * (tensor.ndim - 1))

        dropped = {}
        for index, name in enumerate(active, start=1):
            mask = torch.zeros(passes, rows, dtype=torch.bool, device=noisy.device)
            mask[index] = True
            dropped[name] = mask.flatten()
        given = {name: repeated(value) for name, value in conditions.items()}
        clean = model(repeated(noisy), repeated(time), given, dropped)
        full, *without = clean.view(passes, *noisy.shape)
        for scale, other in zip(active.values(), without, strict=True):
            full = full + scale * (clean[:rows] - other)
        return full

    return denoise


def thresholded(model: ConditionalModel, share: float, low: float, high: float) -> ConditionalModel:
    """The model with its every prediction held to a range of its own (Saharia 2022, section 2.3).

    The range ends where ``share`` of a row's absolute values lie below, but not before ``low`` nor
    beyond ``high``. Guidance then combines predictions that were held one by one.
    """

    def held(noisy: Tensor, time: Tensor, conditions: Conditions, dropped) -> Tensor:
        clean = model(noisy, time, conditions, dropped)  # (B, T, D)
        limit = clean.flatten(1).abs().quantile(share, dim=1).clamp(low, high)[:, None, None]
        return clean.clamp(-limit, limit)

    return held
