"""A frame from several photos: parts of each, in shares, over the portrait's bare head."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from .openings import draw_eyes, draw_mouth
from .patch import Layer
from .pose import HeadMotion
from .views import FaceView, draw_skin

Draw = Callable[[Tensor, HeadMotion, Tensor], Layer]
"""Draws a part of a photo from its drivers (n, C), the motion of its head and codes (n, D)."""


def blend(
    frames: Tensor,
    portrait,
    shares: Tensor,
    drivers: list[Tensor],
    motion: HeadMotion,
    dynamics: Tensor,
) -> None:
    """Lay the photos' shares of every part over (B, 3, h, w) frames of the bare head, in place.

    Args:
        portrait: a MeshAppearance with views.
        shares: (3, B, K) of skin, eyes and mouth; of the portrait, then of its views.
        drivers: (B, C) of each of these photos.
        motion: of the portrait's head.
        dynamics: (B, D) codes.
    """
    canvas = Canvas(frames)
    views = portrait.views.photos
    motions = [motion, *(view.moved(motion) for view in views)]
    used = (shares > 0).tolist()
    for part, draws in enumerate(_parts(portrait, views)):
        for photo, draw in enumerate(draws):
            rows = [row for row, shown in enumerate(used[part]) if shown[photo]]
            if draw is None or not rows:
                continue
            rows = torch.tensor(rows, device=frames.device)
            head = HeadMotion(motions[photo].matrix[rows], motions[photo].shift[rows])
            layer = draw(drivers[photo][rows], head, dynamics[rows])
            canvas.add(rows, layer, shares[part, rows, photo])
    canvas.put(frames)


def _parts(portrait, views: tuple[FaceView, ...]) -> list[list[Draw | None]]:
    """Per part and photo, how it is drawn; the portrait's own skin is there already."""
    photos = (portrait, *views)
    skin = [partial(_skin, view) for view in views]
    eyes = [partial(_opening, draw_eyes, photo, portrait.origin) for photo in photos]
    mouth = [partial(_opening, draw_mouth, photo, portrait.origin) for photo in photos]
    return [[None, *skin], eyes, mouth]


def _skin(view: FaceView, drivers: Tensor, motion: HeadMotion, _: Tensor) -> Layer:
    return draw_skin(view.skin, drivers, motion)


def _opening(draw, photo, origin, drivers: Tensor, motion: HeadMotion, dynamics: Tensor) -> Layer:
    return draw(photo, drivers, motion, origin, dynamics)


class Canvas:
    """(B, 3, h, w) frames to which shares of layers are added, in any order."""

    def __init__(self, frames: Tensor):
        self.height, self.width = frames.shape[-2:]
        # channels first: a place is then one index for all three
        self.under = frames.transpose(0, 1).flatten(1)  # shares replace what was there at first
        self.colours = self.under.clone()

    def add(self, rows: Tensor, layer: Layer, share: Tensor) -> None:
        """In frames ``rows`` (n,), let a layer take a ``share`` (n,) of what it covers."""
        x, y = layer.pixels.long().unbind(2)
        inside = (x >= 0) & (x < self.width) & (y >= 0) & (y < self.height)
        x, y = x.clamp(0, self.width - 1), y.clamp(0, self.height - 1)
        index = ((rows[:, None, None, None] * self.height + y) * self.width + x).flatten()
        weight = (layer.weight * inside * share[:, None, None, None]).flatten()
        change = layer.colours.movedim(2, 0).flatten(1) - self.under[:, index]
        self.colours.index_add_(1, index, change * weight)

    def put(self, frames: Tensor) -> None:
        """Write the result into the frames."""
        frames.copy_(self.colours.view(3, -1, self.height, self.width).transpose(0, 1))
