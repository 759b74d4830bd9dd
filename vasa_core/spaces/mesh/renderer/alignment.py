"""Finds what the mesh does not tell about where things lie: brows, folds, the edge of the nose.

Two photos are blended in a frame only if their features fall together, or these show twice. The
mesh brings them near. The rest is looked for in the pictures: a smooth flow from the portrait to
each further photo as it looks once it is warped to the portrait (Lucas and Kanade 1981, coarse to
fine). Photos that share a part then meet at the mean of where they have it, by their shares.
"""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from .lattice import Lattice
from .pose import HeadMotion
from .surface import gaussian_blur
from .texture import Texture, fill, luminance

DENSITY = 40  # pixels per eye distance at which the flow is looked for
WINDOWS = (0.20, 0.12, 0.08)  # over which things move alike, coarse to fine, in eye distances
TURNS = 5  # per window
CONTRAST = 0.12  # radius of the surroundings that a place is compared with, in eye distances
NOISE = 0.03  # contrast below which there is nothing to see
RIDGE = 0.05  # squared slope below which nothing moves
MOST = 0.10  # length of the flow, in eye distances


def find_flow(picture: Tensor, other: Tensor, mask: Tensor, unit: float) -> Tensor:
    """Where things that a picture shows lie in another.

    Args:
        picture, other: (1, 3, h, w), 0..1.
        mask: (1, 1, h, w), 1 where both show skin.
        unit: eye distance in pixels.
    Returns:
        (1, 2, h, w) from each place of the picture to its place in the other, pixels; smooth, and
        zero where there is nothing to go by.
    """
    height, width = picture.shape[-2:]
    density = min(1.0, DENSITY / unit)
    size = [max(8, round(side * density)) for side in (height, width)]
    small = [
        F.interpolate(p, size, mode="bilinear", antialias=True) for p in (picture, other, mask)
    ]
    unit = unit * density
    one, two = (_contrast(p, small[2], unit) for p in small[:2])
    flow = one.new_zeros(1, 2, *size)
    for window in WINDOWS:
        soft = [gaussian_blur(p, window * unit / 4) for p in (one, two)]
        for _ in range(TURNS):
            flow = flow + _step(*soft, flow, small[2], window * unit)
            length = flow.norm(dim=1, keepdim=True).clamp(min=1e-6)
            flow = flow * (MOST * unit * torch.tanh(length / (MOST * unit)) / length)
    flow = fill(flow, small[2].clamp(0, 1)) / density
    return F.interpolate(flow, (height, width), mode="bilinear")


def _contrast(picture: Tensor, mask: Tensor, unit: float) -> Tensor:
    """(1, 1, h, w): how much lighter a place is than what is around it, whatever the light."""
    light = luminance(picture)
    near = gaussian_blur(mask, CONTRAST * unit).clamp(min=1e-3)
    detail = light - gaussian_blur(light * mask, CONTRAST * unit) / near
    spread = (gaussian_blur(detail.square() * mask, CONTRAST * unit) / near).sqrt()
    return detail / (spread + NOISE) * mask


def _step(one: Tensor, two: Tensor, flow: Tensor, mask: Tensor, window: float) -> Tensor:
    """What is to be added to the flow."""
    height, width = one.shape[-2:]
    x, y = torch.arange(width).to(flow), torch.arange(height).to(flow)
    places = torch.stack(torch.meshgrid(x, y, indexing="xy")) + flow
    corner = flow.new_zeros(1, 2)
    seen = Texture(two, corner, flow.new_tensor([[width - 1.0, height - 1.0]])).sample(places[:, None])[:, 0]
    down, across = torch.gradient(seen[0, 0])
    missing = (one - seen)[0, 0]
    sums = torch.stack(
        [across * across, across * down, down * down, across * missing, down * missing]
    )
    xx, xy, yy, xe, ye = gaussian_blur(sums[:, None] * mask, window / 2)[:, 0]
    xx, yy = xx + RIDGE, yy + RIDGE
    scale = xx * yy - xy * xy
    step = torch.stack([yy * xe - xy * ye, xx * ye - xy * xe]) / scale
    return step.clamp(-1, 1)[None]


def aligned(
    lattice: Lattice, flows: Tensor, origin: Tensor, drivers: Tensor, motion: HeadMotion
) -> Lattice:
    """A photo's lattice with one more driver per flow: 1 moves it to where that photo has things.

    Args:
        flows: (N, 2, h, w) from the portrait, over its working picture.
        origin: (3,) of the canonical mesh.
        drivers, motion: (1, C) and of one frame, that bring the photo to the portrait.
    """
    here = lattice.rest[:, :, :2] + origin[:2, None, None]
    places = here + lattice.displacement(drivers, motion)[0]  # (P, S, 2, h, w)
    corner = flows.new_full((1, 2), 0.5)
    end = flows.new_tensor([[flows.shape[-1] - 0.5, flows.shape[-2] - 0.5]])
    texture = Texture(flows.flatten(0, 1)[None], corner, end)
    found = texture.sample(places.flatten(0, 1)[:, None])[:, 0]  # (P * S, N * 2, h, w)
    rows = F.pad(found.unflatten(1, (-1, 2)).transpose(0, 1), (0, 0, 0, 0, 0, 1))
    return replace(lattice, maps=torch.cat([lattice.maps, rows.flatten(1)]))
