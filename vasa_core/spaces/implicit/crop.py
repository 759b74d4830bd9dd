"""The working crop: where it lies in the picture, and the pixels in it.

LivePortrait's rule, on the points of our own face mesh: a square, upright along the line from the
eyes to the lips, around the face's points and 2.3 times as large, raised by an eighth of its side.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ...face import topology as mesh
from ...types import CropTransform

CROP, INPUT = 512, 256  # pixels a side: of the crop, and of what the networks see of it
SCALE, RAISE = 2.3, 0.125
DRIVING_SCALE, DRIVING_RAISE = 2.2, 0.1
# What the 106 and 203 points of LivePortrait's detectors cover, in our mesh: jaw, brows, eyes, nose
# and lips, without the forehead.
NOSE = (*mesh.NOSE_RIDGE, 1, 2, 98, 327)
JAW = tuple(
    point for point in mesh.OVAL if point not in (10, 338, 297, 332, 284, 54, 103, 67, 109, 21, 251)
)
COVERED = (*JAW, *mesh.RIGHT_BROW, *mesh.LEFT_BROW, *NOSE, *mesh.LIDS, *mesh.LIPS)
EYES = (
    *(mesh.RIGHT_EYE_OUTER, mesh.RIGHT_EYE_INNER, *mesh.RIGHT_LID_MIDDLES),
    *(mesh.LEFT_EYE_INNER, mesh.LEFT_EYE_OUTER, *mesh.LEFT_LID_MIDDLES),
)
LIP_CORNERS = (mesh.RIGHT_MOUTH_CORNER, mesh.LEFT_MOUTH_CORNER)
MOST_SHRINK = 2.0  # source pixels per crop pixel that bilinear reading bears without aliasing


@dataclass(frozen=True, slots=True)
class CropSquare:
    """A square in a picture: centre (2,), side (), and a unit vector (2,) along its upper edge."""

    centre: Tensor
    side: Tensor
    right: Tensor

    def transform(self, size: int = CROP) -> CropTransform:
        """From pixels of the crop to pixels of the picture, for a crop of ``size`` pixels a side.

        The square's centre is the middle of the pixel after the crop's own: LivePortrait's crops
        lie there, as it counts pixels from their middles.
        """
        down = torch.stack([-self.right[1], self.right[0]])
        axes = torch.stack([self.right, down], 1) * self.side / size  # (2, 2)
        corner = self.centre - axes.sum(1) * (size / 2 + 0.5)
        return CropTransform(torch.cat([axes, corner[:, None]], 1), size)


def crop_square(
    points: Tensor, eyes: Tensor, lips: Tensor, scale: float = SCALE, up: float = RAISE
) -> CropSquare:
    """LivePortrait's crop of a face with the given (N, 2) points.

    ``eyes`` (2,) is the middle between both eyes, ``lips`` (2,) the middle of the mouth; they tell
    which way is down. ``up`` raises the square, in its own sides.
    """
    down = lips - eyes
    down = down / down.norm().clamp(min=1e-3)
    right = torch.stack([down[1], -down[0]])
    offsets = points - points.mean(0)
    x, y = offsets @ right, offsets @ down
    side = torch.maximum(x.amax() - x.amin(), y.amax() - y.amin()) * scale
    across, along = (x.amax() + x.amin()) / 2, (y.amax() + y.amin()) / 2
    centre = points.mean(0) + right * across + down * along - down * up * side
    return CropSquare(centre, side, right)


def upright_square(
    points: Tensor, eyes: Tensor, lips: Tensor, scale: float = DRIVING_SCALE
) -> CropSquare:
    """The crop of a driving video: the same square, not turned."""
    square = crop_square(points, eyes, lips, scale, DRIVING_RAISE)
    return CropSquare(square.centre, square.side, square.right.new_tensor([1.0, 0.0]))


def face_points(landmarks: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(478, 3) mesh landmarks to the points, eyes and lips that the crop rule takes."""
    flat = landmarks[:, :2]
    return flat[list(COVERED)], flat[list(EYES)].mean(0), flat[list(LIP_CORNERS)].mean(0)


def crop_image(image: Tensor, transform: CropTransform) -> Tensor:
    """The crop (1, C, size, size) of a picture (1, C, H, W), bilinear, black outside.

    A large face is shrunk first, so that nothing aliases; up to two picture pixels per crop pixel
    the result is LivePortrait's own.
    """
    matrix = transform.matrix
    shrink = float(matrix[:, 0].norm()) / MOST_SHRINK
    if shrink > 1:
        height, width = (max(1, round(side / shrink)) for side in image.shape[-2:])
        scale = matrix.new_tensor([[width / image.shape[-1]], [height / image.shape[-2]]])
        image = F.interpolate(image, (height, width), mode="bilinear", antialias=True)
        matrix = matrix * scale
    matrix = matrix.to(image)
    centres = pixel_centres(0, 0, transform.size, transform.size, image)
    return read(image, centres @ matrix[:, :2].T + matrix[:, 2])


def pixel_centres(left: int, top: int, right: int, bottom: int, like: Tensor) -> Tensor:
    """(h, w, 2) x and y of the middles of pixels in a box."""
    x = torch.arange(left, right, device=like.device, dtype=like.dtype) + 0.5
    y = torch.arange(top, bottom, device=like.device, dtype=like.dtype) + 0.5
    y, x = torch.meshgrid(y, x, indexing="ij")
    return torch.stack([x, y], -1)


def read(image: Tensor, places: Tensor) -> Tensor:
    """(B, C, H, W) at places (h, w, 2), x and y in pixels: bilinear, zero outside, (B, C, h, w)."""
    size = places.new_tensor([image.shape[-1], image.shape[-2]])
    grid = (2 * places / size - 1).expand(len(image), -1, -1, -1)
    return F.grid_sample(image, grid, align_corners=False)


def network_input(crop: Tensor) -> Tensor:
    """(B, C, 512, 512) crops to the (B, C, 256, 256) that the networks see: means of four."""
    return F.avg_pool2d(crop, CROP // INPUT)


def to_crop(points: Tensor, transform: CropTransform) -> Tensor:
    """(N, 2 or 3) pixels of the picture to pixels of the crop; z keeps to the same scale."""
    axes, corner = transform.matrix[:, :2], transform.matrix[:, 2]
    flat = torch.linalg.solve(axes, (points[:, :2] - corner).T).T
    return torch.cat([flat, points[:, 2:] / axes[:, 0].norm()], 1)
