"""Small pictures around an opening, where both sides of the cut and what lies between are drawn.

A patch follows the head in whole pixels, and blends to nothing at its own border and wherever the
two sides agree, so neither its steps nor its outline can be seen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ....curves import smoothstep
from ..geometry.lattice import cell_centres
from ..geometry.openings import Openings, softness
from ..geometry.portrait_geometry import PortraitGeometry
from ..geometry.pose import HeadMotion
from ..geometry.texture import Texture, sharp_texture
from ..geometry.window import Window, make_window

# All of these were chosen by hand.
CELL = 0.022  # of a patch's lattice, in eye distances
MARGIN = 0.16  # of source around what a patch shows at rest, in eye distances
MARGIN_OPEN = 0.6  # and this much more of how far the photo's opening is open
SEEN = 0.04  # lift relative to its height from which on a patch is fully shown


@dataclass(frozen=True, slots=True)
class Patch:
    """P patches of one size over openings of one kind.

    window             where they are, with sides upper and lower
    upper              texture: colour (3), cover of the upper side, weight of the patch, and how
                       far below the upper contour, pixels
    lower              texture: colour (3), cover of the lower side, how far above its contour
    """

    window: Window
    upper: Texture
    lower: Texture


@dataclass(frozen=True, slots=True)
class Layer:
    """A part of a face as B frames show it, in P boxes.

    pixels  (B, P, 2, h, w)  where each pixel lies in the working picture
    colours (B, P, 3, h, w)
    weight  (B, P, h, w)     how much of each pixel it covers
    added   (B, P, 3, h, w)  what the refiner adds to the frame; None without it
    """

    pixels: Tensor
    colours: Tensor
    weight: Tensor
    added: Tensor | None = None


@dataclass(frozen=True, slots=True)
class OpenedPatch:
    """A patch moved to B frames, all (B, P, ..., h, w): colours of both sides and their covers."""

    pixels: Tensor  # (B, P, 2, h, w) where each pixel lies in the working picture
    upper: Tensor
    lower: Tensor
    parting: Tensor  # (B, P, h, w) how far the two sides have moved apart, pixels

    @property
    def below_upper(self) -> Tensor:
        """(B, P, h, w): distance below the upper contour, source pixels."""
        return self.upper[:, :, 5]

    @property
    def above_lower(self) -> Tensor:
        """(B, P, h, w): distance above the lower contour, source pixels."""
        return self.lower[:, :, 4]

    def closed_by(self, inside: Tensor, border: Tensor) -> Layer:
        """Lower side over what is ``inside`` (B, P, 3, h, w), upper side over both."""
        below = torch.lerp(inside, self.lower[:, :, :3], self.lower[:, :, 3:4])
        colours = torch.lerp(below, self.upper[:, :, :3], self.upper[:, :, 3:4])
        return Layer(self.pixels, colours, self.upper[:, :, 4] * border)


def follow(patch: Patch, weights: Tensor, motion: HeadMotion) -> OpenedPatch:
    """The two sides of a patch's openings in B frames."""
    pixels, offsets = patch.window.follow(weights, motion)
    upper = patch.upper.sample(pixels + offsets[:, :, 0])
    lower = patch.lower.sample(pixels + offsets[:, :, 1])
    apart = offsets[:, :, 0] - offsets[:, :, 1]
    return OpenedPatch(pixels, upper, lower, torch.hypot(apart[:, :, 0], apart[:, :, 1]))


def paste(frame: Tensor, layer: Layer) -> None:
    """Blend a layer into the (B, 3, H, W) frame, in place."""
    height, width = frame.shape[-2:]
    x, y = layer.pixels.long().unbind(2)
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    index = (y.clamp(0, height - 1) * width + x.clamp(0, width - 1)).flatten(1)[:, None]
    index = index.expand(-1, 3, -1)  # (B, 3, P * h * w) places in the flat frame
    weight = (layer.weight * inside)[:, :, None]  # (B, P, 1, h, w)
    canvas = frame.flatten(2)
    there = canvas.gather(2, index)
    there = there.unflatten(2, layer.weight.shape[1:]).transpose(1, 2)  # (B, P, 3, h, w)
    change = weight * (layer.colours - there)
    if layer.added is not None:
        change = change + layer.added * inside[:, :, None]
    canvas.scatter_add_(2, index, change.transpose(1, 2).flatten(2))


def make_patch(
    geometry: PortraitGeometry,
    openings: Openings,
    beside: float,
    above: float,
    below: float,
    open_by: float = 0.0,
) -> Patch:
    """Patches that reach ``beside`` the corners, ``above`` and ``below`` their line, in u.

    Openings that are ``open_by`` (u) in the photo need more room around.
    """
    unit = geometry.unit
    above, below = above + 0.5 * open_by, below + 0.5 * open_by
    middle = openings.origin + openings.axes[:, 1] * ((below - above) / 2 * unit)
    half_height = torch.full_like(openings.half, (above + below) / 2 * unit)
    half = torch.stack([openings.half + beside * unit, half_height], 1)  # (P, 2), along the axes
    half = (half[:, :, None] * openings.axes.abs()).sum(1).amax(0).ceil()  # (2,), upright
    margin = round((MARGIN + MARGIN_OPEN * open_by) * unit)
    window = make_window(geometry, middle, half, margin, CELL, (1, -1))
    upper, lower = _textures(geometry, openings, window.lattice.low, window.lattice.size[0])
    return Patch(window, upper, lower)


def crop(geometry: PortraitGeometry, low: Tensor, size: Tensor) -> Tensor:
    """(P, 3, h, w) crops of the working picture; its edges are repeated beyond it."""
    width, height = size.int().tolist()
    grid = torch.stack([cell_centres(corner, size, height, width) for corner in low])
    shape = geometry.picture.shape[-2:]
    x, y = grid.long().unbind(1)
    return geometry.picture[0][:, y.clamp(0, shape[0] - 1), x.clamp(0, shape[1] - 1)].transpose(
        0, 1
    )


def texture_points(texture: Texture) -> Tensor:
    """(P, h, w, 2): where the samples of a texture lie, pixels."""
    height, width = texture.planes.shape[-2:]
    x = torch.linspace(0, 1, width).to(texture.low)
    y = torch.linspace(0, 1, height).to(texture.low)
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)
    return torch.lerp(texture.low[:, None, None], texture.high[:, None, None], grid)


def _textures(
    geometry: PortraitGeometry, openings: Openings, low: Tensor, size: Tensor
) -> tuple[Texture, Texture]:
    colours = sharp_texture(crop(geometry, low, size), low, geometry.factor)
    points = texture_points(colours)
    cover_upper, cover_lower = openings.covers(points, softness(geometry.unit))
    lift = openings.lifted(points)[0] / openings.lift[:, None, None]
    seen = smoothstep(lift, 0.0, SEEN)
    x, v = openings.local(points).unbind(-1)
    below, above = v - openings.at(openings.upper, x), openings.at(openings.lower, x) - v
    upper = torch.cat([colours.planes, torch.stack([cover_upper, seen, below], 1)], 1)
    lower = torch.cat([colours.planes, torch.stack([cover_lower, above], 1)], 1)
    return replace(colours, planes=upper), replace(colours, planes=lower)
