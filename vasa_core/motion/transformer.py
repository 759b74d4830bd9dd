"""The denoiser: a transformer encoder over one sequence of condition and motion tokens.

VASA-1, section 3.2: "a transformer encoder ... all conditions are concatenated with the noise along
the temporal dimension". The sequence is

    [time step | one token per signal (gaze, distance, ...) | K past frames | W frames to denoise]

where a past frame carries its motion and its sound, a frame to denoise its noisy motion and its
sound. The model predicts the clean motion, whitened over time (see ``spectrum``), as a correction
to what a Gaussian of a predicted standard deviation would expect. Every condition can be dropped,
row by row: a learned null vector then stands in its place. It knows nothing of face spaces: D, F
and the signals are configuration.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from .guidance import Conditions
from .schedule import NoiseSchedule
from .spectrum import Whitening


@dataclass(frozen=True, slots=True)
class MotionTransformerConfig:
    """Sizes. ``motion`` is the width of a motion vector, ``audio`` of a row of audio features,
    ``signals`` maps each clip-level condition to its width."""

    motion: int
    audio: int
    signals: Mapping[str, int] = field(default_factory=lambda: {"gaze": 2, "distance": 1})
    window: int = 50
    past: int = 10
    layers: int = 8
    width: int = 512
    heads: int = 8
    feedforward: int = 4  # times the width
    dropout: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Plain values, from which ``MotionTransformerConfig(**...)`` makes the same again."""
        return asdict(self) | {"signals": dict(self.signals)}

    @staticmethod
    def paper(motion: int, audio: int, signals: Mapping[str, int]) -> MotionTransformerConfig:
        """VASA-1's size: 8 layers, 512 wide, 8 heads. Its W and K are not published."""
        return MotionTransformerConfig(motion, audio, signals)

    @staticmethod
    def embedded(motion: int, audio: int, signals: Mapping[str, int]) -> MotionTransformerConfig:
        """What a quarter of an hour of motion deserves: 0.9 M parameters."""
        return MotionTransformerConfig(
            motion, audio, signals, layers=4, width=128, heads=4, dropout=0.1
        )


