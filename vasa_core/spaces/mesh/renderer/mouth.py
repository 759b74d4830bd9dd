"""The inside of the mouth: upper teeth fixed to the head, lower teeth and tongue to the jaw.

A photo with closed lips does not show it, so it is drawn in the portrait's own colours; what an open
mouth shows in the photo is kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..topology import LIP_LOWER_OUTER, LIP_LOWER_RINGS
from .cut import Openings, smoothstep
from .drivers import CLOSE_UPPER, OPEN_LIPS
from .patch import OpenedPatch, Patch, crop
from .pose import HeadMotion
from .scene import Scene
from .texture import Texture, fill, luminance, sharp_texture

BEHIND = 0.06  # teeth lie this far behind the lips, in eye distances
CHEEKS = (50, 280, 101, 330, 36, 266)
JAW = (152, 175, 199, 200, 148, 377)
TOOTH_EDGES = (0.0, 0.33, 0.57, 0.78, 0.94)  # from the middle, in half mouth widths
DRAWN = (192, 256)  # samples of the drawn textures
DRAWN_LOW, DRAWN_HIGH = (-1.2, -0.9), (1.2, 1.1)  # their box, in half mouth widths


@dataclass(frozen=True, slots=True)
class MouthInside:
    """Textures with alpha, in half mouth widths about the line where the lips meet, or in pixels.

    upper, lower  drawn upper teeth; lower teeth and tongue
    photo         what the photo shows between its lips, in pixels
    cavity (3,)   colour of the depth
    lips          frame of the mouth; line: v of the middle of the closed lips, pixels
    jaw (L, 2)    shift of the jaw per lips code, pixels
    """

    upper: Texture
    lower: Texture
    photo: Texture
    cavity: Tensor
    lips: Openings
    line: Tensor
    jaw: Tensor

    def paint(
        self, patch: Patch, opened: OpenedPatch, motion: HeadMotion, origin: Tensor, lips: Tensor
    ) -> Tensor:
        """What lies between the lips under the patch's pixels, (B, 1, 3, h, w).

        ``lips`` (B, L) is the lips code, measured from closed lips.
        """
        depth = patch.centre[:, 2] + BEHIND * 0
        points = motion.plane_inverse(opened.pixels, origin, depth)
        jaw = (lips @ self.jaw)[:, None, None, None]
        colours = self.cavity.view(3, 1, 1)
        for texture, place in (
            (self.lower, self._relative(points - jaw)),
            (self.upper, self._relative(points)),
            (self.photo, points),
        ):
            sample = texture.sample(place)
            colours = torch.lerp(colours, sample[:, :, :3], sample[:, :, 3:])
        half = self.lips.half
        shade = 1 - 0.6 * torch.exp(-opened.below_upper.clamp(min=0) / (0.10 * half))
        shade = shade * (1 - 0.45 * torch.exp(-opened.above_lower.clamp(min=0) / (0.07 * half)))
        return colours * shade[:, :, None]

    def _relative(self, points: Tensor) -> Tensor:
        batch, patches, height, width = points.shape[:4]
        local = (points.flatten(2, 3) - self.lips.origin[:, None]) @ self.lips.axes.mT
        local = local - torch.stack([torch.zeros_like(self.line), self.line], -1)[:, None]
        return (local / self.lips.half).view(batch, patches, height, width, 2)


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours (3,) of the drawn parts, taken from the portrait."""

    teeth: Tensor
    gum: Tensor
    tongue: Tensor
    cavity: Tensor


def palette(scene: Scene) -> Palette:
    """Colours that fit the portrait: photo, painting or drawing, of any skin."""
    skin, lip = _colour(scene, CHEEKS), _colour(scene, (*LIP_LOWER_OUTER[2:9], *LIP_LOWER_RINGS))
    light = luminance(skin, 0)
    sclera = luminance(_eye_white(scene), 0)
    bright = torch.maximum(1.06 * light, 0.92 * sclera).clamp(0.0, 0.92)
    teeth = (bright + 0.6 * (skin - light) * bright / light.clamp(min=0.05)).clamp(0, 0.95)
    dull = luminance(lip, 0)
    tongue = ((lip + 0.25 * (lip - dull)) * 0.80).clamp(0, 0.8)
    tongue = tongue * (0.62 * light / luminance(tongue, 0).clamp(min=0.05)).clamp(0.6, 1.3)
    gum = torch.lerp(tongue, teeth, 0.15)
    return Palette(teeth, gum, tongue, 0.22 * tongue)


def make_mouth(scene: Scene, patch: Patch) -> MouthInside:
    """Draw and gather what a portrait's lips will show."""
    colours, lips = palette(scene), scene.mouth
    middle = torch.zeros(1, 1).to(lips.half)
    upper = lips.at(lips.upper, middle)[0]
    gap = lips.at(lips.lower, middle)[0] - upper
    place = scene.landmarks.new_tensor([DRAWN_LOW, DRAWN_HIGH])
    jaw = scene.rows[:12, list(JAW), :2].mean(1)
    return MouthInside(
        upper=Texture(_upper_teeth(colours), place[:1], place[1:]),
        lower=Texture(_lower_teeth_and_tongue(colours), place[:1], place[1:]),
        photo=_photo(scene, patch),
        cavity=colours.cavity,
        lips=lips,
        line=upper + CLOSE_UPPER * gap,
        jaw=jaw,
    )


def _colour(scene: Scene, vertices: tuple[int, ...]) -> Tensor:
    x, y = scene.landmarks[list(vertices), :2].long().unbind(-1)
    height, width = scene.picture.shape[-2:]
    return scene.picture[0][:, y.clamp(0, height - 1), x.clamp(0, width - 1)].median(1).values


