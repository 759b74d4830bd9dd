"""``nn.MultiheadAttention`` for tokens that come batch first."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


def attend(attention: nn.MultiheadAttention, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """(B, Q, C) queries, (B, S, C) keys and values, to (B, Q, C).

    ``attention`` is a sequence-first one, which gets tokens laid out as it needs them: with
    ``batch_first`` it projects transposed views, and Ditto's whole network takes twice the time on
    a CPU.
    """
    query, key, value = (x.transpose(0, 1).contiguous() for x in (query, key, value))
    return attention(query, key, value, need_weights=False)[0].transpose(0, 1)


def attend_to_one(attention: nn.MultiheadAttention, value: Tensor) -> Tensor:
    """(B, S, C) to the same shape: what a query gets that may attend to one value only.

    The attention weight is then 1 whatever the query and the key are, so neither is computed: that
    would take JoyVASA's network a fifth more time.
    """
    weight, bias = attention.in_proj_weight.chunk(3)[2], attention.in_proj_bias.chunk(3)[2]
    return attention.out_proj(F.linear(value, weight, bias))
