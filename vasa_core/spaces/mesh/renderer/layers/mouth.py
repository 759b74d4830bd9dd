"""The inside of the mouth: upper teeth fixed to the head, lower teeth and tongue to the jaw.

A photo with closed lips does not show it, so it is drawn in the portrait's own colours; what an
open mouth shows in the photo is kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .....face.topology import LIP_UPPER_MIDDLE
from ....curves import smoothstep
from ..geometry.lattice import cell_centres
from ..geometry.openings import Openings
from ..geometry.portrait_geometry import PortraitGeometry
from ..geometry.pose import HeadMotion
from ..geometry.texture import Texture, fill, sharp_texture
from .palette import palette
from .patch import OpenedPatch, Patch, crop
from .teeth import BOX_HIGH, BOX_LOW, lower_teeth_and_tongue, upper_teeth

LOWER_LIP = (14, 87, 317)

# All numbers below were chosen by hand. Lengths are in half mouth widths unless it says otherwise.
WIDE = (0.48, 0.65)  # gap from which a photo's open mouth shows the jaw's part too
TEETH_SEEN = (0.15, 0.30)  # and from which it shows the upper teeth, so none are drawn
JAW_SHARE = 0.92  # how far the jaw goes along with the middle of the lower lip
PARTED = 1.5  # pixels that lips move apart until what lies between them is fully shown
LIGHT = (0.0, 0.50)  # how far below the lips' meeting the inside is dark, and fully lit
DIM, LIT = 0.4, 0.6  # share of the light in the dark, and what is added where it is lit
UPPER_SHADOW = (0.5, 0.06)  # of the upper lip on what lies behind: how dark, how far down
LOWER_SHADOW = (0.3, 0.05)  # of the lower lip likewise, upwards
# Pixels of a photo's open mouth are trusted from here on inside its corners and its contours, fully
# from the second number on; the others are filled in from them.
SEEN_CORNER, SEEN_CONTOUR = (0.02, 0.06), (0.03, 0.06)
SHOWN_CORNER, SHOWN_GAP = (0.03, 0.13), (0.02, 0.08)  # shown by the way from a corner, by the gap
HEAD_OVER_JAW = (0.02, 0.12)  # where above the middle of a wide gap the head's part takes over
# What is filled in goes on behind the lips: above the upper contour, less far below the lower one.
BEHIND_UPPER, BEHIND_LOWER = (-0.30, -0.15), (-0.15, -0.05)


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
        colours = colours * (DIM + LIT * smoothstep(teeth[:, :, 1:], *LIGHT))
        colours = _over(colours, self.upper.sample(teeth))
        if self.photo is not None:
            low = self.photo.sample(dropped + (self.own @ self.jaw)[:, None, None])
            colours = torch.lerp(colours, low[:, :, :3], low[:, :, 4:])
            colours = _over(colours, self.photo.sample(points)[:, :, :4])
        shade = _shadow(opened.below_upper, half, *UPPER_SHADOW)  # (B, 1, h, w)
        shade = shade * _shadow(opened.above_lower, half, *LOWER_SHADOW)
        # closed lips meet in a soft line through which nothing may shine until they part
        parted = smoothstep(opened.parting, 0.0, PARTED)[:, :, None]
        return torch.lerp(opened.lower[:, :, :3], colours * shade[:, :, None], parted)

    def _relative(self, points: Tensor) -> Tensor:
        """(B, 1, 2, h, w) pixels to half mouth widths about the middle of the closed lips."""
        turn = self.lips.axes / self.lips.half
        centre = turn @ self.lips.origin[:, :, None]
        centre[:, 1] += self.line / self.lips.half
        return torch.sub(turn @ points.flatten(3), centre).view_as(points)


def _shadow(distance: Tensor, half: Tensor, dark: float, depth: float) -> Tensor:
    """Light at a ``distance`` (B, 1, h, w) pixels from a lip: ``dark`` of it lacks at the lip."""
    return 1 - dark * torch.exp(-distance.clamp(min=0) / (depth * half))


def _over(below: Tensor, layer: Tensor) -> Tensor:
    """Colours under a layer of colour (3) and alpha (1)."""
    return torch.lerp(below, layer[:, :, :3], layer[:, :, 3:])


def make_mouth(geometry: PortraitGeometry, patch: Patch) -> MouthInside:
    """Draw and gather what a portrait's lips will show."""
    colours, lips = palette(geometry), geometry.mouth
    middle = torch.zeros(1, 1).to(lips.half)
    upper = lips.at(lips.upper, middle)[0]
    gap = lips.at(lips.lower, middle)[0] - upper
    hidden, wide = (smoothstep(gap / lips.half, *limits) for limits in (TEETH_SEEN, WIDE))
    place = geometry.landmarks.new_tensor([BOX_LOW, BOX_HIGH])
    jaw = JAW_SHARE * geometry.blendshapes[: len(geometry.own_lips), list(LOWER_LIP), :2].mean(1)
    return MouthInside(
        upper=Texture(upper_teeth(colours, hidden), place[:1], place[1:]),
        lower=Texture(lower_teeth_and_tongue(colours, wide), place[:1], place[1:]),
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
    seen = smoothstep(below, *SEEN_CONTOUR) * smoothstep(above, *SEEN_CONTOUR)
    seen = seen * smoothstep(1 - x.abs(), *SEEN_CORNER)
    colours = fill(picture, seen[:, None])  # (1, 3, h, w)
    shown = visible * smoothstep(1 - x.abs(), *SHOWN_CORNER)
    shown = shown * smoothstep(gap, *SHOWN_GAP)
    # beyond the upper contour the teeth go on for a little, below the lower one they end softly
    wide = smoothstep(gap.amax(), *WIDE)
    over_jaw = smoothstep(above - 0.5 * gap * wide, *HEAD_OVER_JAW)
    of_head = shown * over_jaw * smoothstep(below, *BEHIND_UPPER)
    of_jaw = shown * (1 - over_jaw) * smoothstep(above, *BEHIND_LOWER) * wide
    planes = torch.cat([colours, of_head[:, None], of_jaw[:, None]], 1)  # (1, 5, h, w)
    return sharp_texture(planes, low, geometry.factor)
