"""The inside of the mouth: upper teeth fixed to the head, lower teeth and tongue to the jaw.

A photo with closed lips does not show it, so it is drawn in the portrait's own colours; what an
open mouth shows in the photo is kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .....face.topology import LIDS, LIP_UPPER_MIDDLE
from ....curves import smoothstep
from ..geometry.lattice import cell_centres
from ..geometry.openings import Openings
from ..geometry.portrait_geometry import PortraitGeometry
from ..geometry.pose import HeadMotion
from ..geometry.texture import Texture, fill, luminance, sharp_texture
from .patch import OpenedPatch, Patch, crop

CHEEKS = (50, 280, 101, 330, 36, 266)
LIP_FLESH = (15, 86, 316, 179, 403, 85, 315, 16)
LOWER_LIP = (14, 87, 317)
WIDE = (0.48, 0.65)  # gap over half width from which a photo's open mouth shows the jaw's part too
TEETH_SEEN = (0.15, 0.30)  # and from which it shows the upper teeth, so none are drawn
PARTED = 1.5  # pixels
LIGHT = (0.0, 0.50)  # how far below the lips' meeting the inside is dark, and fully lit
TOOTH_EDGES = (0.0, 0.33, 0.57, 0.78, 0.94)  # from the middle, in half mouth widths
DRAWN = (192, 256)  # samples of the drawn textures
DRAWN_LOW, DRAWN_HIGH = (-1.2, -0.9), (1.2, 1.1)  # their box, in half mouth widths


@dataclass(frozen=True, slots=True)
class MouthInside:
    """Textures with alpha, in half mouth widths about the line where the lips meet, or in pixels.

    upper, lower  drawn upper teeth; lower teeth and tongue
    photo         what the photo shows between its lips: colours, alpha of what belongs to the head
                  and of what belongs to the jaw, in pixels; None if the photo shows no teeth
    cavity (3,)   colour of the depth
    lips          frame of the mouth; line (1,): v of the middle of the closed lips, pixels
    jaw (L, 2)    shift of the jaw per lips code, pixels
    own (L,)      lips code of the photo
    """

    upper: Texture
    lower: Texture
    photo: Texture | None
    cavity: Tensor
    lips: Openings
    line: Tensor
    jaw: Tensor
    own: Tensor

    def paint(
        self, patch: Patch, opened: OpenedPatch, motion: HeadMotion, origin: Tensor, lips: Tensor
    ) -> Tensor:
        """What lies between the lips under the patch's pixels, (B, 1, 3, h, w).

        ``lips`` (B, L) is the lips code, measured from closed lips.
        """
        half = self.lips.half
        points = motion.plane_inverse(opened.pixels, origin, patch.window.centre[:, 2])
        dropped = points - (lips @ self.jaw)[:, None, :, None, None]
        teeth = self._relative(points)
        colours = _over(self.cavity.view(3, 1, 1), self.lower.sample(self._relative(dropped)))
        # little light falls behind the upper teeth
        colours = colours * (0.4 + 0.6 * smoothstep(teeth[:, :, 1:], *LIGHT))
        colours = _over(colours, self.upper.sample(teeth))
        if self.photo is not None:
            low = self.photo.sample(dropped + (self.own @ self.jaw)[:, None, None])
            colours = torch.lerp(colours, low[:, :, :3], low[:, :, 4:])
            colours = _over(colours, self.photo.sample(points)[:, :, :4])
        shade = 1 - 0.5 * torch.exp(-opened.below_upper.clamp(min=0) / (0.06 * half))
        shade = shade * (1 - 0.3 * torch.exp(-opened.above_lower.clamp(min=0) / (0.05 * half)))
        # closed lips meet in a soft line through which nothing may shine until they part
        parted = smoothstep(opened.parting, 0.0, PARTED)[:, :, None]
        return torch.lerp(opened.lower[:, :, :3], colours * shade[:, :, None], parted)

    def _relative(self, points: Tensor) -> Tensor:
        """(B, 1, 2, h, w) pixels to half mouth widths about the middle of the closed lips."""
        turn = self.lips.axes / self.lips.half
        centre = turn @ self.lips.origin[:, :, None]
        centre[:, 1] += self.line / self.lips.half
        return torch.sub(turn @ points.flatten(3), centre).view_as(points)


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours (3,) of the drawn parts, taken from the portrait."""

    teeth: Tensor
    gum: Tensor
    tongue: Tensor
    cavity: Tensor


