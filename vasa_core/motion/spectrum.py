"""Motion is slow: the change of basis in which it is as white as the noise that drowns it.

White noise drowns the small fast part of a motion long before the large slow part, so a diffusion
model spends most of its steps on where the head is and few on how it moves. Here a window is turned
to its principal directions, and each divided, in its cosine transform over time, by the spread that
motion has at each frequency. What is left has unit variance everywhere; noise, sampler and plain L2
then treat slow and fast, head and brows alike.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

FLOOR = 0.004  # least spread, in spreads of the motion


def cosine_basis(frames: int) -> Tensor:
    """(W, W) orthonormal DCT-II: row f is the f-th cosine."""
    time = torch.arange(frames, dtype=torch.float64) + 0.5
    basis = torch.cos(torch.pi / frames * torch.arange(frames)[:, None] * time)
    basis[0] /= math.sqrt(2)
    return (basis * math.sqrt(2 / frames)).float()


class Whitening(nn.Module):
    """Motion windows (B, W, D) to white ones and back; nothing is learned by descent.

    directions  (D, D)  orthonormal, one principal direction a column
    spectrum    (W, D)  spread of each direction's cosine coefficients
    """

    def __init__(self, window: int, motion: int):
        super().__init__()
        self.register_buffer("directions", torch.eye(motion))
        self.register_buffer("spectrum", torch.ones(window, motion))
        self.register_buffer("basis", cosine_basis(window), persistent=False)

    def fit(self, windows: Tensor) -> None:
        """Take directions and spectrum from (B, W, D) windows of mean zero."""
        flat = windows.flatten(0, 1).double()
        self.directions.copy_(torch.linalg.eigh(flat.T @ flat / len(flat)).eigenvectors)
        coefficients = torch.einsum("fw,bwd->bfd", self.basis, windows @ self.directions)
        self.spectrum.copy_(coefficients.square().mean(0).sqrt().clamp(min=FLOOR))

    def whiten(self, motion: Tensor) -> Tensor:
        """(B, W, D) motion to white windows."""
        return self._filtered(motion @ self.directions, 1 / self.spectrum)

    def color(self, white: Tensor) -> Tensor:
        """(B, W, D) white windows to the motion that they stand for."""
        return self._filtered(white, self.spectrum) @ self.directions.mT

    def _filtered(self, windows: Tensor, spectrum: Tensor) -> Tensor:
        matrices = torch.einsum("fw,fd,fv->dwv", self.basis, spectrum, self.basis)
        return torch.einsum("dwv,bvd->bwd", matrices, windows)
