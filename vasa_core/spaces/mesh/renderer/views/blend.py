"""A frame from several photos: parts of each, by their weights, over the portrait's bare head."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from ..geometry.pose import HeadMotion
from ..layers.patch import Layer
from ..refiner import Refiner
from .draw import draw_eyes, draw_mouth
from .photo import draw_skin

Draw = Callable[[Tensor, HeadMotion, Tensor], Layer]
"""Draws a part of a photo from blendshape weights (n, C), the head's motion and codes (n, D)."""


def blend(
    frames: Tensor,
    portrait,
    view_weights: Tensor,
    weights: list[Tensor],
    motion: HeadMotion,
    dynamics: Tensor,
    refiner: Refiner | None = None,
) -> None:
    """Blend every part of the photos into (B, 3, h, w) frames of the bare head, in place.

    Args:
        portrait: a ``MeshAppearance`` with views.
        view_weights: (3, B, K) of skin, eyes and mouth; of the portrait, then of its views.
        weights: (B, C) blendshape weights of each of these photos.
        motion: of the portrait's head.
        dynamics: (B, D) codes.
        refiner: finishes mouths; None: they stay as they are drawn.
    """
    under = frames.clone()
    views = portrait.views.photos
    motions = [motion, *(view.moved(motion) for view in views)]
    used = (view_weights > 0).tolist()
    for part, draws in enumerate(_parts(portrait, refiner)):
        for photo, draw in draws.items():
            rows = [row for row, shown in enumerate(used[part]) if shown[photo]]
            if rows:
                at = torch.tensor(rows, device=frames.device)
                head = HeadMotion(motions[photo].matrix[at], motions[photo].shift[at])
                layer = draw(weights[photo][at], head, dynamics[at])
                add_layer(frames, under, rows, layer, view_weights[part, at, photo])


def _parts(portrait, refiner: Refiner | None) -> tuple[dict[int, Draw], ...]:
    """How skin, eyes and mouth of each photo are drawn; the portrait's own skin is there already.

    Photos are numbered from the portrait, 0.
    """
    photos = dict(enumerate((portrait, *portrait.views.photos)))
    skin = {n: partial(draw_skin, photo) for n, photo in photos.items() if n > 0}
    eyes = {n: partial(draw_eyes, photo, portrait.origin) for n, photo in photos.items()}
    mouth = {
        n: partial(draw_mouth, photo, portrait.origin, refiner=refiner)
        for n, photo in photos.items()
    }
    return skin, eyes, mouth


def add_layer(frames: Tensor, under: Tensor, rows: list[int], layer: Layer, weight: Tensor) -> None:
    """In ``rows`` (n) of the frames, let a layer of n frames take its ``weight`` (n,), in place.

    Layers replace what was ``under`` all layers, so these can be added in any order.
    """
    alpha = layer.weight * weight[:, None, None, None]
    corners = layer.pixels[..., 0, 0].long().tolist()  # windows lie on whole pixels
    sizes = list(zip(layer.weight.shape[-2:], frames.shape[-2:], strict=True))
    for n, row in enumerate(rows):
        for box, corner in enumerate(corners[n]):
            y, x = (_common(c, *s) for c, s in zip(reversed(corner), sizes, strict=True))
            there, here = (slice(None), y[0], x[0]), (slice(None), y[1], x[1])
            change = layer.colours[n, box][here] - under[row][there]
            frames[row][there].addcmul_(change, alpha[n, box][here[1:]])
            if layer.added is not None:
                frames[row][there].add_(layer.added[n, box][here] * weight[n])


def _common(start: int, length: int, limit: int) -> tuple[slice, slice]:
    """What a span has in common with 0..limit: as part of that, and as part of the span."""
    low = max(start, 0)
    high = max(low, min(start + length, limit))
    return slice(low, high), slice(low - start, high - start)
