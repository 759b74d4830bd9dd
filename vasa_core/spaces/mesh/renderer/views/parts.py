"""Where the parts of a face lie in a photo, as soft masks: mouth, eyes, and the skin around them.

A part is taken from the photo that shows it best, so its mask fades before the part ends, and the
three add up to the face: inside it nothing is missing where parts of several photos meet.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .....face.topology import OVAL
from ....curves import piecewise_linear, smoothstep
from ..geometry.lattice import cell_centres
from ..geometry.openings import Openings
from ..geometry.portrait_geometry import PortraitGeometry
from ..geometry.texture import Texture

# Where masks begin and cease to fade: shares of the way from the middle to the outline.
FACE_FADES = (0.72, 0.98)
PART_FADES = (0.72, 1.0)
# Outlines beyond the corners, and above and below the mid-line, in eye distances.
MOUTH_RADII = (0.20, 0.46)
EYE_RADII = (0.10, 0.21)
TURNED = (0.25, 0.50)  # cosine to the line of sight: skin that is seen at a flatter angle is left


@dataclass(frozen=True, slots=True)
class PartMasks:
    """Masks of one photo under preparation; points (..., 2) are in working pixels.

    centre (2,), angles (36,), radii (36,)  outline of the face about its centre
    frontal   texture: how squarely the skin is seen, 0..1
    """

    centre: Tensor
    angles: Tensor
    radii: Tensor
    frontal: Texture
    mouth_opening: Openings
    eye_openings: Openings
    unit: float

    def whole(self, points: Tensor) -> Tensor:
        """(P, h, w, 2) to the mask of all that can be taken from the photo, (P, h, w)."""
        offset = points - self.centre
        angle = torch.atan2(offset[..., 1], offset[..., 0])
        radius = offset.norm(dim=-1) / piecewise_linear(angle, self.angles, self.radii)
        seen = self.frontal.sample(points.permute(0, 3, 1, 2)[:, None])[:, 0, 0]
        return (1 - smoothstep(radius, *FACE_FADES)) * seen

    def mouth(self, points: Tensor) -> Tensor:
        """(1, h, w, 2) to the mask of the mouth, (1, h, w)."""
        return _around(self.mouth_opening, points, self.unit, *MOUTH_RADII) * self.whole(points)

    def eyes(self, points: Tensor) -> Tensor:
        """(2, h, w, 2), or (1, h, w, 2) for both, to the mask of each eye, (2, h, w)."""
        return _around(self.eye_openings, points, self.unit, *EYE_RADII) * self.whole(points)

    def skin(self, points: Tensor) -> Tensor:
        """(1, h, w, 2) to the mask of the face without mouth and eyes, (1, h, w)."""
        mouth = _around(self.mouth_opening, points, self.unit, *MOUTH_RADII)
        eyes = _around(self.eye_openings, points, self.unit, *EYE_RADII).sum(0, keepdim=True)
        return self.whole(points) * (1 - mouth) * (1 - eyes.clamp(max=1))


def part_masks(geometry: PortraitGeometry, seen: Tensor) -> PartMasks:
    """Masks of a photo; ``seen`` (1, 1, h, w) is 1 where its picture shows something."""
    oval = geometry.landmarks[list(OVAL), :2]
    centre = oval.mean(0)
    offset = oval - centre
    angles, order = torch.atan2(offset[:, 1], offset[:, 0]).sort()
    radii = offset.norm(dim=1)[order]
    turn = 2 * torch.pi  # the outline is closed
    return PartMasks(
        centre=centre,
        angles=torch.cat([angles[-1:] - turn, angles, angles[:1] + turn]),
        radii=torch.cat([radii[-1:], radii, radii[:1]]),
        frontal=_frontal(geometry, seen),
        mouth_opening=geometry.mouth,
        eye_openings=geometry.eyes,
        unit=geometry.unit,
    )


def _around(
    openings: Openings, points: Tensor, unit: float, beside: float, across: float
) -> Tensor:
    """Mask (P, h, w) of an ellipse around each opening."""
    x, v = openings.local(points).unbind(-1)
    middle = openings.at((openings.upper + openings.lower) / 2, x)
    gap = (openings.lower - openings.upper).amax(1)[:, None, None]
    half = openings.half[:, None, None] + beside * unit
    radius = torch.hypot(x / half, (v - middle) / (across * unit + gap / 2))
    return 1 - smoothstep(radius, *PART_FADES)


def _frontal(geometry: PortraitGeometry, seen: Tensor) -> Texture:
    """How squarely the skin is seen, from the slope of its depth; 0 beyond the photo."""
    depth = geometry.depth
    down, across = torch.gradient(depth.planes[0, 0])
    step = (depth.high - depth.low)[0] / across.new_tensor([across.shape[1] - 1, len(across) - 1])
    cosine = 1 / torch.sqrt(1 + (across / step[0]).square() + (down / step[1]).square())
    box = geometry.origin.new_tensor([geometry.region.width, geometry.region.height])
    places = cell_centres(torch.zeros_like(box), box, *across.shape)
    corner = places.new_full((1, 2), 0.5)
    inside = Texture(seen, corner, box[None] - 0.5).sample(places[None, None])[0]
    return Texture(smoothstep(cosine, *TURNED)[None, None] * inside, depth.low, depth.high)
