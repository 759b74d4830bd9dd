"""Smoothing of points over time: strong while they rest, almost none while they move."""

from __future__ import annotations

import math

import torch
from torch import Tensor


class OneEuroFilter:
    """The 1-euro filter (Casiez, Roussel, Vogel 2012), frame by frame, on positions.

    ``rest`` is the cut-off (per frame) of a point at rest, ``speed`` how fast the cut-off grows
    with the speed (in units per frame); positions should be scaled to a common unit.
    """

    def __init__(self, rest: float, speed: float, derivative: float = 0.25):
        self.rest, self.speed, self.derivative = rest, speed, derivative
        self.reset()

    def reset(self) -> None:
        """Forget the past."""
        self.position: Tensor | None = None
        self.velocity: Tensor | None = None

    def __call__(self, position: Tensor) -> Tensor:
        """The smoothed position for the next one measured."""
        if self.position is None:
            self.position, self.velocity = position, torch.zeros_like(position)
            return position
        blend = _blend(torch.as_tensor(self.derivative))
        self.velocity = self.velocity + blend * (position - self.position - self.velocity)
        blend = _blend(self.rest + self.speed * self.velocity.abs())
        self.position = self.position + blend * (position - self.position)
        return self.position


def _blend(cutoff: Tensor) -> Tensor:
    """Weight of the new value in a first-order low pass with this cut-off (cycles per frame)."""
    rate = 2 * math.pi * cutoff
    return rate / (rate + 1)
