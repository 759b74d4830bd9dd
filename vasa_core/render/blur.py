"""The Gaussian blur of pictures."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

SHARP = 0.2  # sigma in pixels below which nothing would change: neighbours weigh less than 4e-6


def gaussian_blur(images: Tensor, sigma: float, radius: int | None = None) -> Tensor:
    """(B, C, H, W) blurred with a Gaussian of ``sigma`` pixels, edges repeated.

    The kernel ends ``radius`` pixels from its middle; None: beyond three sigma.
    """
    if sigma < SHARP:
        return images
    radius = int(3 * sigma + 1) if radius is None else radius
    x = torch.arange(-radius, radius + 1).to(images)
    kernel = torch.exp(-x.square() / (2 * sigma * sigma))
    kernel = kernel / kernel.sum()
    flat = images.flatten(0, 1)[:, None]  # (B * C, 1, H, W)
    flat = F.conv2d(F.pad(flat, (radius, radius, 0, 0), "replicate"), kernel.view(1, 1, 1, -1))
    flat = F.conv2d(F.pad(flat, (0, 0, radius, radius), "replicate"), kernel.view(1, 1, -1, 1))
    return flat[:, 0].unflatten(0, images.shape[:2])
