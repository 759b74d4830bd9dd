"""Openings of a face (mouth and eyes) as cuts in an otherwise continuous surface.

Across a cut the two sides move apart, which no continuous displacement field can do. So every point
is lifted: it gets a third coordinate, ``+c`` above the mid-line of an opening and ``-c`` below. A
smooth kernel over (x, y, c) then gives two fields, one for each side, that agree exactly where c is
zero: beside, above and below the opening. No seam can show.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .....face.topology import (
    LEFT_LID_LOWER,
    LEFT_LID_UPPER,
    LIP_LOWER_INNER,
    LIP_LOWER_MIDDLE,
    LIP_LOWER_OUTER,
    LIP_LOWER_RINGS,
    LIP_UPPER_INNER,
    LIP_UPPER_MIDDLE,
    LIP_UPPER_OUTER,
    LIP_UPPER_RINGS,
    RIGHT_LID_LOWER,
    RIGHT_LID_UPPER,
)
from ....curves import piecewise_linear, smoothstep

SAMPLES = 65  # along a contour
MOUTH_RADIUS, MOUTH_LIFT = 0.42, 0.45  # in eye distances; radius: above and below the mid-line
EYE_RADIUS, EYE_LIFT = 0.16, 0.25

MOUTH_UPPER = (*LIP_UPPER_OUTER, *LIP_UPPER_INNER[1:-1], *LIP_UPPER_RINGS)
MOUTH_LOWER = (*LIP_LOWER_OUTER[1:-1], *LIP_LOWER_INNER[1:-1], *LIP_LOWER_RINGS)


@dataclass(frozen=True, slots=True)
class Openings:
    """P openings of one kind; each in a local frame, x along the line of its corners, v below it.

    origin (P, 2)      middle between the corners, pixels
    axes   (P, 2, 2)   rows: unit vectors along x and v
    half   (P,)        half the distance of the corners, pixels
    upper, lower (P, SAMPLES)  v of both contours at x evenly from -half to half
    radius  (P,)        how far above and below the mid-line the cut is felt, pixels
    lift   (P,)        height of the third coordinate, pixels
    """

    origin: Tensor
    axes: Tensor
    half: Tensor
    upper: Tensor
    lower: Tensor
    radius: Tensor
    lift: Tensor

    def local(self, points: Tensor) -> Tensor:
        """(P, ..., 2) pixels, or (1, ..., 2) for all alike, to (P, ..., 2) local x, v."""
        flat = points.flatten(1, -2) - self.origin[:, None]
        return (flat @ self.axes.mT).unflatten(1, points.shape[1:-1])

    def at(self, curve: Tensor, x: Tensor) -> Tensor:
        """(P, SAMPLES) contour at local x (P, ...), held constant beyond the corners."""
        shape = (-1,) + (1,) * (x.ndim - 1)
        place = ((x / self.half.view(shape) + 1) * (SAMPLES - 1) / 2).clamp(0, SAMPLES - 1.001)
        index = place.long()
        flat = index.flatten(1)
        before = curve.gather(1, flat).view_as(x)
        after = curve.gather(1, flat + 1).view_as(x)
        return torch.lerp(before, after, place - index)

    def lifted(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """(P or 1, ..., 2) pixels to (P, ...): third coordinate c >= 0, v below the mid-line."""
        local = self.local(points)
        x, v = local.unbind(-1)
        v = v - self.at((self.upper + self.lower) / 2, x)
        shape = (-1,) + (1,) * (x.ndim - 1)
        along = (1 - (x / (1.02 * self.half.view(shape))).square()).clamp(min=0).sqrt()
        across = (1 - (v / self.radius.view(shape)).square()).clamp(min=0).square()
        return self.lift.view(shape) * along * across, v

    def covers(self, points: Tensor, soft: float) -> tuple[Tensor, Tensor]:
        """How far the upper and the lower side cover (P, ..., 2) source pixels, 0..1 each.

        The upper side covers all but what is below its contour, between the corners and within
        radius; the lower side all but what is above its own. Both cover everything elsewhere.
        """
        local = self.local(points)
        x, v = local.unbind(-1)
        shape = (-1,) + (1,) * (x.ndim - 1)
        radius = self.radius.view(shape)
        upper, lower = self.at(self.upper, x), self.at(self.lower, x)
        middle = (upper + lower) / 2
        within = smoothstep(self.half.view(shape) - x.abs(), -0.5, 1.0)
        near_below = 1 - smoothstep((v - middle) / radius, 0.9, 1.0)
        near_above = 1 - smoothstep((middle - v) / radius, 0.9, 1.0)
        hidden_upper = smoothstep(v - upper, -soft, soft) * within * near_below
        hidden_lower = smoothstep(lower - v, -soft, soft) * within * near_above
        return 1 - hidden_upper, 1 - hidden_lower


def softness(unit: float) -> float:
    """Half width of a contour's soft edge in pixels, for an eye distance of ``unit`` pixels."""
    return max(0.9, 0.006 * unit)


