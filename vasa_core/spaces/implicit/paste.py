"""Putting the painted crop back into the full picture, with a soft edge."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...types import CropTransform
from ..curves import smoothstep
from .crop import pixel_centres, read

FADE = 0.08  # width of the soft edge, in sides of the crop
# Behind the picture's own edge the crop is black: crop pixels from there to where nothing of the
# crop is shown, and to where all of it is.
RIM = (1.0, 4.0)
MARGIN = 2  # pixels around the crop's corners


@dataclass(frozen=True, slots=True, repr=False)
class PastePlace:
    """Where a crop goes in a picture; made once per portrait.

    left, top, right, bottom  box in the picture's pixels
    places (h, w, 2)          pixel of the crop for each pixel of the box
    mask   (1, 1, h, w)       1 where the crop is shown, 0 where the picture stays, soft between
    """

    left: int
    top: int
    right: int
    bottom: int
    places: Tensor
    mask: Tensor


def edge_mask(places: Tensor, size: int) -> Tensor:
    """(h, w, 2) pixels of a crop of ``size`` to (h, w): 1 inside, fading to 0 at its border."""
    depth = torch.minimum(places, size - places).amin(-1) / (FADE * size)
    return smoothstep(depth, 0.0, 1.0)


def crop_mask(crops: Tensor) -> Tensor:
    """The (1, 1, size, size) mask of (B, C, size, size) crops."""
    size = crops.shape[-1]
    return edge_mask(pixel_centres(0, 0, size, size, crops), size)[None, None]


def paste_place(transform: CropTransform, height: int, width: int) -> PastePlace:
    """Where the crop of ``transform`` lies in a picture of that size."""
    matrix, size = transform.matrix, transform.size
    corners = matrix.new_tensor([[0, 0, 1], [size, 0, 1], [0, size, 1], [size, size, 1]])
    low = (corners @ matrix.T).amin(0).floor().int() - MARGIN
    high = (corners @ matrix.T).amax(0).ceil().int() + MARGIN
    (left, top), (right, bottom) = low.clamp(min=0).tolist(), high.tolist()
    right, bottom = min(right, width), min(bottom, height)
    pixels = pixel_centres(left, top, right, bottom, matrix)
    places = (pixels - matrix[:, 2]) @ torch.linalg.inv(matrix[:, :2]).T
    rim = torch.minimum(pixels, pixels.new_tensor([width, height]) - pixels).amin(-1)
    rim = ((rim / matrix[:, 0].norm() - RIM[0]) / (RIM[1] - RIM[0])).clamp(0, 1)
    return PastePlace(left, top, right, bottom, places, (edge_mask(places, size) * rim)[None, None])


def paste(picture: Tensor, painted: Tensor, place: PastePlace) -> Tensor:
    """(1, C, H, W) picture and (B, C, size, size) crops to (B, C, H, W) full frames.

    Where the mask is zero, the picture bit by bit.
    """
    frames = picture.expand(len(painted), -1, -1, -1).clone()
    box = frames[..., place.top : place.bottom, place.left : place.right]
    box.copy_(blend(box, read(painted, place.places), place.mask))
    return frames


def picture_mask(place: PastePlace, height: int, width: int) -> Tensor:
    """(1, H, W): the mask in a picture of that size."""
    picture = place.mask.new_zeros(1, height, width)
    picture[:, place.top : place.bottom, place.left : place.right] = place.mask[0]
    return picture


def with_channel(pictures: Tensor, channel: Tensor | float) -> Tensor:
    """(B, C, H, W) and one more channel: a value, or (1, 1, H, W)."""
    extra = torch.as_tensor(channel).to(pictures).expand(len(pictures), 1, *pictures.shape[-2:])
    return torch.cat([pictures, extra], 1)


def blend(below: Tensor, above: Tensor, mask: Tensor) -> Tensor:
    """``above`` where ``mask`` is 1, ``below`` where it is 0, mixed between; one shape each."""
    return torch.lerp(below, above, mask.expand_as(above))
