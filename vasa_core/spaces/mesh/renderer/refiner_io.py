"""Where the refiner looks in a frame, and how what it changes is laid on.

It looks at a box that is fixed to the head's plane, so it sees the same whatever the head does. Its
change is enlarged to the frame's pixels and added, so what was drawn stays as sharp as it is. The
change is scaled by how far the face has moved away from the photo: at rest there is none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from ...curves import smoothstep
from .geometry.lattice import cell_centres
from .geometry.openings import Openings
from .geometry.portrait_geometry import PortraitGeometry
from .geometry.pose import HeadMotion
from .geometry.texture import luminance
from .layers.palette import CHEEKS, LIP_FLESH, colour_at
from .layers.patch import Layer, OpenedPatch, Patch
from .refiner import MOUTH, Refiner

SAMPLES = 72  # per eye distance
ABOVE = 0.40  # of the opening's line that it sees, in eye distances
UNSEEN = (0.10, 0.16)  # drop of the jaw, eye distances: few pictures to learn from, then none
# of the change that the net would make: it is trained on errors, so of teeth that it cannot know it
# paints a dull mean; in part, all kinds of pictures gain and teeth stay teeth
SHOWN = 0.6
RESTING = 0.004  # mean displacement at which half of the change is shown, in eye distances
DEPTHS = 0.08  # scale of the distances to the contours, in eye distances


@dataclass(frozen=True, slots=True)
class RefinerFrame:
    """How the refiner sees P parts of a photo (the mouth: P = 1), and what its outputs mean.

    places (P, 2, h, w)   of the samples in the photo, working pixels
    inverse (P, 2, 2), corner (P, 2)   photo's pixels to places in the box, -1..1
    depth  (P,)           of the parts' plane
    photo  (P, 4, h, w)   colours of the photo, relative to the skin, and what is open in it
    skin (3,), scale ()   what colours are relative to
    palette (3, 3)        rows: colours that the net's outputs add
    motion (C, C)         blendshape weights to the square of the mean displacement, eye distances
    unit ()               eye distance, pixels
    shrink                of the frames, so that the eyes are about ``SAMPLES`` pixels apart
    """

    places: Tensor
    inverse: Tensor
    corner: Tensor
    depth: Tensor
    photo: Tensor
    skin: Tensor
    scale: Tensor
    palette: Tensor
    motion: Tensor
    unit: Tensor
    shrink: int

    def add(
        self,
        net: Refiner,
        patch: Patch,
        opened: OpenedPatch,
        layer: Layer,
        strength: Tensor,
        motion: HeadMotion,
        origin: Tensor,
    ) -> Layer:
        """A layer of B frames with the ``strength`` (B,) of what is to be added to it."""
        part = self.seen(opened, layer.colours, motion, origin)
        batch, patches = part.shape[:2]
        part = part.flatten(0, 1).to(net.stem.weight)
        change = net(part.contiguous(memory_format=torch.channels_last)).to(layer.colours)
        change = self.coloured(change).unflatten(0, (batch, patches))
        change = change * (SHOWN * strength)[:, None, None, None, None]
        points = motion.plane_inverse(opened.pixels, origin, self.depth)
        places = self.inverse @ points.flatten(3) + self.corner[..., None]
        grid = places.view_as(points).permute(0, 1, 3, 4, 2).flatten(0, 1)
        change = F.grid_sample(
            _twice_as_dense(change.flatten(0, 1)), grid, padding_mode="zeros", align_corners=False
        )
        return replace(layer, added=change.unflatten(0, (batch, patches)) * patch.window.border)

    def seen(self, opened: OpenedPatch, colours: Tensor, motion: HeadMotion, origin: Tensor):
        """What the net gets of B frames: (B, P, 10, h, w)."""
        depth = 0.5 * DEPTHS * self.unit
        maps = [
            ((1 - opened.upper[:, :, 3]) * (1 - opened.lower[:, :, 3])),
            torch.tanh(opened.below_upper / depth),
            torch.tanh(opened.above_lower / depth),
        ]
        layers = torch.cat([(colours - self.skin) / self.scale, torch.stack(maps, 2)], 2)
        here = self._sampled(layers, opened.pixels[..., 0, 0], motion, origin)
        photo = self.photo.expand(len(here), -1, -1, -1, -1)
        return torch.cat(
            [here[:, :, :3], photo[:, :, :3], here[:, :, 3:4], photo[:, :, 3:], here[:, :, 4:]], 2
        )

    def target(self, pictures: Tensor, motion: HeadMotion, origin: Tensor) -> Tensor:
        """(B, 3, H, W) real frames to what a perfect layer's colours would be: (B, P, 3, h, w)."""
        layers = (pictures[:, None] - self.skin) / self.scale
        layers = layers.expand(-1, len(self.depth), -1, -1, -1)
        corner = self.corner.new_full((len(pictures), len(self.depth), 2), 0.5)
        return self._sampled(layers, corner, motion, origin)

    def coloured(self, change: Tensor) -> Tensor:
        """(..., 3, h, w) of the net to colours."""
        return torch.einsum("...khw,kc->...chw", change, self.palette)

    def strength(self, weights: Tensor, dropped: Tensor) -> Tensor:
        """How much of the change is shown, (B,), 0..1.

        None where the face is as in the photo, by its (B, C) weights; and none where the jaw has
        ``dropped`` (B, 2), pixels, farther than in the pictures that taught the refiner.
        """
        square = ((weights @ self.motion) * weights).sum(1).clamp(min=0)
        known = 1 - smoothstep(dropped.norm(dim=1) / self.unit, *UNSEEN)
        return known * square / (square + RESTING**2)

    def _sampled(self, layers: Tensor, corner: Tensor, motion: HeadMotion, origin: Tensor):
        """(B, P, C, H, W) with first pixel centres at (B, P, 2) to (B, P, C, h, w) samples."""
        place = (
            origin[:2] + motion.shift[:, None] + motion.matrix[:, None, :, 2] * self.depth[:, None]
        )
        relative = (self.places - origin[:2, None, None]).flatten(2)
        points = motion.matrix[:, None, :, :2] @ relative + place[..., None]  # (B, P, 2, h*w)
        index = points - corner[..., None]
        layers = layers.flatten(0, 1)
        if self.shrink > 1:
            layers = F.avg_pool2d(layers, self.shrink)
        size = index.new_tensor([layers.shape[-1], layers.shape[-2]])
        grid = (2 * (index + 0.5) / (self.shrink * size[:, None]) - 1).flatten(0, 1)
        grid = grid.unflatten(-1, self.places.shape[-2:]).permute(0, 2, 3, 1)
        found = F.grid_sample(layers, grid, padding_mode="border", align_corners=False)
        return found.unflatten(0, points.shape[:2])


