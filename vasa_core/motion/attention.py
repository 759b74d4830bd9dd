"""Multi-head attention under the key names of published checkpoints."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn


class Attention(nn.Module):
    """Scaled dot-product attention; its state dict is that of ``nn.MultiheadAttention``."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.xavier_uniform_(self.in_proj_weight)

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """(B, Q, C) queries, (B, S, C) keys and values, to (B, Q, C)."""
        weights, biases = self.in_proj_weight.chunk(3), self.in_proj_bias.chunk(3)
        q, k, v = (
            rearrange(F.linear(x, weight, bias), "b s (h c) -> b h s c", h=self.heads)
            for x, weight, bias in zip((query, key, value), weights, biases, strict=True)
        )
        mixed = F.scaled_dot_product_attention(q, k, v)
        return self.out_proj(rearrange(mixed, "b h s c -> b s (h c)"))

    def of_one(self, value: Tensor) -> Tensor:
        """(B, S, C) to the same shape: what a query gets that may attend to one value only.

        Its share of attention is then 1 whatever the query and the key are.
        """
        weight, bias = self.in_proj_weight.chunk(3)[2], self.in_proj_bias.chunk(3)[2]
        return self.out_proj(F.linear(value, weight, bias))
