"""Frames against the real frames: the usual errors, in the face's box and in those of its parts."""

from __future__ import annotations

import torch
from torch import Tensor

from ...face.geometry import eye_distance
from ...face.topology import LIDS, LIPS
from ...render.blur import gaussian_blur

PARTS = {"face": slice(None), "mouth": list(LIPS), "eyes": list(LIDS)}
MARGINS = {"face": 0.0, "mouth": 0.12, "eyes": 0.08}  # around their points, in eye distances


def structural_similarity(one: Tensor, other: Tensor) -> Tensor:
    """Mean SSIM (Wang et al. 2004) of (B, 3, H, W) pictures, Gaussian window of 1.5 pixels."""
    means = [gaussian_blur(x, 1.5) for x in (one, other)]
    variances = [
        gaussian_blur(x * x, 1.5) - m * m for x, m in zip((one, other), means, strict=True)
    ]
    covariance = gaussian_blur(one * other, 1.5) - means[0] * means[1]
    light = (2 * means[0] * means[1] + 1e-4) / (means[0] ** 2 + means[1] ** 2 + 1e-4)
    return (light * (2 * covariance + 9e-4) / (variances[0] + variances[1] + 9e-4)).mean()


def signal_to_noise(one: Tensor, other: Tensor) -> Tensor:
    """PSNR in dB of pictures, 0..1."""
    return -10 * torch.log10((one - other).square().mean().clamp(min=1e-8))


def box_around(points: Tensor, margin: Tensor | float, frame: Tensor) -> tuple:
    """Index of the box around points (N, 2) in pictures (..., H, W) like ``frame``."""
    (left, top), (right, bottom) = points.amin(0) - margin, points.amax(0) + margin
    height, width = frame.shape[-2:]
    return (
        ...,
        slice(max(0, int(top)), min(height, int(bottom) + 1)),
        slice(max(0, int(left)), min(width, int(right) + 1)),
    )


def boxes(landmarks: Tensor, frame: Tensor) -> dict[str, tuple]:
    """Where face, mouth and eyes of (V, 3) landmarks lie in a frame (..., H, W)."""
    unit = eye_distance(landmarks)
    return {
        name: box_around(landmarks[part, :2], MARGINS[name] * unit, frame)
        for name, part in PARTS.items()
    }


def picture_errors(made: Tensor, real: Tensor, landmarks: Tensor) -> dict[str, float]:
    """Errors of a frame (3, H, W) against the real one, whose face has (V, 3) landmarks."""
    where = boxes(landmarks, real)
    errors = {name: float((made[box] - real[box]).abs().mean()) for name, box in where.items()}
    face = where["face"]
    return {
        "psnr": float(signal_to_noise(made[face], real[face])),
        "ssim": float(structural_similarity(made[face][None], real[face][None])),
        "l1": errors["face"],
        "mouth_l1": errors["mouth"],
        "eyes_l1": errors["eyes"],
    }