def _over(below: Tensor, layer: Tensor) -> Tensor:
    """Colours under a layer of colour (3) and alpha (1)."""
    return torch.lerp(below, layer[:, :, :3], layer[:, :, 3:])


def palette(geometry: PortraitGeometry) -> Palette:
    """Colours that fit the portrait: photo, painting or drawing, of any skin."""
    skin, lip = colour_at(geometry, CHEEKS), colour_at(geometry, LIP_FLESH)
    light = luminance(skin, 0)
    sclera = luminance(_eye_white(geometry), 0)
    bright = torch.maximum(1.06 * light, 0.92 * sclera).clamp(0.0, 0.92)
    teeth = (bright + 0.6 * (skin - light) * bright / light.clamp(min=0.05)).clamp(0, 0.95)
    dull = luminance(lip, 0)
    tongue = (lip + 0.35 * (lip - dull)).clamp(min=0)
    tongue = tongue * (0.68 * light / luminance(tongue, 0).clamp(min=0.05)).clamp(0.5, 1.5)
    gum = torch.lerp(tongue, teeth, 0.15)
    return Palette(teeth, gum, tongue, 0.22 * tongue)


def make_mouth(geometry: PortraitGeometry, patch: Patch) -> MouthInside:
    """Draw and gather what a portrait's lips will show."""
    colours, lips = palette(geometry), geometry.mouth
    middle = torch.zeros(1, 1).to(lips.half)
    upper = lips.at(lips.upper, middle)[0]
    gap = lips.at(lips.lower, middle)[0] - upper
    hidden, wide = (smoothstep(gap / lips.half, *limits) for limits in (TEETH_SEEN, WIDE))
    place = geometry.landmarks.new_tensor([DRAWN_LOW, DRAWN_HIGH])
    jaw = 0.92 * geometry.blendshapes[: len(geometry.own_lips), list(LOWER_LIP), :2].mean(1)
    return MouthInside(
        upper=Texture(_upper_teeth(colours, hidden), place[:1], place[1:]),
        lower=Texture(_lower_teeth_and_tongue(colours, wide), place[:1], place[1:]),
        photo=_photo(geometry, patch, hidden) if hidden > 0 else None,
        cavity=colours.cavity,
        lips=lips,
        line=upper + _closing_of_upper_lip(geometry),
        jaw=jaw,
        own=geometry.own_lips,
    )


def _closing_of_upper_lip(geometry: PortraitGeometry) -> Tensor:
    """() how far down the middle of the upper lip goes when the photo's lips close, pixels."""
    rows = geometry.blendshapes[:, LIP_UPPER_MIDDLE, :2]
    closing = rows[-2] - geometry.own_lips @ rows[: len(geometry.own_lips)]
    return closing @ geometry.mouth.axes[0, 1]


def colour_at(geometry: PortraitGeometry, vertices: tuple[int, ...]) -> Tensor:
    """Median colour (3,) of the picture at some vertices."""
    x, y = geometry.landmarks[list(vertices), :2].long().unbind(-1)
    height, width = geometry.picture.shape[-2:]
    return geometry.picture[0][:, y.clamp(0, height - 1), x.clamp(0, width - 1)].median(1).values


def _eye_white(geometry: PortraitGeometry) -> Tensor:
    """A bright colour between the lids: the photo's measure of white."""
    colours = geometry.picture[0]
    low = geometry.landmarks[list(LIDS), :2]
    steps = torch.linspace(0.1, 0.9, 33).to(low)
    points = torch.lerp(low[:, None], low[:, None].flip(0), steps[:, None]).flatten(0, 1).long()
    height, width = colours.shape[-2:]
    seen = colours[:, points[:, 1].clamp(0, height - 1), points[:, 0].clamp(0, width - 1)]
    order = luminance(seen, 0)[0].argsort()
    return seen[:, order[int(0.8 * len(order))]]


def _drawing_grid(like: Tensor) -> tuple[Tensor, Tensor]:
    x = torch.linspace(DRAWN_LOW[0], DRAWN_HIGH[0], DRAWN[1]).to(like)
    y = torch.linspace(DRAWN_LOW[1], DRAWN_HIGH[1], DRAWN[0]).to(like)
    across, down = torch.meshgrid(x, y, indexing="xy")
    return across, down


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


