"""Eyeballs behind the lids: the photo's own, completed where the lids hide them, and turned."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .....face.canonical import EYEBALL_RADIUS
from .....face.topology import LEFT_IRIS, RIGHT_IRIS
from ....curves import smoothstep
from ....limits import soft_limit
from ..geometry.lattice import cell_centres
from ..geometry.openings import Openings, softness
from ..geometry.portrait_geometry import PortraitGeometry
from ..geometry.pose import HeadMotion
from ..geometry.texture import Texture, fill, sharp_texture
from .patch import Patch, crop

# All numbers below were chosen by hand. Radii are in radii of the iris.
GAZE_LIMIT = 26.0  # degrees
STILL_RADIUS = 2.8  # from here on the sclera stays while the iris moves
LID_FOLLOWS = 0.012  # closure per degree of gaze downward
WIDEST = 0.4  # as how much negative closure lids open at most
# How far lashes and the edges of lids reach into an eye: share of its height, at most so many
# pixels, and these pixels besides; and up to which share of its half width it is seen.
LASHES, LASHES_MOST, LID_EDGE, SEEN_WIDTH = 0.12, 3.0, 1, 0.9
IRIS_EDGE = (0.95, 1.15)  # radii between which the iris goes over into the sclera
INSIDE_LIDS, INSIDE_ENDS = (-1.0, 0.0), (-3.0, -2.0)  # pixels: soft edges of what is between lids
RINGS, RINGS_REACH = 14, 1.3  # of the iris profile; radius of the outermost
RING_WIDTH = 0.08  # radii: spread of the pixels that a ring is the mean of
UNSEEN = 1e-4  # pixels: weight of the whole picture's mean in a ring, all of it where none is seen


@dataclass(frozen=True, slots=True)
class Eyeballs:
    """Both eyes as pictures without lids.

    texture         colours, P = 2
    iris   (2, 2)   centres of the irises, pixels
    radius (2,)     of the irises, pixels
    turn   (2, 2)   picture displacement (rows x, y) per unit of sin theta, sin phi, pixels
    """

    texture: Texture
    iris: Tensor
    radius: Tensor
    turn: Tensor

    def paint(self, patch: Patch, pixels: Tensor, motion: HeadMotion, origin, gaze) -> Tensor:
        """Eyeballs under target pixels (B, 2, 2, h, w), gaze (B, 2) degrees: (B, 2, 3, h, w)."""
        points = motion.plane_inverse(pixels, origin, patch.window.centre[:, 2])
        angles = torch.deg2rad(soft_limit(gaze, -GAZE_LIMIT, GAZE_LIMIT))
        shift = (angles.sin() @ self.turn.T)[:, None, :, None, None]
        far = (points - shift - self.iris[:, :, None, None]) / self.radius[:, None, None, None]
        share = 1 - smoothstep(torch.hypot(far[:, :, 0], far[:, :, 1]), 1.0, STILL_RADIUS)
        return self.texture.sample(points - shift * share[:, :, None])


def lid_position(blink: Tensor, gaze: Tensor) -> Tensor:
    """(B, 2) blink codes and (B, 2) gaze to how far both lids go down: they follow the gaze."""
    return blink - LID_FOLLOWS * soft_limit(gaze[:, 1:], -GAZE_LIMIT, GAZE_LIMIT)


def lid_closure(blink: Tensor, gaze: Tensor, own: Tensor | float = 0.0) -> Tensor:
    """(B, 2) blink codes and (B, 2) gaze to how far the lids of a photo have to close, (B, 2).

    ``own`` is the position that its lids have: 0 as in the portrait, below 1.
    """
    closure = (lid_position(blink, gaze) - own) / (1 - own)
    opened = WIDEST * torch.tanh(closure / WIDEST)
    return torch.where(closure < 0, opened, closure).clamp(max=1.0)


def make_eyeballs(geometry: PortraitGeometry, patch: Patch) -> Eyeballs:
    """Complete the eyes of a portrait behind their lids."""
    low, size = patch.window.lattice.low, patch.window.lattice.size[0]
    picture = crop(geometry, low, size)
    grid = cell_centres(torch.zeros_like(size), size, *picture.shape[-2:])
    points = (low[:, :, None, None] + grid).permute(0, 2, 3, 1)
    x = geometry.eyes.local(points)[..., 0]
    gap = geometry.eyes.at(geometry.eyes.lower, x) - geometry.eyes.at(geometry.eyes.upper, x)
    # lashes and lid edges are not part of the eyeball
    edge = (LASHES * gap).clamp(max=LASHES_MOST) + LID_EDGE
    seen = _between(geometry.eyes, points, edge, SEEN_WIDTH)[:, None]
    iris = torch.stack([geometry.landmarks[list(i), :2] for i in (RIGHT_IRIS, LEFT_IRIS)])
    radius = (iris[:, 1:] - iris[:, :1]).norm(dim=-1).mean(1)
    iris = iris[:, 0]
    far = (points - iris[:, None, None]).norm(dim=-1) / radius[:, None, None]
    disc = 1 - smoothstep(far, *IRIS_EDGE)[:, None]
    profile = torch.stack(
        [_radial(p, f, s) for p, f, s in zip(picture, far, seen[:, 0], strict=True)]
    )
    known = torch.maximum(seen, disc)
    complete = fill(torch.lerp(profile, picture, seen), known)
    # between the lids nothing changes while the eyes rest
    rim = torch.full_like(gap, -softness(geometry.unit))
    complete = torch.lerp(complete, picture, _between(geometry.eyes, points, rim, 1.0)[:, None])
    turn = geometry.pose.rotation[0, :2, :2] * geometry.unit * EYEBALL_RADIUS
    turn = turn * turn.new_tensor([1.0, -1.0])  # phi is up, y is down
    return Eyeballs(sharp_texture(complete, low, geometry.factor), iris, radius, turn)


def _between(eyes: Openings, points: Tensor, inset: Tensor, ends: float) -> Tensor:
    """1 between the lids, ``inset`` (2, h, w) pixels away from them, up to ``ends`` of the eye's

    half width (plus a pixel or two): (2, h, w).
    """
    x, v = eyes.local(points).unbind(-1)
    upper, lower = eyes.at(eyes.upper, x), eyes.at(eyes.lower, x)
    below, above = v - upper - inset, lower - inset - v
    inside = smoothstep(below, *INSIDE_LIDS) * smoothstep(above, *INSIDE_LIDS)
    return inside * smoothstep(ends * eyes.half[:, None, None] - x.abs(), *INSIDE_ENDS)


def _radial(picture: Tensor, far: Tensor, seen: Tensor) -> Tensor:
    """(3, h, w) picture to its mean over rings of equal distance (h, w), where seen: (3, h, w)."""
    rings = torch.linspace(0, RINGS_REACH, RINGS).to(far)
    weight = torch.exp(-((far - rings[:, None, None]) / RING_WIDTH).square()) * seen
    flat = weight.flatten(1)
    mean = (flat @ picture.flatten(1).T + UNSEEN * picture.flatten(1).mean(1)) / (
        flat.sum(1, keepdim=True) + UNSEEN
    )
    place = (far / RINGS_REACH * (RINGS - 1)).clamp(0, RINGS - 1.001)  # short of the last ring
    index = place.long()
    return torch.lerp(mean[index], mean[index + 1], (place - index)[..., None]).permute(2, 0, 1)
