"""Smoothing of points over time: strong while they rest, almost none while they move."""

from __future__ import annotations

import math

import torch
from torch import Tensor

DERIVATIVE = 0.25  # cut-off of the speed


def one_euro_filter(positions: Tensor, rest: float, speed: float) -> Tensor:
    """(T, ...) positions through the one-euro filter (Casiez, Roussel, Vogel 2012).

    ``rest`` is the cut-off (per frame) of a point at rest, ``speed`` how fast the cut-off grows
    with the speed (in units per frame); positions should be scaled to a common unit.
    """
    position, velocity = positions[0], torch.zeros_like(positions[0])
    slow = _blend(torch.tensor(DERIVATIVE).to(positions))
    smooth = [position]
    for measured in positions[1:]:
        velocity = velocity + slow * (measured - position - velocity)
        blend = _blend(rest + speed * velocity.abs())
        position = position + blend * (measured - position)
        smooth.append(position)
    return torch.stack(smooth)


def _blend(cutoff: Tensor) -> Tensor:
    """Weight of the new value in a first-order low pass with this cut-off (cycles per frame)."""
    rate = 2 * math.pi * cutoff
    return rate / (rate + 1)