def _opening(landmarks: Tensor, above: tuple, below: tuple, radius: float, lift: float) -> Openings:
    corners = landmarks[[above[0], above[-1]], :2]
    across = corners[1] - corners[0]
    half = across.norm() / 2
    along = across / across.norm()
    axes = torch.stack([along, torch.stack([-along[1], along[0]])])
    origin = corners.mean(0)
    x = torch.linspace(-1, 1, SAMPLES).to(landmarks) * half

    def contour(indices):
        local = (landmarks[list(indices), :2] - origin) @ axes.mT
        return piecewise_linear(x, local[:, 0], local[:, 1])

    upper, lower = contour(above), contour(below)
    middle = (upper + lower) / 2  # closed lips cross by noise: let them touch
    upper, lower = torch.minimum(upper, middle), torch.maximum(lower, middle)
    return Openings(
        origin, axes, half, upper, lower, half.new_tensor(radius), half.new_tensor(lift)
    )


def _stack(*openings: Openings) -> Openings:
    names = Openings.__dataclass_fields__
    return Openings(**{n: torch.stack([getattr(o, n) for o in openings]) for n in names})


def mouth_gap(landmarks: Tensor) -> Tensor:
    """(V, 3) landmarks to (): gap of the inner lips in the middle, pixels."""
    above, below = LIP_UPPER_MIDDLE, LIP_LOWER_MIDDLE
    return (landmarks[below] - landmarks[above]).norm()


def cut_mouth(landmarks: Tensor, unit: float) -> Openings:
    """The mouth of (V, 3) landmarks as one opening; ``unit`` is the eye distance in pixels."""
    inner = (LIP_UPPER_INNER, LIP_LOWER_INNER)
    radius = MOUTH_RADIUS * unit + 0.5 * mouth_gap(landmarks).item()
    return _stack(_opening(landmarks, *inner, radius, MOUTH_LIFT * unit))


def cut_eyes(landmarks: Tensor, unit: float) -> Openings:
    """The person's right and left eye as two openings."""
    lids = ((RIGHT_LID_UPPER, RIGHT_LID_LOWER), (LEFT_LID_UPPER, LEFT_LID_LOWER))
    return _stack(*(_opening(landmarks, *lid, EYE_RADIUS * unit, EYE_LIFT * unit) for lid in lids))


def lifted_vertices(points: Tensor, mouth: Openings, eyes: Openings) -> Tensor:
    """(K, 2) control points, face vertices first, to their signed third coordinate (K,).

    Lip and lid vertices take their side by index, not by place: closed lips cross by noise.
    """
    mouth_c, mouth_v = mouth.lifted(points[None])
    eyes_c, eyes_v = eyes.lifted(points[None])
    signs = torch.where(torch.cat([mouth_v, eyes_v]) <= 0, 1.0, -1.0)
    signs[0, list(MOUTH_UPPER)], signs[0, list(MOUTH_LOWER)] = 1.0, -1.0
    for row, above, below in (
        (1, RIGHT_LID_UPPER, RIGHT_LID_LOWER),
        (2, LEFT_LID_UPPER, LEFT_LID_LOWER),
    ):
        signs[row, list(below)], signs[row, list(above)] = -1.0, 1.0
    return (torch.cat([mouth_c, eyes_c]) * signs.to(points)).sum(0)


def lifted_plane(points: Tensor, mouth: Openings, eyes: Openings) -> Tensor:
    """(..., 2) pixels to the third coordinate c >= 0 of whichever opening is near."""
    return mouth.lifted(points[None])[0].sum(0) + eyes.lifted(points[None])[0].sum(0)
