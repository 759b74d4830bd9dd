"""A small critic that tells real mouths from refined ones, patch by patch.

It sees the picture beside the portrait's photo, so it judges whether both are of one hand: white
photographic teeth in an oil painting give a refined frame away. Its own features serve as a
perceptual measure too.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

ROWS, COLUMNS = slice(12, 60), slice(8, 64)  # of the mouth's samples


class Critic(nn.Module):
    """Scores of patches of 22 samples, 4 apart."""

    def __init__(self):
        super().__init__()
        layers = (nn.Conv2d(7, 32, 4, 2, 1), nn.Conv2d(32, 64, 4, 2, 1), nn.Conv2d(64, 64, 3, 1, 1))
        self.layers = nn.ModuleList(spectral_norm(layer) for layer in layers)
        self.score = spectral_norm(nn.Conv2d(64, 1, 3, 1, 1))

    def forward(self, picture: Tensor, part: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Pictures (B, 3, h, w) beside what the refiner got (B, 10, h, w): scores, features."""
        features = torch.cat([picture, part[:, 3:7]], 1)[..., ROWS, COLUMNS]
        found = []
        for layer in self.layers:
            features = F.leaky_relu(layer(features), 0.2)
            found.append(features)
        return self.score(features), found


def critic_loss(critic: Critic, made: Tensor, batch: dict[str, Tensor], where: Tensor) -> Tensor:
    """Hinge loss of telling ``made`` (B, 3, h, w) from the truth, ``where`` (B, 1, h, w) counts."""
    where = at_patches(where)
    real, _ = critic(batch["truth"], batch["part"])
    false, _ = critic(made, batch["part"])
    return ((F.relu(1 - real) + F.relu(1 + false)) * where).mean()


def judgement(
    critic: Critic, made: Tensor, batch: dict[str, Tensor], where: Tensor
) -> tuple[Tensor, Tensor]:
    """What the critic holds against ``made``, and how far its features are from the truth's."""
    score, features = critic(made, batch["part"])
    with torch.no_grad():
        _, wanted = critic(batch["truth"], batch["part"])
    where = at_patches(where)
    far = [
        ((one - other).abs() * F.adaptive_avg_pool2d(where, one.shape[-2:])).mean()
        for one, other in zip(features, wanted, strict=True)
    ]
    return -(score * where).mean(), torch.stack(far).sum()


def at_patches(where: Tensor) -> Tensor:
    """A map (B, 1, h, w) at the critic's patches."""
    return F.avg_pool2d(where[..., ROWS, COLUMNS], 4)