class Block(nn.Module):
    """Pre-norm transformer encoder layer."""

    def __init__(self, config: MotionTransformerConfig, operations: Any):
        super().__init__()
        width, hidden = config.width, config.feedforward * config.width
        self.heads, self.dropout = config.heads, config.dropout
        self.norm_attention = operations.LayerNorm(width)
        self.qkv = operations.Linear(width, 3 * width)
        self.out = operations.Linear(width, width)
        self.norm_feedforward = operations.LayerNorm(width)
        self.expand = operations.Linear(width, hidden)
        self.contract = operations.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, S, C) tokens to the same shape."""
        q, k, v = rearrange(
            self.qkv(self.norm_attention(x)), "b s (n h c) -> n b h s c", n=3, h=self.heads
        )
        mixed = rearrange(F.scaled_dot_product_attention(q, k, v), "b h s c -> b s (h c)")
        x = x + F.dropout(self.out(mixed), self.dropout, self.training)
        hidden = F.gelu(self.expand(self.norm_feedforward(x)))
        return x + F.dropout(self.contract(hidden), self.dropout, self.training)


class MotionTransformer(nn.Module):
    """H(X_t, t, C): noisy motion (B, W, D) and its conditions to the clean motion, both white.

    ``operations`` gives the classes ``Linear`` and ``LayerNorm`` (a host may cast weights in them).
    """

    def __init__(
        self,
        config: MotionTransformerConfig,
        schedule: NoiseSchedule | None = None,
        operations: Any = nn,
    ):
        super().__init__()
        self.config = config
        self.schedule = schedule or NoiseSchedule.cosine()
        width = config.width
        self.whitening = Whitening(config.window, config.motion)
        self.time = nn.Sequential(
            operations.Linear(width, width), nn.SiLU(), operations.Linear(width, width)
        )
        self.signals = nn.ModuleDict(
            {name: operations.Linear(size, width) for name, size in config.signals.items()}
        )
        self.frame = operations.Linear(2 * config.motion, width)
        self.audio = operations.Linear(config.audio, width)
        self.past = operations.Linear(config.motion + config.audio, width)
        self.null = nn.ParameterDict(
            {name: nn.Parameter(torch.zeros(width)) for name in ("audio", "past", *config.signals)}
        )
        tokens = 1 + len(config.signals) + config.past + config.window
        self.position = nn.Parameter(0.02 * torch.randn(tokens, width))
        self.blocks = nn.ModuleList(Block(config, operations) for _ in range(config.layers))
        self.norm = operations.LayerNorm(width)
        self.head = operations.Linear(width, 2 * config.motion)
        nn.init.zeros_(self.head.weight)

    def forward(
        self,
        noisy: Tensor,
        time: Tensor,
        conditions: Conditions,
        dropped: Mapping[str, Tensor] | None = None,
    ) -> Tensor:
        """Shapes: noisy (B, W, D), time (B,); conditions by name: "audio" (B, W, F), "past"
        (B, K, D + F), signals (B, n). ``dropped`` tells, per condition, the (B,) rows without."""
        given = {name: self.keep_mask(name, noisy, conditions, dropped) for name in self.null}
        shown = self.whitening.decode(noisy)  # as motion, not white
        x = self.frame(torch.cat([noisy, shown], 2))  # (B, W, C)
        x = x + self.embedded("audio", self.audio, conditions, given, (len(x), 1))
        past = self.embedded("past", self.past, conditions, given, (len(x), self.config.past))
        tokens = [self.time(sinusoid(time, self.config.width).to(x))[:, None]]  # (B, 1, C)
        tokens += [
            self.embedded(name, layer, conditions, given, (len(x),))[:, None]
            for name, layer in self.signals.items()
        ]
        x = torch.cat([*tokens, past, x], 1)  # (B, 1 + signals + K + W, C)
        x = x + self.position
        for block in self.blocks:
            x = block(x)
        correction, log_std = self.head(self.norm(x[:, -self.config.window :])).chunk(2, 2)
        return self.expected(noisy, time, log_std) + correction  # (B, W, D)

    def expected(self, noisy: Tensor, time: Tensor, log_std: Tensor) -> Tensor:
        """(B, W, D) mean of clean motion given the noisy one, were it Gaussian of mean zero and of
        log standard deviation ``log_std``: heads move in bursts, and less when nobody speaks."""
        alpha_bar_t = self.schedule.alphas_cumprod.to(noisy)[time].view(-1, 1, 1)
        variance = (2 * log_std.clamp(-4, 2)).exp()
        return alpha_bar_t.sqrt() * variance / (alpha_bar_t * variance + 1 - alpha_bar_t) * noisy

    @staticmethod
    def keep_mask(name: str, noisy: Tensor, conditions: Conditions, dropped) -> Tensor:
        """(B,) 1 where the condition is given and not dropped, else 0."""
        if name not in conditions:
            return noisy.new_zeros(len(noisy))
        if not dropped or name not in dropped:
            return noisy.new_ones(len(noisy))
        return (~dropped[name]).to(noisy)

    def embedded(self, name: str, layer, conditions: Conditions, given, shape) -> Tensor:
        """The condition's tokens, with the null vector in the rows that lack it."""
        null = self.null[name]
        if name not in conditions:
            return null.expand(*shape, -1)
        token = layer(conditions[name])  # (B, ..., C)
        keep = given[name].view(-1, *[1] * (token.ndim - 1))
        return keep * token + (1 - keep) * null


def sinusoid(time: Tensor, width: int) -> Tensor:
    """(B,) time steps to (B, width) sines and cosines (Vaswani 2017)."""
    rates = torch.exp(
        -math.log(10000.0) * torch.arange(width // 2, device=time.device) / (width // 2)
    )
    angles = time[:, None].float() * rates
    return torch.cat([angles.sin(), angles.cos()], 1)
