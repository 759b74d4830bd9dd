"""Glasses drawn on training faces: few of the pictures that may train have any."""

from __future__ import annotations

import torch
from torch import Tensor

from ....face import topology as mesh

EYES = (  # outer corner, inner corner, where the temple ends at the ear
    (mesh.RIGHT_EYE_OUTER, mesh.RIGHT_EYE_INNER, mesh.RIGHT_TEMPLE),
    (mesh.LEFT_EYE_OUTER, mesh.LEFT_EYE_INNER, mesh.LEFT_TEMPLE),
)


def put_on_glasses(
    crops: Tensor, positions: Tensor, points: Tensor, generator: torch.Generator, share: float = 0.2
) -> Tensor:
    """Crops (B, 3, h, w), a ``share`` of them with glasses; a third of those are sunglasses.

    positions (B, h, w, 2) and points (B, V, 3) are pixels of the stored picture.
    """
    some = torch.nonzero(torch.rand(len(crops), generator=generator) < share)[:, 0]
    if not len(some):
        return crops
    count, points, positions = len(some), points[some, :, :2], positions[some]

    def between(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, 1, 1, generator=generator)

    across = points[:, mesh.LEFT_EYE_OUTER] - points[:, mesh.RIGHT_EYE_OUTER]
    unit = torch.linalg.vector_norm(across, dim=-1)[:, None, None]
    axis = across[:, None, None] / unit[..., None]
    half_width, half_height, drop = between(0.62, 0.85), between(0.12, 0.23), between(-0.02, 0.06)
    power, thick = between(2, 4.5), between(0.012, 0.045)
    lens, rim = torch.zeros_like(positions[..., 0]), torch.zeros_like(positions[..., 0])
    sides = []
    for outer, inner, ear in EYES:
        width = torch.linalg.vector_norm(points[:, outer] - points[:, inner], dim=-1)[:, None, None]
        centre = (points[:, outer] + points[:, inner])[:, None, None] / 2
        away = positions - centre
        x = (away * axis).sum(-1)
        y = axis[..., 0] * away[..., 1] - axis[..., 1] * away[..., 0] - drop * unit
        a, b = half_width * width, half_height * unit
        radius = ((x / a).abs() ** power + (y / b).abs() ** power) ** (1 / power)
        lens = torch.maximum(lens, (radius < 1).float())
        rim = torch.maximum(rim, ((radius - 1).abs() * b < thick * unit).float())
        sides.append((centre, axis * a[..., None], points[:, ear][:, None, None]))
    (right, to_right, right_ear), (left, to_left, left_ear) = sides
    for start, end in (
        (right + to_right, left - to_left),
        (right - to_right, right_ear),
        (left + to_left, left_ear),
    ):
        rim = torch.maximum(rim, (to_segment(positions, start, end) < 0.7 * thick * unit).float())
    dark = torch.rand(count, 1, 1, 1, generator=generator) < 0.7
    colour = torch.rand(count, 3, 1, 1, generator=generator) * torch.where(dark, 0.25, 1.0)
    sun = between(0, 1) < 0.33
    tint = torch.where(sun, between(0.55, 1.0), between(0, 0.15))
    shade = torch.where(sun[:, None], colour * 0.5, torch.ones(()))
    drawn = torch.lerp(crops[some], shade, (lens * tint)[:, None])
    crops = crops.clone()
    crops[some] = torch.lerp(drawn, colour, rim[:, None] * between(0.6, 1.0)[:, None])
    return crops


def to_segment(positions: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """Distance (B, h, w) of positions (B, h, w, 2) to segments, start and end (B, 1, 1, 2)."""
    along = end - start
    part = ((positions - start) * along).sum(-1) / along.square().sum(-1).clamp(min=1e-6)
    nearest = start + part.clamp(0, 1)[..., None] * along
    return torch.linalg.vector_norm(positions - nearest, dim=-1)
