"""Resizes a square as OpenCV does, with which the founders cut their crops of faces.

Smaller by INTER_AREA, each pixel the mean of what it covers; larger by INTER_CUBIC. With the same
JPEG encoder the crops come out byte for byte.
"""

from __future__ import annotations

import numpy as np

SHARPNESS = -0.75  # of OpenCV's cubic; Pillow's has -0.5


def resize_square(pixels: np.ndarray, side: int) -> np.ndarray:
    """(L, L, 3) uint8 pixels at another side, (side, side, 3) uint8."""
    length = len(pixels)
    weights = _area(length, side) if length >= side else _cubic(length, side)
    rows = (weights @ pixels.reshape(length, -1)).reshape(side, length, 3)
    both = np.einsum("ij,kjc->kic", weights, rows, optimize=True)
    return np.clip(np.floor(both + 0.5), 0, 255).astype(np.uint8)


def _area(length: int, side: int) -> np.ndarray:
    """(side, length) shares of the old pixels in each new one."""
    edges = np.linspace(0, length, side + 1)
    old = np.arange(length)
    last = np.minimum(edges[1:, None], old + 1)
    first = np.maximum(edges[:-1, None], old)
    return np.clip(last - first, 0, None) * side / length


def _cubic(length: int, side: int) -> np.ndarray:
    """(side, length) weights of the four nearest old pixels, the outermost ones repeated."""
    weights = np.zeros((side, length))
    new = np.arange(side)
    centre = (new + 0.5) * length / side - 0.5
    for offset in (-1, 0, 1, 2):
        old = np.floor(centre).astype(int) + offset
        far = np.abs(centre - old)
        near = ((SHARPNESS + 2) * far - (SHARPNESS + 3)) * far**2 + 1
        tail = SHARPNESS * (((far - 5) * far + 8) * far - 4)
        share = np.where(far <= 1, near, tail)
        np.add.at(weights, (new, np.clip(old, 0, length - 1)), share)
    return weights
