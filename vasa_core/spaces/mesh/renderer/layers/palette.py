"""Colours for what a photo does not show, taken from what it does: of any skin, in any paint."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .....face.topology import LIDS
from ..geometry.portrait_geometry import PortraitGeometry
from ..geometry.texture import luminance

CHEEKS = (50, 280, 101, 330, 36, 266)
LIP_FLESH = (15, 86, 316, 179, 403, 85, 315, 16)

# All of these were chosen by hand. Luminances are 0..1.
TEETH_TO_SKIN, TEETH_TO_SCLERA = 1.06, 0.92  # luminance of teeth against these; the larger counts
BRIGHTEST_TEETH, BRIGHTEST_CHANNEL = 0.92, 0.95
TEETH_TINT = 0.6  # how much of the skin's tint teeth have
TONGUE_TINT = 0.35  # how much more tint than the lips' flesh a tongue has
TONGUE_TO_SKIN = 0.68  # luminance of the tongue against the skin's ...
TONGUE_CHANGE = (0.5, 1.5)  # ... as far as these factors of the lips' flesh allow
GUM_PALENESS = 0.15  # share of the teeth in the gum; the rest is tongue
CAVITY_SHADE = 0.22  # colour of the depth against the tongue's
DARK = 0.05  # luminance below which nothing is divided by it
ACROSS_EYE, EYE_SAMPLES = (0.1, 0.9), 33  # where white is looked for between opposite lid points
WHITE_RANK = 0.8  # place of the eye's white among the colours there, from the darkest on


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours (3,) of the drawn parts."""

    teeth: Tensor
    gum: Tensor
    tongue: Tensor
    cavity: Tensor


def palette(geometry: PortraitGeometry) -> Palette:
    """Colours that fit the portrait: photo, painting or drawing, of any skin."""
    skin, lip = colour_at(geometry, CHEEKS), colour_at(geometry, LIP_FLESH)
    light = luminance(skin, 0)
    sclera = luminance(_eye_white(geometry), 0)
    bright = torch.maximum(TEETH_TO_SKIN * light, TEETH_TO_SCLERA * sclera)
    bright = bright.clamp(0.0, BRIGHTEST_TEETH)
    teeth = bright + TEETH_TINT * (skin - light) * bright / light.clamp(min=DARK)
    teeth = teeth.clamp(0, BRIGHTEST_CHANNEL)
    tongue = (lip + TONGUE_TINT * (lip - luminance(lip, 0))).clamp(min=0)
    change = TONGUE_TO_SKIN * light / luminance(tongue, 0).clamp(min=DARK)
    tongue = tongue * change.clamp(*TONGUE_CHANGE)
    gum = torch.lerp(tongue, teeth, GUM_PALENESS)
    return Palette(teeth, gum, tongue, CAVITY_SHADE * tongue)


def colour_at(geometry: PortraitGeometry, vertices: tuple[int, ...]) -> Tensor:
    """Median colour (3,) of the picture at some vertices."""
    x, y = geometry.landmarks[list(vertices), :2].long().unbind(-1)
    height, width = geometry.picture.shape[-2:]
    return geometry.picture[0][:, y.clamp(0, height - 1), x.clamp(0, width - 1)].median(1).values


def _eye_white(geometry: PortraitGeometry) -> Tensor:
    """A bright colour (3,) between the lids: the photo's measure of white."""
    colours = geometry.picture[0]
    lids = geometry.landmarks[list(LIDS), :2]
    steps = torch.linspace(*ACROSS_EYE, EYE_SAMPLES).to(lids)
    points = torch.lerp(lids[:, None], lids[:, None].flip(0), steps[:, None])  # (L, 33, 2)
    points = points.flatten(0, 1).long()
    height, width = colours.shape[-2:]
    seen = colours[:, points[:, 1].clamp(0, height - 1), points[:, 0].clamp(0, width - 1)]
    order = luminance(seen, 0)[0].argsort()
    return seen[:, order[int(WHITE_RANK * len(order))]]
