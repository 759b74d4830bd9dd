"""Drawings of teeth and tongue, for mouths whose photo does not show them.

Lengths are in half mouth widths about the line where the lips meet, x to the right and y down. All
numbers were chosen by hand.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ....curves import smoothstep
from .palette import Palette

SAMPLES = (192, 256)  # rows and columns of a drawing
BOX_LOW, BOX_HIGH = (-1.2, -0.9), (1.2, 1.1)  # the corners of its box
TOOTH_EDGES = (0.0, 0.33, 0.57, 0.78, 0.94)  # of the upper teeth on one side, from the middle
CROWDED = 1.35  # how much narrower lower teeth are
GAP_SHADE, GAP_WIDTH = 0.16, 0.014  # of the dark lines between teeth
SQUARENESS = 4  # power with which the cutting edge of a tooth rounds off


@dataclass(frozen=True, slots=True)
class ToothRow:
    """The upper or the lower teeth.

    edge, bend, rounding  y of the cutting edge in the middle; its change with the square of x, and
                          from the middle of a tooth to its corners
    soft                  half width of the soft cutting edge
    ends                  |x| where the row fades out
    shade, shaded         how much darker it gets to the sides, between these |x|
    """

    edge: float
    bend: float
    rounding: float
    soft: float
    ends: tuple[float, float]
    shade: float
    shaded: tuple[float, float]

    def below_edge(self, x: Tensor, y: Tensor, round_off: Tensor) -> Tensor:
        """(h, w): how far places lie below the cutting edge."""
        return y - (self.edge + self.bend * x.square() + self.rounding * round_off)

    def present(self, x: Tensor) -> Tensor:
        """(h, w), 0..1: fades out at the ends of the row."""
        return 1 - smoothstep(x.abs(), *self.ends)

    def light(self, x: Tensor) -> Tensor:
        """(h, w): factor of the light that falls on the row."""
        return 1 - self.shade * smoothstep(x.abs(), *self.shaded)


UPPER = ToothRow(0.13, -0.10, -0.035, 0.02, (0.72, 0.92), 0.6, (0.2, 0.9))
LOWER = ToothRow(0.03, 0.10, 0.02, 0.03, (0.50, 0.72), 0.5, (0.1, 0.7))
LOWER_LIGHT = 0.72  # of the lower teeth, which stand in the shade of the upper ones
TRANSLUCENT, TRANSLUCENT_EDGE = 0.15, (-0.10, 0.0)  # darker towards the upper teeth's cutting edge
GUM_LINE, GUM_ARCH, GUM_SOFT = 0.36, 0.05, 0.03  # above y = 0; higher amid a tooth; soft edge
# The tongue: y of its top, how far it drops at half its width, and that width.
TONGUE_TOP, TONGUE_DROP, TONGUE_WIDTH = -0.42, 0.34, 0.72
TONGUE_EDGE, TONGUE_ENDS = (-0.14, 0.16), (0.62, 0.92)  # soft, below its top; and to the sides
TONGUE_LIGHT, TONGUE_LIT = (0.6, 0.4), (0.0, 0.4)  # light at the top, and more between these
FURROW, FURROW_WIDTH, FURROW_BEGINS = 0.10, 0.06, (0.05, 0.25)  # the dark line along its middle
TONGUE_COVER = 0.92  # it never hides the depth altogether


def upper_teeth(colours: Palette, hidden: Tensor) -> Tensor:
    """Upper teeth and gum, (1, 4, h, w) of colour and alpha; ``hidden`` () of it is left out."""
    x, y = _grid(colours.teeth)
    gaps, round_off = _relief(x)
    below = UPPER.below_edge(x, y, round_off)
    alpha = (1 - smoothstep(below, -UPPER.soft, UPPER.soft)) * UPPER.present(x)
    alpha = alpha * (1 - hidden)
    light = gaps * UPPER.light(x)
    light = light * (1 - TRANSLUCENT * smoothstep(below, *TRANSLUCENT_EDGE))
    gum = 1 - smoothstep(y + GUM_LINE + GUM_ARCH * (1 - round_off), -GUM_SOFT, GUM_SOFT)
    teeth = torch.lerp(colours.teeth[:, None, None], colours.gum[:, None, None], gum)
    return torch.cat([teeth * light, alpha[None]])[None]


def lower_teeth_and_tongue(colours: Palette, hidden: Tensor) -> Tensor:
    """As ``upper_teeth``, of what moves with the jaw."""
    x, y = _grid(colours.teeth)
    gaps, round_off = _relief(x * CROWDED)
    rise = y - (TONGUE_TOP + TONGUE_DROP * (x / TONGUE_WIDTH).square())
    tongue_alpha = smoothstep(rise, *TONGUE_EDGE) * (1 - smoothstep(x.abs(), *TONGUE_ENDS))
    furrow = FURROW * torch.exp(-(x / FURROW_WIDTH).square())
    furrow = 1 - furrow * smoothstep(rise, *FURROW_BEGINS)
    light = TONGUE_LIGHT[0] + TONGUE_LIGHT[1] * smoothstep(rise, *TONGUE_LIT)
    tongue = colours.tongue[:, None, None] * light * furrow
    below = LOWER.below_edge(x, y, round_off)
    teeth_alpha = smoothstep(below, -LOWER.soft, LOWER.soft) * LOWER.present(x)
    teeth = colours.teeth[:, None, None] * gaps * LOWER_LIGHT * LOWER.light(x)
    mixed = torch.lerp(tongue, teeth, teeth_alpha)
    alpha = torch.maximum(TONGUE_COVER * tongue_alpha, teeth_alpha) * (1 - hidden)
    return torch.cat([mixed, alpha[None]])[None]


def _grid(like: Tensor) -> tuple[Tensor, Tensor]:
    """x and y (h, w) of a drawing's samples."""
    x = torch.linspace(BOX_LOW[0], BOX_HIGH[0], SAMPLES[1]).to(like)
    y = torch.linspace(BOX_LOW[1], BOX_HIGH[1], SAMPLES[0]).to(like)
    across, down = torch.meshgrid(x, y, indexing="xy")
    return across, down


def _relief(x: Tensor) -> tuple[Tensor, Tensor]:
    """Darkening of the gaps between teeth, and the rounding of their edges, at x (h, w)."""
    edges = x.new_tensor(TOOTH_EDGES)
    place = x.abs().clamp(max=TOOTH_EDGES[-1] - 1e-3)
    after = torch.searchsorted(edges, place.contiguous(), right=True).clamp(1, len(edges) - 1)
    start, end = edges[after - 1], edges[after]
    near = torch.minimum(place - start, end - place)
    gaps = 1 - GAP_SHADE * torch.exp(-(near / GAP_WIDTH).square())
    round_off = ((place - (start + end) / 2).abs() / ((end - start) / 2)).pow(SQUARENESS)
    return gaps, round_off
