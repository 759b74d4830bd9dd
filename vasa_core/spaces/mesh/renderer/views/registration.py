"""Registers another photo of a person with the portrait: place, size and roll of the head agree.

Then everything that is prepared from it is in the portrait's own working pixels, and what is still
different is what a photo is added for: how the head is turned, and what the face does.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .....face.basis import FaceBasis
from .....face.geometry import RigidFit, own_roll
from .....face.measure import FaceMeasure
from ..geometry.lattice import cell_centres


@dataclass(frozen=True, slots=True)
class RegisteredPhoto:
    """A photo in the working pixels of a portrait.

    picture   (1, 3, h, w)  0..1; the photo's edges are repeated beyond it
    seen      (1, 1, h, w)  1 inside the photo, 0 beyond it
    working                 its face, measured there
    """

    picture: Tensor
    seen: Tensor
    working: FaceMeasure


def register_photo(
    image: Tensor, photo: FaceMeasure, basis: FaceBasis, place: RigidFit, height: int, width: int
) -> RegisteredPhoto:
    """(1, 3, H, W) image and the face in it, turned, sized and shifted in the picture plane.

    ``place`` is the portrait's pose (of one face) in a working picture of ``height`` x ``width``;
    faces are measured with ``basis``.
    """
    factor = (place.scale / photo.pose.scale)[0]
    if factor < 1:  # smaller by averaging; what is left is a matter of interpolation
        size = [max(1, round(side * factor.item())) for side in image.shape[-2:]]
        image, landmarks = _resized(image, photo.landmarks, size)
        photo = basis.measure(landmarks)
        factor = (place.scale / photo.pose.scale)[0]
    pose = photo.pose
    turn = factor * own_roll(place.rotation[0]) @ own_roll(pose.rotation[0]).mT
    landmarks = (photo.landmarks - pose.shift[0]) @ turn.mT + place.shift[0]
    box = landmarks.new_tensor([width, height])
    pixels = cell_centres(torch.zeros_like(box), box, height, width).permute(1, 2, 0)
    points = (pixels - place.shift[0, :2]) @ torch.linalg.inv(turn[:2, :2]).mT + pose.shift[0, :2]
    size = points.new_tensor([image.shape[-1], image.shape[-2]])
    grid = (2 * points / size - 1)[None].to(image)
    picture = F.grid_sample(image, grid, "bicubic", "border", align_corners=False).clamp(0, 1)
    seen = F.grid_sample(torch.ones_like(image[:, :1]), grid, "bilinear", align_corners=False)
    return RegisteredPhoto(picture, seen, basis.measure(landmarks))


def _resized(image: Tensor, landmarks: Tensor, size: list[int]) -> tuple[Tensor, Tensor]:
    """The image at ``size`` (height, width), and its landmarks."""
    across, down = size[1] / image.shape[-1], size[0] / image.shape[-2]
    picture = F.interpolate(image, size, mode="bicubic", antialias=True).clamp(0, 1)
    return picture, landmarks * landmarks.new_tensor([across, down, across])
