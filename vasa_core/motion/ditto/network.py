"""Ditto's denoiser: a transformer decoder with feature-wise modulation, conditioned on one face.

Li et al. 2024, "Ditto: Motion-Space Diffusion for Controllable Realtime Talking Head Synthesis",
section 3.2; the decoder is EDGE's (Tseng et al. 2023). Positions enter by rotation, of the whole
width, ahead of the projections to queries and keys. Keys are the published ones without
``rotary.freqs``, which is computed.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..attention import attend

TABLE = "rotary.freqs"  # ends the keys of a table in the published file that is not needed here
TIME_TOKENS = 2


class Rotation(nn.Module):
    """Turns pairs of channels by angles that grow with the position (Su et al. 2021)."""

    cos: Tensor
    sin: Tensor

    def __init__(self, width: int, length: int):
        super().__init__()
        rates = 1.0 / 10000 ** (torch.arange(0, width, 2).float() / width)
        angles = torch.arange(length).float()[:, None] * rates  # (S, C / 2)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, S, C) tokens to the same shape; S up to ``length``."""
        cos, sin = self.cos[: x.shape[1]], self.sin[: x.shape[1]]
        even, odd = x[..., 0::2], x[..., 1::2]
        return torch.stack([even * cos - odd * sin, odd * cos + even * sin], 3).flatten(2)


class EncoderLayer(nn.Module):
    """Pre-norm encoder layer over the condition's tokens."""

    def __init__(self, width: int, heads: int, feedforward: int):
        super().__init__()
        self.self_attn = nn.MultiheadAttention(width, heads)
        self.linear1 = nn.Linear(width, feedforward)
        self.linear2 = nn.Linear(feedforward, width)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x: Tensor, rotation: Rotation) -> Tensor:
        """(B, S, C) tokens to the same shape."""
        normed = self.norm1(x)
        turned = rotation(normed)
        x = x + attend(self.self_attn, turned, turned, normed)
        return x + self.linear2(F.gelu(self.linear1(self.norm2(x))))


class Film(nn.Module):
    """Scales and shifts channels by a vector (Perez et al. 2018)."""

    def __init__(self, width: int):
        super().__init__()
        self.block = nn.Sequential(nn.Mish(), nn.Linear(width, 2 * width))

    def forward(self, x: Tensor, modulation: Tensor) -> Tensor:
        """(B, S, C) tokens and the (B, C) vector to tokens."""
        scale, shift = self.block(modulation)[:, None].chunk(2, 2)
        return (scale + 1) * x + shift


class DecoderLayer(nn.Module):
    """Pre-norm decoder layer; what each part adds is modulated."""

    def __init__(self, width: int, heads: int, feedforward: int):
        super().__init__()
        self.self_attn = nn.MultiheadAttention(width, heads)
        self.multihead_attn = nn.MultiheadAttention(width, heads)
        self.linear1 = nn.Linear(width, feedforward)
        self.linear2 = nn.Linear(feedforward, width)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(width) for _ in range(3))
        self.film1, self.film2, self.film3 = (Film(width) for _ in range(3))

    def forward(self, x: Tensor, memory: Tensor, modulation: Tensor, rotation: Rotation) -> Tensor:
        """(B, W, C) tokens, (B, S, C) memory, (B, C) modulation to (B, W, C) tokens."""
        normed = self.norm1(x)
        turned = rotation(normed)
        x = x + self.film1(attend(self.self_attn, turned, turned, normed), modulation)
        query = rotation(self.norm2(x))
        x = x + self.film2(attend(self.multihead_attn, query, rotation(memory), memory), modulation)
        return x + self.film3(self.linear2(F.gelu(self.linear1(self.norm3(x)))), modulation)


class MotionDecoder(nn.Module):
    """Noisy motion, time and conditions to the clean motion; the released sizes by default."""

    def __init__(
        self,
        motion: int = 265,
        condition: int = 1103,
        width: int = 512,
        heads: int = 8,
        layers: int = 8,
        feedforward: int = 1024,
        window: int = 80,
    ):
        super().__init__()
        self.motion, self.width, self.window = motion, width, window
        self.rotation = Rotation(width, window + TIME_TOKENS)
        self.time_mlp = nn.Sequential(nn.Identity(), nn.Linear(width, 4 * width), nn.Mish())
        self.to_time_cond = nn.Sequential(nn.Linear(4 * width, width))
        self.to_time_tokens = nn.Sequential(nn.Linear(4 * width, TIME_TOKENS * width))
        self.null_cond_embed = nn.Parameter(torch.randn(1, window, width))
        self.null_cond_hidden = nn.Parameter(torch.randn(1, width))
        self.norm_cond = nn.LayerNorm(width)
        self.input_projection = nn.Linear(2 * motion, width)
        self.cond_projection = nn.Linear(condition, width)
        self.cond_encoder = nn.ModuleList(EncoderLayer(width, heads, feedforward) for _ in range(2))
        self.non_attn_cond_projection = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width)
        )
        stack = nn.ModuleList(DecoderLayer(width, heads, feedforward) for _ in range(layers))
        self.seqTransDecoder = nn.ModuleDict({"stack": stack})
        self.final_layer = nn.Linear(width, motion)

    def encode_condition(self, condition: Tensor) -> Tensor:
        """(B, W, condition) rows to their (B, W, C) tokens, which do not depend on the step."""
        tokens = self.cond_projection(condition.to(self.cond_projection.weight.dtype))
        for layer in self.cond_encoder:
            tokens = layer(tokens, self.rotation)
        return tokens

    def forward(
        self,
        motion: Tensor,
        time: Tensor,
        frame: Tensor,
        tokens: Tensor,
        dropped: Tensor | None = None,
    ) -> Tensor:
        """Noisy motion (B, W, D), time (B,) from 0 on, the frame before (B, D), tokens of the
        condition (B, W, C) to the clean motion (B, W, D). ``dropped`` (B,): rows without condition.
        """
        own = self.input_projection.weight.dtype  # may be half, while what is sampled is float32
        x = torch.cat([motion, frame[:, None].expand_as(motion)], 2).to(own)
        x = self.input_projection(x)  # (B, W, C)
        tokens = tokens.to(own)
        hidden = self.non_attn_cond_projection(tokens.mean(1))  # (B, C)
        if dropped is not None:
            tokens = torch.where(dropped[:, None, None], self.null_cond_embed, tokens)
            hidden = torch.where(dropped[:, None], self.null_cond_hidden, hidden)
        timed = self.time_mlp(sinusoid(time, self.width).to(own))  # (B, 4 C)
        modulation = self.to_time_cond(timed) + hidden
        time_tokens = self.to_time_tokens(timed).unflatten(1, (TIME_TOKENS, -1))
        memory = self.norm_cond(torch.cat([tokens, time_tokens], 1))  # (B, W + 2, C)
        stack = self.seqTransDecoder["stack"]
        assert isinstance(stack, nn.ModuleList)
        for layer in stack:
            x = layer(x, memory, modulation, self.rotation)
        return self.final_layer(x).to(motion.dtype)


def sinusoid(time: Tensor, width: int) -> Tensor:
    """(B,) time steps to (B, width) sines and cosines, from one turn to a ten-thousandth of it.

    In float32: the rates, and times up to 999, would not survive half precision.
    """
    half = width // 2
    rates = torch.exp(torch.arange(half, device=time.device) * -(math.log(10000) / (half - 1)))
    angles = time[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], 1)
