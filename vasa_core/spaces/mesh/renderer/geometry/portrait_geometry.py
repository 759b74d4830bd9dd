"""What the preparation of a portrait knows, gathered once and handed to each part."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .....face.basis import FaceBasis
from .....face.geometry import RigidFit
from .....face.measure import FaceMeasure
from .blendshapes import portrait_blendshapes, widen_lips
from .lattice import Lattice, cell_centres
from .lids import fit_lids
from .openings import Openings, cut_eyes, cut_mouth
from .region import HeadEllipse, HeadRegion, head_ellipse, head_region
from .surface import Surface, fit_surface
from .texture import Texture

CELL = 0.036  # of the lattice over the whole region, in eye distances
SHARP_PIXELS = 800 * 800  # up to this size textures are twice as dense as the picture


@dataclass(frozen=True, slots=True)
class PortraitGeometry:
    """Where everything of a portrait under preparation lies, in working pixels.

    picture   (1, 3, h, w)  the working picture
    landmarks (V, 3), pose  of the face in it
    blendshapes (C, 468, 3), own_lips (12,)  see ``blendshapes``
    depth                   texture of the depth relative to the head's origin, one channel
    factor                  density of textures
    """

    region: HeadRegion
    picture: Tensor
    landmarks: Tensor
    pose: RigidFit
    ellipse: HeadEllipse
    mouth: Openings
    eyes: Openings
    surface: Surface
    blendshapes: Tensor
    own_lips: Tensor
    depth: Texture
    factor: int

    @property
    def unit(self) -> float:
        """Eye distance in pixels."""
        return self.surface.unit

    @property
    def origin(self) -> Tensor:
        """(3,) where the canonical mesh's origin lies."""
        return self.pose.shift[0]

    def lattice(self, low: Tensor, size: Tensor, cell: float, sides: tuple[int, ...]) -> Lattice:
        """A lattice of points ``cell`` pixels apart over boxes with corners (P, 2), size (2,)."""
        width, height = (max(4, round(side / cell)) for side in size.tolist())
        rest, rigidity, maps = [], [], []
        for corner in low:
            grid = cell_centres(corner, size, height, width)
            depth = self.depth.sample(grid[None, None])[0, 0]
            rest.append(torch.cat([grid - self.origin[:2, None, None], depth]))
            points = grid.permute(1, 2, 0)
            rigidity.append(self.ellipse.rigidity(points))
            fields = [
                self.surface.displace(points.flatten(0, 1), s, self.blendshapes) for s in sides
            ]
            maps.append(torch.stack(fields, 1))  # (C, S, 3, h*w)
        return Lattice(
            low=low,
            size=size.expand_as(low),
            rest=torch.stack(rest)[:, None],
            rigidity=torch.stack(rigidity)[:, None, None],
            maps=torch.stack(maps, 1).flatten(1),
        )


def portrait_geometry(
    image: Tensor, source: FaceMeasure, basis: FaceBasis, lips: Tensor | None = None
) -> PortraitGeometry:
    """(1, 3, H, W) image and the face in its pixels to where everything lies in working pixels.

    With ``lips`` (12,), the code of the lips as they are, only the lower face is going to move: its
    surroundings suffice, and depth and lids do not matter.
    """
    still = lips is not None
    region = head_region(source, *image.shape[-2:], lips_only=still)
    # Fitted anew, not carried over: where the head is rendered smaller both sides are rounded to
    # whole pixels, each by itself, so the working picture is no exact similarity of the source.
    working = basis.measure(region.to_working(source.landmarks))
    return geometry_in(region, region.crop(image), working, basis, lips, still)


def geometry_in(
    region: HeadRegion,
    picture: Tensor,
    working: FaceMeasure,
    basis: FaceBasis,
    lips: Tensor | None = None,
    still: bool = False,
) -> PortraitGeometry:
    """The geometry of a region's (1, 3, h, w) working picture and the face in it.

    ``lips`` (12,) is the code of the lips as they are, where it is known; ``still`` leaves out what
    matters only to a head that moves.
    """
    pose, unit, landmarks = working.pose, working.unit, working.landmarks
    landmarks = widen_lips(landmarks, unit) if still else fit_lids(picture, landmarks, unit)
    mouth, eyes = cut_mouth(landmarks, unit), cut_eyes(landmarks, unit)
    blendshapes, own_lips = portrait_blendshapes(landmarks, pose, basis, mouth, eyes, lips)
    surface = fit_surface(landmarks, unit, mouth, eyes)
    origin = pose.shift[0, 2]
    return PortraitGeometry(
        region=region,
        picture=picture,
        landmarks=landmarks,
        pose=pose,
        ellipse=head_ellipse(landmarks, pose),
        mouth=mouth,
        eyes=eyes,
        surface=surface,
        blendshapes=blendshapes,
        own_lips=own_lips,
        depth=_flat(region, origin) if still else _depth(surface, region, origin),
        factor=2 if region.height * region.width <= SHARP_PIXELS else 1,
    )


def _depth(surface: Surface, region: HeadRegion, origin: Tensor) -> Texture:
    size = origin.new_tensor([region.width, region.height])
    cell = CELL * surface.unit
    width, height = (max(4, round(side / cell)) for side in size.tolist())
    grid = cell_centres(torch.zeros_like(size), size, height, width).permute(1, 2, 0)
    planes = surface.depth(grid, cell) - origin
    return Texture(planes[None, None], grid[:1, 0], grid[-1:, -1])


def _flat(region: HeadRegion, origin: Tensor) -> Texture:
    corner = origin.new_tensor([[0.0, 0.0]])
    return Texture(origin.new_zeros(1, 1, 2, 2), corner, corner + max(region.width, region.height))
