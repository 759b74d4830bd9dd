"""Makes a sampler's motion as large and as fast as the real one, frequency by frequency.

Samples of a small model have too little slow motion and too much that is quick: its errors are not
as white as its space. So each cosine coefficient of what it samples is scaled by the ratio of the
spreads of real and of sampled windows (moment matching), once, after training.
"""

from __future__ import annotations

import numpy as np
import torch

from ....motion.guidance import guided
from ....motion.model import GUIDANCE
from ....motion.sampling import ddim
from ....motion.transformer import MotionTransformer
from .batches import Batches

SIZE = 50  # windows at a time
MOST = 5.0  # as much as a coefficient is ever scaled, or its inverse


@torch.no_grad()
def calibrate(
    network: MotionTransformer, batches: Batches, steps: int, windows: int, seed: int
) -> None:
    """Set the gain of a network's whitening for sampling in so many steps."""
    network.eval()
    whitening = network.whitening
    real = made = torch.zeros(())
    whitening.gain.fill_(1.0)
    scales = {"audio": GUIDANCE["audio"]}
    rng, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    for _ in range(-(-windows // SIZE)):
        batch = batches.draw(min(SIZE, windows), rng)
        noise = torch.randn(batch.clean.shape, generator=generator)
        sampled = ddim(guided(network, batch.conditions, scales), noise, network.schedule, steps)
        real = real + whitening.coefficients(batch.clean).square().sum(0)
        made = made + whitening.coefficients(sampled).square().sum(0)
    whitening.gain.copy_((real / made.clamp(min=1e-9)).sqrt().clamp(1 / MOST, MOST))
