"""Training by wall time: rate, running mean of the weights, checkpoints, a log as CSV."""

from __future__ import annotations

import csv
import logging
import math
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recipe:
    """``seconds`` of wall time, ``batch`` size, ``peak`` rate and ``decay`` of AdamW, factor of the
    running mean of the weights, seed, seconds between checkpoints."""

    seconds: float
    batch: int = 32
    peak: float = 2e-3
    decay: float = 0.02
    average: float = 0.998
    seed: int = 0
    between: float = 420.0


class Training:
    """One network being trained; ``smooth`` is the running mean that is kept in the end.

    Files ``<path>.ckpt`` (resumed from when it exists) and ``<path>.csv`` (one row per report).
    """

    def __init__(self, path: Path, net: nn.Module, recipe: Recipe):
        torch.manual_seed(recipe.seed)
        self.path, self.recipe = path, recipe
        self.generator = torch.Generator().manual_seed(recipe.seed)
        self.net = net.to(memory_format=torch.channels_last)
        self.smooth = type(net)(net.config).to(memory_format=torch.channels_last).eval()
        self.smooth.load_state_dict(net.state_dict())
        self.optimizer = torch.optim.AdamW(net.parameters(), recipe.peak, weight_decay=recipe.decay)
        self.steps, self.loss = 0, float("nan")
        spent = self._resume()
        self.saved, self.started = spent, time.monotonic() - spent

    @property
    def spent(self) -> float:
        """Seconds of training so far, those before a resume counted in."""
        return time.monotonic() - self.started

    def running(self) -> bool:
        """Whether there is time left."""
        return self.spent < self.recipe.seconds

    def step(self, loss: Tensor) -> None:
        """One step down the gradient, at the rate that the wall time gives."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.peak * rate(self.spent / self.recipe.seconds)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        self.optimizer.step()
        self._average()
        now = float(loss.detach())
        self.loss = now if math.isnan(self.loss) else 0.98 * self.loss + 0.02 * now
        self.steps += 1

    def due(self) -> bool:
        """Whether the next report is due."""
        return self.spent - self.saved > self.recipe.between

    def report(self, measures: dict[str, float]) -> None:
        """Save a checkpoint and add a row to the log."""
        self.saved = self.spent
        state = {"net": self.net.state_dict(), "smooth": self.smooth.state_dict()}
        state |= {"optimizer": self.optimizer.state_dict(), "spent": self.spent, "step": self.steps}
        state |= {"generator": self.generator.get_state()}
        part = self.path.with_suffix(".part")
        torch.save(state, part)
        part.replace(self.path.with_suffix(".ckpt"))
        row = {"seconds": round(self.spent), "step": self.steps, "loss": round(self.loss, 4)}
        row |= {name: round(value, 4) for name, value in measures.items()}
        log.info("%s %s", self.path.name, row)
        file = self.path.with_suffix(".csv")
        new = not file.exists()
        with file.open("a", newline="") as handle:
            writer = csv.DictWriter(handle, row)
            if new:
                writer.writeheader()
            writer.writerow(row)

    @torch.no_grad()
    def _average(self) -> None:
        factor = min(self.recipe.average, (1 + self.steps) / (10 + self.steps))
        pairs = zip(self.smooth.state_dict().values(), self.net.state_dict().values(), strict=True)
        for mean, new in pairs:
            if mean.is_floating_point():
                mean.lerp_(new, 1 - factor)
            else:
                mean.copy_(new)

    def _resume(self) -> float:
        file = self.path.with_suffix(".ckpt")
        if not file.exists():
            return 0.0
        state = torch.load(file, weights_only=True)
        self.net.load_state_dict(state["net"])
        self.smooth.load_state_dict(state["smooth"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.generator.set_state(state["generator"])
        self.steps = state["step"]
        log.info("%s: resumed at step %d, %.0f s", self.path.name, self.steps, state["spent"])
        return state["spent"]


def rate(part: float) -> float:
    """Share of the peak rate: warm-up over the first hundredth, then cosine to zero."""
    return min(part / 0.01, 1.0) * 0.5 * (1 + math.cos(math.pi * min(part, 1.0))) + 1e-4