def _eye_white(scene: Scene) -> Tensor:
    """A bright colour between the lids: the photo's measure of white."""
    from ..topology import LIDS

    colours = scene.picture[0]
    low = scene.landmarks[list(LIDS), :2]
    steps = torch.linspace(0.1, 0.9, 33).to(low)
    points = torch.lerp(low[:, None], low[:, None].flip(0), steps[:, None]).flatten(0, 1).long()
    height, width = colours.shape[-2:]
    seen = colours[:, points[:, 1].clamp(0, height - 1), points[:, 0].clamp(0, width - 1)]
    order = luminance(seen, 0)[0].argsort()
    return seen[:, order[int(0.8 * len(order))]]


def _drawing_grid(like: Tensor) -> tuple[Tensor, Tensor]:
    x = torch.linspace(DRAWN_LOW[0], DRAWN_HIGH[0], DRAWN[1]).to(like)
    y = torch.linspace(DRAWN_LOW[1], DRAWN_HIGH[1], DRAWN[0]).to(like)
    return torch.meshgrid(x, y, indexing="xy")


def _teeth_relief(x: Tensor) -> tuple[Tensor, Tensor]:
    """Darkening of the gaps between teeth, and the rounding of their edges, at x (h, w)."""
    edges = x.new_tensor(TOOTH_EDGES)
    place = x.abs().clamp(max=TOOTH_EDGES[-1] - 1e-3)
    after = torch.searchsorted(edges, place.contiguous(), right=True).clamp(1, len(edges) - 1)
    start, end = edges[after - 1], edges[after]
    near = torch.minimum(place - start, end - place)
    gaps = 1 - 0.16 * torch.exp(-(near / 0.014).square())
    round_off = ((place - (start + end) / 2).abs() / ((end - start) / 2)).pow(4)
    return gaps, round_off


def _upper_teeth(colours: Palette) -> Tensor:
    x, y = _drawing_grid(colours.teeth)
    gaps, round_off = _teeth_relief(x)
    edge = 0.085 - 0.10 * x.square() - 0.03 * round_off
    alpha = (1 - smoothstep(y - edge, -0.02, 0.02)) * (1 - smoothstep(x.abs(), 0.80, 0.95))
    light = gaps * (1 - 0.65 * smoothstep(x.abs(), 0.2, 0.95))
    light = light * (1 - 0.12 * smoothstep(y - edge, -0.10, 0.0))  # translucent edge
    gum = 1 - smoothstep(y + 0.42 + 0.05 * (1 - round_off), -0.03, 0.03)
    teeth = torch.lerp(colours.teeth[:, None, None], colours.gum[:, None, None], gum)
    return torch.cat([teeth * light, alpha[None]])[None]


def _lower_teeth_and_tongue(colours: Palette) -> Tensor:
    x, y = _drawing_grid(colours.teeth)
    gaps, round_off = _teeth_relief(x * 1.35)
    dome = -0.36 + 0.30 * (x / 0.72).square()
    rise = y - dome
    tongue_alpha = smoothstep(rise, -0.10, 0.12) * (1 - smoothstep(x.abs(), 0.60, 0.85))
    furrow = 1 - 0.12 * torch.exp(-(x / 0.05).square()) * smoothstep(rise, 0.05, 0.25)
    light = (0.55 + 0.45 * smoothstep(rise, 0.0, 0.35)) * furrow
    tongue = colours.tongue[:, None, None] * light
    edge = 0.0 + 0.12 * x.square() + 0.02 * round_off
    teeth_alpha = smoothstep(y - edge, -0.02, 0.02) * (1 - smoothstep(x.abs(), 0.55, 0.75))
    teeth = colours.teeth[:, None, None] * gaps * 0.72 * (1 - 0.5 * smoothstep(x.abs(), 0.1, 0.7))
    mixed = torch.lerp(tongue, teeth, teeth_alpha)
    alpha = torch.maximum(0.85 * tongue_alpha, teeth_alpha)
    return torch.cat([mixed, alpha[None]])[None]


def _photo(scene: Scene, patch: Patch) -> Texture:
    """What an open mouth shows in the photo, with alpha; empty if its lips are closed."""
    low, size = patch.lattice.low, patch.lattice.size[0]
    picture = crop(scene, low, size)
    height, width = picture.shape[-2:]
    x, y = torch.arange(width) + 0.5, torch.arange(height) + 0.5
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).to(low)
    lips = scene.mouth
    x, v = lips.local(low[:, None, None] + grid).unbind(-1)
    upper, lower = lips.at(lips.upper, x), lips.at(lips.lower, x)
    soft, rim = 0.02 * lips.half, 0.03 * lips.half
    seen = smoothstep((v - upper - rim) / soft, 0.0, 1.0) * smoothstep(
        (lower - rim - v) / soft, 0.0, 1.0
    )
    seen = seen * smoothstep((0.97 * lips.half - x.abs()) / soft, 0.0, 1.0)
    opened = smoothstep((lower - upper).amax() / lips.half[0], *OPEN_LIPS)
    # beyond the upper contour the teeth go on; below the lower one they end softly
    above = smoothstep((lower - rim - v) / (0.10 * lips.half), 0.0, 1.0)
    inside = smoothstep((0.97 * lips.half - x.abs()) / (0.1 * lips.half), 0.0, 1.0)
    near = smoothstep((v - upper) / lips.half, -0.30, -0.15)
    alpha = opened * above * inside * near * smoothstep((lower - upper) / lips.half, 0.02, 0.06)
    colours = fill(picture, seen[:, None])
    return sharp_texture(torch.cat([colours, alpha[:, None]], 1), low, scene.factor)
