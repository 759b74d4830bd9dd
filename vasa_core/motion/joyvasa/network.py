"""JoyVASA's denoiser: a transformer decoder over past and noisy motion, with sound as its memory.

Cao et al. 2024, "JoyVASA: Portrait and Animal Image Animation with Diffusion-Based Audio-Driven
Facial Dynamics and Head Motion Generation", section 3.2. Frames attend to each other, and of the
sound each to its own row only. Keys are the published ones under ``denoising_net.``, without the
tables, which are computed.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..attention import attend, attend_to_one

TABLES = ("TE.pe", "PE.pe", "alignment_mask")  # of the published file, not needed here

Positions = Literal["legacy", "head"]
"""What is added to tell frames apart.

"legacy": one row of the sinusoid table, the same for all frames, so that nothing tells them apart:
JoyVASA's code did so until December 2025, and the released weights were trained with it. "head":
row t for token t, as its code does since.
"""


class Layer(nn.Module):
    """Post-norm decoder layer whose cross-attention sees the memory's row at its own time."""

    def __init__(self, width: int, heads: int, feedforward: int):
        super().__init__()
        self.self_attn = nn.MultiheadAttention(width, heads)
        self.multihead_attn = nn.MultiheadAttention(width, heads)
        self.linear1 = nn.Linear(width, feedforward)
        self.linear2 = nn.Linear(feedforward, width)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(width) for _ in range(3))

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:
        """(B, S, C) tokens and their (B, S, C) memory to tokens."""
        x = self.norm1(x + attend(self.self_attn, x, x, x))
        x = self.norm2(x + attend_to_one(self.multihead_attn, memory))
        return self.norm3(x + self.linear2(F.gelu(self.linear1(x))))


class Denoiser(nn.Module):
    """Noisy motion, its past and the sound to the clean motion; the released sizes by default."""

    position: Tensor
    step: Tensor

    def __init__(
        self,
        motion: int = 73,
        width: int = 256,
        heads: int = 8,
        layers: int = 8,
        window: int = 100,
        past: int = 10,
        steps: int = 50,
        positions: Positions = "legacy",
    ):
        super().__init__()
        self.motion, self.width, self.window, self.past = motion, width, window, past
        self.diff_step_map = nn.Sequential(
            nn.Linear(width, width), nn.GELU(), nn.Linear(width, width)
        )
        self.feature_proj = nn.Linear(motion, width)
        blocks = nn.ModuleList(Layer(width, heads, 4 * width) for _ in range(layers))
        self.transformer = nn.ModuleDict({"layers": blocks})
        self.motion_dec = nn.Sequential(
            nn.Linear(width, width // 2), nn.GELU(), nn.Linear(width // 2, motion)
        )
        tokens = past + window
        places = [tokens] if positions == "legacy" else range(tokens)
        self.register_buffer("position", sinusoid(places, width), persistent=False)
        self.register_buffer("step", sinusoid(range(steps + 1), width), persistent=False)

    def forward(
        self, motion: Tensor, audio: Tensor, past_motion: Tensor, past_audio: Tensor, time: Tensor
    ) -> Tensor:
        """Noisy motion (B, W, D), audio (B, W, C), both before it (B, K, ...), time (B,) from 1 on,
        to the clean motion of past and window, (B, K + W, D)."""
        own = self.feature_proj.weight.dtype  # may be half, while what is sampled is float32
        x = self.feature_proj(torch.cat([past_motion, motion], 1).to(own))  # (B, K + W, C)
        x = x + self.position + self.diff_step_map(self.step[time])[:, None]
        memory = torch.cat([past_audio, audio], 1).to(own)  # (B, K + W, C)
        layers = self.transformer["layers"]
        assert isinstance(layers, nn.ModuleList)
        for layer in layers:
            x = layer(x, memory)
        return self.motion_dec(x).to(motion.dtype)  # (B, K + W, D)


def sinusoid(places, width: int) -> Tensor:
    """(n, width) rows of the sinusoid table (Vaswani 2017): sine on even, cosine on odd channels.

    In float32 throughout, as the released model's tables were made.
    """
    rates = torch.exp(torch.arange(0, width, 2).float() * (-math.log(10000.0) / width))
    angles = torch.tensor(list(places), dtype=torch.float32)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], 2).flatten(1)