def _upper_teeth(colours: Palette, hidden: Tensor) -> Tensor:
    x, y = _drawing_grid(colours.teeth)
    gaps, round_off = _teeth_relief(x)
    edge = 0.13 - 0.10 * x.square() - 0.035 * round_off
    alpha = (1 - smoothstep(y - edge, -0.02, 0.02)) * (1 - smoothstep(x.abs(), 0.72, 0.92))
    alpha = alpha * (1 - hidden)
    light = gaps * (1 - 0.6 * smoothstep(x.abs(), 0.2, 0.9))
    light = light * (1 - 0.15 * smoothstep(y - edge, -0.10, 0.0))  # translucent edge
    gum = 1 - smoothstep(y + 0.36 + 0.05 * (1 - round_off), -0.03, 0.03)
    teeth = torch.lerp(colours.teeth[:, None, None], colours.gum[:, None, None], gum)
    return torch.cat([teeth * light, alpha[None]])[None]


def _lower_teeth_and_tongue(colours: Palette, hidden: Tensor) -> Tensor:
    x, y = _drawing_grid(colours.teeth)
    gaps, round_off = _teeth_relief(x * 1.35)
    dome = -0.42 + 0.34 * (x / 0.72).square()
    rise = y - dome
    tongue_alpha = smoothstep(rise, -0.14, 0.16) * (1 - smoothstep(x.abs(), 0.62, 0.92))
    furrow = 1 - 0.10 * torch.exp(-(x / 0.06).square()) * smoothstep(rise, 0.05, 0.25)
    tongue = colours.tongue[:, None, None] * (0.6 + 0.4 * smoothstep(rise, 0.0, 0.4)) * furrow
    edge = 0.03 + 0.10 * x.square() + 0.02 * round_off
    teeth_alpha = smoothstep(y - edge, -0.03, 0.03) * (1 - smoothstep(x.abs(), 0.50, 0.72))
    teeth = colours.teeth[:, None, None] * gaps * 0.72 * (1 - 0.5 * smoothstep(x.abs(), 0.1, 0.7))
    mixed = torch.lerp(tongue, teeth, teeth_alpha)
    alpha = torch.maximum(0.92 * tongue_alpha, teeth_alpha) * (1 - hidden)
    return torch.cat([mixed, alpha[None]])[None]


def _photo(geometry: PortraitGeometry, patch: Patch, visible: Tensor) -> Texture:
    """What an open mouth shows in the photo, 5 channels; see ``MouthInside.photo``.

    Upper teeth stay with the head. In a wide open mouth the lower half follows the jaw.
    """
    low, size = patch.window.lattice.low, patch.window.lattice.size[0]
    picture = crop(geometry, low, size)
    grid = cell_centres(torch.zeros_like(size), size, *picture.shape[-2:])
    lips, half = geometry.mouth, geometry.mouth.half
    x, v = lips.local((low[:, :, None, None] + grid).permute(0, 2, 3, 1)).unbind(-1)
    x, upper, lower = x / half, lips.at(lips.upper, x), lips.at(lips.lower, x)
    below, above, gap = (v - upper) / half, (lower - v) / half, (lower - upper) / half
    within = smoothstep(1 - x.abs(), 0.02, 0.06)
    seen = smoothstep(below, 0.03, 0.06) * smoothstep(above, 0.03, 0.06) * within
    colours = fill(picture, seen[:, None])
    shown = visible * smoothstep(1 - x.abs(), 0.03, 0.13)
    shown = shown * smoothstep(gap, 0.02, 0.08)
    # beyond the upper contour the teeth go on for a little, below the lower one they end softly
    split = 0.5 * gap * smoothstep(gap.amax(), *WIDE)
    of_head = shown * smoothstep(above - split, 0.02, 0.12) * smoothstep(below, -0.30, -0.15)
    of_jaw = shown * (1 - smoothstep(above - split, 0.02, 0.12)) * smoothstep(above, -0.15, -0.05)
    of_jaw = of_jaw * smoothstep(gap.amax(), *WIDE)
    planes = torch.cat([colours, of_head[:, None], of_jaw[:, None]], 1)
    return sharp_texture(planes, low, geometry.factor)
