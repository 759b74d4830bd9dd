"""The loss of both scorers, and the check that a score falls with the shift."""

from __future__ import annotations

import torch
from torch import Tensor

from ...scorers.dual_encoder import DualEncoder, at_lags

MAX_LAG = 12  # frames of shift within a crop that the loss compares
SPREAD = 1.5  # frames over which being a little off is forgiven; it makes the score fall evenly


def contrastive_loss(net: DualEncoder, sound: Tensor, movement: Tensor, weight: Tensor) -> Tensor:
    """Tell each frame's own movement from its neighbours' in time, and from other crops'.

    Args:
        sound: (B, T, E) embedded.
        movement: (B, T, E) embedded.
        weight: (B, T) how much each frame counts.
    Returns:
        () cross entropy (InfoNCE, van den Oord 2018, eq. 4) with targets that fall off over time.
    """
    sharp = net.logit_scale.exp()
    losses = []
    lags = torch.arange(-MAX_LAG, MAX_LAG + 1, device=sound.device).abs()
    target = (-lags / SPREAD).softmax(0)
    inner = slice(MAX_LAG, sound.shape[1] - MAX_LAG)
    for one, other in ((sound, movement), (movement, sound)):
        within = sharp * at_lags(one, other, MAX_LAG)
        across = sharp * torch.einsum("bte,cte->btc", one[:, inner], other[:, inner])
        apart = torch.eye(len(one), dtype=torch.bool, device=sound.device)[:, None]
        across = across.masked_fill(apart, -torch.inf)
        every = torch.cat([within, across], -1).log_softmax(-1)[..., : len(lags)]
        losses.append(-(target * every).sum(-1))
    weight = weight[:, inner]
    return (sum(losses) * weight).sum() / weight.sum().clamp(min=1) / 2
