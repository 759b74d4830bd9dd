"""Frames against the real frames: the usual errors, in the face's box and in those of its parts."""

from __future__ import annotations

import torch
from skimage import metrics
from torch import Tensor

from ...face.geometry import eye_distance
from ...face.topology import LIDS, LIPS

PARTS = {"face": slice(None), "mouth": list(LIPS), "eyes": list(LIDS)}
MARGINS = {"face": 0.0, "mouth": 0.12, "eyes": 0.08}  # around their points, in eye distances
WINDOW = 11  # pixels of SSIM's window: 3.5 standard deviations either way
HIGHEST = 80.0  # dB


def structural_similarity(one: Tensor, other: Tensor) -> float:
    """Mean SSIM of (3, H, W) pictures, 0..1, over their channels; nan under ``WINDOW`` pixels.

    As Wang et al. 2004 define it (a Gaussian window of 1.5 pixels, weighted moments), by
    scikit-image, which leaves out the five pixels at the border that no whole window covers.
    """
    if min(one.shape[-2:]) < WINDOW:
        return float("nan")
    value = metrics.structural_similarity(
        one.numpy(),
        other.numpy(),
        channel_axis=0,
        data_range=1,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    # not annotated in scikit-image: a tuple only where gradient or full are asked for
    return float(value)  # pyright: ignore[reportArgumentType]


def signal_to_noise(one: Tensor, other: Tensor) -> float:
    """PSNR in dB of pictures, 0..1; ``HIGHEST`` at most, as for the same picture twice."""
    if torch.equal(one, other):
        return HIGHEST
    ratio = metrics.peak_signal_noise_ratio(one.numpy(), other.numpy(), data_range=1)
    return min(HIGHEST, float(ratio))


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
        "psnr": signal_to_noise(made[face], real[face]),
        "ssim": structural_similarity(made[face], real[face]),
        "l1": errors["face"],
        "mouth_l1": errors["mouth"],
        "eyes_l1": errors["eyes"],
    }