def make_refiner_frame(
    geometry: PortraitGeometry, patch: Patch, openings: Openings
) -> RefinerFrame:
    """The refiner's view of a portrait's openings."""
    height, width = MOUTH.height, MOUTH.width
    unit = geometry.pose.scale[0]
    axes = openings.axes
    size = unit.new_tensor([width / SAMPLES, height / SAMPLES])
    low = unit.new_tensor([-width / SAMPLES / 2, -ABOVE])
    grid = cell_centres(low, size, height, width) * unit
    line = openings.at(
        (openings.upper + openings.lower) / 2, torch.zeros_like(openings.half)[:, None]
    )
    centre = openings.origin + openings.axes[:, 1] * line
    places = centre[:, :, None, None] + torch.einsum("pij,ihw->pjhw", axes, grid)
    inverse = axes * (2 / (size * unit))[:, None]
    middle = low * unit + size * unit / 2
    corner = -(inverse @ centre[..., None])[..., 0] - 2 / (size * unit) * middle
    skin = colour_at(geometry, CHEEKS)
    lip = colour_at(geometry, LIP_FLESH)
    scale = luminance(skin, 0)[0].clamp(min=0.15)
    white = torch.ones_like(skin) * scale
    maps = patch.window.lattice.maps.view(len(geometry.blendshapes), len(axes), 2, 3, -1)[
        :, :, :, :2
    ]
    maps = maps.flatten(1)
    frame = RefinerFrame(
        places=places,
        inverse=inverse,
        corner=corner,
        depth=patch.window.centre[:, 2],
        photo=places,
        skin=skin[:, None, None],
        scale=scale,
        palette=torch.stack([white, skin - luminance(skin, 0), lip - luminance(lip, 0)]),
        motion=maps @ maps.T * (2 / maps.shape[1] / unit**2),
        unit=unit,
        shrink=max(1, round(unit.item() / SAMPLES)),
    )
    return replace(frame, photo=_photo(geometry, frame, openings))


def _photo(geometry: PortraitGeometry, frame: RefinerFrame, openings: Openings) -> Tensor:
    """What the photo shows: see ``RefinerFrame.photo``."""
    still = HeadMotion(torch.eye(2, 3).to(frame.places)[None], frame.places.new_zeros(1, 2))
    colours = frame.target(geometry.picture, still, geometry.origin)[0]
    upper, lower = openings.covers(frame.places.permute(0, 2, 3, 1), 0.02 * geometry.unit)
    return torch.cat([colours, ((1 - upper) * (1 - lower))[:, None]], 1)


def _twice_as_dense(change: Tensor) -> Tensor:
    """(B, 3, h, w) with twice as many samples along both sides."""
    # quicker so than without antialias, which changes nothing where a picture is enlarged
    return F.interpolate(change, scale_factor=2, mode="bicubic", antialias=True)
