"""The part of an image that moves: a box around the head, and how rigidly its places follow."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .....face.geometry import RigidFit
from .....face.measure import FaceMeasure
from .....face.topology import LEFT_EYE_OUTER, OVAL, RIGHT_EYE_OUTER
from ....curves import smoothstep

MAX_PIXELS = 1536 * 1536  # a larger head is rendered smaller and enlarged when it is put back
# In radii of the head's ellipse: how far the head's motion is felt, how far that of speaking lips
# alone, and up to where places follow the head rigidly.
HEAD_RADIUS, LIPS_RADIUS, RIGID_RADIUS = 2.35, 1.7, 1.25
CLOSE_UP = 1.6  # radii of the head's ellipse that a close-up shows on each side


@dataclass(frozen=True, slots=True)
class HeadRegion:
    """Where the head lies in the source image.

    left, top, right, bottom  box in source pixels
    height, width             size of the working picture of that box, in working pixels
    """

    left: int
    top: int
    right: int
    bottom: int
    height: int
    width: int

    @property
    def scale(self) -> tuple[float, float]:
        """Working pixels per source pixel, along x and y; both 1 unless the head is very large."""
        return self.width / (self.right - self.left), self.height / (self.bottom - self.top)

    def box(self, images: Tensor) -> Tensor:
        """The part of (..., H, W) source images that lies in the box, not copied."""
        return images[..., self.top : self.bottom, self.left : self.right]

    def crop(self, image: Tensor) -> Tensor:
        """The working picture (1, 3, height, width) of a (1, 3, H, W) source image."""
        picture = self.box(image)
        size = (self.height, self.width)
        if picture.shape[-2:] == size:
            return picture
        return F.interpolate(picture, size, mode="bilinear", antialias=True)

    def to_working(self, landmarks: Tensor) -> Tensor:
        """(V, 3) source pixels to working pixels."""
        across, down = self.scale
        corner = landmarks.new_tensor([self.left, self.top, 0])
        return (landmarks - corner) * landmarks.new_tensor([across, down, across])


@dataclass(frozen=True, slots=True)
class HeadSquare:
    """A close-up of the head: a square inside the working picture, in working pixels."""

    left: int
    top: int
    side: int

    def crop(self, pictures: Tensor) -> Tensor:
        """(B, C, height, width) working pictures to the (B, C, side, side) close-ups in them."""
        rows = slice(self.top, self.top + self.side)
        return pictures[..., rows, self.left : self.left + self.side]


@dataclass(frozen=True, slots=True)
class HeadEllipse:
    """The head in the picture: centre and axes (2,), half width, half height above and below it."""

    centre: Tensor
    right: Tensor
    down: Tensor
    half_width: Tensor
    half_up: Tensor
    half_down: Tensor

    def local(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """(..., 2) pixels to x and y in radii: the ellipse is the unit circle."""
        offset = points - self.centre
        x, y = offset @ self.right / self.half_width, offset @ self.down
        return x, torch.where(y < 0, y / self.half_up, y / self.half_down)

    def radius(self, points: Tensor) -> Tensor:
        """(..., 2) pixels to the distance from the centre in radii."""
        return torch.hypot(*self.local(points))

    def rigidity(self, points: Tensor) -> Tensor:
        """(..., 2) pixels to how far they follow the head: 1 rigidly, 0 not at all."""
        return 1 - smoothstep(self.radius(points), RIGID_RADIUS, HEAD_RADIUS)


def head_ellipse(landmarks: Tensor, pose: RigidFit) -> HeadEllipse:
    """The ellipse of the face oval of (V, 3) landmarks, upright in the head's own frame."""
    right = pose.rotation[0, :2, 0]
    right = right / right.norm()
    down = torch.stack([-right[1], right[0]])
    oval = landmarks[list(OVAL), :2]
    middle = oval.mean(0)
    x, y = (oval - middle) @ right, (oval - middle) @ down
    half_width, half_height = (x.amax() - x.amin()) / 2, (y.amax() - y.amin()) / 2
    centre = middle - 0.15 * half_height * down
    return HeadEllipse(centre, right, down, half_width, 1.25 * half_height, 1.15 * half_height)


def head_region(
    source: FaceMeasure, height: int, width: int, lips_only: bool = False
) -> HeadRegion:
    """The box in which the head's motion is felt in an image of ``height`` x ``width`` pixels.

    The motion of lips alone is felt less far, and not above the eyes.
    """
    landmarks = source.landmarks
    ellipse = head_ellipse(landmarks, source.pose)
    angle = torch.linspace(0, 2 * torch.pi, 65)[:-1].to(landmarks)
    radius = LIPS_RADIUS if lips_only else HEAD_RADIUS
    x, y = radius * angle.cos(), radius * angle.sin()
    y = y * torch.where(y < 0, ellipse.half_up, ellipse.half_down)
    if lips_only:
        eyes = landmarks[[RIGHT_EYE_OUTER, LEFT_EYE_OUTER], :2].mean(0)
        y = torch.maximum(y, (eyes - ellipse.centre) @ ellipse.down)
    edge = (x * ellipse.half_width)[:, None] * ellipse.right + y[:, None] * ellipse.down
    low, high = (ellipse.centre + edge).amin(0).tolist(), (ellipse.centre + edge).amax(0).tolist()
    left, top = max(0, int(low[0])), max(0, int(low[1]))
    right, bottom = min(width, int(high[0]) + 2), min(height, int(high[1]) + 2)
    pixels = (right - left) * (bottom - top)
    shrink = min(1.0, (MAX_PIXELS / pixels) ** 0.5)
    size = (round((bottom - top) * shrink), round((right - left) * shrink))
    return HeadRegion(left, top, right, bottom, *size)


def head_square(ellipse: HeadEllipse, height: int, width: int) -> HeadSquare:
    """The close-up of a head in a working picture of ``height`` x ``width`` pixels, even-sided."""
    half_height = (ellipse.half_up + ellipse.half_down) / 2
    half_side = CLOSE_UP * float(torch.maximum(ellipse.half_width, half_height))
    side = max(2, min(round(2 * half_side), height, width) // 2 * 2)
    x, y = ellipse.centre.tolist()
    left = min(max(round(x - side / 2), 0), width - side)
    top = min(max(round(y - side / 2), 0), height - side)
    return HeadSquare(left, top, side)
