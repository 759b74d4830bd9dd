"""Square crops: where one lies in an image, cutting it out, and carrying points across.

A frame is a (2, 3) matrix that maps crop coordinates (u right, v down, the crop spans -1..1)
to image pixels: ``image = frame @ (u, v, 1)``. It is always a
similarity (rotation, size, position). Pixel coordinates are continuous: the first pixel covers
0..1 and its centre lies at 0.5.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def make_frames(centre: Tensor, half: Tensor, angle: Tensor) -> Tensor:
    """Frames (B, 2, 3) from centre (B, 2) and half side (B,) in pixels and roll (B,) in radians,
    clockwise as seen."""
    cos, sin = half * torch.cos(angle), half * torch.sin(angle)
    turn = torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], -2)
    return torch.cat([turn, centre[..., None]], -1)


def frame_size(frames: Tensor) -> Tensor:
    """Half side (B,) of frames (B, 2, 3), in pixels."""
    return torch.linalg.vector_norm(frames[..., :, 0], dim=-1)


def frame_angle(frames: Tensor) -> Tensor:
    """Roll (B,) of frames (B, 2, 3), in radians, clockwise as seen."""
    return torch.atan2(frames[..., 1, 0], frames[..., 0, 0])


def fit_frames(points: Tensor, mean: Tensor) -> Tensor:
    """Frames (B, 2, 3) in which points (B, K, 2+) lie closest to ``mean`` (K, 2+) (least squares).

    A similarity in the plane is a complex number times the mean plus another: image = a * mean + b.
    """
    centre, middle = points[..., :2].mean(-2), mean[..., :2].mean(-2)
    p, m = points[..., :2] - centre[..., None, :], mean[..., :2] - middle
    norm = m.square().sum()
    real = (p * m).sum((-1, -2)) / norm
    imaginary = (p[..., 1] * m[..., 0] - p[..., 0] * m[..., 1]).sum(-1) / norm
    turn = torch.stack(
        [torch.stack([real, -imaginary], -1), torch.stack([imaginary, real], -1)], -2
    )
    return torch.cat([turn, (centre - turn @ middle)[..., None]], -1)


def to_image(points: Tensor, frames: Tensor) -> Tensor:
    """Points (B, K, 2 or 3) from crop coordinates to pixels; z grows with the crop's size."""
    plane = turned(points, frames[..., 0, 0], frames[..., 1, 0]) + frames[..., None, :, 2]
    return torch.cat([plane, points[..., 2:] * frame_size(frames)[..., None, None]], -1)


def turned(points: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """x + iy of points (B, K, 2+) times cos + i sin (B,); faster than a matrix product."""
    x, y, cos, sin = points[..., 0], points[..., 1], cos[..., None], sin[..., None]
    return torch.stack([cos * x - sin * y, sin * x + cos * y], -1)


def to_crop(points: Tensor, frames: Tensor) -> Tensor:
    """Points (B, K, 2 or 3) from pixels to crop coordinates."""
    size = frame_size(frames)
    from_centre = points[..., :2] - frames[..., None, :, 2]
    plane = turned(from_centre, frames[..., 0, 0] / size**2, -frames[..., 1, 0] / size**2)
    return torch.cat([plane, points[..., 2:] / size[..., None, None]], -1)


def turned_back(frames: Tensor, quarters: int, height: int, width: int) -> Tensor:
    """Frames (B, 2, 3) of a turned picture as frames of the picture as it was.

    That was ``height`` x ``width`` pixels, and turned anticlockwise by ``quarters`` quarter turns.
    """
    turn, corner = (
        ([[1, 0], [0, 1]], [0, 0]),
        ([[0, -1], [1, 0]], [width, 0]),
        ([[-1, 0], [0, -1]], [width, height]),
        ([[0, 1], [-1, 0]], [0, height]),
    )[quarters]
    frames = frames.new_tensor(turn) @ frames
    frames[..., 2] += frames.new_tensor(corner)
    return frames


def crop_grid(frames: Tensor, height: int, width: int) -> Tensor:
    """Image positions (B, height, width, 2) of the centres of a crop's pixels.

    A crop that is not square keeps u in -1..1 and shortens v.
    """
    u = (torch.arange(width, device=frames.device, dtype=frames.dtype) + 0.5) * 2 / width - 1
    v = (torch.arange(height, device=frames.device, dtype=frames.dtype) + 0.5) * 2 / width
    v = v - height / width
    grid = torch.stack(torch.meshgrid(u, v, indexing="xy"), -1).reshape(1, height * width, 2)
    return to_image(grid.expand(len(frames), -1, -1), frames).view(-1, height, width, 2)


def sample(image: Tensor, positions: Tensor) -> Tensor:
    """Read image (B, C, H, W) at pixel positions (B, h, w, 2); past the edge the edge repeats."""
    size = torch.tensor(image.shape[:-3:-1], device=image.device, dtype=image.dtype)
    grid = positions * 2 / size - 1
    return F.grid_sample(image, grid, "bilinear", "border", align_corners=False)


def crop_at(image: Tensor, frames: Tensor, height: int, width: int) -> Tensor:
    """Crops (B, 3, height, width) of one image (1, 3, H, W) at frames (B, 2, 3).

    A crop smaller than what it shows is read from an image halved as often as needed, so that
    it does not alias.
    """
    crops = []
    for frame in frames[:, None]:
        positions = crop_grid(frame, height, width)
        ratio = float(frame_size(frame)) * 2 / width
        halvings = max(0, math.floor(math.log2(max(ratio, 1e-6)) + 0.25))
        source, corner = around(image, positions)
        positions = positions - corner
        for _ in range(halvings):
            if min(source.shape[-2:]) < 2:
                break
            source = halved(source)
            positions = positions / 2
        crops.append(sample(source, positions))
    return torch.cat(crops)


def halved(image: Tensor) -> Tensor:
    """Means of 2 x 2 pixels; an odd last row or column is dropped."""
    height, width = image.shape[-2] // 2 * 2, image.shape[-1] // 2 * 2
    return F.interpolate(
        image[..., :height, :width], scale_factor=0.5, mode="bilinear", align_corners=False
    )


def around(image: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
    """The part of an image (1, 3, H, W) that holds the positions (1, h, w, 2), and its corner."""
    height, width = image.shape[-2:]
    corners = positions[0, :: positions.shape[1] - 1, :: positions.shape[2] - 1].reshape(4, 2)
    low, high = corners.amin(0).floor().tolist(), corners.amax(0).ceil().tolist()
    left, top = int(min(max(low[0] - 2, 0), width - 1)), int(min(max(low[1] - 2, 0), height - 1))
    right = max(min(int(high[0]) + 3, width), left + 1)
    bottom = max(min(int(high[1]) + 3, height), top + 1)
    corner = torch.tensor([left, top], device=positions.device, dtype=positions.dtype)
    return image[..., top:bottom, left:right], corner
